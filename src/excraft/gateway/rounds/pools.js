// Pools: all of them, and one with its last days.
import { node, table } from "/desk/page.js";
import { read } from "./rounds.js";
import { amount, bars, card, ext, facts, mark, percent, soft, time } from "./show.js";

const VERIFIED = "POOL_VERIFIED_MIN";

export function pools(merit, { pools: shown, of }) {
  const { decimals, asset } = merit.reference;
  if (!of) return card("Pools", soft("Nobody has founded one yet. You can, at your desk."));
  const rows = shown.map((one) => [
    one.last?.rank ? String(one.last.rank) : "–",
    node("span", {}, node("a", { href: `#pool/${one.pool}` }, one.name)),
    `${one.verified} of ${one.members}`, one.last ? amount(one.last.volume, decimals) : "–",
    one.last ? ext(one.last.units) : "–", one.redistribute ? percent(one.commission_bp) : "all", standing(one, merit),
  ]);
  return card("Pools", soft("By proof of existence on the last published day; volume is shown as it counts."),
    table([["Rank", ""], ["Pool", "text long"], ["Verified", "wide"], [`Volume, ${asset}`, ""], ["Reward, EXT", ""], ["Master takes", "wide"], ["", "wide"]], rows),
    shown.length < of ? soft(`The first ${shown.length} of ${of}. Any other is at #pool/ and its number.`) : "");
}

export async function pool(number) {
  const merit = await read("/merit");
  const found = await read(`/pools/${number}`);
  const { decimals, asset } = merit.reference;
  const least = merit.parameters[VERIFIED];
  const days = [...found.days].reverse();
  return [node("h1", {}, found.name), why(found, least), node("p", { class: "described" }, found.text),
    card("Terms", facts([
      ["Members", `${found.members}, ${found.verified} of them verified, as the round began`],
      ["Commission", terms(percent(found.commission_bp), percent(found.next_commission_bp))],
      ["Rewards", terms(sharing(found.redistribute), sharing(found.next_redistribute))],
      ["Door", found.open_door ? "open: who joins is in with the next round" : "the master admits who applies"],
    ])),
    card("Last days", days.length ? "" : soft("No day is published yet in which it was there."),
      days.length ? bars(`Reward of each day, EXT; the highest ${ext(most(days, "units"))}`, days.map((d) => [`day ${d.day}: ${ext(d.units)} EXT`, BigInt(d.units)])) : "",
      days.length ? bars(`Counted volume of each day, ${asset}; the highest ${amount(most(days, "volume"), decimals)}`,
        days.map((d) => [`day ${d.day}: ${amount(d.volume, decimals)} ${asset}`, BigInt(d.volume)])) : "",
      days.length ? table([["Day", "text"], ["Rank", ""], ["Verified", "wide"], ["Volume", ""], ["Reward", ""], ["Master takes", "wide"]],
        found.days.map((d) => [node("a", { href: `#day/${d.day}`, title: `until ${time(d.end)}` }, `${d.day}`), d.rank ? String(d.rank) : "–", String(d.verified),
          amount(d.volume, decimals), ext(d.units), d.redistribute ? percent(d.commission_bp) : "all"])) : "")];
}

// One word, for the list of all.
function standing(one, merit) {
  if (one.closed) return mark("closed", "bad");
  if (!one.active || one.verified < merit.parameters[VERIFIED]) return mark("no rewards", "bad");
  return one.open_door ? mark("open door", "good") : mark("by application");
}

function why(found, least) {
  if (found.closed) return node("p", {}, mark("closed", "bad"), " Nobody is in it any more.");
  if (!found.active) return node("p", {}, mark("no rewards", "bad"), " Its master was no member when the round began, or is frozen.");
  if (found.verified < least) return node("p", {}, mark("no rewards", "bad"), ` It has ${found.verified} verified members; it needs ${least}.`);
  return node("p", {}, mark("may get rewards", "good"), " It is large enough; the first 101 by proof of existence get them.");
}

const most = (days, name) => days.reduce((a, d) => (BigInt(d[name]) > a ? BigInt(d[name]) : a), 0n);
const sharing = (on) => (on ? "shared by what members trade, after the commission" : "the master keeps all");
const terms = (now, next) => (now === next ? now : `${now}; from the next round on: ${next}`);
