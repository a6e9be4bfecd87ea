"""Books, trades, candles and tickers over HTTP."""

import pytest

from excraft.gateway.spot.market import percent
from excraft.parameters import MarketState, Parameter
from tests.gateway.clients import set_parameter

pytestmark = pytest.mark.anyio
V3 = "/api/v3"
MINI = {
    "symbol", "openPrice", "highPrice", "lowPrice", "lastPrice", "volume", "quoteVolume",
    "openTime", "closeTime", "firstId", "lastId", "count",
}  # fmt: skip
WINDOW = MINI | {"priceChange", "priceChangePercent", "weightedAvgPrice"}
FULL = WINDOW | {"prevClosePrice", "lastQty", "bidPrice", "bidQty", "askPrice", "askQty"}


@pytest.fixture
async def traded(venue):
    """Trades 1 @ 10, 2 @ 11 bought and 0.5 @ 9 sold; 3 @ 12 asked and 1 @ 8 bid remain."""
    for quantity, price in (("1", "10"), ("2", "11"), ("3", "12")):
        await venue.alice.limit("SELL", quantity, price)
    await venue.bob.limit("BUY", "3", "11")
    await venue.bob.limit("BUY", "0.5", "9")
    await venue.bob.limit("BUY", "1", "8")
    await venue.carol.limit("SELL", "0.5", "9")
    return venue


async def test_depth(traded):
    found = await traded.public.ok("GET", f"{V3}/depth", symbol="EXTUSD")
    assert found["asks"] == [["12.00000000", "3.00000000"]]
    assert found["bids"] == [["8.00000000", "1.00000000"]]
    assert found["lastUpdateId"] > 0
    await traded.bob.limit("BUY", "1", "7.99")
    found = await traded.public.ok("GET", f"{V3}/depth", symbol="EXTUSD", limit=1)
    assert len(found["bids"]) == 1
    assert (
        len((await traded.public.ok("GET", f"{V3}/depth", symbol="EXTUSD", limit=9999))["bids"])
        == 2
    )


async def test_trades(traded):
    for path in ("trades", "historicalTrades"):
        found = await traded.public.ok("GET", f"{V3}/{path}", symbol="EXTUSD")
        assert [
            (t["id"], t["price"], t["qty"], t["quoteQty"], t["isBuyerMaker"]) for t in found
        ] == [
            (1, "10.00000000", "1.00000000", "10.00000000", False),
            (2, "11.00000000", "2.00000000", "22.00000000", False),
            (3, "9.00000000", "0.50000000", "4.50000000", True),
        ]
        assert set(found[0]) == {
            "id", "price", "qty", "quoteQty", "time", "isBuyerMaker", "isBestMatch",
        }  # fmt: skip
    found = await traded.public.ok(
        "GET", f"{V3}/historicalTrades", symbol="EXTUSD", fromId=2, limit=1
    )
    assert [t["id"] for t in found] == [2]
    aggregated = await traded.public.ok("GET", f"{V3}/aggTrades", symbol="EXTUSD")
    assert [(t["a"], t["p"], t["q"], t["f"], t["l"], t["m"]) for t in aggregated] == [
        (1, "10.00000000", "1.00000000", 1, 1, False),
        (2, "11.00000000", "2.00000000", 2, 2, False),
        (3, "9.00000000", "0.50000000", 3, 3, True),
    ]
    assert set(aggregated[0]) == set("apqflTmM")
    found = await traded.public.ok("GET", f"{V3}/aggTrades", symbol="EXTUSD", fromId=3)
    assert found == aggregated[2:]
    around = {"startTime": aggregated[0]["T"], "endTime": aggregated[-1]["T"]}
    assert await traded.public.ok("GET", f"{V3}/aggTrades", symbol="EXTUSD", **around) == aggregated
    for bad in ({"fromId": 1, "startTime": 1}, {"startTime": 2, "endTime": 1}):
        assert (await traded.public.error("GET", f"{V3}/aggTrades", symbol="EXTUSD", **bad))[
            1
        ] == -1128


async def test_klines(traded):
    for path in ("klines", "uiKlines"):
        for interval in ("1m", "1h", "1d", "1w", "1M"):
            found = await traded.public.ok(
                "GET", f"{V3}/{path}", symbol="EXTUSD", interval=interval
            )
            day = found[0]
            assert len(day) == 12 and day[-1] == "0"
        assert day[1:6] == ["10.00000000", "11.00000000", "9.00000000", "9.00000000", "3.50000000"]
        assert (day[7], day[8], day[9], day[10]) == ("36.50000000", 3, "3.00000000", "32.00000000")
        assert day[0] < day[6] and day[0] % 86_400_000 == 0
    hour = 3_600_000
    found = await traded.public.ok(
        "GET", f"{V3}/klines", symbol="EXTUSD", interval="1d", timeZone="+05:00", limit=1
    )
    assert (found[0][0] + 5 * hour) % (24 * hour) == 0
    found = await traded.public.ok(
        "GET", f"{V3}/klines", symbol="EXTUSD", interval="1m", startTime=1, endTime=2
    )
    assert found == []


