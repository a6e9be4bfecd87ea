"""Brings deposits to the hot wallet, and what is too much there to the cold address.

A deposit address of a token gets coin for its gas first. Everything goes through the sender, so it
is in `custody_sent` before it is signed, and the signer knows only our own addresses for it.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from sqlalchemy import select

from excraft.chain import transfers
from excraft.custody import limits as stored_limits
from excraft.custody.deposit import Status as DepositStatus
from excraft.custody.errors import CannotBePaid, SignerRefused
from excraft.custody.limits import Limits, Setting
from excraft.custody.sender import COIN_GAS, NotEnough, Sender, TooDear
from excraft.custody.sent import Kind, Plan
from excraft.custody.signer.requests import Wallet
from excraft.custody.withdrawal_book import Route
from excraft.store.database import Database
from excraft.store.schema_custody import custody_addresses, custody_deposits

TOKEN_GAS = 100_000
AT_ONCE = 20  # sweeps of one look; the rest comes with the next
WORTH = 10  # coin is swept when it is so many times what the sweep costs
PLACES = 100  # balances of one call


class Place(NamedTuple):
    """A deposit address and what deposits came to it."""

    address: str
    number: int
    token: str | None


class Sweeper:
    """Of one chain. `notes`: what it could not do at the last look, by address."""

    def __init__(
        self, database: Database, sender: Sender, key_id: str,
        routes: Callable[[], Sequence[Route]], l1_fee_max: int = 0,
    ) -> None:  # fmt: skip
        """`key_id`: of the xpub whose private key the signer has; `l1_fee_max`: see ChainEntry."""
        self.notes: dict[str, str] = {}
        self.chain_id = sender.node.chain_id
        self._database, self._sender, self._key_id = database, sender, key_id
        self._all_routes, self._l1_fee_max = routes, l1_fee_max
        self._routes: dict[str | None, Route] = {}

    async def look(self) -> None:
        """Plan and send what is due; raises ChainError or SignerAway."""
        if self._sender.failure:
            return
        wallet, limits = await self._sender.wallet(), await asyncio.to_thread(self._limits)
        self.notes.clear()
        self._routes = {r.token: r for r in self._all_routes() if r.chain == self.chain_id}
        rows = await asyncio.to_thread(self._sender.book.open)
        busy = {(row.source, row.token) for row in rows}
        filling = {row.destination for row in rows if row.kind == Kind.GAS}
        places = [
            place
            for place in await asyncio.to_thread(self._places)
            if (place.address, place.token) not in busy and place.address not in filling
        ]
        due = await self._due(places, limits)
        # Coin on an address with tokens pays for their sweep, so it goes last.
        needed = {p.address for p, _ in due if p.token} | {s for s, token in busy if token}
        due = [(p, units) for p, units in due if p.token or p.address not in needed]
        sent = 0
        for place, units in due:
            if sent < AT_ONCE:
                sent += await self._tried(place.address, self._sweep(place, units, wallet))
        for token, route in self._routes.items():
            if (wallet.hot, token) not in busy:
                await self._tried(wallet.hot, self._to_cold(route, wallet, limits))

    def _limits(self) -> Limits:
        with self._database.read() as connection:
            return stored_limits.load(connection)

    def _places(self) -> list[Place]:
        """Every address below the signer's key that a deposit was credited for, with each token:
        what was kept back may be dust that somebody sent so that we pay for its sweep."""
        a, d = custody_addresses.c, custody_deposits.c
        came = d.address == a.address
        asked = (
            select(a.address, a.number, d.token)
            .select_from(custody_addresses.join(custody_deposits, came))
            .where(
                a.key_id == self._key_id,
                d.chain_id == self._sender.node.chain_id,
                d.status == int(DepositStatus.CREDITED),
            )
            .distinct()
            .order_by(a.number)
        )
        with self._database.read() as connection:
            return [Place(*row) for row in connection.execute(asked)]

    async def _due(self, places: Sequence[Place], limits: Limits) -> list[tuple[Place, int]]:
        """Those with more than the threshold, and how many units."""
        found = []
        for start in range(0, len(places), PLACES):
            part = places[start : start + PLACES]
            asked = [(place.address, place.token) for place in part]
            there = await transfers.balances(self._sender.node, asked)
            for place, units in zip(part, there, strict=True):
                route = self._routes.get(place.token)
                if route is not None and units > _threshold(route, limits):
                    found.append((place, units))
        return found

    async def _tried(self, where: str, sending) -> bool:
        """Whether something was sent; what stands in the way is shown, and tried again."""
        try:
            return await sending
        except (NotEnough, TooDear, CannotBePaid, SignerRefused) as why:
            self.notes[where] = str(why)
            return False

    async def _sweep(self, place: Place, units: int, wallet: Wallet) -> bool:
        if place.token is None:
            cost = await self._cost(COIN_GAS, wallet)
            if units < WORTH * cost:
                return False
            units -= cost
        elif await self._topped_up(place, wallet):
            return True
        await self._sender.pay(
            Plan(Kind.SWEEP, place.address, wallet.hot, place.token, units, number=place.number)
        )
        return True

    async def _topped_up(self, place: Place, wallet: Wallet) -> bool:
        """Whether coin for the gas of a token's sweep had to be sent first."""
        needs = await self._cost(min(TOKEN_GAS, wallet.gas_max), wallet)
        [there] = await transfers.balances(self._sender.node, [(place.address, None)])
        if there >= needs:
            return False
        await self._sender.pay(
            Plan(Kind.GAS, wallet.hot, place.address, None, needs - there, number=place.number)
        )
        return True

    async def _cost(self, gas: int, wallet: Wallet) -> int:
        """Units of coin that a transaction with so much gas may cost at most."""
        price = await self._sender.price(gas, wallet)
        return price.gas * price.fee_max + self._l1_fee_max

    async def _to_cold(self, route: Route, wallet: Wallet, limits: Limits) -> bool:
        [there] = await transfers.balances(self._sender.node, [(wallet.hot, route.token)])
        most = _units(route, limits.of(Setting.HOT_MAX, route.asset))
        keep = _units(route, limits.of(Setting.HOT_KEEP, route.asset))
        if there <= most or there <= keep:
            return False
        units = there - keep
        if route.token is None:
            units -= await self._cost(COIN_GAS, wallet)
        if units <= 0:
            return False
        await self._sender.pay(Plan(Kind.COLD, wallet.hot, wallet.cold, route.token, units))
        return True


def _threshold(route: Route, limits: Limits) -> int:
    """A sweep of a token costs coin, so less than could be withdrawn of it is not worth one."""
    above = limits.of(Setting.SWEEP_ABOVE, route.asset)
    if route.token is not None:
        above = max(above, route.minimum - 1, route.fee)
    return _units(route, above)


def _units(route: Route, atoms: int) -> int:
    """Of the chain, rounded down: these are thresholds, not payments."""
    finer = route.chain_decimals - route.decimals
    return atoms * 10**finer if finer >= 0 else atoms // 10**-finer
