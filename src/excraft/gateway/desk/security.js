// Passkeys, authenticator app, wallets, devices, password, e-mail.
import { emailCard } from "./email.js";
import { action, ask, field, form, node, saved, when } from "./page.js";
import { createPasskey, passkeysWork, signMessage, wallet, walletThere } from "./signing.js";
import { codeField, proofOf } from "./stepup.js";

export async function security(place, me) {
  const again = async () => security(place, await ask("GET", "me"));
  const [keys, wallets, devices, email] = await Promise.all(
    [ask("GET", "passkeys"), ask("GET", "wallets"), ask("GET", "devices"), ask("GET", "email")]);
  place.replaceChildren(node("h1", {}, "Security"),
    passkeyCard(keys.passkeys, again), appCard(me, again), walletCard(wallets.wallets, again),
    deviceCard(devices.devices, again), passwordCard(me), emailCard(email, me, again));
}

function card(title, lead, list, empty, said, ...more) {
  return node("div", { class: "card" }, node("h2", {}, title), node("p", { class: "soft" }, lead),
    list.length ? node("ul", { class: "list" }, ...list) : node("p", { class: "soft" }, empty), ...more, said);
}

function codes(list, again) {
  const text = list.join("\n");
  return node("div", { id: "recovery" }, node("p", {}, "Recovery codes, shown only now. Each opens your account once ",
    "when your second factor is lost; keep them on paper."), node("div", { class: "code" }, text),
    node("div", { class: "row" },
      node("button", { type: "button", class: "quiet", onclick: () => saved("recovery-codes.txt", text) }, "Download"),
      node("button", { type: "button", onclick: again }, "I have kept them")));
}

function passkeyCard(list, again) {
  const said = node("p", { class: "said", role: "status" });
  const rows = list.map((key) => {
    const name = node("input", { value: key.label, "aria-label": "Name", maxlength: 64 });
    return node("li", {}, node("div", {}, name, node("span", { class: "soft" }, `added ${when(key.created_ns)}, used ${when(key.used_ns)}`)),
      action("Rename", said, async () => (await ask("PUT", "passkeys/" + key.id, { label: name.value })).message),
      action("Remove", said, async () => { await ask("DELETE", "passkeys/" + key.id); await again(); }, "danger"));
  });
  const shown = node("div");
  const add = form("", [field("Name of the new passkey", { name: "label", required: true, maxlength: 64 })], "Add a passkey", async (values, made) => {
    const { options } = await ask("POST", "passkeys/options", {});
    const credential = await createPasskey(options);
    const found = await ask("POST", "passkeys", { label: values.label, credential });
    made.reset();
    if (!found.recovery_codes.length) return again();
    shown.replaceChildren(codes(found.recovery_codes, again));
    return "The passkey is added.";
  });
  add.classList.remove("card");
  return card("Passkeys", "Log in with your finger, face or a key; each is both factors at once.", rows,
    "You have none.", said, passkeysWork() ? add : node("p", {}, "This browser has no passkeys."), shown);
}

function appCard(me, again) {
  const said = node("p", { class: "said", role: "status" });
  const more = node("div");
  const off = action("Turn it off", said, async () => { await ask("POST", "totp/disable", {}); await again(); }, "danger");
  const on = action("Turn it on", said, async () => {
    const found = await ask("POST", "totp/enrol", {});
    const made = form("", [node("p", {}, "Enter this in your app, then a code of it:"), node("div", { class: "code" }, found.secret),
      node("p", {}, node("a", { href: found.uri }, "Open it in an app on this device")),
      field("Code", { name: "code", required: true, autocomplete: "one-time-code" })], "Confirm", async (values) => {
      const { recovery_codes } = await ask("POST", "totp/confirm", values);
      more.replaceChildren(codes(recovery_codes, again));
    });
    made.classList.remove("card");
    more.replaceChildren(made);
  });
  return card("Authenticator app", `Codes of six digits. Recovery codes left: ${me.recovery_codes_left}.`, [],
    me.app ? "It is on." : "It is off.", said, me.app ? off : on, more);
}

function walletCard(list, again) {
  const said = node("p", { class: "said", role: "status" });
  const rows = list.map((one) => node("li", {}, node("div", {}, one.address, node("br"),
    node("span", { class: "soft" }, `${one.chain_id ? `a contract on chain ${one.chain_id}, ` : ""}linked ${when(one.created_ns)}, used ${when(one.used_ns)}`)),
    action("Unlink", said, async () => { await ask("DELETE", "wallets/" + one.id); await again(); }, "danger")));
  const add = action("Link the wallet of this browser", said, async () => {
    const asked = await wallet();
    const { message } = await ask("POST", "wallets/message", asked);
    await ask("POST", "wallets", { signature: await signMessage(message, asked.address) });
    await again();
  });
  return card("Ethereum wallets", "A linked wallet logs in instead of the password. It is for logging in only.", rows,
    "You have none.", said, walletThere() ? add : node("p", { class: "soft" }, "There is no wallet in this browser."));
}

function deviceCard(list, again) {
  const said = node("p", { class: "said", role: "status" });
  const rows = list.map((one) => node("li", {}, node("div", {}, one.browser || "unknown browser", node("br"),
    node("span", { class: "soft" }, `${one.address}, since ${when(one.created_ns)}, seen ${when(one.seen_ns)}; `
      + (one.current ? "this one" : one.logged_in ? "logged in" : "not logged in"))),
    one.current ? "" : action("Forget", said, async () => { await ask("DELETE", "devices/" + one.id); await again(); }, "danger")));
  return card("Devices", "Browsers that logged in before. Forgetting one ends what is open on it; its next login is told by mail.", rows, "", said);
}

function passwordCard(me) {
  return form("Password", [
    field("Current password", { name: "current", type: "password", required: true, autocomplete: "current-password" }),
    field("New password", { name: "new", type: "password", required: true, autocomplete: "new-password" }, "10 characters or more"),
    ...(me.second_factor ? [codeField(me)] : []),
  ], "Change it", async ({ current, new: fresh, code }, made) => {
    const proof = me.second_factor ? await proofOf(me, code, { act: "change_password" }) : {};
    const { message } = await ask("POST", "password", { current, new: fresh, ...proof });
    made.reset();
    return message;
  });
}