async def test_tickers(traded):
    found = await traded.public.ok("GET", f"{V3}/ticker/24hr", symbol="EXTUSD")
    assert set(found) == FULL
    wanted = {
        "openPrice": "10.00000000", "highPrice": "11.00000000", "lowPrice": "9.00000000",
        "lastPrice": "9.00000000", "lastQty": "0.50000000", "volume": "3.50000000",
        "quoteVolume": "36.50000000", "priceChange": "-1.00000000",
        "priceChangePercent": "-10.000", "weightedAvgPrice": "10.42857142",
        "bidPrice": "8.00000000", "askQty": "3.00000000", "count": 3, "firstId": 1, "lastId": 3,
    }  # fmt: skip
    assert {name: found[name] for name in wanted} == wanted
    for path, fields in (("ticker/24hr", FULL), ("ticker", WINDOW), ("ticker/tradingDay", WINDOW)):
        full = await traded.public.ok("GET", f"{V3}/{path}", symbol="EXTUSD")
        mini = await traded.public.ok("GET", f"{V3}/{path}", symbol="EXTUSD", type="MINI")
        assert (set(full), set(mini)) == (fields, MINI)
        assert {n: mini[n] for n in MINI - {"closeTime"}} == {
            n: full[n] for n in MINI - {"closeTime"}
        }
    hour = await traded.public.ok("GET", f"{V3}/ticker", symbol="EXTUSD", windowSize="1h")
    assert hour["volume"] == "3.50000000" and hour["openTime"] % 60_000 == 0
    average = await traded.public.ok("GET", f"{V3}/avgPrice", symbol="EXTUSD")
    assert (average["mins"], average["price"]) == (5, "10.42857142")


async def test_one_several_all(traded):
    both = '["ETHUSD","EXTUSD"]'
    for path in ("ticker/24hr", "ticker/price", "ticker/bookTicker"):
        one = await traded.public.ok("GET", f"{V3}/{path}", symbol="EXTUSD")
        some = await traded.public.ok("GET", f"{V3}/{path}", symbols=both)
        every = await traded.public.ok("GET", f"{V3}/{path}")
        assert one["symbol"] == "EXTUSD"
        assert [t["symbol"] for t in some] == ["ETHUSD", "EXTUSD"]
        assert [t["symbol"] for t in every] == ["EXTUSD", "ETHUSD"]
    for path in ("ticker", "ticker/tradingDay"):
        some = await traded.public.ok("GET", f"{V3}/{path}", symbols=both)
        assert [t["symbol"] for t in some] == ["ETHUSD", "EXTUSD"]
        assert (await traded.public.error("GET", f"{V3}/{path}"))[1] == -1102
    bad = await traded.public.error("GET", f"{V3}/ticker/price", symbol="EXTUSD", symbols=both)
    assert bad[1] == -1128
    prices = await traded.public.ok("GET", f"{V3}/ticker/price")
    assert prices == [
        {"symbol": "EXTUSD", "price": "9.00000000"}, {"symbol": "ETHUSD", "price": "0.00000000"},
    ]  # fmt: skip


async def test_by_status(traded):
    await set_parameter(traded.engine, Parameter.MARKET_STATE, MarketState.HALT, 0)
    found = await traded.public.ok("GET", f"{V3}/ticker/price", symbolStatus="TRADING")
    assert [t["symbol"] for t in found] == ["ETHUSD"]
    for path in ("depth", "ticker/24hr", "ticker", "ticker/bookTicker"):
        bad = await traded.public.error(
            "GET", f"{V3}/{path}", symbol="EXTUSD", symbolStatus="TRADING"
        )
        assert bad == (400, -1220, "The symbol's status does not match the requested symbolStatus.")
        await traded.public.ok("GET", f"{V3}/{path}", symbol="EXTUSD", symbolStatus="HALT")


@pytest.mark.parametrize(
    ("change", "of", "text"),
    [(0, 0, "0.000"), (1, 3, "33.333"), (2, 3, "66.667"), (-1, 3, "-33.333"), (1, 200_000, "0.001"),
     (-1, 200_000, "-0.001"), (1, 200_001, "0.000"), (5, 1, "500.000")],
)  # fmt: skip
def test_percent(change, of, text):
    assert percent(change, of) == text
