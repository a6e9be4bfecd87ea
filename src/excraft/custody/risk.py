"""The risk rules: pure functions of what is asked and what is known; the first refusal counts."""

from typing import NamedTuple

from excraft.custody.errors import WithdrawalRefused
from excraft.custody.limits import Limits, Setting

SECOND_NS = 10**9


class Asked(NamedTuple):
    """A withdrawal as it is asked for."""

    asset: int
    atoms: int
    destination: str
    now_ns: int
    by_key: bool  # asked by an API key, without a code


class Known(NamedTuple):
    """What is known of the account that asks. A time is None where there was none."""

    level: int  # of KYC
    account_frozen: bool
    day_atoms: int  # of this asset, asked for in the last 24 hours and not ended without payment
    hour_count: int
    listed_ns: int | None  # since when the destination is on the member's list
    first_used_ns: int | None
    list_only: bool  # whether the member's withdrawals go to listed destinations only
    factor_changed_ns: int | None  # a second factor, the password or a wallet that logs in
    email_changing: bool


class Verdict(NamedTuple):
    """A withdrawal that is taken: how many approvals it needs, and what it waits for."""

    approvals: int
    waits_until_ns: int


def judge(asked: Asked, known: Known, limits: Limits, text) -> Verdict:
    """Raises WithdrawalRefused. `text(atoms)` writes an amount for people."""
    if known.account_frozen:
        raise WithdrawalRefused("frozen", "your account is frozen; ask the support why")
    _check_logins(asked, known, limits)
    if known.listed_ns is None and (known.list_only or asked.by_key):
        why = "an API key withdraws to them only" if asked.by_key else "your list mode is on"
        raise WithdrawalRefused(
            "not_listed", f"{asked.destination} is not on your list of addresses, and {why}"
        )
    most = limits.of(Setting.COUNT_PER_HOUR)
    if known.hour_count >= most:
        raise WithdrawalRefused(
            "too_many", f"you asked for {known.hour_count} withdrawals within an hour; {most} go"
        )
    _check_day(asked, known, limits, text)
    above = asked.atoms > limits.of(Setting.APPROVE_ABOVE, asked.asset)
    approvals = limits.of(Setting.APPROVALS, asked.asset) if above else 0
    return Verdict(approvals, _waits_until(asked, known, limits))


def list_mode(on_ns: int | None, off_asked_ns: int | None, now_ns: int, limits: Limits) -> bool:
    """Whether list mode holds: leaving it takes a while, so that a thief is noticed."""
    if on_ns is None:
        return False
    delay = limits.of(Setting.LIST_OFF_DELAY_S) * SECOND_NS
    return off_asked_ns is None or now_ns < off_asked_ns + delay


def _check_logins(asked: Asked, known: Known, limits: Limits) -> None:
    if known.email_changing:
        raise WithdrawalRefused(
            "factor_changed",
            "the e-mail of your account is being changed; withdrawals are open to you once that is "
            "in force or cancelled",
        )
    delay = limits.of(Setting.FACTOR_DELAY_S)
    changed = known.factor_changed_ns
    if changed is not None and asked.now_ns < changed + delay * SECOND_NS:
        left = (changed + delay * SECOND_NS - asked.now_ns) // SECOND_NS + 1
        raise WithdrawalRefused(
            "factor_changed",
            f"how you log in was changed lately; withdrawals are open to you in {left} s",
        )


def _check_day(asked: Asked, known: Known, limits: Limits, text) -> None:
    most = limits.of(Setting.DAY_LIMIT, asked.asset, known.level)
    if known.day_atoms + asked.atoms > most:
        raise WithdrawalRefused(
            "day_limit",
            f"{text(asked.atoms)} and the {text(known.day_atoms)} of the last 24 hours are more "
            f"than the {text(most)} of KYC level {known.level}",
        )


def _waits_until(asked: Asked, known: Known, limits: Limits) -> int:
    """A destination that was listed or used a while ago is paid at once."""
    delay = limits.of(Setting.NEW_ADDRESS_DELAY_S) * SECOND_NS
    times = [t for t in (known.listed_ns, known.first_used_ns) if t is not None]
    until = min([asked.now_ns, *times]) + delay
    return until if until > asked.now_ns else asked.now_ns
