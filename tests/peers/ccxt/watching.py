"""ccxt.pro: an order book over 60 s without a gap, trades, tickers, candles, own orders."""

import asyncio
import time

import ccxt.pro as ccxt
from pointing import arguments, exact, must, options

SYMBOL, WATCHED_S = "BTC/USDT", 60


async def main() -> None:
    exchange = ccxt.binance(options(*arguments()))
    try:
        await exchange.load_markets()
        await asyncio.gather(book(exchange), public(exchange), own(exchange))
    finally:
        await exchange.close()


async def book(exchange) -> None:
    """ccxt raises ChecksumError when an update does not continue the one before."""
    until, updates, nonce = time.monotonic() + WATCHED_S, 0, 0
    while time.monotonic() < until:
        seen = await asyncio.wait_for(exchange.watch_order_book(SYMBOL), 15)
        must(seen["nonce"] >= nonce, "the book went back")
        must(seen["bids"][0][0] < seen["asks"][0][0], f"the book is crossed at {seen['nonce']}")
        updates, nonce = updates + 1, seen["nonce"]
    must(updates > WATCHED_S, f"only {updates} updates of a busy book in {WATCHED_S} s")
    fetched = await exchange.fetch_order_book(SYMBOL, 1000)
    while exchange.orderbooks[SYMBOL]["nonce"] < fetched["nonce"]:
        await asyncio.wait_for(exchange.watch_order_book(SYMBOL), 15)


async def public(exchange) -> None:
    trades = await asyncio.wait_for(exchange.watch_trades(SYMBOL), 30)
    must(trades[-1]["price"] > 0, "a trade without a price")
    ticker = await asyncio.wait_for(exchange.watch_ticker(SYMBOL), 30)
    must(ticker["last"] > 0, "a ticker without a price")
    candles = await asyncio.wait_for(exchange.watch_ohlcv(SYMBOL, "1m"), 30)
    must(len(candles) > 0, "no candle came")


async def own(exchange) -> None:
    """The order placed over REST comes back as events, and so does its balance."""
    orders = asyncio.create_task(exchange.watch_orders("SOL/USDT"))
    balance = asyncio.create_task(exchange.watch_balance())
    await asyncio.sleep(2)  # for the subscription: ccxt tells nobody when it is there
    before = exact(await exchange.fetch_balance())
    bid = (await exchange.fetch_order_book("SOL/USDT"))["bids"][0][0]
    placed = await exchange.create_order("SOL/USDT", "limit", "buy", 1, round(bid * 0.8, 2))
    seen = await asyncio.wait_for(orders, 15)
    must(seen[-1]["id"] == placed["id"], "the event is of another order")
    told = await asyncio.wait_for(balance, 15)
    must(told["USDT"]["used"] > 0, "the balance event does not hold the order")
    # ccxt drops an event that nobody waits for, and it may come before the reply to the cancel
    orders = asyncio.create_task(exchange.watch_orders("SOL/USDT"))
    await asyncio.sleep(0)
    await exchange.cancel_order(placed["id"], "SOL/USDT")
    while (seen := await asyncio.wait_for(orders, 15))[-1]["status"] != "canceled":
        orders = asyncio.create_task(exchange.watch_orders("SOL/USDT"))
    must(exact(await exchange.fetch_balance()) == before, "cancelling did not give all back")
    by_socket = await exchange.create_order_ws("SOL/USDT", "limit", "buy", 1, round(bid * 0.8, 2))
    await exchange.cancel_order_ws(by_socket["id"], "SOL/USDT")


asyncio.run(main())
print("ccxt.pro: all holds")
