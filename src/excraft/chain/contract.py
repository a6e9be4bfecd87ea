"""One deployed contract, called by its ABI; when it refuses, it is said in words why."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

from eth_abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils import keccak
from web3.exceptions import BadFunctionCallOutput

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
        checksummed = node.web3.to_checksum_address(address)
        self._contract = node.web3.eth.contract(checksummed, abi=artifact(name).abi)

    def data(self, function: str, *arguments: Any) -> str:
        """The bytes that call it, as 0x and hex."""
        return self._contract.encode_abi(function, args=list(arguments))

    async def ask(self, function: str, *arguments: Any, block: int | str = "latest") -> Any:
        """What a view answers after that block; raises ContractRefused, with NOT_THERE for a block
        before the contract."""
        call = self._contract.get_function_by_name(function)(*arguments)
        try:
            return await call.call(block_identifier=block)
        except NodeRefused as refused:
            raise explained(refused, f"{self.name}.{function}") from refused
        except BadFunctionCallOutput as nothing:
            where = f"{self.name} is not at {self.address} in block {block}"
            raise ContractRefused(where, NOT_THERE) from nothing

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


def _fields(inputs: Iterable[Mapping[str, Any]], data: bytes) -> dict[str, Any]:
    inputs = list(inputs)
    try:
        values = decode([each["type"] for each in inputs], data)
    except (DecodingError, ValueError) as wrong:  # the latter: a text that is none
        raise BadAnswer(f"the node sent {data[:80].hex()}, which is not {inputs}") from wrong
    return {each["name"]: value for each, value in zip(inputs, values, strict=True)}


def _signature(entry: Mapping[str, Any]) -> str:
    return f"{entry['name']}({','.join(each['type'] for each in entry['inputs'])})"


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
