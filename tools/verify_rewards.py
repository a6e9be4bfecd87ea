#!/usr/bin/env python3
"""Were the rewards of a day computed as the rules say?

    verify_rewards.py FOLDER/day-00042 [--before FOLDER/day-00041] [--root 0x...] [--facts HASH]
                      [--member ID]

Reads the published tables, computes everything again and compares. Exit code 0: all numbers are
right; 1: they are not, the table and line that are wrong are printed with both numbers; 2: it could
not be checked. `--before` also compares with the day before, `--root` with the root on the chain,
`--facts` with the dataset hash on the chain; `--member` prints what a member did and gets.
Needs Python 3.9 or later, nothing else. The tree takes a while: about 1 ms for each address.

This is a second implementation of the rules in docs/merit.md; it shares no code with the exchange.
"""

import argparse
import json
import re
import sys
from collections import defaultdict
from fractions import Fraction
from hashlib import sha256
from pathlib import Path

FACTS = {
    "members": "id:i owner:o verified:f banned:f house:f pool:n address:a choice:c before:n",
    "fills": "trade:n id:i other:i maker:f asset:n fee:n notional:n weight:n",
    "stakes": "id:i source:s units:n begin:n end:n",
    "pools": "pool:n master:i redistribute:f commission_bp:n active:f verified:n",
    "flagged": "low:i high:i",
    "rates": "asset:n numerator:n denominator:n",
}
RESULTS = {
    "results": "id:i poe:n token_seconds:n reward_poe:n reward_stake:n reward_pool:n cumulative:n",
    "pool_results": "pool:n poe:n units:n",
}
KEYS = {"fills": (0, 3), "stakes": (0, 1, 3), "flagged": (0, 1)}  # others: by the first column
PATTERNS = {"i": "[0-9a-f]{32}", "o": "([0-9a-f]{32})?", "f": "[01]", "n": "0|[1-9][0-9]{0,37}",
            "a": "(0x[0-9a-f]{40})?", "c": "credit|chain", "s": "exchange|vault"}
TERMS = ("poe_bp stake_bp cap_poe_bp cap_pools_bp cap_revenue_bp first halving supply "
         "max_rebate_ppm max_referral_ppm base_fee_ppm price_move_bp seats verified_min").split()
COMMISSION_MAX_BP, CAPS_TOGETHER_BP = 2_000, 9_000


class Wrong(Exception):
    """Something published is not right; the text says where."""


def need(holds, where, what):
    if not holds:
        raise Wrong(f"{where}: {what}")


def same(where, published, right):
    need(published == right, where, f"published is {published}, computed from the facts {right}")


# ---- the tables
def table(folder, name, columns, files):
    """Rows of a table as tuples, one by one; its hash is compared when the last one was read."""
    names, kinds = zip(*(part.split(":") for part in columns.split()))
    pattern = re.compile(",".join(f"(?:{PATTERNS[kind]})" for kind in kinds) + "\n")
    keys, last, digest, line = KEYS.get(name, (0,)), None, sha256(), 1
    need(isinstance(files.get(name), dict), f"manifest, files.{name}", "is missing")
    with open(folder / f"{name}.csv", "rb") as file:
        for line, text in enumerate(file, 1):
            digest.update(text)
            text, where = text.decode("utf-8", "replace"), f"{name}, line {line}"
            if line == 1:
                need(text == ",".join(names) + "\n", where, f"the header must be {','.join(names)}")
                continue
            need(pattern.fullmatch(text), where,
                 f"{text!r:.200} is not of the form {', '.join(names)}")
            cells = zip(text[:-1].split(","), kinds)
            row = [int(cell) if kind in "fn" else cell for cell, kind in cells]
            key = tuple(row[place] for place in keys)
            in_order = last is None or last < key or (name == "stakes" and last == key)
            need(in_order, where, f"{key} comes after {last}: twice, or out of order")
            last = key
            yield line, tuple(row)
    same(f"{name}.csv, SHA-256", files[name].get("sha256"), digest.hexdigest())
    same(f"{name}.csv, rows", files[name].get("rows"), line - 1)


