"""/admin: for each operation and page which roles may, and what they say; administrators may all.

A row's values are made anew for each who may. `status` is what they get: 202 is a proposal, for
what nobody does alone.
"""

from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

from excraft.accounts import actors
from excraft.accounts.acts import Act
from excraft.accounts.kyc_actors import owner
from excraft.accounts.kyc_states import Level, Step
from excraft.chain.blocks import Header
from excraft.custody.deposit import COIN, Arrival
from excraft.gateway.kyc_decisions import reviewer_of
from excraft.gateway.staff.exports import EXPORTS
from excraft.parameters import Parameter
from tests.accounts.kyc_desk import person
from tests.gateway.attacks.places import Place
from tests.gateway.attacks.town import keep_back
from tests.gateway.clients import set_parameter
from tests.gateway.withdrawing import BOB

SUPPORT, COMPLIANCE, FINANCE = "support", "compliance", "finance"
MARKETS, AUDITOR = "market-desk", "auditor"
ROOT: set[str] = set()
PEOPLE = {SUPPORT, COMPLIANCE, FINANCE, AUDITOR}
MONEY = {COMPLIANCE, FINANCE, AUDITOR}
SETTINGS = {FINANCE, MARKETS, AUDITOR}
ALL = {SUPPORT, COMPLIANCE, FINANCE, MARKETS, AUDITOR, "nothing"}


class Said(NamedTuple):
    """`values` of the braces, the query, the body."""

    values: dict[str, Any] = {}
    query: dict[str, Any] = {}
    body: dict[str, Any] = {}


Saying = Callable[[Any], Awaitable[Said]]


class Row(NamedTuple):
    may: set[str]
    say: Saying
    status: int = 200


def op(**body: Any) -> Saying:
    """Braces in a text become what is Vera's."""

    async def say(town: Any) -> Said:
        names = {
            "vera": town.vera.member.name,
            "mallory": town.mallory.member.name,
            "second": town.second.member.name,
        }
        return Said(body={
            k: v.format(**names, fresh=next(town.numbers)) if isinstance(v, str) else v
            for k, v in body.items()
        })  # fmt: skip

    return say


def page(**query: Any) -> Saying:
    async def say(town: Any) -> Said:
        return Said(query=query)

    return say


async def _her_key(town: Any) -> Said:
    return Said(body={"api_key": town.vera.key("READ").key})


async def _owing(town: Any) -> Said:
    """Vera pays fees in EXT, of which her referrer, Mallory, is owed a share."""
    engine, account = town.venue.engine, town.vera.account
    await set_parameter(engine, Parameter.REFERRAL_SHARE_PPM, 1000, account)
    await set_parameter(engine, Parameter.REFERRER, town.mallory.account + 1, account)
    await town.venue.bob.limit("SELL", "1", "40")
    await town.her.key.limit("BUY", "1", "40")
    return Said(body={"member": town.vera.member.name, "asset": "EXT"})


async def _her_referral_code(town: Any) -> Said:
    code = (await town.vera.ok("POST", "referrals"))["code"]
    return Said(body={"member": town.vera.member.name, "code": code, "reason": "abuse"})


async def _her_withdrawal(town: Any) -> Said:
    return Said(body={"id": town.her.withdrawal})


async def _waiting(town: Any) -> int:
    """Another one of hers, which nobody decided yet."""
    wish = {"asset": "EXT", "address": BOB, "amount": "0.1", "code": town.vera.code()}
    return (await town.vera.ok("POST", "withdrawals", **wish))["id"]


async def _seen(town: Any) -> Said:
    """A withdrawal that waits for approval, with the hash of what is shown of it."""
    shown = (await town.root.op("withdrawal_show", id=await _waiting(town))).json()["result"]
    return Said(body={"id": shown["id"], "seen": shown["hash"]})


async def _refused(town: Any) -> Said:
    return Said(body={"id": await _waiting(town), "reason": "a stolen key"})


async def _her_case(town: Any) -> Said:
    return Said(body={"case": town.her.case, "reveal": True, "reason": "to compare"})


async def _submitted(town: Any) -> int:
    """A case of somebody new, who waits for a reviewer."""
    cases = town.kyc.cases
    someone = await town.join(f"someone-{next(town.numbers)}")
    case, mine = cases.open(someone.member.id, Level.BASIC).id, owner(someone.member.id)
    cases.set_person(case, mine, person(document_number=f"{someone.member.id:08d}"))
    cases.step(case, Step.SUBMIT, mine)
    return case


async def _queued(town: Any) -> Said:
    await _submitted(town)
    return Said()


async def _claimed(town: Any) -> Said:
    """A case that waits for the decision of whom the row is tried with."""
    case = await _submitted(town)
    town.kyc.cases.step(case, Step.CLAIM, reviewer_of(actors.member(town.acting.member.id)))
    return Said(body={"case": case, "step": "approve", "reason": ""})


