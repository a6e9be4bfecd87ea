"""What contracts said, read block by block up to finality, with nothing left out.

Only blocks that are deep enough are read, so what was read stays. Should such a block go away all
the same, it is said, and the reader begins anew: everything here is a function of the chain.
"""

from collections.abc import Sequence

from excraft.chain.blocks import Bloomed, Header, Log, read_bloomed, read_logs
from excraft.chain.contract import Contract, Event
from excraft.chain.errors import AnswerTooLarge, BadAnswer, Reorganised
from excraft.chain.node import Call, Node

RANGE = 500  # blocks of one call


class ContractLogs:
    """`tip`: the last block that was read, None before the first; all its events are in what
    `read` returned so far."""

    def __init__(
        self, node: Node, contracts: Sequence[Contract], first_block: int, confirmations: int,
        range_blocks: int = RANGE,
    ) -> None:  # fmt: skip
        if confirmations < 1:
            raise ValueError(f"confirmations must be at least 1, not {confirmations}")
        self.tip: Header | None = None
        self._node, self._first, self._confirmations = node, first_block, confirmations
        self._contracts = {each.address: each for each in contracts}
        self._most = self._range = range_blocks

    async def read(self) -> list[Event]:
        """Events of the blocks that became final since the last call, in their order. Raises
        Reorganised when a block that was read is another one now: this reader is of no use any
        more then; and ChainError, after which the call can be repeated."""
        last = (await self._node.head()).number - self._confirmations + 1
        tip, events = self.tip, []
        if tip is not None:
            await self._check(tip)
        while (first := self._first if tip is None else tip.number + 1) <= last:
            blocks, logs = await self._blocks(first, last)
            if tip is not None and blocks[0].header.parent != tip.hash:
                raise Reorganised(
                    f"block {tip.number} of {self._node.name} is no longer {tip.hash}"
                )
            seconds = {block.header.hash: block.header.seconds for block in blocks}
            events += [
                self._contracts[log.address].event(log, seconds[log.block_hash])
                for log in sorted(logs, key=lambda log: (log.block, log.index))
            ]
            tip = blocks[-1].header
        self.tip = tip
        return events

    async def _check(self, tip: Header) -> None:
        [now] = await self._node.headers([tip.number])
        if now.hash != tip.hash:
            raise Reorganised(
                f"block {tip.number} of {self._node.name} was {tip.hash} and is {now.hash} now, "
                f"deeper than {self._confirmations} confirmations"
            )

    async def _blocks(self, first: int, last: int) -> tuple[list[Bloomed], list[Log]]:
        """As many as one answer holds."""
        while True:
            end = min(last, first + self._range - 1)
            try:
                found = await self._range_of(first, end)
                self._range = min(self._most, self._range * 2)
                return found
            except AnswerTooLarge:
                if end == first:
                    raise
                self._range = max(1, (end - first + 1) // 2)

    async def _range_of(self, first: int, last: int) -> tuple[list[Bloomed], list[Log]]:
        numbers, addresses = range(first, last + 1), [*self._contracts]
        asked = {"fromBlock": hex(first), "toBlock": hex(last), "address": addresses}
        calls: list[Call] = [("eth_getBlockByNumber", [hex(n), False]) for n in numbers]
        raws = await self._node.batch([*calls, ("eth_getLogs", [asked])])
        blocks = [read_bloomed(raw) for raw in raws[:-1]]
        for number, block in zip(numbers, blocks, strict=True):
            if block.header.number != number:
                raise BadAnswer(f"{self._node.name} sent block {block.header.number}, not {number}")
        for one, following in zip(blocks, blocks[1:], strict=False):
            if following.header.parent != one.header.hash:
                raise BadAnswer(f"{self._node.name} changed its chain while it was read")
        logs = read_logs(raws[-1])
        logs += await self._left_out(blocks, logs)
        hashes = {block.header.number: block.header.hash for block in blocks}
        for log in logs:
            if log.address not in self._contracts or hashes.get(log.block) != log.block_hash:
                raise BadAnswer(f"{self._node.name} sent a log that was not asked for: {log}")
        return blocks, logs

    async def _left_out(self, blocks: Sequence[Bloomed], logs: Sequence[Log]) -> list[Log]:
        """Logs of contracts that a block may have and the answer had none of. A node that lags
        behind answers a range with nothing; asked for the block by its hash it refuses."""
        told = {(log.block_hash, log.address) for log in logs}
        calls: list[Call] = []
        for block in blocks:
            hash = block.header.hash
            lacking = [a for a in self._contracts if (hash, a) not in told and block.may_log(a)]
            if lacking:
                calls.append(("eth_getLogs", [{"blockHash": hash, "address": lacking}]))
        return [log for raw in await self._node.batch(calls) for log in read_logs(raw)]
