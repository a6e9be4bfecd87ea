"""Wallets that are contracts (EIP-1271): asked through a node, which may stall, lie or be away.

What a node says is one factor and never more: who logs in this way gives a second one, which no
node knows of, so a lying node lets nobody in. Asked at the newest block and at one that is
confirmed, so that neither an owner who was just removed passes nor one whom a reorganisation adds.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from eth_utils import keccak

from excraft.accounts.refusals import Refused
from excraft.chain.errors import ChainError
from excraft.chain.node import Limits, Node

SELECTOR = keccak(b"isValidSignature(bytes32,bytes)")[:4]
YES = SELECTOR + bytes(28)  # the word that means it is valid, and nothing else does
SIGNATURE_BYTES_MAX = 3_000  # some forty owners, or one passkey with all that it says
GAS_MAX = 5_000_000
WITHIN_S = 5.0
AT_ONCE = 8
NODE_LIMITS = Limits(seconds=WITHIN_S, answer_bytes=64 << 10, attempts=1)


class Chain(NamedTuple):
    """`still_s`: so old may its newest block be; 0: any age."""

    node: Node
    confirmations: int
    still_s: int


class ContractWallets:
    """Of the chains in `chains`, by their id. Never blocks the event loop."""

    def __init__(
        self, chains: Mapping[int, Chain], clock: Callable[[], int] = time.time_ns
    ) -> None:
        self.chains, self._clock = chains, clock
        self._asking = 0

    async def signed(self, chain_id: int, address: str, digest: bytes, signature: bytes) -> bool:
        """Whether the contract says that it signed; raises Refused when it cannot be asked now."""
        chain = self.chains.get(chain_id)
        if chain is None or len(signature) > SIGNATURE_BYTES_MAX:
            return False
        if self._asking >= AT_ONCE:
            raise _away()
        self._asking += 1
        try:
            async with asyncio.timeout(WITHIN_S):
                return await self._ask(chain, address, digest, signature)
        except (ChainError, TimeoutError) as error:
            raise _away() from error
        finally:
            self._asking -= 1

    async def close(self) -> None:
        for chain in self.chains.values():
            await chain.node.close()

    async def _ask(self, chain: Chain, address: str, digest: bytes, signature: bytes) -> bool:
        head = await chain.node.head()
        if chain.still_s and head.seconds < self._clock() // 10**9 - chain.still_s:
            raise _away()  # a node that stands still does not know who was removed
        [old] = await chain.node.headers([max(0, head.number - chain.confirmations)])
        right, wrong = _call(digest, signature), _call(secrets.token_bytes(32), signature)
        asked = [
            (address, right, head.hash),
            (address, right, old.hash),
            (address, wrong, head.hash),
        ]
        now, then, other = await chain.node.call_contracts(asked, GAS_MAX)
        # A contract that says yes to what was never signed is nobody's, or the node makes it up.
        return now == then == YES and other != YES


def _call(digest: bytes, signature: bytes) -> str:
    padding = bytes(-len(signature) % 32)
    words = (64).to_bytes(32, "big") + len(signature).to_bytes(32, "big")
    return "0x" + (SELECTOR + digest + words + signature + padding).hex()


def _away() -> Refused:
    return Refused(
        "busy", "The chain of this wallet cannot be asked at the moment; log in another way.", 60
    )
