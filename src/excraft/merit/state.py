"""Merit: pools, stakes and the fills of the day that runs, as a function of the log.

A consumer of the engine's events. A day is closed by the first record at or after its end: what
its dataset needs is put aside in `closed`, until whoever publishes says that it is published.
"""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from excraft.merit.acts import Act, ActRefused
from excraft.merit.calendar import SECOND, Calendar
from excraft.merit.fills import Spool, fill_rows, forget_spool
from excraft.merit.known import Known
from excraft.merit.pools import Pools
from excraft.merit.stakes import DayStakes, Stakes
from excraft.merit.tally import Tally
from excraft.messages.codec import Record
from excraft.messages.commands import Cause
from excraft.messages.events import Event, EventKind
from excraft.messages.merit import Verb
from excraft.parameters import Parameter

_LISTED = (
    EventKind.ACCOUNT_OPENED,
    EventKind.ASSET_LISTED,
    EventKind.MARKET_LISTED,
    EventKind.PARAMETER_SET,
)
_STAKED = (EventKind.RESERVED, EventKind.RELEASED)
_LENGTHS = (Parameter.REWARD_DAY_S, Parameter.ROUND_DAYS)
_READ = np.array([*_LISTED, *_STAKED, EventKind.TRANSFERRED, EventKind.MERIT_ACTED], np.int64)


class PoolTerms(msgspec.Struct, frozen=True):
    """A pool as it was when the round began."""

    number: int
    master: int
    redistribute: bool
    commission_bp: int
    active: bool
    verified: int


class ClosedDay(msgspec.Struct):
    """What the dataset of a day is made of; `fills` rows are in its spool. `position`: of the
    last record before its end. `traded`: atoms (quote, base) of each market."""

    day: int
    round: int
    begin: int
    end: int
    ends_round: bool
    position: int
    accounts: int  # there are so many
    fills: int
    numbers: dict[int, int]
    known: Known
    pool_of: dict[int, int]
    pools: list[PoolTerms]
    stakes: DayStakes
    traded: dict[int, tuple[int, int]]


class Refusal(msgspec.Struct, frozen=True):
    """Why an act changed nothing."""

    position: int
    command: int  # its index in the record
    verb: int
    account: int
    why: str


class _Dump(msgspec.Struct):
    position: int
    calendar: Calendar
    known: Known
    pools: Pools
    stakes: Stakes
    closed: list[ClosedDay]
    rewarded: dict[int, int]
    fills: int
    tally: dict[str, Any]


REFUSALS_KEPT = 1_000


