// Members: found, seen as far as one's roles go, and what staff does with them.
import { field, form, node } from "/desk/page.js";
import { act, atMember, button, card, choice, decide, facts, get, go, list, look, mark, person, reason, soft, when } from "./admin.js";
import { named, referralsOf } from "./referrals.js";
import { limitText } from "./withdrawals.js";

// `wanted`: what to look for, or a member's number as #7.
export async function members(me, wanted) {
  if (!wanted) return [search(""), soft("Whom you find appears here.")];
  const found = await look("member_find", { text: wanted.replace(/^#/, "") });
  const one = found.find((each) => each.name === wanted || `#${each.id}` === wanted) || (found.length === 1 ? found[0] : null);
  if (one) return [search(""), ...await shown(one.name, me)];
  return [search(wanted), card("Found", list(found.map((each) => node("li", {}, node("div", {}, atMember(me, each.name)),
    node("span", { class: "soft" }, `member ${each.id}, account ${each.account}`))), "Nobody. Try another part of the name, or the whole e-mail."))];
}

function search(wanted) {
  return form("", [field("Find", { name: "text", required: true, maxlength: 100, value: wanted },
    "a number, account, deposit address, whole e-mail or part of a name")], "Find",
  (values) => { go("#members/" + encodeURIComponent(values.text.trim())); });
}

async function shown(name, me) {
  const [found, limits, assets, roles] = await Promise.all([look("member_show", { member: name }),
    me.may("SEE_SETTINGS") ? look("withdrawal_limits").catch(() => []) : [], me.may("SEE_SETTINGS") ? look("asset_list") : [],
    me.may("SEE_ROLES") ? get("roles") : { roles: [] }]);
  const held = roles.roles.filter((role) => role.holders.includes(found.id)).map((role) => role.role);
  const values = found.parameters;
  const made = [card(name, mark(found.state, found.state === "FROZEN" ? "bad" : "good"),
    facts([["Member", found.id], ["Account", found.account], ["E-mail", found.email], ["Roles", held.join(", ")], ["KYC level", values.KYC_LEVEL], ["Fee tier", values.FEE_TIER],
      ["Group of owners", values.TRADE_GROUP || ""], ["Referred by", values.REFERRER ? `account ${values.REFERRER - 1}` : ""],
      ["Share of fees", values.REFERRAL_SHARE_PPM ? `${values.REFERRAL_SHARE_PPM} ppm` : ""], ["May withdraw in 24 h", allowed(limits, values.KYC_LEVEL, assets)]]))];
  if (found.balances) made.push(card("Money", list(found.balances.map((row) => node("li", {}, node("div", {}, row.asset), `${row.free} free, ${row.locked} locked`)),
    "Nothing yet."), soft(`Open orders: ${found.open_orders}.`)));
  if (found.api_keys) made.push(card("API keys", list(found.api_keys.map((key) => apiKey(key, me))), "None."));
  if (me.may("SEE_PERSONAL_DETAILS")) made.push(await referralsOf(found.name, me));
  made.push(card("Notes", list(found.notes.map((note) => node("li", {}, node("div", {}, JSON.parse(note.payload).text,
    node("br"), node("span", { class: "soft" }, `${person(note.who, me)}, ${when(note.time_ns)}`)))), "None yet. What staff writes down about this member appears here.")));
  const acts = found.id === me.member ? [soft("This is you: another one acts on your account.")] : deciding(found, roles.roles, me);
  return [...made, ...(acts.length ? [card("Acts", ...acts)] : [])];
}

function apiKey(key, me) {
  const end = me.may("END_SESSIONS") && !key.revoked ? button("End it", () => act("api_key_revoke", { api_key: key.api_key }, "The key has ended."), "danger") : "";
  return node("li", {}, node("div", {}, key.label || "without a label"),
    node("span", { class: "soft" }, `${key.kind}, ${key.api_key.slice(0, 8)}…` + (key.revoked ? ", revoked" : "")), end);
}

// What limits of the level say; "" where nothing was set.
function allowed(limits, level, assets) {
  return limits.filter((row) => row.name === "DAY_LIMIT" && row.level === level && row.changed_ns)
    .map((row) => limitText(row.name, row.value, assets.find((each) => each.symbol === row.asset))).join(", ");
}

function deciding(found, roles, me) {
  const member = found.name;
  const given = roles.filter((role) => !role.holders.includes(found.id) && role.role !== "member").map((role) => role.role);
  const taken = roles.filter((role) => role.holders.includes(found.id)).map((role) => role.role);
  const names = (list) => Object.fromEntries(list.map((each) => [each, each]));
  const role = (what, list) => decide(what === "give" ? "Give a role" : "Take a role", [choice("Role", "role", names(list))],
    "Propose it", (values) => act("roles", { do: what, role: values.role, member: found.id }, "Done."));
  const tick = node("label", { class: "tick" }, node("input", { type: "checkbox", name: "cancel" }), "cancel open orders too");
  const money = (causes) => [field("Asset", { name: "asset", required: true, maxlength: 20 }, "its symbol"),
    field("Amount", { name: "amount", required: true, inputmode: "decimal" }), choice("Why", "reason", names(causes)),
    field("Reference", { name: "reference", required: true, maxlength: 200 }, "what proves it: a ticket, a bank transfer")];
  const ways = [
    ["WRITE_NOTE", () => decide("Write a note", [field("Note", { name: "text", rows: 3, required: true, maxlength: 1000 }, "for other staff; it is never changed")],
      "Keep it", ({ text }) => act("member_note", { member, text }, "Kept."))],
    ["FREEZE_ACCOUNT", () => found.state === "FROZEN" ? "" : decide("Freeze", [reason(), tick], "Freeze",
      (values) => act("member_freeze", { member, reason: values.reason, cancel_orders: Boolean(values.cancel) }, "Frozen: places nothing, withdraws nothing."))],
    ["UNFREEZE_ACCOUNT", () => found.state === "FROZEN" ? decide("Unfreeze", [reason()], "Unfreeze",
      (values) => act("member_unfreeze", { member, reason: values.reason }, "Trades and withdraws again.")) : ""],
    ["SET_FEE_TIER", () => decide("Set the fee tier", [field("Tier", { name: "tier", type: "number", min: 0, required: true, value: found.parameters.FEE_TIER },
      "the column of every market's fees")], "Set it", ({ tier }) => act("member_fee_tier", { member, tier: Number(tier) }, `Fee tier ${tier}.`))],
    ["END_SESSIONS", () => button("Log them out everywhere", () => act("member_end_sessions", { member }, "Logged out everywhere."))],
    ["RESET_SECOND_FACTOR", () => decide("Take the second factor off", [reason("how you know that it is them")], "Take it off",
      (values) => act("member_reset_second_factor", { member, reason: values.reason }, "The second factor is off, every session ended."))],
    ["CREDIT", () => decide("Credit", money(["DEPOSIT", "CORRECTION"]), "Credit", (values) => act("money_credit", { member, ...values }, "Credited."))],
    ["DEBIT", () => decide("Debit", money(["WITHDRAWAL", "CORRECTION"]), "Debit", (values) => act("money_debit", { member, ...values }, "Debited."))],
    ["SET_REFERRAL", () => named(member)],
    ["MANAGE_ROLES", () => given.length ? role("give", given) : ""],
    ["MANAGE_ROLES", () => taken.length ? role("take", taken) : ""],
  ];
  return ways.filter(([name]) => me.may(name)).map(([, make]) => make()).filter(Boolean);
}
