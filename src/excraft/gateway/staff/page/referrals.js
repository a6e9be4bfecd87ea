// Referrals: what is owed and was paid, and for one member codes, earnings and who referred them.
import { field, node } from "/desk/page.js";
import { act, card, decide, facts, list, look, reason, soft, when } from "./admin.js";

export async function referrals() {
  const found = await look("referral_payouts");
  return [card("Owed now", list(found.owed.map((one) => node("li", {}, node("div", {}, one.asset), one.amount)), "Nothing is owed to anybody."),
    soft(`Everything is paid at ${when(found.next_ns)}. The share that new referrals get is the number NEW_REFERRAL_SHARE_PPM under Markets.`)),
  card("Payouts", list(found.payouts.map((one) => node("li", {}, node("div", {}, when(one.due_ns)),
    node("span", { class: "soft" }, `${one.paid} paid, ${one.withheld} withheld (the same owner, or no referrer any more); done ${when(one.done_ns)}`))),
  "None yet: the first is at midnight UTC."))];
}

// The card of a member, for who may see personal details.
export async function referralsOf(member, me) {
  const found = await look("referral_show", { member });
  return card("Referrals", facts([["Came by", found.came_by ? `${found.came_by} (${found.outcome || "not in force yet"})` : ""],
    ["Paid so far", found.earned.map((one) => `${one.amount} ${one.asset}`).join(", ")]]),
  list(found.codes.map((code) => row(member, code, me)), "No codes."));
}

function row(member, code, me) {
  const people = code.people === 1 ? "1 person" : `${code.people} people`;
  const close = me.may("SET_REFERRAL") && !code.closed_ns ? decide("Close", [reason()], "Close it",
    (values) => act("referral_close", { member, code: code.code, reason: values.reason }, `Nobody signs up with ${code.code} any more.`)) : "";
  return node("li", { class: "tall" }, `${code.code}: ${people}`, soft(code.closed_ns ? `closed ${when(code.closed_ns)}` : `made ${when(code.created_ns)}`), close);
}

export function named(member) {
  return decide("Set who referred them", [field("Referrer", { name: "referrer", maxlength: 100 }, "the member's name; empty: nobody"),
    field("Share", { name: "share", type: "number", min: 0, max: 500000, required: true, value: 0 }, "of the fees, in ppm: 200000 is 20 %"),
    soft("Who referred them before is paid first.")], "Propose it",
  (values) => act("member_referral", { member, referrer: values.referrer.trim(), share_ppm: Number(values.share) }, "Set."));
}
