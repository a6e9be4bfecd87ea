"""The exchange's side of the signer: it asks, and checks what it gets."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

import msgspec

from excraft.custody.errors import SignerAway, SignerRefused
from excraft.custody.signer.address import address_of
from excraft.custody.signer.requests import Answer, Hello, Request

ANSWER_S = 20.0  # for each part of an answer; the signer itself may need some seconds


class SignerClient:
    """Asks one request at a time; `failure` says why the last one was not answered."""

    def __init__(self, socket: Path, ask: Callable[[Request], Answer] | None = None) -> None:
        self.failure = ""
        self._socket = socket
        self._ask = ask or ask_with(socket)
        self._lock = asyncio.Lock()

    async def ask(self, request: Request) -> Answer:
        """Raises SignerRefused with its reason, SignerAway when it does not answer."""
        async with self._lock:
            try:
                answer = await asyncio.to_thread(self._ask, request)
            except (OSError, msgspec.DecodeError) as error:
                self.failure = f"the signer at {self._socket} does not answer: {error}"
                raise SignerAway(self.failure) from error
        self.failure = ""
        if answer.refused:
            raise SignerRefused(answer.refused)
        return answer

    async def hello(self) -> Answer:
        """Its wallets and its xpub; raises SignerAway."""
        return await self.ask(Hello())


def ask_with(path: Path) -> Callable[[Request], Answer]:
    """What asks the signer behind a socket, blocking; raises OSError when nobody answers."""

    def ask(request: Request) -> Answer:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(ANSWER_S)
            with address_of(path) as address:
                connection.connect(address)
            connection.sendall(msgspec.json.encode(request) + b"\n")
            answer = bytearray()
            while part := connection.recv(65536):
                answer += part
                if len(answer) > 1 << 20:
                    raise ConnectionError("the signer's answer has no end")
        if not answer.endswith(b"\n"):
            raise ConnectionError("the signer went away before its answer was whole")
        return msgspec.json.decode(answer, type=Answer)

    return ask
