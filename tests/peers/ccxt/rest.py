"""ccxt, synchronous: markets, orders, cancels, balances to the last unit, trades, errors."""

from decimal import Decimal

import ccxt
from pointing import arguments, check_fills, exact, must, options

SYMBOL, BASE, QUOTE = "LTC/USDT", "LTC", "USDT"


def main() -> None:
    exchange = ccxt.binance(options(*arguments()))
    markets = exchange.load_markets()
    must(len(markets) == 20, f"{len(markets)} markets instead of 20")
    must(abs(exchange.fetch_time() - exchange.milliseconds()) < 5000, "the clocks differ")
    rest_and_cancel(exchange)
    buy(exchange)
    errors(exchange)
    look(exchange)


def rest_and_cancel(exchange) -> None:
    """An order far from the market holds exactly its cost, and gives it back."""
    before = exact(exchange.fetch_balance())
    bid = exchange.fetch_order_book(SYMBOL)["bids"][0][0]
    price = exchange.price_to_precision(SYMBOL, bid * 0.8)
    order = exchange.create_order(SYMBOL, "limit", "buy", 1.234, float(price))
    must(order["status"] == "open", f"a resting order is {order['status']}")
    held = Decimal(price) * Decimal("1.234")
    resting = exact(exchange.fetch_balance())
    must(resting[QUOTE][1] - before[QUOTE][1] == held, f"held {resting[QUOTE]}, not {held} more")
    must(before[QUOTE][0] - resting[QUOTE][0] == held, "free did not fall by what is held")
    must(order["id"] in [o["id"] for o in exchange.fetch_open_orders(SYMBOL)], "it is not open")
    must(exchange.fetch_order(order["id"], SYMBOL)["amount"] == 1.234, "another amount came back")
    exchange.cancel_order(order["id"], SYMBOL)
    must(exchange.fetch_order(order["id"], SYMBOL)["status"] == "canceled", "it is not canceled")
    must(exact(exchange.fetch_balance()) == before, "cancelling did not give everything back")


def buy(exchange) -> None:
    """A market order fills; its trades explain the balances to the last unit."""
    before = exact(exchange.fetch_balance())
    order = exchange.create_order(SYMBOL, "market", "buy", 3)
    must(order["status"] == "closed", f"the market order is {order['status']}")
    after = exact(exchange.fetch_balance())
    trades = [t for t in exchange.fetch_my_trades(SYMBOL) if t["order"] == order["id"]]
    must(sum(t["amount"] for t in trades) == 3, "its trades are not its amount")
    check_fills(before, after, trades, (BASE, QUOTE))
    closed = exchange.fetch_closed_orders(SYMBOL)
    must(order["id"] in [o["id"] for o in closed], "the filled order is not among the closed")
    spent = exchange.create_market_buy_order_with_cost(SYMBOL, 100)
    must(0 < spent["cost"] <= 100, f"spent {spent['cost']} of 100")


def errors(exchange) -> None:
    """What goes wrong is the exception that a program expects."""
    refused = [
        (ccxt.InsufficientFunds, lambda: exchange.create_order(SYMBOL, "limit", "buy", 9e6, 80)),
        (ccxt.OrderNotFound, lambda: exchange.cancel_order("999999999", SYMBOL)),
        (ccxt.OrderNotFound, lambda: exchange.fetch_order("999999999", SYMBOL)),
        (ccxt.BadRequest, lambda: exchange.create_order(SYMBOL, "limit", "buy", 0.001, 0.01)),
        (ccxt.OrderImmediatelyFillable, lambda: exchange.create_order(
            SYMBOL, "limit", "buy", 1, 500, {"postOnly": True})),
    ]  # fmt: skip
    for expected, attempt in refused:
        try:
            attempt()
        except expected:
            continue
        must(False, f"no {expected.__name__} was raised")
    stranger = ccxt.binance(exchange.extend(options(*arguments()), {"secret": "wrong"}))
    stranger.markets, stranger.markets_by_id = exchange.markets, exchange.markets_by_id
    try:
        stranger.fetch_balance()
    except ccxt.AuthenticationError:
        return
    must(False, "a wrong secret was accepted")


def look(exchange) -> None:
    """Everything a chart needs."""
    book = exchange.fetch_order_book("BTC/USDT", 20)
    must(book["bids"][0][0] < book["asks"][0][0], "the book is crossed")
    must(len(exchange.fetch_tickers()) == 20, "not every market has a ticker")
    must(exchange.fetch_ticker("BTC/USDT")["last"] > 0, "nothing was traded")
    must(len(exchange.fetch_trades("BTC/USDT")) > 0, "there are no trades")
    must(len(exchange.fetch_ohlcv("BTC/USDT", "1m")) > 0, "there are no candles")
    must(len(exchange.fetch_bids_asks()) == 20, "not every market has a best price")
    fee = exchange.fetch_trading_fee("BTC/USDT")
    must(fee["maker"] == 0.001 and fee["taker"] == 0.001, f"the fee is {fee}")


main()
print("ccxt (synchronous): all holds")
