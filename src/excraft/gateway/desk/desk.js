// The whole page: who is here, and the section that is open. A new section is one import, one line
// in SECTIONS and one <section> in desk.html.
import { keepCard } from "./email.js";
import { enter } from "./enter.js";
import { keys } from "./keys.js";
import { kyc } from "./kyc.js";
import { merit } from "./merit.js";
import { money } from "./money.js";
import { ask, attempt, node, setCsrf, setStepUp } from "./page.js";
import { referrals } from "./referrals.js";
import { security } from "./security.js";
import { stepUpIn } from "./stepup.js";

const SECTIONS = { security, keys, kyc, money, merit, referrals };
const at = (id) => document.getElementById(id);

// To be administrator, from the link that the first start shows; kept until somebody is logged in.
let invitation = tokenOfLink("administrator")?.value;
let newEmail = tokenOfLink("email")?.value; // from the mail to a new address, kept likewise
const keepEmail = tokenOfLink("keep-email")?.value;

// A link carries its token behind the #, which browsers send to nobody.
function tokenOfLink(kinds = "confirm|reset|referral") {
  const found = new RegExp(`^#(${kinds})=([\\w-]+)$`).exec(location.hash);
  if (found) history.replaceState(null, "", location.pathname);
  return found && { kind: found[1], value: found[2] };
}

function show(id) {
  for (const section of document.querySelectorAll("main > section")) section.hidden = section.id !== id;
  for (const place of at("places").children) place.setAttribute("aria-current", place.dataset.of === id);
}

async function open(id) {
  const me = await ask("GET", "me");
  setCsrf(me.csrf);
  at("who").textContent = `${me.email}, account ${me.account}`;
  await SECTIONS[id](at(id), me);
  show(id);
}

async function entered(found) {
  setCsrf(found.csrf);
  at("places").replaceChildren(...Object.keys(SECTIONS).map((id) => node("button",
    { class: "quiet", "data-of": id, onclick: () => open(id).catch(out) }, at(id).dataset.title)));
  at("places").hidden = at("logout").hidden = false;
  at("enter").replaceChildren();
  await open("security").catch(out);
  await useLinks();
}

// The tokens of links, now that somebody is logged in.
async function useLinks() {
  if (invitation) await send("Administrator", "administrator", invitation);
  if (newEmail) await send("Your new e-mail", "email/confirm", newEmail);
  invitation = newEmail = null;
}

async function send(title, path, token) {
  const said = node("p", { class: "said", role: "status" });
  at("security").prepend(node("div", { class: "card" }, node("h2", {}, title), said));
  await attempt(said, node("button"), async () => (await ask("POST", path, { token })).message);
}

function out(wrong) {
  setCsrf("");
  at("who").textContent = "";
  at("places").hidden = at("logout").hidden = true;
  for (const id of Object.keys(SECTIONS)) at(id).replaceChildren();
  enter(at("enter"), entered, tokenOfLink());
  show("enter");
  if (wrong && wrong.code !== "no_session") {
    at("enter").append(node("p", { class: "said bad" }, wrong.message));
  }
}

// A link that is opened where the page is already there only changes what is behind the #.
window.addEventListener("hashchange", () => {
  const found = tokenOfLink("administrator|email");
  if (!found) return;
  if (found.kind === "email") newEmail = found.value;
  else invitation = found.value;
  if (!at("places").hidden) open("security").then(useLinks).catch(out);
});
setStepUp(stepUpIn(at("step-up")));
at("logout").addEventListener("click", () => attempt(node("p"), at("logout"), async () => {
  await ask("POST", "logout", {});
  out();
}));
if (keepEmail) document.querySelector("main").prepend(keepCard(keepEmail));
ask("GET", "me").then(entered, out);
