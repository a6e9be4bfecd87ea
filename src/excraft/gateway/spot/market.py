"""What everybody may ask about markets: books, trades, candles, tickers."""

from collections.abc import Mapping
from typing import Any

from excraft.engine.listings import Market
from excraft.gateway import errors
from excraft.gateway.exchange import Exchange
from excraft.gateway.spot import params, shapes
from excraft.gateway.spot.exchange_info import status_of
from excraft.gateway.spot.orders import market_of
from excraft.gateway.spot.params import Param, Spec
from excraft.marketdata.candles import Candle
from excraft.marketdata.tickers import Ticker
from excraft.units import format_decimal

ROWS = params.bounded(1, clamp=1000)
HOUR_MS = 3_600_000
DEPTH = Spec(
    Param("symbol", params.SYMBOL, True),
    Param("limit", params.bounded(1, clamp=5000)),
    Param("symbolStatus", params.STATUS),
)
TRADES = Spec(Param("symbol", params.SYMBOL, True), Param("limit", ROWS))
OLD_TRADES = TRADES + Spec(Param("fromId", params.LONG))
AGG_TRADES = OLD_TRADES + Spec(Param("startTime", params.TIME), Param("endTime", params.TIME))
KLINES = Spec(
    Param("symbol", params.SYMBOL, True),
    Param("interval", params.INTERVAL, True),
    Param("startTime", params.TIME),
    Param("endTime", params.TIME),
    Param("timeZone", params.ZONE),
    Param("limit", ROWS),
)
SYMBOLS = Spec(
    Param("symbol", params.SYMBOL),
    Param("symbols", params.SYMBOLS),
    Param("symbolStatus", params.STATUS),
)
TICKER_24H = SYMBOLS + Spec(Param("type", params.TICKER))
TICKER_DAY = TICKER_24H + Spec(Param("timeZone", params.ZONE))
TICKER_WINDOW = TICKER_24H + Spec(Param("windowSize", params.SPAN))
_SPAN_MS = {"m": 60_000, "h": HOUR_MS, "d": 24 * HOUR_MS}


# ---- weights, from the texts as they were sent


def depth_weight(sent: Mapping[str, str]) -> int:
    """By the number of levels asked for."""
    limit = sent.get("limit", "100")
    levels = int(limit) if limit.isascii() and limit.isdigit() and len(limit) <= 20 else 100
    return 5 if levels <= 100 else 25 if levels <= 500 else 50 if levels <= 1000 else 250


def _symbols_sent(sent: Mapping[str, str]) -> int:
    """How many symbols a `symbols` parameter names, whether or not it is well-formed."""
    return sent["symbols"].count(",") + 1


def day_weight(sent: Mapping[str, str]) -> int:
    """Of ticker/24hr."""
    if "symbol" in sent:
        return 2
    if "symbols" not in sent:
        return 80
    count = _symbols_sent(sent)
    return 2 if count <= 20 else 40 if count <= 100 else 80


def price_weight(sent: Mapping[str, str]) -> int:
    """Of ticker/price and ticker/bookTicker."""
    return 2 if "symbol" in sent else 4


def window_weight(sent: Mapping[str, str]) -> int:
    """Of ticker and ticker/tradingDay."""
    return min(200, 4 * (_symbols_sent(sent) if "symbols" in sent else 1))


# ---- which markets


def _only(exchange: Exchange, values: dict) -> Market:
    market = market_of(exchange.engine.listings, values["symbol"])
    wanted = values.get("symbolStatus")
    if wanted is not None and status_of(market) != wanted:
        raise errors.other_status()
    return market


def _shown(exchange: Exchange, values: dict, show, *, some: bool = False) -> dict | list[dict]:
    """`show(market)` of the symbol, or a list of it for several or all; `some`: not for all."""
    if "symbol" in values:
        if "symbols" in values:
            raise errors.bad_combination()
        return show(_only(exchange, values))
    listings, wanted = exchange.engine.listings, values.get("symbolStatus")
    if "symbols" in values:
        chosen = [market_of(listings, symbol) for symbol in values["symbols"]]
    elif some:
        raise errors.either("symbol", "symbols")
    else:
        chosen = listings.markets
    return [show(m) for m in chosen if wanted is None or status_of(m) == wanted]


