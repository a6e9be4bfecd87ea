"""KYC in a running exchange: what time does to cases, and how their levels reach the kernel."""

import asyncio
import contextlib
import json
import logging
import multiprocessing
import stat
import threading
import time
from collections.abc import Awaitable
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures import TimeoutError as TooSlow
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from sqlalchemy import select

from excraft.accounts.errors import SecretKeyError
from excraft.accounts.kyc import Cases, Note, unnoted
from excraft.accounts.kyc_content import check_content
from excraft.accounts.kyc_documents import Documents
from excraft.accounts.kyc_errors import BadDocument
from excraft.accounts.kyc_outbox import Outbox
from excraft.accounts.kyc_providers import Manual, Provider, Webhook
from excraft.accounts.kyc_seal import Seals
from excraft.accounts.kyc_states import Level
from excraft.accounts.kyc_sweep import sweep
from excraft.beside import beside
from excraft.engine.errors import EngineError
from excraft.gateway.kyc_groups import Groups, NotSet
from excraft.gateway.uploads import Uploads
from excraft.log import LogError
from excraft.messages.commands import SetParameter
from excraft.messages.events import EventKind
from excraft.messages.reasons import Reason
from excraft.parameters import Parameter
from excraft.store.database import Database
from excraft.store.schema import members

KERNEL_LEVEL = {Level.NONE: 0, Level.BASIC: 1, Level.FULL: 2}
EVERY_S, SWEEP_EVERY_S = 2.0, 60.0
CHECK_WITHIN_S = 20.0  # of a document's content, in a process of its own
COMMAND_WITHIN_S = 30.0
PROVIDERS = "kyc_providers.json"
_LOGGER = logging.getLogger(__name__)


class NotTold(Exception):
    """The kernel did not take a level; it is told again later."""


class KycDesk:
    """`run` until cancelled, then `close`. `cases` and `documents` block: call them in a thread."""

    def __init__(
        self, engine: Any, database: Database, secret_key: Path, folder: Path, note: Note = unnoted
    ) -> None:
        """`folder`: of the sealed documents. Raises SecretKeyError, ValueError."""
        self.cases = Cases(database, Seals.open(secret_key), note=note)
        self.documents = Documents(self.cases, folder, self._check)
        self.uploads = Uploads()
        self.webhooks = _webhooks(folder.parent / PROVIDERS, self.cases)
        self.provider: Provider = next(iter(self.webhooks.values()), Manual())
        self._engine, self._database = engine, database
        self._outbox = Outbox(database, self._tell)
        self.groups = Groups(engine, database, self._set_group)
        self._loop: asyncio.AbstractEventLoop | None = None
        # Made when it is first needed; a hostile file then holds up no other request.
        self._checking: ProcessPoolExecutor | None = None
        self._renewing = threading.Lock()

    async def run(self) -> None:
        """Deliver levels, set groups, let approvals expire; tried again when something fails."""
        self._loop = asyncio.get_running_loop()
        due = 0.0
        while True:
            if time.monotonic() >= due:
                due = time.monotonic() + SWEEP_EVERY_S
                await self._try("sweep", asyncio.to_thread(sweep, self.cases, self.documents))
            await self._try("levels", asyncio.to_thread(self._outbox.deliver))
            await self._try("groups", self.groups.set_due())
            await asyncio.sleep(EVERY_S)

    @staticmethod
    async def _try(what: str, work: Awaitable[Any]) -> None:
        """One that fails is told and tried again; it must not hold up the others."""
        try:
            await work
        except Exception:
            _LOGGER.exception("KYC: %s", what)

    def close(self) -> None:
        if self._checking is not None:
            self._checking.shutdown(wait=False, cancel_futures=True)

    # levels and groups

    def _tell(self, member_id: int, level: Level) -> None:
        """The kernel's flag; raises NotTold. Setting it twice changes nothing."""
        account = self._account(member_id)
        command = SetParameter(
            parameter=Parameter.KYC_LEVEL, value=KERNEL_LEVEL[level], subject=account
        )
        asked = asyncio.run_coroutine_threadsafe(self._carry_out(command), self._loop)
        asked.result(COMMAND_WITHIN_S)

    async def _carry_out(self, command: SetParameter) -> None:
        try:
            outcome = await self._engine.execute(command)
        except (EngineError, LogError) as error:
            raise NotTold(str(error)) from error
        first = outcome.events[0]
        if first.kind == EventKind.REFUSED:
            raise NotTold(f"{command.parameter.name} refused: {Reason(first.reason).name}")

    async def _set_group(self, account: int, group: int) -> None:
        command = SetParameter(parameter=Parameter.TRADE_GROUP, value=group, subject=account)
        try:
            await self._carry_out(command)
        except NotTold as refused:
            raise NotSet(str(refused)) from refused

    def _account(self, member_id: int) -> int:
        with self._database.read() as connection:
            asked = select(members.c.account).where(members.c.id == member_id)
            return connection.scalar(asked)

    # documents

    def _check(self, declared: str, content: bytes) -> str:
        """`check_content` in a process that may be slow, or die, without harm."""
        with self._renewing:
            if self._checking is None:
                self._checking = _checker()
            checking = self._checking
        try:
            asked: Future[str] = checking.submit(check_content, declared, content)
            return asked.result(CHECK_WITHIN_S)
        except TooSlow as error:
            self._renew(checking)
            raise BadDocument("the file takes too long to be checked; send a plain copy") from error
        except (BrokenProcessPool, CancelledError) as error:
            self._renew(checking)
            raise BadDocument("the file cannot be checked; send a plain copy") from error

    def _renew(self, checking: ProcessPoolExecutor) -> None:
        """End a process that is stuck or dead; the next file gets a new one."""
        with self._renewing:
            if self._checking is not checking:
                return  # another request was first
            self._checking = None
        # `shutdown` alone waits for what runs; there is no public way to end it before 3.14.
        for process in list((checking._processes or {}).values()):
            process.kill()
        checking.shutdown(wait=False, cancel_futures=True)


def _checker() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))


def _webhooks(file: Path, cases: Cases) -> dict[str, Webhook]:
    """The providers of {"name": "secret", ...}; raises ValueError."""
    if not file.exists():
        return {}
    if stat.S_IMODE(file.stat().st_mode) & 0o077:
        raise SecretKeyError(f"{file} holds secrets and others can read it; chmod go= it")
    try:
        found = json.loads(file.read_text())
        return {name: Webhook(name, secret.encode(), cases) for name, secret in found.items()}
    except (json.JSONDecodeError, AttributeError) as wrong:
        raise ValueError(f'{file} must be like {{"provider": "secret of 32 bytes"}}') from wrong


@contextlib.asynccontextmanager
async def knowing(desk: KycDesk):
    """Runs it beside what is inside."""
    await asyncio.to_thread(desk.documents.remove_orphans)  # before anybody can add one
    try:
        async with beside(desk.run(), "kyc"):
            yield desk
    finally:
        desk.close()
