// Markets: stopped and resumed, what is listed, and the numbers that the desk may change.
import { field, node } from "/desk/page.js";
import { act, card, choice, decide, facts, link, list, look, mark, soft } from "./admin.js";

const STOPS = { HALT: "HALT: no new orders", BREAK: "BREAK: a pause", CANCEL_ONLY: "CANCEL_ONLY: orders may only be cancelled", END_OF_DAY: "END_OF_DAY: closed" };

export async function markets(me, symbol) {
  if (!me.may("SEE_SETTINGS")) return [byName(me)];
  const [found, assets, parameters] = await Promise.all([look("market_list"), look("asset_list"), look("parameter_list", { market: symbol })]);
  const of = symbol ? `Numbers of ${symbol}` : "Numbers of the whole exchange";
  return [card("Markets", list(found.map((row) => market(row, me)), "None is listed. A market needs two assets; then it appears here."),
    me.may("LIST_MARKET") ? decide("List a market", [text("Symbol", "symbol", "as BTCUSDT"), text("Base asset", "base", "what is traded"),
      text("Quote asset", "quote", "what it is paid with"), text("Tick", "tick", "the smallest step of a price, as 0.01"),
      text("Lot", "lot", "the smallest step of a quantity")], "List it", (values) => act("market_add", values, `${values.symbol} is listed.`)) : ""),
  card("Assets", list(assets.map((row) => node("li", {}, node("div", {}, `${row.symbol}: ${row.name}`), node("span", { class: "soft" }, `${row.decimals} decimals`))),
    "None is listed. Assets come before markets."),
  me.may("LIST_ASSET") ? decide("List an asset", [text("Symbol", "symbol", "as BTC"), text("Name", "name", ""),
    field("Decimals", { name: "decimals", type: "number", min: 0, max: 18, required: true, value: 8 }, "8 unless you know why")], "List it",
  (values) => act("asset_add", { ...values, decimals: Number(values.decimals) }, `${values.symbol} is listed.`)) : ""),
  card(of, symbol ? link("#markets", "Those of the whole exchange") : soft("Those of one market: choose it above."),
    list(parameters.map((row) => parameter(row, symbol, me)), "None."))];
}

const text = (title, name, hint) => field(title, { name, required: true, maxlength: 60 }, hint);

const told = (symbol, state) => `${symbol} is ${state}.`;

function market(row, me) {
  const to = (state) => act("market_state", { symbol: row.symbol, state }, told(row.symbol, state));
  const trades = row.state === "TRADING";
  return node("li", { class: "tall" }, node("strong", {}, link("#markets/" + encodeURIComponent(row.symbol), row.symbol), " "), mark(row.state, trades ? "good" : "bad"),
    facts([["Tick", row.tick], ["Lot", row.lot], ["Fees", `maker ${row.maker_fee_ppm} ppm, taker ${row.taker_fee_ppm} ppm`]]),
    me.may("HALT_MARKET") ? decide(trades ? "Stop it" : "Change how it is stopped", [choice("To", "state", STOPS)], "Stop it", ({ state }) => to(state)) : "",
    me.may("RESUME_MARKET") && !trades ? decide("Resume it", [soft("Orders are taken again at once.")], "Resume it", () => to("TRADING")) : "");
}

// For who may stop a market and not see the settings.
function byName(me) {
  const states = { ...(me.may("HALT_MARKET") ? STOPS : {}), ...(me.may("RESUME_MARKET") ? { TRADING: "TRADING: orders are taken again" } : {}) };
  return card("Stop or resume a market", decide("By its symbol", [text("Symbol", "symbol", "as BTCUSDT"), choice("To", "state", states)], "Do it",
    (values) => act("market_state", values, told(values.symbol, values.state))));
}

function parameter(row, symbol, me) {
  const fee = row.name.endsWith("_FEE_PPM");
  const fields = [field("Value", { name: "value", type: "number", min: row.low, max: row.high, required: true, value: row.value }, `from ${row.low} to ${row.high}`)];
  if (fee) fields.push(field("Fee tier", { name: "tier", type: "number", min: 0, required: true, value: 0 }, "shown is tier 0"));
  const own = me.may("SET_PARAMETER") && row.name !== "MARKET_STATE";
  return node("li", { class: "tall" }, `${row.name}: ${row.value}`, soft(row.meaning), own ? decide(`Change ${row.name}`, fields, "Change it",
    ({ value, tier }) => act("parameter_set", { name: row.name, value: Number(value), market: symbol, tier: Number(tier || 0) }, `${row.name} is ${value}.`)) : "");
}
