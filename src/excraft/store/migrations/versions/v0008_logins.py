"""Passkeys, wallets, known networks, and API keys that expire and tell their last use."""

from alembic import op
from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, String

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

ROW_NUMBER = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "passkeys",
        Column("id", String(32), primary_key=True),
        _person(nullable=False),
        Column("credential_hash", String(64), nullable=False, unique=True),
        Column("credential", LargeBinary, nullable=False),
        Column("public_key", LargeBinary, nullable=False),
        _whole("sign_count"),
        Column("label", String(64), nullable=False),
        _whole("created_ns"),
        Column("used_ns", BigInteger),
    )
    op.create_index("passkeys_of_person", "passkeys", ["person_id"])
    op.create_table(
        "wallets",
        Column("id", String(32), primary_key=True),
        _person(nullable=False),
        Column("address_hash", String(64), nullable=False, unique=True),
        Column("address", LargeBinary, nullable=False),
        _whole("created_ns"),
        Column("used_ns", BigInteger),
    )
    op.create_index("wallets_of_person", "wallets", ["person_id"])
    op.create_table(
        "login_networks",
        _person(primary_key=True, autoincrement=False),
        Column("hash", String(64), primary_key=True),
        _whole("seen_ns"),
    )
    with op.batch_alter_table("api_keys") as keys:
        keys.add_column(Column("expires_ns", BigInteger))
        keys.add_column(Column("used_ns", BigInteger))
        keys.add_column(Column("used_from", LargeBinary))


def downgrade() -> None:
    with op.batch_alter_table("api_keys") as keys:
        for name in ("used_from", "used_ns", "expires_ns"):
            keys.drop_column(name)
    for table in ("login_networks", "wallets", "passkeys"):
        op.drop_table(table)


def _whole(name: str) -> Column:
    return Column(name, BigInteger, nullable=False)


def _person(**options) -> Column:
    return Column("person_id", ROW_NUMBER, ForeignKey("people.id"), **options)
