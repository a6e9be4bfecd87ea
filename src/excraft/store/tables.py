"""Every table of the database: importing this makes `metadata` whole."""

from excraft.store import (
    schema_announcements,
    schema_audit,
    schema_custody,
    schema_kyc,
    schema_people,
    schema_referrals,
    schema_withdrawals,
)
from excraft.store.schema import metadata

__all__ = [
    "metadata",
    "schema_announcements",
    "schema_audit",
    "schema_custody",
    "schema_kyc",
    "schema_people",
    "schema_referrals",
    "schema_withdrawals",
]
