// Merit: the round that runs, my pool, my stake, where rewards go, and what the last days brought.
import { action, ask, field, form, node, table } from "./page.js";

const EXT = 10n ** 18n;
const MEMBERS = 200; // shown to their master
const seconds = (at) => new Date(at * 1000).toLocaleString();
const percent = (bp) => `${bp / 100} %`;

export async function merit(place) {
  const again = () => merit(place);
  const [found, pools, own] = await Promise.all([ask("GET", "merit"), read("/pools"), ask("GET", "merit/days")]);
  place.replaceChildren(node("h1", {}, "Merit"), running(found), mine(found, again), choosing(found, pools.pools, again),
    staking(found, again), going(found, again), days(own.days, found), mastering(found, again));
}

async function read(address) {
  const reply = await fetch(address);
  if (!reply.ok) throw new Error(`The exchange answered ${reply.status}; try again in a moment.`);
  return reply.json();
}

const card = (title, ...children) => node("div", { class: "card" }, node("h2", {}, title), ...children);
const soft = (text) => node("p", { class: "soft" }, text);
const said = () => node("p", { class: "said", role: "status" });
const act = (verb, more = {}) => ask("POST", "merit/pool", { verb, ...more });

function running(found) {
  const fees = found.fees.map((one) => `${one.amount} ${one.asset}`).join(", ");
  return card("Now", node("p", {}, `Round ${found.round}, day ${found.day_in_round + 1} of ${found.round_days}; this day ends ${seconds(found.end)}.`),
    soft(fees ? `Fees of this round so far, as they count: ${fees}.` : "You have paid no fees in this round yet, so nothing counts as traded."));
}

function mine(found, again) {
  const line = said();
  const next = found.next_pool;
  const here = found.pool ? `You are in ${found.pool.name}: ${found.pool.members} members, ${found.pool.verified} verified, commission ${percent(found.pool.commission_bp)}`
    + (found.pool.redistribute ? ", the rest shared by what members trade." : ", and the master keeps all.") : "You are in no pool in this round.";
  const later = next === (found.pool ? found.pool.pool : 0) ? "" : next ? `With the next round you are in pool ${next}.` : "With the next round you are in none.";
  const rises = found.pool && found.pool.next_commission_bp > found.pool.commission_bp
    ? `Its commission rises to ${percent(found.pool.next_commission_bp)} with the next round.` : "";
  const vote = found.pool && next === found.pool.pool ? form("", [field("Account of another master", { name: "account", type: "number", min: 0, required: true },
    "who has more than half of the votes is master from the next round on")], "Vote", async ({ account }) => {
    await act("VOTE_MASTER", { pool: found.pool.pool, account: Number(account) });
    return `You voted for account ${account}.`;
  }) : "";
  return card("Your pool", node("p", {}, here), later ? node("p", {}, later) : "", rises ? node("p", { class: "said bad" }, rises) : "",
    next ? action("Leave it with the next round", line, async () => { await act("LEAVE"); await again(); }, "danger") : "", line, vote);
}

function choosing(found, pools, again) {
  const line = said();
  const open = pools.filter((pool) => !pool.closed && pool.pool !== found.next_pool);
  const rows = open.map((pool) => node("li", {}, node("div", {}, pool.name, node("br"),
    node("span", { class: "soft" }, `${pool.members} members, ${pool.verified} verified; commission ${percent(pool.commission_bp)}; ${pool.open_door ? "open door" : "by application"}`)),
    action(pool.open_door ? "Join" : "Apply", line, async () => {
      await act("APPLY", { pool: pool.pool });
      if (!pool.open_door) return `Asked; the master of ${pool.name} decides.`;
      await again();
      return "";
    })));
  return card("Pools", rows.length ? node("ul", { class: "list" }, ...rows) : soft("There is no other pool."), line,
    found.master_of ? "" : form("", [field("Name of a new pool", { name: "text", required: true, minlength: 3, maxlength: 40 }),
      field("Commission", { name: "percent", type: "number", min: 0, max: 20, step: "0.01", required: true, value: 5 }, "percent of what the pool gets")],
    "Found it", async (values) => { await act("FOUND_POOL", { text: values.text, value: Math.round(values.percent * 100) }); await again(); return ""; }));
}

function staking(found, again) {
  if (!found.stake.asset) return card("Stake", soft("There is nothing to stake on this exchange yet."));
  const amount = () => field("Amount", { name: "amount", required: true, inputmode: "decimal" }, found.stake.asset);
  const back = found.stake.asked_back.map((one) => node("li", {}, node("span", {}, `${one.amount} ${found.stake.asset}, free again ${seconds(one.due)}`)));
  return card("Stake", node("p", {}, `${found.stake.staked} ${found.stake.asset} count for you here, and ${found.stake.in_the_vault} in the vault from wallets that you linked; rewards paid to you so far: ${found.stake.paid}.`),
    back.length ? node("ul", { class: "list" }, ...back) : "",
    form("", [amount()], "Stake", async ({ amount: text }) => { await ask("POST", "merit/stake", { amount: text }); await again(); return ""; }),
    form("", [amount()], "Ask back", async ({ amount: text }) => { await ask("POST", "merit/unstake", { amount: text }); await again(); return ""; }));
}