def manifest_of(folder):
    def object_of(pairs):
        need(len(dict(pairs)) == len(pairs), "manifest", f"a name is there twice: {pairs!r:.200}")
        return dict(pairs)

    found = json.loads((folder / "manifest.json").read_bytes(), object_pairs_hook=object_of)
    need(found.get("format") == 1 and found.get("kind") == "day", "manifest", "format 1 of a day")
    need(found.get("results") is not None, "manifest", "the results of this day are not published")
    own = json.dumps(found["facts"], sort_keys=True, separators=(",", ":")).encode()
    same("manifest, dataset_hash", found.get("dataset_hash"), sha256(own).hexdigest())
    return found


def whole(value, where):
    """A number that stands in the manifest as a number, or as digits in quotes."""
    if type(value) is int and value >= 0:
        return value
    need(isinstance(value, str) and re.fullmatch("0|[1-9][0-9]*", value), where, f"{value!r:.60}")
    return int(value)


def fraction(value, where):
    need(isinstance(value, list) and len(value) == 2, where, f"{value!r:.60} is no fraction")
    found = whole(value[0], where), whole(value[1], where)
    need(min(found) > 0, where, f"{found} must be positive")
    return found


# ---- the rules
def largest_remainder(total, weights):
    """Parts of total by weight, by id; the rest goes to the largest remainders, then lower id."""
    everything = sum(weights.values())
    if everything == 0:
        return {}
    parts = {one: total * weight // everything for one, weight in weights.items()}
    left = total - sum(parts.values())
    for one in sorted(weights, key=lambda one: (-(total * weights[one] % everything), one))[:left]:
        parts[one] += 1
    return parts


def poe_of_fill(fill, members, flagged, terms):
    _, who, other, maker, _, fee, notional, weight = fill
    mine, its = members[who], members[other]
    shown = (min(who, other), max(who, other)) in flagged
    one_owner = who == other or (mine["owner"] and mine["owner"] == its["owner"])
    if one_owner or mine["house"] or its["house"] or shown:
        return 0
    rebate = 0 if maker else notional * terms["max_rebate_ppm"] // 10**6
    fee -= rebate + fee * terms["max_referral_ppm"] // 10**6
    return max(fee, 0) * weight // 10**4


def emission(terms, day):
    """Units of a day: halved every `halving` days (0: never), and never beyond the supply."""
    halving = terms["halving"] or day + 1
    plain = [terms["first"] >> (number // halving) for number in range(day + 1)]
    return min(plain[day], max(0, terms["supply"] - sum(plain[:day])))


def price_of(traded, before, move_bp):
    """The traded price, at most move_bp away from the one before, in lowest terms."""
    if traded is None:
        return before
    low, high = (Fraction(*before) * (10**4 + move) / 10**4 for move in (-move_bp, move_bp))
    return min(max(Fraction(*traded), low), high).as_integer_ratio()


def emission_parts(emitted, poe, poe_in_pools, price, terms):
    """The three parts: what the shares give, and no more than the fees behind them are worth."""
    by_poe, by_stake = (emitted * terms[name] // 10**4 for name in ("poe_bp", "stake_bp"))
    caps = [terms["cap_poe_bp"] * poe, terms["cap_pools_bp"] * poe_in_pools]
    caps = [cap * price[1] // (10**4 * price[0]) for cap in caps]
    return min(by_poe, caps[0]), by_stake, min(emitted - by_poe - by_stake, caps[1])


# ---- the facts
def read_members(folder, files):
    members = {}
    names = [part.split(":")[0] for part in FACTS["members"].split()]
    for line, row in table(folder, "members", FACTS["members"], files):
        members[row[0]] = one = dict(zip(names, row), line=line)
        lacks = not one["address"] and (one["choice"] == "chain" or one["before"])
        need(not lacks, f"members, line {line}", "who claims on chain needs an address")
    return members


def count_poe(folder, files, members, terms):
    """PoE by member, in the reference asset."""
    flagged, sums, poe = set(), defaultdict(int), defaultdict(int)
    for line, (low, high) in table(folder, "flagged", FACTS["flagged"], files):
        need(low < high, f"flagged, line {line}", "the lower id comes first")
        known(members, f"flagged, line {line}", low, high)
        flagged.add((low, high))
    for line, fill in table(folder, "fills", FACTS["fills"], files):
        known(members, f"fills, line {line}", fill[1], fill[2])
        need(fill[7] <= 10**4, f"fills, line {line}", f"weight {fill[7]} is more than 10000")
        sums[fill[1], fill[4]] += poe_of_fill(fill, members, flagged, terms)
    rates = {}
    for line, (asset, numerator, denominator) in table(folder, "rates", FACTS["rates"], files):
        need(denominator, f"rates, line {line}", "denominator is 0")
        rates[asset] = numerator, denominator
    for (who, asset), amount in sums.items():
        if asset in rates:
            poe[who] += amount * rates[asset][0] // rates[asset][1]
    return poe


def count_stake(folder, files, members, facts):
    stake = defaultdict(int)
    for line, (who, _, units, begin, end) in table(folder, "stakes", FACTS["stakes"], files):
        known(members, f"stakes, line {line}", who)
        in_day = facts["begin"] <= begin <= end <= facts["end"]
        need(in_day, f"stakes, line {line}", f"{begin} to {end} is not in the day")
        stake[who] += 0 if members[who]["house"] else units * (end - begin)
    return stake


def known(members, where, *ids):
    for one in ids:
        need(one in members, where, f"{one} is not in the table members")


def read_pools(folder, files, members, poe, terms):
    """Pools by number, with their members and PoE; and the PoE of those that are eligible."""
    pools = {}
    names = [part.split(":")[0] for part in FACTS["pools"].split()]
    for line, row in table(folder, "pools", FACTS["pools"], files):
        pools[row[0]] = one = dict(zip(names, row), members=[], poe=0)
        known(members, f"pools, line {line}", one["master"])
        cut = one["commission_bp"]
        need(cut <= COMMISSION_MAX_BP, f"pools, line {line}", f"commission_bp {cut} > 2000")
    for who, one in members.items():
        if one["pool"]:
            need(one["pool"] in pools, f"members, line {one['line']}", f"no pool {one['pool']}")
            pools[one["pool"]]["members"].append(who)
            pools[one["pool"]]["poe"] += poe[who]
    able = [(-one["poe"], -one["verified"], number) for number, one in pools.items()
            if one["active"] and one["poe"] and one["verified"] >= terms["verified_min"]]
    return pools, {number: -poe for poe, _, number in sorted(able)[:terms["seats"]]}


# ---- everything again
def compute(folder, manifest):
    facts, files = manifest["facts"], manifest["facts"].get("files", {})
    need(set(files) == set(FACTS), "manifest, files", f"must be exactly {', '.join(FACTS)}")
    terms = {name: whole(facts["terms"].get(name), f"manifest, terms.{name}") for name in TERMS}
    need(terms["poe_bp"] + terms["stake_bp"] <= 10**4, "manifest, terms", "shares over 10000 bp")
    caps = sum(terms[name] for name in ("cap_poe_bp", "cap_pools_bp", "cap_revenue_bp"))
    need(caps <= CAPS_TOGETHER_BP, "manifest, terms", f"the caps are {caps} bp, more than 9000")
    traded = facts["traded"] and fraction(facts["traded"], "manifest, traded")
    before = fraction(facts["price_before"], "manifest, price_before")
    members = read_members(folder, files)
    poe = count_poe(folder, files, members, terms)
    stake = count_stake(folder, files, members, facts)
    pools, eligible = read_pools(folder, files, members, poe, terms)

    price, emitted = price_of(traded, before, terms["price_move_bp"]), emission(terms, facts["day"])
    parts = emission_parts(emitted, sum(poe.values()), sum(eligible.values()), price, terms)
    by_poe, by_stake = largest_remainder(parts[0], poe), largest_remainder(parts[1], stake)
    by_pool, units = defaultdict(int), largest_remainder(parts[2], eligible)
    for number, amount in units.items():
        one = pools[number]
        cut = amount * one["commission_bp"] // 10**4 if one["redistribute"] else amount
        by_pool[one["master"]] += cut
        shares = largest_remainder(amount - cut, {who: poe[who] for who in one["members"]})
        for who, share in shares.items():
            by_pool[who] += share
    rows, claims = [], defaultdict(int)
    for who, one in members.items():
        gets = by_poe.get(who, 0), by_stake.get(who, 0), by_pool[who]
        cumulative = one["before"] + (sum(gets) if one["choice"] == "chain" else 0)
        rows.append((who, poe[who], stake[who], *gets, cumulative))
        if cumulative:
            claims[one["address"]] += cumulative
    total_before = sum(one["before"] for one in members.values())
    same("manifest, total_before", whole(facts["total_before"], "total_before"), total_before)
    paid = sum(sum(row[3:6]) for row in rows)
    carry = whole(facts["carry_before"], "manifest, carry_before")
    nothing = facts["day"] > 0 or not (carry or total_before)
    need(nothing, "manifest, facts", "before day 0 there is neither carry nor a claim")
    carry += emitted - paid
    pool_rows = [(number, one["poe"], units.get(number, 0)) for number, one in pools.items()]
    right = {"emitted": emitted, "price": price, "poe": parts[0], "stake": parts[1],
             "pools": parts[2], "paid": paid, "carry": carry, "total": sum(claims.values())}
    return members, rows, pool_rows, right, claims


def compare(folder, manifest, rows, pool_rows, right):
    """Line by line; what is said is where the first difference stands."""
    published, files = manifest["results"], manifest["results"].get("files", {})
    for name, mine in (("pool_results", pool_rows), ("results", rows)):
        names, line = [part.split(":")[0] for part in RESULTS[name].split()], 1
        for line, row in table(folder, name, RESULTS[name], files):
            need(line - 2 < len(mine), f"{name}, line {line}", f"{row} is one line too many")
            for column, value, expected in zip(names, row, mine[line - 2]):
                same(f"{name}, line {line}, {column}", value, expected)
        need(line - 1 == len(mine), f"{name}, line {line + 1}", f"missing is {mine[line - 1:][:1]}")
    for name, value in right.items():
        where = f"manifest, results.{name}"
        found = (fraction if name == "price" else whole)(published[name], where)
        same(where, found, value)


def compare_before(folder, facts, members):
    """The day before must lead to this one."""
    before = manifest_of(folder)
    same("manifest, day (from --before)", facts["day"], before["facts"]["day"] + 1)
    same("manifest, begin (from --before)", facts["begin"], before["facts"]["end"])
    follows = facts["round"] - before["facts"]["round"] in (0, 1)
    need(follows, "manifest, round", f"{facts['round']} after {before['facts']['round']}")
    for old in ("carry", "price", "total"):
        name = f"{old}_before"
        same(f"manifest, {name} (from --before)", facts[name], before["results"][old])
    claimed, claims, files = defaultdict(int), defaultdict(int), before["facts"]["files"]
    address = {row[0]: row[6] for _, row in table(folder, "members", FACTS["members"], files)}
    for line, row in table(folder, "results", RESULTS["results"], before["results"]["files"]):
        need(row[0] in address, f"results of the day before, line {line}", "is no member")
        claimed[address[row[0]]] += row[6]
    for one in members.values():
        claims[one["address"]] += one["before"]
    for where in sorted(set(claimed) | set(claims)):
        same(f"members, before, of {where or 'nobody'}", claims[where], claimed[where])


# ---- the tree
def keccak_constants():
    """The constants of Keccak-f[1600], from the rules that define them: of rounds, and turns."""
    bits, x, y, constants, turns = 1, 1, 0, [], {(0, 0): 0}
    for _ in range(24):
        constant = 0
        for place in range(7):
            constant |= (bits & 1) << ((1 << place) - 1)
            bits = bits << 1 ^ (0x171 if bits & 0x80 else 0)
        constants.append(constant)
    for step in range(24):
        turns[x, y] = (step + 1) * (step + 2) // 2 % 64
        x, y = y, (2 * x + 3 * y) % 5
    return constants, turns


CONSTANTS, LANES = keccak_constants()


def keccak(message):
    """Keccak-256 of at most 135 bytes, which are one block."""
    block = bytearray(message + b"\1" + bytes(135 - len(message)))
    block[135] |= 0x80
    grid = [int.from_bytes(block[at:at + 8], "little") for at in range(0, 136, 8)] + [0] * 8
    mask = (1 << 64) - 1
    for constant in CONSTANTS:
        c = [grid[x] ^ grid[x + 5] ^ grid[x + 10] ^ grid[x + 15] ^ grid[x + 20] for x in range(5)]
        d = [c[x - 1] ^ ((c[(x + 1) % 5] << 1 | c[(x + 1) % 5] >> 63) & mask) for x in range(5)]
        moved = [0] * 25
        for (x, y), turn in LANES.items():
            word = grid[x + 5 * y] ^ d[x]
            moved[y + 5 * ((2 * x + 3 * y) % 5)] = (word << turn | word >> (64 - turn)) & mask
        for y in range(0, 25, 5):
            row = moved[y:y + 5]
            for x in range(5):
                grid[y + x] = row[x] ^ (~row[(x + 1) % 5] & mask & row[(x + 2) % 5])
        grid[0] ^= constant
    return b"".join(word.to_bytes(8, "little") for word in grid[:4])


def root_of(claims):
    """As OpenZeppelin's StandardMerkleTree of (address, uint256)."""
    leaves = (keccak(keccak(bytes(12) + bytes.fromhex(one[2:]) + units.to_bytes(32, "big")))
              for one, units in claims.items())
    nodes = [b""] * (len(claims) - 1) + sorted(leaves, reverse=True)
    for at in range(len(nodes) // 2 - 1, -1, -1):
        nodes[at] = keccak(b"".join(sorted(nodes[2 * at + 1:2 * at + 3])))
    return nodes[0].hex() if nodes else "00" * 32


def check(folder, before=None, root=None, facts_hash=None):
    """Raises Wrong unless everything is right; (manifest, members, rows)."""
    manifest = manifest_of(folder)
    members, rows, pool_rows, right, claims = compute(folder, manifest)
    if before:
        compare_before(before, manifest["facts"], members)
    compare(folder, manifest, rows, pool_rows, right)
    own = root_of(claims)
    same("manifest, results.roots.claims", manifest["results"]["roots"]["claims"], own)
    for what, given, found in (("root", root, own),
                               ("hash of facts", facts_hash, manifest["dataset_hash"])):
        if given:
            same(f"the {what} that was given", given.lower().removeprefix("0x"), found)
    return manifest, members, rows


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("folder", "--before", "--root", "--facts", "--member"):
        parser.add_argument(name, type=Path if name in ("folder", "--before") else str)
    given = parser.parse_args(arguments)
    manifest, members, rows = check(given.folder, given.before, given.root, given.facts)
    facts, results = manifest["facts"], manifest["results"]
    print(f"Yes: day {facts['day']}, {len(rows)} members, pays {results['paid']} of "
          f"{results['emitted']} units; carry is {results['carry']}.")
    print(f"Compare with the chain: root 0x{results['roots']['claims']}, total {results['total']}, "
          f"dataset hash 0x{manifest['dataset_hash']}")
    if given.member:
        mine = [row for row in rows if row[0] == given.member]
        need(mine, "--member", f"{given.member} is not in this day")
        for part, value in zip(RESULTS["results"].split(), mine[0]):
            print(f"  {part.split(':')[0]:<14} {value}")


if __name__ == "__main__":
    try:
        main()
    except Wrong as wrong:
        sys.exit(print(f"NO: {wrong}") or 1)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as why:
        sys.exit(print(f"could not be checked: {type(why).__name__}, {why}", file=sys.stderr) or 2)
