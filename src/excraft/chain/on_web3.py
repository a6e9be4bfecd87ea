"""web3.py on top of a Node."""

from typing import TYPE_CHECKING, Any

import msgspec
from web3 import AsyncWeb3
from web3.providers.async_base import AsyncBaseProvider

from excraft.chain import ethereum  # noqa: F401  web3 brings what it mends

if TYPE_CHECKING:
    from excraft.chain.node import Node


class _Provider(AsyncBaseProvider):
    """Sends what web3.py asks through a Node."""

    def __init__(self, node: "Node") -> None:
        super().__init__()
        self._node = node

    async def make_request(self, method: str, params: Any) -> dict:
        [raw] = await self._node.batch([(method, list(params))])
        return {"jsonrpc": "2.0", "id": 0, "result": msgspec.json.decode(raw)}


def web3_of(node: "Node") -> AsyncWeb3:
    """Its calls are bounded and checked like all others of the node."""
    return AsyncWeb3(_Provider(node))
