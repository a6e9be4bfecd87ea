// API keys: made, seen once, changed, revoked. A private key never leaves this page.
import { Failure, action, ask, field, form, node, saved, when } from "./page.js";

const SCOPES = ["read", "trade", "withdraw", "governance"];
const KINDS = { browser: "Ed25519, made in this browser", hmac: "HMAC, a secret from the exchange",
  ed25519: "Ed25519, my own public key", rsa: "RSA, my own public key" };

export async function keys(place) {
  const again = () => keys(place);
  const { api_keys } = await ask("GET", "api-keys");
  const said = node("p", { class: "said", role: "status" });
  place.replaceChildren(node("h1", {}, "API keys"),
    node("div", { class: "card" }, node("h2", {}, "Your keys"),
      api_keys.length ? node("ul", { class: "list" }, ...api_keys.map((key) => row(key, said, again)))
        : node("p", { class: "soft" }, "You have none."), said),
    maker(again));
}

function row(key, said, again) {
  const label = node("input", { value: key.label, "aria-label": "Label", placeholder: "label", maxlength: 64 });
  const ips = node("input", { value: key.ips.join(" "), "aria-label": "Addresses", placeholder: "from anywhere" });
  const life = key.expired ? "EXPIRED" : key.expires_ns ? `until ${when(key.expires_ns)}` : "no end";
  const used = key.used_ns ? `${when(key.used_ns)} from ${key.used_from}` : "never";
  return node("li", {}, node("div", {}, node("div", { class: "code" }, key.api_key), label, ips,
    node("span", { class: "soft" }, `${key.kind}, may ${key.permissions.join(", ")}; ${life}; used ${used}`)),
    action("Save", said, async () => (await ask("PUT", "api-keys/" + key.api_key, { label: label.value, ips: split(ips.value) })).message),
    action("Revoke", said, async () => { await ask("DELETE", "api-keys/" + key.api_key); await again(); }, "danger"));
}

const split = (text) => text.split(/[\s,]+/).filter(Boolean);

function maker(again) {
  const kind = node("select", { name: "kind" }, ...Object.entries(KINDS).map(([value, title]) => node("option", { value }, title)));
  const pem = field("Public key", { name: "public_key", rows: 5 }, "PEM, \"-----BEGIN PUBLIC KEY-----\"");
  pem.hidden = true;
  kind.addEventListener("change", () => { pem.hidden = !["ed25519", "rsa"].includes(kind.value); });
  const scopes = node("fieldset", {}, node("legend", {}, "May"), ...SCOPES.map((name) =>
    node("label", { class: "tick" }, node("input", { type: "checkbox", name: "may", value: name, checked: name === "read" }), name)));
  const shown = node("div", { id: "made" });
  const made = form("A new key", [
    node("label", {}, "Kind", kind), pem, field("Label", { name: "label", maxlength: 64 }), scopes,
    field("Only from", { name: "ips" }, "addresses or networks; needed to withdraw"),
    field("Ends after", { name: "days", type: "number", min: 1, max: 3650 }, "days; empty: works until revoked"),
  ], "Make the key", async (values) => {
    const wish = { kind: values.kind, label: values.label, permissions: new FormData(made).getAll("may"), ips: split(values.ips) };
    if (values.days) wish.expires_ns = (Date.now() + Number(values.days) * 86400000) * 1000000;
    let secret = "";
    if (values.kind === "browser") {
      const pair = await pairOfKeys();
      Object.assign(wish, { kind: "ed25519", public_key: pair.public_key });
      secret = pair.private_key;
    } else if (values.kind !== "hmac") wish.public_key = values.public_key;
    const found = await ask("POST", "api-keys", wish);
    shown.replaceChildren(once(found.api_key, secret || found.secret, Boolean(secret), again));
    return "The key works now.";
  });
  return node("div", {}, made, shown);
}

async function pairOfKeys() {
  let pair;
  try {
    pair = await crypto.subtle.generateKey({ name: "Ed25519" }, true, ["sign", "verify"]);
  } catch {
    throw new Failure("no_ed25519", "This browser cannot make Ed25519 keys; choose another kind.");
  }
  return { public_key: pem("PUBLIC", await crypto.subtle.exportKey("spki", pair.publicKey)),
    private_key: pem("PRIVATE", await crypto.subtle.exportKey("pkcs8", pair.privateKey)) };
}

function pem(kind, buffer) {
  const text = btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/(.{64})/g, "$1\n").trim();
  return `-----BEGIN ${kind} KEY-----\n${text}\n-----END ${kind} KEY-----\n`;
}

function once(name, secret, own, again) {
  const file = own ? "excraft-private-key.pem" : "excraft-secret.txt";
  return node("div", { class: "card" }, node("h2", {}, "Your new key"), node("p", {}, "API key:"),
    node("div", { class: "code", id: "made-key" }, name),
    secret ? node("p", {}, own ? "Private key, made here, known to nobody else and shown only now:" : "Secret, shown only now:") : "",
    secret ? node("div", { class: "code", id: "made-secret" }, secret) : "",
    node("div", { class: "row" },
      secret ? node("button", { type: "button", class: "quiet", onclick: () => saved(file, secret) }, "Download") : "",
      node("button", { type: "button", onclick: again }, secret ? "I have kept it" : "Done")));
}
