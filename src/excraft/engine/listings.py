"""What is listed: assets, markets, their units and every parameter, as of the last record applied.

The kernel knows numbers only. Symbols and decimal steps come from the JSON text of the listing
commands: LIST_ASSET ``{"symbol": "EXT", "name": "ExCraft token"}``, LIST_MARKET
``{"symbol": "EXTUSDT", "tick": "0.01", "lot": "0.001"}``.
"""

import msgspec
import numpy as np

from excraft.messages.codec import Record
from excraft.messages.commands import CommandKind
from excraft.messages.events import Event, EventKind
from excraft.parameters import LOTS_MAX, PRICE_MAX, RULES, TIERS, Parameter, Scope
from excraft.units import AMOUNT_MAX, SCALE, NotExact, format_decimal, parse_decimal

_MAKER_FEE = RULES[Parameter.MAKER_FEE_PPM].default
_TAKER_FEE = RULES[Parameter.TAKER_FEE_PPM].default
_OF_ALL, _OF_MARKET = (Scope.EXCHANGE, Scope.MERIT), (Scope.MARKET, Scope.MERIT_MARKET)


class AssetText(msgspec.Struct, frozen=True):
    """The text of a LIST_ASSET command."""

    symbol: str
    name: str = ""


class MarketText(msgspec.Struct, frozen=True):
    """The text of a LIST_MARKET command; tick and lot are decimals of at most 8 places."""

    symbol: str
    tick: str
    lot: str


class OffStep(NotExact):
    """A price or quantity that is a decimal but no multiple of the market's tick or lot."""


class Asset(msgspec.Struct):
    """One asset; amounts are atoms of 10**-decimals."""

    number: int
    symbol: str
    name: str
    decimals: int

    def text(self, atoms: int) -> str:
        """Decimal text, exact: 8 decimals, or the asset's own when it has more."""
        return format_decimal(atoms, self.decimals, max(SCALE, self.decimals))

    def atoms(self, text: str) -> int:
        """Atoms of a decimal text; raises NotExact."""
        return parse_decimal(text, self.decimals)


class Market(msgspec.Struct):
    """One market; `base` and `quote` are asset numbers, fees are (maker, taker) ppm by tier."""

    number: int
    symbol: str
    base: int
    quote: int
    base_decimals: int
    quote_decimals: int
    tick_e8: int
    lot_e8: int
    base_atoms_per_lot: int
    quote_atoms_per_tick_lot: int
    parameters: dict[Parameter, int]
    fees: list[tuple[int, int]]

    def price_text(self, ticks: int) -> str:
        """A price with 8 decimals."""
        return format_decimal(ticks * self.tick_e8)

    def quantity_text(self, lots: int) -> str:
        """A quantity with 8 decimals."""
        return format_decimal(lots * self.lot_e8)

    def base_text(self, atoms: int) -> str:
        """An amount of the base asset, exact."""
        return format_decimal(atoms, self.base_decimals, max(SCALE, self.base_decimals))

    def quote_text(self, atoms: int) -> str:
        """An amount of the quote asset, exact."""
        return format_decimal(atoms, self.quote_decimals, max(SCALE, self.quote_decimals))

    def ticks(self, text: str) -> int:
        """Ticks of a price text; raises OffStep between two ticks, NotExact for no decimal."""
        return _steps(text, self.tick_e8, "price", "tick")

    def lots(self, text: str) -> int:
        """Lots of a quantity text; raises OffStep between two lots, NotExact for no decimal."""
        return _steps(text, self.lot_e8, "quantity", "lot")

    def quote_atoms(self, text: str) -> int:
        """Quote atoms of an amount text; raises NotExact."""
        return parse_decimal(text, self.quote_decimals)

    def value(self, ticks: int, lots: int) -> int:
        """Quote atoms of `lots` at `ticks`."""
        return ticks * lots * self.quote_atoms_per_tick_lot

    def fee_ppm(self, tier: int) -> tuple[int, int]:
        """(maker, taker) rates of a tier."""
        return self.fees[tier]


def _steps(text: str, step_e8: int, what: str, step: str) -> int:
    value = parse_decimal(text)
    steps, rest = divmod(value, step_e8)
    if rest:
        raise OffStep(f"{what} {text} is no multiple of the {step} {format_decimal(step_e8)}")
    return steps


