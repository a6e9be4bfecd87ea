"""The bytes of a MarketData: MessagePack around raw little-endian columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from excraft.marketdata.depth import Book
from excraft.marketdata.traded import Traded

if TYPE_CHECKING:
    from excraft.marketdata.service import MarketData

VERSION = 1


class SavedBook(msgspec.Struct, array_like=True):
    """`levels`: signed prices (as in depth.Book, bids then asks, sorted), then their lots."""

    market: int
    update_id: int
    levels: bytes


class SavedTrades(msgspec.Struct, array_like=True):
    """Rings as (total, rows); bars as candles.packed makes them."""

    market: int
    trades: tuple[int, bytes]
    aggs: tuple[int, bytes]
    running: list[list[int] | None]
    closed: list[tuple[int, bytes] | None]


class Saved(msgspec.Struct, array_like=True):
    version: int
    position: int
    time_ns: int
    quote_atoms: list[int]
    books: list[SavedBook]
    traded: list[SavedTrades]


def dump(data: MarketData) -> bytes:
    """See MarketData.dump."""
    books = [_saved_book(market, book) for market, book in sorted(data.books.items())]
    traded = [
        SavedTrades(market, one.tape.trades.dump(), one.tape.aggs.dump(), *one.bars.dump())
        for market, one in sorted(data.traded.items())
    ]
    return msgspec.msgpack.encode(
        Saved(VERSION, data.position, data.time_ns, data.quote_atoms, books, traded)
    )


def load(data: MarketData, raw: bytes) -> None:
    """See MarketData.load."""
    try:
        version = msgspec.msgpack.decode(raw, type=list)[0]
        if version != VERSION:
            raise ValueError(f"market data of version {version}; this program reads {VERSION}")
        found = msgspec.msgpack.decode(raw, type=Saved)
    except (msgspec.MsgspecError, IndexError) as error:
        raise ValueError(f"these bytes are no saved market data: {error}") from error
    books = {saved.market: _book(saved) for saved in found.books}
    traded = {saved.market: _traded(saved) for saved in found.traded}
    data.position, data.time_ns = found.position, found.time_ns
    data.quote_atoms, data.books, data.traded = found.quote_atoms, books, traded


def _saved_book(market: int, book: Book) -> SavedBook:
    keys = book.keys[0] + book.keys[1]
    rows = np.array([keys, [book.levels[key] for key in keys]], "<i8")
    return SavedBook(market, book.update_id, rows.tobytes())


def _book(saved: SavedBook) -> Book:
    book = Book()
    book.update_id = saved.update_id
    keys, lots = np.frombuffer(saved.levels, "<i8").reshape(2, -1).tolist()
    book.levels = dict(zip(keys, lots, strict=True))
    book.keys = ([k for k in keys if k > 0], [k for k in keys if k < 0])
    return book


def _traded(saved: SavedTrades) -> Traded:
    one = Traded(saved.market)
    one.tape.trades.load(saved.trades)
    one.tape.aggs.load(saved.aggs)
    one.bars.load(saved.running, saved.closed)
    return one
