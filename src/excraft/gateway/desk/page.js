// What every section uses: requests, elements, messages, and the step-up in between.

let csrf = "";
let stepUp = null; // set by stepup.js: opens the dialog, true when it was passed

export function setCsrf(value) { csrf = value; }
export function setStepUp(open) { stepUp = open; }

export class Failure extends Error {
  constructor(code, message) { super(message); this.code = code; }
}

// One request to /account; what it answers.
export async function ask(method, path, body) {
  return (await send(method, "/account/" + path, body)).json();
}

// One request to an address of ours. A sensitive one opens the step-up and is then sent again.
export async function send(method, address, body) {
  const headers = { "x-csrf-token": csrf };
  const options = { method, headers, credentials: "same-origin" };
  if (body instanceof File) {
    headers["content-type"] = body.type || "application/octet-stream";
    options.body = body;
  } else if (body !== undefined) {
    headers["content-type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let reply;
  try {
    reply = await fetch(address, options);
  } catch {
    throw new Failure("offline", "The exchange cannot be reached; try again.");
  }
  if (reply.ok) return reply;
  const found = await reply.json();
  if (found.error === "step_up_needed" && stepUp && await stepUp()) return send(method, address, body);
  throw new Failure(found.error, found.message);
}

// node("p", {class: "soft"}, "text", child): text is never read as HTML.
export function node(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

export function field(title, properties, hint = "") {
  const input = node(properties.rows ? "textarea" : "input", { autocomplete: "off", ...properties });
  return node("label", {}, title, hint ? node("small", {}, " " + hint) : "", input);
}

// A card with a line that says what came of it. `work` gets the form's values.
export function form(title, children, button, work) {
  const said = node("p", { class: "said", role: "status" });
  const send = node("button", {}, button);
  const made = node("form", { class: "card" }, title ? node("h2", {}, title) : "", ...children,
    node("div", { class: "row" }, send), said);
  made.addEventListener("submit", async (event) => {
    event.preventDefault();
    await attempt(said, send, () => work(Object.fromEntries(new FormData(made)), made));
  });
  return made;
}

// Do it, say what came of it, and let nobody press twice.
export async function attempt(said, button, work) {
  button.disabled = true;
  said.classList.remove("bad");
  said.textContent = "";
  try {
    said.textContent = (await work()) || "";
  } catch (wrong) {
    said.classList.add("bad");
    said.textContent = wrong.name === "NotAllowedError"
      ? "That was cancelled, or took too long." : wrong.message;
  } finally {
    button.disabled = false;
  }
}

export function action(title, said, work, kind = "quiet") {
  const button = node("button", { type: "button", class: kind }, title);
  button.addEventListener("click", () => attempt(said, button, work));
  return button;
}

export function when(ns) {
  return ns === null ? "never" : new Date(ns / 1e6).toLocaleString();
}

// `content`: a text, or a Blob.
export function saved(name, content) {
  const url = URL.createObjectURL(new Blob([content], { type: content.type || "text/plain" }));
  const link = node("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

// rows: [[cell, ...]]; heads: [title, "text" or "" or "wide" ...].
export function table(heads, rows) {
  const cells = (tag, row) => node("tr", {}, ...row.map((cell, at) => node(tag, { class: heads[at][1] }, cell)));
  return node("div", { class: "scroll" }, node("table", {},
    node("thead", {}, cells("th", heads.map(([title]) => title))),
    node("tbody", {}, ...rows.map((row) => cells("td", row)))));
}
