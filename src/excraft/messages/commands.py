"""What may be asked of the exchange: typed commands and the fixed-width rows they are stored in.

A command is a 64-byte row plus at most one text. Rows are what the log holds and the kernel reads;
the classes below are what people and services write. `row(command)` packs one, `command(row, text)`
unpacks it. Money and structure (Credit ... SetParameter) are *administrative*: within a record they
all take effect, in their order, before the first trading command of that record.
"""

import struct
from hashlib import blake2b
from typing import Union

import msgspec
import numpy as np

from excraft.messages.kinds import (
    Cause,
    CommandKind,
    OrderType,
    Restriction,
    SelfTrade,
    Side,
    TimeInForce,
)
from excraft.parameters import Parameter

TEXT_BYTES_MAX = 1024  # of one command


COMMAND = np.dtype(
    [
        ("kind", "u1"),
        ("side", "u1"),
        ("order_type", "u1"),
        ("time_in_force", "u1"),
        ("self_trade", "u1"),
        ("restriction", "u1"),
        ("number", "<u2"),  # Cause, or Parameter
        ("account", "<i4"),
        ("market", "<i4"),  # or the asset, in commands that move money
        ("order_id", "<i8"),
        ("price", "<i8"),  # or the fee, in SPEND
        ("quantity", "<i8"),
        ("amount", "<i8"),
        ("stop_price", "<i8"),
        ("client_key", "<i8"),
    ]
)
_ROW = struct.Struct("<6BHiiqqqqqq")
assert _ROW.size == COMMAND.itemsize == 64


