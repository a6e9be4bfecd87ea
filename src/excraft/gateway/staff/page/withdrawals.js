// Withdrawals: what waits and why, the decision, and the limits that make things wait.
import { field, node } from "/desk/page.js";
import { act, atMember, card, choice, decide, facts, link, list, look, mark, person, reason, soft, when } from "./admin.js";

const LIMITS = {
  DAY_LIMIT: "Most within 24 hours, of an asset and a KYC level", APPROVE_ABOVE: "More than this needs approvals, of an asset",
  APPROVALS: "How many approvals, of an asset", COUNT_PER_HOUR: "Withdrawals of one account in an hour",
  NEW_ADDRESS_DELAY_S: "Seconds until a new address is paid", LIST_OFF_DELAY_S: "Seconds until the list mode ends",
  FACTOR_DELAY_S: "Seconds after a new password, app, passkey or wallet", SWEEP_ABOVE: "Sweep deposits above this, of an asset",
  HOT_MAX: "Most in the hot wallet, of an asset", HOT_KEEP: "What stays in the hot wallet, of an asset",
};
const ALL = "all";
const NO_END = "4611686018427387903"; // the most an amount can be: no limit

// The value of a limit for people; `asset` as asset_list has it, or undefined.
export function limitText(name, value, asset) {
  if (String(value) === NO_END) return "no limit";
  if (!asset || name === "APPROVALS") return String(value);
  const digits = String(value).padStart(asset.decimals + 1, "0");
  const whole = digits.length - asset.decimals;
  return `${digits.slice(0, whole)}${asset.decimals ? "." : ""}${digits.slice(whole)} ${asset.symbol}`;
}

export async function withdrawals(me, argument) {
  const made = me.may("SEE_CUSTODY") ? await waiting(me, argument === ALL) : [];
  return me.may("SEE_SETTINGS") ? [...made, await limits(me)] : made;
}

async function waiting(me, all) {
  let rows, status;
  try {
    [rows, status] = await Promise.all([look("withdrawal_list", { all }), look("wallet_status")]);
  } catch (wrong) {
    if (wrong.code !== "refused") throw wrong;
    return [soft(`There are no withdrawals: ${wrong.message}.`)];
  }
  const wallets = Object.entries(status.wallets).filter(([, why]) => why).map(([chain, why]) => `chain ${chain}: ${why}`);
  const wrong = [status.failure, status.frozen && `frozen: ${status.frozen}`, status.signer, ...wallets];
  return [...wrong.filter(Boolean).map((why) => node("p", { class: "said bad" }, why)),
    card(all ? "The newest" : "Open", list(rows.map((row) => shown(row, me)),
      "None is open. What members withdraw appears here until it is paid or ends."),
    all ? link("#withdrawals", "Only those that are open") : link("#withdrawals/" + ALL, "Also those that ended"))];
}

function shown(row, me) {
  const open = ["REQUESTED", "WAITING"].includes(row.state);
  const count = row.approved_by.length ? `approved by ${row.approved_by.map((who) => person(who, me)).join(", ")}` : "";
  const made = [facts([["To", row.destination], ["Member", atMember(me, row.member)], ["Asked for", when(row.requested_ns)],
    [open ? "It waits for" : "Note", row.note], ["Approvals", count], ["Why it ended", row.reason], ["Fee", row.fee],
    ["Asked through", row.origin], ["Transaction", row.transaction], ["Hash", row.hash]])];
  if (row.note === "the account is frozen") made.push(soft("It goes on when the account is unfrozen; refusing it gives the money back."));
  if (row.note.startsWith("withdrawals are frozen") && me.may("SEE_CUSTODY")) made.push(soft("It goes on when the alarms are resolved: "), link("#alarms", "Alarms"));
  if (open && row.member === me.member) made.push(soft("It is your own: another one decides it."));
  else if (open && row.approved_by.includes(me.who)) made.push(soft("You approved it; another one is needed."));
  else if (open && me.may("APPROVE_WITHDRAWAL")) made.push(decide("Approve", [
    node("p", {}, `Pay ${row.amount} ${row.asset} (with the fee of ${row.fee}) over ${row.network} to ${row.destination}. Compare the address.`)],
  "Approve", () => act("withdrawal_approve", { id: row.id, seen: row.hash }, `You approved withdrawal ${row.id}.`)));
  if ((open || row.state === "APPROVED") && me.may("REFUSE_WITHDRAWAL") && row.member !== me.member) made.push(decide("Refuse",
    [reason("the member reads it")], "Refuse", (values) => act("withdrawal_refuse", { id: row.id, reason: values.reason },
      `Withdrawal ${row.id} is refused; the money is the member's again.`)));
  return node("li", { class: "tall" }, node("strong", {}, `${row.id}: ${row.amount} ${row.asset} over ${row.network} `), mark(row.state), ...made);
}

async function limits(me) {
  let rows, assets;
  try {
    [rows, assets] = await Promise.all([look("withdrawal_limits"), look("asset_list")]);
  } catch (wrong) {
    if (wrong.code !== "refused") throw wrong;
    return "";
  }
  const set = rows.filter((row) => row.changed_ns);
  const value = (row) => limitText(row.name, row.value, assets.find((each) => each.symbol === row.asset));
  const of = (row) => [row.asset, row.level >= 0 ? `level ${row.level}` : ""].filter(Boolean).join(", ");
  const lines = (found) => found.map((row) => node("li", {}, node("div", {}, `${row.name}${of(row) ? ` (${of(row)})` : ""}: ${value(row)}`,
    node("br"), node("span", { class: "soft" }, LIMITS[row.name] || ""))));
  return card("Limits",
    list(lines(set), "None was set: the defaults hold."),
    node("details", {}, node("summary", {}, "Defaults"), list(lines(rows.filter((row) => !row.changed_ns)), "")),
    me.may("SET_LIMITS") ? decide("Set one", [choice("Limit", "name", LIMITS),
      field("Asset", { name: "asset", maxlength: 20 }, "its symbol, where the limit is of an asset"),
      field("Level", { name: "level", type: "number", min: 0, max: 3 }, "where the limit is of a KYC level"),
      field("Value", { name: "value", required: true, inputmode: "decimal" }, "an amount of the asset such as 0.5, or a whole number")],
    "Set it", (values) => act("withdrawal_limit_set", { name: values.name, value: values.value, asset: values.asset,
      level: values.level === "" ? -1 : Number(values.level) }, "The limit is set.")) : "");
}
