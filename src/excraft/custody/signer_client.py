"""The exchange's side of the signer: it asks, and checks what it gets."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec

from excraft.custody.errors import SignerAway, SignerRefused
from excraft.custody.signer.door import ask_with
from excraft.custody.signer.requests import Answer, Hello, Request


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
