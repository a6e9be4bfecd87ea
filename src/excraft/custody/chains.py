"""`chains.json` in the data folder: which chains there are, and what each asset is on them.

It holds no secrets but may hold the key of a node's address, so its mode is checked.
"""

import stat
from collections.abc import Mapping
from pathlib import Path

import msgspec
from eth_utils import is_checksum_address

from excraft.chain.node import Node
from excraft.custody.deposit import Asset, ChainSettings
from excraft.custody.errors import BadChains
from excraft.custody.extended_key import parse
from excraft.custody.withdrawal_book import Route
from excraft.units import NotExact, parse_decimal

FILE = "chains.json"
_BYTES_MAX = 1 << 20


class ChainAsset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An asset on a chain. Amounts are decimals of the asset; `token` null: the native coin."""

    symbol: str
    chain_decimals: int
    withdraw_fee: str
    withdraw_minimum: str
    deposit_minimum: str = "0"  # one atom
    token: str | None = None  # contract in small letters


class ChainEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One chain. `hot` and `cold` as in the signer's own settings, in EIP-55."""

    chain: int
    network: str  # as clients call it, such as ETH
    url: str
    hot: str
    cold: str
    assets: list[ChainAsset]
    confirmations: int = 12
    first_block: int | None = None
    replace_s: int = 120  # how long a transaction waits before its fee is raised
    # Of OP-stack chains: the most that the chain below charges for one transaction, in the coin's
    # units. It is taken beside the gas, so it is left over where something is sent from.
    l1_fee_max: int = 0
    still_s: int = 300  # so old may the newest block be; 0: any age, for a chain without a beat


class ChainsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`xpub`: what deposit addresses are derived from; `excraft signer init` shows it."""

    xpub: str
    chains: list[ChainEntry]


class Listed(msgspec.Struct, frozen=True):
    """What the exchange knows of an asset that a chain may name."""

    number: int
    decimals: int


def read(path: Path) -> ChainsFile | None:
    """The settings; None when there is no such file. Raises BadChains, or BadKey of the xpub."""
    try:
        with path.open("rb") as file:
            if stat.S_IMODE(path.stat().st_mode) & 0o022:
                raise BadChains(f"{path} may be written by others; chmod go-w it")
            found = msgspec.json.decode(file.read(_BYTES_MAX), type=ChainsFile)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as wrong:
        raise BadChains(f"{path}: {wrong}") from wrong
    parse(found.xpub)
    numbers = [chain.chain for chain in found.chains]
    names = [chain.network for chain in found.chains]
    if len({*numbers}) != len(numbers) or len({*names}) != len(names):
        raise BadChains(f"{path} names a chain or a network twice")
    for chain in found.chains:
        _check(path, chain)
    return found


def _check(path: Path, chain: ChainEntry) -> None:
    where = f"{path}: chain {chain.chain}"
    for name in ("hot", "cold"):
        if not is_checksum_address(getattr(chain, name)):
            raise BadChains(f"{where}: {name} is no address with the capitals of EIP-55")
    if not chain.network.isalnum() or not chain.network.isascii():
        raise BadChains(f"{where}: network {chain.network[:40]!r} must be letters and digits")
    if chain.confirmations < 1 or chain.replace_s < 1:
        raise BadChains(f"{where}: confirmations and replace_s must be at least 1")
    if chain.still_s < 0 or chain.l1_fee_max < 0:
        raise BadChains(f"{where}: still_s and l1_fee_max must be at least 0")
    try:
        Node(chain.url, chain.chain)
    except ValueError as wrong:
        raise BadChains(f"{where}: {wrong}") from wrong


def routes(chain: ChainEntry, listed: Mapping[str, Listed]) -> list[Route]:
    """Ways out over a chain, of those of its assets that are listed; raises BadChains."""
    return [_route(chain, a, listed[a.symbol]) for a in chain.assets if a.symbol in listed]


def _route(chain: ChainEntry, asset: ChainAsset, known: Listed) -> Route:
    try:
        fee, least = (
            parse_decimal(text, known.decimals)
            for text in (asset.withdraw_fee, asset.withdraw_minimum)
        )
    except NotExact as wrong:
        raise BadChains(f"chain {chain.chain}, {asset.symbol}: {wrong}") from wrong
    return Route(
        chain.chain, chain.network, known.number, asset.symbol, known.decimals,
        asset.chain_decimals, asset.token, fee, least,
    )  # fmt: skip


def deposit_settings(chain: ChainEntry, listed: Mapping[str, Listed]) -> ChainSettings | None:
    """What the watcher of deposits needs; None while the native coin is not listed. Raises
    BadChains."""
    assets = {}
    for each in chain.assets:
        if each.symbol in listed:
            known = listed[each.symbol]
            try:
                least = max(1, parse_decimal(each.deposit_minimum, known.decimals))
            except NotExact as wrong:
                where = f"chain {chain.chain}, {each.symbol}, deposit_minimum"
                raise BadChains(f"{where}: {wrong}") from wrong
            assets[each.token] = Asset(known.number, known.decimals, each.chain_decimals, least)
    coin = assets.pop(None, None)
    own = frozenset({chain.hot.lower(), chain.cold.lower()})
    return coin and ChainSettings(
        chain.chain, coin, assets, own, chain.confirmations, chain.first_block
    )