async def _pair(town: Any) -> Said:
    """A market that is not there yet, of an asset that is new."""
    symbol = f"B{next(town.numbers)}"
    await town.venue.engine.list_asset(symbol, "One more", 8)
    said = {"symbol": f"{symbol}USD", "base": symbol, "quote": "USD", "tick": "0.01"}
    return Said(body=said | {"lot": "0.001"})


async def _ended(town: Any) -> Said:
    made = await town.root.op("announce", title="for a while", text="gone soon")
    return Said(body={"id": made.json()["result"]["id"]})


async def _alarm(town: Any) -> Said:
    await town.root.op("custody_freeze", reason="a drill")
    found = (await town.root.op("custody_status")).json()["result"]
    return Said(body={"alarm": found["alarms"][-1]["id"], "resolution": "it was a drill"})


async def _found(town: Any) -> Said:
    """What the comparison found at Vera's address, and is not credited yet."""
    said = {"member": town.vera.member.name, "reason": "her own transfer"}
    return Said(body=said | {"deposit": keep_back(town)})


async def _forgotten(town: Any) -> Said:
    return Said(body={"deposit": keep_back(town), "reason": "the node lied"})


async def _read_again(town: Any) -> Said:
    """A block in which the node, asked again, tells of one more transfer to Vera."""
    [watched] = town.venue.exchange.custody.chains.values()
    arrival = Arrival("0x" + "77" * 32, COIN, BOB, town.vera.account, None, 1, 1, "0x" + "78" * 32)

    async def read_again(first: int, last: int) -> list[Arrival]:
        return [arrival]

    watched.deposits = SimpleNamespace(read_again=read_again)
    watched.reconcile.compare_again = lambda: None
    watched.book.tip = lambda: Header(9, "0x" + "79" * 32, "0x" + "78" * 32)
    return Said(body={"network": "ETH", "first": 1, "last": 1, "reason": "it was denied"})


async def _document(town: Any) -> Said:
    return Said({"document": town.her.document}, {"reason": "to compare"})


async def _proposed(town: Any, approved: bool = False) -> Any:
    """A credit that one of finance proposed; with `approved`, another approved it."""
    approvals, proposer = town.staff.approvals, actors.member(town.teller.member.id)
    said = {
        "operation": "money_credit", "member": town.vera.member.id,
        "arguments": {"member": town.vera.member.name, "asset": "USD", "amount": "1",
                      "reason": "CORRECTION", "reference": "ticket"},
    }  # fmt: skip
    made = approvals.propose(proposer, Act.CREDIT, said)
    if approved:
        approvals.approve(actors.member(town.second.member.id), made.id, made.hash)
    return made


async def _approve(town: Any) -> Said:
    made = await _proposed(town)
    return Said({"number": made.id}, body={"hash": made.hash.hex()})


async def _refuse(town: Any) -> Said:
    return Said({"number": (await _proposed(town)).id}, body={"reason": "no ticket"})


async def _carry_out(town: Any) -> Said:
    return Said({"number": (await _proposed(town, approved=True)).id})


async def _withdraw(town: Any) -> Said:
    """Only its proposer may, whatever the role."""
    return Said({"number": (await _proposed(town)).id})


async def _new_role(town: Any) -> Said:
    return Said(body={"do": "give", "role": SUPPORT, "member": town.mallory.member.id})


