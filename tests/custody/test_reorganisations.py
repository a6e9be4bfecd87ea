"""Blocks that go away, before and after the credit; and a stop at every step."""

import pytest

from excraft.custody import alarms
from excraft.custody.book import Book
from excraft.custody.errors import CreditFailed, TooDeep
from tests.custody.conftest import ETHER, Desk

pytestmark = pytest.mark.anyio


def resolve(desk, alarm: int, who: str, resolution: str) -> bool:
    """As the operator's door does it, beside its audit row."""
    with desk.database.write_durable() as connection:
        return alarms.resolve(connection, alarm, who, resolution, 9) is not None


async def test_what_was_not_credited_yet_is_orphaned(desk):
    await desk.deposit(1, ETHER)
    await desk.chain.mine(2)
    await desk.poll()
    assert desk.states() == ["SEEN"]
    await desk.chain.reorganise(2)
    await desk.chain.mine(5)
    await desk.poll()
    assert desk.states() == ["ORPHANED"]
    assert desk.ledger.credits == [] and desk.book.alarms() == []


async def test_an_orphan_that_is_mined_again_is_credited_once(desk):
    sent = await desk.deposit(1, ETHER)
    raw = await desk.chain.raw(sent)
    await desk.chain.mine(2)
    await desk.poll()
    await desk.chain.reorganise(2)
    await desk.poll()
    assert desk.states() == ["ORPHANED"]
    await desk.chain.ask("eth_sendRawTransaction", raw)
    await desk.chain.mine(3)
    await desk.poll()
    assert desk.states() == ["CREDITED"] and desk.book.deposits()[0].block == 3
    assert desk.ledger.credits == [(1, 3, 10**8, f"31337:{sent}:coin")]


async def test_a_credited_deposit_that_goes_away_stops_crediting_and_takes_nothing(desk):
    sent = await desk.deposit(1, ETHER)
    await desk.chain.mine(3)
    await desk.poll()
    assert desk.states() == ["CREDITED"]
    await desk.chain.reorganise(3)
    await desk.deposit(2, ETHER)
    await desk.chain.mine(4)
    await desk.poll()
    [alarm] = desk.book.alarms()
    assert "removed 1 deposits that were credited" in alarm.reason and sent in alarm.reason
    assert desk.states() == ["REMOVED", "CONFIRMED"]
    assert [c[0] for c in desk.ledger.credits] == [1]
    await desk.watch().poll()  # a restart does not help
    assert desk.states() == ["REMOVED", "CONFIRMED"]
    with pytest.raises(ValueError, match="says what was done"):
        resolve(desk, alarm.id, "ann", " ")
    assert resolve(desk, alarm.id, "ann", "the member paid again")
    assert not resolve(desk, alarm.id, "ann", "twice")
    await desk.poll()
    assert desk.states() == ["REMOVED", "CREDITED"]
    assert [c[0] for c in desk.ledger.credits] == [1, 2]


async def test_a_credited_deposit_that_comes_back_is_not_credited_again(desk):
    raw = await desk.chain.raw(await desk.deposit(1, ETHER))
    await desk.chain.mine(3)
    await desk.poll()
    await desk.chain.reorganise(3)
    await desk.poll()
    await desk.chain.ask("eth_sendRawTransaction", raw)
    await desk.chain.mine(4)
    await desk.poll()
    [row] = desk.book.deposits()
    assert desk.states() == ["CREDITED"] and row.note == "came back after a re-organisation"
    [alarm] = desk.book.alarms()  # it is somebody's to look at
    resolve(desk, alarm.id, "ann", "it came back")
    await desk.poll()
    assert desk.ledger.total == 10**8


async def test_a_credit_that_was_not_marked_is_known_when_its_block_goes_away(desk):
    await desk.deposit(1, ETHER)
    await desk.chain.mine(3)
    desk.ledger.stop = "after"
    with pytest.raises(CreditFailed):
        await desk.poll()
    assert desk.states() == ["CONFIRMED"]
    desk.ledger.stop = ""
    await desk.chain.reorganise(3)
    await desk.watch().poll()
    assert desk.states() == ["REMOVED"] and len(desk.book.alarms()) == 1


async def test_only_the_blocks_above_the_common_ancestor_go(desk):
    await desk.deposit(1, ETHER)
    await desk.chain.mine(100)
    await desk.deposit(2, ETHER)
    await desk.chain.mine(2)
    await desk.poll()
    kept = desk.book.hashes(1, 102)
    await desk.chain.reorganise(80)
    await desk.poll()
    now = desk.book.hashes(1, 102)
    assert len(now) == 102 and [n for n in kept if kept[n] != now[n]] == [*range(23, 103)]
    assert desk.states() == ["CREDITED", "ORPHANED"] and desk.book.alarms() == []


async def test_deeper_than_what_is_kept_stops_and_says_so(desk):
    desk.watch(kept_blocks=5)
    await desk.chain.mine(20)
    await desk.poll()
    assert sorted(desk.book.hashes(0, 99)) == [16, 17, 18, 19, 20]
    await desk.chain.reorganise(10)
    for _ in range(2):
        with pytest.raises(TooDeep, match="all of the 5 blocks"):
            await desk.poll()
    assert len(desk.book.alarms()) == 1


async def test_a_node_that_lags_changes_nothing(desk):
    snapshot = await desk.chain.ask("evm_snapshot")
    await desk.deposit(1, ETHER)
    await desk.chain.mine(4)
    await desk.poll()
    assert desk.states() == ["CREDITED"]
    assert await desk.chain.ask("evm_revert", snapshot)  # as if the chain ended before
    await desk.poll()
    assert desk.states() == ["CREDITED"] and desk.book.tip().number == 4


STEPS = ("add", "confirm", "settle")


class Killed(Exception):
    pass


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
async def test_a_stop_at_any_step_neither_loses_nor_doubles(desk, monkeypatch, step, moment):
    await _deposits(desk)
    done = getattr(Book, step)
    for which in range(1, 4):  # the first, second and third time that it comes to this step
        calls = []

        def killed(book, *arguments, which=which, calls=calls):
            calls.append(1)
            if len(calls) == which and moment == "before":
                raise Killed
            result = done(book, *arguments)
            if len(calls) == which and moment == "after":
                raise Killed
            return result

        with monkeypatch.context() as patch:
            patch.setattr(Book, step, killed)
            try:
                await desk.watch(credits_at_once=2, range_blocks=2).poll()
            except Killed:
                assert len(calls) == which
    await desk.watch().poll()
    _each_once(desk)


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_stop_around_the_credit_neither_loses_nor_doubles(desk, moment):
    await _deposits(desk)
    desk.ledger.stop = moment
    for _ in range(3):
        with pytest.raises(CreditFailed):
            await desk.watch(credits_at_once=2).poll()
        if moment == "after":
            assert len(set(desk.ledger.credits)) == len(desk.ledger.credits)
    desk.ledger.stop = ""
    await desk.watch().poll()
    _each_once(desk)


async def _deposits(desk: Desk) -> None:
    for account in range(1, 6):
        await desk.deposit(account, account * ETHER)
        await desk.chain.mine()
    await desk.chain.mine(3)


def _each_once(desk: Desk) -> None:
    assert desk.states() == ["CREDITED"] * 5
    assert sorted(c[:3] for c in desk.ledger.credits) == [(n, 3, n * 10**8) for n in range(1, 6)]
