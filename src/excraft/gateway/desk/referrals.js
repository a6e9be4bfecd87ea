// Referral codes: made, handed out as a link, closed; and what they brought.
import { action, ask, node, when } from "./page.js";

export async function referrals(place) {
  const again = () => referrals(place);
  const found = await ask("GET", "referrals");
  const said = node("p", { class: "said", role: "status" });
  const percent = found.share_ppm / 10000;
  place.replaceChildren(node("h1", {}, "Referrals"),
    node("div", { class: "card" }, node("h2", {}, "How it works"),
      node("p", {}, "Who signs up with your code is referred by you. "
        + (percent ? `You get ${percent} % of the trading fees that they pay; they pay no more for it.`
          : "At present the exchange shares no fees with members who refer new ones.")),
      node("p", { class: "soft" }, "The share that holds when somebody signs up stays theirs. Fees of accounts of your own bring nothing."),
      found.came_by ? node("p", { class: "soft" }, `You signed up with the code ${found.came_by}.`) : ""),
    node("div", { class: "card" }, node("h2", {}, "Your codes"),
      found.codes.length ? node("ul", { class: "list" }, ...found.codes.map((code) => row(code, said, again)))
        : node("p", { class: "soft" }, "You have none."),
      action("Make a code", said, async () => { await ask("POST", "referrals", {}); await again(); }), said),
    node("div", { class: "card" }, node("h2", {}, "Paid to you so far"),
      found.earned.length ? node("ul", { class: "list" }, ...found.earned.map((one) =>
        node("li", {}, node("span", {}, `${one.amount} ${one.asset}`))))
        : node("p", { class: "soft" }, "Nothing yet."),
      node("p", { class: "soft" }, `What is owed by then is paid next at ${when(found.next_payout_ns)}.`)));
}

function row(code, said, again) {
  const link = `${location.origin}/desk#referral=${code.code}`;
  const people = code.people === 1 ? "1 person" : `${code.people} people`;
  const state = code.closed_ns ? `closed ${when(code.closed_ns)}` : `made ${when(code.created_ns)}`;
  const texts = node("div", {}, node("div", { class: "code" }, code.code),
    node("span", { class: "soft" }, `${people} signed up with it; ${state}`));
  if (code.closed_ns) return node("li", {}, texts);
  texts.append(node("div", { class: "soft" }, link));
  return node("li", {}, texts,
    action("Copy the link", said, async () => { await navigator.clipboard.writeText(link); return "Copied."; }),
    action("Close", said, async () => { await ask("DELETE", "referrals/" + code.code); await again(); }, "danger"));
}
