"""The signer's own settings: `signer.json` beside its keys. The exchange never writes them."""

import re
from pathlib import Path

import msgspec
from eth_utils import is_checksum_address

from excraft.custody.errors import SignerBroken
from excraft.units import NotExact, parse_decimal

FILE = "signer.json"
_BYTES_MAX = 1 << 20
_TOKEN = re.compile(r"0x[0-9a-f]{40}")


class AssetCaps(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One asset on one chain. `per_withdrawal` and `per_day` are decimals of the asset."""

    asset: int
    symbol: str
    decimals: int
    chain_decimals: int
    per_withdrawal: str
    per_day: str
    token: str | None = None  # contract in small letters, null the native coin

    @property
    def withdrawal_atoms(self) -> int:
        return parse_decimal(self.per_withdrawal, self.decimals)

    @property
    def day_atoms(self) -> int:
        return parse_decimal(self.per_day, self.decimals)


class ChainRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One chain. `gas_day_wei`: most that all signatures of 24 hours may cost in gas. `nonce_gap`:
    how many nonces of one of our addresses may be passed over, 0 where only this signer used it.
    `coin_gas_max`: of a withdrawal of coin, for a destination may be a contract that burns gas."""

    chain: int
    hot: str  # EIP-55; must be the one that the keys give
    cold: str  # EIP-55; of a key that is not here
    gas_max: int  # of one transaction
    gas_price_max_wei: int
    gas_day_wei: int
    top_up_max_wei: int  # of one top-up of a deposit address
    assets: list[AssetCaps]
    nonce_gap: int = 0
    coin_gas_max: int = 100_000

    def asset(self, number: int, token: str | None) -> AssetCaps | None:
        """The caps of an asset where it is this token here; None when it is not."""
        for each in self.assets:
            if (each.asset, each.token) == (number, token):
                return each
        return None


class SignerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`group`: whose members may ask too, beside the owner of the socket."""

    chains: list[ChainRules]
    group: str = ""

    def chain(self, number: int) -> ChainRules | None:
        return next((each for each in self.chains if each.chain == number), None)


def read(folder: Path) -> SignerSettings:
    """The settings of a folder; raises SignerBroken for what cannot be."""
    path = folder / FILE
    try:
        with path.open("rb") as file:
            settings = msgspec.json.decode(file.read(_BYTES_MAX), type=SignerSettings)
    except FileNotFoundError as missing:
        raise SignerBroken(f"{path} is missing; `excraft signer init` writes one") from missing
    except msgspec.DecodeError as wrong:
        raise SignerBroken(f"{path}: {wrong}") from wrong
    for chain in settings.chains:
        if wrong := _objection(chain):
            raise SignerBroken(f"{path}: chain {chain.chain}: {wrong}")
    if len({each.chain for each in settings.chains}) != len(settings.chains):
        raise SignerBroken(f"{path} names a chain twice")
    return settings


def _objection(chain: ChainRules) -> str:
    for name in ("hot", "cold"):
        if not is_checksum_address(getattr(chain, name)):
            return f"{name} {getattr(chain, name)[:60]!r} is no address with the capitals of EIP-55"
    if chain.hot == chain.cold:
        return "hot and cold are the same address"
    for name in ("gas_max", "gas_price_max_wei", "gas_day_wei"):
        if getattr(chain, name) < 1:
            return f"{name} must be at least 1, not {getattr(chain, name)}"
    for name in ("top_up_max_wei", "nonce_gap"):
        if getattr(chain, name) < 0:
            return f"{name} must not be below 0: {getattr(chain, name)}"
    if chain.coin_gas_max < 21_000:
        return f"coin_gas_max must be at least 21000, not {chain.coin_gas_max}"
    seen: set[tuple] = set()
    for each in chain.assets:
        if each.token is not None and not _TOKEN.fullmatch(each.token):
            return f"token {each.token[:60]!r} must be an address in small letters, or null"
        if not (0 <= each.decimals <= 18 and 0 <= each.chain_decimals <= 77):
            return f"{each.symbol} has decimals 0 to 18, on the chain 0 to 77"
        if {("asset", each.asset), ("token", each.token)} & seen:
            return f"{each.symbol}: asset {each.asset} or its token is named twice"
        seen |= {("asset", each.asset), ("token", each.token)}
        try:
            most, day = each.withdrawal_atoms, each.day_atoms
        except NotExact as wrong:
            return f"{each.symbol}: {wrong}"
        if most > day:
            return f"{each.symbol}: per_withdrawal {each.per_withdrawal} is more than per_day"
    return ""
