"""The slow, obvious twin of the compiled kernel: docs/reference/kernel-rules.md in plain Python.

It is the specification: tests drive both and compare every event and the state hash. Dicts, lists
and Python ints only. One file per phase: reference_admin, reference_reserve, reference_match.
"""

from collections import namedtuple

import numpy as np

from excraft.kernel.reference_admin import administer
from excraft.kernel.reference_match import Matching, Row, received
from excraft.kernel.reference_reserve import Start, reserve
from excraft.kernel.reference_state import Market, Order, State
from excraft.messages.codec import OutOfOrder, Record
from excraft.messages.commands import COMMAND, Cause, CommandKind, Side
from excraft.messages.events import EVENT, EventKind, Flag
from excraft.messages.reasons import Reason
from excraft.parameters import AccountState, MarketState, Parameter
from excraft.units import PPM

CommandRow = namedtuple("CommandRow", COMMAND.names)
Task = Order | int
TRADING = (
    CommandKind.PLACE_ORDER,
    CommandKind.CANCEL_ORDER,
    CommandKind.CANCEL_ALL,
    CommandKind.AMEND_ORDER,
)


class Reference:
    """The rules of the kernel, one record at a time."""

    def __init__(self):
        self._state = State()

    @property
    def position(self) -> int:
        """Position of the last record; 0 before the first."""
        return self._state.position

    @property
    def sequence(self) -> int:
        """Number the next command gets."""
        return self._state.sequence

    @property
    def time_ns(self) -> int:
        """Time of the last record."""
        return self._state.time_ns

    def balance(self, account: int, asset: int) -> tuple[int, int]:
        """(free, held) atoms; (0, 0) for what does not exist."""
        pair = (account, asset)
        return self._state.free.get(pair, 0), self._state.held.get(pair, 0)

    def shown(self, account: int, asset: int) -> tuple[int, int]:
        """(free, locked) atoms: locked is what orders hold and what is reserved."""
        free, held = self.balance(account, asset)
        reserved = self._state.reserved
        return free, held + sum(reserved.get((account, asset, cause), 0) for cause in Cause)

    def balances(self, account: int) -> dict[int, tuple[int, int]]:
        """(free, held) by asset, only those that are not both 0."""
        every = ((asset, self.balance(account, asset)) for asset in range(len(self._state.assets)))
        return {asset: pair for asset, pair in every if pair != (0, 0)}

    def owed(self) -> list[tuple[int, int, int]]:
        """(account, asset, atoms) that its fees owe its referrer, in their order."""
        return [(*of, atoms) for of, atoms in sorted(self._state.owed.items()) if atoms]

    def reserved(self, account: int) -> dict[tuple[int, Cause], int]:
        """Atoms set aside by (asset, cause), without zeros."""
        return {
            (asset, Cause(cause)): atoms
            for (owner, asset, cause), atoms in sorted(self._state.reserved.items())
            if owner == account and atoms
        }

    def state_hash(self) -> str:
        """SHA-256 in hex of everything that decides what happens next."""
        return self._state.hash()

    def invariant(self) -> list[str]:
        """What does not hold, in sentences; empty when all is well."""
        return self._state.invariant()

    def step(self, record: Record) -> np.ndarray:
        """Carry out a record; its EVENT rows. Raises OutOfOrder unless it is the next one."""
        state = self._state
        here = (record.position, record.sequence)
        if here != (state.position + 1, state.sequence) or record.time_ns < state.time_ns:
            raise OutOfOrder(
                f"record {record.position} with command {record.sequence} at {record.time_ns} ns; "
                f"next is record {state.position + 1} with command {state.sequence} "
                f"not before {state.time_ns} ns"
            )
        commands = [CommandRow._make(row) for row in record.commands.tolist()]
        told: list[list[Row]] = [[] for _ in commands]
        self._administer(commands, told)
        tasks = self._reserve(commands, told)
        dropped = self._match(commands, tasks, told)
        self._settle(dropped, told)
        state.position, state.time_ns = record.position, record.time_ns
        state.sequence = record.next_sequence
        return _events(told)

    def _administer(self, commands: list[CommandRow], told: list[list[Row]]) -> None:
        """Phase 0."""
        for index, c in enumerate(commands):
            if c.kind in TRADING:
                continue
            match administer(self._state, c):
                case Reason() as reason:
                    told[index].append(_refused(c, reason))
                case kind, columns:
                    told[index].append({"kind": kind, "market": -1, "account": -1, **columns})

    def _reserve(self, commands: list[CommandRow], told: list[list[Row]]) -> dict[int, Task]:
        """Phase 1: what phase 2 has to do, by command: an order to place or the id it names."""
        state, tasks = self._state, {}
        start = Start(open_orders=len(state.orders), balances=len(state.free))
        for index, c in enumerate(commands):
            if c.kind not in TRADING:
                continue
            if c.kind == CommandKind.PLACE_ORDER:
                task = reserve(state, start, index, c)
            else:
                task = self._admit(c)
            if isinstance(task, Reason):
                told[index].append(_refused(c, task))
            else:
                tasks[index] = task
        return tasks

    def _admit(self, c: CommandRow) -> Reason | int:
        """Phase 1 of a cancel or amendment: the id of the order it names (0 for CANCEL_ALL)."""
        state = self._state
        everybody = c.kind == CommandKind.CANCEL_ALL and c.account == -1
        if not everybody and c.account not in range(len(state.accounts)):
            return Reason.UNKNOWN_ACCOUNT
        amends = c.kind == CommandKind.AMEND_ORDER
        if amends:
            account = state.accounts[c.account].parameters
            if account[Parameter.ACCOUNT_STATE] == AccountState.FROZEN:
                return Reason.ACCOUNT_FROZEN
        if c.market not in range(len(state.markets)):
            return Reason.UNKNOWN_MARKET
        market = state.markets[c.market].parameters
        if amends and market[Parameter.MARKET_STATE] != MarketState.TRADING:
            return Reason.MARKET_NOT_TRADING
        if amends and c.quantity < 1:
            return Reason.QUANTITY_OUT_OF_RANGE
        if c.kind == CommandKind.CANCEL_ALL or c.order_id != 0:
            return c.order_id
        order = state.accounts[c.account].by_key.get(c.client_key)
        return order.id if order and order.market == c.market else Reason.UNKNOWN_ORDER

    def _match(
        self, commands: list[CommandRow], tasks: dict[int, Task], told: list[list[Row]]
    ) -> list[Order]:
        """Phase 2; returns the orders that were refused after all."""
        dropped = []
        for index, task in tasks.items():
            c = commands[index]
            work = Matching(self._state, self._state.markets[c.market])
            match c.kind:
                case CommandKind.PLACE_ORDER:
                    reason = work.place(task)
                    if reason:
                        dropped.append(task)
                case CommandKind.CANCEL_ORDER:
                    reason = work.cancel(c.account, task, c.restriction)
                case CommandKind.CANCEL_ALL:
                    reason = work.cancel_all(c.account)
                case CommandKind.AMEND_ORDER:
                    reason = work.amend(c.account, task, c.quantity)
            told[index] += [_refused(c, reason)] if reason else work.rows
        return dropped

    def _settle(self, dropped: list[Order], told: list[list[Row]]) -> None:
        """Phase 3: move the money the rows tell of; close what ended."""
        state = self._state
        for order in dropped:
            self._release(order, order.hold)
            self._close(order)
        for row in (row for rows in told for row in rows):
            order = state.orders.get(row.get("order_id", 0))
            if order is None or row["kind"] not in _ABOUT_ORDERS:
                continue
            if row["kind"] == EventKind.ORDER_FILLED:
                self._trade(order, row)
            self._release(order, row.get("released", 0))
            if row.get("flags", 0) & Flag.CLOSED:
                self._close(order)

    def _trade(self, order: Order, row: Row) -> None:
        """One side of a trade: pay, receive less the fee."""
        state, market = self._state, self._state.markets[order.market]
        pays, gets = _assets(order, market)
        fee = row["amount"]
        state.held[order.account, pays] -= order.pays(row["quantity"], row["price"], market)
        state.free[order.account, gets] += (
            received(order, row["quantity"], row["price"], market) - fee
        )
        state.assets[gets].fees += fee
        account = state.accounts[order.account].parameters
        if account[Parameter.REFERRER]:
            state.owed[order.account, gets] += fee * account[Parameter.REFERRAL_SHARE_PPM] // PPM

    def _release(self, order: Order, atoms: int) -> None:
        pays, _ = _assets(order, self._state.markets[order.market])
        self._state.held[order.account, pays] -= atoms
        self._state.free[order.account, pays] += atoms

    def _close(self, order: Order) -> None:
        account = self._state.accounts[order.account]
        account.open_orders -= 1
        if order.client_key:
            del account.by_key[order.client_key]
        del self._state.orders[order.id]


_ABOUT_ORDERS = (
    EventKind.ORDER_FILLED,
    EventKind.ORDER_CANCELED,
    EventKind.ORDER_EXPIRED,
    EventKind.ORDER_AMENDED,
    EventKind.TRADE_PREVENTED,
)


def _assets(order: Order, market: Market) -> tuple[int, int]:
    """(asset it pays, asset it receives)."""
    both = market.quote, market.base
    return both if order.side == Side.BUY else both[::-1]


def _refused(c: CommandRow, reason: Reason) -> Row:
    order_id = 0 if c.kind == CommandKind.PLACE_ORDER else c.order_id
    return {"kind": EventKind.REFUSED, "reason": reason, "market": c.market,
            "account": c.account, "order_id": order_id, "side": c.side}  # fmt: skip


def _events(told: list[list[Row]]) -> np.ndarray:
    """The rows as an EVENT array, ordered by command."""
    nothing = dict.fromkeys(EVENT.names, 0)
    rows = [
        tuple((nothing | row | {"command": index}).values())
        for index, rows in enumerate(told)
        for row in rows
    ]
    return np.array(rows, dtype=EVENT)
