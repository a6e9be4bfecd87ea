// Alarms: what stops money, and the act that ends it.
import { field, node } from "/desk/page.js";
import { act, atMember, card, decide, facts, link, list, look, mark, reason, soft, when } from "./admin.js";

export async function alarms(me) {
  let status, found;
  try {
    [status, found] = await Promise.all([look("custody_status"), look("custody_deposits", { found: true })]);
  } catch (wrong) {
    if (wrong.code !== "refused") throw wrong;
    return [soft(`There can be no alarms: ${wrong.message}.`)];
  }
  return [frozen(status, me), card("Open alarms", list(status.alarms.map((alarm) => one(alarm, status, me)),
    "There are none. A difference between chain and ledger appears here, and freezes withdrawals until somebody resolved it.")),
  card("Found", soft("Coin that came without a transaction of its own. It freezes nothing and is nobody's until it is released."),
    list(found.map((row) => came(row, me)), "Nothing was found. What a contract pays to a deposit address appears here.")),
  card("Chains", list(status.chains.map(chain), "No chain is served."))];
}

function frozen(status, me) {
  const text = status.frozen ? `Withdrawals are frozen: ${status.frozen}.` : "Withdrawals go on.";
  return card("Withdrawals", node("p", { class: status.frozen ? "said bad" : "said" }, text),
    status.frozen ? soft("Trading goes on. They go on too once every alarm is resolved and the chains answer. ") : "", link("#withdrawals", "What waits"),
    me.may("FREEZE_WITHDRAWALS") ? decide("Freeze all withdrawals", [reason("for whoever thaws them")], "Freeze",
      (values) => act("custody_freeze", values, "Withdrawals are frozen until the new alarm is resolved.")) : "");
}

function one(alarm, status, me) {
  const network = status.chains.find((each) => each.chain === alarm.chain)?.network || `chain ${alarm.chain}`;
  const made = [node("div", {}, alarm.reason), node("span", { class: "soft" }, `${network}, since ${when(alarm.raised_ns)}`)];
  if (!me.may("UNFREEZE_WITHDRAWALS")) made.push(soft("Who may UNFREEZE_WITHDRAWALS resolves it."));
  else made.push(
    decide("Resolve", [field("What was found and done", { name: "resolution", required: true, maxlength: 300 }, "it stands in the audit log; what is still wrong comes back with the next block")],
      "Resolve", (values) => act("custody_resolve", { alarm: alarm.id, resolution: values.resolution }, `Alarm ${alarm.id} is resolved.`)),
    decide("It is too much, and our own", [field("Address", { name: "address", required: true, maxlength: 42 }, "as the alarm names it"),
      field("Units", { name: "units", required: true, inputmode: "numeric", pattern: "[0-9]+" }, "all that is too much, in the chain's units"),
      field("Asset", { name: "asset", required: true, maxlength: 20 }, "its symbol"), reason("whose money it is, how it came there")],
    "Accept it", (values) => act("custody_accept", { network, ...values }, "Accepted; now resolve the alarm.")));
  return node("li", { class: "tall" }, node("strong", {}, `Alarm ${alarm.id} `), mark("open", "bad"), ...made);
}

function came(row, me) {
  const deposit = row.id;
  return node("li", { class: "tall" }, node("strong", {}, `${deposit}: ${row.amount} ${row.asset} over ${row.network}`),
    facts([["At", row.address], ["Member", row.member ? atMember(me, row.member) : "none: our own wallet"], ["Block", row.block], ["Note", row.note]]),
    me.may("CREDIT") && row.member ? decide("Release to the member", [reason("how it is known that they sent it")], "Release",
      (values) => act("custody_release", { deposit, member: row.member, reason: values.reason }, "Released; it is credited with the next block.")) : "",
    me.may("UNFREEZE_WITHDRAWALS") ? decide("It is not there", [reason("how it is known that the node lied")], "Forget it",
      (values) => act("custody_forget", { deposit, reason: values.reason }, "Forgotten; it comes back if it is found again.")) : "");
}

function chain(each) {
  const rows = each.reconciled.map((row) => node("details", {}, node("summary", {}, `${row.symbol} at block ${row.block}`),
    facts(Object.entries(row).filter(([name]) => !["asset", "symbol", "block"].includes(name)))));
  return node("li", { class: "tall" }, node("strong", {}, `${each.network} `),
    mark(each.failure ? "does not work" : "watched", each.failure ? "bad" : "good"),
    each.failure ? node("p", { class: "said bad" }, each.failure) : "",
    ...(rows.length ? rows : [soft("Not compared yet.")]));
}
