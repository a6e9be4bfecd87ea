#!/usr/bin/env python3
"""Does the exchange count what it owes me? Usage: verify_liabilities.py proof.json root.json

Take root.json from where everybody sees the same one, not from where you got the proof.
Exit code 0: it holds, the balances are printed; 1: it does not, the place that is wrong is printed;
2: it could not be checked. Needs Python 3.9 or later, nothing else. Amounts are digits in quotes.

A leaf is a part of your balance. The hash of an inner node is over the sums and the hashes of both
its children, and no sum is negative: who is left out or counted too low makes the total lower.
"""

import json
import re
import sys
from hashlib import sha256

LIMIT = 1 << 127  # of every sum
MEMBER_TAG, LEAF_TAG = b"excraft:owed:member\0", b"excraft:owed:leaf:1\0"
NODE_TAG, ROOT_TAG = b"excraft:owed:node:1\0", b"excraft:owed:root:1\0"
NAME, HASH, DIGITS = ".{0,100}", "[0-9a-f]{64}", "0|[1-9][0-9]{0,38}"
ROOT = {"format": "excraft liabilities root 1", "exchange": NAME, "log_hash": HASH, "hash": HASH,
        "day": "[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{6}Z)?", "state_hash": HASH}


class Wrong(Exception):
    """The proof or the root is not right; the text says where."""


def need(holds, where, what):
    if not holds:
        raise Wrong(f"{where}: {what}")


def text(value, pattern, where):
    fits = isinstance(value, str) and value.isprintable() and re.fullmatch(pattern, value)
    need(fits, where, f"{value!r:.60} is not of the form {pattern}")
    return value


def hash_of(value, where):
    return bytes.fromhex(text(value, HASH, where))


def atoms(value, where):
    need(int(text(value, DIGITS, where)) < LIMIT, where, f"{value} is 2^127 or more")
    return int(value)


def count(value, limit, where):
    need(type(value) is int and 0 <= value < limit, where, f"{value!r:.60} is no such count")
    return value


def fields(value, names, where):
    same = isinstance(value, dict) and set(value) == set(names.split())
    need(same, where, f"must be an object of exactly: {names}")
    return [value[name] for name in names.split()]


def listed(value, where):
    need(isinstance(value, list), where, "must be a list")
    return [(entry, f"{where}[{number}]") for number, entry in enumerate(value)]


def check_root(root):
    """Decimals, height, total and hash of the assets by symbol."""
    fields(root, " ".join(ROOT) + " position assets", "root")
    for name, pattern in ROOT.items():
        text(root[name], pattern, "root." + name)
    count(root["position"], 1 << 53, "root.position")
    found = {}
    for asset, at in listed(root["assets"], "root.assets"):
        symbol, places, height, total, top = fields(asset, "symbol decimals height total hash", at)
        need(text(symbol, r"\S+", at + ".symbol") not in found, at, f"{symbol} is there twice")
        found[symbol] = (count(places, 37, at + ".decimals"), count(height, 41, at + ".height"),
                         atoms(total, at + ".total"), hash_of(top, at + ".hash"))
    rest = {name: value for name, value in root.items() if name != "hash"}
    own = json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()
    own = sha256(ROOT_TAG + own).hexdigest()
    need(root["hash"] == own, "root.hash", f"the rest of the root has hash {own}")
    return found


def check_part(part, symbol, who, tree, where):
    """One part of a balance, from its leaf to the top: (place of the leaf, atoms)."""
    own, salt, path = fields(part, "atoms salt path", where)
    own, salt, place = atoms(own, where + ".atoms"), hash_of(salt, where + ".salt"), 0
    leaf, steps = who + own.to_bytes(16, "big") + salt, listed(path, where + ".path")
    total, top = own, sha256(LEAF_TAG + leaf + symbol.encode()).digest()
    need(len(steps) == tree[1], where + ".path", f"{len(steps)} steps; the tree has {tree[1]}")
    for level, (step, at) in enumerate(steps):
        side, other, beside = fields(step, "side sum hash", at)
        left = text(side, "left|right", at + ".side") == "left"
        other, beside = atoms(other, at + ".sum"), hash_of(beside, at + ".hash")
        mine, its = total.to_bytes(16, "big") + top, other.to_bytes(16, "big") + beside
        top = sha256(NODE_TAG + (its + mine if left else mine + its)).digest()
        total, place = total + other, place | left << level
        need(total < LIMIT, at + ".sum", "here the sum reaches 2^127")
    need(total == tree[2], where, f"the sums lead to {total}, the root has {tree[2]}")
    need(top == tree[3], where, "does not lead to the hash in the root")
    return place, own


def check_proof(proof, root, found):
    """Atoms by symbol, when everything holds."""
    form, own_root, member, account, nonce, assets = fields(
        proof, "format root member account nonce assets", "proof")
    text(form, "excraft liabilities proof 1", "proof.format")
    need(own_root == root["hash"], "proof.root", f"{own_root!r:.70} is another root")
    who = count(account, 1 << 53, "proof.account").to_bytes(8, "big")
    who += hash_of(nonce, "proof.nonce") + text(member, NAME, "proof.member").encode()
    who = sha256(MEMBER_TAG + who).digest()
    owed = {}
    for symbol, parts in zip(found, fields(assets, " ".join(found), "proof.assets")):
        at = f"proof.assets.{symbol}"
        checked = [check_part(p, symbol, who, found[symbol], w) for p, w in listed(parts, at)]
        need(len(dict(checked)) == len(checked), at, "two parts are the same leaf")
        owed[symbol] = sum(amount for _, amount in checked)
    return owed


def load(path):
    def object_of(pairs):
        need(len(dict(pairs)) == len(pairs), path, f"a name is there twice: {pairs!r:.200}")
        return dict(pairs)

    with open(path, "rb") as file:
        return json.loads(file.read(64 << 20).decode(), object_pairs_hook=object_of)


def main(proof_file="", root_file="", *more):
    if not root_file or more:
        raise ValueError("name two files: proof.json root.json")
    proof, root = load(proof_file), load(root_file)
    owed = check_proof(proof, root, found := check_root(root))
    print(f"Yes: {root['exchange']} counts this for account {proof['account']}, member "
          f"{proof['member']!r}, on {root['day']} at log position {root['position']}:")
    for symbol, (decimals, *_) in found.items():
        units, rest = divmod(owed[symbol], 10**decimals)
        print(f"  {symbol:<10} {units}.{rest:0{decimals}}")
    print(f"Compare with the published root hash: {root['hash']}")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Wrong as wrong:
        sys.exit(print(f"NO: {wrong}") or 1)
    except (OSError, ValueError, RecursionError) as trouble:
        sys.exit(print(f"could not be checked: {trouble}", file=sys.stderr) or 2)