class Merit:
    """Change it only through `apply`. `folder`: where fills of days wait."""

    def __init__(self, folder: Path) -> None:
        self.calendar, self.known = Calendar(), Known()
        self.pools, self.stakes = Pools(), Stakes()
        self.closed: list[ClosedDay] = []
        self.rewarded: dict[int, int] = {}  # atoms of EXT that reached accounts as rewards
        self.refusals: list[Refusal] = []
        self.tally = Tally()
        self.position, self.newest_published = 0, -1
        self._folder = folder
        self._spool: Spool | None = None
        self._markets = self.known.arrays()

    # ---- the log

    def apply(self, record: Record, events: np.ndarray) -> None:
        """Take over one record."""
        self._roll(record.time_ns)
        kinds = events["kind"]
        if len(kinds):
            top = int(kinds.max())
            if top >= EventKind.ACCOUNT_OPENED:
                self._take_others(record, events[np.isin(kinds, _READ)])
            if (kinds == EventKind.ORDER_FILLED).any():
                self._take_fills(events)
        self.position = record.position

    def _take_fills(self, events: np.ndarray) -> None:
        rows = fill_rows(events, self._markets)
        self._open_spool().add(rows)
        self.tally.add(rows, events)

    def _take_others(self, record: Record, rows: np.ndarray) -> None:
        texts = record.texts() if len(rows) else {}
        second = record.time_ns // SECOND
        for event in map(Event._make, rows.tolist()):
            if event.kind in _LISTED:
                if self.known.learn(event, record.commands):
                    self._markets = self.known.arrays()
                if event.kind == EventKind.PARAMETER_SET and event.trade_id in _LENGTHS:
                    self._start_again(record.time_ns)
            elif event.kind == EventKind.MERIT_ACTED:
                self._act(event, texts.get(event.command, ""), record.position, second)
            elif event.market == self.known.ext():
                self._money(event, second)

    def _money(self, event: Event, second: int) -> None:
        unit = self.known.unit()
        if event.kind == EventKind.TRANSFERRED:
            self.rewarded[event.order_id] = self.rewarded.get(event.order_id, 0) + event.amount
        elif event.trade_id != Cause.STAKE:
            return
        elif event.kind == EventKind.RESERVED:
            self.stakes.set_aside(event.account, event.amount, second, unit)
        else:
            self.stakes.given_back(event.account, event.amount, second, unit)

    def _act(self, event: Event, text: str, position: int, second: int) -> None:
        try:
            self._carry_out(event, text, second)
        except (ActRefused, ValueError) as refused:
            said = (event.command, event.trade_id, event.account, str(refused))
            why = Refusal(position, *said)
            self.refusals = [*self.refusals[1 - REFUSALS_KEPT :], why]

    def _carry_out(self, event: Event, text: str, second: int) -> None:
        verb = Verb(event.trade_id)  # ValueError: from a later version
        account, other, value = event.account, event.order_id, event.amount
        if (verb < 100) != (account >= 0):
            raise ActRefused(f"{verb.name} is not done by account {account}")
        if verb == Verb.UNSTAKE:
            delay = self.known.number(Parameter.UNSTAKE_DELAY_S)
            self.stakes.ask(account, value, second, delay, self.known.unit())
        elif verb == Verb.CHOOSE:
            self._choose(account, value, text)
        elif verb == Verb.VAULT_STAKED:
            self.stakes.vault(other, int(text), second)
        elif verb == Verb.MARK_HOUSE:
            (self.known.houses.add if value else self.known.houses.discard)(other)
        elif verb in (Verb.FLAG_PAIR, Verb.UNFLAG_PAIR):
            pair = (min(other, value), max(other, value))
            flagged = self.known.flagged
            (flagged.add if verb == Verb.FLAG_PAIR else flagged.discard)(pair)
        elif verb != Verb.CLOSE_DAY:
            act = Act(verb, account, event.market, other, value, text)
            self.pools.act(act, self.known.owned_with(other if verb == Verb.ADMIT else account))

    def _choose(self, account: int, value: int, text: str) -> None:
        text = text.lower()
        if text and not is_address(text):
            raise ActRefused(f"{text[:50]!r} is no address: 0x and 40 hex digits")
        if value not in (0, 1) or (value and not (text or account in self.known.addresses)):
            raise ActRefused("what is claimed on chain needs an address to claim it with")
        kept = self.known.addresses.get(account, "")
        if account in self.known.claimed and text not in ("", kept):
            raise ActRefused(
                f"the address stays {kept}: claims are sums so far, and another could claim again"
            )
        if text:
            self.known.addresses[account] = text
        if value:
            self.known.claimed.add(account)
        (self.known.on_chain.add if value else self.known.on_chain.discard)(account)

    def refused(self, position: int, command: int) -> str:
        """Why an act of the last records changed nothing; empty when it did."""
        for one in reversed(self.refusals):
            if (one.position, one.command) == (position, command):
                return one.why
        return ""

    # ---- days

    def _lengths(self) -> tuple[int, int]:
        number = self.known.number
        return number(Parameter.REWARD_DAY_S), number(Parameter.ROUND_DAYS)

    def _start_again(self, time_ns: int) -> None:
        """Lengths that are set before anything counted hold at once: an exchange that is set up
        with short days begins with one."""
        if self.calendar.day == 0 and self._spool is None and not self.stakes.reserved:
            self.calendar.start(time_ns, *self._lengths())

    def _roll(self, time_ns: int) -> None:
        """Close every day that is over at this time."""
        if self.calendar.begin < 0:
            self.calendar.start(time_ns, *self._lengths())
        while self.calendar.over(time_ns):  # hardly ever: nothing else is done for a record here
            self._close_day()
            ended = self.calendar.ends_round
            self.calendar.next(*self._lengths())
            if ended:
                known = self.known
                out = known.frozen | known.houses  # as masters: their pools earn nothing
                self.pools.start_round(known.levels, out, known.groups)
                self.tally.new_round()

    def _close_day(self) -> None:
        calendar, fills = self.calendar, 0
        if self._spool is not None:
            fills = self._spool.count
            self._spool.write(sync=True)
            self._spool = None
        begin, end = calendar.begin, calendar.end
        self.closed.append(
            ClosedDay(
                calendar.day, calendar.round, begin, end, calendar.ends_round, self.position,
                self.known.accounts, fills,
                dict(self.known.numbers), self.known.copy(), dict(self.pools.pool_of),
                [
                    PoolTerms(p.number, p.master, p.redistribute, p.commission_bp, p.active,
                              p.verified)
                    for p in self.pools.pools.values()
                ],
                self.stakes.end_of_day(begin, end), self.tally.traded_atoms(),
            )
        )  # fmt: skip
        self.tally.new_day()

    def published(self, day: int) -> None:
        """Its dataset is on the disk: nothing of it is kept here."""
        self.closed = [one for one in self.closed if one.day != day]
        self.newest_published = max(self.newest_published, day)
        forget_spool(self._folder, day)

    def _open_spool(self) -> Spool:
        if self._spool is None:
            self._spool = Spool(self._folder, self.calendar.day)
        return self._spool

    # ---- snapshots

    def dump(self) -> bytes:
        """All of it as bytes; the fills are on the disk. Inverse of `load`. As JSON: units of EXT
        do not fit in 64 bits."""
        if self._spool is not None:
            self._spool.write(sync=True)
        fills = 0 if self._spool is None else self._spool.count
        return msgspec.json.encode(
            _Dump(
                self.position, self.calendar, self.known, self.pools, self.stakes, self.closed,
                self.rewarded, fills, self.tally.dump(),
            )
        )  # fmt: skip

    def load(self, raw: bytes) -> None:
        """Become what was dumped; raises SpoolDamaged when its fills are gone, unless the day is
        published meanwhile: then nobody reads them again."""
        dump = msgspec.json.decode(raw, type=_Dump)
        self.position, self.calendar, self.known = dump.position, dump.calendar, dump.known
        self.pools, self.stakes, self.closed = dump.pools, dump.stakes, dump.closed
        self.rewarded, self._markets = dump.rewarded, dump.known.arrays()
        self.tally = Tally.load(dump.tally)
        self.known.index()
        if dump.fills:
            done = self.calendar.day <= self.newest_published
            self._spool = Spool(self._folder, self.calendar.day, 0 if done else dump.fills)

    def invariant(self) -> None:
        """Raises AssertionError for what cannot be."""
        self.calendar.invariant()
        self.known.invariant()
        self.pools.invariant()
        self.stakes.invariant()


def is_address(text: str) -> bool:
    """0x and 40 lower hex digits."""
    digits = text[2:]
    return len(text) == 42 and text[:2] == "0x" and all(c in "0123456789abcdef" for c in digits)
