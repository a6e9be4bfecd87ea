"""Passwords: argon2id, a few at once in threads of their own.

Parameters: 19,456 KiB, 2 passes, 1 lane, 16 bytes of salt, 32 of hash (what OWASP's cheat sheet
names as the least; about 40 ms of one core). They stand in every hash; one made with others is made
anew when its owner logs in next.
"""

import asyncio
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from excraft.accounts.refusals import Refused

LENGTH_MIN, LENGTH_MAX = 10, 256  # characters after NFKC
DIFFERENT_MIN = 5
AT_ONCE = 2  # hashes being made: 38 MB, and no more cores than that
WAITING_MAX = 64  # strangers; about 1.3 s of work; beyond it they are told to come back
WAITING_KNOWN_MAX = 16  # places of known devices and sessions, which no flood of strangers takes


def standard_hasher() -> PasswordHasher:
    """With the parameters above."""
    return PasswordHasher(2, 19_456, 1, hash_len=32, salt_len=16, type=Type.ID)


def normalise(password: str) -> str:
    """NFKC, so that the same password typed on another keyboard is the same; raises Refused."""
    normal = unicodedata.normalize("NFKC", password[: LENGTH_MAX + 1])
    if not 1 <= len(normal) <= LENGTH_MAX:
        raise Refused("bad_password", f"A password has 1 to {LENGTH_MAX} characters.")
    return normal


def read_new(password: str, email: str) -> str:
    """A password somebody may take, normalised; raises Refused."""
    normal = normalise(password)
    if len(normal) < LENGTH_MIN or len(set(normal)) < DIFFERENT_MIN:
        raise Refused(
            "bad_password",
            f"A password needs {LENGTH_MIN} characters or more, {DIFFERENT_MIN} of them different.",
        )
    if normal.lower() == email:
        raise Refused("bad_password", "The password must not be the e-mail address.")
    return normal


class Passwords:
    """`hash` and `verify` wait in line; raise Refused("busy") when the line is full."""

    def __init__(
        self, hasher: PasswordHasher | None = None, *, waiting_max: int = WAITING_MAX
    ) -> None:
        self._hasher = hasher or standard_hasher()
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="passwords")
        self._room = {
            False: threading.BoundedSemaphore(waiting_max + AT_ONCE),
            True: threading.BoundedSemaphore(WAITING_KNOWN_MAX),
        }
        self._dummy = self._hasher.hash("nobody's")

    async def hash(self, password: str, *, known: bool = False) -> str:
        """`known`: asked for by somebody who has logged in before."""
        return await self._run(known, self._hasher.hash, password)

    async def verify(self, stored: str | None, password: str, *, known: bool = False) -> bool:
        """Whether it is the password; None (nobody's) takes as long and is False."""
        right = await self._run(known, self._verify, stored or self._dummy, password)
        return right and stored is not None

    def outdated(self, stored: str) -> bool:
        """Whether it was made with other parameters than are used now."""
        return self._hasher.check_needs_rehash(stored)

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerifyMismatchError, InvalidHashError):
            return False

    async def _run(self, known: bool, work: Callable, *arguments: str):
        room = self._room[known]
        if not room.acquire(blocking=False):
            raise Refused("busy", "Too many people log in at this moment; try again soon.", 5)
        # The place is free again when the thread is done, not when the caller stops waiting.
        job = self._threads.submit(work, *arguments)
        job.add_done_callback(lambda _: room.release())
        return await asyncio.wrap_future(job)
