// The e-mail of the account: its change, confirmed from the new mailbox, cancelled from the old one.
import { action, ask, field, form, node, when } from "./page.js";
import { codeField, proofOf } from "./stepup.js";

export function emailCard({ email, change }, me, again) {
  if (change) return underWay(change, again);
  return form("E-mail", [node("p", { class: "soft" }, `It is ${email}. A new one is in force a day after its mailbox confirmed it; until then nothing can be withdrawn.`),
    field("New e-mail", { name: "email", type: "email", required: true, autocomplete: "email" }),
    ...(me.second_factor ? [codeField(me)] : [])],
  "Change it", async ({ email: wanted, code = "" }) => {
    await ask("POST", "email", { email: wanted, ...await proofOf(me, code, { act: "change_email", email: wanted }) });
    await again();
  });
}

function underWay(change, again) {
  const said = node("p", { class: "said", role: "status" });
  const stop = action("Cancel the change", said, async () => { await ask("DELETE", "email"); await again(); }, "danger");
  if (change.due_ns) return node("div", { class: "card" }, node("h2", {}, "E-mail"),
    node("p", {}, `${change.email} is confirmed and in force from ${when(change.due_ns)} on. Nothing can be withdrawn until then.`),
    node("div", { class: "row" }, stop), said);
  const made = form("E-mail", [node("p", {}, `A token is in the mailbox of ${change.email}. Nothing can be withdrawn until the change is in force or cancelled.`),
    field("Token", { name: "token", required: true }, "from the mail to the new address")], "Confirm it", async ({ token }) => {
    await ask("POST", "email/confirm", { token });
    await again();
  });
  made.append(node("div", { class: "row" }, stop), said);
  return made;
}

// From the link in the mail to the old address; nobody needs to be logged in.
export function keepCard(token) {
  return form("Keep my e-mail", [node("p", {}, "The e-mail of your account is to be changed. This cancels it and ends every session.")],
    "Cancel the change", async () => (await ask("POST", "email/keep", { token })).message);
}
