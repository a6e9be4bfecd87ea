"""Everything a withdrawal passes, on a real chain and a real log file; only the kernel is a double.

`restart` makes all of it again from what is on the disk, as after kill -9. `fault` stops the n-th
thing that is awaited, before or after it was done.
"""

import asyncio
from pathlib import Path

import numpy as np
from eth_utils import to_checksum_address
from sqlalchemy import insert, update

from excraft.chain.node import Limits, Node
from excraft.custody.alarms import Alarms, resolve
from excraft.custody.errors import SignerAway
from excraft.custody.limits import change
from excraft.custody.sender import Sender, SendingSettings
from excraft.custody.sent import Plan, SentBook
from excraft.custody.signer import keys as key_files
from excraft.custody.signer.journal import Journal
from excraft.custody.signer.log_view import LogView
from excraft.custody.signer.requests import Pay
from excraft.custody.signer.rules import Signer
from excraft.custody.signer.settings import AssetCaps, ChainRules, SignerSettings
from excraft.custody.signer_client import SignerClient
from excraft.custody.sweeps import Sweeper
from excraft.custody.withdrawal import State
from excraft.custody.withdrawal_approval import Approver, approve
from excraft.custody.withdrawal_book import Route, WithdrawalBook
from excraft.custody.withdrawal_facts import Facts
from excraft.custody.withdrawal_steps import Parts
from excraft.custody.withdrawals import Wish, Withdrawals
from excraft.log import FileLog
from excraft.messages.codec import record_of
from excraft.messages.commands import ApproveWithdrawal, Release, Reserve, Spend
from excraft.messages.events import EVENT, EventKind
from excraft.store.database import Database
from excraft.store.schema_withdrawals import withdrawal_approvals, withdrawals
from tests.chain.local import MNEMONIC, Chain

COIN, USDT = 3, 5
COLD, BOB = (to_checksum_address("0x" + digits * 20) for digits in ("c0", "b0"))
GWEI, ETHER = 10**9, 10**18
FEE = 100_000  # atoms of 8 decimals: 0.001


class Killed(BaseException):
    """The process is gone; nothing after it runs."""


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000 * 10**9

    def __call__(self) -> int:
        self.now += 1
        return self.now

    def pass_(self, seconds: int) -> None:
        self.now += seconds * 10**9


class Ledger:
    """The kernel's rules for these commands, over a real log. Free and reserved by place."""

    def __init__(self, log: FileLog) -> None:
        self.log, self.facts, self.sequence = log, Facts(), 1
        self.free: dict[tuple, int] = {}
        self.held: dict[tuple, int] = {}
        self.fees: dict[int, int] = {}
        self.out: dict[int, int] = {}
        self.levels, self.frozen_accounts = {}, set()
        self.one_at_a_time = asyncio.Lock()

    def level(self, account: int) -> int:
        return self.levels.get(account, 1)

    def frozen(self, account: int) -> bool:
        return account in self.frozen_accounts

    async def carry_out(self, command) -> tuple[int, str]:
        async with self.one_at_a_time:
            return await self._carry_out(command)

    async def _carry_out(self, command) -> tuple[int, str]:
        position = self.log.end(0) + 1
        record = record_of([command], position=position, sequence=self.sequence, time_ns=position)
        self.sequence += 1
        await asyncio.to_thread(self.log.append, 0, record)
        refused = self._step(command)
        events = np.zeros(1, EVENT)
        events["kind"] = EventKind.REFUSED if refused else 99
        self.facts.apply(record, events)
        self.facts.invariant()
        return position, refused

    def _step(self, c) -> str:
        place = (c.account, c.asset)
        free, held = self.free.get(place, 0), self.held.get(place, 0)
        kind = type(c)
        if kind is Reserve:
            if free < c.amount:
                return "INSUFFICIENT_FUNDS"
            self.free[place], self.held[place] = free - c.amount, held + c.amount
        elif kind is ApproveWithdrawal:
            if held < c.amount:
                return "INSUFFICIENT_FUNDS"
        elif kind is Release:
            assert held >= c.amount, "released twice"
            self.free[place], self.held[place] = free + c.amount, held - c.amount
        elif kind is Spend:
            assert held >= c.amount + c.fee, "spent twice"
            self.held[place] = held - c.amount - c.fee
            self.fees[c.asset] = self.fees.get(c.asset, 0) + c.fee
            self.out[c.asset] = self.out.get(c.asset, 0) + c.amount
        return ""


