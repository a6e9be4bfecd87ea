"""One signed connection to the WebSocket API, shared by many members: what a bot needs, no more."""

import asyncio
import hmac
import itertools
import json
import time
from hashlib import sha256
from typing import Any

from websockets.asyncio.client import ClientConnection, connect


class ApiError(Exception):
    """The exchange answered with an error."""

    def __init__(self, code: int, text: str):
        super().__init__(f"{code} {text}")
        self.code = code


class Connection:
    """Requests and answers by number. `run` must be going while `call` is used."""

    def __init__(self, socket: ClientConnection):
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future] = {}

    @classmethod
    async def open(cls, url: str) -> "Connection":
        """Connect to ws://HOST:PORT/ws-api/v3."""
        return cls(await connect(url, max_queue=1024))

    async def run(self) -> None:
        """Hand out the answers until the exchange closes the connection."""
        try:
            async for text in self._socket:
                answer = json.loads(text)
                waiting = self._waiting.pop(answer.get("id"), None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(answer)
        finally:
            for waiting in self._waiting.values():
                waiting.cancel()

    async def call(self, method: str, member: dict[str, str], **params: Any) -> Any:
        """The result of one signed request; raises ApiError."""
        params |= {"apiKey": member["api_key"], "timestamp": time.time_ns() // 1_000_000}
        payload = "&".join(f"{k}={v}" for k, v in sorted(params.items()))
        secret = member["secret"].encode()
        params["signature"] = hmac.new(secret, payload.encode(), sha256).hexdigest()
        number = next(self._numbers)
        self._waiting[number] = answer = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        reply = await answer
        if reply["status"] != 200:
            raise ApiError(reply["error"]["code"], reply["error"]["msg"])
        return reply["result"]

    async def close(self) -> None:
        await self._socket.close()
