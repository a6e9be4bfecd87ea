// For everybody: the round that runs, pools, published days, and who has seats. What is behind the #
// says what is shown: nothing, pool/3 or day/5.
import { node, table } from "/desk/page.js";
import { day, days } from "./days.js";
import { pool, pools } from "./pools.js";
import { card, soft, time } from "./show.js";

const main = document.getElementById("main");
const PLACES = { pool, day };
const SEATS = 10; // shown at first
const NAMED = 12; // markets

export async function read(address) {
  let reply;
  try {
    reply = await fetch(address);
  } catch {
    throw new Error("The exchange cannot be reached; try again.");
  }
  const found = await reply.json();
  if (!reply.ok) throw new Error(found.error ? `${found.error}.` : `The exchange answered ${reply.status}.`);
  return found;
}

async function overview() {
  const merit = await read("/merit");
  const [all, rewards, { markets }] = await Promise.all([read("/pools"), read("/rewards"), read("/merit/markets")]);
  return [node("h1", {}, "Rounds, pools and rewards"), now(merit, markets), pools(merit, all), days(rewards.days), seats(merit)];
}

function now(merit, markets) {
  const p = merit.parameters;
  const until = merit.begin < 0 ? "it begins when something is first done here" : `this day ends ${time(merit.end)}`;
  return card("Now", node("p", {}, `Round ${merit.round}, day ${merit.day_in_round + 1} of ${merit.round_days}; ${until}.`),
    soft(`Of what a day emits ${p.POE_BP / 100} % go to proof of existence, ${p.STAKE_BP / 100} % to stake and the rest to pools; `
      + `rewards for trading are never worth more than ${p.CAP_POE_BP / 100} % of the fees behind them, and pools' not more than ${p.CAP_POOLS_BP / 100} %.`), soft(counting(markets)));
}

// A buyer's fee is taken in the coin bought, which in other markets may be worth nothing.
function counting(markets) {
  const sources = markets.filter((row) => row.price_source).map((row) => row.symbol);
  if (!sources.length) return "No market is a price source yet: what buyers pay counts nothing, what sellers pay counts.";
  const more = sources.length > NAMED ? ` and ${sources.length - NAMED} more (/merit/markets has all)` : "";
  return `Fees of sellers count in every market with a weight, fees of buyers in price sources: ${sources.slice(0, NAMED).join(", ")}${more}.`;
}

function seats(merit) {
  const { round, congress, senate, grand } = merit.seats;
  if (round === null) return card("Seats", soft("No round is over yet."));
  const names = ["Congress", "Senate"];
  return card(`Seats after round ${round}`,
    soft(`As computed off chain; the contract decides. The first 30 of the Senate are Grand Pool Masters: ${grand.length} now.`),
    ...[congress, senate].map((rows, at) => chamber(names[at], rows)));
}

// Short enough for a narrow screen; whole when pointed at, and in /merit.
const address = (whole) => node("span", { title: whole }, `${whole.slice(0, 8)}…${whole.slice(-6)}`);

function chamber(name, rows) {
  const place = node("div", {});
  const show = (count) => {
    const shown = rows.slice(0, count).map((row) => [String(row.rank), address(row.address),
      name === "Senate" ? node("a", { href: `#pool/${row.id}` }, `pool ${row.id}`) : `account ${row.id}`]);
    place.replaceChildren(node("h3", {}, `${name}: ${rows.length} of 101 seats`),
      rows.length ? table([["Rank", ""], ["Address", "text"], ["Of", "text"]], shown) : soft("Nobody qualifies."),
      count < rows.length ? node("button", { class: "quiet", onclick: () => show(rows.length) }, `All ${rows.length}`) : "");
  };
  show(SEATS);
  return place;
}

async function show() {
  const [kind, number] = location.hash.slice(1).split("/");
  try {
    const made = kind in PLACES && /^\d{1,9}$/.test(number) ? await PLACES[kind](number) : await overview();
    main.replaceChildren(...made);
  } catch (wrong) {
    main.replaceChildren(node("h1", {}, "Rounds, pools and rewards"), node("p", { class: "said bad", role: "alert" }, wrong.message));
  }
  window.scrollTo(0, 0);
}

window.addEventListener("hashchange", show);
show();
