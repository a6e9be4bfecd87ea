"""Codes that members hand out, who came by them, and when what is owed was paid."""

from alembic import op
from sqlalchemy import BigInteger, Column, ForeignKey, Integer, String

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

ROW_NUMBER = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "referral_codes",
        Column("code", String(8), primary_key=True),
        Column("person_id", ROW_NUMBER, ForeignKey("people.id"), nullable=False),
        Column("created_ns", BigInteger, nullable=False),
        Column("closed_ns", BigInteger),
    )
    op.create_index("referral_codes_of_person", "referral_codes", ["person_id"])
    op.create_table(
        "referrals",
        Column(
            "person_id", ROW_NUMBER, ForeignKey("people.id"), primary_key=True, autoincrement=False
        ),
        Column("code", String(8), ForeignKey("referral_codes.code"), nullable=False),
        Column("time_ns", BigInteger, nullable=False),
        Column("outcome", String(16)),
    )
    op.create_index("referrals_by_code", "referrals", ["code"])
    op.create_index("referrals_by_outcome", "referrals", ["outcome"])
    op.create_table(
        "referral_payouts",
        Column("due_ns", BigInteger, primary_key=True, autoincrement=False),
        Column("done_ns", BigInteger, nullable=False),
        Column("paid", Integer, nullable=False),
        Column("withheld", Integer, nullable=False),
    )
    with op.batch_alter_table("mail_tokens") as mail_tokens:
        mail_tokens.add_column(Column("referral", String(8)))


def downgrade() -> None:
    with op.batch_alter_table("mail_tokens") as mail_tokens:
        mail_tokens.drop_column("referral")
    for table in ("referral_payouts", "referrals", "referral_codes"):
        op.drop_table(table)