# ---- books and trades


async def depth(exchange: Exchange, caller: Any, values: dict) -> dict:
    """GET depth, depth."""
    market = _only(exchange, values)
    book = exchange.marketdata.depth(market.number, values.get("limit", 100))
    return {
        "lastUpdateId": book.last_update_id,
        "bids": levels(market, book.bids),
        "asks": levels(market, book.asks),
    }


def levels(market: Market, rows: list[tuple[int, int]]) -> list[tuple[str, str]]:
    """(price, quantity) texts of (ticks, lots)."""
    return [(market.price_text(price), market.quantity_text(lots)) for price, lots in rows]


async def trades(exchange: Exchange, caller: Any, values: dict) -> list[dict]:
    """GET trades and historicalTrades, trades.recent and trades.historical."""
    market = market_of(exchange.engine.listings, values["symbol"])
    found = exchange.marketdata.trades(
        market.number, values.get("limit", 500), values.get("fromId")
    )
    return [shapes.public_trade(market, trade) for trade in found]


async def agg_trades(exchange: Exchange, caller: Any, values: dict) -> list[dict]:
    """GET aggTrades, trades.aggregate."""
    market = market_of(exchange.engine.listings, values["symbol"])
    start, end = values.get("startTime"), values.get("endTime")
    if "fromId" in values and (start is not None or end is not None):
        raise errors.bad_combination()
    if start is not None and end is not None and start > end:
        raise errors.bad_combination()
    found = exchange.marketdata.agg_trades(
        market.number, values.get("limit", 500), values.get("fromId"), start, end
    )
    return [shapes.aggregate_trade(market, trade) for trade in found]


async def average_price(exchange: Exchange, caller: Any, values: dict) -> dict:
    """GET avgPrice, avgPrice."""
    market = market_of(exchange.engine.listings, values["symbol"])
    average = exchange.marketdata.average(market.number, exchange.clock())
    return {
        "mins": average.minutes,
        "price": ratio_price(market, average.numerator, average.denominator),
        "closeTime": average.time_ms,
    }


# ---- candles


async def klines(exchange: Exchange, caller: Any, values: dict) -> list[list]:
    """GET klines and uiKlines, klines and uiKlines."""
    market = market_of(exchange.engine.listings, values["symbol"])
    found = exchange.marketdata.candles(
        market.number, values["interval"], values.get("startTime"), values.get("endTime"),
        values.get("limit", 500), values.get("timeZone", 0),
    )  # fmt: skip
    return [kline(market, candle) for candle in found]


def kline(market: Market, candle: Candle) -> list:
    """The twelve elements of a candle."""
    return [
        candle.open_ms,
        market.price_text(candle.open),
        market.price_text(candle.high),
        market.price_text(candle.low),
        market.price_text(candle.close),
        market.quantity_text(candle.lots),
        candle.close_ms,
        market.quote_text(candle.quote_atoms),
        candle.count,
        market.quantity_text(candle.buy_lots),
        market.quote_text(candle.buy_quote_atoms),
        "0",
    ]


# ---- tickers


