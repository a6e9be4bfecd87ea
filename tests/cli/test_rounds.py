"""The round service: days published and paid once, whatever stops it at whatever step."""

import asyncio
import json
from types import SimpleNamespace

import pytest
from eth_utils import to_checksum_address

from excraft.cli import rounds
from excraft.cli.exits import Failure
from excraft.cli.folder import Folder
from excraft.cli.recompute import differences
from excraft.cli.round_results import Paid
from excraft.cli.rounds import HOUSE, RoundService
from excraft.cli.salts import salt_of
from excraft.dataset.days import open_day, open_round
from excraft.engine.service import Engine
from excraft.kernel.reference import Reference
from excraft.log import FileLog
from excraft.merit.state import Merit
from excraft.messages.commands import (
    Cause,
    Credit,
    MeritAct,
    OpenAccount,
    OrderType,
    PlaceOrder,
    Reserve,
    SetParameter,
    Side,
    TimeInForce,
)
from excraft.messages.merit import Verb
from excraft.parameters import Parameter

pytestmark = pytest.mark.anyio
SECOND, COIN, DAY = 10**9, 10**8, 60
EXT, USD = 0, 1


class Members:
    """By name, as accounts.members."""

    def __init__(self):
        self.rows = {}

    def by_name(self, name):
        return self.rows.get(name)

    def add(self, name, account):
        self.rows[name] = SimpleNamespace(name=name, account=account)
        return self.rows[name]


class Town:
    """An engine on a log on the disk, with days of a minute and rounds of two."""

    def __init__(self, root):
        self.folder, self.members, self.alerts = Folder.make(root), Members(), []
        self.now = 1_700_000_040 * SECOND
        self.open()

    def open(self):
        self.log = FileLog(self.folder.log)
        self.engine = Engine(self.log, Reference(), clock=lambda: self.now)
        self.merit = Merit(self.folder.dataset / "fills")
        self.engine.subscribe(
            lambda record, events, _: self.merit.apply(record, events),
            name="merit", state=self.merit, columns=True,
        )  # fmt: skip
        exchange = SimpleNamespace(engine=self.engine, members=self.members, on_chain=None)
        self.exchange = exchange
        self.service = RoundService(
            exchange, self.merit, self.folder, lambda: self.now, self.alerts.append
        )

    async def close(self):
        await self.engine.stop()
        self.log.close()

    async def again(self):
        """As after a kill: no snapshot is used, all comes from the log."""
        await self.close()
        self.open()
        await self.engine.start()

    async def do(self, *commands):
        for command in commands:
            await self.engine.execute(command)

    async def begin(self):
        await self.engine.start()
        await self.do(
            SetParameter(parameter=Parameter.REWARD_DAY_S, value=DAY),
            SetParameter(parameter=Parameter.ROUND_DAYS, value=2),
        )
        for symbol in ("EXT", "USD"):
            await self.engine.list_asset(symbol, symbol, 8)
        await self.engine.list_market("EXTUSD", ("EXT", "USD"), "0.01", "0.001")
        await self.do(
            SetParameter(parameter=Parameter.EXT_ASSET, value=EXT + 1),
            SetParameter(parameter=Parameter.REFERENCE_ASSET, value=USD + 1),
            SetParameter(parameter=Parameter.EMISSION_FIRST, value=1_000),
            SetParameter(parameter=Parameter.PRICE_SOURCE, value=1, subject=0),
        )
        for account in range(4):
            await self.do(OpenAccount(reference=str(account)))
            for asset in (EXT, USD):
                await self.do(
                    Credit(account=account, asset=asset, amount=10**15, cause=Cause.DEPOSIT)
                )
            await self.do(SetParameter(parameter=Parameter.KYC_LEVEL, value=1, subject=account))

    async def trade(self, seller=0, buyer=1, price=1_000, lots=100_000):
        for account, side in ((seller, Side.SELL), (buyer, Side.BUY)):
            order = PlaceOrder(
                account=account, market=0, side=side, order_type=OrderType.LIMIT,
                time_in_force=TimeInForce.GTC, price=price, quantity=lots,
            )  # fmt: skip
            await self.do(order)

    async def next_day(self):
        self.now = self.merit.calendar.end * SECOND
        await self.service.tick()

    async def fund(self, atoms=10**15):
        await self.do(
            Credit(
                account=await self.service._house(), asset=EXT, amount=atoms, cause=Cause.DEPOSIT
            )
        )

    def ext(self):
        return [self.engine.balance(account, EXT)[0] for account in range(4)]


