// Proposals: what one has asked for and others must approve.
import { field, node } from "/desk/page.js";
import { act, atMember, button, card, choice, decide, facts, get, link, list, look, mark, person, reason, soft, when } from "./admin.js";
import { limitText } from "./withdrawals.js";

export async function proposals(me, argument) {
  const all = argument === "all";
  const { proposals: found } = await get(`proposals?all=${all}`);
  const assets = me.may("SEE_SETTINGS") ? await look("asset_list") : [];
  return [soft("What nobody does alone waits here. Look at what it says: approving is signing exactly that."),
    card(all ? "The newest" : "Waiting", list(found.reverse().map((row) => shown(row, me, assets)),
      "None waits. What needs four eyes appears here as soon as somebody proposes it."),
    all ? link("#proposals", "Only those that wait") : link("#proposals/all", "Also those that ended")),
    me.may("SEE_ROLES") ? fourEyes((await get("four-eyes")).approvals, me) : ""];
}

function fourEyes(approvals, me) {
  const some = Object.entries(approvals).filter(([, count]) => count);
  return card("What needs approval", facts(some.map(([name, count]) => [name, `by ${count} other${count === 1 ? "" : "s"}`])),
    soft("One does everything else alone; withdrawals have a limit of their own, APPROVALS."),
    me.may("SET_FOUR_EYES") ? decide("Change it", [choice("Act", "act", Object.fromEntries(Object.keys(approvals).map((name) => [name, name]))),
      field("Approvals by others", { name: "count", type: "number", min: 0, max: 10, required: true }, "0: one does it alone")],
    "Propose it", ({ act: name, count }) => act("four-eyes", { act: name, approvals: Number(count) }, "Done.")) : "");
}

// {operation, arguments, member} for an operation of the desk, else what the act itself takes.
function wish(payload) {
  const { operation, arguments: given, ...rest } = payload;
  const text = (value) => typeof value === "object" ? JSON.stringify(value) : String(value);
  const pairs = Object.entries(given || rest).map(([name, value]) => [name, text(value)]);
  return facts([["Operation", operation], ...pairs]);
}

// A limit names its asset by number and says atoms; where the assets are known, in its own words.
function readable(payload, assets) {
  const asset = assets[payload.asset];
  return asset ? { ...payload, asset: asset.symbol, value: limitText(payload.name, payload.value, asset) } : payload;
}

function shown(row, me, assets) {
  const open = ["PROPOSED", "APPROVED"].includes(row.state);
  const mine = row.proposer === me.who;
  const made = [wish(row.act === "SET_LIMITS" ? readable(row.payload, assets) : row.payload), facts([["Proposed by", person(row.proposer, me)],
    ["About", row.payload.member ? atMember(me, row.payload.member) : ""],
    ["Approvals", `${row.approvers.length} of ${row.needed}${row.approvers.length ? ", by " : ""}${row.approvers.map((who) => person(who, me)).join(", ")}`],
    ["Waits until", open ? when(row.expires_ns) : ""], ["Why", row.reason], ["Hash", row.hash]])];
  if (open) made.push(...deciding(row, mine, me));
  return node("li", { class: "tall" }, node("strong", {}, `${row.id}: ${row.act} `), mark(row.state, row.state === "EXECUTED" ? "good" : ""), ...made);
}

function deciding(row, mine, me) {
  const path = `proposals/${row.id}/`;
  if (mine) return [soft("You proposed it, so another one approves."),
    button("Withdraw it", () => act(path + "withdraw", {}, () => `You withdrew proposal ${row.id}.`))];
  if (!me.may(row.act)) return [soft(`Who may ${row.act} decides this.`)];
  const refuse = decide("Refuse", [reason()], "Refuse", (values) => act(path + "refuse", values, () => `Proposal ${row.id} is refused.`));
  if (row.state === "APPROVED") return [button("Carry it out", () => act(path + "carry-out", {}, () => `Proposal ${row.id} is done.`)), refuse];
  if (row.approvers.includes(me.who)) return [soft("You approved it; another one is needed."), refuse];
  return [decide("Approve", [node("p", {}, "Once enough have approved it is done at once.")], "Approve",
    () => act(path + "approve", { hash: row.hash }, (found) => outcome(found.proposal))), refuse];
}

function outcome(found) {
  const left = found.needed - found.approvers.length;
  if (found.state === "EXECUTED") return `Proposal ${found.id} is approved and done.`;
  if (found.state === "PROPOSED") return `You approved proposal ${found.id}; ${left} more must.`;
  return `Proposal ${found.id} is ${found.state}${found.reason ? `: ${found.reason}` : ""}.`;
}
