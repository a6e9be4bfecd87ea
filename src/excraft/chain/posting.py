"""Posts what was computed of rounds and days, once each, and tells how far a post has come.

Everything is asked of the chain, nothing is remembered: calling again after a stop, a doubt or a
re-organisation posts what does not stand, and nothing else.
"""

from enum import IntEnum
from typing import NamedTuple

from excraft.chain.blocks import read_logs
from excraft.chain.contract import NOT_THERE, Contract
from excraft.chain.errors import ContractRefused
from excraft.chain.wallet import Wallet


class RoundPost(NamedTuple):
    """Roots of both score trees, and the hash of the round's manifest; 32 bytes each."""

    round: int
    congress: bytes
    senate: bytes
    dataset: bytes

    @property
    def content(self) -> tuple[bytes, bytes, bytes]:
        """As the contract has it."""
        return self.congress, self.senate, self.dataset


class DayPost(NamedTuple):
    """The tree of a day. `total`: sum of its leaves; `paid`: what the day added to it, in units of
    10^-18 EXT."""

    day: int
    root: bytes
    total: int
    paid: int
    dataset: bytes

    @property
    def content(self) -> tuple[bytes, bytes, int]:
        """As the contract has it."""
        return self.root, self.dataset, self.total


class PostedEvent(NamedTuple):
    """Names of the fields of a contract's event Posted."""

    number: str
    content: tuple[str, ...]


POSTED = {
    "Rounds": PostedEvent("round", ("congress", "senate", "dataset")),
    "RewardDistributor": PostedEvent("day", ("root", "dataset", "total")),
}


class Progress(IntEnum):
    """How far a post has come; it goes back when the chain does, or when it is withdrawn."""

    ABSENT = 0
    SEEN = 1  # in a block that may still go away
    CONFIRMED = 2  # in a block that is deep enough
    FINAL = 3  # and its window is over: nobody can withdraw it


class Differs(Exception):
    """Something else stands on chain for that round or day; a person has to look."""


async def post_round(wallet: Wallet, rounds: Contract, post: RoundPost) -> None:
    """Make it stand; raises Differs when something else does, ContractRefused, ChainError."""
    if not await stands(rounds, post.round, post.content):
        await wallet.call(rounds, "post", post.round, *post.content)


async def post_day(wallet: Wallet, rewards: Contract, post: DayPost) -> None:
    """Make it stand; raises Differs when something else does, ContractRefused, ChainError."""
    if not await stands(rewards, post.day, post.content):
        await wallet.call(rewards, "post", post.day, post.root, post.total, post.paid, post.dataset)


async def withdraw(wallet: Wallet, contract: Contract, number: int, reason: str) -> None:
    """Take back that post and all after it; raises ContractRefused once it is final."""
    await wallet.call(contract, "withdraw", number, reason)


async def withdrawn_before(
    contract: Contract, first_block: int, number: int, content: tuple
) -> str:
    """Who withdrew just this content of that round or day, and why; "" when nobody did. What a
    guardian withdrew must not be posted again by a machine; `first_block`: of the contract."""
    asked = {"address": contract.address, "fromBlock": hex(first_block), "toBlock": "latest"}
    [raw] = await contract.node.batch([("eth_getLogs", [asked])])
    standing: dict[int, tuple] = {}
    found = ""
    for log in sorted(read_logs(raw), key=lambda log: (log.block, log.index)):
        event = contract.event(log, 0)
        said = event.fields
        if event.name == "Posted":
            kind = POSTED[contract.name]
            standing[said[kind.number]] = tuple(said[name] for name in kind.content)
        elif event.name == "Withdrawn":
            if standing.get(number) == content and said["from"] <= number:
                found = f"{said['by']} withdrew it: {said['reason']}"
            for each in range(said["from"], said["to"] + 1):
                standing.pop(each, None)
    return found


async def progress(contract: Contract, number: int, confirmations: int) -> Progress:
    """Of a round or a day, whatever was posted for it. `confirmations`: 1 is the newest block."""
    head = await contract.node.head()
    deep = max(0, head.number - confirmations + 1)
    if not await _posted(contract, number, head.number):
        return Progress.ABSENT
    if not await _posted(contract, number, deep):
        return Progress.SEEN
    final = await contract.ask("isFinal", number, block=deep)
    return Progress.FINAL if final else Progress.CONFIRMED


async def stands(contract: Contract, number: int, content: tuple) -> bool:
    """Whether just this stands for it; raises Differs when something else does."""
    found = await _posted(contract, number, "latest")
    if found is not None and tuple(found) != content:
        raise Differs(
            f"{contract.name} has other roots for {number} than were computed: "
            f"{_shown(found)} instead of {_shown(content)}; withdraw one, or compute again"
        )
    return found is not None


async def _posted(contract: Contract, number: int, block: int | str) -> tuple | None:
    try:
        return await contract.ask("posted", number, block=block)
    except ContractRefused as refused:
        if refused.error not in ("NotPosted", NOT_THERE):
            raise
        return None


def _shown(content: tuple) -> list[str]:
    return ["0x" + each.hex() if isinstance(each, bytes) else str(each) for each in content]
