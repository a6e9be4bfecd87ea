"""An exchange of the plain kernel and merit, with a clock that is set by hand."""

from pathlib import Path

from excraft.kernel.reference import Reference
from excraft.merit.state import Merit
from excraft.messages.codec import record_of
from excraft.messages.commands import (
    Cause,
    Credit,
    ListAsset,
    ListMarket,
    MeritAct,
    OpenAccount,
    OrderType,
    PlaceOrder,
    Reserve,
    SetParameter,
    Side,
    TimeInForce,
)
from excraft.messages.events import Event
from excraft.messages.merit import Verb
from excraft.parameters import Parameter

EXT, USD, BTC = 0, 1, 2
EXTUSD, BTCUSD = 0, 1
MIDNIGHT = 1_700_006_400  # UTC
DAY = 86_400
GENESIS = MIDNIGHT + 3_600
COIN = 10**8


class Ground:
    """`records` are kept, so that all may be taken over again."""

    def __init__(self, folder: Path, accounts: int = 8) -> None:
        self.folder, self.kernel = folder, Reference()
        self.merit, self.records, self.now, self._sequence = Merit(folder), [], GENESIS, 1
        self.step(*[ListAsset(decimals=8)] * 3)
        for base in (EXT, BTC):
            self.step(
                ListMarket(
                    base=base, quote=USD, base_atoms_per_lot=10**5, quote_atoms_per_tick_lot=10
                )
            )
            self.set(Parameter.PRICE_SOURCE, 1, len(self.merit.known.markets) - 1)
        self.step(*[OpenAccount()] * accounts)
        self.set(Parameter.EXT_ASSET, EXT + 1)
        self.set(Parameter.REFERENCE_ASSET, USD + 1)
        self.set(Parameter.POOL_VERIFIED_MIN, 2)
        for account in range(accounts):
            for asset in (EXT, USD, BTC):
                self.step(Credit(account=account, asset=asset, amount=10**13, cause=Cause.DEPOSIT))

    def step(self, *commands) -> list[Event]:
        record = record_of(
            list(commands), position=self.kernel.position + 1, sequence=self._sequence,
            time_ns=self.now * 10**9,
        )  # fmt: skip
        self._sequence = record.next_sequence
        events = self.kernel.step(record)
        self.records.append((record, events))
        self.merit.apply(record, events)
        self.merit.invariant()
        return [Event._make(row) for row in events.tolist()]

    def set(self, parameter: Parameter, value: int, subject: int = -1) -> None:
        self.step(SetParameter(parameter=parameter, value=value, subject=subject))

    def act(self, verb: Verb, account: int = -1, **more) -> str:
        """Why it was refused; empty when it was not."""
        before = len(self.merit.refusals)
        self.step(MeritAct(verb=verb, account=account, **more))
        return self.merit.refusals[-1].why if len(self.merit.refusals) > before else ""

    def verify(self, *accounts: int) -> None:
        for account in accounts:
            self.set(Parameter.KYC_LEVEL, 1, account)

    def stake(self, account: int, atoms: int) -> None:
        self.step(Reserve(account=account, asset=EXT, amount=atoms, cause=Cause.STAKE))

    def trade(self, seller: int, buyer: int, lots: int, price: int, market: int = BTCUSD) -> None:
        """The seller rests, the buyer takes."""
        for account, side in ((seller, Side.SELL), (buyer, Side.BUY)):
            self.step(
                PlaceOrder(
                    account=account, market=market, side=side, order_type=OrderType.LIMIT,
                    time_in_force=TimeInForce.GTC, price=price, quantity=lots,
                )
            )  # fmt: skip

    def pass_to(self, second: int) -> None:
        """The round service's record at that time."""
        self.now = second
        self.act(Verb.CLOSE_DAY, value=self.merit.calendar.day)

    def next_day(self) -> None:
        self.pass_to(self.merit.calendar.end)

    def again(self, folder: Path, merit: Merit | None = None, after: int = 0) -> Merit:
        """Another merit that took over the same records after a position."""
        merit = merit or Merit(folder)
        for record, events in self.records:
            if record.position > after:
                merit.apply(record, events)
        return merit
