"""Which part gets which: the one place that knows them all."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from excraft.accounts.api_keys import ApiKeys
from excraft.accounts.audit import Audit
from excraft.accounts.desk import Desk
from excraft.accounts.errors import SecretKeyError
from excraft.accounts.invitation import Invitation
from excraft.accounts.kyc import Note
from excraft.accounts.members import Members
from excraft.accounts.origins import Origin
from excraft.accounts.outbox import Outbox, Smtp
from excraft.accounts.referral_earnings import ReferralEarnings
from excraft.accounts.secret_box import SecretBox
from excraft.accounts.staff import staff_of
from excraft.cli.depositing import depositing
from excraft.cli.exits import Exit, Failure
from excraft.cli.folder import Folder
from excraft.cli.kernel import new_kernel
from excraft.cli.posting import posting
from excraft.cli.progress import Progress
from excraft.cli.rounds import RoundService, closing_rounds
from excraft.cli.stored import chosen_url, keep_url
from excraft.cli.withdrawing import withdrawing
from excraft.custody.credited import Credited
from excraft.custody.withdrawal_facts import Facts
from excraft.engine.recovery import RecoveryRefused
from excraft.engine.service import Engine, Settings
from excraft.engine.snapshot import InvariantBroken
from excraft.gateway.accounts_clock import ticking
from excraft.gateway.admin_kyc import noting
from excraft.gateway.exchange import Exchange
from excraft.gateway.kyc_decisions import executors as decisions
from excraft.gateway.kyc_desk import KycDesk, knowing
from excraft.gateway.referral_desk import ReferralDesk, referring
from excraft.gateway.withdrawal_desk import EXECUTORS
from excraft.log import FileLog, LogDamaged, LogError, LogInUse
from excraft.marketdata import MarketData
from excraft.merit.fills import SpoolDamaged
from excraft.merit.state import Merit
from excraft.store.database import Database
from excraft.store.history import History

HISTORY_BACKLOG_MAX = 1_000_000  # events; beyond it orders are refused as busy, cancels pass


@asynccontextmanager
async def opened(
    folder: Folder, *, database: str = "", threads: int = 1, progress: Progress | None = None
) -> AsyncIterator[Exchange]:
    """Every part of the exchange in this folder, recovered and running; all stopped at the end."""
    progress = progress or Progress(shown=False)
    log = _log(folder)
    try:
        kernel = await asyncio.to_thread(new_kernel, threads, progress)
        async with _running(folder, log, kernel, chosen_url(folder, database), progress) as parts:
            yield parts
    finally:
        log.close()


@asynccontextmanager
async def _running(folder, log, kernel, url: str, progress: Progress) -> AsyncIterator[Exchange]:
    store = _store(url)
    outbox, origin = _outbox(folder), _origin()
    history, api_keys = await asyncio.to_thread(_on_store, store, folder)
    keep_url(folder, url)
    engine = Engine(log, kernel, settings=Settings(snapshot_folder=folder.snapshots))
    marketdata, facts, credited = MarketData(), Facts(), Credited()
    earnings = ReferralEarnings()
    _keep(engine, "marketdata", marketdata)
    engine.subscribe(
        lambda record, events, _: history.enqueue(record, events),
        name="history", mark=lambda: history.mark, columns=True,
        backlog=lambda: history.backlog, backlog_max=HISTORY_BACKLOG_MAX,
    )  # fmt: skip
    _keep(engine, "withdrawals", facts)
    _keep(engine, "credited", credited)
    _keep(engine, "referrals", earnings)
    merit = Merit(folder.dataset / "fills")
    _keep(engine, "merit", merit)
    kyc = _kyc(engine, store, folder, noting(Audit(store)))
    executors = {**EXECUTORS, **decisions(kyc.cases)}
    exchange = Exchange(
        engine=engine, marketdata=marketdata, history=history, api_keys=api_keys,
        members=Members(store), staff=staff_of(store, more=executors), kyc=kyc,
        desk=Desk(store, SecretBox.open(folder.secret_key), outbox, origin=origin),
    )  # fmt: skip
    exchange.referrals = ReferralDesk(
        engine, exchange.desk.referrals, exchange.members, earnings, exchange.desk.clock
    )
    exchange.merit, exchange.dataset = merit, folder.dataset
    exchange.rounds = RoundService(exchange, merit, folder, time.time_ns)
    exchange.invitation = Invitation(
        folder.root / "administrator.json", store, exchange.staff.roles
    )
    try:
        found = await engine.start(lambda done, total: progress.show("recovering", done, total))
        progress.summary = _summary(found)
        progress.notes += [*map(str, log.cuts), *found.skipped, outbox.notice]
        async with (
            knowing(exchange.kyc),
            ticking(exchange.desk),
            referring(exchange.referrals),
            depositing(exchange, folder, store, credited),
            withdrawing(exchange, folder, store, facts),
            posting(exchange, folder),
            closing_rounds(exchange.rounds),
        ):
            yield exchange
    except (LogDamaged, RecoveryRefused, InvariantBroken, SpoolDamaged) as wrong:
        raise Failure(str(wrong), Exit.DAMAGED) from wrong
    finally:
        await engine.stop()
        await asyncio.to_thread(exchange.desk.stop)
        await asyncio.to_thread(api_keys.stop)
        await asyncio.to_thread(history.stop)


def _keep(engine: Engine, name: str, model: Any) -> None:
    """A read model that stands in the engine's snapshots under this name."""
    engine.subscribe(
        lambda record, events, _: model.apply(record, events),
        name=name, state=model, columns=True,
    )  # fmt: skip


