"""python-binance: REST, the depth cache over 60 s without a gap, user events."""

import asyncio
import json
import sys
import time
from decimal import Decimal
from pathlib import Path

from binance import AsyncClient, BinanceSocketManager, Client, DepthCacheManager
from binance.exceptions import BinanceAPIException

SYMBOL, BASE, QUOTE, WATCHED_S = "ETHUSDT", "ETH", "USDT", 60


def must(holds: bool, sentence: str) -> None:
    if not holds:
        sys.exit(sentence)


def point(url: str) -> None:
    """The library reads these class attributes when a client is made."""
    ws = url.replace("http", "ws", 1)
    for kind in (Client, AsyncClient):
        kind.API_URL = url + "/api"
        kind.MARGIN_API_URL = url + "/sapi"
        kind.WS_API_URL = ws + "/ws-api/v3"
    BinanceSocketManager.STREAM_URL = ws + "/"


def balances(client: Client) -> dict[str, tuple[Decimal, Decimal]]:
    account = client.get_account()
    return {b["asset"]: (Decimal(b["free"]), Decimal(b["locked"])) for b in account["balances"]}


def rest(client: Client) -> None:
    must(len(client.get_exchange_info()["symbols"]) == 20, "not twenty markets")
    before = balances(client)
    bid = Decimal(client.get_order_book(symbol=SYMBOL)["bids"][0][0])
    price = (bid * Decimal("0.8")).quantize(Decimal("0.01"))
    placed = client.order_limit_buy(symbol=SYMBOL, quantity="0.5", price=str(price))
    held = price * Decimal("0.5")
    must(balances(client)[QUOTE][1] - before[QUOTE][1] == held, f"not {held} {QUOTE} are held")
    must(len(client.get_open_orders(symbol=SYMBOL)) == 1, "the order is not open")
    client.cancel_order(symbol=SYMBOL, orderId=placed["orderId"])
    found = client.get_order(symbol=SYMBOL, orderId=placed["orderId"])
    must(found["status"] == "CANCELED", f"it is {found['status']}")
    must(balances(client) == before, "cancelling did not give everything back")

    bought = client.order_market_buy(symbol=SYMBOL, quantity="0.7")
    must(bought["status"] == "FILLED", f"the market order is {bought['status']}")
    trades = client.get_my_trades(symbol=SYMBOL, orderId=bought["orderId"])
    got = sum(Decimal(t["qty"]) - Decimal(t["commission"]) for t in trades)
    paid = sum(Decimal(t["quoteQty"]) for t in trades)
    after = balances(client)
    must(after[BASE][0] - before[BASE][0] == got, f"not {got} {BASE} came")
    must(before[QUOTE][0] - after[QUOTE][0] == paid, f"not {paid} {QUOTE} went")
    must(len(client.get_klines(symbol=SYMBOL, interval="1m")) > 0, "there are no candles")
    must(len(client.get_all_tickers()) == 20, "not every market has a price")
    try:
        client.order_limit_buy(symbol=SYMBOL, quantity="90000", price=str(price))
    except BinanceAPIException as refused:
        must(refused.code == -2010, f"too little money is {refused.code}, not -2010")
        return
    must(False, "an order beyond the balance was accepted")


async def depth(client: AsyncClient) -> None:
    """The library's cache begins again when an update leaves a gap: then the time jumps."""
    until, updates, last = time.monotonic() + WATCHED_S, 0, 0
    async with DepthCacheManager(client, symbol=SYMBOL, ws_interval=100) as manager:
        while time.monotonic() < until:
            cache = await asyncio.wait_for(manager.recv(), 15)
            must(cache is not None, "the depth cache found a gap")
            must(cache.get_bids()[0][0] < cache.get_asks()[0][0], "the book is crossed")
            updates, last = updates + 1, max(last, cache.update_time or 0)
    must(updates > WATCHED_S / 2, f"only {updates} updates in {WATCHED_S} s")


async def gapless(manager: BinanceSocketManager) -> None:
    """The raw updates, each continuing the one before."""
    until, before = time.monotonic() + WATCHED_S, 0
    async with manager.depth_socket(SYMBOL, interval=100) as stream:
        while time.monotonic() < until:
            update = await asyncio.wait_for(stream.recv(), 15)
            must("U" in update, f"no update but {update}")
            must(before in (0, update["U"] - 1), f"{update['U']} follows {before}")
            before = update["u"]


async def user_events(client: AsyncClient, manager: BinanceSocketManager) -> None:
    async with manager.user_socket() as stream:
        price = (await client.get_order_book(symbol="XRPUSDT"))["bids"][0][0]
        order = await client.order_limit_buy(
            symbol="XRPUSDT", quantity="100", price=f"{float(price) * 0.8:.4f}"
        )
        await client.cancel_order(symbol="XRPUSDT", orderId=order["orderId"])
        kinds, states = set(), []
        while "CANCELED" not in states:
            event = await asyncio.wait_for(stream.recv(), 15)
            event = event.get("event", event)
            kinds.add(event["e"])
            if event["e"] == "executionReport":
                must(event["i"] == order["orderId"], "the report is of another order")
                states.append(event["X"])
        must(states == ["NEW", "CANCELED"], f"the reports were {states}")
        must("outboundAccountPosition" in kinds, "no balance was told")


async def streams(member: dict) -> None:
    client = await AsyncClient.create(member["api_key"], member["secret"])
    manager = BinanceSocketManager(client)
    try:
        await asyncio.gather(depth(client), gapless(manager), user_events(client, manager))
    finally:
        await client.close_connection()


def main() -> None:
    url, members_file, name = sys.argv[1:]
    member = {m["name"]: m for m in json.loads(Path(members_file).read_text())}[name]
    point(url)
    rest(Client(member["api_key"], member["secret"]))
    asyncio.run(streams(member))


main()
print("python-binance: all holds")
