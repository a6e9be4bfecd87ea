"""A chain that a test drives by hand, and a node in between that misbehaves."""

import asyncio
import json

from eth_utils import keccak

from excraft.chain import anvil
from excraft.chain.anvil import Anvil
from excraft.chain.node import Limits, Node

MNEMONIC = "test test test test test test test test test test test junk"
TOKEN = json.loads(anvil.TOKEN.read_text())
HONEST, TAKES_FEE, MOVES_NOTHING, HIDES_BALANCE, TELLS_TWICE, REENTERS = range(6)


class Chain:
    """Blocks are mined when the test says so."""

    def __init__(self, anvil: Anvil) -> None:
        self.anvil = anvil
        self.node = Node(anvil.url, anvil.chain_id, Limits(seconds=20.0))
        self.web3 = self.node.web3

    async def rich(self, number: int = 9) -> str:
        return (await self.web3.eth.accounts)[number]

    async def send(self, to: str, units: int) -> str:
        """The hash of a transaction that waits for the next block."""
        asked = {"from": await self.rich(), "to": to, "value": hex(units), "gas": hex(21_000)}
        return await self.ask("eth_sendTransaction", asked)

    async def mine(self, blocks: int = 1) -> None:
        await self.ask("anvil_mine", hex(blocks))

    async def reorganise(self, depth: int) -> None:
        """Other, empty blocks in the place of the last `depth`."""
        await self.ask("anvil_reorg", depth, [])

    async def raw(self, transaction: str) -> str:
        """A transaction as it was signed, to be sent again."""
        return await self.ask("eth_getRawTransactionByHash", transaction)

    async def deploy(self, fault: int, supply: int) -> "Token":
        contract = self.web3.eth.contract(abi=TOKEN["abi"], bytecode=TOKEN["bytecode"])
        made = contract.constructor(fault, supply)
        sent = await made.transact({"from": await self.rich(), "gas": 2_000_000})
        await self.mine()
        receipt = await self.web3.eth.get_transaction_receipt(sent)
        return Token(self, receipt["contractAddress"])

    async def ask(self, method: str, *params):
        [raw] = await self.node.batch([(method, [*params])])
        return json.loads(raw)


class Token:
    def __init__(self, chain: Chain, address: str) -> None:
        self.chain, self.address = chain, address.lower()
        self.contract = chain.web3.eth.contract(address, abi=TOKEN["abi"])

    async def send(self, to: str, units: int) -> None:
        await self._transact(self.contract.functions.transfer(to, units))

    async def send_twice(self, to: str, first: int, second: int) -> None:
        await self._transact(self.contract.functions.transferTwice(to, first, second))

    async def set_balance(self, owner: str, units: int) -> None:
        """Without any Transfer, as a hostile token may; the balances are its first mapping."""
        slot = "0x" + keccak(bytes(12) + bytes.fromhex(owner[2:]) + bytes(32)).hex()
        await self.chain.ask("anvil_setStorageAt", self.address, slot, f"0x{units:064x}")

    async def _transact(self, call) -> None:
        await call.transact({"from": await self.chain.rich(), "gas": 200_000})


class Proxy:
    """Between a client and a node: changes, delays or replaces what the node answers.

    `twist(body) -> body` sees each HTTP answer; `stall`: never answers; `raw`: sent as it is.
    """

    def __init__(self, target: str) -> None:
        self._port = int(target.rpartition(":")[2])
        self.twist, self.stall, self.raw = (lambda body: body), False, b""
        self.requests = 0

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        self._tasks: set[asyncio.Task] = set()
        return self

    async def __aexit__(self, *_) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader, writer) -> None:
        self._tasks.add(asyncio.current_task())
        try:
            _, body = await read_message(reader)
            self.requests += 1
            if self.stall:
                await asyncio.Event().wait()
            if self.raw:
                writer.write(self.raw)
                await writer.drain()
                return
            answer = self.twist(await self._forward(body))
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(answer)}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode() + answer)
            await writer.drain()
        finally:
            writer.close()

    async def _forward(self, body: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 24)
        head = (f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n")  # fmt: skip
        writer.write(head.encode() + body)
        try:
            return (await read_message(reader))[1]
        finally:
            writer.close()


async def read_message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """(head, body) of an HTTP message with a Content-Length."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = (line.partition(b":") for line in head.lower().split(b"\r\n"))
    length = next(int(value) for name, _, value in lines if name == b"content-length")
    return head, await reader.readexactly(length)


def twisted(change):
    """A twist that calls `change(results)` with the list of JSON-RPC answers."""

    def twist(body: bytes) -> bytes:
        answers = json.loads(body)
        change(answers)
        return json.dumps(answers).encode()

    return twist
