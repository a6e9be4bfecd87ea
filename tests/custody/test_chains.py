"""chains.json: what it may say, and the routes that follow."""

import json

import pytest
from eth_utils import to_checksum_address

from excraft.custody import chains
from excraft.custody.addresses import Addresses
from excraft.custody.chains import Listed
from excraft.custody.errors import BadChains, BadKey
from excraft.custody.withdrawal_book import owner_of
from tests.custody.conftest import XPUB

HOT, COLD = (to_checksum_address("0x" + digits * 20) for digits in ("a0", "c0"))


def entry(**changes) -> dict:
    assets = [
        {"symbol": "ETH", "chain_decimals": 18, "withdraw_fee": "0.001",
         "withdraw_minimum": "0.01"},
        {"symbol": "USDT", "chain_decimals": 6, "withdraw_fee": "1", "withdraw_minimum": "10",
         "token": "0x" + "ab" * 20},
    ]  # fmt: skip
    given = {"chain": 1, "network": "ETH", "url": "http://127.0.0.1:8545", "hot": HOT,
             "cold": COLD, "assets": assets}  # fmt: skip
    return given | changes


def write(tmp_path, *entries: dict, xpub: str = XPUB):
    path = tmp_path / "chains.json"
    path.write_text(json.dumps({"xpub": xpub, "chains": [*entries]}))
    path.chmod(0o600)
    return path


def test_routes_are_those_of_listed_assets_in_their_own_atoms(tmp_path):
    found = chains.read(write(tmp_path, entry()))
    [route] = chains.routes(found.chains[0], {"ETH": Listed(7, 8)})
    assert (route.asset, route.fee, route.minimum, route.token) == (7, 100_000, 1_000_000, None)
    both = chains.routes(found.chains[0], {"ETH": Listed(7, 8), "USDT": Listed(2, 6)})
    assert [(r.asset, r.fee, r.chain_decimals) for r in both][1] == (2, 1_000_000, 6)
    assert both[1].text(1_500_000) == "1.500000 USDT"
    with pytest.raises(BadChains, match="more than 2 decimals"):
        chains.routes(found.chains[0], {"ETH": Listed(7, 2)})


def test_the_smallest_deposit_is_one_atom_unless_it_is_said(tmp_path):
    listed = {"ETH": Listed(7, 8), "USDT": Listed(2, 6)}
    [chain] = chains.read(write(tmp_path, entry())).chains
    assert chains.deposit_settings(chain, listed).tokens["0x" + "ab" * 20].minimum == 1
    assets = entry()["assets"]
    assets[1]["deposit_minimum"] = "0.0000001"
    [chain] = chains.read(write(tmp_path, entry(assets=assets))).chains
    with pytest.raises(BadChains, match="USDT, deposit_minimum: .* more than 6 decimals"):
        chains.deposit_settings(chain, listed)


def test_without_the_file_there_is_no_chain(tmp_path):
    assert chains.read(tmp_path / "chains.json") is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"hot": "0x12"}, "hot is no address"), ({"cold": COLD.lower()}, "cold is no address"),
        ({"network": "E T"}, "letters and digits"), ({"network": ""}, "letters and digits"),
        ({"confirmations": 0}, "at least 1"), ({"replace_s": 0}, "at least 1"),
        ({"url": "ftp://x"}, "begins with http"), ({"chain": "1"}, "Expected `int`"),
        ({"secret": "x"}, "unknown field"),
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_is_refused_with_the_place(tmp_path, changes, said):
    with pytest.raises(BadChains, match=said):
        chains.read(write(tmp_path, entry(**changes)))


def test_chains_and_networks_are_named_once(tmp_path):
    for second in (entry(network="BSC"), entry(chain=2)):
        with pytest.raises(BadChains, match="twice"):
            chains.read(write(tmp_path, entry(), second))
    assert len(chains.read(write(tmp_path, entry(), entry(chain=2, network="BSC"))).chains) == 2


def test_a_file_that_others_may_write_is_refused(tmp_path):
    path = write(tmp_path, entry())
    path.chmod(0o620)
    with pytest.raises(BadChains, match="may be written by others"):
        chains.read(path)


def test_a_private_key_in_its_place_is_refused(tmp_path):
    with pytest.raises(BadKey):
        chains.read(write(tmp_path, entry(), xpub="xprv" + "9" * 107))


def test_whose_deposit_address_it_is(any_database):
    address = Addresses(any_database, XPUB).of(4)
    assert owner_of(any_database, address) == 4
    assert owner_of(any_database, HOT) is None
