"""The verifier, as a process without any package: it says yes to what is right, and else where."""

import copy
import json
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from excraft.custody.liabilities import MEMBER_TAG, NODE_TAG, leaf_hash, root_hash
from tests.custody.liabilities_made import TOOL, Wrong, checked, made, run, verify

AMOUNTS = {"BTC": [500, 70, 9000, 1, 300], "USDT": [0, 12345, 6, 0, 10**30]}


def whole(account: int = 1) -> tuple[dict, dict]:
    """(proof, root), free to be changed."""
    root, proofs = made(AMOUNTS)
    return copy.deepcopy(proofs[account]), root


def places(value, at=()):
    """The way to every value that is no list and no object."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for key, below in inside:
        if isinstance(below, dict | list):
            yield from places(below, (*at, key))
        else:
            yield (*at, key)


def inner(value, at, change):
    """Apply `change` to what lies at `at`."""
    for key in at[:-1]:
        value = value[key]
    value[at[-1]] = change(value[at[-1]])


def flipped(value):
    if isinstance(value, int):
        return value + 1
    if value in ("left", "right"):
        return "left" if value == "right" else "right"
    if value.isdecimal():
        return str(int(value) + 1)
    return value[:-1] + ("0" if value[-1] != "0" else "1")


def refused(proof, root, where: str = "") -> None:
    """The process says no, and at which place."""
    done = verify(proof, root)
    assert (done.returncode, done.stderr) == (1, ""), done
    assert done.stdout.startswith("NO: ") and where in done.stdout, done.stdout


def wrong(proof, root, where: str = "") -> None:
    """The same without a process."""
    with pytest.raises(Wrong) as caught:
        checked(proof, root)
    assert where in str(caught.value)


def test_the_tool_is_short_and_needs_nothing():
    text = TOOL.read_text()
    assert len(text.splitlines()) <= 150
    assert max(map(len, text.splitlines())) <= 100
    imports = {line.split()[1] for line in text.splitlines() if line.startswith(("import", "from"))}
    assert imports == {"json", "re", "sys", "hashlib"}


def test_it_says_yes_and_the_balances():
    proof, root = whole()
    done = verify(proof, root)
    assert (done.returncode, done.stderr) == (0, "")
    assert "account 1, member 'member 1', on 2026-11-22 at log position 7" in done.stdout
    assert "BTC        0.70\n" in done.stdout and "USDT       123.45\n" in done.stdout
    assert root["hash"] in done.stdout


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(0, 2**121), min_size=1, max_size=9), st.data())
def test_the_process_agrees_with_the_tree(amounts, data):
    root, proofs = made({"BTC": amounts})
    account = data.draw(st.integers(0, len(amounts) - 1))
    done = verify(proofs[account], root)
    assert done.returncode == 0, done
    units, rest = divmod(amounts[account], 100)
    assert f"BTC        {units}.{rest:02}\n" in done.stdout


def test_a_day_without_members_and_one_without_assets():
    assert made({"BTC": []})[0]["assets"][0]["total"] == "0"
    root, _ = made({})
    proof = whole()[0] | {"root": root["hash"], "assets": {}}
    assert checked(proof, root) == {}


def test_every_value_of_a_proof_counts():
    proof, root = whole(4)
    tried = list(places(proof))
    assert len(tried) > 30
    for at in tried:
        forged = copy.deepcopy(proof)
        inner(forged, at, flipped)
        wrong(forged, root, "proof.")
    for at in (("member",), ("assets", "BTC", 0, "path", 1, "side")):
        forged = copy.deepcopy(proof)
        inner(forged, at, flipped)
        refused(forged, root, "proof.")


def test_every_value_of_a_root_counts():
    proof, root = whole()
    for at in places(root):
        forged = copy.deepcopy(root)
        inner(forged, at, flipped)
        wrong(proof, forged, "root.")
    forged["day"] = "2026-11-23"
    refused(proof, forged, "root.")


@pytest.mark.parametrize("field", ["height", "total", "hash"])
def test_a_root_that_is_forged_with_its_own_hash_is_no_better(field):
    proof, root = whole()
    root["assets"][0][field] = flipped(root["assets"][0][field])
    root["hash"] = root_hash(root)
    wrong(proof, root, "proof.root")
    wrong(proof | {"root": root["hash"]}, root, "proof.assets.BTC[0]")


@pytest.mark.parametrize("which", ["proof", "root"])
def test_a_field_too_few_or_too_many(which):
    for at in [(), *places(whole()[which == "root"])]:
        for change in (lambda o: o.pop(next(iter(o))), lambda o: o.update(more=1)):
            files = dict(zip(("proof", "root"), whole(), strict=True))
            target = files[which]
            for key in at[:-1]:
                target = target[key]
            if isinstance(target, dict):
                change(target)
                wrong(files["proof"], files["root"], which)


def test_the_proof_of_another_member_or_another_day():
    proof, root = whole(0)
    wrong(proof | {"member": "member 1"}, root, "proof.assets.BTC[0]")
    wrong(proof | {"account": 1}, root, "proof.assets.BTC[0]")
    other, _ = whole(1)
    wrong(proof | {"assets": other["assets"]}, root, "proof.assets.BTC[0]")
    tomorrow, _ = made(AMOUNTS, "2026-11-23")
    refused(proof, tomorrow, "proof.root")
    wrong(proof | {"root": tomorrow["hash"]}, tomorrow, "proof.assets.BTC[0]")


def test_two_members_with_the_same_balance_cannot_share_a_leaf():
    root, proofs = made({"BTC": [7, 7]})
    assert checked(proofs[0], root) == checked(proofs[1], root) == {"BTC": 7}
    lent = proofs[1] | {"assets": proofs[0]["assets"], "nonce": proofs[0]["nonce"]}
    wrong(lent, root, "does not lead to the hash")


def test_a_part_counts_once_and_belongs_to_its_asset():
    proof, root = whole(2)
    parts = proof["assets"]["BTC"]
    assert len(parts) > 1
    wrong(proof | {"assets": proof["assets"] | {"BTC": [*parts, parts[0]]}}, root, "same leaf")
    wrong(proof | {"assets": proof["assets"] | {"USDT": parts}}, root, "proof.assets.USDT[0]")
    fewer = checked(proof | {"assets": proof["assets"] | {"BTC": parts[1:]}}, root)
    assert fewer["BTC"] == 9000 - int(parts[0]["atoms"])  # the member sees that it is too little


def test_a_path_too_long_or_too_short():
    proof, root = whole()
    path = proof["assets"]["BTC"][0]["path"]
    path.append(path[-1])
    refused(proof, root, "proof.assets.BTC[0].path")
    del path[-2:]
    wrong(proof, root, "proof.assets.BTC[0].path")
    path[:] = path * 2_000
    wrong(proof, root, "proof.assets.BTC[0].path")


def test_an_inner_node_is_no_leaf():
    """A leaf made of two children's bytes: the tags and the height keep them apart."""
    proof, root = whole()
    part = proof["assets"]["BTC"][0]
    step = part["path"].pop(0)
    part["atoms"] = str(int(part["atoms"]) + int(step["sum"]))
    wrong(proof, root, "path")


