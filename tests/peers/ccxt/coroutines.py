"""ccxt, asynchronous: many requests at once, balances to the last unit."""

import asyncio

import ccxt.async_support as ccxt
from pointing import arguments, check_fills, exact, must, options

SYMBOL, BASE, QUOTE = "DOT/USDT", "DOT", "USDT"


async def main() -> None:
    exchange = ccxt.binance(options(*arguments()))
    try:
        await exchange.load_markets()
        await trade(exchange)
    finally:
        await exchange.close()


async def trade(exchange) -> None:
    before = exact(await exchange.fetch_balance())
    bid = (await exchange.fetch_order_book(SYMBOL))["bids"][0][0]
    orders = await asyncio.gather(
        *(
            exchange.create_order(SYMBOL, "limit", "buy", 10 + i, bid * (0.7 + i / 100))
            for i in range(8)
        )
    )
    ids = {o["id"] for o in orders}
    must(len(ids) == 8, "eight orders do not have eight ids")
    shown = {o["id"] for o in await exchange.fetch_open_orders(SYMBOL)}
    must(ids <= shown, f"{len(ids - shown)} of eight orders are not open")
    await asyncio.gather(*(exchange.cancel_order(i, SYMBOL) for i in ids))
    must(exact(await exchange.fetch_balance()) == before, "cancelling did not give all back")

    order = await exchange.create_order(SYMBOL, "market", "buy", 25)
    must(order["status"] == "closed", f"the market order is {order['status']}")
    after = exact(await exchange.fetch_balance())
    trades = [t for t in await exchange.fetch_my_trades(SYMBOL) if t["order"] == order["id"]]
    check_fills(before, after, trades, (BASE, QUOTE))
    await exchange.create_order(SYMBOL, "limit", "buy", 5, bid * 0.7)
    await exchange.cancel_all_orders(SYMBOL)
    must(await exchange.fetch_open_orders(SYMBOL) == [], "cancelling all left something")


asyncio.run(main())
print("ccxt (asynchronous): all holds")
