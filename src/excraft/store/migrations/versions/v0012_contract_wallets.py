"""Wallets that are contracts, each of one chain."""

from alembic import op
from sqlalchemy import BigInteger, Column

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("wallets") as wallets:
        wallets.add_column(Column("chain_id", BigInteger))


def downgrade() -> None:
    with op.batch_alter_table("wallets") as wallets:
        wallets.drop_column("chain_id")