def ratio_price(market: Market, ticks: int, parts: int) -> str:
    """The price ticks / parts, rounded down to 8 decimals; zero without parts."""
    return format_decimal(ticks * market.tick_e8 // parts) if parts else shapes.ZERO


def percent(change: int, of: int) -> str:
    """`change` in percent of `of` with three decimals, rounded half away from zero."""
    if not of:
        return "0.000"
    thousandths = (abs(change) * 100_000 * 2 + of) // (2 * of)
    return format_decimal(thousandths if change >= 0 else -thousandths, 3, 3)


def ticker_shown(market: Market, ticker: Ticker, kind: str = "FULL") -> dict:
    """Fields that every rolling ticker has; MINI leaves out what is computed from the others."""
    shown = {"symbol": market.symbol}
    if kind == "FULL":
        change = ticker.last - ticker.open
        shown["priceChange"] = market.price_text(change)
        shown["priceChangePercent"] = percent(change, ticker.open)
        shown["weightedAvgPrice"] = ratio_price(
            market, ticker.average_numerator, ticker.average_denominator
        )
    shown |= {
        "openPrice": market.price_text(ticker.open),
        "highPrice": market.price_text(ticker.high),
        "lowPrice": market.price_text(ticker.low),
        "lastPrice": market.price_text(ticker.last),
        "volume": market.quantity_text(ticker.lots),
        "quoteVolume": market.quote_text(ticker.quote_atoms),
        "openTime": ticker.open_ms,
        "closeTime": ticker.close_ms,
        "firstId": ticker.first_id,
        "lastId": ticker.last_id,
        "count": ticker.count,
    }
    return shown


async def ticker_24h(exchange: Exchange, caller: Any, values: dict) -> dict | list[dict]:
    """GET ticker/24hr, ticker.24hr."""
    now_ns, kind = exchange.clock(), values.get("type", "FULL")

    def show(market: Market) -> dict:
        ticker = exchange.marketdata.ticker(market.number, now_ns)
        shown = ticker_shown(market, ticker, kind)
        if kind == "FULL":
            shown |= {
                "prevClosePrice": market.price_text(ticker.prev_close),
                "lastQty": market.quantity_text(ticker.last_lots),
                "bidPrice": market.price_text(ticker.bid),
                "bidQty": market.quantity_text(ticker.bid_lots),
                "askPrice": market.price_text(ticker.ask),
                "askQty": market.quantity_text(ticker.ask_lots),
            }
        return shown

    return _shown(exchange, values, show)


async def ticker_window(exchange: Exchange, caller: Any, values: dict) -> dict | list[dict]:
    """GET ticker, ticker: a window of a minute to seven days."""
    now_ns, size = exchange.clock(), values.get("windowSize", "1d")
    window_ms = int(size[:-1]) * _SPAN_MS[size[-1]]

    def show(market: Market) -> dict:
        ticker = exchange.marketdata.ticker(market.number, now_ns, window_ms)
        return ticker_shown(market, ticker, values.get("type", "FULL"))

    return _shown(exchange, values, show, some=True)


async def ticker_day(exchange: Exchange, caller: Any, values: dict) -> dict | list[dict]:
    """GET ticker/tradingDay, ticker.tradingDay: today, on the clock of a time zone."""
    now_ns, offset_ms = exchange.clock(), values.get("timeZone", 0)
    day_ms = 24 * HOUR_MS

    def show(market: Market) -> dict:
        opened = (now_ns // 1_000_000 + offset_ms) // day_ms * day_ms - offset_ms
        found = exchange.marketdata.candles(market.number, "1d", opened, None, 1, offset_ms)
        today = found[0] if found else Candle(opened, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, -1)
        value = market.quote_atoms_per_tick_lot
        ticker = Ticker(
            market.number, opened, opened + day_ms - 1, today.open, today.high, today.low,
            today.close, 0, today.lots, today.quote_atoms, today.count, today.first_id,
            today.last_id, 0, today.quote_atoms // value, today.lots, 0, 0, 0, 0,
        )  # fmt: skip
        return ticker_shown(market, ticker, values.get("type", "FULL"))

    return _shown(exchange, values, show, some=True)


async def ticker_price(exchange: Exchange, caller: Any, values: dict) -> dict | list[dict]:
    """GET ticker/price, ticker.price."""

    def show(market: Market) -> dict:
        newest = exchange.marketdata.trades(market.number, 1)
        price = newest[-1].price if newest else 0
        return {"symbol": market.symbol, "price": market.price_text(price)}

    return _shown(exchange, values, show)


async def ticker_book(exchange: Exchange, caller: Any, values: dict) -> dict | list[dict]:
    """GET ticker/bookTicker, ticker.book."""

    def show(market: Market) -> dict:
        best = exchange.marketdata.best(market.number)
        return {
            "symbol": market.symbol,
            "bidPrice": market.price_text(best.bid),
            "bidQty": market.quantity_text(best.bid_lots),
            "askPrice": market.price_text(best.ask),
            "askQty": market.quantity_text(best.ask_lots),
        }

    return _shown(exchange, values, show)
