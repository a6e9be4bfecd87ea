"""/account: each act as Vera does it, and what somebody else gets who says the very same.

A row is what to say, made when it is needed; `theirs` are (status, code) of answers to another
member, or OWN where the act takes nothing of Vera's: then theirs is about themselves.
"""

from collections.abc import Awaitable, Callable, Set
from typing import Any, NamedTuple

from eth_utils import to_checksum_address
from sqlalchemy import delete

from excraft.accounts.acts import ADMINISTRATOR
from excraft.store.schema_audit import role_holders
from tests.accounts.kyc_desk import png
from tests.gateway.account.browser import GOOD, OTHER
from tests.gateway.account.ethereum import Wallet
from tests.gateway.attacks.places import Place
from tests.gateway.attacks.town import PERSON
from tests.gateway.withdrawing import BOB

Code = tuple[int, str]
OWN, ANYBODY = frozenset(), frozenset({(0, "")})
BEARER = frozenset({(-1, "")})  # whoever has the token has the right: others have none to send
NOT_FOUND = {(404, "not_found")}
WRONG_CODE, ALREADY_ON = {(401, "wrong_code")}, {(409, "already_on")}
LISTED = to_checksum_address("0x" + "c0" * 20)
# A challenge is its session's: they have none, or one that is another.
CEREMONY = {(400, "no_challenge"), (401, "wrong_passkey"), (401, "wrong_wallet")}


class Said(NamedTuple):
    """A request: what stands in the braces, and the body; bytes are sent as a picture."""

    values: dict[str, Any] = {}
    body: dict[str, Any] | bytes = {}


class Act(NamedTuple):
    """`theirs` ANYBODY: an act without a session. `own_change`: the other may change their own."""

    say: Callable[[Any], Awaitable[Said]]
    theirs: Set[Code] = OWN
    own_change: bool = False


def plain(**body: Any) -> Callable[[Any], Awaitable[Said]]:
    async def say(town: Any) -> Said:
        return Said({}, body)

    return say


def her(name: str, brace: str, /, **body: Any) -> Callable[[Any], Awaitable[Said]]:
    """What she has of that name stands in the braces."""

    async def say(town: Any) -> Said:
        return Said({brace: getattr(town.her, name)}, body)

    return say


async def _other_session(town: Any) -> Said:
    phone = town.browser(town.vera.address)
    await phone.login(town.vera.email, GOOD, town.vera.code())
    shown = (await town.vera.ok("GET", "sessions"))["sessions"]
    [one] = [s["id"] for s in shown if not s["current"]]
    town.secrets.append(one)
    return Said({"id": one})


NEW = "new.vera@example.org"


async def _new_email(town: Any) -> Said:
    return await _with_code(town, email=NEW)


async def _new_email_token(town: Any) -> Said:
    return Said({}, {"token": town.token(NEW)})


async def _old_email_token(town: Any) -> Said:
    await town.vera.ok("POST", "email", email=NEW, code=town.vera.code())
    return Said({}, {"token": town.token(town.vera.email)})


async def _other_device(town: Any) -> Said:
    await _other_session(town)
    shown = (await town.vera.ok("GET", "devices"))["devices"]
    [one, *_] = [d["id"] for d in shown if not d["current"]]
    town.secrets.append(one)
    return Said({"id": one})


async def _applied(town: Any) -> Said:
    """She has applied to Mallory's pool, and takes it back."""
    await town.mallory.ok("POST", "merit/pool", verb="FOUND_POOL", text="A pool")
    await town.vera.ok("POST", "merit/pool", verb="APPLY", pool=1)
    return Said({}, {"verb": "WITHDRAW_APPLICATION", "pool": 1})


async def _merit_day(town: Any) -> Said:
    return Said({"day": 0})


async def _her_code(town: Any) -> Said:
    code = (await town.vera.ok("POST", "referrals"))["code"]
    town.secrets.append(code)
    return Said({"code": code})


async def _new_key(town: Any) -> Said:
    made = town.vera.key("READ")
    town.secrets.append(made.key)
    return Said({"key": made.key}, {"label": "veramark two", "ips": []})


async def _new_passkey(town: Any) -> Said:
    """The credential that answers the options that Vera asked for."""
    from tests.gateway.account.authenticator import Authenticator

    options = (await town.vera.ok("POST", "passkeys/options"))["options"]
    return Said({}, {"label": "veramark two", "credential": Authenticator().create(options)})


async def _passkey_step_up(town: Any) -> Said:
    options = (await town.vera.ok("POST", "step-up/passkey/options"))["options"]
    return Said({}, {"credential": town.her.authenticator.get(options)})


async def _passkey_login(town: Any) -> Said:
    options = (await town.vera.ok("POST", "login/passkey/options"))["options"]
    return Said({}, {"credential": town.her.authenticator.get(options)})


