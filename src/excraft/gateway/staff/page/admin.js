// What every section of staff uses: operations, what came of them, facts, and forms with a reason.
import { Failure, action, field, form, node, send } from "/desk/page.js";

export { when } from "/desk/page.js";

// One request to /admin, where who has no role finds nothing at all.
export async function call(method, path, body) {
  try {
    return await send(method, "/admin/" + path, body);
  } catch (wrong) {
    if (wrong.code === "no_session") window.dispatchEvent(new CustomEvent("out", { detail: wrong }));
    if (wrong.code !== "not_found") throw wrong;
    throw new Failure("no_role", "You have no role here. An administrator gives roles; then log in again.");
  }
}

// Numbers beyond 2**53 (amounts, times in nanoseconds) stay exact, as texts; an old browser rounds them.
const exact = (_, value, { source } = {}) =>
  typeof value === "number" && !Number.isSafeInteger(value) && /^-?[0-9]+$/.test(source) ? source : value;
const read = async (reply) => JSON.parse(await reply.text(), exact);

export async function get(path) {
  return read(await call("GET", path));
}

// An operation that only looks.
export async function look(name, given = {}) {
  return (await read(await call("POST", name, given))).result;
}

// What changes something: done, or proposed where others must approve. Then the page is drawn anew.
// `text` says what was done; a function makes it of the answer, for acts on a proposal itself.
export async function act(path, given, text) {
  const found = await read(await call("POST", path, given));
  const made = found.proposal;
  tell(typeof text === "function" ? text(found) : made ? `This needs ${made.needed} approval${made.needed === 1 ? "" : "s"} by others who may ${made.act}: `
    + `proposal ${made.id} waits for them under Proposals.` : text);
  again();
  return found;
}

export function tell(text) { document.getElementById("told").textContent = text; }

// The section of a hash like "#kyc/7"; the same hash draws it anew.
export function go(hash) {
  if (location.hash === hash) window.dispatchEvent(new Event("hashchange"));
  else location.hash = hash;
}

export const again = () => go(location.hash);

export const said = () => node("p", { class: "said", role: "status" });

export function button(title, work, kind = "quiet") {
  const line = said();
  return node("div", {}, action(title, line, work, kind), line);
}

// A form behind its title; closed, so that nothing is decided by one press.
export function decide(title, fields, press, work) {
  const made = form("", fields, press, work);
  made.classList.remove("card");
  return node("details", {}, node("summary", {}, title), made);
}

export const reason = (hint = "one line; it stands in the audit log", title = "Reason") =>
  field(title, { name: "reason", required: true, maxlength: 300 }, hint);

export function choice(title, name, options, chosen) {
  const made = Object.entries(options).map(([value, text]) => node("option", { value, selected: value === chosen }, text));
  return node("label", {}, title, node("select", { name }, ...made));
}

export function facts(pairs) {
  return node("dl", {}, ...pairs.filter(([, value]) => value !== "" && value !== null && value !== undefined)
    .flatMap(([name, value]) => [node("dt", {}, name), node("dd", {}, value instanceof Node ? value : shown(value))]));
}

function shown(value) {
  const rounded = typeof value === "number" && !Number.isSafeInteger(value);
  return rounded ? `about ${value}: this browser is too old to show it exactly` : String(value);
}

export function card(title, ...children) {
  return node("div", { class: "card" }, node("h2", {}, title), ...children);
}

export function list(rows, empty) {
  return rows.length ? node("ul", { class: "list" }, ...rows) : node("p", { class: "soft" }, empty);
}

export const soft = (text) => node("p", { class: "soft" }, text);
export const mark = (text, kind = "") => node("span", { class: "mark " + kind }, text);
export const link = (hash, text) => node("a", { href: hash }, text);

// A member by number or name, as a link for who may look there.
export function atMember(me, which) {
  const [wanted, text] = typeof which === "number" ? [`#${which}`, `member ${which}`] : [which, which];
  return me.may("SEE_MEMBERS") ? link("#members/" + encodeURIComponent(wanted), text) : text;
}

// Whoever acted, for people: "you", "member 7", or who had a shell.
export function person(who, me) {
  if (who === me.who) return "you";
  return who.startsWith("member:") ? "member " + who.slice(7) : who;
}