def _kyc(engine: Engine, store: Database, folder: Folder, note: Note) -> KycDesk:
    try:
        return KycDesk(engine, store, folder.secret_key, folder.root / "kyc", note)
    except (SecretKeyError, ValueError) as wrong:
        raise Failure(str(wrong), Exit.USAGE) from wrong


def _store(url: str) -> Database:
    try:
        return Database(url)
    except (ValueError, SQLAlchemyError) as wrong:
        raise Failure(
            f"the database URL cannot be used: {wrong}; it is like "
            f"postgresql://user:password@host/name",
            Exit.USAGE,
        ) from wrong


def _outbox(folder: Folder) -> Outbox:
    """EXCRAFT_SMTP names the mail server; it holds a password, so it is no option."""
    url = os.environ.get("EXCRAFT_SMTP", "")
    try:
        return Outbox(folder.root / "outbox", Smtp.read(url) if url else None)
    except ValueError as wrong:
        raise Failure(f"EXCRAFT_SMTP cannot be used: {wrong}", Exit.USAGE) from wrong


def _origin() -> Origin | None:
    """EXCRAFT_ORIGIN says where browsers find this exchange."""
    text = os.environ.get("EXCRAFT_ORIGIN", "")
    try:
        return Origin.read(text) if text else None
    except ValueError as wrong:
        raise Failure(f"EXCRAFT_ORIGIN cannot be used: {wrong}", Exit.USAGE) from wrong


def _on_store(store: Database, folder: Folder) -> tuple[History, ApiKeys]:
    """Both running; blocks."""
    try:
        history = History(store)
        history.start()
        api_keys = ApiKeys(store, SecretBox.open(folder.secret_key))
        api_keys.start()
    except SQLAlchemyError as wrong:
        first_line = str(wrong).splitlines()[0]
        raise Failure(f"the database cannot be used: {first_line}") from wrong
    except SecretKeyError as wrong:
        history.stop()
        raise Failure(str(wrong)) from wrong
    return history, api_keys


def _summary(found) -> str:
    if not found.position:
        return "nothing: a new exchange"
    replayed = f"{found.commands:,} commands of the log in {found.seconds:.2f} s"
    if not found.snapshot_position:
        return f"position {found.position}, from {replayed}"
    return f"position {found.position}, from snapshot {found.snapshot_position} and {replayed}"


def _log(folder: Folder) -> FileLog:
    try:
        return FileLog(folder.log)
    except LogInUse as error:
        raise Failure(
            f"another process has {folder.root} open; if it is starting, wait until it says that "
            f"it is up, else stop it, or name another folder with --data",
            Exit.IN_USE,
        ) from error
    except LogDamaged as damaged:
        raise Failure(str(damaged), Exit.DAMAGED) from damaged
    except (LogError, OSError) as error:
        raise Failure(f"cannot open the log in {folder.log}: {error}") from error
