"""What the exchange tells everybody."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, String, Text

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ROW_NUMBER = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "announcements",
        Column("id", ROW_NUMBER, primary_key=True),
        Column("title", String(120), nullable=False),
        Column("text", Text, nullable=False),
        Column("who", String(80), nullable=False),
        Column("from_ns", BigInteger, nullable=False),
        Column("until_ns", BigInteger),
        Column("made_ns", BigInteger, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("announcements")
