"""Every operation of the operator's door: importing this makes them known to gateway.admin."""

from excraft.gateway import (  # noqa: F401
    admin,
    admin_announcements,
    admin_custody,
    admin_kyc,
    admin_members,
    admin_merit,
    admin_referrals,
    admin_withdrawals,
)
