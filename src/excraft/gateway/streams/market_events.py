"""What market streams send: one function per kind, from integers to the documented fields.

`unit_ns` is 1,000,000 for milliseconds and 1,000 for microseconds; `market` is the engine's Market.
Prices and quantities are texts with 8 decimals. Never a `pu` in a depthUpdate: its presence makes
clients take the market for a futures contract.
"""

from typing import NamedTuple

from excraft.engine.listings import Market
from excraft.gateway.spot.market import levels, percent, ratio_price
from excraft.marketdata.candles import Candle
from excraft.marketdata.depth import Best, Depth, DepthDiff
from excraft.marketdata.tickers import Average, Ticker
from excraft.messages.commands import Side

MILLISECOND_NS, MICROSECOND_NS = 1_000_000, 1_000


class Fill(NamedTuple):
    """A trade of a record; `side` and `order_id` are the taker's."""

    trade_id: int
    price: int
    lots: int
    order_id: int
    side: int


def trade(market: Market, fill: Fill, time_ns: int, unit_ns: int) -> dict:
    """@trade."""
    time = time_ns // unit_ns
    return {
        "e": "trade",
        "E": time,
        "s": market.symbol,
        "t": fill.trade_id,
        "p": market.price_text(fill.price),
        "q": market.quantity_text(fill.lots),
        "T": time,
        "m": fill.side == Side.SELL,
        "M": True,
    }


def agg_trade(market: Market, fills: list[Fill], number: int, time_ns: int, unit_ns: int) -> dict:
    """@aggTrade: the consecutive fills of one taking order at one price."""
    time, first = time_ns // unit_ns, fills[0]
    return {
        "e": "aggTrade",
        "E": time,
        "s": market.symbol,
        "a": number,
        "p": market.price_text(first.price),
        "q": market.quantity_text(sum(f.lots for f in fills)),
        "f": first.trade_id,
        "l": fills[-1].trade_id,
        "T": time,
        "m": first.side == Side.SELL,
        "M": True,
    }


def book_ticker(market: Market, best: Best) -> dict:
    """@bookTicker."""
    return {
        "u": best.update_id,
        "s": market.symbol,
        "b": market.price_text(best.bid),
        "B": market.quantity_text(best.bid_lots),
        "a": market.price_text(best.ask),
        "A": market.quantity_text(best.ask_lots),
    }


def depth_update(market: Market, diff: DepthDiff, now_ns: int, unit_ns: int) -> dict:
    """@depth."""
    return {
        "e": "depthUpdate",
        "E": now_ns // unit_ns,
        "s": market.symbol,
        "U": diff.first,
        "u": diff.last,
        "b": levels(market, diff.bids),
        "a": levels(market, diff.asks),
    }


def partial_depth(market: Market, depth: Depth) -> dict:
    """@depth5, @depth10, @depth20."""
    return {
        "lastUpdateId": depth.last_update_id,
        "bids": levels(market, depth.bids),
        "asks": levels(market, depth.asks),
    }


def kline(
    market: Market, interval: str, candle: Candle, closed: bool, now_ns: int, unit_ns: int
) -> dict:
    """@kline_<interval>."""
    per_ms = MILLISECOND_NS // unit_ns
    return {
        "e": "kline",
        "E": now_ns // unit_ns,
        "s": market.symbol,
        "k": {
            "t": candle.open_ms * per_ms,
            "T": (candle.close_ms + 1) * per_ms - 1,
            "s": market.symbol,
            "i": interval,
            "f": candle.first_id,
            "L": candle.last_id,
            "o": market.price_text(candle.open),
            "c": market.price_text(candle.close),
            "h": market.price_text(candle.high),
            "l": market.price_text(candle.low),
            "v": market.quantity_text(candle.lots),
            "n": candle.count,
            "x": closed,
            "q": market.quote_text(candle.quote_atoms),
            "V": market.quantity_text(candle.buy_lots),
            "Q": market.quote_text(candle.buy_quote_atoms),
            "B": "0",
        },
    }


def mini_ticker(market: Market, ticker: Ticker, now_ns: int, unit_ns: int) -> dict:
    """@miniTicker and the elements of !miniTicker@arr."""
    return {
        "e": "24hrMiniTicker",
        "E": now_ns // unit_ns,
        "s": market.symbol,
        "c": market.price_text(ticker.last),
        "o": market.price_text(ticker.open),
        "h": market.price_text(ticker.high),
        "l": market.price_text(ticker.low),
        "v": market.quantity_text(ticker.lots),
        "q": market.quote_text(ticker.quote_atoms),
    }


def full_ticker(market: Market, ticker: Ticker, now_ns: int, unit_ns: int) -> dict:
    """@ticker."""
    shown = window_ticker("24hr", market, ticker, now_ns, unit_ns)
    shown["x"] = market.price_text(ticker.prev_close)
    shown["Q"] = market.quantity_text(ticker.last_lots)
    shown["b"] = market.price_text(ticker.bid)
    shown["B"] = market.quantity_text(ticker.bid_lots)
    shown["a"] = market.price_text(ticker.ask)
    shown["A"] = market.quantity_text(ticker.ask_lots)
    return shown


def window_ticker(window: str, market: Market, ticker: Ticker, now_ns: int, unit_ns: int) -> dict:
    """@ticker_<window> and the elements of !ticker_<window>@arr."""
    change, per_ms = ticker.last - ticker.open, MILLISECOND_NS // unit_ns
    return {
        "e": f"{window}Ticker",
        "E": now_ns // unit_ns,
        "s": market.symbol,
        "p": market.price_text(change),
        "P": percent(change, ticker.open),
        "o": market.price_text(ticker.open),
        "h": market.price_text(ticker.high),
        "l": market.price_text(ticker.low),
        "c": market.price_text(ticker.last),
        "w": ratio_price(market, ticker.average_numerator, ticker.average_denominator),
        "v": market.quantity_text(ticker.lots),
        "q": market.quote_text(ticker.quote_atoms),
        "O": ticker.open_ms * per_ms,
        "C": ticker.close_ms * per_ms,
        "F": ticker.first_id,
        "L": ticker.last_id,
        "n": ticker.count,
    }


def average_price(market: Market, average: Average, now_ns: int, unit_ns: int) -> dict:
    """@avgPrice."""
    return {
        "e": "avgPrice",
        "E": now_ns // unit_ns,
        "s": market.symbol,
        "i": f"{average.minutes}m",
        "w": ratio_price(market, average.numerator, average.denominator),
        "T": average.time_ms * (MILLISECOND_NS // unit_ns),
    }