class PlaceOrder(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Give `quantity` lots, or for MARKET instead `amount` quote atoms to spend or receive."""

    account: int
    market: int
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce = TimeInForce.GTC
    self_trade: SelfTrade = SelfTrade.NONE
    price: int = 0  # ticks; 0 for MARKET, STOP_LOSS, TAKE_PROFIT
    quantity: int = 0  # lots
    amount: int = 0  # quote atoms
    stop_price: int = 0  # ticks; 0 unless a stop order
    client_id: str = ""  # empty: none, and not checked for repetition


class CancelOrder(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """By `order_id`, or when that is 0 by the `client_id` the order was placed with."""

    account: int
    market: int
    order_id: int = 0
    client_id: str = ""
    restriction: Restriction = Restriction.NONE
    new_client_id: str = ""  # only echoed


class CancelAll(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """All orders of the account in the market; account -1: everybody's, for the operator."""

    account: int
    market: int


class AmendOrder(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Reduce the whole quantity to `quantity` lots, keeping the place in the queue."""

    account: int
    market: int
    quantity: int
    order_id: int = 0
    client_id: str = ""
    new_client_id: str = ""  # only echoed


class Credit(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Bring `amount` atoms into the exchange."""

    account: int
    asset: int
    amount: int
    cause: Cause
    reference: str = ""


class Debit(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Take `amount` free atoms out of the exchange."""

    account: int
    asset: int
    amount: int
    cause: Cause
    reference: str = ""


class Reserve(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Set `amount` free atoms aside for a withdrawal or a stake; causes have separate sums."""

    account: int
    asset: int
    amount: int
    cause: Cause  # WITHDRAWAL or STAKE
    reference: str = ""


class Release(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Give `amount` reserved atoms back to the free ones."""

    account: int
    asset: int
    amount: int
    cause: Cause
    reference: str = ""


class Spend(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Of what is reserved, `amount` atoms leave the exchange and `fee` atoms become fees."""

    account: int
    asset: int
    amount: int
    cause: Cause
    fee: int = 0
    reference: str = ""


class ApproveWithdrawal(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Says that `amount` reserved atoms may be paid out as `text` says; moves nothing itself."""

    account: int
    asset: int
    amount: int
    text: str = ""


class PayReferral(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Pay the referrer of `account` the share of its fees in `asset` that is owed so far."""

    account: int
    asset: int


class Transfer(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """`amount` free atoms of `account` become free atoms of `to`: a reward, out of the house's."""

    account: int
    to: int
    asset: int
    amount: int
    cause: Cause
    reference: str = ""


class MeritAct(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What a member does with pools and stake, or staff and the round service with merit. The
    kernel checks that the accounts exist (-1: none) and keeps nothing; see messages/merit.py."""

    verb: int
    account: int = -1
    pool: int = -1
    other: int = -1
    value: int = 0
    text: str = ""


class OpenAccount(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The kernel gives the next account number; ACCOUNT_OPENED tells it."""

    reference: str = ""


class ListAsset(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The kernel gives the next asset number; `text` is the listing's JSON."""

    decimals: int
    text: str = ""


class ListMarket(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The kernel gives the next market number; `text` is the listing's JSON."""

    base: int
    quote: int
    base_atoms_per_lot: int
    quote_atoms_per_tick_lot: int
    text: str = ""


class SetParameter(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """`subject` is the market or account (-1 for the exchange); `tier` only for MARKET_TIER."""

    parameter: Parameter
    value: int
    subject: int = -1
    tier: int = 0
    text: str = ""


Command = Union[  # noqa: UP007  (msgspec reads the union)
    PlaceOrder,
    CancelOrder,
    CancelAll,
    AmendOrder,
    Credit,
    Debit,
    OpenAccount,
    ListAsset,
    ListMarket,
    SetParameter,
    Reserve,
    Release,
    Spend,
    ApproveWithdrawal,
    PayReferral,
    Transfer,
    MeritAct,
]


def client_key(client_id: str) -> int:
    """64-bit key of a client order id, 0 for none; never 0 for an id."""
    if not client_id:
        return 0
    digest = blake2b(client_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True) or 1


def pack(c: Command) -> tuple[bytes, str]:
    """The 64-byte row and the text of a command. Raises struct.error when a number does not fit."""
    match c:
        case PlaceOrder():
            return pack_place(
                c.account, c.market, c.side, c.order_type, c.time_in_force, c.self_trade,
                c.price, c.quantity, c.amount, c.stop_price, c.client_id,
            ), c.client_id  # fmt: skip
        case CancelOrder():
            key = client_key(c.client_id) if c.order_id == 0 else 0
            row = _ROW.pack(CommandKind.CANCEL_ORDER, 0, 0, 0, 0, c.restriction, 0, c.account,
                            c.market, c.order_id, 0, 0, 0, 0, key)  # fmt: skip
            return row, c.new_client_id
        case CancelAll():
            return _plain(CommandKind.CANCEL_ALL, c.account, c.market), ""
        case AmendOrder():
            key = client_key(c.client_id) if c.order_id == 0 else 0
            row = _ROW.pack(CommandKind.AMEND_ORDER, 0, 0, 0, 0, 0, 0, c.account,
                            c.market, c.order_id, 0, c.quantity, 0, 0, key)  # fmt: skip
            return row, c.new_client_id
        case Credit() | Debit() | Reserve() | Release():
            kind = _KIND_OF[type(c)]
            return _plain(kind, c.account, c.asset, c.cause, c.amount), c.reference
        case Spend():
            row = _ROW.pack(CommandKind.SPEND, 0, 0, 0, 0, 0, c.cause, c.account, c.asset, 0,
                            c.fee, 0, c.amount, 0, 0)  # fmt: skip
            return row, c.reference
        case ApproveWithdrawal():
            return _plain(CommandKind.APPROVE_WITHDRAWAL, c.account, c.asset, 0, c.amount), c.text
        case PayReferral():
            return _plain(CommandKind.PAY_REFERRAL, c.account, c.asset), ""
        case Transfer():
            row = _ROW.pack(CommandKind.TRANSFER, 0, 0, 0, 0, 0, c.cause, c.account, c.asset, c.to,
                            0, 0, c.amount, 0, 0)  # fmt: skip
            return row, c.reference
        case MeritAct():
            row = _ROW.pack(CommandKind.MERIT_ACT, 0, 0, 0, 0, 0, c.verb, c.account, c.pool,
                            c.other, 0, 0, c.value, 0, 0)  # fmt: skip
            return row, c.text
        case OpenAccount():
            return _plain(CommandKind.OPEN_ACCOUNT, -1, -1), c.reference
        case ListAsset():
            return _plain(CommandKind.LIST_ASSET, -1, -1, 0, c.decimals), c.text
        case ListMarket():
            row = _ROW.pack(CommandKind.LIST_MARKET, 0, 0, 0, 0, 0, 0, -1, -1, c.base,
                            c.quote_atoms_per_tick_lot, c.base_atoms_per_lot,
                            0, c.quote, 0)  # fmt: skip
            return row, c.text
        case SetParameter():
            row = _ROW.pack(CommandKind.SET_PARAMETER, 0, 0, 0, 0, 0, c.parameter, c.subject,
                            c.subject, c.tier, 0, 0, c.value, 0, 0)  # fmt: skip
            return row, c.text


_MONEY = {
    CommandKind.CREDIT: Credit,
    CommandKind.DEBIT: Debit,
    CommandKind.RESERVE: Reserve,
    CommandKind.RELEASE: Release,
}
_KIND_OF = {shape: kind for kind, shape in _MONEY.items()}


def pack_place(account, market, side, order_type, time_in_force, self_trade, price, quantity,
               amount, stop_price, client_id) -> bytes:  # fmt: skip
    """Row of a PlaceOrder without building the object: the gateway's hot path."""
    return _ROW.pack(CommandKind.PLACE_ORDER, side, order_type, time_in_force, self_trade, 0, 0,
                     account, market, 0, price, quantity, amount, stop_price,
                     client_key(client_id))  # fmt: skip


def _plain(kind: int, account: int, market: int, number: int = 0, amount: int = 0) -> bytes:
    return _ROW.pack(kind, 0, 0, 0, 0, 0, number, account, market, 0, 0, 0, amount, 0, 0)


def unpack(row, text: str = "") -> Command:
    """The typed command of one COMMAND row (a numpy record); inverse of `pack`, except that an
    order named by client id comes back without the id (only its key is stored)."""
    k, side, kind, tif, stp, restriction, number, account, market, order_id, price, quantity, \
        amount, stop_price, _key = row.tolist()  # fmt: skip
    match CommandKind(k):
        case CommandKind.PLACE_ORDER:
            return PlaceOrder(
                account=account, market=market, side=Side(side), order_type=OrderType(kind),
                time_in_force=TimeInForce(tif), self_trade=SelfTrade(stp), price=price,
                quantity=quantity, amount=amount, stop_price=stop_price, client_id=text,
            )  # fmt: skip
        case CommandKind.CANCEL_ORDER:
            return CancelOrder(account=account, market=market, order_id=order_id,
                               restriction=Restriction(restriction),
                               new_client_id=text)  # fmt: skip
        case CommandKind.CANCEL_ALL:
            return CancelAll(account=account, market=market)
        case CommandKind.AMEND_ORDER:
            return AmendOrder(account=account, market=market, quantity=quantity,
                              order_id=order_id, new_client_id=text)  # fmt: skip
        case kind if kind in _MONEY:
            return _MONEY[kind](account=account, asset=market, amount=amount, cause=Cause(number),
                                reference=text)  # fmt: skip
        case CommandKind.SPEND:
            return Spend(account=account, asset=market, amount=amount, fee=price,
                         cause=Cause(number), reference=text)  # fmt: skip
        case CommandKind.APPROVE_WITHDRAWAL:
            return ApproveWithdrawal(account=account, asset=market, amount=amount, text=text)
        case CommandKind.PAY_REFERRAL:
            return PayReferral(account=account, asset=market)
        case CommandKind.TRANSFER:
            return Transfer(account=account, to=order_id, asset=market, amount=amount,
                            cause=Cause(number), reference=text)  # fmt: skip
        case CommandKind.MERIT_ACT:
            return MeritAct(verb=number, account=account, pool=market, other=order_id,
                            value=amount, text=text)  # fmt: skip
        case CommandKind.OPEN_ACCOUNT:
            return OpenAccount(reference=text)
        case CommandKind.LIST_ASSET:
            return ListAsset(decimals=amount, text=text)
        case CommandKind.LIST_MARKET:
            return ListMarket(base=order_id, quote=stop_price, base_atoms_per_lot=quantity,
                              quote_atoms_per_tick_lot=price, text=text)  # fmt: skip
        case CommandKind.SET_PARAMETER:
            return SetParameter(parameter=Parameter(number), value=amount, subject=account,
                                tier=order_id, text=text)  # fmt: skip
