"""What a node tells about blocks, read strictly: whole numbers out of hex, hashes of 32 bytes."""

import re
from functools import cache, reduce
from operator import or_
from typing import NamedTuple

import msgspec
from eth_utils import keccak

from excraft.chain.errors import BadAnswer

# keccak("Transfer(address,address,uint256)")
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
_HASH = re.compile(r"0x[0-9a-f]{64}")
_ADDRESS = re.compile(r"0x[0-9a-f]{40}")
_WHOLE = re.compile(r"0x(0|[1-9a-f][0-9a-f]{0,63})")
_BLOOM = re.compile(r"0x([0-9a-f]{512})?")
_WORD = re.compile(r"0x[0-9a-f]{64}")
_BYTES = re.compile(r"0x([0-9a-f]{2})*")


class Header(NamedTuple):
    """`seconds`: when it was made, as the block says; 0 where nobody asked."""

    number: int
    hash: str
    parent: str
    seconds: int = 0


class Transfer(NamedTuple):
    """Native coin that a transaction wants to send; only its receipt says whether it did."""

    transaction: str
    source: str  # small letters, as all addresses here
    to: str
    units: int


class Block(NamedTuple):
    """`bloom`: of the logs in it, as Ethereum's header has it; 0 where a chain has none."""

    header: Header
    transfers: list[Transfer]
    bloom: int

    def may_log(self, token: str) -> bool:
        """Whether it may have a Transfer of that token: never wrong when it says no."""
        bits = bloom_bits(token) | bloom_bits(TRANSFER)
        return self.bloom & bits == bits


class TokenTransfer(NamedTuple):
    """An ERC-20 Transfer; `log` counts within the block, and so moves in a re-organisation."""

    block: int
    block_hash: str
    transaction: str
    log: int
    token: str
    source: str
    to: str
    units: int


class Log(NamedTuple):
    """What a contract said; `index` counts within the block. All hex in small letters."""

    block: int
    block_hash: str
    transaction: str
    index: int
    address: str
    topics: list[str]
    data: str


class Bloomed(NamedTuple):
    """A header, and the bloom filter of the logs in its block; 0 where a chain has none."""

    header: Header
    bloom: int

    def may_log(self, contract: str) -> bool:
        """Whether the contract may have said something in it: never wrong when it says no."""
        bits = bloom_bits(contract)
        return self.bloom & bits == bits


class Receipt(NamedTuple):
    transaction: str
    block_hash: str
    succeeded: bool
    first_log: int  # -1: it left no log


class _Header(msgspec.Struct):
    number: str
    hash: str
    parentHash: str
    timestamp: str


class _Sent(msgspec.Struct):
    hash: str
    value: str
    from_: str = msgspec.field(name="from")
    to: str | None = None


class _Bloomed(_Header):
    logsBloom: str = "0x"


class _Block(_Bloomed, kw_only=True):
    transactions: list[_Sent]


class _Log(msgspec.Struct):
    address: str
    topics: list[str]
    data: str
    blockNumber: str
    blockHash: str
    transactionHash: str
    logIndex: str
    removed: bool = False


class _Index(msgspec.Struct):
    logIndex: str


class _Receipt(msgspec.Struct):
    transactionHash: str
    blockHash: str
    status: str
    logs: list[_Index]


def whole(text: str) -> int:
    """The number of a JSON-RPC quantity such as 0x1a."""
    return int(_checked(_WHOLE, text, "a quantity"), 16)


def word(text: str) -> int:
    """The number in a word of 32 bytes, such as eth_call returns for balanceOf."""
    return int(_checked(_WORD, text, "a word of 32 bytes"), 16)


@cache
def bloom_bits(text: str) -> int:
    """The bits that an address or a topic sets in the bloom filter of its block."""
    hashed = keccak(hexstr=text)
    words = (int.from_bytes(hashed[at : at + 2]) for at in (0, 2, 4))
    return reduce(or_, (1 << (word & 2047) for word in words))


def read_header(raw: bytes) -> Header:
    return _header(_decoded(raw, _Header, "block"))


def read_block(raw: bytes) -> Block:
    block = _decoded(raw, _Block, "block")
    return Block(
        _header(block),
        [
            Transfer(_hash(sent.hash), _address(sent.from_), _address(sent.to), units)
            for sent in block.transactions
            if sent.to is not None and (units := whole(sent.value))
        ],
        _bloom(block),
    )


def read_bloomed(raw: bytes) -> Bloomed:
    block = _decoded(raw, _Bloomed, "block")
    return Bloomed(_header(block), _bloom(block))


def read_logs(raw: bytes) -> list[Log]:
    """Those that are in a block; the node must not send others."""
    found = _decoded(raw, list[_Log], "list of logs")
    if any(log.removed for log in found):
        raise BadAnswer("the node sent a log of a block that is no longer there")
    return [
        Log(
            whole(log.blockNumber), _hash(log.blockHash), _hash(log.transactionHash),
            whole(log.logIndex), _address(log.address),
            [_checked(_WORD, topic, "a topic") for topic in log.topics],
            _checked(_BYTES, log.data, "bytes"),
        )
        for log in found
    ]  # fmt: skip


def read_token_transfers(raw: bytes) -> list[TokenTransfer]:
    """Those that look as ERC-20 says: three topics and one word; others carry the topic too."""
    return [
        TokenTransfer(
            whole(log.blockNumber), _hash(log.blockHash), _hash(log.transactionHash),
            whole(log.logIndex), _address(log.address), _address_in(log.topics[1]),
            _address_in(log.topics[2]), word(log.data),
        )
        for log in _decoded(raw, list[_Log], "list of logs")
        if log.topics[:1] == [TRANSFER] and len(log.topics) == 3 and len(log.data) == 66
        and not log.removed
    ]  # fmt: skip


def read_receipt(raw: bytes) -> Receipt:
    receipt = _decoded(raw, _Receipt, "receipt")
    first = min((whole(log.logIndex) for log in receipt.logs), default=-1)
    return Receipt(
        _hash(receipt.transactionHash), _hash(receipt.blockHash), whole(receipt.status) == 1, first
    )


def _decoded(raw: bytes, kind, what: str):
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.DecodeError as error:
        raise BadAnswer(f"the node's answer is no {what}: {error}") from error


def _header(block: _Header) -> Header:
    return Header(
        whole(block.number), _hash(block.hash), _hash(block.parentHash), whole(block.timestamp)
    )


def _bloom(block: _Bloomed) -> int:
    return int(_checked(_BLOOM, block.logsBloom, "a bloom filter")[2:] or "0", 16)


def _hash(text: str) -> str:
    return _checked(_HASH, text, "a hash")


def _address(text: str) -> str:
    return _checked(_ADDRESS, text.lower(), "an address")


def _address_in(topic: str) -> str:
    """The address in the last 20 of 32 bytes; what is in the first 12 is no part of it."""
    return "0x" + _checked(_HASH, topic, "a topic")[-40:]


def _checked(form: re.Pattern, text: str, what: str) -> str:
    if not form.fullmatch(text):
        raise BadAnswer(f"the node sent {text[:80]!r} where {what} belongs")
    return text