async def _new_wallet(town: Any) -> Said:
    wallet = Wallet(78)
    asked = await town.vera.ok("POST", "wallets/message", address=wallet.address)
    town.her.second_wallet = wallet.address
    return Said({}, {"signature": wallet.sign(asked["message"])})


async def _wallet(town: Any) -> Said:
    shown = (await town.vera.ok("GET", "wallets"))["wallets"]
    return Said({"id": shown[-1]["id"]})


async def _wallet_step_up(town: Any) -> Said:
    address = town.her.wallet.address
    asked = await town.vera.ok("POST", "step-up/wallet/message", address=address)
    signature = town.her.wallet.sign(asked["message"])
    return Said({}, {"signature": signature, "code": town.vera.code()})


async def _wallet_login(town: Any) -> Said:
    address = town.her.wallet.address
    asked = await town.vera.ok("POST", "login/wallet/message", address=address)
    signature = town.her.wallet.sign(asked["message"])
    return Said({}, {"signature": signature, "code": town.vera.code()})


async def _case(town: Any, step: str) -> Said:
    return Said({"case": town.her.case, "step": step})


async def _submit(town: Any) -> Said:
    return await _case(town, "submit")


async def _document(town: Any) -> Said:
    return Said({"case": town.her.case}, png(width=3))


async def _with_code(town: Any, **body: Any) -> Said:
    return Said({}, body | {"code": town.vera.code()})


async def _withdraw(town: Any) -> Said:
    return await _with_code(town, asset="EXT", address=BOB, amount="1")


async def _step_up(town: Any) -> Said:
    return await _with_code(town, password=GOOD)


async def _password(town: Any) -> Said:
    return await _with_code(town, current=GOOD, new=OTHER)


async def _login(town: Any) -> Said:
    return await _with_code(town, email=town.vera.email, password=GOOD)


async def _list_address(town: Any) -> Said:
    return await _with_code(town, address=LISTED, label="veramark")


async def _list_only(town: Any) -> Said:
    """By her passkey, which signed it in her session."""
    asked = await town.vera.ok("POST", "proof/passkey/options", act="leave_list")
    return Said({}, {"list_only": False, "passkey": town.her.authenticator.get(asked["options"])})


async def _invited(town: Any) -> Said:
    """The link counts while nobody is administrator."""
    with town.database.write() as connection:
        connection.execute(delete(role_holders).where(role_holders.c.role == ADMINISTRATOR))
    return Said({}, {"token": town.venue.exchange.invitation.make()})


async def _confirm(town: Any) -> Said:
    who = "new.person@example.org"
    await town.vera.ok("POST", "sign-up", email=who, password=GOOD)
    return Said({}, {"token": town.token(who), "password": GOOD})


async def _confirm_wallet(town: Any) -> Said:
    who, wallet = "new.wallet@example.org", Wallet(79)
    await town.vera.ok("POST", "sign-up/wallet", email=who)
    asked = await town.vera.ok("POST", "login/wallet/message", address=wallet.address)
    return Said({}, {"token": town.token(who), "signature": wallet.sign(asked["message"])})


async def _reset(town: Any) -> Said:
    await town.vera.ok("POST", "password/reset", email=town.vera.email)
    return Said({}, {"token": town.token(town.vera.email), "password": OTHER + "9"})


async def _off(town: Any) -> Said:
    await town.vera.ok("POST", "totp/disable")
    return Said()


async def _enrolled(town: Any) -> Said:
    """Of a factor that is being enrolled anew."""
    import pyotp

    town.vera.app = pyotp.TOTP((await town.vera.ok("POST", "totp/enrol"))["secret"])
    return await _with_code(town)


