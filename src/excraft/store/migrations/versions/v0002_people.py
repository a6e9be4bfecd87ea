"""How a person signs up and in: credentials, sessions, second factors."""

from alembic import op
from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, String, Text

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ROW_NUMBER = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    _people()
    _devices_and_sessions()
    _second_factors()


def downgrade() -> None:
    for table in (
        "recovery_codes", "second_factors", "sessions", "devices", "mail_tokens", "people",
    ):  # fmt: skip
        op.drop_table(table)


def _whole(name: str) -> Column:
    return Column(name, BigInteger, nullable=False)


def _person(**options) -> Column:
    return Column("person_id", ROW_NUMBER, ForeignKey("people.id"), **options)


def _people() -> None:
    op.create_table(
        "people",
        Column("id", ROW_NUMBER, primary_key=True),
        Column("email_hash", String(64), nullable=False, unique=True),
        Column("email", LargeBinary, nullable=False),
        Column("password", Text, nullable=False),
        Column("member_id", ROW_NUMBER, ForeignKey("members.id"), unique=True),
        _whole("created_ns"),
    )
    op.create_table(
        "mail_tokens",
        Column("hash", String(64), primary_key=True),
        Column("purpose", String(16), nullable=False),
        _person(),
        Column("email_hash", String(64)),
        Column("email", LargeBinary),
        Column("password", Text),
        _whole("expires_ns"),
    )
    op.create_index("mail_tokens_by_expiry", "mail_tokens", ["expires_ns"])
    op.create_index("mail_tokens_of_person", "mail_tokens", ["person_id"])


def _devices_and_sessions() -> None:
    op.create_table(
        "devices",
        Column("id", String(32), primary_key=True),
        _person(nullable=False),
        Column("hash", String(64), nullable=False, unique=True),
        Column("seen_from", LargeBinary, nullable=False),
        _whole("created_ns"),
        _whole("seen_ns"),
    )
    op.create_index("devices_of_person", "devices", ["person_id"])
    op.create_table(
        "sessions",
        Column("id", String(32), primary_key=True),
        Column("hash", String(64), nullable=False, unique=True),
        _person(nullable=False),
        Column("device_id", String(32), ForeignKey("devices.id"), nullable=False),
        _whole("created_ns"),
        _whole("seen_ns"),
        _whole("proved_ns"),
    )
    op.create_index("sessions_of_person", "sessions", ["person_id"])
    op.create_index("sessions_of_device", "sessions", ["device_id"])


def _second_factors() -> None:
    op.create_table(
        "second_factors",
        _person(primary_key=True, autoincrement=False),
        Column("secret", LargeBinary, nullable=False),
        _whole("last_step"),
        Column("confirmed_ns", BigInteger),
    )
    op.create_table(
        "recovery_codes",
        _person(primary_key=True, autoincrement=False),
        Column("hash", String(64), primary_key=True),
    )
