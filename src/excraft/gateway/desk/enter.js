// Log in, sign up, confirm, new password.
import { action, ask, field, form, node } from "./page.js";
import { passkeysWork, signMessage, usePasskey, wallet, walletThere } from "./signing.js";

const email = () => field("E-mail", { name: "email", type: "email", required: true, autocomplete: "username" });
const secret = (name, fresh, title = "Password") => field(title,
  { name, type: "password", required: true, autocomplete: fresh ? "new-password" : "current-password" },
  fresh ? "10 characters or more" : "");

const SHOWN_BY = { referral: "signup" }; // the link that a member hands out

export function enter(place, entered, token) {
  const body = node("div");
  const tabs = node("div", { class: "row" });
  const kinds = { login: "Log in", signup: "Sign up", confirm: "Confirm", reset: "Forgot password" };
  function open(kind, given = "") {
    for (const tab of tabs.children) tab.setAttribute("aria-current", tab.dataset.kind === kind);
    body.replaceChildren(...views[kind](given));
  }
  const views = {
    login: () => waysIn(entered),
    signup: (given) => signUp(given),
    confirm: (given) => confirm(given, () => open("login")),
    reset: (given) => reset(given, () => open("login")),
  };
  for (const [kind, title] of Object.entries(kinds)) {
    tabs.append(node("button", { type: "button", class: "quiet", "data-kind": kind, onclick: () => open(kind) }, title));
  }
  place.replaceChildren(node("h1", {}, "Your desk"), tabs, body);
  open(token ? SHOWN_BY[token.kind] || token.kind : "login", token ? token.value : "");
}

// Every way to log in; the staff's page has the same.
export function waysIn(entered) {
  return [loginForm(entered), ...otherWays(entered)];
}

function loginForm(entered) {
  const code = field("Code", { name: "code", autocomplete: "one-time-code" }, "of your app, or a recovery code");
  code.hidden = true;
  const said = node("p", { class: "said", role: "status" });
  const withKey = action("Use a passkey as the second factor", said, async () => {
    const { options } = await ask("POST", "login/passkey/options", {});
    const values = Object.fromEntries(new FormData(made));
    const passkey = await usePasskey(options);
    entered(await ask("POST", "login", { email: values.email, password: values.password, passkey }));
  });
  withKey.hidden = true;
  const made = form("With a password", [email(), secret("password", false), code, withKey, said], "Log in", async (values) => {
    try {
      entered(await ask("POST", "login", values));
    } catch (wrong) {
      if (wrong.code === "second_factor_needed") {
        code.hidden = false;
        withKey.hidden = !passkeysWork();
        code.querySelector("input").focus();
      }
      throw wrong;
    }
    return "";
  });
  return made;
}

function otherWays(entered) {
  const said = node("p", { class: "said", role: "status" });
  const code = field("Code", { name: "code", autocomplete: "one-time-code" }, "if a second factor is on");
  const made = [];
  if (passkeysWork()) made.push(action("Log in with a passkey", said, async () => {
    const { options } = await ask("POST", "login/passkey/options", {});
    entered(await ask("POST", "login/passkey", { credential: await usePasskey(options) }));
  }, ""));
  if (walletThere()) made.push(code, action("Log in with an Ethereum wallet", said, async () => {
    const signature = await signedLogin();
    entered(await ask("POST", "login/wallet", { signature, code: code.querySelector("input").value }));
  }));
  return made.length ? [node("div", { class: "card" }, node("h2", {}, "Without a password"), ...made, said)] : [];
}

async function signedLogin() {
  const asked = await wallet();
  const { message } = await ask("POST", "login/wallet/message", asked);
  return signMessage(message, asked.address);
}

function signUp(code) {
  const referral = () => field("Referral code", { name: "referral", value: code, maxlength: 12, autocomplete: "off" },
    "of a member who told you of this exchange; else leave it empty");
  const made = [form("With e-mail and password", [email(), secret("password", true), referral()], "Sign up",
    async (values) => (await ask("POST", "sign-up", values)).message)];
  if (walletThere()) made.push(form("With an Ethereum wallet", [email(), referral(),
    node("p", { class: "soft" }, "The e-mail is confirmed first, so that you can be warned of every login.")],
    "Sign up", async (values) => (await ask("POST", "sign-up/wallet", values)).message));
  return made;
}

function confirm(given, done) {
  const token = () => field("Token", { name: "token", required: true, value: given }, "from the mail");
  const made = [form("Confirm your e-mail", [token(), secret("password", false, "The password you chose")], "Open my account",
    async (values) => { await ask("POST", "confirm", values); done(); })];
  if (walletThere()) made.push(form("You signed up with a wallet", [token()], "Sign and open my account",
    async (values) => { await ask("POST", "confirm/wallet", { ...values, signature: await signedLogin() }); done(); }));
  return made;
}

function reset(given, done) {
  return [
    form("Ask for a mail", [email()], "Send it", async (values) => (await ask("POST", "password/reset", values)).message),
    form("Set a new password", [field("Token", { name: "token", required: true, value: given }, "from the mail"),
      secret("password", true, "New password")], "Set it",
      async (values) => { await ask("POST", "password/reset/confirm", values); done(); }),
  ];
}
