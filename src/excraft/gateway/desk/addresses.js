// Where withdrawals may go: the list of addresses, and whether only they count.
import { action, ask, field, form, node, when } from "./page.js";
import { codeField, proofOf } from "./stepup.js";

export function addresses({ list_only, list_ends_ns, addresses: listed }, me, again) {
  const said = node("p", { class: "said", role: "status" });
  const rows = listed.map((one) => node("li", {}, node("div", {}, node("div", { class: "code" }, one.address),
    node("span", { class: "soft" }, [one.label, since(one)].filter(Boolean).join("; "))),
    action("Remove", said, async () => { await ask("POST", "withdrawals/addresses/remove", { address: one.address }); await again(); }, "danger")));
  return [node("div", { class: "card", id: "addresses" }, node("h2", {}, "Where withdrawals may go"),
    node("p", { class: "soft" }, "An address that has been on the list for a while is paid without waiting; API keys withdraw to these only."),
    rows.length ? node("ul", { class: "list" }, ...rows) : node("p", { class: "soft" }, "The list is empty."), said),
  adder(me, again), list_only ? leaver(list_ends_ns, me, again) : enterer(again)];
}

const since = ({ open_ns }) => (open_ns / 1e6 > Date.now() ? `paid without waiting from ${when(open_ns)}` : "paid without waiting");

function adder(me, again) {
  return form("Add an address", [
    field("Destination", { name: "address", required: true, maxlength: 42 }, "0x…"),
    field("Its name", { name: "label", maxlength: 64 }, "for yourself"), codeField(me),
  ], "Add it", async ({ address, label, code }) => {
    await ask("POST", "withdrawals/addresses", { address, label, ...await proofOf(me, code, { act: "list_address", address, label }) });
    await again();
  });
}

function enterer(again) {
  return form("Only to the list", [node("p", { class: "soft" },
    "Then nothing leaves to another address, also with your password and codes. Leaving this takes a while.")],
  "Withdraw only to the list", async () => {
    await ask("POST", "withdrawals/list-mode", { list_only: true });
    await again();
  });
}

function leaver(ends_ns, me, again) {
  const stay = async () => { await ask("POST", "withdrawals/list-mode", { list_only: true }); await again(); };
  if (ends_ns) return form("Only to the list", [node("p", {}, `It ends ${when(ends_ns)}.`)], "Keep it on", stay);
  return form("Only to the list", [node("p", {}, "It is on: withdrawals go to the list only."), codeField(me)],
    "Leave it", async ({ code }) => {
      await ask("POST", "withdrawals/list-mode", { list_only: false, ...await proofOf(me, code, { act: "leave_list" }) });
      await again();
    });
}