BAD_SUMS = [
    "-5",
    "+5",
    "05",
    "5.0",
    "1e3",
    " 5",
    "5\n",
    "",
    "\uff15",
    "0x5",
    5,
    5.0,
    True,
    None,
    [],
]


@pytest.mark.parametrize("value", BAD_SUMS)
def test_an_amount_that_is_no_whole_number_from_0(value):
    for at in (("assets", "BTC", 0, "atoms"), ("assets", "BTC", 0, "path", 2, "sum")):
        proof, root = whole()
        inner(proof, at, lambda _: value)
        wrong(proof, root, at[-1])
    root["assets"][1]["total"] = value
    root["hash"] = root_hash(root)
    wrong(proof, root, "root.assets[1].total")


def test_a_negative_sum_whose_hashes_are_all_right():
    """An exchange that owes 100 and hides it under a leaf of -100, spelt in either way."""
    root, (proof,) = made({"BTC": [100]})
    part = proof["assets"]["BTC"][0]
    part["path"], part["atoms"] = [], "100"
    who = sha256(MEMBER_TAG + bytes(8) + bytes.fromhex(proof["nonce"]) + b"member 0").digest()
    own = leaf_hash("BTC", who, 100, bytes.fromhex(part["salt"]))
    below = (2**128 - 100).to_bytes(16, "big") + bytes(32)
    top = sha256(NODE_TAG + (100).to_bytes(16, "big") + own + below).hexdigest()
    root["assets"][0] |= {"height": 1, "total": "0", "hash": top}
    proof["root"] = root["hash"] = root_hash(root)
    for spelling in ("-100", str(2**128 - 100)):
        part["path"] = [{"side": "right", "sum": spelling, "hash": "00" * 32}]
        refused(proof, root, "proof.assets.BTC[0].path[0].sum")


def test_a_sum_that_reaches_the_limit():
    proof, root = whole()
    step = proof["assets"]["BTC"][0]["path"][3]
    step["sum"] = str(2**127)
    wrong(proof, root, "path[3].sum")
    step["sum"] = str(2**127 - 1)
    refused(proof, root, "path[3].sum: here the sum reaches 2^127")
    step["sum"] = "9" * 5000
    wrong(proof, root, "path[3].sum")


@pytest.mark.parametrize("value", [7.0, True, "7", -1, 2**53, None])
def test_a_position_that_is_no_count(value):
    proof, root = whole()
    root["position"] = value
    root["hash"] = sha256(b"any").hexdigest()
    wrong(proof, root, "root.position")


def test_names_that_are_there_twice_in_the_json():
    proof, root = whole()
    text = json.dumps(proof)
    refused(text[:-1] + ', "member": "eve"}', root, "a name is there twice")
    refused(text.replace('"salt"', '"salt": "00", "salt"', 1), root, "a name is there twice")
    twice = copy.deepcopy(root)
    twice["assets"].append(copy.deepcopy(twice["assets"][0]))
    wrong(proof, twice, "BTC is there twice")


@pytest.mark.parametrize("name", ["\ud800", "a\nYes: all is well", "x" * 101, "\x1b[2J", 5, None])
def test_a_name_that_would_fool_the_reader(name):
    proof, root = whole()
    refused(proof | {"member": name}, root, "proof.member")


@pytest.mark.parametrize("text", ["", "{", "null", "[]", "NaN", "5", '{"a": NaN}', "[" * 200_000])
def test_what_is_no_proof_at_all(text):
    done = verify(text, whole()[1])
    assert done.returncode in (1, 2) and "Traceback" not in done.stderr
    assert done.returncode == (1 if text in ("null", "[]", "NaN", "5", '{"a": NaN}') else 2)


def test_wrong_calls(tmp_path):
    for arguments in ((), ("one",), ("one", "two", "three"), (str(tmp_path / "no"), "no")):
        done = run(*arguments)
        assert done.returncode == 2 and "could not be checked" in done.stderr