class Desk:
    """What a test works with."""

    def __init__(self, root: Path, chain: Chain, database: Database, token: str | None) -> None:
        self.root, self.chain, self.database, self.token = root, chain, database, token
        self.clock = Clock()
        self.log = FileLog(root / "log", segment_bytes=1 << 20, reserve_bytes=1 << 12)
        self.ledger = Ledger(self.log)
        folder = self.folder = root / "keys"
        folder.mkdir(mode=0o700)
        (folder / key_files.MNEMONIC).write_text(MNEMONIC)
        (folder / key_files.MNEMONIC).chmod(0o600)
        self.keys = key_files.opened(folder)
        self.hot = self.keys.hot.address
        self.frozen, self.away, self.gas_price_max = "", False, 500 * GWEI
        self.gas_max, self.nonce_gap = 200_000, 1000  # other tests used this chain before
        self.caps = {"per_withdrawal": "2", "per_day": "5"}
        self.sending = SendingSettings(confirmations=2, replace_s=60, resend_s=0)
        self.journal: Journal | None = None
        self.original: dict = {}
        self.restart()

    def restart(self) -> None:
        """As after kill -9 of exchange and signer."""
        self.calls, self.fault = 0, None
        self.start_signer()
        self.node = Node(self.chain.anvil.url, self.chain.anvil.chain_id, Limits(seconds=20.0))
        self.book = WithdrawalBook(self.database, self.clock)
        self.sent = SentBook(self.database, self.node.chain_id, self.clock)
        self.client = SignerClient(self.root / "nowhere", self.ask)
        self.sender = Sender(self.node, self.sent, self.client, self.sending, self.clock)
        parts = Parts(
            self.database, self.ledger, self.ledger.facts, self.client,
            {self.node.chain_id: self.sender}, self.routes, self.owner,
            lambda: {self.hot.lower(), COLD.lower()}, lambda: self.frozen,
            lambda: self.log.read(0),
        )  # fmt: skip
        self.withdrawals = Withdrawals(parts, self.book)
        self.choices = self.withdrawals.choices

    def add_sweeper(self, sweeper: Sweeper) -> None:
        """`withdrawals.sweep` uses it from now on."""
        self.withdrawals._parts = self.withdrawals._parts._replace(sweepers=[sweeper])

    def start_signer(self) -> None:
        if self.journal is not None:
            self.journal.close()
        self.journal = Journal(self.folder)
        known = {e.log_position: e.log_hash for e in self.journal.entries}
        view = LogView(self.log.directory, known)
        self.signer = Signer(self.signer_settings(), self.keys, self.journal, view, self.clock)

    def signer_settings(self) -> SignerSettings:
        assets = [AssetCaps(COIN, "ETH", 8, 18, **self.caps)]
        if self.token:
            assets.append(AssetCaps(USDT, "USDT", 6, 6, "1000", "3000", self.token))
        rules = ChainRules(
            self.chain.anvil.chain_id,
            self.hot,
            COLD,
            self.gas_max,
            self.gas_price_max,
            ETHER,
            10**16,
            assets,
            self.nonce_gap,
        )
        return SignerSettings([rules])

    def ask(self, request):
        if self.away:
            raise ConnectionRefusedError("nobody listens")
        return self.signer.answer(request)

    def routes(self) -> list[Route]:
        chain = self.chain.anvil.chain_id
        ways = [Route(chain, "ETH", COIN, "ETH", 8, 18, None, FEE, 10 * FEE)]
        if self.token:
            ways.append(Route(chain, "ETH", USDT, "USDT", 6, 6, self.token, 500_000, 1_000_000))
        return ways

    def owner(self, address: str) -> int | None:
        return {self.keys.deposit(n).address: n for n in range(3)}.get(address)

    async def fill(self, units: int = 10 * ETHER) -> None:
        """Coin into the hot wallet."""
        await self.chain.ask("anvil_setBalance", self.hot, hex(units))

    def wish(self, atoms: int = 100_000_000, **changes) -> Wish:
        return Wish(4, 1, COIN, "ETH", BOB, atoms, "session")._replace(**changes)

    async def ask_for(self, atoms: int = 100_000_000, **changes) -> int:
        found = await self.withdrawals.request(self.wish(atoms, **changes))
        return found.row.id

    async def until(self, id: int, *states: State, polls: int = 12) -> State:
        """Poll and mine until the withdrawal is in one of the states."""
        for _ in range(polls):
            state = self.state(id)
            if state in states:
                return state
            await self.withdrawals.poll()
            await self.chain.mine()
        raise AssertionError(f"still {self.state(id)}: {self.note(id)}")

    def set(self, name: str, value: int, **where: int) -> None:
        """A number of the risk rules."""
        with self.database.write() as connection:
            change(connection, {"name": str(name), "value": value, **where}, self.clock)

    def approve(self, id: int, who: str, check: bool = True) -> None:
        row = self.book.get(id).row
        if check:
            with self.database.write() as connection:
                approve(connection, id, Approver(who, who, None), row.commitment, self.clock())
            return
        made = {"withdrawal_id": id, "eyes": who, "who": who, "commitment": row.commitment}
        with self.database.write() as connection:
            connection.execute(insert(withdrawal_approvals).values(**made, approved_ns=1))

    def alter(self, id: int, **values) -> None:
        """As somebody with the database's password."""
        row = self.book.get(id).row
        self.original = {name: getattr(row, name) for name in values} | self.original
        with self.database.write() as connection:
            connection.execute(update(withdrawals).where(withdrawals.c.id == id).values(values))

    def plan_of(self, id: int) -> Plan:
        row = self.book.get(id).row
        return Plan("withdrawal", self.hot, row.destination, row.token, int(row.units), id)

    def pay(self, row, nonce: int) -> Pay:
        return Pay(id=row.id, position=row.approved_position, nonce=nonce, gas=21_000,
                   fee_max=30 * GWEI, tip=GWEI)  # fmt: skip

    async def give_token(self, units: int = 10**10) -> None:
        await self.token_contract.send(self.hot, units)
        await self.chain.mine()

    async def token_balance(self, owner: str) -> int:
        return await self.token_contract.contract.functions.balanceOf(owner).call()

    def state(self, id: int) -> State:
        return self.book.get(id).state

    def alarms(self) -> list[str]:
        return [row.reason for row in Alarms(self.database).open()]

    def resolve(self, resolution: str) -> None:
        """All that are open."""
        for row in Alarms(self.database).open():
            with self.database.write() as connection:
                resolve(connection, row.id, "shell:root", resolution, self.clock())

    def note(self, id: int) -> str:
        return self.book.get(id).row.note

    async def balance(self, address: str) -> int:
        return int(await self.chain.ask("eth_getBalance", address, "latest"), 16)

    def invariant(self) -> None:
        self.book.invariant()
        self.sent.invariant()
        self.journal.invariant()
        self.ledger.facts.invariant()

    async def close(self) -> None:
        await self.node.close()
        self.journal.close()
        self.log.close()


async def away(desk: Desk) -> None:
    """The signer does not answer; whoever asks is told so."""
    desk.away = True
    try:
        await desk.client.hello()
    except SignerAway:
        return
    raise AssertionError("it answers")
