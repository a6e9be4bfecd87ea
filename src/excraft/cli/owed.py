"""What `excraft liabilities` needs of a data folder: the day, the secret, the members."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

from excraft.accounts.errors import SecretKeyError
from excraft.accounts.secret_box import SecretBox
from excraft.cli.day_end import SECOND_NS, end_of
from excraft.cli.exits import Exit, Failure
from excraft.cli.folder import Folder
from excraft.cli.stored import database_of
from excraft.custody.liabilities import LiabilitiesError
from excraft.custody.liabilities_files import DamagedLiabilities, Days
from excraft.store.database import Database

MOMENT = "%Y-%m-%dT%H%M%SZ"


def days_of(folder: Folder) -> Days:
    return Days(folder.root / "liabilities")


def moment_of(text: str, clock: Callable[[], int]) -> tuple[str, int]:
    """Name and end in ns: of the UTC day or second that is named, of now, else of yesterday."""
    now = datetime.fromtimestamp(clock() // SECOND_NS, UTC)
    if text == "now":
        text = now.strftime(MOMENT)
    try:
        if "T" in text:
            chosen = datetime.strptime(text, MOMENT).replace(tzinfo=UTC)
            return _not_ahead(chosen.strftime(MOMENT), chosen, now)
        day = date.fromisoformat(text) if text else now.date() - timedelta(days=1)
    except ValueError as error:
        raise Failure(
            f"{text!r:.60} is no day or moment; write it as {now.date()} or {now:{MOMENT}}",
            Exit.USAGE,
        ) from error
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    name, _ = _not_ahead(day.isoformat(), midnight, now)
    return name, end_of(day)


def _not_ahead(name: str, begins: datetime, now: datetime) -> tuple[str, int]:
    if begins > now:
        raise Failure(f"{name} has not begun in UTC; now is {now:{MOMENT}}", Exit.USAGE)
    return name, int(begins.timestamp()) * SECOND_NS


def published(days: Days, day: str) -> str:
    """The day named, else the last one."""
    known = days.published()
    if not day and not known:
        raise Failure("no day is published yet; `excraft liabilities publish` does it")
    return day or known[-1]


def secret_of(folder: Folder) -> bytes:
    """The data folder's secret key, which is never made here: another one would prove nothing."""
    file = folder.secret_key
    if not file.exists():
        raise Failure(f"{file} is missing; put it back, without it no proof can be made")
    try:
        SecretBox.open(file)  # refuses a file that is damaged or that others may read
        return bytes.fromhex(file.read_text("ascii"))
    except SecretKeyError as error:
        raise Failure(str(error)) from error


@contextmanager
def members_of(folder: Folder) -> Iterator[Database]:
    """The store in which the members' names are; raises Failure when there is none."""
    database = database_of(folder)
    if database is None:
        raise Failure(f"{folder.root} has no database, so nobody knows the members' names")
    try:
        yield database
    finally:
        database.close()


@contextmanager
def failures() -> Iterator[None]:
    """What can go wrong with what is published, as a Failure."""
    try:
        yield
    except LiabilitiesError as wrong:
        raise Failure(str(wrong)) from wrong
    except DamagedLiabilities as damaged:
        raise Failure(str(damaged), Exit.DAMAGED) from damaged
    except OSError as error:
        raise Failure(f"cannot keep or read what is published: {error}") from error
