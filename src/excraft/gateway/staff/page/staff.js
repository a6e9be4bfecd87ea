// The whole page of staff: who is here, what their roles let them see, and the section that is open.
// A new section is one import, one line in SECTIONS and one <section> in staff.html.
import { waysIn } from "/desk/enter.js";
import { ask, attempt, node, setCsrf, setStepUp } from "/desk/page.js";
import { stepUpIn } from "/desk/stepup.js";
import { get, go, tell } from "./admin.js";
import { alarms } from "./alarms.js";
import { announcements } from "./announcements.js";
import { audit } from "./audit.js";
import { exports_ } from "./exports.js";
import { kyc } from "./kyc.js";
import { markets } from "./markets.js";
import { members } from "./members.js";
import { proposals } from "./proposals.js";
import { referrals } from "./referrals.js";
import { withdrawals } from "./withdrawals.js";

// What fills it, and the acts of which one opens it. The server refuses the rest anyway.
const ANY = null;
const SECTIONS = {
  kyc: [kyc, ["SEE_KYC"]],
  withdrawals: [withdrawals, ["SEE_CUSTODY", "SEE_SETTINGS"]],
  proposals: [proposals, ANY],
  alarms: [alarms, ["SEE_CUSTODY"]],
  members: [members, ["SEE_MEMBERS"]],
  markets: [markets, ["SEE_SETTINGS", "HALT_MARKET", "RESUME_MARKET"]],
  referrals: [referrals, ["SEE_MONEY"]],
  announcements: [announcements, ["ANNOUNCE", "SEE_SETTINGS"]],
  audit: [audit, ["READ_AUDIT"]],
  exports: [exports_, ["EXPORT"]],
};
const at = (id) => document.getElementById(id);
let me = null;
let turns = 0;

function show(id) {
  for (const section of document.querySelectorAll("main > section")) {
    section.hidden = section.id !== id;
    if (section.hidden) section.replaceChildren(); // what is not looked at is not kept
  }
  for (const place of at("places").children) place.setAttribute("aria-current", place.dataset.of === id);
}

const open = () => Object.keys(SECTIONS).filter((id) => SECTIONS[id][1] === ANY || SECTIONS[id][1].some(me.may));

// The section of the hash, drawn when all of it has come; what was asked for later wins.
async function draw() {
  const [name, ...rest] = location.hash.slice(1).split("/");
  const id = open().includes(name) ? name : open()[0];
  if (!id) return;
  const turn = ++turns;
  let made;
  try {
    made = await SECTIONS[id][0](me, id === name ? decodeURIComponent(rest.join("/")) : "");
  } catch (wrong) {
    made = [node("p", { class: "said bad", role: "alert" }, wrong.message)];
  }
  if (turn !== turns || !me) return;
  const moved = at(id).hidden;
  const inside = at(id).contains(document.activeElement);
  at(id).replaceChildren(node("h1", {}, at(id).dataset.title), ...made);
  show(id);
  if (moved) tell("");
  if (moved || inside) at("main").focus(); // what had the focus is gone
}

async function entered(found) {
  setCsrf(found.csrf);
  const { email } = await ask("GET", "me");
  at("who").textContent = email;
  at("logout").hidden = false;
  try {
    const known = await get("me");
    me = { ...known, may: (act) => known.acts.includes(act) };
  } catch (wrong) {
    return noStaff(wrong);
  }
  at("who").textContent = `${email}, member ${me.member}: ${me.roles.join(", ")}`;
  at("places").replaceChildren(...open().map((id) => node("a", { href: "#" + id, "data-of": id }, at(id).dataset.title)));
  at("places").hidden = false;
  go(location.hash || "#" + open()[0]);
}

function noStaff(wrong) {
  at("enter").replaceChildren(node("h1", {}, "Staff"), node("div", { class: "card" }, node("p", {}, wrong.message),
    node("p", {}, "What is yours as a member: ", node("a", { href: "/desk" }, "your desk"), ".")));
  show("enter");
}

function out(wrong) {
  const ended = wrong && (me || wrong.code !== "no_session") ? wrong.message : "";
  me = null;
  setCsrf("");
  tell("");
  at("who").textContent = "";
  at("places").replaceChildren();
  at("places").hidden = at("logout").hidden = true;
  at("enter").replaceChildren(node("h1", {}, "Staff"), node("p", { class: "said bad", role: "alert" }, ended),
    ...waysIn((found) => entered(found).catch(out)));
  show("enter");
}

setStepUp(stepUpIn(at("step-up")));
window.addEventListener("hashchange", () => me && draw());
window.addEventListener("out", (event) => me && out(event.detail));
at("logout").addEventListener("click", () => attempt(node("p"), at("logout"), async () => {
  await ask("POST", "logout", {});
  out();
}));
ask("GET", "me").then(entered).catch(out);
