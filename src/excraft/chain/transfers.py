"""What a transaction of ours is made of and what became of it: fees, nonces, receipts."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from excraft.chain.blocks import TRANSFER, TokenTransfer, whole, word
from excraft.chain.errors import BadAnswer, NodeRefused
from excraft.chain.node import BALANCE_OF, Node

TRANSFER_CALL = "a9059cbb"  # first bytes of keccak("transfer(address,uint256)")


class Fees(NamedTuple):
    """Wei for one gas: what the last block asked, and what makers of blocks get now."""

    base: int
    tip: int


class Price(NamedTuple):
    """Gas of a transaction and what is offered for it, in wei for one gas."""

    gas: int
    fee_max: int
    tip: int


class Mined(NamedTuple):
    """A transaction in a block. `moved`: what its logs say of tokens."""

    block: int
    block_hash: str
    succeeded: bool
    gas_paid: int  # wei, with what the chain below it asks
    moved: list[TokenTransfer]


class _Log(msgspec.Struct):
    address: str
    topics: list[str]
    data: str


class _Receipt(msgspec.Struct):
    transactionHash: str
    blockNumber: str
    blockHash: str
    status: str
    gasUsed: str
    effectiveGasPrice: str
    logs: list[_Log]
    l1Fee: str | None = None  # of OP-stack chains: what the data costs on the chain below


class _Base(msgspec.Struct):
    baseFeePerGas: str = "0x0"


def transfer_data(to: str, units: int) -> bytes:
    """Call data of the ERC-20 function `transfer`."""
    return bytes.fromhex(f"{TRANSFER_CALL}{to[2:].lower():0>64}{units:064x}")


async def fees(node: Node) -> Fees:
    """What a transaction pays at the moment; one call."""
    block, tip = await node.batch(
        [("eth_getBlockByNumber", ["latest", False]), ("eth_maxPriorityFeePerGas", [])]
    )
    return Fees(whole(_read(block, _Base).baseFeePerGas), whole(_read(tip, str)))


async def nonce(node: Node, address: str, block: str = "latest") -> int:
    """How many transactions of the address are mined."""
    [raw] = await node.batch([("eth_getTransactionCount", [address, block])])
    return whole(_read(raw, str))


async def balances(node: Node, asked: Sequence[tuple[str, str | None]]) -> list[int]:
    """Units of each (address, token; None the coin) in the newest block; one call."""
    calls = [
        ("eth_getBalance", [owner, "latest"])
        if token is None
        else ("eth_call", [{"to": token, "data": f"{BALANCE_OF}{owner[2:].lower():0>64}"},
                           "latest"])
        for owner, token in asked
    ]  # fmt: skip
    raws = await node.batch(calls)
    return [
        whole(_read(raw, str)) if token is None else word(_read(raw, str))
        for raw, (_, token) in zip(raws, asked, strict=True)
    ]


async def trial(
    node: Node, source: str, to: str, token: str | None, units: int, price: Price
) -> tuple[int, str]:
    """(gas it would take, why it would fail); one call. The reason is empty when it would not.

    `price`: the most gas, and what is offered for it, as in the transaction: a contract can look at
    it, and do in the chain what it did not do in a trial for nothing. The sender must have it all.
    A token may answer false instead of failing, or nothing at all, which counts as done.
    """
    call = {"from": source, "to": to, "value": hex(units)}
    if token is not None:
        call = {"from": source, "to": token, "data": "0x" + transfer_data(to, units).hex()}
    call |= {"gas": hex(price.gas), "maxFeePerGas": hex(price.fee_max),
             "maxPriorityFeePerGas": hex(price.tip)}  # fmt: skip
    try:
        told, gas = await node.batch([("eth_call", [call, "latest"]), ("eth_estimateGas", [call])])
    except NodeRefused as refused:
        said = str(refused).lower()
        if "revert" in said or "invalid opcode" in said:
            return 0, str(refused)
        if any(much in said for much in ("out of gas", "outofgas", "exceeds allowance")):
            return 0, f"it takes more than {price.gas} gas"
        raise
    said = _read(told, str)
    if token is not None and said != "0x" and (len(said) < 66 or int(said[2:66], 16) != 1):
        return 0, f"the token's transfer answers {said[:70]}, which is not true"
    return whole(_read(gas, str)), ""


async def send(node: Node, raw: str, hash: str) -> None:
    """Broadcast a signed transaction; one that the node has already is no failure."""
    try:
        [told] = await node.batch([("eth_sendRawTransaction", [raw])])
    except NodeRefused as refused:
        said = str(refused).lower()
        if any(known in said for known in ("already known", "already imported", "nonce too low")):
            return
        raise
    if _read(told, str) != hash:
        raise BadAnswer(f"{node.name} took {hash} and calls it {_read(told, str)}")


async def mined(node: Node, hashes: Sequence[str]) -> dict[str, Mined]:
    """Those that are in a block, by hash; one call."""
    raws = await node.batch([("eth_getTransactionReceipt", [hash]) for hash in hashes])
    found = {}
    for asked, raw in zip(hashes, raws, strict=True):
        if raw.strip() == b"null":
            continue
        receipt = _read(raw, _Receipt)
        if receipt.transactionHash != asked:
            raise BadAnswer(f"{node.name} sent another receipt than that of {asked}")
        found[asked] = _mined(receipt)
    return found


def _mined(receipt: _Receipt) -> Mined:
    block = whole(receipt.blockNumber)
    moved = [
        TokenTransfer(
            block, receipt.blockHash, receipt.transactionHash, place, log.address.lower(),
            "0x" + log.topics[1][-40:], "0x" + log.topics[2][-40:], word(log.data),
        )
        for place, log in enumerate(receipt.logs)
        if log.topics[:1] == [TRANSFER] and len(log.topics) == 3 and len(log.data) == 66
    ]  # fmt: skip
    paid = whole(receipt.gasUsed) * whole(receipt.effectiveGasPrice) + whole(receipt.l1Fee or "0x0")
    return Mined(block, receipt.blockHash, whole(receipt.status) == 1, paid, moved)


def _read(raw: bytes, kind):
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.DecodeError as error:
        raise BadAnswer(f"the node sent {raw[:80]!r}: {error}") from error
