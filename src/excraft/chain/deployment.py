"""The exchange's contracts on one chain: deployed once, recorded in a file, found again.

The file is written after each contract, so that whoever is stopped in between goes on with the
next one. What is recorded must be there at each start, with the code that was recorded.
"""

import os
from pathlib import Path
from typing import NamedTuple

import msgspec
from eth_utils import is_checksum_address, keccak, to_checksum_address

from excraft.chain.contract import Contract
from excraft.chain.contracts import NAMES
from excraft.chain.errors import Lost
from excraft.chain.node import Node
from excraft.chain.wallet import Wallet

FILE = "contracts.json"


class Terms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is fixed for ever at deployment. Addresses in EIP-55; supply in units of 10^-18 EXT.

    holder    who gets the whole supply;   admin  who appoints operator and guardian
    operator  who posts rounds and days;   guardian  who may withdraw them within their window
    """

    holder: str
    admin: str
    operator: str
    guardian: str
    supply: int
    unstake_delay_s: int
    round_window_s: int
    reward_window_s: int

    def check(self) -> None:
        """Raises ValueError for an address without its capitals."""
        for name in ("holder", "admin", "operator", "guardian"):
            if not is_checksum_address(getattr(self, name)):
                said = getattr(self, name)
                raise ValueError(f"{name} {said[:60]!r} is no address with the capitals of EIP-55")


class Deployed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One contract, in small letters; `code_hash` is the keccak of the code on chain."""

    address: str
    transaction: str
    block: int
    code_hash: str


class Deployment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file says; `contracts` by name, less than all while deploying is not done."""

    chain: int
    terms: Terms
    contracts: dict[str, Deployed] = {}

    @property
    def whole(self) -> bool:
        return all(name in self.contracts for name in NAMES)

    @property
    def first_block(self) -> int:
        """No contract said anything before this block."""
        return min(each.block for each in self.contracts.values())


class Contracts(NamedTuple):
    """All that were deployed, ready to be called."""

    token: Contract
    vault: Contract
    rounds: Contract
    rewards: Contract


def read(path: Path) -> Deployment | None:
    """None when there is no file; raises ValueError for one that cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Deployment)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as wrong:
        raise ValueError(f"{path}: {wrong}") from wrong


def contracts_of(node: Node, deployment: Deployment) -> Contracts:
    """Raises ValueError while not all are deployed."""
    missing = [name for name in NAMES if name not in deployment.contracts]
    if missing:
        raise ValueError(f"not deployed yet: {', '.join(missing)}; deploy again to go on")
    return Contracts(*(Contract(node, name, deployment.contracts[name].address) for name in NAMES))


async def deploy(wallet: Wallet, terms: Terms, path: Path) -> Deployment:
    """Deploy what the file does not name yet; raises Lost when what it names is not there,
    ValueError when it was made for other terms or another chain, and ChainError."""
    terms.check()
    found = read(path) or Deployment(wallet.node.chain_id, terms)
    if (found.chain, found.terms) != (wallet.node.chain_id, terms):
        raise ValueError(
            f"{path} names contracts of chain {found.chain} with other terms: {found.terms}; "
            f"what is deployed cannot be changed"
        )
    await check(wallet.node, found)
    for name in NAMES[len(found.contracts) :]:
        address, transaction, mined = await wallet.deploy(name, *_arguments(name, found))
        code = await _code(wallet.node, address)
        made = Deployed(address, transaction, mined.block, _hash(code))
        found = msgspec.structs.replace(found, contracts={**found.contracts, name: made})
        _write(path, found)
    return found


async def check(node: Node, deployment: Deployment) -> None:
    """Raises Lost unless each recorded contract is there with the code that was recorded."""
    if deployment.chain != node.chain_id:
        raise Lost(f"the contracts are on chain {deployment.chain}, not on {node.chain_id}")
    for name, each in deployment.contracts.items():
        code = await _code(node, each.address)
        if not code:
            raise Lost(
                f"{name} is not at {each.address} of chain {node.chain_id}, where it was deployed "
                f"in block {each.block}: the chain was wiped, or it is another one"
            )
        if _hash(code) != each.code_hash:
            raise Lost(f"{name} at {each.address} has other code than was deployed there")


def _arguments(name: str, found: Deployment) -> list:
    terms = found.terms
    roles = [terms.admin, terms.operator, terms.guardian]
    if name == "ExtToken":
        return [terms.holder, terms.supply]
    token = to_checksum_address(found.contracts["ExtToken"].address)
    return {
        "StakeVault": [token, terms.unstake_delay_s],
        "Rounds": [*roles, terms.round_window_s],
        "RewardDistributor": [token, *roles, terms.reward_window_s],
    }[name]


async def _code(node: Node, address: str) -> bytes:
    [raw] = await node.batch([("eth_getCode", [address, "latest"])])
    return bytes.fromhex(msgspec.json.decode(raw, type=str).removeprefix("0x"))


def _hash(code: bytes) -> str:
    return "0x" + keccak(code).hex()


def _write(path: Path, deployment: Deployment) -> None:
    partial = path.with_suffix(".partial")
    with partial.open("wb") as out:
        out.write(msgspec.json.format(msgspec.json.encode(deployment), indent=1))
        out.flush()
        os.fsync(out.fileno())
    partial.rename(path)
