"""Who a member is: cases, sealed documents, links between members, and who was told what."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    text,
)

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ROW_NUMBER = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    _cases()
    _history()
    _documents()
    _links()
    _outside()


def downgrade() -> None:
    for table in ("outbox", "messages", "links", "documents", "history", "cases"):
        op.drop_table(f"kyc_{table}")


def _whole(*names: str) -> list[Column]:
    return [Column(name, BigInteger, nullable=False) for name in names]


def _small(*names: str) -> list[Column]:
    return [Column(name, SmallInteger, nullable=False) for name in names]


def _words(**lengths: int) -> list[Column]:
    return [Column(name, String(length), nullable=False) for name, length in lengths.items()]


def _of(name: str, table: str, **options) -> Column:
    return Column(name, ROW_NUMBER, ForeignKey(f"{table}.id"), nullable=False, **options)


def _cases() -> None:
    op.create_table(
        "kyc_cases",
        Column("id", ROW_NUMBER, primary_key=True),
        _of("member_id", "members"),
        *_small("level", "state"),
        Column("person", LargeBinary),
        Column("identity", LargeBinary),
        Column("reviewer", String(80)),
        *_whole("submitted_ns", "changed_ns"),
        Column("expires_ns", BigInteger),
    )
    op.create_index("kyc_case_of_member", "kyc_cases", ["member_id", "level"], unique=True)
    op.create_index("kyc_cases_by_state", "kyc_cases", ["state", "submitted_ns", "id"])
    op.create_index("kyc_cases_by_identity", "kyc_cases", ["identity"])


def _history() -> None:
    op.create_table(
        "kyc_history",
        Column("id", ROW_NUMBER, primary_key=True),
        _of("case_id", "kyc_cases"),
        *_small("from_state", "to_state"),
        *_words(who=80, reason=500),
        *_whole("time_ns"),
    )
    op.create_index("kyc_history_of_case", "kyc_history", ["case_id", "id"])


def _documents() -> None:
    op.create_table(
        "kyc_documents",
        Column("id", String(32), primary_key=True),
        _of("case_id", "kyc_cases"),
        *_words(purpose=16, content_type=32),
        *_whole("size_bytes"),
        Column("sealed_key", LargeBinary),
        *_whole("added_ns"),
        Column("erased_ns", BigInteger),
    )
    op.create_index("kyc_documents_of_case", "kyc_documents", ["case_id"])


def _links() -> None:
    op.create_table(
        "kyc_links",
        _of("low", "members", primary_key=True, autoincrement=False),
        _of("high", "members", primary_key=True, autoincrement=False),
        *_words(who=80, reason=500),
        *_whole("time_ns"),
    )
    op.create_index("kyc_links_by_high", "kyc_links", ["high"])


def _outside() -> None:
    op.create_table(
        "kyc_messages",
        Column("provider", String(32), primary_key=True),
        Column("id", String(64), primary_key=True),
        *_whole("time_ns"),
    )
    op.create_table(
        "kyc_outbox",
        Column("id", ROW_NUMBER, primary_key=True),
        _of("member_id", "members"),
        *_small("level"),
        *_whole("time_ns", "attempts", "leased_until_ns"),
        Column("delivered_ns", BigInteger),
    )
    op.create_index("kyc_outbox_of_member", "kyc_outbox", ["member_id", "id"])
    waiting = text("delivered_ns IS NULL")
    op.create_index("kyc_outbox_waiting", "kyc_outbox", ["id"],
                    sqlite_where=waiting, postgresql_where=waiting)  # fmt: skip
