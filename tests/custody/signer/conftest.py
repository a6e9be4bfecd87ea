"""A signer over a real log file that a test writes, and what it may be asked."""

from pathlib import Path

import pytest

from excraft.custody.signer import keys as key_files
from excraft.custody.signer.journal import Journal
from excraft.custody.signer.log_view import LogView
from excraft.custody.signer.requests import Pay
from excraft.custody.signer.rules import Signer
from excraft.custody.signer.settings import AssetCaps, ChainRules, SignerSettings
from excraft.custody.withdrawal import Payment, approval_text
from excraft.log import FileLog
from excraft.messages.codec import record_of
from excraft.messages.commands import ApproveWithdrawal, Cause, Command, Release, Reserve
from tests.chain.local import MNEMONIC

CHAIN, COIN_ASSET, TOKEN_ASSET = 31337, 3, 5
TOKEN = "0x" + "ab" * 20
COLD = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
BOB = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
GWEI = 10**9


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000 * 10**9

    def __call__(self) -> int:
        return self.now


class Bench:
    """One signer, the log it reads, and its folder; `restart` opens all of it again."""

    def __init__(self, root: Path) -> None:
        self.folder, self.clock = root / "keys", Clock()
        self.folder.mkdir(mode=0o700)
        (self.folder / key_files.MNEMONIC).write_text(MNEMONIC)
        (self.folder / key_files.MNEMONIC).chmod(0o600)
        self.keys = key_files.opened(self.folder)
        self.log = FileLog(root / "log", segment_bytes=1 << 16, reserve_bytes=1 << 12)
        self.journal: Journal | None = None
        self.nonce_gap = 7
        self.restart()

    def restart(self) -> None:
        if self.journal is not None:
            self.journal.close()
        self.journal = Journal(self.folder)
        self.view = LogView(
            self.log.directory, {e.log_position: e.log_hash for e in self.journal.entries}
        )
        self.signer = Signer(self.settings(), self.keys, self.journal, self.view, self.clock)

    def settings(self) -> SignerSettings:
        coin = AssetCaps(COIN_ASSET, "ETH", 8, 18, "2", "5")
        token = AssetCaps(TOKEN_ASSET, "USDT", 6, 6, "1000", "3000", TOKEN)
        rules = ChainRules(
            CHAIN, self.keys.hot.address, COLD, 200_000, 500 * GWEI, 10**18, 10**16, [coin, token],
            self.nonce_gap,
        )  # fmt: skip
        return SignerSettings([rules])

    def append(self, *commands: Command) -> int:
        position = self.log.end(0) + 1
        sequence = getattr(self, "sequence", 1)
        record = record_of([*commands], position=position, sequence=sequence, time_ns=position)
        self.sequence = sequence + len(commands)
        return self.log.append(0, record)

    def reserve(self, payment: Payment) -> int:
        return self.append(
            Reserve(account=payment.account, asset=payment.asset, amount=payment.atoms,
                    cause=Cause.WITHDRAWAL, reference=payment.reference)
        )  # fmt: skip

    def release(self, payment: Payment) -> int:
        return self.append(
            Release(account=payment.account, asset=payment.asset, amount=payment.atoms,
                    cause=Cause.WITHDRAWAL, reference=payment.reference)
        )  # fmt: skip

    def approve(self, payment: Payment, reserve: int) -> int:
        return self.append(
            ApproveWithdrawal(account=payment.account, asset=payment.asset, amount=payment.atoms,
                              text=approval_text(payment, reserve, ["member:3"]))
        )  # fmt: skip

    def approved(self, payment: Payment) -> int:
        return self.approve(payment, self.reserve(payment))

    def refused(self, request) -> str:
        answer = self.signer.answer(request)
        assert answer.refused and not answer.raw, answer
        self.journal.invariant()
        return answer.refused

    def signed(self, request):
        answer = self.signer.answer(request)
        assert answer.raw and not answer.refused, answer.refused
        self.journal.invariant()
        return answer


def coins(id: int = 1, atoms: int = 150_000_000, **changes) -> Payment:
    """A payment of coin with a fee of 1000 atoms."""
    payment = Payment(id, 4, COIN_ASSET, atoms, 1000, CHAIN, BOB, None, (atoms - 1000) * 10**10)
    return payment._replace(**changes)


def pay(id: int, position: int, nonce: int = 0, **changes) -> Pay:
    given = {"gas": 21_000, "fee_max": 30 * GWEI, "tip": GWEI} | changes
    return Pay(id=id, position=position, nonce=nonce, **given)


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.journal.close()
    bench.log.close()
