"""What staff may do, act by act, and the roles that come with the exchange."""

from enum import StrEnum


class Act(StrEnum):
    """One right each; the text is stored, so a name stays for ever."""

    # These look and change nothing.
    SEE_MEMBERS = "SEE_MEMBERS"  # names, accounts, flags, notes
    SEE_PERSONAL_DETAILS = "SEE_PERSONAL_DETAILS"  # e-mail, devices, logins
    SEE_KYC = "SEE_KYC"  # cases with their documents
    SEE_MONEY = "SEE_MONEY"  # balances, entries, orders, fills of anybody
    SEE_CUSTODY = "SEE_CUSTODY"  # addresses, deposits, withdrawals, wallets
    SEE_SETTINGS = "SEE_SETTINGS"  # parameters, limits, fee tiers
    SEE_ROLES = "SEE_ROLES"  # roles, who holds them, proposals
    READ_AUDIT = "READ_AUDIT"
    EXPORT = "EXPORT"  # what the other rights let one see, as a file
    # People.
    ADD_MEMBER = "ADD_MEMBER"
    WRITE_NOTE = "WRITE_NOTE"
    END_SESSIONS = "END_SESSIONS"
    RESET_SECOND_FACTOR = "RESET_SECOND_FACTOR"
    FREEZE_ACCOUNT = "FREEZE_ACCOUNT"
    UNFREEZE_ACCOUNT = "UNFREEZE_ACCOUNT"
    REVIEW_KYC = "REVIEW_KYC"
    # Money.
    CREDIT = "CREDIT"
    DEBIT = "DEBIT"
    APPROVE_WITHDRAWAL = "APPROVE_WITHDRAWAL"
    REFUSE_WITHDRAWAL = "REFUSE_WITHDRAWAL"
    SWEEP_TO_COLD = "SWEEP_TO_COLD"
    FREEZE_WITHDRAWALS = "FREEZE_WITHDRAWALS"  # of everybody
    UNFREEZE_WITHDRAWALS = "UNFREEZE_WITHDRAWALS"
    SET_LIMITS = "SET_LIMITS"
    # Markets.
    LIST_ASSET = "LIST_ASSET"
    LIST_MARKET = "LIST_MARKET"
    HALT_MARKET = "HALT_MARKET"
    RESUME_MARKET = "RESUME_MARKET"
    SET_PARAMETER = "SET_PARAMETER"
    SET_FEE_TIER = "SET_FEE_TIER"
    SET_REFERRAL = "SET_REFERRAL"
    ANNOUNCE = "ANNOUNCE"
    # Staff.
    MANAGE_ROLES = "MANAGE_ROLES"
    SET_FOUR_EYES = "SET_FOUR_EYES"


READING = frozenset(
    {
        Act.SEE_MEMBERS,
        Act.SEE_PERSONAL_DETAILS,
        Act.SEE_KYC,
        Act.SEE_MONEY,
        Act.SEE_CUSTODY,
        Act.SEE_SETTINGS,
        Act.SEE_ROLES,
        Act.READ_AUDIT,
        Act.EXPORT,
    }
)

# Their payload names the member whom they concern, who may neither propose nor approve them.
ABOUT_A_MEMBER = frozenset(
    {
        Act.RESET_SECOND_FACTOR,
        Act.FREEZE_ACCOUNT,
        Act.UNFREEZE_ACCOUNT,
        Act.REVIEW_KYC,
        Act.CREDIT,
        Act.DEBIT,
        Act.APPROVE_WITHDRAWAL,
        Act.REFUSE_WITHDRAWAL,
        Act.SET_FEE_TIER,
        Act.SET_REFERRAL,
    }
)

MEMBER, ADMINISTRATOR = "member", "administrator"

# What a member does with what is their own is no act of staff, so `member` has none.
BUILT_IN: dict[str, frozenset[Act]] = {
    MEMBER: frozenset(),
    "support": frozenset(
        {
            Act.SEE_MEMBERS,
            Act.SEE_PERSONAL_DETAILS,
            Act.WRITE_NOTE,
            Act.END_SESSIONS,
            Act.FREEZE_ACCOUNT,
        }
    ),
    "compliance": frozenset(
        {
            Act.SEE_MEMBERS,
            Act.SEE_PERSONAL_DETAILS,
            Act.SEE_KYC,
            Act.SEE_MONEY,
            Act.SEE_CUSTODY,
            Act.WRITE_NOTE,
            Act.FREEZE_ACCOUNT,
            Act.UNFREEZE_ACCOUNT,
            Act.REVIEW_KYC,
            Act.REFUSE_WITHDRAWAL,
            Act.FREEZE_WITHDRAWALS,
            Act.EXPORT,
        }
    ),
    "finance": frozenset(
        {
            Act.SEE_MEMBERS,
            Act.SEE_MONEY,
            Act.SEE_CUSTODY,
            Act.SEE_SETTINGS,
            Act.CREDIT,
            Act.DEBIT,
            Act.APPROVE_WITHDRAWAL,
            Act.REFUSE_WITHDRAWAL,
            Act.SWEEP_TO_COLD,
            Act.FREEZE_WITHDRAWALS,
            Act.EXPORT,
        }
    ),
    "market-desk": frozenset(
        {
            Act.SEE_SETTINGS,
            Act.LIST_ASSET,
            Act.LIST_MARKET,
            Act.HALT_MARKET,
            Act.RESUME_MARKET,
            Act.SET_PARAMETER,
            Act.ANNOUNCE,
        }
    ),
    ADMINISTRATOR: frozenset(Act),
    "auditor": READING,
}
