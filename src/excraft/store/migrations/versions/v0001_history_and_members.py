"""History of orders, fills and money; members and their API keys."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    text,
)

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ROW_NUMBER = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    _orders()
    _fills()
    _entries()
    _markets_and_marks()
    _members_and_keys()


def downgrade() -> None:
    for table in ("api_keys", "members", "marks", "markets", "entries", "fills", "orders"):
        op.drop_table(table)


def _whole(*names: str) -> list[Column]:
    return [Column(name, BigInteger, nullable=False) for name in names]


def _medium(*names: str) -> list[Column]:
    return [Column(name, Integer, nullable=False) for name in names]


def _small(*names: str) -> list[Column]:
    return [Column(name, SmallInteger, nullable=False) for name in names]


def _orders() -> None:
    op.create_table(
        "orders",
        Column("id", ROW_NUMBER, primary_key=True, autoincrement=False),
        *_medium("account", "market"),
        *_small("side", "order_type", "time_in_force", "self_trade", "status"),
        *_whole("price", "quantity", "amount", "stop_price"),
        Column("client_id", Text),
        *_whole("client_key", "left", "filled", "quote", "prevented"),
        *_whole("time_ns", "updated_ns", "working_ns", "position"),
    )
    op.create_index("orders_of_account", "orders", ["account", "market", "id"])
    named = text("client_key <> 0")
    op.create_index("orders_by_client", "orders", ["account", "client_key", "id"],
                    sqlite_where=named, postgresql_where=named)  # fmt: skip


def _fills() -> None:
    op.create_table(
        "fills",
        Column("account", Integer, primary_key=True, autoincrement=False),
        Column("market", Integer, primary_key=True, autoincrement=False),
        Column("trade_id", BigInteger, primary_key=True, autoincrement=False),
        Column("maker", SmallInteger, primary_key=True, autoincrement=False),
        *_whole("order_id"),
        *_small("side"),
        *_whole("price", "lots", "quote", "fee"),
        *_medium("fee_asset"),
        *_whole("time_ns", "position"),
        *_medium("event"),
        sqlite_with_rowid=False,
    )
    op.create_index("fills_of_order", "fills", ["order_id"])


def _entries() -> None:
    op.create_table(
        "entries",
        Column("id", ROW_NUMBER, primary_key=True, autoincrement=False),
        *_whole("position"),
        *_medium("event"),
        *_whole("time_ns"),
        *_medium("asset"),
        *_whole("amount"),
        *_medium("from_account"),
        *_small("from_bucket"),
        *_medium("to_account"),
        *_small("to_bucket", "kind", "cause"),
        *_whole("order_id"),
        Column("reference", Text),
    )
    op.create_index("entries_from", "entries", ["from_account", "asset", "id"])
    between_two = text("to_account <> from_account")
    op.create_index("entries_to", "entries", ["to_account", "asset", "id"],
                    sqlite_where=between_two, postgresql_where=between_two)  # fmt: skip


def _markets_and_marks() -> None:
    op.create_table(
        "markets",
        Column("market", Integer, primary_key=True, autoincrement=False),
        *_medium("base", "quote"),
        *_whole("base_atoms_per_lot", "quote_atoms_per_tick_lot"),
    )
    op.create_table(
        "marks",
        Column("consumer", String(32), primary_key=True),
        *_whole("position", "entries"),
    )


def _members_and_keys() -> None:
    op.create_table(
        "members",
        Column("id", ROW_NUMBER, primary_key=True),
        Column("name", String(64), nullable=False, unique=True),
        Column("account", Integer, nullable=False, unique=True),
        *_whole("created_ns"),
    )
    op.create_table(
        "api_keys",
        Column("key", String(64), primary_key=True),
        Column("member_id", ROW_NUMBER, ForeignKey("members.id"), nullable=False),
        Column("kind", String(8), nullable=False),
        Column("label", String(64), nullable=False),
        *[Column(name, Text, nullable=False) for name in ("permissions", "ips")],
        Column("secret", LargeBinary),
        Column("public_key", Text),
        *_whole("created_ns"),
        Column("revoked_ns", BigInteger),
        *_whole("change"),
    )
    op.create_index("api_keys_of_member", "api_keys", ["member_id"])
    op.create_index("api_keys_by_change", "api_keys", ["change"], unique=True)
