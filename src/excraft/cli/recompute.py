"""A round computed again from the log: every record through a kernel, every day anew."""

import tempfile
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np

from excraft.cli.day_end import hash_at
from excraft.cli.exits import Failure
from excraft.cli.folder import Folder
from excraft.cli.kernel import new_kernel
from excraft.cli.progress import Progress
from excraft.cli.round_results import Paid, credits_after
from excraft.cli.salts import salt_of
from excraft.dataset.days import days_there, open_day
from excraft.log import open_for_reading
from excraft.merit.publishing import Before, accounts_by_id, publish_day
from excraft.merit.state import ClosedDay, Merit
from excraft.rewards.close import close


class Differences(NamedTuple):
    """The days that were compared, and a sentence for each that differs."""

    days: list[int]
    wrong: list[str]


def differences(folder: Folder, number: int) -> Differences:
    """Of round `number`; raises Failure when nothing of it is published."""
    published = [
        day for day in days_there(folder.dataset)
        if open_day(folder.dataset, day).facts.round == number
    ]  # fmt: skip
    if not published:
        raise Failure(f"nothing of round {number} is published in {folder.dataset}")
    with tempfile.TemporaryDirectory(dir=folder.root) as place:
        _again(folder, Path(place), published[-1])
        wrong = [line for day in published for line in _compared(folder, Path(place), day)]
    return Differences(published, wrong)


def _again(folder: Folder, place: Path, last: int) -> None:
    """All days up to `last`, below `place`, from the log alone but for the salts."""
    kernel, merit = new_kernel(1, Progress(shown=False)), Merit(place / "fills")
    before, paid = Before({}, 0, 0, None), Paid({}, {})
    with closing(open_for_reading(folder.log)) as log:
        for record in log.read(0):
            events = kernel.step(record)
            merit.apply(record, events)
            for closed in list(merit.closed):
                before, paid = _day(folder, place, merit, closed, before, paid)
                if closed.day == last:
                    return


def _day(
    folder: Folder, place: Path, merit: Merit, closed: ClosedDay, before: Before, paid: Paid
) -> tuple[Before, Paid]:
    salt = salt_of(folder.dataset, closed.round)
    record_hash = (hash_at(folder, closed.position) if closed.position else bytes(32)).hex()
    day = close(publish_day(place, place / "fills", closed, salt, record_hash, before))
    of = accounts_by_id(salt, np.arange(closed.accounts, dtype=np.int64))
    credits_after(place, closed.day, day, of, paid)
    merit.published(closed.day)
    done, left = day.results, Paid.load(place, closed.day)
    return Before(left.claims, done.carry, done.total, done.price), left


def _compared(folder: Folder, place: Path, number: int) -> list[str]:
    ours, theirs = open_day(place, number), open_day(folder.dataset, number)
    wrong = []
    if ours.dataset_hash != theirs.dataset_hash:
        wrong.append(f"day {number}: dataset_hash {theirs.dataset_hash} is published, "
                     f"{ours.dataset_hash} follows from the log")  # fmt: skip
    for name, value in ours.manifest["results"].items():
        if theirs.manifest["results"].get(name) != value:
            wrong.append(f"day {number}: {name} {theirs.manifest['results'].get(name)} is "
                         f"published, {value} follows from the log")  # fmt: skip
    return wrong
