// Published days: all of them, and one with what anybody needs to check it.
import { node, table } from "/desk/page.js";
import { read } from "./rounds.js";
import { bars, card, ext, facts, soft, time } from "./show.js";

const SHOWN = 31;
const FILES = ["members", "fills", "stakes", "pools", "flagged", "rates", "results", "pool_results"];

export function days(found) {
  if (!found.length) return card("Published days", soft("None yet: a day is published when it is over."));
  const shown = found.slice(0, SHOWN);
  return card("Published days",
    bars("Paid by day, EXT", [...shown].reverse().map((d) => [`day ${d.day}: ${ext(d.paid)} EXT`, BigInt(d.paid)])),
    table([["Day", "text"], ["Emitted", "wide"], ["Existence", "wide"], ["Stake", "wide"], ["Pools", "wide"], ["Paid, EXT", ""]],
      shown.map((d) => [node("a", { href: `#day/${d.day}`, title: `until ${time(d.end)}` }, `${d.day}`), ext(d.emitted), ext(d.poe), ext(d.stake), ext(d.pools), ext(d.paid)])));
}

export async function day(number) {
  const { facts: told, results, dataset_hash: hash } = await read(`/rewards/day/${number}/manifest.json`);
  if (!results) throw new Error(`The facts of day ${number} are published, its results are not yet; try again in a moment.`);
  const folder = `/rewards/day/${number}`;
  const name = `day-${String(number).padStart(5, "0")}`;
  return [node("h1", {}, `Day ${number} of round ${told.round}`), soft(`From ${time(told.begin)} to ${time(told.end)}.`),
    card("Sums, EXT", facts([
      ["Emitted", ext(results.emitted)], ["For existence", ext(results.poe)], ["For stake", ext(results.stake)],
      ["For pools", ext(results.pools)], ["Paid", ext(results.paid)], ["Carried so far", ext(results.carry)], ["May be claimed on chain so far", ext(results.total)],
    ])),
    card("Hashes", facts([["Dataset", node("code", {}, hash)], ["Root of the claims", node("code", {}, `0x${results.roots.claims}`)]]),
      soft("Both are posted on the chain where this exchange has its contracts.")),
    card("Check it yourself", soft("Everybody's id is salted; your own is at your desk. Put these files into one folder:"),
      node("p", { class: "ways" }, ...["manifest.json", ...FILES.map((one) => `${one}.csv`)].map((file) =>
        node("a", { href: `${folder}/${file}`, download: file }, file))),
      node("div", { class: "code" }, `python3 tools/verify_rewards.py ${name} --facts ${hash}`))];
}
