"""kill -9 of the exchange between a reviewer's decision and the kernel's knowledge of it.

A decision is a row of the database, the level a command of the log: after any number of kills those
have a level who were approved, each told to the kernel, and nobody else.
"""

import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

from excraft.accounts.kyc import Cases
from excraft.accounts.kyc_actors import owner
from excraft.accounts.kyc_documents import Documents
from excraft.accounts.kyc_seal import Seals
from excraft.accounts.kyc_states import CaseState, Level, Step
from excraft.cli.control import ask
from excraft.cli.exits import Failure
from excraft.cli.folder import Folder
from excraft.log import open_for_reading
from excraft.messages.commands import SetParameter, unpack
from excraft.parameters import Parameter
from excraft.store.database import Database
from excraft.testing.running import RunningExchange
from tests.accounts.kyc_desk import person, png

SEED = int(os.environ.get("EXCRAFT_SEED", random.SystemRandom().randrange(1 << 32)))
KILLS = int(os.environ.get("EXCRAFT_KILLS", 5))
LIFE_S = (0.0, 2.5)  # levels are told every 2 s
CASES = 8 * KILLS
FULL = 2  # as the kernel knows it


def fill(data: Path) -> None:
    """Members of whom each waits for a decision; case n is about account n - 1."""
    folder = Folder(data)
    for number in range(CASES):
        ask(data, "member_add", name=f"member{number}")
    database = Database(folder.database)
    cases = Cases(database, Seals.open(folder.secret_key))
    documents = Documents(cases, folder.root / "kyc")
    for member in range(1, CASES + 1):
        case, who = cases.open(member, Level.FULL).id, owner(member)
        cases.set_person(case, who, person(document_number=f"XK-{member:06d}"))
        documents.add(case, who, purpose="FRONT", declared="image/png", content=png())
        cases.step(case, Step.SUBMIT, who)
    database.close()


def review(data: Path, chance: random.Random, decided: list[int]) -> None:
    """Claim and decide until the exchange is gone; notes what was answered."""
    try:
        while case := ask(data, "kyc_claim").get("case"):
            step = "approve" if chance.random() < 0.7 else "reject"
            ask(data, "kyc_decide", case=case, step=step, reason="looked at")
            decided.append(case)
            time.sleep(chance.uniform(0, 0.3))
    except Failure as lost:
        assert "stopped answering" in str(lost), lost


def approved(data: Path) -> dict[int, int]:
    """Level by account, as the decisions in the database say."""
    database = Database(Folder(data).database)
    cases = Cases(database, Seals.open(Folder(data).secret_key))
    states = {case: cases.case(case).state for case in range(1, CASES + 1)}
    database.close()
    return {case - 1: FULL * (state == CaseState.APPROVED) for case, state in states.items()}


def test_levels_survive_kills(tmp_path):
    print(f"EXCRAFT_SEED={SEED}")
    chance, data, decided = random.Random(SEED), tmp_path / "data", []
    for life in range(KILLS):
        exchange = RunningExchange(data, forked=True)
        if life == 0:
            fill(data)
        reviewer = threading.Thread(target=review, args=(data, chance, decided))
        reviewer.start()
        time.sleep(chance.uniform(*LIFE_S))
        exchange.kill()
        reviewer.join()
    expected = approved(data)
    assert len(decided) > KILLS and 0 < sum(map(bool, expected.values())) <= len(decided) + KILLS
    with RunningExchange(data, forked=True) as exchange:
        deadline = time.monotonic() + 90  # a delivery that a kill broke off waits for its lease
        while shown(data) != expected and time.monotonic() < deadline:
            time.sleep(0.5)
        assert shown(data) == expected
        assert exchange.stop() == 0
    assert commands(data) == {(account, level) for account, level in expected.items() if level}
    verified = subprocess.run(
        [sys.executable, "-m", "excraft", "verify", str(data)], capture_output=True, text=True
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr


def shown(data: Path) -> dict[int, int]:
    """The level of every account, as the running exchange applies it."""
    found = {a: ask(data, "member_show", member=f"member{a}") for a in range(CASES)}
    return {account: row["parameters"]["KYC_LEVEL"] for account, row in found.items()}


def commands(data: Path) -> set[tuple[int, int]]:
    """(account, level) of every command that set one."""
    found = set()
    for record in open_for_reading(Folder(data).log).read(0):
        for row in record.commands:
            command = unpack(row)
            if isinstance(command, SetParameter) and command.parameter == Parameter.KYC_LEVEL:
                found.add((command.subject, command.value))
    return found
