"""A small exchange on a log in memory: three accounts, two assets, one market."""

import asyncio
import pickle
import threading
from collections.abc import Callable

import numpy as np
import pytest

from excraft.engine.service import Engine, Settings
from excraft.kernel import Kernel
from excraft.kernel.reference import Reference
from excraft.log import LogFull, MemoryLog
from excraft.messages.codec import record_of
from excraft.messages.commands import (
    CancelOrder,
    Cause,
    Credit,
    OpenAccount,
    OrderType,
    PlaceOrder,
    Side,
    pack,
)


class KeptReference(Reference):
    """The plain twin with the snapshots that the compiled kernel has."""

    def snapshot(self) -> dict[str, np.ndarray]:
        return {"state": np.frombuffer(pickle.dumps(self._state), np.uint8)}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        self._state = pickle.loads(arrays["state"].tobytes())


class TestLog(MemoryLog):
    """A log in memory that can be made to wait, to be full and to break."""

    __test__ = False

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()
        self.room = True  # what it says
        self.refuses = False  # what it does with records that are not urgent
        self.full_for_all = False
        self.broken: Exception | None = None
        self.urgent: list[bool] = []  # of each record appended

    def append(self, partition, record, *, urgent=False):
        assert self.gate.wait(10)
        if self.broken is not None:
            raise self.broken
        if self.full_for_all or (self.refuses and not urgent):
            raise LogFull("the disk is full")
        self.urgent.append(urgent)
        return super().append(partition, record, urgent=urgent)


class Desk:
    """One engine and the commands that tests give most."""

    def __init__(self, log, kernel, settings: Settings, clock) -> None:
        self.log, self.kernel = log, kernel
        more = {"clock": clock} if clock else {}
        self.engine = Engine(log, kernel, settings=settings, **more)

    async def open(self, accounts: int = 3) -> None:
        """List EXT, USD and EXTUSD; give each account a million of both."""
        await self.engine.start()
        await self.engine.list_asset("EXT", "ExCraft token", 8)
        await self.engine.list_asset("USD", "Dollar", 6)
        await self.engine.list_market("EXTUSD", ("EXT", "USD"), "0.01", "0.001")
        for account in range(accounts):
            await self.engine.execute(OpenAccount())
            for asset, amount in ((0, 10**14), (1, 10**12)):
                await self.engine.execute(
                    Credit(account=account, asset=asset, amount=amount, cause=Cause.DEPOSIT)
                )

    def place(self, account: int, side: Side, lots: int, price: int, client_id: str = ""):
        """Submit a limit order; the future."""
        command = PlaceOrder(
            account=account, market=0, side=side, order_type=OrderType.LIMIT,
            price=price, quantity=lots, client_id=client_id,
        )  # fmt: skip
        return self.engine.submit(*pack(command))

    def cancel(self, account: int, order_id: int, new_client_id: str = ""):
        """Submit a cancel; the future."""
        command = CancelOrder(
            account=account, market=0, order_id=order_id, new_client_id=new_client_id
        )
        return self.engine.submit(*pack(command))


@pytest.fixture
def desk() -> Callable[..., Desk]:
    """Make a desk: desk(log=..., kernel=..., clock=..., **settings)."""

    def make(log=None, kernel=None, clock=None, **settings) -> Desk:
        log = TestLog() if log is None else log
        return Desk(log, KeptReference() if kernel is None else kernel, Settings(**settings), clock)

    return make


@pytest.fixture(params=[KeptReference, Kernel], ids=["reference", "compiled"])
def any_kernel(request) -> type:
    """Each kernel, ready to run, for what must not depend on it."""
    opening = record_of([OpenAccount()], position=1, sequence=1, time_ns=1)
    request.param().step(opening)  # compiles, perhaps: not a matter of the engine's time
    return request.param


@pytest.fixture
def run() -> Callable:
    """Run a coroutine in a loop of its own, at most 60 s."""

    def within(coroutine):
        async def bounded():
            async with asyncio.timeout(60):
                return await coroutine

        return asyncio.run(bounded())

    return within
