"""Listings that are asked for: complete, in whole units, and under a symbol nobody else has.

Checked before anything is appended, because the kernel knows no symbols.
"""

import re
from collections.abc import Callable

import msgspec

from excraft.engine.errors import ListingRefused
from excraft.engine.listings import Asset, AssetText, Listings, MarketText, read_listing
from excraft.messages.commands import ListAsset, ListMarket
from excraft.units import NotExact, lot_atoms, parse_decimal, tick_lot_atoms

_SYMBOL = re.compile(r"[A-Z0-9]{1,20}")


class PendingListings:
    """Builds listing commands and holds their symbols until they are carried out."""

    def __init__(self, listings: Listings) -> None:
        self._listings = listings
        self._claimed: set[tuple[type, str]] = set()

    def asset(self, symbol: str, name: str, decimals: int) -> ListAsset:
        """The command that lists an asset."""
        text = msgspec.json.encode(AssetText(symbol, name)).decode()
        return ListAsset(decimals=decimals, text=text)

    def market(self, symbol: str, pair: tuple[str, str], tick: str, lot: str) -> ListMarket:
        """The command that lists a market of (base, quote); raises ListingRefused."""
        base, quote = (self._known(s) for s in pair)
        try:
            parse_decimal(tick), parse_decimal(lot)
            return ListMarket(
                base=base.number,
                quote=quote.number,
                base_atoms_per_lot=lot_atoms(lot, base.decimals),
                quote_atoms_per_tick_lot=tick_lot_atoms(tick, lot, quote.decimals),
                text=msgspec.json.encode(MarketText(symbol, tick, lot)).decode(),
            )
        except NotExact as wrong:
            raise ListingRefused(f"market {symbol}: {wrong}") from None

    def _known(self, symbol: str) -> Asset:
        asset = self._listings.asset(symbol)
        if asset is None:
            raise ListingRefused(f"no asset is called {symbol}; list it first")
        return asset

    def claim(self, command: ListAsset | ListMarket) -> Callable[[], None]:
        """Hold the symbol of a listing until the returned function is called.

        Raises ListingRefused.
        """
        kind = type(command)
        try:
            symbol = self._check(command)
        except ValueError as wrong:
            raise ListingRefused(str(wrong)) from None
        what = "asset" if kind is ListAsset else "market"
        if not _SYMBOL.fullmatch(symbol):
            raise ListingRefused(f"{what} symbol {symbol!r} must be 1 to 20 of A-Z and 0-9")
        taken = self._listings.asset if kind is ListAsset else self._listings.market
        if taken(symbol) is not None or (kind, symbol) in self._claimed:
            raise ListingRefused(f"the {what} {symbol} is listed already")
        self._claimed.add((kind, symbol))
        return lambda: self._claimed.discard((kind, symbol))

    def _check(self, command: ListAsset | ListMarket) -> str:
        """The symbol; raises ValueError when the text does not fit the command's numbers."""
        if isinstance(command, ListAsset):
            return read_listing(command.text, AssetText).symbol
        text, assets = read_listing(command.text, MarketText), self._listings.assets
        for number in (command.base, command.quote):
            if not 0 <= number < len(assets):
                raise ValueError(f"there is no asset number {number}")
        base, quote = assets[command.base], assets[command.quote]
        if parse_decimal(text.tick) < 1:
            raise ValueError(f"tick size {text.tick!r} must be positive")
        parse_decimal(text.lot)
        lot = lot_atoms(text.lot, base.decimals)
        tick_lot = tick_lot_atoms(text.tick, text.lot, quote.decimals)
        if (lot, tick_lot) != (command.base_atoms_per_lot, command.quote_atoms_per_tick_lot):
            raise ValueError(
                f"a lot of {text.lot} is {lot} atoms and with a tick of {text.tick} {tick_lot}, "
                f"not {command.base_atoms_per_lot} and {command.quote_atoms_per_tick_lot}"
            )
        return text.symbol
