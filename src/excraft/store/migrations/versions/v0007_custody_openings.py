"""What our own wallets held before they were first looked at."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, String, Text

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ROW_NUMBER = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "custody_openings",
        Column("id", ROW_NUMBER, primary_key=True),
        Column("chain_id", BigInteger, nullable=False),
        Column("address", String(42), nullable=False),
        Column("token", String(42)),
        Column("units", String(79), nullable=False),
        Column("block", BigInteger, nullable=False),
        Column("who", String(80), nullable=False),
        Column("reason", Text, nullable=False),
        Column("made_ns", BigInteger, nullable=False),
    )
    op.create_index("custody_openings_of_chain", "custody_openings", ["chain_id"])


def downgrade() -> None:
    op.drop_table("custody_openings")