@pytest.fixture
async def town(tmp_path):
    town = Town(tmp_path / "data")
    await town.begin()
    yield town
    await town.close()


async def test_a_day_is_closed_published_and_paid_once(town):
    await town.trade()
    await town.do(Reserve(account=2, asset=EXT, amount=5 * COIN, cause=Cause.STAKE))
    await town.fund()
    before = town.ext()
    await town.service.step()
    assert not list(town.folder.dataset.glob("day-*")), "the day is not over"
    town.now = town.merit.calendar.end * SECOND
    for _ in range(3):
        await town.service.step()
    day = open_day(town.folder.dataset, 0)
    day.check()
    rewards = [after - was for after, was in zip(town.ext(), before, strict=True)]
    assert rewards[0] > 0 and rewards[1] > 0 and rewards[2] > 0 and rewards[3] == 0
    paid = Paid.load(town.folder.dataset, 0)
    assert {a: u // 10**10 for a, u in paid.credits.items()} == dict(enumerate(rewards[:3]))
    assert sum(paid.credits.values()) == day.results.paid
    assert town.merit.closed == [] and not list(town.service.spool.glob("*"))
    again = town.ext()
    await town.again()
    await town.service.step()
    assert town.ext() == again, "nothing is paid twice"


async def test_after_a_week_of_standstill_every_day_is_closed_once(town):
    await town.trade()
    await town.fund()
    await town.again()
    town.now += 9 * DAY * SECOND
    for _ in range(2):
        await town.service.step()
    days = sorted(path.name for path in town.folder.dataset.glob("day-*"))
    assert days == [f"day-{n:05}" for n in range(len(days))] and len(days) >= 9
    carry = [open_day(town.folder.dataset, n).results.carry for n in range(3)]
    emitted = open_day(town.folder.dataset, 1).results.emitted
    assert carry[1] == carry[0] + emitted and carry[2] == carry[1] + emitted


STEPS = ("tick", "_publish", "close", "credits_after", "publish_round_of", "set_pools", "pay")


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", STEPS)
async def test_stopped_at_any_step_it_comes_to_the_same(town, monkeypatch, step, after):
    await town.trade()
    await town.do(MeritAct(verb=Verb.FOUND_POOL, account=0, text="First pool"))
    await town.fund()
    await town.next_day()
    await town.trade(1, 2)
    town.now = town.merit.calendar.end * SECOND
    place = town.service if hasattr(town.service, step) else rounds
    whole, calls = getattr(place, step), []

    def stops(*given):
        """Raises once, before or after it is done."""
        calls.append(1)
        if len(calls) > 1:
            return whole(*given)
        if after and step not in ("tick", "set_pools", "pay"):
            whole(*given)
        raise OSError("killed here")

    monkeypatch.setattr(place, step, stops)
    with pytest.raises(OSError, match="killed here"):
        await town.service.step()
    monkeypatch.undo()
    await town.again()
    for _ in range(2):
        await town.service.step()
    await town.again()
    await town.service.step()
    for number in (0, 1):
        open_day(town.folder.dataset, number).check()
    credits = Paid.load(town.folder.dataset, 1).credits
    paid = {account: atoms for account, atoms in town.merit.rewarded.items() if atoms}
    assert paid == {account: units // 10**10 for account, units in credits.items()}
    assert sum(open_day(town.folder.dataset, n).results.paid for n in (0, 1)) == sum(
        credits.values()
    )
    assert open_round(town.folder.dataset, 0).manifest["facts"]["round"] == 0
    listings = town.engine.listings
    assert listings.account_parameter(0, Parameter.ACCOUNT_POOL) == 1


async def test_who_claims_on_chain_is_not_credited_too(town):
    await town.trade()
    address = "0x" + "ab" * 20
    await town.do(MeritAct(verb=Verb.CHOOSE, account=0, value=1, text=address))
    await town.fund()
    await town.next_day()
    await town.service.step()
    paid = Paid.load(town.folder.dataset, 0)
    assert list(paid.claims) == [0] and list(paid.credits) == [1]
    total = open_day(town.folder.dataset, 0).results
    assert paid.claims[0] == total.total and paid.claims[0] + paid.credits[1] == total.paid
    await town.do(MeritAct(verb=Verb.CHOOSE, account=0, value=0))
    await town.trade()
    await town.next_day()
    await town.service.step()
    later = Paid.load(town.folder.dataset, 1)
    assert later.claims == paid.claims and later.credits[0] > 0


async def test_without_money_rewards_wait_and_an_operator_is_told_once(town):
    await town.trade()
    await town.next_day()
    for _ in range(3):
        await town.service.step()
    [alert] = town.alerts
    assert "the member 'rewards' has 0.00000000 EXT and owes" in alert
    assert town.merit.rewarded == {}
    await town.fund()
    await town.service.step()
    assert set(town.merit.rewarded) == {0, 1}


async def test_stake_is_released_after_its_delay_and_once(town):
    await town.do(SetParameter(parameter=Parameter.UNSTAKE_DELAY_S, value=100))
    await town.do(Reserve(account=2, asset=EXT, amount=50, cause=Cause.STAKE))
    await town.do(MeritAct(verb=Verb.UNSTAKE, account=2, value=20))
    await town.service.release()
    assert town.engine.balance(2, EXT)[0] == 10**15 - 50
    town.now += 101 * SECOND
    await town.service.release()
    await town.again()
    await town.service.release()
    assert town.engine.balance(2, EXT)[0] == 10**15 - 30


async def test_salts_are_private_and_never_change(town):
    first = salt_of(town.folder.dataset, 3)
    assert salt_of(town.folder.dataset, 3) == first != salt_of(town.folder.dataset, 4)
    path = town.folder.dataset / "private" / "salt-0003"
    assert path.stat().st_mode & 0o077 == 0
    path.write_bytes(b"short")
    with pytest.raises(ValueError, match="restore it from a backup"):
        salt_of(town.folder.dataset, 3)


async def test_the_house_itself_gets_nothing_of_what_it_pays(town):
    house = await town.service._house()
    assert town.members.by_name(HOUSE).account == house in town.merit.known.houses
    assert await town.service._house() == house
    assert json.dumps(sorted(town.members.rows)) == f'["{HOUSE}"]'


async def test_a_round_is_computed_again_from_the_log_alone(town):
    await town.trade()
    await town.do(Reserve(account=2, asset=EXT, amount=5 * COIN, cause=Cause.STAKE))
    await town.do(MeritAct(verb=Verb.FOUND_POOL, account=0, text="First pool"))
    await town.fund()
    for _ in range(4):
        await town.next_day()
        await town.trade(1, 3)
        await town.service.step()
    await town.close()
    for number in (0, 1):
        assert differences(town.folder, number).wrong == []
    results = town.folder.dataset / "day-00002" / "manifest.json"
    results.write_text(results.read_text().replace('"paid":"', '"paid":"1'))
    [line] = differences(town.folder, 1).wrong
    assert line.startswith("day 2: paid 1") and "follows from the log" in line
    with pytest.raises(Failure, match="nothing of round 7 is published"):
        differences(town.folder, 7)
    town.open()
    await town.engine.start()


async def test_what_is_in_the_vault_counts_for_who_proved_the_wallet(town):
    wallet, stranger = "0x" + "ab" * 20, "0x" + "cd" * 20
    staked = {wallet: 5 * 10**18, stranger: 7 * 10**18}
    stakes = SimpleNamespace(all_staked=lambda: dict(staked))
    watcher = SimpleNamespace(known_until=0, stakes=stakes)
    town.exchange.on_chain = SimpleNamespace(watcher=watcher)
    linked = {to_checksum_address(wallet): 3}
    wallets = SimpleNamespace(accounts=lambda some: {a: linked[a] for a in some if a in linked})
    town.exchange.desk = SimpleNamespace(wallets=wallets)
    await town.service.step()
    assert town.merit.stakes.units_of(3) == 0, "the chain was not read up to now"
    watcher.known_until = town.now // SECOND - 60
    for _ in range(2):
        await town.service.step()
    assert town.merit.stakes.counted["vault"] == {3: (5 * 10**18, town.now // SECOND)}
    position = town.engine.position
    await town.service.step()
    assert town.engine.position == position, "nothing changed, so nothing is said"
    town.now += 30 * SECOND
    staked[wallet] = 2 * 10**18
    await town.service.step()
    assert town.merit.stakes.units_of(3) == 2 * 10**18
    del staked[wallet]
    town.now += 10 * SECOND
    await town.service.step()
    await town.next_day()
    await town.service.publish()
    [row] = open_day(town.folder.dataset, 0).rows("results")
    assert row.token_seconds == 5 * 10**18 * 30 + 2 * 10**18 * 10


async def test_a_snapshot_of_before_the_day_was_published_does_no_harm(town):
    """Its fills are gone from the disk by then, and all that came of them is there."""
    await town.trade()
    await town.fund()
    await town.next_day()
    raw = town.merit.dump()
    await town.service.step()
    town.merit.load(raw)
    assert [closed.day for closed in town.merit.closed] == [0]
    await town.service.publish()
    assert town.merit.closed == [] and open_day(town.folder.dataset, 0).results.paid > 0


async def test_a_snapshot_from_the_middle_of_a_published_day_does_no_harm(town):
    await town.trade()
    await town.fund()
    raw, position = town.merit.dump(), town.merit.position
    await town.trade(1, 0)
    await town.next_day()
    await town.service.step()
    published = open_day(town.folder.dataset, 0).manifest
    paid = dict(town.merit.rewarded)
    await town.close()
    town.open()  # as after a kill, with that snapshot and the log after it
    town.merit.load(raw)
    apply = town.merit.apply
    town.merit.apply = lambda r, events: apply(r, events) if r.position > position else None
    await town.engine.start()
    assert town.merit.rewarded == paid
    await town.service.step()
    await town.trade()
    await town.next_day()
    await town.service.step()
    assert open_day(town.folder.dataset, 0).manifest == published
    assert open_day(town.folder.dataset, 1).results.paid > 0
    town.merit.apply = apply


async def test_two_who_close_at_once_pay_and_release_once(town):
    """`excraft round close`, twice, beside the service itself."""
    await town.trade(2, 1)
    await town.trade(0, 1)
    await town.do(SetParameter(parameter=Parameter.UNSTAKE_DELAY_S, value=100))
    await town.do(Reserve(account=3, asset=EXT, amount=10**9, cause=Cause.STAKE))
    await town.do(MeritAct(verb=Verb.UNSTAKE, account=3, value=10**8))
    await town.fund()
    before = town.ext()
    town.now += 8 * DAY * SECOND
    await asyncio.gather(*(town.service.step() for _ in range(3)))
    credits = Paid.newest(town.folder.dataset).credits
    got = [after - was for after, was in zip(town.ext(), before, strict=True)]
    assert got == [credits.get(a, 0) // 10**10 + 10**8 * (a == 3) for a in range(4)]
    assert min(got) > 0
