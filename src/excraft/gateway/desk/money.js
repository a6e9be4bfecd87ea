// Money over a chain: where deposits go, withdrawals with a code, and what came of both.
import { addresses } from "./addresses.js";
import { action, ask, field, form, node, when } from "./page.js";
import { codeField, proofOf } from "./stepup.js";

export async function money(place, me) {
  const again = () => money(place, me);
  const [{ deposits }, { withdrawals }] = await Promise.all([ask("GET", "deposits"), ask("GET", "withdrawals")]);
  let served = null;
  let listed = null;
  let why = "";
  try {
    served = await ask("POST", "deposit-address", {});
    listed = await ask("GET", "withdrawals/addresses");
  } catch (wrong) {
    if (wrong.code !== "bad_request") throw wrong;
    why = wrong.message; // this exchange serves no chain
  }
  place.replaceChildren(node("h1", {}, "Money"),
    ...(served ? [receive(served), send(served.accepted, me, again), ...(listed ? addresses(listed, me, again) : [])] : [node("p", { class: "soft" }, why)]),
    history("Withdrawals", withdrawals.map((row) => sent(row, again))),
    history("Deposits", deposits.map(came)));
}

function receive({ address, accepted }) {
  const said = node("p", { class: "said", role: "status" });
  const ways = accepted.map((way) => node("li", {}, node("div", {}, `${way.asset} over ${way.network}, from ${way.minimum}`),
    node("span", { class: "soft" }, way.token ? `token ${way.token}` : "the native coin")));
  return node("div", { class: "card" }, node("h2", {}, "Deposit"),
    node("p", {}, "Your own address; what else is sent there is not credited:"),
    node("div", { class: "code", id: "deposit-address" }, address),
    node("div", { class: "row" }, action("Copy", said, async () => {
      await navigator.clipboard.writeText(address);
      return "Copied.";
    })), node("ul", { class: "list" }, ...ways), said);
}

function send(accepted, me, again) {
  const way = node("select", { name: "way" }, ...accepted.map(({ asset, network }, place) =>
    node("option", { value: place }, `${asset} over ${network}`)));
  return form("Withdraw", [node("label", {}, "What", way),
    field("Address", { name: "address", required: true, maxlength: 42 }, "0x…"),
    field("Amount", { name: "amount", required: true, inputmode: "decimal" }, "with the fee"),
    codeField(me),
  ], "Withdraw", async (values) => {
    const { asset, network } = accepted[Number(values.way)];
    const { address, amount, code } = values;
    const wish = { asset, network, address, amount };
    await ask("POST", "withdrawals", { ...wish, ...await proofOf(me, code, { act: "withdraw", ...wish }) });
    await again();
  });
}

function sent(row, again) {
  const said = node("p", { class: "said", role: "status" });
  const waits = row.waits_for;
  return node("li", {}, node("div", {}, `${row.amount} ${row.asset} over ${row.network}: ${row.state}`,
    node("div", { class: "code" }, row.address),
    ...(waits ? waiting(waits).map((line) => node("div", {}, line)) : []),
    node("span", { class: "soft" }, [when(row.requested_ns), row.reason || (waits ? "" : row.note), row.transaction].filter(Boolean).join("; ")), said),
  waits ? action("Cancel", said, async () => { await ask("POST", "withdrawals/cancel", { id: row.id }); await again(); }, "danger") : "");
}

// Everything it waits for, not only what comes first.
function waiting({ approvals, approvals_needed, address_until_ns, frozen, account_frozen }) {
  const lines = [];
  if (account_frozen) lines.push("Waits: your account is frozen; ask the support why.");
  if (frozen) lines.push("Waits: withdrawals are frozen at the moment, for everybody.");
  if (approvals < approvals_needed) lines.push(`Waits for approvals: ${approvals} of ${approvals_needed}.`);
  if (address_until_ns) lines.push(`Waits until ${when(address_until_ns)}: the address is new.`);
  return lines.length ? lines : ["Is taken up in a moment."];
}

function came(row) {
  return node("li", {}, node("div", {}, `${row.amount} ${row.asset} over ${row.network}: ${row.state}`,
    node("div", {}, node("span", { class: "soft" }, [when(row.seen_ns), row.note, row.transaction].filter(Boolean).join("; ")))));
}

function history(title, rows) {
  return node("div", { class: "card" }, node("h2", {}, title),
    rows.length ? node("ul", { class: "list" }, ...rows) : node("p", { class: "soft" }, "There are none."));
}
