"""The tables. Whole numbers only: prices in ticks, quantities in lots, money in atoms, times in ns.

`migrations/` builds the same tables step by step; a test compares the two on both databases.
"""

from enum import IntEnum

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    text,
)

# SQLite makes a column the row's own number only when its type is spelled INTEGER.
ROW_NUMBER = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData()


class Bucket(IntEnum):
    """Where money of an account stands; FEES and OUTSIDE belong to nobody (account -1)."""

    FREE = 0
    HELD = 1
    FEES = 2
    OUTSIDE = 3
    RESERVED = 4


class EntryKind(IntEnum):
    """Why money moved; numbered once, for ever."""

    HOLD = 1
    RELEASE = 2
    TRADE = 3
    FEE = 4
    CREDIT = 5
    DEBIT = 6
    RESERVE = 7
    UNRESERVE = 8
    SPEND = 9
    REFERRAL = 10
    TRANSFER = 11


def _whole(name: str, *more, **options) -> Column:
    return Column(name, BigInteger, *more, nullable=False, **options)


def _small(name: str, **options) -> Column:
    return Column(name, SmallInteger, nullable=False, **options)


orders = Table(
    "orders",
    metadata,
    Column("id", ROW_NUMBER, primary_key=True, autoincrement=False),  # number of its PLACE_ORDER
    Column("account", Integer, nullable=False),
    Column("market", Integer, nullable=False),
    _small("side"),
    _small("order_type"),
    _small("time_in_force"),
    _small("self_trade"),
    _small("status"),  # index in orders.STATUSES
    _whole("price"),
    _whole("quantity"),  # less what amendments took
    _whole("amount"),
    _whole("stop_price"),
    Column("client_id", Text),  # NULL when the client sent none
    _whole("client_key"),
    _whole("left"),
    _whole("filled"),
    _whole("quote"),
    _whole("prevented"),
    _whole("time_ns"),
    _whole("updated_ns"),
    _whole("working_ns"),  # 0 while it waits for its stop price
    _whole("position"),  # of the record that changed it last
    Index("orders_of_account", "account", "market", "id"),
    Index(
        "orders_by_client",
        "account",
        "client_key",
        "id",
        sqlite_where=text("client_key <> 0"),
        postgresql_where=text("client_key <> 0"),
    ),
)

# Clustered by account on SQLite: a member's fills are one range, without a second index.
fills = Table(
    "fills",
    metadata,
    Column("account", Integer, primary_key=True, autoincrement=False),
    Column("market", Integer, primary_key=True, autoincrement=False),
    _whole("trade_id", primary_key=True, autoincrement=False),
    _small("maker", primary_key=True, autoincrement=False),  # 1 the resting side, 0 the taking one
    _whole("order_id"),
    _small("side"),
    _whole("price"),
    _whole("lots"),
    _whole("quote"),
    _whole("fee"),
    Column("fee_asset", Integer, nullable=False),
    _whole("time_ns"),
    _whole("position"),
    Column("event", Integer, nullable=False),  # index of the event within its record
    Index("fills_of_order", "order_id"),
    sqlite_with_rowid=False,
)

# Double entry: each row takes `amount` of `asset` from one (account, bucket) and gives it to
# another.
entries = Table(
    "entries",
    metadata,
    Column("id", ROW_NUMBER, primary_key=True, autoincrement=False),  # 1, 2, 3 ... without gaps
    _whole("position"),
    Column("event", Integer, nullable=False),
    _whole("time_ns"),
    Column("asset", Integer, nullable=False),
    _whole("amount"),
    Column("from_account", Integer, nullable=False),
    _small("from_bucket"),
    Column("to_account", Integer, nullable=False),
    _small("to_bucket"),
    _small("kind"),  # EntryKind
    _small("cause"),  # messages.commands.Cause of a CREDIT or DEBIT, else 0
    _whole("order_id"),  # 0 in CREDIT and DEBIT
    Column("reference", Text),  # what a CREDIT or DEBIT names as its reason, else NULL
    Index("entries_from", "from_account", "asset", "id"),
    Index(
        "entries_to",
        "to_account",
        "asset",
        "id",
        sqlite_where=text("to_account <> from_account"),
        postgresql_where=text("to_account <> from_account"),
    ),
)

# What turns lots and ticks of a market into atoms, learned from LIST_MARKET.
markets = Table(
    "markets",
    metadata,
    Column("market", Integer, primary_key=True, autoincrement=False),
    Column("base", Integer, nullable=False),
    Column("quote", Integer, nullable=False),
    _whole("base_atoms_per_lot"),
    _whole("quote_atoms_per_tick_lot"),
)

# How far a consumer of the log has come; moves in the same transaction as what it wrote.
marks = Table(
    "marks",
    metadata,
    Column("consumer", String(32), primary_key=True),
    _whole("position"),
    _whole("entries"),  # number of the last entry
)

members = Table(
    "members",
    metadata,
    Column("id", ROW_NUMBER, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("account", Integer, nullable=False, unique=True),
    _whole("created_ns"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("member_id", ROW_NUMBER, ForeignKey("members.id"), nullable=False),
    Column("kind", String(8), nullable=False),  # HMAC, ED25519, RSA
    Column("label", String(64), nullable=False),
    Column("permissions", Text, nullable=False),  # names with a blank between
    Column("ips", Text, nullable=False),  # networks with a blank between; empty: from anywhere
    Column("secret", LargeBinary),  # HMAC only, encrypted: accounts/secret_box.py
    Column("public_key", Text),  # ED25519 and RSA only, PEM
    _whole("created_ns"),
    Column("revoked_ns", BigInteger),
    _whole("change"),  # grows with every change of any key, so others ask for what is new
    Column("expires_ns", BigInteger),  # NULL: never
    Column("used_ns", BigInteger),  # written now and then; not a change
    Column("used_from", LargeBinary),  # the address, sealed
    Index("api_keys_of_member", "member_id"),
    Index("api_keys_by_change", "change", unique=True),
)
