"""One deployed contract, called by its ABI; when it refuses, it is said in words why."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import msgspec
from eth_abi import decode, encode
from eth_abi.exceptions import DecodingError, EncodingError
from eth_utils import keccak

from excraft.chain.blocks import Log
from excraft.chain.contracts import NAMES, artifact
from excraft.chain.errors import BadAnswer, ContractRefused, NodeRefused
from excraft.chain.node import Node

NOT_THERE = "NotThere"  # in the place of an error's name


class Event(NamedTuple):
    """What a contract said, in words; `seconds` is the time of its block."""

    contract: str
    name: str
    fields: Mapping[str, Any]  # addresses in small letters
    log: Log
    seconds: int


class Contract:
    """`name` is one of contracts.NAMES; `address` in small letters."""

    def __init__(self, node: Node, name: str, address: str) -> None:
        self.node, self.name, self.address = node, name, address.lower()

    def data(self, function: str, *arguments: Any) -> str:
        """The bytes that call it, as 0x and hex. Raises ValueError for what does not fit."""
        entry = _functions(self.name)[function]
        selector = keccak(text=_signature(entry))[:4]
        return "0x" + (selector + _encoded(entry["inputs"], arguments)).hex()

    async def ask(self, function: str, *arguments: Any, block: int | str = "latest") -> Any:
        """What a view answers after that block; raises ContractRefused, with NOT_THERE for a block
        before the contract."""
        [answer] = await ask_all(self.node, [View(self, function, arguments)], block)
        return answer

    def event(self, log: Log, seconds: int) -> Event:
        """Raises BadAnswer for a log that this contract cannot have made."""
        known = _events(self.name).get(log.topics[0] if log.topics else "")
        if known is None or log.address != self.address:
            raise BadAnswer(f"{self.node.name} sent a log that is none of {self.name}: {log}")
        indexed = [each for each in known["inputs"] if each["indexed"]]
        plain = [each for each in known["inputs"] if not each["indexed"]]
        if len(log.topics) != len(indexed) + 1:
            raise BadAnswer(f"{self.node.name} sent a {known['name']} with too few topics: {log}")
        words = b"".join(bytes.fromhex(topic[2:]) for topic in log.topics[1:])
        fields = _fields(indexed, words) | _fields(plain, bytes.fromhex(log.data[2:]))
        return Event(self.name, known["name"], fields, log, seconds)


class View(NamedTuple):
    """A question to a contract."""

    contract: Contract
    function: str
    arguments: tuple = ()


async def ask_all(node: Node, views: Sequence[View], block: int | str = "latest") -> list[Any]:
    """All answers after one block, with one call; raises as Contract.ask does."""
    at = hex(block) if isinstance(block, int) else block
    calls = [{"to": v.contract.address, "data": v.contract.data(v.function, *v.arguments)}
             for v in views]  # fmt: skip
    what = ", ".join(dict.fromkeys(f"{v.contract.name}.{v.function}" for v in views))
    try:
        raws = await node.batch([("eth_call", [call, at]) for call in calls])
    except NodeRefused as refused:
        raise explained(refused, what) from refused
    return [_answer(view, raw, block) for view, raw in zip(views, raws, strict=True)]


def _answer(view: View, raw: bytes, block: int | str) -> Any:
    contract = view.contract
    try:
        told = bytes.fromhex(msgspec.json.decode(raw, type=str).removeprefix("0x"))
    except ValueError as wrong:  # msgspec's is one
        raise BadAnswer(f"{contract.node.name} sent {raw[:80]!r} for {view.function}") from wrong
    if not told:
        where = f"{contract.name} is not at {contract.address} in block {block}"
        raise ContractRefused(where, NOT_THERE)
    values = _decoded(_functions(contract.name)[view.function]["outputs"], told)
    return values[0] if len(values) == 1 else values


def deployment_data(name: str, arguments: Sequence[Any]) -> str:
    """The bytes that make a contract, as 0x and hex."""
    [constructor] = [each for each in artifact(name).abi if each["type"] == "constructor"]
    return artifact(name).bytecode + _encoded(constructor["inputs"], arguments).hex()


def explained(refused: NodeRefused, what: str) -> ContractRefused:
    """The refusal of a contract in its own words; raises what else the node refused."""
    known = _errors().get(refused.data[:10])
    if known is None:
        if not refused.data and "revert" not in str(refused).lower():
            raise refused
        return ContractRefused(f"{what} was refused: {refused}")
    fields = _fields(known["inputs"], bytes.fromhex(refused.data[10:]))
    said = ", ".join(f"{name} {_shown(value)}" for name, value in fields.items())
    return ContractRefused(f"{what} was refused: {known['name']}({said})", known["name"])


def _shown(value: Any) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)


def _fields(inputs: Sequence[Mapping[str, Any]], data: bytes) -> dict[str, Any]:
    values = _decoded(inputs, data)
    return {each["name"]: value for each, value in zip(inputs, values, strict=True)}


def _decoded(entries: Sequence[Mapping[str, Any]], data: bytes) -> tuple:
    types = [_type(each) for each in entries]
    try:
        return decode(types, data)
    except (DecodingError, ValueError) as wrong:  # the latter: a text that is none
        raise BadAnswer(f"the node sent {data[:80].hex()!r}, which is not {types}") from wrong


def _encoded(entries: Sequence[Mapping[str, Any]], arguments: Sequence[Any]) -> bytes:
    types = [_type(each) for each in entries]
    try:
        return encode(types, arguments)
    except EncodingError as wrong:
        raise ValueError(f"{arguments} do not fit {types}: {wrong}") from wrong


def _type(entry: Mapping[str, Any]) -> str:
    """As a signature has it: a struct is its parts in brackets."""
    if not entry["type"].startswith("tuple"):
        return entry["type"]
    parts = ",".join(_type(each) for each in entry["components"])
    return f"({parts}){entry['type'].removeprefix('tuple')}"


def _signature(entry: Mapping[str, Any]) -> str:
    return f"{entry['name']}({','.join(_type(each) for each in entry['inputs'])})"


@cache
def _functions(name: str) -> dict[str, Mapping[str, Any]]:
    """Of a contract by name; none of ours has two of one name."""
    return {entry["name"]: entry for entry in artifact(name).abi if entry["type"] == "function"}


@cache
def _events(name: str) -> dict[str, Mapping[str, Any]]:
    """The events of a contract by their first topic."""
    return {
        "0x" + keccak(text=_signature(entry)).hex(): entry
        for entry in artifact(name).abi
        if entry["type"] == "event"
    }


@cache
def _errors() -> dict[str, Mapping[str, Any]]:
    """The errors of all contracts by selector: one calls the other."""
    return {
        "0x" + keccak(text=_signature(entry))[:4].hex(): entry
        for name in NAMES
        for entry in artifact(name).abi
        if entry["type"] == "error"
    }
