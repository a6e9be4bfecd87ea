"""Mails of a transaction; whoever reviews from a shell is shell:LOGIN, as everywhere."""

from alembic import op
from sqlalchemy import BigInteger, Column, ForeignKey, Integer, String, Text

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ROW_NUMBER = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "mails_due",
        Column("id", ROW_NUMBER, primary_key=True),
        Column("person_id", ROW_NUMBER, ForeignKey("people.id"), nullable=False),
        Column("kind", String(16), nullable=False),
        Column("details", Text, nullable=False),
        Column("time_ns", BigInteger, nullable=False),
        Column("leased_until_ns", BigInteger, nullable=False),
    )
    # Claims that stand: their reviewer must still be the one who may decide.
    op.execute(
        "UPDATE kyc_cases SET reviewer = 'shell:' || substr(reviewer, 7) "
        "WHERE reviewer LIKE 'shell %'"
    )


def downgrade() -> None:
    op.drop_table("mails_due")
