"""What `excraft verify` checks while it replays; each finding is a plain sentence."""

from collections import Counter

import numpy as np
from sqlalchemy import func, select

from excraft.cli.folder import Folder
from excraft.cli.stored import database_of
from excraft.engine.effects import Effects, Subscription
from excraft.log import snapshots
from excraft.marketdata import MarketData
from excraft.messages.codec import Record
from excraft.messages.events import EventKind
from excraft.store.schema import Bucket, entries, marks

INVARIANT_EVERY_COMMANDS = 100_000
FINDINGS_MAX = 100  # then the replay goes on, but says no more


class Audit:
    """Give it every record in order, then `finish`. `checks` counts what was looked at."""

    def __init__(self, folder: Folder, kernel):
        self.kernel = kernel
        self.findings: list[str] = []
        self.checks: Counter[str] = Counter()
        self._effects = Effects()
        self._marketdata = MarketData()
        self._effects.subscriptions.append(
            Subscription(lambda record, events, _: self._marketdata.apply(record, events))
        )
        self._in: Counter[int] = Counter()  # deposits less withdrawals by asset, from the events
        self._unchecked = 0
        self._time_ns = 0
        self._snapshot_hashes = self._read_snapshots(folder)
        self._database = database_of(folder)
        self._mark = self._read_mark()

    def record(self, record: Record) -> None:
        """Step one record and look at everything that can be seen at its position."""
        self._expect(
            record.position == self.kernel.position + 1,
            "positions grow by one",
            f"record {record.position} follows record {self.kernel.position}",
        )
        self._expect(
            record.time_ns >= self._time_ns, "time never goes back",
            f"record {record.position} is earlier than the one before it",
        )  # fmt: skip
        self._time_ns = record.time_ns
        events = self.kernel.step(record)
        self._effects.apply(record, events, live=False)
        self._count_money(events)
        self._unchecked += len(record.commands)
        if self._unchecked >= INVARIANT_EVERY_COMMANDS:
            self._unchecked = 0
            self._check_kernel()
        if record.position in self._snapshot_hashes:
            self._check_snapshot(record.position)
        if record.position == self._mark:
            self._check_history()

    def finish(self) -> None:
        """What is looked at once, at the end."""
        self._check_kernel()
        self._check_conservation()
        self._check_depth()
        end = self.kernel.position
        for position in [p for p in self._snapshot_hashes if p > end]:
            self._find(f"a snapshot is of position {position}, but the log ends at {end}")
        if self._mark > end:
            self._find(f"the history is at position {self._mark}, but the log ends at {end}")

    def close(self) -> None:
        """Let go of the history, whether or not the log could be read to its end."""
        if self._database is not None:
            self._database.close()

    def _find(self, sentence: str) -> None:
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(sentence)

    def _expect(self, holds: bool, check: str, otherwise: str) -> None:
        self.checks[check] += 1
        if not holds:
            self._find(otherwise)

    def _count_money(self, events: np.ndarray) -> None:
        moved = events[
            np.isin(events["kind"], (EventKind.CREDITED, EventKind.DEBITED, EventKind.SPENT))
        ]
        for kind, asset, amount in moved[["kind", "market", "amount"]].tolist():
            self._in[asset] += amount if kind == EventKind.CREDITED else -amount

    def _check_kernel(self) -> None:
        broken = self.kernel.invariant()
        self._expect(
            not broken, "the kernel's invariants",
            f"after record {self.kernel.position}: {'; '.join(broken)}",
        )  # fmt: skip

    def _check_conservation(self) -> None:
        arrays = self.kernel.snapshot()
        owned: Counter[int] = Counter()
        for account, asset, free, held in arrays["balances"].tolist():
            owned[asset] += free + held
            self._expect(
                free >= 0 and held >= 0, "no balance is negative",
                f"account {account} has {free} free and {held} held of asset {asset}",
            )  # fmt: skip
        for account, asset, _, atoms in arrays["reserves"].tolist():
            owned[asset] += atoms
            self._expect(
                atoms >= 0, "no balance is negative",
                f"account {account} has {atoms} reserved of asset {asset}",
            )  # fmt: skip
        fees = arrays["assets"][:, 2].tolist()
        for asset in self._effects.listings.assets:
            got, brought = owned[asset.number] + fees[asset.number], self._in[asset.number]
            self._expect(
                got == brought, "balances + fees = deposits - withdrawals, per asset",
                f"{asset.symbol}: accounts and fees hold {got} atoms, {brought} came in",
            )  # fmt: skip

    def _check_depth(self) -> None:
        """The book that clients see, from events, against the orders that are open."""
        expected: dict[int, Counter[tuple[int, int]]] = {}
        for account in range(self._effects.listings.accounts):
            for order in self._effects.orders.open(account):
                if order.working_ns:
                    levels = expected.setdefault(order.market, Counter())
                    levels[order.side, order.price] += order.left
        for market in self._effects.listings.markets:
            depth = self._marketdata.depth(market.number, 1 << 30)
            shown = {(0, price): lots for price, lots in depth.bids}
            shown |= {(1, price): lots for price, lots in depth.asks}
            self._expect(
                shown == dict(expected.get(market.number, {})), "depth = open orders, per market",
                f"{market.symbol}: the depth that clients see is not the sum of the open orders",
            )  # fmt: skip
            best_bid = depth.bids[0][0] if depth.bids else 0
            crossed = bool(depth.bids and depth.asks and best_bid >= depth.asks[0][0])
            self._expect(not crossed, "no book is crossed", f"{market.symbol} is crossed")

    def _read_snapshots(self, folder: Folder) -> dict[int, str]:
        """State hash by position; a damaged snapshot is a finding, though nothing depends on it."""
        hashes = {}
        for path in sorted(folder.snapshots.glob(f"*{snapshots.SUFFIX}")):
            try:
                snapshot = snapshots.load(path)
                hashes[snapshot.position] = snapshot.state_hash
            except (snapshots.DamagedSnapshot, OSError) as error:
                self._find(f"{path}: {error}; a start passes it over, so it can be deleted")
        return hashes

    def _check_snapshot(self, position: int) -> None:
        self._expect(
            self._snapshot_hashes[position] == self.kernel.state_hash(),
            "snapshots have the state hash of the replay",
            f"the snapshot of position {position} holds another state than the log gives",
        )

    def _read_mark(self) -> int:
        if self._database is None:
            return 0
        with self._database.read() as connection:
            return connection.scalar(select(func.min(marks.c.position))) or 0

    def _check_history(self) -> None:
        """Sum of the stored double entries against the balances at the history's mark."""
        stored: Counter[tuple[int, int, int]] = Counter()
        with self._database.read() as connection:
            for sign, account, bucket in (
                (1, entries.c.to_account, entries.c.to_bucket),
                (-1, entries.c.from_account, entries.c.from_bucket),
            ):
                total = func.sum(entries.c.amount)
                question = select(account, entries.c.asset, bucket, total)
                at_mark = question.where(entries.c.position <= self._mark)
                for row in connection.execute(at_mark.group_by(account, entries.c.asset, bucket)):
                    stored[row[0], row[1], row[2]] += sign * int(row[3])
        owned: Counter[tuple[int, int, int]] = Counter()
        arrays = self.kernel.snapshot()
        for account, asset, free, held in arrays["balances"].tolist():
            owned[account, asset, Bucket.FREE], owned[account, asset, Bucket.HELD] = free, held
        for account, asset, _, atoms in arrays["reserves"].tolist():
            owned[account, asset, Bucket.RESERVED] += atoms
        theirs = (Bucket.FREE, Bucket.HELD, Bucket.RESERVED)
        of_members = {key: sum_ for key, sum_ in stored.items() if key[2] in theirs}
        for key in owned.keys() | of_members.keys():
            account, asset, bucket = key
            self._expect(
                owned[key] == stored[key], "the stored history = the balances",
                f"account {account}, asset {asset}, {Bucket(bucket).name}: the history gives "
                f"{stored[key]} atoms, the log {owned[key]}",
            )  # fmt: skip