function going(found, again) {
  const chain = node("input", { type: "checkbox", name: "on_chain", checked: found.on_chain });
  return form("Where rewards go", [soft(found.on_chain ? `You claim them on chain with ${found.address}.` : "They are credited to your account."),
    field("Address", { name: "address", maxlength: 42, value: found.address, autocomplete: "off" }, "0x…; a seat in Congress or Senate needs one, too"),
    node("label", { class: "tick" }, chain, "claim on chain instead")], "Keep it", async (values) => {
    await ask("POST", "merit/choice", { on_chain: Boolean(values.on_chain), address: values.address.trim() });
    await again();
    return "";
  });
}

function days(found, merit) {
  const line = said(), proof = node("div", {});
  const rows = found.map(({ day, begin, end, mine: own }) => {
    const parts = own ? [own.reward_poe, own.reward_stake, own.reward_pool] : [0, 0, 0];
    const sum = parts.reduce((a, one) => a + BigInt(one), 0n);
    return [node("a", { href: `/rounds#day/${day}`, title: `until ${seconds(end)}` }, `${day}`), own ? volume(own.volume, merit.reference.decimals) : "–",
      own ? ext(BigInt(own.token_seconds) / BigInt(end - begin)) : "–",
      ...parts.map(ext), ext(sum), own && own.cumulative !== "0" ? action("Proof", line, async () => {
        const { claim } = await ask("GET", "merit/days/" + day);
        proof.replaceChildren(claim ? node("div", { class: "code" }, `claim day ${claim.day} for ${claim.address}: ${claim.cumulative} in all, proof ${claim.proof.join(" ")}`)
          : soft("That day is long ago: what may be claimed is a sum, so take the proof of a later one."));
        return "";
      }) : ""];
  });
  return card("Your days", rows.length ? table([["Day", "text"], [`Volume, ${merit.reference.asset}`, "wide"], ["Staked, EXT", "wide"], ["Existence", "wide"], ["Stake", "wide"], ["Pool", "wide"], ["Sum, EXT", ""], ["", ""]], rows)
    : soft("None is published yet."), proof, line, node("p", {}, node("a", { href: "/rounds" }, "Rounds, pools and rewards of all")));
}

// Atoms with two places, rounded down.
const volume = (atoms, decimals) => {
  const cents = decimals > 2 ? BigInt(atoms) / 10n ** BigInt(decimals - 2) : BigInt(atoms) * 10n ** BigInt(2 - decimals);
  return `${cents / 100n}.${String(cents % 100n).padStart(2, "0")}`;
};

// Units of 10^-18 as a decimal with four places, rounded down.
function ext(units) {
  const value = BigInt(units);
  return `${value / EXT}.${String((value % EXT) / 10n ** 14n).padStart(4, "0")}`;
}

function mastering(found, again) {
  const pool = found.master_of;
  if (!pool) return "";
  const line = said();
  const asked = pool.applications.map((account) => node("li", {}, node("div", {}, `Account ${account} asks to be admitted.`),
    action("Admit", line, async () => { await act("ADMIT", { pool: pool.pool, account }); await again(); return ""; }),
    action("Refuse", line, async () => { await act("REFUSE", { pool: pool.pool, account }); await again(); return ""; }, "danger")));
  const change = (title, verb, value) => action(title, line, async () => { await act(verb, { pool: pool.pool, value }); await again(); return ""; });
  const of = (title, verb, account, kind) => action(title, line, async () => { await act(verb, { pool: pool.pool, account }); await again(); return ""; }, kind);
  const others = pool.accounts.filter((account) => account !== pool.account);
  const people = others.slice(0, MEMBERS).map((account) => node("li", {}, node("div", {}, `Account ${account}${account === pool.next_master ? ", master from the next round on" : ""}`),
    of("Make master", "NAME_MASTER", account), of("Ban", "BAN", account, "danger")));
  const banned = pool.banned.map((account) => node("li", {}, node("div", {}, `Account ${account} is banned.`), of("Let back", "UNBAN", account)));
  return card(`Your pool ${pool.name}, as its master`, asked.length ? node("ul", { class: "list" }, ...asked) : soft("Nobody asks to be admitted."),
    node("div", { class: "row" }, pool.open_door ? change("Close the door", "SET_DOOR", 0) : change("Open the door", "SET_DOOR", 1),
      pool.next_redistribute ? change("Keep all from the next round on", "SET_REDISTRIBUTE", 0) : change("Share from the next round on", "SET_REDISTRIBUTE", 1)), line,
    node("details", {}, node("summary", {}, `Members in this round: ${pool.accounts.length}`),
      soft("Who is banned leaves with the next round and cannot apply again. A new master takes over with the next round."),
      people.length ? node("ul", { class: "list" }, ...people) : soft("You alone."),
      others.length > MEMBERS ? soft(`The first ${MEMBERS}.`) : "", ...(banned.length ? [node("ul", { class: "list" }, ...banned)] : [])),
    form("", [field("Commission", { name: "percent", type: "number", min: 0, max: 20, step: "0.01", required: true, value: pool.next_commission_bp / 100 },
      "percent, from the next round on; a raise is mailed to your members")], "Set it",
    async (values) => { await act("SET_COMMISSION", { pool: pool.pool, value: Math.round(values.percent * 100) }); await again(); return ""; }),
    form("", [field("Description", { name: "text", rows: 3, maxlength: 1000 }, "for everybody")], "Describe it",
      async ({ text }) => { await act("DESCRIBE_POOL", { pool: pool.pool, text }); await again(); return ""; }));
}