_OPERATIONS: dict[str, Row] = {
    "status": Row(SETTINGS, op()),
    "member_list": Row(PEOPLE, op()),
    "member_find": Row(PEOPLE, op(text="vera.veramark@example.org")),
    "member_show": Row(PEOPLE, op(member="{vera}")),
    "member_note": Row({SUPPORT, COMPLIANCE}, op(member="{vera}", text="called")),
    "member_add": Row(ROOT, op(name="new-{fresh}")),
    "member_fee_tier": Row(ROOT, op(member="{vera}", tier=1)),
    "member_referral": Row(
        ROOT, op(member="{vera}", referrer="{mallory}", share_ppm=1000), 202
    ),
    "referral_pay": Row(ROOT, _owing),
    "referral_show": Row({SUPPORT, COMPLIANCE, AUDITOR}, op(member="{vera}")),
    "referral_close": Row(ROOT, _her_referral_code),
    "round_status": Row(SETTINGS, op()),
    "round_close": Row({MARKETS}, op()),
    "pool_list": Row(SETTINGS, op()),
    "pair_flag": Row({COMPLIANCE}, op(member="{vera}", other="{mallory}", reason="for show")),
    "referral_payouts": Row(MONEY, op()),
    "api_key_list": Row({SUPPORT, COMPLIANCE, AUDITOR}, op()),
    "api_key_revoke": Row({SUPPORT}, _her_key),
    "asset_list": Row(SETTINGS, op()),
    "asset_add": Row({MARKETS}, op(symbol="A{fresh}", decimals=8, name="One more"), 202),
    "market_list": Row(SETTINGS, op()),
    "market_add": Row({MARKETS}, _pair),
    "market_state": Row({MARKETS}, op(symbol="EXTUSD", state="HALT")),
    "money_balances": Row(MONEY, op(member="{vera}")),
    "money_credit": Row({FINANCE}, op(member="{vera}", asset="USD", amount="1",
                                      reason="CORRECTION", reference="ticket"), 202),
    "money_debit": Row({FINANCE}, op(member="{vera}", asset="USD", amount="1",
                                     reason="CORRECTION", reference="ticket"), 202),
    "parameter_list": Row(SETTINGS, op()),
    "parameter_set": Row({MARKETS}, op(name="MAX_OPEN_ORDERS_PER_ACCOUNT", value=9000), 202),
    "custody_status": Row(MONEY, op()),
    "custody_deposits": Row(MONEY, op(member="{vera}")),
    "withdrawal_list": Row(MONEY, op(all=True)),
    "withdrawal_show": Row(MONEY, _her_withdrawal),
    "withdrawal_limits": Row(SETTINGS, op()),
    "withdrawal_limit_set": Row(ROOT, op(name="FACTOR_DELAY_S", value="60"), 202),
    "wallet_transactions": Row(MONEY, op()),
    "wallet_status": Row(MONEY, op()),
    "kyc_queue": Row({COMPLIANCE, AUDITOR}, op()),
    "kyc_status": Row({COMPLIANCE, AUDITOR}, op()),
    "kyc_show": Row({COMPLIANCE, AUDITOR}, _her_case),
    "kyc_decide": Row({COMPLIANCE}, _claimed),
    "kyc_claim": Row({COMPLIANCE}, _queued),
    "kyc_link": Row({COMPLIANCE}, op(member="{vera}", other="{mallory}", reason="one owner")),
    "announce": Row({MARKETS}, op(title="Fees", text="They fall.")),
    "announcement_end": Row({MARKETS}, _ended),
    "announcement_list": Row(SETTINGS, op()),
    "custody_freeze": Row({COMPLIANCE, FINANCE}, op(reason="a drill")),
    "custody_resolve": Row(ROOT, _alarm, 202),
    "custody_accept": Row(ROOT, op(network="ETH", asset="EXT", address="0x" + "a0" * 20,
                                   units="1", reason="ours"), 202),
    "custody_release": Row({FINANCE}, _found, 202),
    "custody_forget": Row(ROOT, _forgotten, 202),
    "custody_read_again": Row(ROOT, _read_again, 202),
    "withdrawal_approve": Row({FINANCE}, _seen),
    "withdrawal_refuse": Row({COMPLIANCE, FINANCE}, _refused),
    "member_freeze": Row({SUPPORT, COMPLIANCE}, op(member="{vera}", reason="a stolen telephone")),
    "member_unfreeze": Row({COMPLIANCE}, op(member="{vera}", reason="found again")),
    "member_end_sessions": Row({SUPPORT}, op(member="{second}")),
    "member_reset_second_factor": Row(ROOT, op(member="{vera}", reason="lost"), 202),
}  # fmt: skip
_PAGES: dict[tuple[str, str], list[Row]] = {
    ("GET", "/openapi.json"): [Row(ALL, page())],
    ("GET", "/me"): [Row(ALL, page())],
    ("GET", "/proposals"): [Row(ALL, page(all=True))],  # each sees those they may approve
    ("GET", "/roles"): [Row({AUDITOR}, page())],
    ("GET", "/audit"): [Row({AUDITOR}, page(who="member:1", act="CREDIT", object="x", before=9))],
    ("GET", "/audit/verify"): [Row({AUDITOR}, page())],
    ("GET", "/kyc/documents/{document}"): [Row({COMPLIANCE, AUDITOR}, _document)],
    ("GET", "/four-eyes"): [Row({AUDITOR}, page())],
    ("POST", "/four-eyes"): [Row(ROOT, op(act="REVIEW_KYC", approvals=1), 202)],
    ("POST", "/roles"): [Row(ROOT, _new_role, 202)],
    ("POST", "/proposals/{number}/approve"): [Row({FINANCE}, _approve)],
    ("POST", "/proposals/{number}/refuse"): [Row({FINANCE}, _refuse)],
    ("POST", "/proposals/{number}/carry-out"): [Row({FINANCE}, _carry_out)],
    ("POST", "/proposals/{number}/withdraw"): [Row({"proposer"}, _withdraw)],
}


def _exported(name: str) -> Saying:
    async def say(town: Any) -> Said:
        return Said({"name": f"{name}.csv"})

    return say


_PAGES["GET", "/export/{name}"] = [
    Row({AUDITOR} if name == "audit" else MONEY, _exported(name)) for name in EXPORTS
]
STAFF: dict[Place, list[Row]] = {
    **{Place("admin", method, path): rows for (method, path), rows in _PAGES.items()},
    **{Place("admin", "POST", f"/{name}"): [row] for name, row in _OPERATIONS.items()},
}
