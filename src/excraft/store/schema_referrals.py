"""Who brought whom, by the codes that members hand out."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table

from excraft.store.schema import ROW_NUMBER, metadata

referral_codes = Table(
    "referral_codes",
    metadata,
    Column("code", String(8), primary_key=True),
    Column("person_id", ROW_NUMBER, ForeignKey("people.id"), nullable=False),
    Column("created_ns", BigInteger, nullable=False),
    Column("closed_ns", BigInteger),  # NULL: it counts at sign-up
    Index("referral_codes_of_person", "person_id"),
)

# Written with the person, never changed but for its outcome. The log has what follows from it.
referrals = Table(
    "referrals",
    metadata,
    Column("person_id", ROW_NUMBER, ForeignKey("people.id"), primary_key=True, autoincrement=False),
    Column("code", String(8), ForeignKey("referral_codes.code"), nullable=False),
    Column("time_ns", BigInteger, nullable=False),
    Column("outcome", String(16)),  # NULL until the exchange was told; Outcome
    Index("referrals_by_code", "code"),
    Index("referrals_by_outcome", "outcome"),
)

# One row for each time at which everything owed was paid.
referral_payouts = Table(
    "referral_payouts",
    metadata,
    Column("due_ns", BigInteger, primary_key=True, autoincrement=False),
    Column("done_ns", BigInteger, nullable=False),
    Column("paid", Integer, nullable=False),  # sums, one for each payer and asset
    Column("withheld", Integer, nullable=False),  # sums of an owner to the same owner
)
