"""Orders, fills and trades as the JSON fields that clients know; REST, WebSocket API and events.

An "order" here is the engine's Order or history's StoredOrder: the same fields. Prices, quantities
and amounts are texts with 8 decimals, ids and times whole numbers; times are milliseconds.
"""

from typing import Any

from excraft.engine.listings import Asset, Market
from excraft.engine.orders import Report
from excraft.engine.outcomes import Outcome
from excraft.marketdata.trades import AggTrade, Trade
from excraft.messages.commands import OrderType, SelfTrade, Side, TimeInForce
from excraft.messages.events import EventKind
from excraft.units import format_decimal

MS = 1_000_000  # nanoseconds
ZERO = format_decimal(0)
NO_LIST = -1  # orderListId of an order that belongs to no list
SIDES = tuple(s.name for s in Side)
TYPES = ("", *(t.name for t in OrderType))
TIMES_IN_FORCE = ("", *(t.name for t in TimeInForce))
SELF_TRADES = tuple(s.name for s in SelfTrade)
STOPS = frozenset(
    (OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT,
     OrderType.TAKE_PROFIT_LIMIT)
)  # fmt: skip
_FILLED = int(EventKind.ORDER_FILLED)


def generated_id(sequence: int) -> str:
    """The client id of a command whose client sent none; `sequence` is the command's number."""
    return f"x-{sequence}"


def whole_quantity(market: Market, order: Any, filled: int) -> str:
    """origQty: of an order given by amount, what it filled."""
    return market.quantity_text(order.quantity or filled)


def placed_ack(market: Market, order: Any, outcome: Outcome) -> dict:
    """newOrderRespType ACK."""
    return {
        "symbol": market.symbol,
        "orderId": order.id,
        "orderListId": NO_LIST,
        "clientOrderId": order.client_id,
        "transactTime": outcome.time_ns // MS,
    }


def placed_result(market: Market, report: Report, outcome: Outcome) -> dict:
    """newOrderRespType RESULT: the order as it stood after the outcome's last report on it."""
    order, transact_ms = report.order, outcome.time_ns // MS
    stop = order.order_type in STOPS
    shown = placed_ack(market, order, outcome)
    shown["price"] = market.price_text(order.price) if order.price else ZERO
    shown["origQty"] = market.quantity_text(order.quantity or report.filled)
    shown["executedQty"] = market.quantity_text(report.filled) if report.filled else ZERO
    shown["origQuoteOrderQty"] = market.quote_text(order.amount) if order.amount else ZERO
    shown["cummulativeQuoteQty"] = market.quote_text(report.quote) if report.quote else ZERO
    shown["status"] = report.status
    shown["timeInForce"] = TIMES_IN_FORCE[order.time_in_force]
    shown["type"] = TYPES[order.order_type]
    shown["side"] = SIDES[order.side]
    if stop:
        shown["stopPrice"] = market.price_text(order.stop_price)
    shown["workingTime"] = -1 if stop else transact_ms
    shown["selfTradePreventionMode"] = SELF_TRADES[order.self_trade]
    if order.prevented:
        shown["preventedQuantity"] = market.quantity_text(order.prevented)
    return shown


def placed_full(market: Market, report: Report, outcome: Outcome, fee_asset: Asset) -> dict:
    """newOrderRespType FULL: with the order's own fills; the fee is taken from what it receives."""
    shown = placed_result(market, report, outcome)
    fills, own = [], outcome.sequence
    for event in outcome.events:
        if event[1] == _FILLED and event[7] == own:
            fills.append(
                {
                    "price": market.price_text(event[8]),
                    "qty": market.quantity_text(event[9]),
                    "commission": fee_asset.text(event[11]),
                    "commissionAsset": fee_asset.symbol,
                    "tradeId": event[13],
                }
            )
    shown["fills"] = fills
    return shown


