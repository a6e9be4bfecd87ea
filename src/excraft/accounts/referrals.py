"""Who brought whom: codes of members, and the people who signed up with one.

A referral is written in the transaction that makes the person, so it is neither lost nor doubled;
its row is also what is still to be told to the exchange.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Connection, func, insert, select, update

from excraft.accounts import referral_codes as codes
from excraft.accounts.refusals import Refused
from excraft.store.database import Database
from excraft.store.schema_people import people
from excraft.store.schema_referrals import referral_codes, referral_payouts, referrals

OPEN_MAX, EVER_MAX = 5, 20  # codes of one person
TOLD_MAX = 1_000  # referrals at once
_c, _r = referral_codes.c, referrals.c


class Outcome(StrEnum):
    """What became of a referral; stored, so a name stays for ever."""

    LINKED = "LINKED"
    REFERRED_BEFORE = "REFERRED_BEFORE"  # staff had named another referrer
    SAME_OWNER = "SAME_OWNER"  # nobody refers themselves
    REFUSED = "REFUSED"  # by the exchange: each would be the other's referrer


class Code(NamedTuple):
    """`people` signed up with it."""

    code: str
    created_ns: int
    closed_ns: int | None
    people: int


class Due(NamedTuple):
    """A referral that the exchange does not know of: two members."""

    person_id: int
    member_id: int
    referrer_id: int


class Payout(NamedTuple):
    """One time at which all that was owed was paid."""

    due_ns: int
    done_ns: int
    paid: int
    withheld: int


class Referrals:
    """Reads and writes what `schema_referrals` has; those that take a connection belong to its
    transaction."""

    def __init__(self, database: Database, clock: Callable[[], int]) -> None:
        self.database, self._clock = database, clock

    # ---- codes

    def create(self, person_id: int) -> str:
        """A new code; raises Refused when there are too many."""
        with self.database.write_durable() as connection:
            one_at_a_time = select(people.c.id).where(people.c.id == person_id)
            connection.execute(one_at_a_time.with_for_update()).one()
            closed = connection.scalars(select(_c.closed_ns).where(_c.person_id == person_id)).all()
            if len(closed) >= EVER_MAX:
                raise Refused("too_many", f"You had {EVER_MAX} codes; that is the most there are.")
            if closed.count(None) >= OPEN_MAX:
                raise Refused("too_many", f"You have {OPEN_MAX} open codes; close one first.")
            row = {"code": codes.new(), "person_id": person_id, "created_ns": self._clock()}
            connection.execute(insert(referral_codes).values(row))
        return row["code"]

    def close(self, person_id: int, code: str) -> bool:
        """Nobody signs up with it any more; who did stays. False when it is none of theirs."""
        mine = (_c.person_id == person_id) & (_c.code == code)
        with self.database.write_durable() as connection:
            if connection.execute(select(_c.code).where(mine)).first() is None:
                return False
            still_open = update(referral_codes).where(mine, _c.closed_ns.is_(None))
            connection.execute(still_open.values(closed_ns=self._clock()))
        return True

    def of(self, person_id: int) -> list[Code]:
        """All codes of a person, the newest first."""
        counted = select(_r.code, func.count().label("people")).group_by(_r.code).subquery()
        asked = (
            select(_c.code, _c.created_ns, _c.closed_ns, func.coalesce(counted.c.people, 0))
            .select_from(referral_codes.outerjoin(counted, counted.c.code == _c.code))
            .where(_c.person_id == person_id)
            .order_by(_c.created_ns.desc(), _c.code)
        )
        with self.database.read() as connection:
            return [Code(*row) for row in connection.execute(asked)]

    def is_open(self, code: str) -> bool:
        """Whether somebody can sign up with it now."""
        asked = select(_c.code).where(_c.code == code, _c.closed_ns.is_(None))
        with self.database.read() as connection:
            return connection.execute(asked).first() is not None

    # ---- referrals

    def add(self, connection: Connection, person_id: int, code: str | None) -> None:
        """The new person came by this code; nothing when there is none, or it was closed."""
        if not code:
            return
        asked = select(_c.code).where(_c.code == code, _c.closed_ns.is_(None))
        if connection.execute(asked).first() is not None:
            row = {"person_id": person_id, "code": code, "time_ns": self._clock()}
            connection.execute(insert(referrals).values(row))

    def due(self) -> list[Due]:
        """The oldest that the exchange was not told of, and can be: both have accounts."""
        referred, referrer = people.alias(), people.alias()
        asked = (
            select(referred.c.id, referred.c.member_id, referrer.c.member_id)
            .select_from(
                referrals.join(referral_codes, _c.code == _r.code)
                .join(referred, referred.c.id == _r.person_id)
                .join(referrer, referrer.c.id == _c.person_id)
            )
            .where(
                _r.outcome.is_(None),
                referred.c.member_id.is_not(None),
                referrer.c.member_id.is_not(None),
            )
            .order_by(_r.time_ns)
            .limit(TOLD_MAX)
        )
        with self.database.read() as connection:
            return [Due(*row) for row in connection.execute(asked)]

    def settle(self, person_id: int, outcome: Outcome) -> None:
        """The exchange was told; saying it again changes nothing."""
        first = update(referrals).where(_r.person_id == person_id, _r.outcome.is_(None))
        with self.database.write_durable() as connection:
            connection.execute(first.values(outcome=outcome.value))

    def by(self, person_id: int) -> tuple[str, str] | None:
        """(code, outcome or "") by which a person came."""
        asked = select(_r.code, _r.outcome).where(_r.person_id == person_id)
        with self.database.read() as connection:
            row = connection.execute(asked).first()
        return None if row is None else (row.code, row.outcome or "")

    # ---- payouts

    def payouts(self, limit: int = 30) -> list[Payout]:
        """The newest first."""
        asked = select(referral_payouts).order_by(referral_payouts.c.due_ns.desc()).limit(limit)
        with self.database.read() as connection:
            return [Payout(*row) for row in connection.execute(asked)]

    def paid(self, due_ns: int, paid: int, withheld: int) -> None:
        """All that was owed at that time is paid; noted once."""
        row = Payout(due_ns, self._clock(), paid, withheld)._asdict()
        with self.database.write_durable() as connection:
            known = select(referral_payouts.c.due_ns).where(referral_payouts.c.due_ns == due_ns)
            if connection.execute(known).first() is None:
                connection.execute(insert(referral_payouts).values(row))
