"""Deposit addresses, deposits and blocks seen on a chain."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, SmallInteger, String, Text, UniqueConstraint

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ROW_NUMBER = BigInteger().with_variant(Integer, "sqlite")
TABLES = ("alarms", "deposits", "blocks", "chains", "addresses", "keys")


def upgrade() -> None:
    _addresses()
    _chains()
    _deposits()
    _alarms()


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(f"custody_{table}")


def _addresses() -> None:
    op.create_table(
        "custody_keys",
        Column("key_id", String(16), primary_key=True),
        Column("next_number", BigInteger, nullable=False),
    )
    op.create_table(
        "custody_addresses",
        Column("address", String(42), primary_key=True),
        Column("account", Integer, nullable=False),
        Column("key_id", String(16), nullable=False),
        Column("number", BigInteger, nullable=False),
        Column("created_ns", BigInteger, nullable=False),
        UniqueConstraint("key_id", "number", name="custody_addresses_number"),
        UniqueConstraint("account", "key_id", name="custody_addresses_account"),
    )


def _chains() -> None:
    op.create_table(
        "custody_chains",
        Column("chain_id", BigInteger, primary_key=True, autoincrement=False),
        Column("watcher", String(32), nullable=False),
    )
    op.create_table(
        "custody_blocks",
        Column("chain_id", BigInteger, primary_key=True, autoincrement=False),
        Column("number", BigInteger, primary_key=True, autoincrement=False),
        Column("hash", String(66), nullable=False),
        Column("parent", String(66), nullable=False),
    )


def _deposits() -> None:
    op.create_table(
        "custody_deposits",
        Column("id", ROW_NUMBER, primary_key=True),
        Column("chain_id", BigInteger, nullable=False),
        Column("transaction", String(66), nullable=False),
        Column("log", Integer, nullable=False),
        Column("address", String(42), nullable=False),
        Column("account", Integer, nullable=False),
        Column("asset", Integer, nullable=False),
        Column("token", String(42)),
        Column("units", String(78), nullable=False),
        Column("atoms", BigInteger, nullable=False),
        Column("dust", String(78), nullable=False),
        Column("block", BigInteger, nullable=False),
        Column("block_hash", String(66), nullable=False),
        Column("status", SmallInteger, nullable=False),
        Column("note", Text),
        Column("seen_ns", BigInteger, nullable=False),
        Column("credited_ns", BigInteger),
        Column("position", BigInteger),
        UniqueConstraint("chain_id", "transaction", "log", name="custody_deposits_once"),
    )
    columns = ["chain_id", "status", "block"]
    op.create_index("custody_deposits_waiting", "custody_deposits", columns)
    op.create_index("custody_deposits_account", "custody_deposits", ["account", "id"])


def _alarms() -> None:
    op.create_table(
        "custody_alarms",
        Column("id", ROW_NUMBER, primary_key=True),
        Column("chain_id", BigInteger, nullable=False),
        Column("reason", Text, nullable=False),
        Column("raised_ns", BigInteger, nullable=False),
        Column("resolved_ns", BigInteger),
        Column("resolved_by", Text),
        Column("resolution", Text),
    )
    op.create_index("custody_alarms_of_chain", "custody_alarms", ["chain_id", "id"])
