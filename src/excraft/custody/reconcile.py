"""Chain against ledger, block by block: each address holds what our rows explain, and our rows are
what the log credited. One unit off is an alarm, and an alarm freezes withdrawals; but for coin that
came through a contract, which is seen only here: it gets a row and waits for somebody to decide.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, insert

from excraft.chain.blocks import Header
from excraft.chain.errors import BadAnswer
from excraft.chain.node import Node
from excraft.chain.transfers import mined
from excraft.custody.addresses import Owned
from excraft.custody.alarms import Alarms
from excraft.custody.book import Book
from excraft.custody.deposit import FOUND, HOUSE, Arrival, ChainSettings
from excraft.custody.expected import Expected, Place, expected, open_hashes, settled_since
from excraft.store.database import Database
from excraft.store.schema_custody import custody_openings

CALLS = 1000  # balances of one request
ALL_EVERY_S = 300.0  # so often every address is read, also those that must be empty
LOOKS = 3  # at a difference, before it is one: rows and chain are not read in one moment
PAUSE_S = 0.3


class Reconcile:
    """Of one chain; `poll` after the watcher's own. Raises ChainError: then nothing is known."""

    def __init__(
        self, node: Node, book: Book, settings: ChainSettings, database: Database,
        owned: Callable[[], Iterable[Owned]], totals: Any,
    ) -> None:  # fmt: skip
        """`totals`: custody.credited.Credited."""
        self._node, self._book, self._settings = node, book, settings
        self._database, self._owned, self._totals = database, owned, totals
        self._alarms = Alarms(database)
        self._tokens = [None, *settings.tokens]
        self._hash, self._compared, self._all_due = "", 0, 0.0
        self._report: list[dict[str, Any]] = []
        self._surplus: dict[Place, int] = {}  # units that nobody explained, of the last look
        self.told: list[str] = []  # what was found; whoever tells people takes it from here
        self._accepted = 0  # how often: what was read before the last time is not used

    async def poll(self) -> None:
        """Compare as of the newest block that was read, if that was not done yet."""
        tip = await asyncio.to_thread(self._book.tip)
        if tip is None or tip.hash == self._hash:
            return
        every, accepted = time.monotonic() >= self._all_due, self._accepted
        for look in range(LOOKS):
            wrong = await self._look(tip, every)
            if not wrong:
                break
            if look < LOOKS - 1:
                await asyncio.sleep(PAUSE_S)
        if accepted != self._accepted:
            return  # compared anew by the next poll
        if wrong:
            await self._still_there(tip)
        if self._surplus and await self._take_found(tip):
            wrong = await self._look(tip, every)
        for sentence in wrong:
            await asyncio.to_thread(self._alarms.sound, self._settings.chain_id, sentence)
        self._hash, self._compared = tip.hash, tip.number
        if every:
            self._all_due = time.monotonic() + ALL_EVERY_S

    def report(self) -> list[dict[str, Any]]:
        """The last comparison, a row for each asset of the chain, in the chain's units."""
        return self._report

    async def _look(self, tip: Header, every: bool) -> list[str]:
        chain, accepted = self._settings.chain_id, self._accepted
        hashes = await asyncio.to_thread(self._read, lambda c: open_hashes(c, chain))
        found = await mined(self._node, hashes) if hashes else {}
        credited, spent = dict(self._totals.credited), dict(self._totals.spent)
        rows = await asyncio.to_thread(self._read, lambda c: expected(c, chain, tip.number, found))
        fresh = self._fresh(rows)
        places = await self._places(rows, every or bool(fresh))
        held = await self._balances(places, tip)
        if fresh:
            await self._take_tokens(fresh, rows, held, tip)
        rows = await self._opened(rows, held, tip)
        off = {
            place: units - rows.units[place]
            for place, units in held.items()
            if units is not None and units != rows.units[place]
        }
        if accepted == self._accepted:
            self._surplus = {place: units for place, units in off.items() if units > 0}
        wrong = [
            f"{place[0]} holds {_more(units)} units of {place[1] or 'the coin'} than our records "
            "explain"
            for place, units in off.items()
        ]
        wrong += [
            f"{place[1]} does not tell the balance of {place[0]}"
            for place, units in held.items()
            if units is None
        ]
        wrong += self._log_wrong(rows, credited, spent)
        self._report = [
            self._line(token, asset, rows, held, tip) for token, asset in self._assets().items()
        ]
        return wrong

    def _log_wrong(self, rows: Expected, credited: dict, spent: dict) -> list[str]:
        """Where the log is not what our rows say. No sentence tells what grows with each block:
        an alarm is one row while its cause is the same."""
        wrong = []
        for asset in self._assets().values():
            if off := credited.get(asset, 0) - rows.credited[asset]:
                wrong.append(
                    f"the log credited {_more(off)} atoms of asset {asset} for deposits than our "
                    "records say"
                )
            off = spent.get(asset, 0) - rows.spent[asset]
            if not 0 <= off <= rows.leaving[asset]:
                off -= max(0, min(off, rows.leaving[asset]))
                wrong.append(
                    f"the log spent {_more(off)} atoms of asset {asset} for withdrawals than were "
                    "paid or are on their way"
                )
        return wrong

    def surplus(self, place: Place) -> int:
        """Units there that nothing explains, as of the last comparison."""
        return self._surplus.get(place, 0)

    def accept(self, connection: Connection, place: Place, who: str, reason: str) -> None:
        """From now on the surplus of a place is the exchange's own money."""
        row = {
            "chain_id": self._settings.chain_id, "address": place[0], "token": place[1],
            "units": str(self._surplus.pop(place)), "block": self._compared, "who": who,
            "reason": reason, "made_ns": time.time_ns(),
        }  # fmt: skip
        connection.execute(insert(custody_openings).values(row))
        self.compare_again()

    def compare_again(self) -> None:
        """With the next poll, also when no block comes; a look that is under way is not used."""
        self._hash = ""
        self._accepted += 1

    # what is found

    async def _still_there(self, tip: Header) -> None:
        """Raises BadAnswer when the block that was compared is no longer in the chain: what differs
        may be two chains."""
        [now] = await self._node.headers([tip.number])
        if now.hash != tip.hash:
            raise BadAnswer(f"block {tip.number} left the chain while it was compared")

    async def _take_found(self, tip: Header) -> bool:
        """Coin that nothing explains came through a contract, or for the maker of a block: anybody
        can send that anywhere, so it gets a row instead of an alarm. So does whatever reaches a
        wallet that was ours once and is no longer watched. Whether there was any."""
        owners = await self._owners()
        over = {
            place: units
            for place, units in self._surplus.items()
            if place[1] is None or place[0] not in owners
        }
        if not over or not await self._stand(over, tip):
            return False
        await self._take(over, tip, "it came without a transaction of its own, as from a contract")
        return True

    async def _take_tokens(self, fresh: set[str], rows: Expected, held: dict, tip: Header) -> None:
        """What deposit addresses held of a token before it was listed."""
        over = {
            place: units - rows.units[place]
            for place, units in held.items()
            if place[1] in fresh and place[0] not in self._settings.own
            and units is not None and units > rows.units[place]
        }  # fmt: skip
        if over:
            await self._take(over, tip, "it was here before its token was listed")
        rows.units.update(over)
        for (_, token), units in over.items():
            rows.deposits[token] += units
            rows.waiting[token] += units

    async def _take(self, over: dict[Place, int], tip: Header, how: str) -> None:
        """A row for each: of a wallet of ours it is the exchange's own, else somebody decides."""
        owners, arrivals = await self._owners(), []
        for (address, token), units in over.items():
            owner = owners.get(address, Owned(address, HOUSE, -1))
            arrivals.append(
                Arrival(tip.hash, FOUND, owner.address, owner.account, token, units, tip.number,
                        tip.hash, f"found at block {tip.number}: {how}")
            )  # fmt: skip
        await asyncio.to_thread(self._book.found, arrivals)
        worth = [a for a in arrivals if a.account != HOUSE and not self._objection(a)]
        for a in worth[:1]:
            more = f" and at {len(worth) - 1} more addresses" if worth[1:] else ""
            self.told.append(
                f"{a.units} units of {a.token or 'the coin'} at {a.address}{more}, {a.note}; see "
                "`excraft custody deposits`"
            )

    def _objection(self, arrival: Arrival) -> str:
        asset = self._settings.asset(arrival.token)
        return asset.objection(asset.split(arrival.units)[0])

    async def _stand(self, places: Collection[Place], tip: Header) -> bool:
        """Whether all that lately left these places, as our rows say, is still in the chain: else
        they hold more because a payment was undone, and it will be made again."""
        first, chain = tip.number - self._settings.kept_blocks, self._settings.chain_id
        rows = await asyncio.to_thread(self._read, lambda c: settled_since(c, chain, first))
        sources = {address for address, _ in places}
        rows = [row for row in rows if row.source.lower() in sources]
        for start in range(0, len(rows), CALLS):
            part = {row.hash: row.block_hash for row in rows[start : start + CALLS]}
            there = await mined(self._node, [*part])
            if {hash: got.block_hash for hash, got in there.items()} != part:
                return False
        return True

    def _fresh(self, rows: Expected) -> set[str]:
        """Tokens that are looked at for the first time."""
        own = self._settings.own
        looked_at = {token for address, token in rows.opened if address in own}
        return {token for token in self._settings.tokens if own and token not in looked_at}

    async def _owners(self) -> dict[str, Owned]:
        """Deposit addresses and our wallets, by address in small letters."""
        owned = await asyncio.to_thread(lambda: {o.address.lower(): o for o in self._owned()})
        return owned | {own: Owned(own, HOUSE, -1) for own in self._settings.own}

    def _assets(self) -> dict[str | None, int]:
        return {token: self._settings.asset(token).number for token in self._tokens}

    def _line(self, token, asset: int, rows: Expected, held: dict, tip: Header) -> dict[str, Any]:
        seen = sum(units or 0 for (_, of), units in held.items() if of == token)
        known = sum(units for (_, of), units in rows.units.items() if of == token)
        return {
            "block": tip.number, "asset": asset, "token": token, "explained": known,
            "read": seen, "deposits": rows.deposits[token], "waiting": rows.waiting[token],
            "paid": rows.paid[token], "house": rows.house[token],
            "gas": rows.gas if token is None else 0,
            "credited_atoms": self._totals.credited[asset],
            "spent_atoms": self._totals.spent[asset], "by_hand_atoms": self._totals.by_hand[asset],
        }  # fmt: skip

    async def _places(self, rows: Expected, every: bool) -> list[Place]:
        """Where something must be, our wallets always, and now and then every address."""
        places = {place for place, units in rows.units.items() if units}
        places |= {(own, token) for own in self._settings.own for token in self._tokens}
        if every:
            owned = await asyncio.to_thread(lambda: [o.address.lower() for o in self._owned()])
            places |= {(address, token) for address in owned for token in self._tokens}
        known = {*self._tokens}
        return [place for place in places if place[1] in known]

    async def _balances(self, places: Sequence[Place], tip: Header) -> dict[Place, int | None]:
        """Units at that very block; None where a token gives no answer."""
        held: dict[Place, int | None] = {}
        for start in range(0, len(places), CALLS):
            part = places[start : start + CALLS]
            coins = [address for address, token in part if token is None]
            tokens = [(token, address, tip.hash) for address, token in part if token is not None]
            for address, units in zip(
                coins, await self._node.balances(coins, tip.hash), strict=True
            ):
                held[address, None] = units
            told = await self._node.token_balances(tokens)
            for (token, address, _), units in zip(tokens, told, strict=True):
                held[address, token] = units
        return held

    async def _opened(self, rows: Expected, held: dict, tip: Header) -> Expected:
        """Takes what a wallet holds when it is first looked at as the exchange's own money."""
        made = []
        for place in ((own, token) for own in sorted(self._settings.own) for token in self._tokens):
            rest = (held[place] or 0) - rows.units[place]
            if place in rows.opened:
                continue
            made.append((place, rest))
            rows.units[place] += rest
            rows.house[place[1]] += rest
        if made:
            await asyncio.to_thread(self._keep_openings, made, tip.number)
        return rows._replace(opened=rows.opened | {place for place, _ in made})

    def _keep_openings(self, made: list[tuple[Place, int]], block: int) -> None:
        now = time.time_ns()
        with self._database.write_durable() as connection:
            connection.execute(
                insert(custody_openings),
                [
                    {"chain_id": self._settings.chain_id, "address": place[0], "token": place[1],
                     "units": str(units), "block": block, "who": "exchange",
                     "reason": "what the wallet held when it was first looked at", "made_ns": now}
                    for place, units in made
                ],
            )  # fmt: skip

    def _read(self, ask: Callable) -> Any:
        with self._database.read() as connection:
            return ask(connection)


def _more(difference: int) -> str:
    return f"{abs(difference)} {'more' if difference > 0 else 'fewer'}"
