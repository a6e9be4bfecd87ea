"""What the exchange tells everybody."""

from sqlalchemy import BigInteger, Column, String, Table, Text

from excraft.store.schema import ROW_NUMBER, metadata

# Never changed but for its end: whoever read it must find it as it was.
announcements = Table(
    "announcements",
    metadata,
    Column("id", ROW_NUMBER, primary_key=True),
    Column("title", String(120), nullable=False),
    Column("text", Text, nullable=False),
    Column("who", String(80), nullable=False),
    Column("from_ns", BigInteger, nullable=False),
    Column("until_ns", BigInteger),  # NULL: for ever
    Column("made_ns", BigInteger, nullable=False),
)
