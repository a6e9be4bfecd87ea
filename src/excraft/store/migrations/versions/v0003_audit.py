"""Acts of staff, their roles, and acts that wait for a second pair of eyes."""

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
)

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ROW_NUMBER = BigInteger().with_variant(Integer, "sqlite")

SQLITE = (
    """CREATE TRIGGER audit_log_update BEFORE UPDATE ON audit_log
    BEGIN SELECT RAISE(ABORT, 'audit_log only grows'); END""",
    """CREATE TRIGGER audit_log_delete BEFORE DELETE ON audit_log
    BEGIN SELECT RAISE(ABORT, 'audit_log only grows'); END""",
    """CREATE TRIGGER audit_log_insert BEFORE INSERT ON audit_log
    WHEN EXISTS (SELECT 1 FROM audit_log WHERE number >= NEW.number)
    BEGIN SELECT RAISE(ABORT, 'audit_log only grows'); END""",
)
POSTGRESQL = (
    """CREATE FUNCTION audit_log_only_grows() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN RAISE EXCEPTION 'audit_log only grows'; END$$""",
    """CREATE TRIGGER audit_log_rows BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION audit_log_only_grows()""",
    """CREATE TRIGGER audit_log_all BEFORE TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_only_grows()""",
)


def upgrade() -> None:
    _audit_log()
    _roles()
    _proposals()
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SQLITE if on_sqlite else POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    for table in ("approvals", "proposals", "four_eyes", "role_holders", "roles", "audit_log"):
        op.drop_table(table)
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION audit_log_only_grows()")


def _text(name: str, length: int, **options) -> Column:
    return Column(name, String(length), nullable=False, **options)


def _whole(*names: str) -> list[Column]:
    return [Column(name, BigInteger, nullable=False) for name in names]


def _audit_log() -> None:
    op.create_table(
        "audit_log",
        Column("number", ROW_NUMBER, primary_key=True, autoincrement=False),
        *_whole("time_ns"),
        _text("who", 80),
        _text("role", 32),
        _text("act", 40),
        _text("object", 200),
        _text("outcome", 16),
        Column("payload", Text, nullable=False),
        Column("hash", LargeBinary, nullable=False),
    )
    op.create_index("audit_of_object", "audit_log", ["object", "number"])
    op.create_index("audit_by_who", "audit_log", ["who", "number"])


def _roles() -> None:
    op.create_table(
        "roles",
        Column("name", String(32), primary_key=True),
        Column("acts", Text, nullable=False),
        _text("created_by", 80),
        *_whole("created_ns"),
    )
    op.create_table(
        "role_holders",
        Column("member_id", ROW_NUMBER, ForeignKey("members.id"), primary_key=True),
        Column("role", String(32), primary_key=True),
        _text("given_by", 80),
        *_whole("given_ns"),
    )
    op.create_index("role_holders_by_role", "role_holders", ["role"])


def _proposals() -> None:
    op.create_table(
        "four_eyes",
        Column("act", String(40), primary_key=True),
        Column("approvals", SmallInteger, nullable=False),
        *_whole("changed_ns"),
    )
    op.create_table(
        "proposals",
        Column("id", ROW_NUMBER, primary_key=True, autoincrement=False),
        _text("act", 40),
        Column("payload", Text, nullable=False),
        _text("proposer", 80),
        Column("needed", SmallInteger, nullable=False),
        *_whole("proposed_ns", "expires_ns"),
        Column("hash", LargeBinary, nullable=False),
        _text("state", 10),
        Column("closed_ns", BigInteger),
        Column("reason", Text, nullable=False),
    )
    op.create_index("proposals_by_state", "proposals", ["state", "id"])
    op.create_table(
        "approvals",
        Column("proposal_id", ROW_NUMBER, ForeignKey("proposals.id"), primary_key=True),
        Column("eyes", String(80), primary_key=True),
        _text("who", 80),
        Column("hash", LargeBinary, nullable=False),
        *_whole("approved_ns"),
    )
