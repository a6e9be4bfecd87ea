// "Is it still you?": asked before sensitive changes, by password, passkey or wallet.
import { action, ask, field, form, node } from "./page.js";
import { passkeysWork, signMessage, usePasskey, wallet, walletThere } from "./signing.js";

// What proves one act: the code that was typed, or else a passkey that signs just this; who has
// neither is asked by the step-up.
export async function proofOf(me, code, act) {
  if (code || !me.passkeys || !passkeysWork()) return { code };
  const { options } = await ask("POST", "proof/passkey/options", act);
  return { passkey: await usePasskey(options) };
}

export const codeField = (me) => field("Code", { name: "code", autocomplete: "one-time-code" },
  me.passkeys ? "of your app, or a recovery code; left empty, your passkey is asked" : "of your app, or a recovery code");

export function stepUpIn(dialog) {
  return () => new Promise((resolve) => {
    let passed = false;
    const said = node("p", { class: "said", role: "status" });
    const ok = () => { passed = true; dialog.close(); };
    const code = field("Code", { name: "code", autocomplete: "one-time-code" }, "if a second factor is on");
    const ways = [];
    if (passkeysWork()) ways.push(action("With a passkey", said, async () => {
      const { options } = await ask("POST", "step-up/passkey/options", {});
      await ask("POST", "step-up/passkey", { credential: await usePasskey(options) });
      ok();
    }));
    if (walletThere()) ways.push(action("With a wallet", said, async () => {
      const asked = await wallet();
      const { message } = await ask("POST", "step-up/wallet/message", asked);
      const signature = await signMessage(message, asked.address);
      await ask("POST", "step-up/wallet", { signature, code: code.querySelector("input").value });
      ok();
    }));
    const password = field("Password", { name: "password", type: "password", required: true, autocomplete: "current-password" });
    const made = form("", [password, code], "Go on", async (values) => { await ask("POST", "step-up", values); ok(); });
    made.classList.remove("card");
    dialog.replaceChildren(node("h2", {}, "Is it still you?"),
      node("p", { class: "soft" }, "This change is sensitive, and it is a while since you proved who you are."),
      made, node("div", { class: "row" }, ...ways,
        node("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "Cancel")), said);
    dialog.addEventListener("close", () => resolve(passed), { once: true });
    dialog.showModal();
  });
}
