"""Withdrawals, their limits, and every transaction of our own wallets."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Integer,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
)

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ROW_NUMBER = BigInteger().with_variant(Integer, "sqlite")
TABLES = (
    "custody_sent",
    "withdrawal_settings",
    "withdrawal_modes",
    "withdrawal_addresses",
    "withdrawal_approvals",
    "withdrawals",
)


def upgrade() -> None:
    _withdrawals()
    _approvals()
    _choices()
    _sent()


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)


def _whole(name: str, **options) -> Column:
    return Column(name, BigInteger, nullable=False, **options)


def _withdrawals() -> None:
    op.create_table(
        "withdrawals",
        _whole("id", primary_key=True, autoincrement=False),
        Column("account", Integer, nullable=False),
        Column("member_id", ROW_NUMBER, nullable=False),
        Column("asset", Integer, nullable=False),
        _whole("chain_id"),
        Column("destination", String(42), nullable=False),
        Column("token", String(42)),
        Column("units", String(78), nullable=False),
        _whole("atoms"),
        _whole("fee"),
        Column("client_id", String(64)),
        Column("origin", String(80), nullable=False),
        _whole("requested_ns"),
        _whole("waits_until_ns"),
        Column("needed", SmallInteger, nullable=False),
        Column("commitment", String(64), nullable=False),
        Column("reserved_position", BigInteger),
        Column("decision", String(8)),
        Column("decided_ns", BigInteger),
        Column("decided_by", String(80)),
        Column("reason", Text),
        Column("approved_position", BigInteger),
        Column("closed_position", BigInteger),
        Column("closed_ns", BigInteger),
        Column("note", Text, nullable=False),
        UniqueConstraint("account", "client_id", name="withdrawals_client_id"),
    )
    op.create_index("withdrawals_of_account", "withdrawals", ["account", "id"])
    op.create_index("withdrawals_open", "withdrawals", ["closed_ns", "id"])
    op.create_index("withdrawals_to", "withdrawals", ["account", "destination"])


def _approvals() -> None:
    op.create_table(
        "withdrawal_approvals",
        Column("withdrawal_id", BigInteger, ForeignKey("withdrawals.id"), primary_key=True),
        Column("eyes", String(80), primary_key=True),
        Column("who", String(80), nullable=False),
        Column("commitment", String(64), nullable=False),
        _whole("approved_ns"),
    )


def _choices() -> None:
    op.create_table(
        "withdrawal_addresses",
        Column("account", Integer, primary_key=True, autoincrement=False),
        Column("address", String(42), primary_key=True),
        Column("label", String(64), nullable=False),
        _whole("added_ns"),
    )
    op.create_table(
        "withdrawal_modes",
        Column("account", Integer, primary_key=True, autoincrement=False),
        _whole("on_ns"),
        Column("off_asked_ns", BigInteger),
    )
    op.create_table(
        "withdrawal_settings",
        Column("name", String(32), primary_key=True),
        Column("asset", Integer, primary_key=True, autoincrement=False),
        Column("level", SmallInteger, primary_key=True, autoincrement=False),
        _whole("value"),
        _whole("changed_ns"),
    )


def _sent() -> None:
    op.create_table(
        "custody_sent",
        Column("id", ROW_NUMBER, primary_key=True),
        _whole("chain_id"),
        Column("kind", String(10), nullable=False),
        Column("withdrawal_id", BigInteger),
        Column("source", String(42), nullable=False),
        Column("number", BigInteger),
        Column("destination", String(42), nullable=False),
        Column("token", String(42)),
        Column("units", String(78), nullable=False),
        _whole("nonce"),
        Column("attempt", Integer, nullable=False),
        _whole("gas"),
        _whole("fee_max"),
        _whole("tip"),
        Column("status", String(10), nullable=False),
        Column("hash", String(66), unique=True),
        Column("raw", Text),
        Column("gas_paid", String(78)),
        Column("block", BigInteger),
        Column("block_hash", String(66)),
        _whole("planned_ns"),
        Column("sent_ns", BigInteger),
        Column("settled_ns", BigInteger),
        UniqueConstraint("chain_id", "source", "nonce", "attempt", name="custody_sent_once"),
        UniqueConstraint("withdrawal_id", "attempt", name="custody_sent_withdrawal"),
    )
    op.create_index("custody_sent_open", "custody_sent", ["settled_ns", "id"])
    op.create_index("custody_sent_in", "custody_sent", ["chain_id", "block"])