class Listings:
    """Everything listed, by number and by symbol. Change it only through `apply`."""

    def __init__(self) -> None:
        self.assets: list[Asset] = []
        self.markets: list[Market] = []
        self.accounts = 0  # how many are open: numbers 0 .. accounts - 1
        self.parameters = {p: r.default for p, r in RULES.items() if r.scope in _OF_ALL}
        self._accounts: dict[int, dict[Parameter, int]] = {}
        self._asset_of: dict[str, Asset] = {}
        self._market_of: dict[str, Market] = {}

    def asset(self, symbol: str) -> Asset | None:
        """The asset of that symbol, None when there is none."""
        return self._asset_of.get(symbol)

    def market(self, symbol: str) -> Market | None:
        """The market of that symbol, None when there is none."""
        return self._market_of.get(symbol)

    def account_parameter(self, account: int, parameter: Parameter) -> int:
        """A parameter of scope ACCOUNT: what was set, or the default."""
        return self._accounts.get(account, {}).get(parameter, RULES[parameter].default)

    def apply(self, record: Record, events: np.ndarray) -> bool:
        """Take over what the events of a record list or set; True when something changed."""
        administrative = events["kind"] >= EventKind.ACCOUNT_OPENED
        if not administrative.any():
            return False
        texts = record.texts()
        for event in map(Event._make, events[administrative].tolist()):
            index, subject = event.command, event.market
            if event.kind == EventKind.ACCOUNT_OPENED:
                self.accounts = event.account + 1
            elif event.kind == EventKind.ASSET_LISTED:
                self._list_asset(subject, event.amount, texts.get(index, ""))
            elif event.kind == EventKind.MARKET_LISTED:
                self._list_market(subject, record.commands[index], texts.get(index, ""))
            elif event.kind == EventKind.PARAMETER_SET:
                subject = event.account if event.account >= 0 else subject
                parameter = Parameter(event.trade_id)
                self._set(parameter, subject, tier=event.order_id, value=event.amount)
        return True

    def _list_asset(self, number: int, decimals: int, text: str) -> None:
        listing = read_listing(text, AssetText)
        asset = Asset(number, listing.symbol, listing.name, decimals)
        self.assets.append(asset)
        self._asset_of[asset.symbol] = asset

    def _list_market(self, number: int, row: np.void, text: str) -> None:
        listing = read_listing(text, MarketText)
        assert row["kind"] == CommandKind.LIST_MARKET
        base, quote = self.assets[int(row["order_id"])], self.assets[int(row["stop_price"])]
        base_atoms, quote_atoms = int(row["quantity"]), int(row["price"])
        parameters = _market_defaults()
        parameters[Parameter.MAX_PRICE_TICKS] = min(PRICE_MAX, AMOUNT_MAX // quote_atoms)
        lots_max = min(LOTS_MAX, AMOUNT_MAX // base_atoms)
        parameters[Parameter.MAX_LOTS] = parameters[Parameter.MAX_MARKET_LOTS] = lots_max
        market = Market(
            number=number,
            symbol=listing.symbol,
            base=base.number,
            quote=quote.number,
            base_decimals=base.decimals,
            quote_decimals=quote.decimals,
            tick_e8=parse_decimal(listing.tick),
            lot_e8=parse_decimal(listing.lot),
            base_atoms_per_lot=base_atoms,
            quote_atoms_per_tick_lot=quote_atoms,
            parameters=parameters,
            fees=[(_MAKER_FEE, _TAKER_FEE)] * TIERS,
        )
        self.markets.append(market)
        self._market_of[market.symbol] = market

    def _set(self, parameter: Parameter, subject: int, *, tier: int, value: int) -> None:
        match RULES[parameter].scope:
            case Scope.EXCHANGE | Scope.MERIT:
                self.parameters[parameter] = value
            case Scope.MARKET | Scope.MERIT_MARKET:
                self.markets[subject].parameters[parameter] = value
            case Scope.MARKET_TIER:
                maker, taker = self.markets[subject].fees[tier]
                self.markets[subject].fees[tier] = (
                    (value, taker) if parameter is Parameter.MAKER_FEE_PPM else (maker, value)
                )
            case Scope.ACCOUNT:
                self._accounts.setdefault(subject, {})[parameter] = value

    def dump(self) -> bytes:
        """All of it as bytes; inverse of `load`."""
        return msgspec.msgpack.encode(
            _Dump(self.assets, self.markets, self.accounts, self.parameters, self._accounts)
        )

    def load(self, raw: bytes) -> None:
        """Become what was dumped."""
        dump = msgspec.msgpack.decode(raw, type=_Dump)
        self.assets, self.markets, self.accounts = dump.assets, dump.markets, dump.accounts
        self.parameters |= dump.parameters  # one that is newer than the dump keeps its default
        self._accounts = dump.account_parameters
        for market in self.markets:
            market.parameters = _market_defaults() | market.parameters
        self._asset_of = {a.symbol: a for a in self.assets}
        self._market_of = {m.symbol: m for m in self.markets}


def _market_defaults() -> dict[Parameter, int]:
    return {p: r.default for p, r in RULES.items() if r.scope in _OF_MARKET}


class _Dump(msgspec.Struct):
    assets: list[Asset]
    markets: list[Market]
    accounts: int
    parameters: dict[Parameter, int]
    account_parameters: dict[int, dict[Parameter, int]]


def read_listing(text: str, kind: type):
    """The JSON text of a listing command; raises ValueError naming what is wrong."""
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError as wrong:
        raise ValueError(f"listing {text[:80]!r}: {wrong}") from None
