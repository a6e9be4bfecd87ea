"""Ask the exchange: through its control socket when it runs, else by opening the data folder."""

import asyncio
import http.client
import json
import socket
from pathlib import Path
from typing import Any

from excraft.cli.exits import Exit, Failure
from excraft.cli.folder import Folder
from excraft.custody.signer.address import address_of

ANSWER_WITHIN_S = 60


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path):
        super().__init__("localhost", timeout=ANSWER_WITHIN_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        try:
            with address_of(self._path) as address:
                self.sock.connect(address)
        except OSError:
            self.sock.close()
            raise


def running(folder: Folder) -> bool:
    """Whether an exchange answers on this folder's control socket."""
    connection = _Connection(folder.control)
    try:
        connection.connect()
    except OSError:
        return False
    connection.close()
    return True


def ask(data: Path, operation: str, **arguments: Any) -> Any:
    """The answer to one operation of `gateway/admin.py`; Failure when it is refused."""
    folder = Folder(data)
    if running(folder):
        return _over_socket(folder, operation, arguments)
    return asyncio.run(_by_ourselves(Folder.make(data), operation, arguments))


def _over_socket(folder: Folder, operation: str, arguments: dict) -> Any:
    connection = _Connection(folder.control)
    try:
        connection.request(
            "POST", f"/admin/{operation}", json.dumps(arguments),
            {"Content-Type": "application/json"},
        )  # fmt: skip
        response = connection.getresponse()
        answer = json.loads(response.read())
    except (OSError, http.client.HTTPException) as error:
        raise Failure(
            f"the exchange in {folder.root} stopped answering ({error!r}); whether "
            f"{operation} happened is visible after it is up again",
            Exit.FAILED,
        ) from error
    finally:
        connection.close()
    if response.status != 200:
        raise Failure(answer["error"])
    return answer["result"]


async def _by_ourselves(folder: Folder, operation: str, arguments: dict) -> Any:
    from excraft.cli.progress import Progress
    from excraft.cli.wiring import opened
    from excraft.gateway import operations  # noqa: F401
    from excraft.gateway.admin import Refused, perform

    with Progress() as progress:
        async with opened(folder, progress=progress) as exchange:
            try:
                return await perform(exchange, operation, arguments)
            except Refused as refused:
                raise Failure(refused.at_a_shell) from refused
