"""What time does to cases: approvals expire, and what rests too long is erased."""

from typing import NamedTuple

from sqlalchemy import select

from excraft.accounts.kyc import Cases
from excraft.accounts.kyc_actors import CLOCK
from excraft.accounts.kyc_documents import Documents
from excraft.accounts.kyc_errors import ImpossibleStep
from excraft.accounts.kyc_states import CaseState, Step
from excraft.store.schema_kyc import kyc_cases

BATCH = 1000


class Swept(NamedTuple):
    expired: int
    erased: int


def sweep(cases: Cases, documents: Documents) -> Swept:
    """One round; call it every minute or so. Two processes may do it at once."""
    return Swept(_expire(cases), documents.erase_old())


def _expire(cases: Cases) -> int:
    c = kyc_cases.c
    due = (c.state == CaseState.APPROVED) & (c.expires_ns <= cases.clock())
    with cases.database.read() as connection:
        found = list(
            connection.scalars(select(c.id).where(due).order_by(c.expires_ns).limit(BATCH))
        )
    done = 0
    for case_id in found:
        try:
            cases.step(case_id, Step.EXPIRE, CLOCK)
        except ImpossibleStep:
            continue  # another process or a reviewer was first
        done += 1
    return done
