// Passkeys and wallets: what the browser must be asked, and what goes back as JSON.
import { Failure } from "./page.js";

const bytes = (text) => Uint8Array.from(
  atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
  .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

export const passkeysWork = () => "credentials" in navigator && "PublicKeyCredential" in window;
export const walletThere = () => typeof window.ethereum === "object";

const listed = (credentials) => (credentials || []).map((c) => ({ ...c, id: bytes(c.id) }));

export async function createPasskey(options) {
  const made = await navigator.credentials.create({ publicKey: {
    ...options, challenge: bytes(options.challenge),
    user: { ...options.user, id: bytes(options.user.id) },
    excludeCredentials: listed(options.excludeCredentials),
  } });
  return shown(made, ["clientDataJSON", "attestationObject"]);
}

export async function usePasskey(options) {
  const made = await navigator.credentials.get({ publicKey: {
    ...options, challenge: bytes(options.challenge),
    allowCredentials: listed(options.allowCredentials),
  } });
  return shown(made, ["clientDataJSON", "authenticatorData", "signature", "userHandle"]);
}

function shown(made, parts) {
  const response = {};
  for (const part of parts) if (made.response[part]) response[part] = text(made.response[part]);
  return { id: made.id, rawId: text(made.rawId), type: made.type, response };
}

// {address, chain_id} of the wallet in this browser.
export async function wallet() {
  const accounts = await window.ethereum.request({ method: "eth_requestAccounts" });
  if (!accounts.length) throw new Failure("no_wallet", "The wallet gave no account.");
  const chain = await window.ethereum.request({ method: "eth_chainId" });
  return { address: accounts[0], chain_id: Number(chain) };
}

export async function signMessage(message, address) {
  const hex = "0x" + Array.from(new TextEncoder().encode(message),
    (byte) => byte.toString(16).padStart(2, "0")).join("");
  return window.ethereum.request({ method: "personal_sign", params: [hex, address] });
}