# In the order in which Vera does them: what takes something away comes last.
_ROWS: dict[tuple[str, str], Act] = {
    ("GET", "me"): Act(plain()),
    ("GET", "sessions"): Act(plain()),
    ("GET", "devices"): Act(plain()),
    ("GET", "passkeys"): Act(plain()),
    ("GET", "wallets"): Act(plain()),
    ("GET", "api-keys"): Act(plain()),
    ("GET", "deposits"): Act(plain()),
    ("GET", "kyc"): Act(plain()),
    ("GET", "withdrawals"): Act(plain()),
    ("GET", "merit"): Act(plain()),
    ("GET", "merit/days"): Act(plain()),
    ("GET", "merit/days/{day}"): Act(_merit_day),
    ("POST", "merit/pool"): Act(_applied, {(409, "not_done")}),
    ("POST", "merit/stake"): Act(plain(amount="2"), own_change=True),
    ("POST", "merit/unstake"): Act(plain(amount="1"), own_change=True),
    ("POST", "merit/choice"): Act(plain(on_chain=True, address=LISTED.lower()), own_change=True),
    ("GET", "referrals"): Act(plain()),
    ("POST", "referrals"): Act(plain(), own_change=True),
    ("DELETE", "referrals/{code}"): Act(_her_code, NOT_FOUND),
    ("GET", "withdrawals/addresses"): Act(plain()),
    ("GET", "liabilities/{day}"): Act(her("day", "day")),
    ("POST", "deposit-address"): Act(plain(), own_change=True),
    ("POST", "step-up"): Act(_step_up, WRONG_CODE),
    ("POST", "step-up/passkey/options"): Act(plain()),
    ("POST", "step-up/passkey"): Act(_passkey_step_up, CEREMONY),
    ("POST", "proof/passkey/options"): Act(plain(act="leave_list")),
    ("POST", "step-up/wallet/message"): Act(her_wallet := plain(address=Wallet(77).address)),
    ("POST", "step-up/wallet"): Act(_wallet_step_up, CEREMONY),
    ("POST", "api-keys"): Act(
        plain(kind="HMAC", permissions=["READ"], label="x"), own_change=True
    ),
    ("PUT", "api-keys/{key}"): Act(_new_key, NOT_FOUND),
    ("DELETE", "api-keys/{key}"): Act(_new_key, NOT_FOUND),
    ("POST", "passkeys/options"): Act(plain()),
    ("POST", "passkeys"): Act(_new_passkey, CEREMONY),
    ("PUT", "passkeys/{id}"): Act(her("passkey", "id", label="veramark three"), NOT_FOUND),
    ("POST", "wallets/message"): Act(plain(address=Wallet(80).address)),
    ("POST", "wallets"): Act(_new_wallet, CEREMONY),
    ("PUT", "kyc/{case}/person"): Act(her("case", "case", **PERSON), NOT_FOUND),
    ("POST", "kyc/{case}/documents"): Act(_document, NOT_FOUND),
    ("POST", "kyc/{case}/{step}"): Act(_submit, NOT_FOUND),
    ("POST", "kyc"): Act(plain(level="BASIC"), own_change=True),
    ("POST", "withdrawals"): Act(_withdraw, WRONG_CODE),
    ("POST", "withdrawals/cancel"): Act(plain(id=1), NOT_FOUND),
    ("POST", "withdrawals/addresses"): Act(_list_address, WRONG_CODE),
    ("POST", "withdrawals/addresses/remove"): Act(
        plain(address=LISTED), NOT_FOUND
    ),
    ("POST", "withdrawals/list-mode"): Act(_list_only, CEREMONY),
    ("GET", "email"): Act(plain()),
    ("POST", "email"): Act(_new_email, WRONG_CODE),
    ("POST", "email/confirm"): Act(_new_email_token, {(400, "wrong_token")}),
    ("DELETE", "email"): Act(plain(), NOT_FOUND),
    ("POST", "administrator"): Act(_invited, BEARER),
    ("DELETE", "sessions/{id}"): Act(_other_session, NOT_FOUND),
    ("DELETE", "devices/{id}"): Act(_other_device, NOT_FOUND),
    ("DELETE", "wallets/{id}"): Act(_wallet, NOT_FOUND),
    ("POST", "password"): Act(_password, WRONG_CODE),
    ("POST", "totp/enrol"): Act(_off, ALREADY_ON),
    ("POST", "totp/confirm"): Act(_enrolled, ALREADY_ON),
    ("DELETE", "passkeys/{id}"): Act(her("passkey", "id"), NOT_FOUND),
    ("POST", "totp/disable"): Act(plain(), own_change=True),
    ("POST", "logout"): Act(plain(), own_change=True),
    ("POST", "sign-up"): Act(plain(email="n@example.org", password=GOOD), ANYBODY),
    ("POST", "sign-up/wallet"): Act(plain(email="w@example.org"), ANYBODY),
    ("POST", "confirm"): Act(_confirm, ANYBODY),
    ("POST", "confirm/wallet"): Act(_confirm_wallet, ANYBODY),
    ("POST", "email/keep"): Act(_old_email_token, ANYBODY),
    ("POST", "password/reset"): Act(plain(email="n@example.org"), ANYBODY),
    ("POST", "login"): Act(_login, ANYBODY),
    ("POST", "login/passkey/options"): Act(plain(), ANYBODY),
    ("POST", "login/passkey"): Act(_passkey_login, ANYBODY),
    ("POST", "login/wallet/message"): Act(her_wallet, ANYBODY),
    ("POST", "login/wallet"): Act(_wallet_login, ANYBODY),
    ("POST", "password/reset/confirm"): Act(_reset, ANYBODY),
}  # fmt: skip
ACCOUNT = {Place("account", method, path): act for (method, path), act in _ROWS.items()}
