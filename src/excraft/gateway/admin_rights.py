"""Which act of staff each operation is, and the audit row that it leaves, whoever the door."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from excraft.accounts import actors
from excraft.accounts.actors import Actor
from excraft.accounts.acts import READING, Act
from excraft.accounts.kyc_errors import UnknownCase
from excraft.accounts.staff_errors import NotAllowed

_actor: ContextVar[Actor | None] = ContextVar("actor", default=None)
_ACCOUNT_ACTS = {
    "FEE_TIER": Act.SET_FEE_TIER,
    "REFERRER": Act.SET_REFERRAL,
    "REFERRAL_SHARE_PPM": Act.SET_REFERRAL,
    "KYC_LEVEL": Act.REVIEW_KYC,
}
# Parameters with an operation of their own, which looks at a case or at who gains: a member of
# staff does not get past it by setting the number.
_DECIDED_BY = {
    "KYC_LEVEL": "kyc_decide",
    "TRADE_GROUP": "kyc_link",
    "REFERRER": "member_referral",
    "REFERRAL_SHARE_PPM": "member_referral",
}


class Right(NamedTuple):
    """`act`, or what finds it from the arguments. `own`: the operation checks and writes itself.
    `alone`: whether these arguments decide nothing yet, so that four eyes are not for them."""

    act: Act | Callable[[Mapping[str, Any]], Act]
    own: bool = False
    alone: Callable[[Mapping[str, Any]], bool] = lambda _: False
    shell_only: bool = False

    def of(self, arguments: Mapping[str, Any]) -> Act:
        return self.act if isinstance(self.act, Act) else self.act(arguments)


def _state_act(arguments: Mapping[str, Any]) -> Act:
    return Act.RESUME_MARKET if arguments.get("state") == "TRADING" else Act.HALT_MARKET


def _parameter_act(arguments: Mapping[str, Any]) -> Act:
    name = arguments.get("name", "")
    if name == "ACCOUNT_STATE":
        return Act.UNFREEZE_ACCOUNT if arguments.get("value") == 1 else Act.FREEZE_ACCOUNT
    return _ACCOUNT_ACTS.get(name, Act.SET_PARAMETER)


RIGHTS: dict[str, Right] = {
    "status": Right(Act.SEE_SETTINGS),
    "member_add": Right(Act.ADD_MEMBER),
    "member_list": Right(Act.SEE_MEMBERS),
    "member_find": Right(Act.SEE_MEMBERS),
    "member_show": Right(Act.SEE_MEMBERS),
    "member_note": Right(Act.WRITE_NOTE),
    "member_freeze": Right(Act.FREEZE_ACCOUNT),
    "member_unfreeze": Right(Act.UNFREEZE_ACCOUNT),
    "member_end_sessions": Right(Act.END_SESSIONS),
    "member_reset_second_factor": Right(Act.RESET_SECOND_FACTOR),
    "member_fee_tier": Right(Act.SET_FEE_TIER),
    "member_referral": Right(Act.SET_REFERRAL),
    "referral_pay": Right(Act.SET_REFERRAL, alone=lambda _: True),
    "referral_show": Right(Act.SEE_PERSONAL_DETAILS),
    "referral_close": Right(Act.SET_REFERRAL, alone=lambda _: True),
    "round_status": Right(Act.SEE_SETTINGS),
    "round_close": Right(Act.SET_PARAMETER, alone=lambda _: True),
    "pool_list": Right(Act.SEE_SETTINGS),
    "pair_flag": Right(Act.REVIEW_KYC),
    "referral_payouts": Right(Act.SEE_MONEY),
    "api_key_create": Right(Act.ADD_MEMBER, shell_only=True),
    "api_key_list": Right(Act.SEE_PERSONAL_DETAILS),
    "api_key_revoke": Right(Act.END_SESSIONS),
    "asset_list": Right(Act.SEE_SETTINGS),
    "asset_add": Right(Act.LIST_ASSET),
    "market_list": Right(Act.SEE_SETTINGS),
    "market_add": Right(Act.LIST_MARKET),
    "market_state": Right(_state_act),
    "money_credit": Right(Act.CREDIT),
    "money_debit": Right(Act.DEBIT),
    "money_balances": Right(Act.SEE_MONEY),
    "parameter_list": Right(Act.SEE_SETTINGS),
    "parameter_set": Right(_parameter_act),
    "custody_status": Right(Act.SEE_CUSTODY),
    "custody_deposits": Right(Act.SEE_CUSTODY),
    "custody_freeze": Right(Act.FREEZE_WITHDRAWALS, own=True),
    "custody_accept": Right(Act.UNFREEZE_WITHDRAWALS, own=True),
    "custody_release": Right(Act.CREDIT, own=True),
    "custody_read_again": Right(Act.UNFREEZE_WITHDRAWALS, own=True),
    "custody_forget": Right(Act.UNFREEZE_WITHDRAWALS, own=True),
    "custody_resolve": Right(Act.UNFREEZE_WITHDRAWALS, own=True),
    "withdrawal_list": Right(Act.SEE_CUSTODY),
    "withdrawal_show": Right(Act.SEE_CUSTODY),
    "withdrawal_approve": Right(Act.APPROVE_WITHDRAWAL, own=True),
    "withdrawal_refuse": Right(Act.REFUSE_WITHDRAWAL, own=True),
    "withdrawal_limits": Right(Act.SEE_SETTINGS),
    "withdrawal_limit_set": Right(Act.SET_LIMITS, own=True),
    "wallet_transactions": Right(Act.SEE_CUSTODY),
    "wallet_status": Right(Act.SEE_CUSTODY),
    "announce": Right(Act.ANNOUNCE),
    "announcement_end": Right(Act.ANNOUNCE),
    "announcement_list": Right(Act.SEE_SETTINGS),
    "kyc_queue": Right(Act.SEE_KYC),
    "kyc_status": Right(Act.SEE_KYC),
    "kyc_show": Right(Act.SEE_KYC),
    "kyc_claim": Right(Act.REVIEW_KYC, alone=lambda _: True),
    "kyc_decide": Right(Act.REVIEW_KYC, alone=lambda given: given.get("step") == "release"),
    "kyc_link": Right(Act.REVIEW_KYC),
}


def acting() -> Actor:
    """Who asks for the operation that runs: the member a door has proven, else the shell."""
    return _actor.get() or actors.shell()


@contextmanager
def as_actor(actor: Actor) -> Iterator[None]:
    """Operations inside are this actor's."""
    before = _actor.set(actor)
    try:
        yield
    finally:
        _actor.reset(before)


