"""Deposit addresses, deposits and blocks seen on a chain."""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from excraft.store.schema import ROW_NUMBER, metadata

# One row per extended public key that addresses were ever derived from.
custody_keys = Table(
    "custody_keys",
    metadata,
    Column("key_id", String(16), primary_key=True),
    Column("next_number", BigInteger, nullable=False),
)

# Never updated, never deleted: an address belongs to its account for ever.
custody_addresses = Table(
    "custody_addresses",
    metadata,
    Column("address", String(42), primary_key=True),  # EIP-55
    Column("account", Integer, nullable=False),
    Column("key_id", String(16), nullable=False),
    Column("number", BigInteger, nullable=False),  # the last step of its path m/0/number
    Column("created_ns", BigInteger, nullable=False),
    UniqueConstraint("key_id", "number", name="custody_addresses_number"),
    UniqueConstraint("account", "key_id", name="custody_addresses_account"),
)

custody_chains = Table(
    "custody_chains",
    metadata,
    Column("chain_id", BigInteger, primary_key=True, autoincrement=False),
    Column("watcher", String(32), nullable=False),  # the only one that may write for this chain
)

# The last blocks of the chain as it was seen; older ones are forgotten.
custody_blocks = Table(
    "custody_blocks",
    metadata,
    Column("chain_id", BigInteger, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", String(66), nullable=False),
    Column("parent", String(66), nullable=False),
)

# Amounts of a chain have 256 bits: decimal digits. `units` = atoms and dust in the chain's units.
custody_deposits = Table(
    "custody_deposits",
    metadata,
    Column("id", ROW_NUMBER, primary_key=True),
    Column("chain_id", BigInteger, nullable=False),
    Column("transaction", String(66), nullable=False),
    Column("log", Integer, nullable=False),  # within its transaction; -1 the native coin
    Column("address", String(42), nullable=False),
    Column("account", Integer, nullable=False),
    Column("asset", Integer, nullable=False),
    Column("token", String(42)),  # contract, NULL the native coin
    Column("units", String(78), nullable=False),
    Column("atoms", BigInteger, nullable=False),
    Column("dust", String(78), nullable=False),  # what is less than one atom
    Column("block", BigInteger, nullable=False),
    Column("block_hash", String(66), nullable=False),
    Column("status", SmallInteger, nullable=False),  # custody.deposit.Status
    Column("note", Text),  # why it is not credited, for people
    Column("seen_ns", BigInteger, nullable=False),
    Column("credited_ns", BigInteger),
    Column("position", BigInteger),  # of its CREDIT in the log
    UniqueConstraint("chain_id", "transaction", "log", name="custody_deposits_once"),
    Index("custody_deposits_waiting", "chain_id", "status", "block"),
    Index("custody_deposits_account", "account", "id"),
)

# What of the hot and cold wallets' units no row explains: what they held before they were first
# looked at, and what somebody accepted since. Signed; decimal digits.
custody_openings = Table(
    "custody_openings",
    metadata,
    Column("id", ROW_NUMBER, primary_key=True),
    Column("chain_id", BigInteger, nullable=False),
    Column("address", String(42), nullable=False),  # small letters
    Column("token", String(42)),  # contract, NULL the native coin
    Column("units", String(79), nullable=False),
    Column("block", BigInteger, nullable=False),
    Column("who", String(80), nullable=False),
    Column("reason", Text, nullable=False),
    Column("made_ns", BigInteger, nullable=False),
    Index("custody_openings_of_chain", "chain_id"),
)

# A chain with an alarm that nobody resolved credits nothing.
custody_alarms = Table(
    "custody_alarms",
    metadata,
    Column("id", ROW_NUMBER, primary_key=True),
    Column("chain_id", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("raised_ns", BigInteger, nullable=False),
    Column("resolved_ns", BigInteger),
    Column("resolved_by", Text),
    Column("resolution", Text),
    Index("custody_alarms_of_chain", "chain_id", "id"),
)
