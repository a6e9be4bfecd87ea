"""After a stop of any kind the same state comes back, from a snapshot or from the beginning."""

import asyncio
import random
import shutil

import pytest

from excraft.engine.recovery import RecoveryRefused
from excraft.engine.snapshot import InvariantBroken
from excraft.kernel.reference import Reference
from excraft.log import FileLog, MemoryLog, snapshots
from excraft.messages.codec import Record, pack_text
from excraft.messages.commands import CommandKind, Side
from excraft.testing.workload import Seeded, Workload


class Tape:
    """A consumer with a state: the positions it was given."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def __call__(self, record, events, rows) -> None:
        self.seen.append(record.position)

    def dump(self) -> bytes:
        return bytes(self.seen)

    def load(self, raw: bytes) -> None:
        self.seen = list(raw)


async def trade(d, seed: int, records: int = 30) -> None:
    """Some orders and cancels, each in a record of its own."""
    chance = random.Random(seed)
    for i in range(records):
        account, side = chance.randrange(3), chance.choice([Side.BUY, Side.SELL])
        name = f"{seed}-{i}" if chance.random() < 0.5 else ""
        order = await d.place(
            account, side, chance.randrange(1, 9), chance.randrange(97, 104), name
        )
        if chance.random() < 0.3:
            await d.cancel(account, order.sequence)


def view(d) -> tuple:
    """Everything that must survive: state, orders with names and amounts, listings."""
    orders = {a: d.engine.orders.open(a) for a in range(3)}
    hash_ = d.engine.state_hash()
    return hash_, d.engine.position, d.kernel.sequence, orders, d.engine.listings.dump()


def test_a_killed_engine_comes_back_the_same(desk, run, tmp_path, any_kernel):
    async def story():
        log = FileLog(tmp_path / "log")
        d = desk(log=log, kernel=any_kernel())
        await d.open()
        await trade(d, 1)
        before = view(d)
        log.close()  # and the engine is simply left behind
        again = desk(log=FileLog(tmp_path / "log"), kernel=any_kernel())
        found = await again.engine.start()
        assert view(again) == before
        assert (found.position, found.snapshot_position) == (before[1], 0)
        assert found.records == before[1] and found.commands == before[2] - 1
        assert (await again.place(0, Side.BUY, 1, 90)).sequence == before[2]
        await again.engine.stop()
        again.log.close()

    run(story())


def test_snapshot_and_the_rest_equal_everything_from_the_beginning(desk, run, tmp_path, any_kernel):
    async def story():
        log, folder, kernel = MemoryLog(), tmp_path / "snapshots", any_kernel
        d = desk(log=log, kernel=kernel(), snapshot_folder=folder)
        d.engine.subscribe(tape := Tape(), name="tape", state=tape)
        await d.open()
        await trade(d, 1)
        await d.engine.stop()
        at = d.engine.position
        d = desk(log=log, kernel=kernel())  # goes on without snapshots
        await d.engine.start()
        await trade(d, 2)
        before = view(d)
        await d.engine.stop()

        fast = desk(log=log, kernel=kernel(), snapshot_folder=folder)
        slow = desk(log=log, kernel=kernel())
        fast.engine.subscribe(tape := Tape(), name="tape", state=tape)
        found = await fast.engine.start()
        await slow.engine.start()
        assert (found.snapshot_position, found.records) == (at, before[1] - at)
        assert view(fast) == view(slow) == before
        assert tape.seen == list(range(1, before[1] + 1))
        assert fast.engine.orders.dump() == slow.engine.orders.dump()
        await fast.engine.stop()
        await slow.engine.stop()

    run(story())


def test_snapshots_come_by_commands_by_age_and_at_a_stop_after_changes(desk, run, tmp_path):
    async def story():
        by_count = desk(snapshot_folder=tmp_path / "count", snapshot_commands=10)
        await by_count.open()
        for seed in range(2):
            await trade(by_count, seed, records=20)
            await by_count.engine.snapshots.written()
        assert 2 <= len(list((tmp_path / "count").iterdir())) <= 3
        await by_count.engine.stop()

        by_age = desk(snapshot_folder=tmp_path / "age", snapshot_seconds=0.05)
        await by_age.open()
        while not (tmp_path / "age").exists() or not list((tmp_path / "age").glob("*.snapshot")):
            await asyncio.sleep(0.01)
        await by_age.engine.stop()
        files = {p.name for p in (tmp_path / "age").iterdir()}
        again = desk(log=by_age.log, snapshot_folder=tmp_path / "age")
        found = await again.engine.start()
        assert found.records == 0 and found.snapshot_position == again.engine.position
        await again.engine.stop()  # nothing changed, nothing is written
        assert {p.name for p in (tmp_path / "age").iterdir()} == files

    run(story())


def hashed_otherwise(file) -> None:
    """The snapshot as a program wrote it that counts other things into the state hash."""
    old = snapshots.load(file)
    snapshots.write(file.parent, old.position, old.log_hash, "0" * 64, dict(old.arrays), old.blobs)


@pytest.mark.parametrize("fault", ["damaged", "other log", "newer", "hash", "lacking"])
def test_a_snapshot_that_does_not_fit_is_passed_over_with_a_reason(desk, run, tmp_path, fault):
    async def story():
        folder = tmp_path / "snapshots"
        d = desk(snapshot_folder=folder)
        await d.open()
        await trade(d, 1)
        await d.engine.stop()
        before, (file,) = view(d), folder.glob("*.snapshot")
        log, say = d.log, ""
        if fault == "damaged":
            raw = bytearray(file.read_bytes())
            raw[len(raw) // 2] ^= 1
            file.write_bytes(raw)
            say = "checksum"
        elif fault == "other log":
            other = desk()
            await other.open()
            await trade(other, 2, records=40)
            await other.engine.stop()
            log, before, say = other.log, view(other), "another log"
        elif fault == "newer":
            log = desk().log
            for record in d.log.read(0):
                if record.position < d.engine.position:
                    log.append(0, record)
            plain = desk(log=log)
            await plain.engine.start()
            before = view(plain)
        again = desk(log=log, snapshot_folder=folder)
        if fault == "hash":
            hashed_otherwise(file)
            say = "gives hash"
        elif fault == "lacking":
            again.engine.subscribe(tape := Tape(), name="tape", state=tape)
            say = "lacks consumer.tape"
        found = await again.engine.start()
        assert found.snapshot_position == 0 and found.records == before[1]
        assert say in " ".join(found.skipped) and bool(found.skipped) == (fault != "newer")
        assert view(again) == before
        await again.engine.stop()

    run(story())


def test_an_older_snapshot_serves_when_the_newest_is_damaged_or_too_new(desk, run, tmp_path):
    async def story():
        folder, log = tmp_path / "snapshots", MemoryLog()
        ends = []
        for seed in range(2):
            d = desk(log=log, snapshot_folder=folder)
            await (d.engine.start() if seed else d.open())
            await trade(d, seed)
            await d.engine.stop()
            ends.append(d.engine.position)
        late = desk(log=log, snapshot_folder=folder)
        late.engine.subscribe(lambda *_: None, mark=lambda: ends[1] - 1)
        assert (await late.engine.start()).snapshot_position == ends[0]
        await late.engine.stop()
        newest = max(folder.glob("*.snapshot"))
        newest.write_bytes(newest.read_bytes()[:-1])
        again = desk(log=log, snapshot_folder=folder)
        found = await again.engine.start()
        assert found.snapshot_position == ends[0] and len(found.skipped) == 1
        assert view(again) == view(d)
        await again.engine.stop()

    run(story())


def test_after_the_state_hash_changed_every_snapshot_is_passed_over(
    desk, run, tmp_path, any_kernel
):
    async def story():
        folder, log, kernel = tmp_path / "snapshots", MemoryLog(), any_kernel
        for seed in range(2):
            d = desk(log=log, kernel=kernel(), snapshot_folder=folder)
            await (d.engine.start() if seed else d.open())
            await trade(d, seed)
            await d.engine.stop()
        for file in list(folder.glob("*.snapshot")):
            hashed_otherwise(file)
        again = desk(log=log, kernel=kernel(), snapshot_folder=folder)
        found = await again.engine.start()
        assert (found.snapshot_position, len(found.skipped)) == (0, 2)
        assert view(again) == view(d)
        await again.engine.stop()

    run(story())


def test_a_consumer_gets_only_what_it_does_not_have(desk, run):
    async def story():
        d = desk()
        await d.open()
        await trade(d, 1)
        end = d.engine.position
        again = desk(log=d.log)
        durable, forgetful, steps = Tape(), Tape(), []
        again.engine.subscribe(durable, mark=lambda: end - 3)
        again.engine.subscribe(forgetful)
        await again.engine.start(lambda done, total: steps.append((done, total)))
        assert durable.seen == [end - 2, end - 1, end]
        assert forgetful.seen == list(range(1, end + 1))
        assert steps[-1] == (end, end)
        assert again.engine.orders.closed_count > 0  # the one with the mark lacks them yet
        await again.engine.stop()
        ahead = desk(log=d.log)
        ahead.engine.subscribe(Tape(), name="the history", mark=lambda: end + 1)
        with pytest.raises(RecoveryRefused, match=f"the history .* {end + 1}.* ends at {end}"):
            await ahead.engine.start()
        await d.engine.stop()

    run(story())


def test_closed_orders_stay_until_the_slowest_has_them(desk, run):
    async def story():
        mark = 0
        d = desk()
        d.engine.subscribe(lambda *_: None, mark=lambda: mark)
        await d.open()
        order = (await d.place(0, Side.SELL, 1, 100)).sequence
        await d.cancel(0, order)
        assert d.engine.orders.get(0, 0, order).status == "CANCELED"
        mark = d.engine.position
        await d.place(0, Side.SELL, 1, 100)
        assert d.engine.orders.get(0, 0, order) is None
        await d.engine.stop()

    run(story())


def test_a_broken_invariant_is_neither_kept_nor_started_on(desk, run, tmp_path):
    async def story():
        d = desk(snapshot_folder=tmp_path / "snapshots")
        await d.open()
        d.kernel.invariant = lambda: ["supply of asset 0 is off by 1"]
        await d.engine.stop()
        assert "off by 1" in d.engine.failure
        assert not (tmp_path / "snapshots").exists()
        again = desk(log=d.log)
        again.kernel.invariant = lambda: ["supply of asset 0 is off by 1"]
        with pytest.raises(InvariantBroken, match="off by 1"):
            await again.engine.start()

    run(story())


def test_a_disk_without_room_for_a_snapshot_does_not_stop_trading(desk, run, tmp_path):
    async def story():
        folder = tmp_path / "snapshots"
        folder.write_text("a file where the folder should be")
        d = desk(snapshot_folder=folder, snapshot_commands=5)
        await d.open()
        await trade(d, 1)
        assert "was not written" in d.engine.snapshots.trouble
        folder.unlink()
        await d.engine.stop()
        assert d.engine.failure == "" and d.engine.snapshots.trouble == ""
        newest = max(folder.glob("*.snapshot"))  # one may have fallen due before the end, too
        assert int(newest.stem) == d.engine.position
        shutil.rmtree(folder)

    run(story())


def with_texts(record: Record) -> Record:
    """The record with a text for every listing in it."""
    kinds, texts = record.commands["kind"].tolist(), []
    for i, kind in enumerate(kinds):
        symbol = f'"symbol":"S{record.sequence + i}"'
        if kind == CommandKind.LIST_ASSET:
            texts.append(pack_text(i, f"{{{symbol}}}"))
        elif kind == CommandKind.LIST_MARKET:
            texts.append(pack_text(i, f'{{{symbol},"tick":"0.01","lot":"0.01"}}'))
    place = record.position, record.sequence, record.time_ns
    return Record(*place, record.commands, b"".join(texts))


@pytest.mark.parametrize("seed", range(4))
def test_a_log_of_every_kind_of_command_comes_back_whole(desk, run, any_kernel, seed):
    """Open orders and parameters equal those of the plain twin that made the events."""
    twin, log, workload = Reference(), MemoryLog(), Workload(Seeded(seed))
    for i in range(60):
        record = with_texts(workload.record(25) if i else workload.opening())
        workload.learn(twin.step(record))
        log.append(0, record)

    async def story():
        d = desk(log=log, kernel=any_kernel())
        await d.engine.start()
        assert d.engine.state_hash() == twin.state_hash()
        state, listings = twin._state, d.engine.listings
        want = {
            o.id: (o.account, market, o.quantity, o.left, o.stop_price, bool(o.filled))
            for market, book in enumerate(state.markets)
            for side in book.sides
            for o in side
        }
        got = {
            o.id: (o.account, o.market, o.quantity, o.left, o.stop_price, o.status != "NEW")
            for account in range(listings.accounts)
            for o in d.engine.orders.open(account)
        }
        assert got == want and len(want) == d.engine.orders.open_count > 0
        assert listings.parameters.items() >= state.parameters.items()
        assert len(listings.markets) == len(state.markets)
        assert listings.accounts == len(state.accounts)
        for number, account in enumerate(state.accounts):
            for parameter, value in account.parameters.items():
                assert listings.account_parameter(number, parameter) == value
        await d.engine.stop()

    run(story())
