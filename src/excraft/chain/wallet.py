"""A key of our own that deploys and calls contracts: tried, priced, signed, sent, waited for.

One transaction at a time, always with the next nonce that is mined: one that hangs is replaced by
the next attempt instead of being followed by a second one.
"""

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
from eth_utils import to_checksum_address

from excraft.chain import transfers
from excraft.chain.blocks import whole
from excraft.chain.contract import Contract, deployment_data, explained
from excraft.chain.errors import ContractRefused, NodeRefused, NotMined
from excraft.chain.node import Node
from excraft.chain.transfers import Mined

if TYPE_CHECKING:
    from excraft.chain.ethereum import LocalAccount

# Between the estimate and the block the state changes: a checkpoint of this second is written over,
# one of the next is a new slot, of 22,100. What is not used is not paid.
SPARE_GAS = 100_000
RAISES = 12  # of the offer, an eighth each, while the node finds it too low for a replacement


class Wallet:
    """Of one chain and one key. `wait_s`: how long a transaction may take to be mined."""

    def __init__(
        self, node: Node, account: "LocalAccount", wait_s: float = 120.0, poll_s: float = 0.05
    ) -> None:
        self.node, self.address = node, account.address
        self._account, self._wait_s, self._poll_s = account, wait_s, poll_s
        self._one_at_a_time = asyncio.Lock()

    async def deploy(self, name: str, *arguments: Any) -> tuple[str, str, Mined]:
        """(address, transaction, where it was mined) of a new contract; raises ChainError."""
        data = deployment_data(name, arguments)
        transaction, mined = await self._send(f"deploying {name}", None, data)
        [raw] = await self.node.batch([("eth_getTransactionReceipt", [transaction])])
        receipt = msgspec.json.decode(raw)
        if receipt is None:
            raise NotMined(f"deploying {name}: the block with {transaction} went away again")
        return receipt["contractAddress"].lower(), transaction, mined

    async def call(self, contract: Contract, function: str, *arguments: Any) -> tuple[str, Mined]:
        """(transaction, where it was mined); raises ContractRefused before anything is sent when
        the contract would, NotMined when it takes too long, and other ChainErrors."""
        data = contract.data(function, *arguments)
        return await self._send(f"{contract.name}.{function}", contract.address, data)

    async def _send(self, what: str, to: str | None, data: str) -> tuple[str, Mined]:
        async with self._one_at_a_time:
            asked = {"from": self.address, "data": data} | ({"to": to} if to else {})
            try:
                [raw] = await self.node.batch([("eth_estimateGas", [asked])])
            except NodeRefused as refused:
                raise explained(refused, what) from refused
            gas = whole(msgspec.json.decode(raw)) * 5 // 4 + SPARE_GAS
            hash = await self._offer(to, data, gas)
            mined = await self._mined(what, hash)
        if not mined.succeeded:
            raise ContractRefused(f"{what} failed in block {mined.block}, transaction {hash}")
        return hash, mined

    async def _offer(self, to: str | None, data: str, gas: int) -> str:
        fees = await transfers.fees(self.node)
        nonce = await transfers.nonce(self.node, self.address)
        tip, most = fees.tip, 2 * fees.base + fees.tip
        receiver = {"to": to_checksum_address(to)} if to else {}
        for left in reversed(range(RAISES)):
            transaction = {
                "chainId": self.node.chain_id, "nonce": nonce, "data": data, "value": 0,
                "gas": gas, "maxFeePerGas": most, "maxPriorityFeePerGas": tip,
            }  # fmt: skip
            signed = self._account.sign_transaction(transaction | receiver)
            hash = "0x" + signed.hash.hex()
            try:
                await transfers.send(self.node, "0x" + signed.raw_transaction.hex(), hash)
                return hash
            except NodeRefused as refused:
                if "underpriced" not in str(refused).lower() or not left:
                    raise
            tip, most = tip + tip // 8 + 1, most + most // 8 + 1
        raise AssertionError("at least one offer")

    async def _mined(self, what: str, hash: str) -> Mined:
        until = asyncio.get_running_loop().time() + self._wait_s
        while True:
            found = await transfers.mined(self.node, [hash])
            if hash in found:
                return found[hash]
            if asyncio.get_running_loop().time() > until:
                raise NotMined(f"{what}: {hash} is in no block after {self._wait_s:.0f} s")
            await asyncio.sleep(self._poll_s)
