"""The signer's door: a Unix socket, one request and one answer a connection, one at a time."""

import contextlib
import grp
import logging
import os
import socket
from pathlib import Path

import msgspec

from excraft.custody.errors import SignerBroken
from excraft.custody.signer.address import address_of
from excraft.custody.signer.requests import LINE_BYTES_MAX, Answer, Request
from excraft.custody.signer.rules import Signer
from excraft.log.log import LogError

SECONDS = 5.0  # for a whole request
BACKLOG = 16
_LOGGER = logging.getLogger(__name__)


class Door:
    """Open from the constructor until `close`; `serve` answers until `stop` is called."""

    def __init__(self, path: Path, group: str = "") -> None:
        self._path, self._stopping = path, False
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._open(group)
        except (OSError, KeyError) as error:
            self._socket.close()
            what = f"with group {group!r} " if group else ""
            raise SignerBroken(f"the socket {path} {what}cannot be made: {error}") from error

    def _open(self, group: str) -> None:
        before = os.umask(0o177)
        try:
            with address_of(self._path) as address:
                self._socket.bind(address)
        finally:
            os.umask(before)
        if group:
            os.chown(self._path, -1, grp.getgrnam(group).gr_gid)
            os.chmod(self._path, 0o660)
        self._socket.listen(BACKLOG)

    def serve(self, signer: Signer) -> None:
        """Raises what the signer raises: a journal that cannot be written is the end."""
        while not self._stopping:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                if self._stopping:
                    return
                raise
            with connection:
                connection.settimeout(SECONDS)
                try:
                    answer = _answer(signer, _line(connection))
                    connection.sendall(msgspec.json.encode(answer) + b"\n")
                except (TimeoutError, ConnectionError) as gone:
                    _LOGGER.warning("who asked went away: %s", gone)

    def stop(self) -> None:
        """From a signal handler or another thread."""
        self._stopping = True
        with contextlib.suppress(OSError):  # it was stopped before
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._socket.close()
        self._path.unlink(missing_ok=True)


def _line(connection: socket.socket) -> bytes:
    line = bytearray()
    while not line.endswith(b"\n") and len(line) <= LINE_BYTES_MAX:
        part = connection.recv(LINE_BYTES_MAX + 1 - len(line))
        if not part:
            break
        line += part
    return bytes(line)


def _answer(signer: Signer, line: bytes) -> Answer:
    if len(line) > LINE_BYTES_MAX or not line.endswith(b"\n"):
        return Answer(refused=f"a request is one line of at most {LINE_BYTES_MAX} bytes")
    try:
        request = msgspec.json.decode(line, type=Request)
    except msgspec.DecodeError as wrong:
        return Answer(refused=f"that is no request: {wrong}"[:300])
    try:
        answer = signer.answer(request)
    except LogError as damaged:  # nothing is believed; the next request looks again
        answer = Answer(refused=str(damaged))
    said = answer.refused or answer.hash or "done"
    _LOGGER.info("%s: %s", type(request).__name__.lower(), said)
    return answer
