"""Withdrawals, what members and staff set about them, and every transaction of our own wallets."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from excraft.store.schema import ROW_NUMBER, metadata


def _whole(name: str, **options) -> Column:
    return Column(name, BigInteger, nullable=False, **options)


# Facts in the order in which they come about; custody/withdrawal.py derives the state from them.
withdrawals = Table(
    "withdrawals",
    metadata,
    _whole("id", primary_key=True, autoincrement=False),  # never one that the log has seen
    Column("account", Integer, nullable=False),
    Column("member_id", ROW_NUMBER, nullable=False),
    Column("asset", Integer, nullable=False),
    _whole("chain_id"),
    Column("destination", String(42), nullable=False),  # EIP-55
    Column("token", String(42)),  # contract in small letters, NULL the native coin
    Column("units", String(78), nullable=False),  # what the destination gets, in the chain's units
    _whole("atoms"),  # all that is reserved, with the fee
    _whole("fee"),
    Column("client_id", String(64)),
    Column("origin", String(80), nullable=False),  # session, or key:NAME
    _whole("requested_ns"),
    _whole("waits_until_ns"),  # not paid before, by the risk rules
    Column("needed", SmallInteger, nullable=False),  # approvals
    Column("commitment", String(64), nullable=False),  # SHA-256 of what is to be paid
    Column("reserved_position", BigInteger),
    Column("decision", String(8)),  # approve, cancel, refuse, fail; set once
    Column("decided_ns", BigInteger),
    Column("decided_by", String(80)),
    Column("reason", Text),  # of a refusal or failure
    Column("approved_position", BigInteger),
    Column("closed_position", BigInteger),  # of its SPEND or RELEASE; NULL: nothing was reserved
    Column("closed_ns", BigInteger),
    Column("note", Text, nullable=False),  # why it does not move at the moment, for people
    UniqueConstraint("account", "client_id", name="withdrawals_client_id"),
    Index("withdrawals_of_account", "account", "id"),
    Index("withdrawals_open", "closed_ns", "id"),
    Index("withdrawals_to", "account", "destination"),
)

withdrawal_approvals = Table(
    "withdrawal_approvals",
    metadata,
    Column("withdrawal_id", BigInteger, ForeignKey("withdrawals.id"), primary_key=True),
    Column("eyes", String(80), primary_key=True),  # member:ID, or shell: all shells are one pair
    Column("who", String(80), nullable=False),
    Column("commitment", String(64), nullable=False),  # what this one saw
    _whole("approved_ns"),
)

# A member's list of destinations.
withdrawal_addresses = Table(
    "withdrawal_addresses",
    metadata,
    Column("account", Integer, primary_key=True, autoincrement=False),
    Column("address", String(42), primary_key=True),  # EIP-55
    Column("label", String(64), nullable=False),
    _whole("added_ns"),
)

# Whether a member's withdrawals go to listed destinations only; no row: they do not.
withdrawal_modes = Table(
    "withdrawal_modes",
    metadata,
    Column("account", Integer, primary_key=True, autoincrement=False),
    _whole("on_ns"),
    Column("off_asked_ns", BigInteger),  # it ends a while after that
)

# Numbers of the risk rules where they differ from custody/limits.py.
withdrawal_settings = Table(
    "withdrawal_settings",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("asset", Integer, primary_key=True, autoincrement=False),  # -1: of all
    Column("level", SmallInteger, primary_key=True, autoincrement=False),  # -1: of all
    _whole("value"),
    _whole("changed_ns"),
)

# Every transaction of our own keys, one row per signature: a replacement has the same nonce and
# the next attempt. A row is there before the signer is asked.
custody_sent = Table(
    "custody_sent",
    metadata,
    Column("id", ROW_NUMBER, primary_key=True),
    _whole("chain_id"),
    Column("kind", String(10), nullable=False),  # withdrawal, sweep, cold, gas
    Column("withdrawal_id", BigInteger),  # NULL but for a withdrawal
    Column("source", String(42), nullable=False),  # EIP-55
    Column("number", BigInteger),  # of the deposit address in a sweep or gas, else NULL
    Column("destination", String(42), nullable=False),  # who gets it; EIP-55
    Column("token", String(42)),  # contract in small letters, NULL the native coin
    Column("units", String(78), nullable=False),
    _whole("nonce"),
    Column("attempt", Integer, nullable=False),  # 1, then 2 ... with a higher fee each
    _whole("gas"),
    _whole("fee_max"),  # wei for one gas, all in all
    _whole("tip"),  # wei of it for the block's maker
    Column("status", String(10), nullable=False),  # custody/sent.py
    Column("hash", String(66), unique=True),  # NULL until it is signed
    Column("raw", Text),
    Column("gas_paid", String(78)),  # wei, once mined
    Column("block", BigInteger),
    Column("block_hash", String(66)),
    _whole("planned_ns"),
    Column("sent_ns", BigInteger),
    Column("settled_ns", BigInteger),
    UniqueConstraint("chain_id", "source", "nonce", "attempt", name="custody_sent_once"),
    UniqueConstraint("withdrawal_id", "attempt", name="custody_sent_withdrawal"),
    Index("custody_sent_open", "settled_ns", "id"),
    Index("custody_sent_in", "chain_id", "block"),
)