def order_shown(market: Market, order: Any) -> dict:
    """An order as GET order, openOrders and allOrders show it."""
    shown = {
        "symbol": market.symbol,
        "orderId": order.id,
        "orderListId": NO_LIST,
        "clientOrderId": order.client_id,
        "price": market.price_text(order.price),
        "origQty": whole_quantity(market, order, order.filled),
        "executedQty": market.quantity_text(order.filled),
        "cummulativeQuoteQty": market.quote_text(order.quote),
        "status": order.status,
        "timeInForce": TIMES_IN_FORCE[order.time_in_force],
        "type": TYPES[order.order_type],
        "side": SIDES[order.side],
        "stopPrice": market.price_text(order.stop_price),
        "icebergQty": ZERO,
        "time": order.time_ns // MS,
        "updateTime": order.updated_ns // MS,
        "isWorking": order.working_ns > 0,
        "workingTime": order.working_ns // MS if order.working_ns else -1,
        "origQuoteOrderQty": market.quote_text(order.amount),
        "selfTradePreventionMode": SELF_TRADES[order.self_trade],
    }
    if order.prevented:
        shown["preventedQuantity"] = market.quantity_text(order.prevented)
    return shown


def order_canceled(market: Market, order: Any, client_id: str, time_ns: int) -> dict:
    """A cancelled order; `client_id` is that of the cancel itself."""
    shown = {
        "symbol": market.symbol,
        "origClientOrderId": order.client_id,
        "orderId": order.id,
        "orderListId": NO_LIST,
        "clientOrderId": client_id,
        "transactTime": time_ns // MS,
        "price": market.price_text(order.price),
        "origQty": whole_quantity(market, order, order.filled),
        "executedQty": market.quantity_text(order.filled),
        "origQuoteOrderQty": market.quote_text(order.amount),
        "cummulativeQuoteQty": market.quote_text(order.quote),
        "status": order.status,
        "timeInForce": TIMES_IN_FORCE[order.time_in_force],
        "type": TYPES[order.order_type],
        "side": SIDES[order.side],
        "selfTradePreventionMode": SELF_TRADES[order.self_trade],
    }
    if order.order_type in STOPS:
        shown["stopPrice"] = market.price_text(order.stop_price)
    if order.prevented:
        shown["preventedQuantity"] = market.quantity_text(order.prevented)
    return shown


def order_amended(market: Market, report: Report, outcome: Outcome, quantity: int) -> dict:
    """An order whose quantity was reduced to `quantity` lots."""
    order = report.order
    return {
        "transactTime": outcome.time_ns // MS,
        "executionId": outcome.sequence,
        "amendedOrder": {
            "symbol": market.symbol,
            "orderId": order.id,
            "orderListId": NO_LIST,
            "origClientOrderId": order.client_id,
            "clientOrderId": order.client_id,
            "price": market.price_text(order.price),
            "qty": market.quantity_text(quantity),
            "executedQty": market.quantity_text(report.filled),
            "preventedQty": market.quantity_text(order.prevented),
            "quoteOrderQty": ZERO,
            "cumulativeQuoteQty": market.quote_text(report.quote),
            "status": report.status,
            "timeInForce": TIMES_IN_FORCE[order.time_in_force],
            "type": TYPES[order.order_type],
            "side": SIDES[order.side],
            "workingTime": order.working_ns // MS if order.working_ns else -1,
            "selfTradePreventionMode": SELF_TRADES[order.self_trade],
        },
    }


def my_trade(market: Market, fill: Any, fee_asset: Asset) -> dict:
    """A fill of history as myTrades shows it."""
    return {
        "symbol": market.symbol,
        "id": fill.trade_id,
        "orderId": fill.order_id,
        "orderListId": NO_LIST,
        "price": market.price_text(fill.price),
        "qty": market.quantity_text(fill.lots),
        "quoteQty": market.quote_text(fill.quote),
        "commission": fee_asset.text(fill.fee),
        "commissionAsset": fee_asset.symbol,
        "time": fill.time_ns // MS,
        "isBuyer": fill.side == Side.BUY,
        "isMaker": fill.maker,
        "isBestMatch": True,
    }


def public_trade(market: Market, trade: Trade) -> dict:
    """A trade as everybody sees it."""
    return {
        "id": trade.id,
        "price": market.price_text(trade.price),
        "qty": market.quantity_text(trade.lots),
        "quoteQty": market.quote_text(trade.quote_atoms),
        "time": trade.time_ns // MS,
        "isBuyerMaker": trade.buyer_maker,
        "isBestMatch": True,
    }


def aggregate_trade(market: Market, trade: AggTrade) -> dict:
    """Consecutive fills of one taker at one price."""
    return {
        "a": trade.id,
        "p": market.price_text(trade.price),
        "q": market.quantity_text(trade.lots),
        "f": trade.first_id,
        "l": trade.last_id,
        "T": trade.time_ns // MS,
        "m": trade.buyer_maker,
        "M": True,
    }
