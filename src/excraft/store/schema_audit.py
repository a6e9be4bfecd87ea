"""Acts of staff, their roles, and acts that wait for a second pair of eyes."""

from sqlalchemy import (
    DDL,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    event,
)

from excraft.store.schema import ROW_NUMBER, metadata

# Each row's hash covers the row before it: accounts/audit.py. Triggers keep it append-only.
audit_log = Table(
    "audit_log",
    metadata,
    Column("number", ROW_NUMBER, primary_key=True, autoincrement=False),  # 1, 2, 3 ... no gaps
    Column("time_ns", BigInteger, nullable=False),
    Column("who", String(80), nullable=False),  # member:ID or shell:USER
    Column("role", String(32), nullable=False),  # the one that allowed it; empty: none did
    Column("act", String(40), nullable=False),
    Column("object", String(200), nullable=False),  # such as member:7 or proposal:12
    Column("outcome", String(16), nullable=False),
    Column("payload", Text, nullable=False),  # canonical JSON
    Column("hash", LargeBinary, nullable=False),
    Index("audit_of_object", "object", "number"),
    Index("audit_by_who", "who", "number"),
)

# Roles beside the built-in ones of accounts/acts.py; a role never changes once it is there.
roles = Table(
    "roles",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("acts", Text, nullable=False),  # names with a blank between
    Column("created_by", String(80), nullable=False),
    Column("created_ns", BigInteger, nullable=False),
)

role_holders = Table(
    "role_holders",
    metadata,
    Column("member_id", ROW_NUMBER, ForeignKey("members.id"), primary_key=True),
    Column("role", String(32), primary_key=True),
    Column("given_by", String(80), nullable=False),
    Column("given_ns", BigInteger, nullable=False),
    Index("role_holders_by_role", "role"),
)

# How many approvals an act needs, where that differs from accounts/four_eyes.py.
four_eyes = Table(
    "four_eyes",
    metadata,
    Column("act", String(40), primary_key=True),
    Column("approvals", SmallInteger, nullable=False),
    Column("changed_ns", BigInteger, nullable=False),
)

proposals = Table(
    "proposals",
    metadata,
    Column("id", ROW_NUMBER, primary_key=True, autoincrement=False),
    Column("act", String(40), nullable=False),
    Column("payload", Text, nullable=False),  # canonical JSON
    Column("proposer", String(80), nullable=False),
    Column("needed", SmallInteger, nullable=False),
    Column("proposed_ns", BigInteger, nullable=False),
    Column("expires_ns", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),  # of all columns above
    Column("state", String(10), nullable=False),
    Column("closed_ns", BigInteger),  # NULL while it is open
    Column("reason", Text, nullable=False),  # why it was refused, else empty
    Index("proposals_by_state", "state", "id"),
)

approvals = Table(
    "approvals",
    metadata,
    Column("proposal_id", ROW_NUMBER, ForeignKey("proposals.id"), primary_key=True),
    Column("eyes", String(80), primary_key=True),  # member:ID, or shell: all shells are one pair
    Column("who", String(80), nullable=False),
    Column("hash", LargeBinary, nullable=False),  # what this one saw and approved
    Column("approved_ns", BigInteger, nullable=False),
)

# REPLACE deletes without DELETE triggers on SQLite, hence the third.
_SQLITE = (
    """CREATE TRIGGER audit_log_update BEFORE UPDATE ON audit_log
    BEGIN SELECT RAISE(ABORT, 'audit_log only grows'); END""",
    """CREATE TRIGGER audit_log_delete BEFORE DELETE ON audit_log
    BEGIN SELECT RAISE(ABORT, 'audit_log only grows'); END""",
    """CREATE TRIGGER audit_log_insert BEFORE INSERT ON audit_log
    WHEN EXISTS (SELECT 1 FROM audit_log WHERE number >= NEW.number)
    BEGIN SELECT RAISE(ABORT, 'audit_log only grows'); END""",
)
_POSTGRESQL = (
    """CREATE FUNCTION audit_log_only_grows() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN RAISE EXCEPTION 'audit_log only grows'; END$$""",
    """CREATE TRIGGER audit_log_rows BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION audit_log_only_grows()""",
    """CREATE TRIGGER audit_log_all BEFORE TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_only_grows()""",
)
for _dialect, _statements in (("sqlite", _SQLITE), ("postgresql", _POSTGRESQL)):
    for _statement in _statements:
        event.listen(audit_log, "after_create", DDL(_statement).execute_if(dialect=_dialect))
