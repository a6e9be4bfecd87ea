"""Who a member is: cases, sealed documents, links between members, and who was told what."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    text,
)

from excraft.store.schema import ROW_NUMBER, metadata


def _whole(name: str, *more, **options) -> Column:
    return Column(name, BigInteger, *more, nullable=False, **options)


def _small(name: str) -> Column:
    return Column(name, SmallInteger, nullable=False)


# One per member and level. What identifies the person is in `person` only, and that is sealed.
kyc_cases = Table(
    "kyc_cases",
    metadata,
    Column("id", ROW_NUMBER, primary_key=True),
    Column("member_id", ROW_NUMBER, ForeignKey("members.id"), nullable=False),
    _small("level"),  # accounts.kyc_states.Level
    _small("state"),  # accounts.kyc_states.CaseState
    Column("person", LargeBinary),  # accounts/kyc_seal.py; NULL before it is given, or when erased
    Column("identity", LargeBinary),  # keyed hash of country, kind and number of the document
    Column("reviewer", String(80)),  # who has it under review, else NULL
    _whole("submitted_ns"),  # 0 before the first time; the queue is in this order
    _whole("changed_ns"),
    Column("expires_ns", BigInteger),  # of an approval, else NULL
    Index("kyc_case_of_member", "member_id", "level", unique=True),
    Index("kyc_cases_by_state", "state", "submitted_ns", "id"),
    Index("kyc_cases_by_identity", "identity"),
)

# Every change of a case, and every look at what is sealed (then both states are the same).
kyc_history = Table(
    "kyc_history",
    metadata,
    Column("id", ROW_NUMBER, primary_key=True),
    Column("case_id", ROW_NUMBER, ForeignKey("kyc_cases.id"), nullable=False),
    _small("from_state"),  # 0: the case was opened
    _small("to_state"),
    Column("who", String(80), nullable=False),
    Column("reason", String(500), nullable=False),  # empty where none is asked for
    _whole("time_ns"),
    Index("kyc_history_of_case", "case_id", "id"),
)

# The content is a sealed file whose name is the id.
kyc_documents = Table(
    "kyc_documents",
    metadata,
    Column("id", String(32), primary_key=True),  # hexadecimal, by chance
    Column("case_id", ROW_NUMBER, ForeignKey("kyc_cases.id"), nullable=False),
    Column("purpose", String(16), nullable=False),
    Column("content_type", String(32), nullable=False),
    _whole("size_bytes"),
    Column("sealed_key", LargeBinary),  # NULL when erased: then nobody can open the file
    _whole("added_ns"),
    Column("erased_ns", BigInteger),
    Index("kyc_documents_of_case", "case_id"),
)

# Members with the same beneficial owner; `low` < `high`.
kyc_links = Table(
    "kyc_links",
    metadata,
    Column("low", ROW_NUMBER, ForeignKey("members.id"), primary_key=True, autoincrement=False),
    Column("high", ROW_NUMBER, ForeignKey("members.id"), primary_key=True, autoincrement=False),
    Column("who", String(80), nullable=False),
    Column("reason", String(500), nullable=False),
    _whole("time_ns"),
    Index("kyc_links_by_high", "high"),
)

# Messages of providers that were taken, so that none is taken twice.
kyc_messages = Table(
    "kyc_messages",
    metadata,
    Column("provider", String(32), primary_key=True),
    Column("id", String(64), primary_key=True),
    _whole("time_ns"),
)

# Levels as the rest of the exchange is told of them, in this order for each member.
kyc_outbox = Table(
    "kyc_outbox",
    metadata,
    Column("id", ROW_NUMBER, primary_key=True),
    Column("member_id", ROW_NUMBER, ForeignKey("members.id"), nullable=False),
    _small("level"),
    _whole("time_ns"),
    _whole("attempts"),
    _whole("leased_until_ns"),  # 0 or when the one who delivers it must be done
    Column("delivered_ns", BigInteger),
    Index("kyc_outbox_of_member", "member_id", "id"),
    Index(
        "kyc_outbox_waiting",
        "id",
        sqlite_where=text("delivered_ns IS NULL"),
        postgresql_where=text("delivered_ns IS NULL"),
    ),
)
