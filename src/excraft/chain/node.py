"""One EVM node over JSON-RPC: every call proves the chain id, is bounded in time and in bytes."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
import msgspec

from excraft.chain.blocks import (
    TRANSFER,
    Block,
    Header,
    Receipt,
    TokenTransfer,
    read_block,
    read_header,
    read_receipt,
    read_token_transfers,
    whole,
    word,
)
from excraft.chain.errors import AnswerTooLarge, BadAnswer, NodeRefused, Unreachable, WrongChain

if TYPE_CHECKING:
    from web3 import AsyncWeb3

BALANCE_OF = "0x70a08231"  # first bytes of keccak("balanceOf(address)")
# Asking these twice changes nothing; everything else is sent once.
READS = frozenset(
    {
        "eth_blockNumber", "eth_call", "eth_chainId", "eth_estimateGas", "eth_feeHistory",
        "eth_gasPrice", "eth_getBalance", "eth_getBlockByHash", "eth_getBlockByNumber",
        "eth_getCode", "eth_getLogs", "eth_getTransactionByHash", "eth_getTransactionCount",
        "eth_getTransactionReceipt", "eth_maxPriorityFeePerGas",
    }
)  # fmt: skip
Call = tuple[str, list]


@dataclass(frozen=True, slots=True)
class Limits:
    seconds: float = 10.0  # of one call, all in all
    answer_bytes: int = 32 << 20
    attempts: int = 3  # of a read that was not answered
    backoff_seconds: float = 0.25  # before the second attempt; doubles


class _Fault(msgspec.Struct):
    message: str = ""
    data: Any = None  # of a contract that reverted: a text of hex


class _Reply(msgspec.Struct):
    id: int | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: _Fault | None = None


class Node:
    """Of one event loop. `calls` counts HTTP requests; close it with `await node.close()`."""

    def __init__(
        self, url: str, chain_id: int, limits: Limits | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:  # fmt: skip
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("a node's address begins with http:// or https:// and names a host")
        self.name = f"{parts.hostname}:{parts.port or parts.scheme}"  # never the key in its path
        self.chain_id, self.limits, self.calls = chain_id, limits or Limits(), 0
        self._url, self._sleep = url, sleep
        self._session: aiohttp.ClientSession | None = None

    @cached_property
    def web3(self) -> "AsyncWeb3":
        """web3.py on top of this node: its calls are bounded and checked like all others."""
        from excraft.chain.on_web3 import web3_of  # a second to import, and hardly ever needed

        return web3_of(self)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    # what is asked

    async def head(self) -> Header:
        """The newest block that the node has."""
        [raw] = await self.batch([("eth_getBlockByNumber", ["latest", False])])
        return read_header(raw)

    async def headers(self, numbers: Sequence[int]) -> list[Header]:
        """One call; raises BadAnswer when the node has not all of them."""
        calls = [("eth_getBlockByNumber", [hex(n), False]) for n in numbers]
        found = [read_header(raw) for raw in await self.batch(calls)]
        self._in_order(found, numbers)
        return found

    async def blocks(
        self, first: int, last: int, tokens: Sequence[str]
    ) -> tuple[list[Block], list[TokenTransfer]]:
        """Blocks `first` to `last` with their transfers of coin, and those of `tokens`; one call,
        and one more when the node may have left logs out.

        Each block is the parent of the next and each log is of one of them, or BadAnswer.
        """
        numbers = range(first, last + 1)
        calls: list[Call] = [("eth_getBlockByNumber", [hex(n), True]) for n in numbers]
        if tokens:
            asked = {"fromBlock": hex(first), "toBlock": hex(last), "address": list(tokens),
                     "topics": [TRANSFER]}  # fmt: skip
            calls.append(("eth_getLogs", [asked]))
        raws = await self.batch(calls)
        blocks = [read_block(raw) for raw in raws[: len(numbers)]]
        self._in_order([block.header for block in blocks], numbers)
        hashes = {block.header.number: block.header.hash for block in blocks}
        for one, next_one in zip(blocks, blocks[1:], strict=False):
            if next_one.header.parent != one.header.hash:
                raise BadAnswer(f"{self.name}: the chain changed while blocks {first} to {last}"
                                f" were read; they are read again")  # fmt: skip
        logs = read_token_transfers(raws[-1]) if tokens else []
        logs += await self._left_out(blocks, logs, tokens)
        allowed = {token.lower() for token in tokens}
        for log in logs:
            if hashes.get(log.block) != log.block_hash or log.token not in allowed:
                raise BadAnswer(f"{self.name} sent a log of {log.token} in block {log.block} "
                                f"that was not asked for")  # fmt: skip
        return blocks, logs

    async def _left_out(
        self, blocks: Sequence[Block], logs: Sequence[TokenTransfer], tokens: Sequence[str]
    ) -> list[TokenTransfer]:
        """Logs of the tokens of which a block may have some and the answer had none. A node that
        lags behind answers a range with nothing; asked for the block by its hash it refuses."""
        told = {(log.block_hash, log.token) for log in logs}
        calls: list[Call] = []
        for block in blocks:
            hash = block.header.hash
            lacking = [t for t in tokens if (hash, t.lower()) not in told and block.may_log(t)]
            if lacking:
                asked = {"blockHash": hash, "address": lacking, "topics": [TRANSFER]}
                calls.append(("eth_getLogs", [asked]))
        return [log for raw in await self.batch(calls) for log in read_token_transfers(raw)]

    async def receipts(self, transactions: Sequence[str]) -> list[Receipt]:
        """One call; raises BadAnswer when one is missing or of another transaction."""
        calls = [("eth_getTransactionReceipt", [hash]) for hash in transactions]
        found = [read_receipt(raw) for raw in await self.batch(calls)]
        for receipt, asked in zip(found, transactions, strict=True):
            if receipt.transaction != asked:
                raise BadAnswer(f"{self.name} sent another receipt than that of {asked}")
        return found

    async def balances(self, owners: Sequence[str], block: str) -> list[int]:
        """Coin of each address after the block with that hash; one call."""
        calls = [("eth_getBalance", [owner, {"blockHash": block}]) for owner in owners]
        return [whole(_text(raw)) for raw in await self.batch(calls)]

    async def token_balances(self, asked: Sequence[tuple[str, str, str]]) -> list[int | None]:
        """Of each (token, owner, block hash), after that block; one call. None: the contract
        failed or sent no number; whatever else the node refuses is raised."""
        calls = [
            ("eth_call", [{"to": token, "data": f"{BALANCE_OF}{owner[2:].lower():0>64}"},
                          {"blockHash": block}])
            for token, owner, block in asked
        ]  # fmt: skip
        return [_balance(result) for result in await self._results(calls)]

    async def call_contracts(
        self, asked: Sequence[tuple[str, str, str]], gas: int
    ) -> list[bytes | None]:
        """What each (contract, data, block hash) gives with so much gas, after that block; one
        call. None: it failed, or sent no bytes; whatever else the node refuses is raised."""
        calls = [
            ("eth_call", [{"to": to, "data": data, "gas": hex(gas)}, {"blockHash": block}])
            for to, data, block in asked
        ]
        return [_bytes(result) for result in await self._results(calls)]

    def _in_order(self, headers: Sequence[Header], numbers: Sequence[int]) -> None:
        for header, number in zip(headers, numbers, strict=True):
            if header.number != number:
                raise BadAnswer(f"{self.name} sent block {header.number} instead of {number}")

    # how it is asked

    async def batch(self, calls: Sequence[Call]) -> list[bytes]:
        """The JSON of each result, in order, from one request; the chain id is checked with it."""
        results = await self._results(calls)
        for result in results:
            if isinstance(result, NodeRefused):
                raise result
        return results

    async def _results(self, calls: Sequence[Call]) -> list[bytes | NodeRefused]:
        if not calls:
            return []
        asked: list[Call] = [("eth_chainId", []), *calls]
        body = msgspec.json.encode(
            [
                {"jsonrpc": "2.0", "id": i, "method": method, "params": params}
                for i, (method, params) in enumerate(asked)
            ]
        )
        reads = all(method in READS for method, _ in asked)
        replies = self._replies(await self._answer(body, self.limits.attempts if reads else 1))
        if sorted(reply.id for reply in replies if reply.id is not None) != [*range(len(asked))]:
            raise BadAnswer(f"{self.name} sent {len(replies)} answers to {len(asked)} questions")
        results: list[bytes | NodeRefused] = [b""] * len(asked)
        for reply in replies:
            results[reply.id] = (
                bytes(reply.result)
                if reply.error is None
                else NodeRefused(
                    f"{self.name} refused {asked[reply.id][0]}: {reply.error.message[:200]!r}",
                    reply.error.data if isinstance(reply.error.data, str) else "",
                )
            )
        if isinstance(results[0], NodeRefused):
            raise results[0]
        served = whole(_text(results[0]))
        if served != self.chain_id:
            raise WrongChain(f"{self.name} serves chain {served}, not {self.chain_id}")
        return results[1:]

    def _replies(self, answer: bytes) -> list[_Reply]:
        try:
            replies = msgspec.json.decode(answer, type=list[_Reply] | _Reply)
        except msgspec.DecodeError as error:
            raise BadAnswer(f"{self.name} sent what is no JSON-RPC: {error}") from error
        if isinstance(replies, _Reply):
            said = replies.error.message[:200] if replies.error else "one answer to many questions"
            raise NodeRefused(f"{self.name} refused the batch: {said!r}")
        return replies

    async def _answer(self, body: bytes, attempts: int) -> bytes:
        wait = self.limits.backoff_seconds
        for left in reversed(range(attempts)):
            try:
                return await self._post(body)
            except Unreachable:
                if not left:
                    raise
            await self._sleep(wait)
            wait *= 2
        raise AssertionError("at least one attempt")

    async def _post(self, body: bytes) -> bytes:
        if self._session is None:
            # Plain bytes only: a small packed answer could be a very large one.
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self.limits.seconds), auto_decompress=False,
                headers={"Content-Type": "application/json", "Accept-Encoding": "identity"},
                cookie_jar=aiohttp.DummyCookieJar(),
            )  # fmt: skip
        self.calls += 1
        try:
            async with self._session.post(self._url, data=body, allow_redirects=False) as response:
                if response.status != 200:
                    raise Unreachable(f"{self.name} answers with HTTP {response.status}")
                return await self._read(response.content)
        except TimeoutError as error:
            raise Unreachable(f"{self.name} is slower than {self.limits.seconds} s") from error
        except aiohttp.ClientError as error:
            raise Unreachable(f"{self.name} is not reached: {type(error).__name__}") from error

    async def _read(self, content: aiohttp.StreamReader) -> bytes:
        answer = bytearray()
        async for chunk in content.iter_any():
            answer += chunk
            if len(answer) > self.limits.answer_bytes:
                raise AnswerTooLarge(
                    f"{self.name} sent more than {self.limits.answer_bytes} bytes at once"
                )
        return bytes(answer)


def _failed(result: bytes | NodeRefused) -> bool:
    """Whether the contract did; raises what else the node refused."""
    if not isinstance(result, NodeRefused):
        return False
    said = str(result).lower()
    if any(why in said for why in ("revert", "out of gas", "outofgas", "invalid opcode")):
        return True
    raise result


def _bytes(result: bytes | NodeRefused) -> bytes | None:
    if _failed(result):
        return None
    try:
        return bytes.fromhex(_text(result).removeprefix("0x"))
    except (BadAnswer, ValueError):
        return None


def _balance(result: bytes | NodeRefused) -> int | None:
    if _failed(result):
        return None
    try:
        return word(_text(result))
    except BadAnswer:
        return None


def _text(raw: bytes) -> str:
    try:
        return msgspec.json.decode(raw, type=str)
    except msgspec.DecodeError as error:
        raise BadAnswer(f"the node sent {raw[:80]!r} where a text belongs") from error
