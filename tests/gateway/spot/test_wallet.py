"""The wallet endpoints say what is true: nothing moves over a chain yet."""

import pytest

from excraft.messages.commands import Cause, Release, Reserve, Spend
from excraft.parameters import AccountState, Parameter
from tests.gateway.clients import set_parameter

pytestmark = pytest.mark.anyio
SAPI = "/sapi/v1"


async def test_coins(venue):
    await venue.alice.limit("SELL", "1", "10")
    coins = await venue.alice.ok("GET", f"{SAPI}/capital/config/getall")
    assert [c["coin"] for c in coins] == ["EXT", "USD", "ETH"]
    assert (coins[0]["free"], coins[0]["locked"]) == ("9999.00000000", "1.00000000")
    for coin in coins:
        assert coin["depositAllEnable"] is coin["withdrawAllEnable"] is False
        assert coin["networkList"] == []


async def test_fees(venue):
    both = await venue.alice.ok("GET", f"{SAPI}/asset/tradeFee")
    assert both[0] == {
        "symbol": "EXTUSD", "makerCommission": "0.00100000", "takerCommission": "0.00100000",
    }  # fmt: skip
    assert len(both) == 2
    assert await venue.alice.ok("GET", f"{SAPI}/asset/tradeFee", symbol="EXTUSD") == both[:1]


async def test_states(venue):
    assert await venue.public.ok("GET", f"{SAPI}/system/status") == {"status": 0, "msg": "normal"}
    assert await venue.alice.ok("GET", f"{SAPI}/account/status") == {"data": "Normal"}
    frozen = AccountState.FROZEN
    await set_parameter(venue.engine, Parameter.ACCOUNT_STATE, frozen, venue.alice.account)
    assert await venue.alice.ok("GET", f"{SAPI}/account/status") == {"data": "Locked"}
    found = await venue.alice.ok("GET", f"{SAPI}/account/apiTradingStatus")
    assert found["data"]["isLocked"] is True
    found = await venue.alice.ok("GET", f"{SAPI}/account/apiRestrictions")
    assert found["enableReading"] and found["enableSpotAndMarginTrading"]
    assert not found["enableWithdrawals"] and not found["ipRestrict"]


async def test_assets(venue):
    found = await venue.alice.ok("POST", "/sapi/v3/asset/getUserAsset")
    assert [(a["asset"], a["free"]) for a in found][:2] == [
        ("EXT", "10000.00000000"), ("USD", "1000000.00000000"),
    ]  # fmt: skip
    found = await venue.alice.ok("POST", "/sapi/v3/asset/getUserAsset", asset="USD")
    assert [a["asset"] for a in found] == ["USD"]
    for method, path in (
        ("POST", "/sapi/v3/asset/getUserAsset"),
        ("GET", f"{SAPI}/asset/assetDetail"),
    ):
        assert (await venue.alice.error(method, path, asset="NOPE"))[1] == -1130
    found = await venue.alice.ok("GET", f"{SAPI}/asset/assetDetail")
    assert not any(a["depositStatus"] or a["withdrawStatus"] for a in found.values())


async def test_nothing_came_or_went(venue):
    for path in ("capital/deposit/hisrec", "capital/withdraw/history", "spot/delist-schedule"):
        assert await venue.alice.ok("GET", f"{SAPI}/{path}") == []


async def test_money_that_is_set_aside_is_locked(venue):
    account = {"account": venue.alice.account, "asset": 1}
    money = account | {"cause": Cause.WITHDRAWAL}
    await set_parameter(venue.engine, Parameter.KYC_LEVEL, 1, venue.alice.account)
    await venue.engine.execute(Reserve(**money, amount=5_000_000))
    await venue.engine.execute(Reserve(**account, amount=1_000_000, cause=Cause.STAKE))
    [_, usd, _] = await venue.alice.ok("GET", f"{SAPI}/capital/config/getall")
    assert (usd["free"], usd["locked"], usd["withdrawing"]) == (
        "999994.00000000", "0.00000000", "5.00000000",
    )  # fmt: skip
    shown = await venue.alice.ok("GET", "/api/v3/account")
    assert shown["balances"][1] == {
        "asset": "USD", "free": "999994.00000000", "locked": "6.00000000",
    }  # fmt: skip
    await venue.engine.execute(Spend(**money, amount=3_000_000, fee=500_000))
    await venue.engine.execute(Release(**money, amount=1_500_000))
    shown = await venue.alice.ok("GET", "/api/v3/account")
    assert shown["balances"][1] == {
        "asset": "USD", "free": "999995.50000000", "locked": "1.00000000",
    }  # fmt: skip