async def let(exchange: Any, name: str, arguments: dict[str, Any]) -> None:
    """Check that who acts may do this now, and write the audit row; raises StaffError.

    The row comes first: a command that is in the log and not in the audit log could not be told
    from one that was forged. What fails afterwards gets a second row, by `failed`.
    """
    right = RIGHTS.get(name)
    if right is None or exchange.staff is None:
        return
    act, actor, audit = right.of(arguments), acting(), exchange.staff.audit
    object = f"operation:{name}"

    def check() -> None:
        if why := _objection(exchange, name, act, arguments):
            audit.denied(actor, act, object, why)
            raise NotAllowed(why)
        if act in READING or right.own:
            audit.require(actor, act, object)
            return
        kept, alone = _kept(arguments), right.alone(arguments)
        with audit.acting(actor, act, object, kept, alone=alone):
            pass  # the command itself is no row of the database

    await asyncio.to_thread(check)


def _objection(exchange: Any, name: str, act: Act, arguments: dict[str, Any]) -> str:
    """Why who acts may not do just this, whatever their roles; empty when they may. Blocks."""
    actor = acting()
    if actor.is_shell or act in READING:
        return ""
    if actor.member_id in _about(exchange, arguments):
        return f"{actor.who} may not {act} on themselves; another one does it"
    number = arguments.get("name") if name == "parameter_set" else None
    if number in _DECIDED_BY:
        return f"{number} is set by {_DECIDED_BY[number]}, not by hand"
    return ""


async def failed(exchange: Any, name: str, arguments: dict[str, Any], why: str) -> None:
    """The second row of an operation that was let and then refused."""
    right = RIGHTS.get(name)
    if right is None or right.own or exchange.staff is None:
        return
    act = right.of(arguments)
    if act not in READING:
        await asyncio.to_thread(
            lambda: exchange.staff.audit.record(
                acting(), act, f"operation:{name}", outcome="failed", payload={"why": why[:300]}
            )
        )


def payload_of(exchange: Any, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """What a proposal of this operation says. Blocks."""
    payload: dict[str, Any] = {"operation": name, "arguments": _kept(arguments)}
    concerned = _about(exchange, arguments)
    payload |= {"member": concerned[0]} if concerned else {}
    return payload | ({"concerned": concerned} if len(concerned) > 1 else {})


def _kept(arguments: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if name != "public_key"}


def _about(exchange: Any, arguments: Mapping[str, Any]) -> list[int]:
    """Numbers of the members whom the arguments name, themselves or by a case of theirs, then of
    those who have the same owner: neither decides about the others."""
    names = (arguments.get(field) for field in ("member", "other", "referrer"))
    known = [exchange.members.by_name(n) for n in names if isinstance(n, str) and n]
    found = [member.id for member in known if member is not None]
    if exchange.kyc is None:
        return found
    if (case := arguments.get("case")) is not None:
        with contextlib.suppress(UnknownCase):  # the operation itself says so
            found.append(exchange.kyc.cases.case(case).member_id)
    owners = {m for member in found for m in exchange.kyc.cases.group_of(member)}
    return found + sorted(owners - set(found))
