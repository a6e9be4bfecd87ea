"""The wallet endpoints (/sapi) about coins and the account; deposits and withdrawals have files of
their own. Without a chain the flags say that both are off, and no network is listed."""

import asyncio
from typing import Any

from excraft.accounts.api_keys import ListedKey
from excraft.gateway import errors
from excraft.gateway.auth import READ, TRADE, WITHDRAW, Caller
from excraft.gateway.exchange import Exchange
from excraft.gateway.spot import depositing, params, shapes
from excraft.gateway.spot.orders import market_of
from excraft.gateway.spot.params import Param, Spec
from excraft.gateway.spot.trading import commission_rates
from excraft.messages.commands import Cause
from excraft.parameters import AccountState, Parameter

TRADE_FEE = Spec(Param("symbol", params.SYMBOL))
ASSETS = Spec(Param("asset", params.NAME))


async def system_status(exchange: Exchange, caller: Any, values: dict) -> dict:
    """GET sapi/v1/system/status."""
    return {"status": 0, "msg": "normal"}


async def coins(exchange: Exchange, caller: Caller, values: dict) -> list[dict]:
    """GET sapi/v1/capital/config/getall."""
    balances = exchange.engine.balances(caller.account)
    reserved = exchange.engine.reserved(caller.account)
    shown = []
    for asset in exchange.engine.listings.assets:
        free, held = balances.get(asset.number, (0, 0))
        networks = depositing.networks(exchange, asset)
        shown.append(
            {
                "coin": asset.symbol,
                "name": asset.name or asset.symbol,
                "free": asset.text(free),
                "locked": asset.text(held),
                "freeze": shapes.ZERO,
                "withdrawing": asset.text(reserved.get((asset.number, Cause.WITHDRAWAL), 0)),
                "ipoing": shapes.ZERO,
                "ipoable": shapes.ZERO,
                "storage": shapes.ZERO,
                "isLegalMoney": False,
                "trading": True,
                "depositAllEnable": bool(networks),
                "withdrawAllEnable": any(n["withdrawEnable"] for n in networks),
                "networkList": networks,
            }
        )
    return shown


async def trade_fee(exchange: Exchange, caller: Caller, values: dict) -> list[dict]:
    """GET sapi/v1/asset/tradeFee: the rates of the caller's tier."""
    listings = exchange.engine.listings
    markets = [market_of(listings, values["symbol"])] if "symbol" in values else listings.markets
    shown = []
    for market in markets:
        rates = commission_rates(exchange, caller, market)
        shown.append(
            {
                "symbol": market.symbol,
                "makerCommission": rates["maker"],
                "takerCommission": rates["taker"],
            }
        )
    return shown


async def account_status(exchange: Exchange, caller: Caller, values: dict) -> dict:
    """GET sapi/v1/account/status."""
    return {"data": "Normal" if _active(exchange, caller) else "Locked"}


async def trading_status(exchange: Exchange, caller: Caller, values: dict) -> dict:
    """GET sapi/v1/account/apiTradingStatus: nobody is locked out for a pattern of orders."""
    return {
        "data": {
            "isLocked": not _active(exchange, caller),
            "plannedRecoverTime": 0,
            "triggerCondition": {},
            "updateTime": 0,
        }
    }


def _active(exchange: Exchange, caller: Caller) -> bool:
    state = exchange.engine.listings.account_parameter(caller.account, Parameter.ACCOUNT_STATE)
    return state == AccountState.ACTIVE


async def key_permissions(exchange: Exchange, caller: Caller, values: dict) -> dict:
    """GET sapi/v1/account/apiRestrictions: what the key of this request may do."""
    key = await asyncio.to_thread(_listed_key, exchange, caller)
    return {
        "ipRestrict": bool(key.ips),
        "createTime": key.created_ns // shapes.MS,
        "enableReading": READ in caller.permissions,
        "enableSpotAndMarginTrading": TRADE in caller.permissions,
        "enableWithdrawals": WITHDRAW in caller.permissions and bool(key.ips),
        "enableInternalTransfer": False,
        "enableMargin": False,
        "enableFutures": False,
        "permitsUniversalTransfer": False,
        "enableVanillaOptions": False,
        "enableFixApiTrade": False,
        "enableFixReadOnly": False,
        "enablePortfolioMarginTrading": False,
    }


def _listed_key(exchange: Exchange, caller: Caller) -> ListedKey:
    keys = exchange.api_keys.list(exchange.members.by_id(caller.member_id))
    return next(key for key in keys if key.key == caller.key)


async def asset_detail(exchange: Exchange, caller: Caller, values: dict) -> dict:
    """GET sapi/v1/asset/assetDetail."""
    shown = {}
    for asset in _assets(exchange, values):
        networks = depositing.networks(exchange, asset)
        first = networks[0] if networks else {}
        shown[asset.symbol] = {
            "minWithdrawAmount": first.get("withdrawMin", shapes.ZERO),
            "depositStatus": bool(networks),
            "withdrawFee": first.get("withdrawFee", shapes.ZERO),
            "withdrawStatus": first.get("withdrawEnable", False),
        }
    return shown


async def user_assets(exchange: Exchange, caller: Caller, values: dict) -> list[dict]:
    """POST sapi/v3/asset/getUserAsset: the assets of which the caller has something."""
    balances = exchange.engine.balances(caller.account)
    reserved = exchange.engine.reserved(caller.account)
    shown = []
    for asset in _assets(exchange, values):
        free, held = balances.get(asset.number, (0, 0))
        withdrawing = reserved.get((asset.number, Cause.WITHDRAWAL), 0)
        if free or held or withdrawing:
            shown.append(
                {
                    "asset": asset.symbol,
                    "free": asset.text(free),
                    "locked": asset.text(held),
                    "freeze": shapes.ZERO,
                    "withdrawing": asset.text(withdrawing),
                    "ipoable": shapes.ZERO,
                    "btcValuation": "0",
                }
            )
    return shown


def _assets(exchange: Exchange, values: dict) -> list:
    if "asset" not in values:
        return exchange.engine.listings.assets
    asset = exchange.engine.listings.asset(values["asset"])
    if asset is None:
        raise errors.invalid("asset")
    return [asset]


async def delistings(exchange: Exchange, caller: Caller, values: dict) -> list:
    """GET sapi/v1/spot/delist-schedule: nothing is scheduled."""
    return []
