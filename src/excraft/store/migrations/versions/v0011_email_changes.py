"""Changes of e-mail, and when a password was changed."""

from alembic import op
from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, String

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ROW_NUMBER = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "email_changes",
        Column(
            "person_id", ROW_NUMBER, ForeignKey("people.id"), primary_key=True, autoincrement=False
        ),
        Column("email_hash", String(64), nullable=False),
        Column("email", LargeBinary, nullable=False),
        Column("confirm_hash", String(64), nullable=False),
        Column("cancel_hash", String(64), nullable=False, unique=True),
        Column("asked_ns", BigInteger, nullable=False),
        Column("expires_ns", BigInteger, nullable=False),
        Column("due_ns", BigInteger),
    )
    with op.batch_alter_table("people") as people:
        people.add_column(Column("password_ns", BigInteger))


def downgrade() -> None:
    with op.batch_alter_table("people") as people:
        people.drop_column("password_ns")
    op.drop_table("email_changes")
