"""Ethereum wallets: link, unlink, log in, step up, and sign up with one.

A wallet stands for the password, so where a second factor is on it is asked for too; beside one
that is a contract always, because what it signed is a node's word. Who signs up
with a wallet still confirms an e-mail first: without one nobody could warn them of a login, and a
lost wallet would be a lost account. Confirming needs the mailed token and a signature, so neither
who knows the e-mail nor who holds the wallet opens an account for the other.
"""

import asyncio

from sqlalchemy.exc import IntegrityError

from excraft.accounts import emails, mails, referral_codes, wallet_messages
from excraft.accounts.challenges import Purpose
from excraft.accounts.desk import Caller, Desk
from excraft.accounts.origins import Origin
from excraft.accounts.people import Purpose as Mailed
from excraft.accounts.people import new_token
from excraft.accounts.refusals import Refused, wrong_token
from excraft.accounts.second_factor import any_on
from excraft.accounts.sessions import Opened, Session, require_recent
from excraft.accounts.sign_in import SENSITIVE_S, Second, open_session, second_factor
from excraft.accounts.sign_up import admit_mail, told_of
from excraft.accounts.throttle import NETWORK
from excraft.accounts.wallets import Wallet

STATEMENTS = {
    Purpose.LINK_WALLET: "Link this wallet to my account on this exchange.",
    Purpose.WALLET_LOGIN: "Log in to this exchange.",
    Purpose.WALLET_STEP_UP: "Confirm a sensitive change on this exchange.",
}


def begin(
    desk: Desk, caller: Caller, purpose: Purpose, bound: str, said: tuple[Origin, str, int]
) -> str:
    """The message to sign. `bound`: the session or cookie; `said`: origin, address, chain id."""
    origin, address, chain_id = said
    address = wallet_messages.read_address(address)
    text = wallet_messages.Text(origin, address, chain_id, STATEMENTS[purpose])
    message = wallet_messages.compose(text, desk.clock())
    desk.challenges.keep(purpose, bound, caller.network, message)
    return message


async def _signed(
    desk: Desk, caller: Caller, purpose: Purpose, bound: str, signature: str
) -> Wallet:
    """The wallet that signed what it was asked to; raises Refused. No node is asked about one that
    has a key."""
    message = desk.challenges.take(purpose, bound)
    signer = await asyncio.to_thread(wallet_messages.signer, message, signature)
    address, chain_id = wallet_messages.address_in(message), wallet_messages.chain_in(message)
    if signer == address:
        return Wallet(address)
    raw = wallet_messages.signature_bytes(signature)
    if desk.contracts is None or chain_id not in desk.contracts.chains or not raw:
        raise wrong_wallet()
    keys = ((NETWORK, ("contract wallet", caller.network)),)
    desk.throttle.enter(*keys)  # so that strangers do not make the exchange ask its node for ever
    if not await desk.contracts.signed(chain_id, address, wallet_messages.digest(message), raw):
        raise wrong_wallet()
    desk.throttle.take_back(*keys)
    return Wallet(address, chain_id)


async def link(desk: Desk, caller: Caller, session: Session, signature: str) -> str:
    """The address that is linked now; needs a step-up."""
    require_recent(session, SENSITIVE_S, desk.clock())
    wallet = await _signed(desk, caller, Purpose.LINK_WALLET, session.id, signature)

    def work() -> None:
        with desk.database.write_durable() as connection:
            if wallet.chain_id is not None and not any_on(connection, session.person_id):
                raise Refused(
                    "second_factor_needed",
                    "A wallet that is a contract logs in beside a second factor only; turn one on.",
                )
            desk.wallets.link(connection, session.person_id, wallet)

    await asyncio.to_thread(work)
    desk.tell(
        session.person_id, mails.happened, "A wallet was linked", f"wallet: {wallet.address}\n",
        caller.seen,
    )  # fmt: skip
    return wallet.address


async def unlink(desk: Desk, caller: Caller, session: Session, wallet_id: str) -> None:
    """Needs a step-up."""
    require_recent(session, SENSITIVE_S, desk.clock())
    address = await asyncio.to_thread(desk.wallets.unlink, session.person_id, wallet_id)
    desk.tell(
        session.person_id, mails.happened, "A wallet was unlinked", f"wallet: {address}\n",
        caller.seen,
    )  # fmt: skip


async def login(desk: Desk, caller: Caller, signature: str, second: Second) -> Opened:
    """A new session; a wallet of nobody is told so once it has proved itself.

    When the second factor is missing the signature is used up all the same: sign again.
    """
    wallet = await _signed(desk, caller, Purpose.WALLET_LOGIN, caller.ceremony_token, signature)
    person_id = await asyncio.to_thread(desk.wallets.owner, wallet)
    if person_id is None:
        raise Refused("unknown_wallet", "This wallet is linked to no account; sign up with it.")
    person = await asyncio.to_thread(desk.people.by_id, person_id)
    device = None
    if caller.device_token:
        known = desk.sessions.knows_device
        device = await asyncio.to_thread(known, person_id, caller.device_token)
    await second_factor(desk, person_id, device, second, (), always=wallet.chain_id is not None)
    opened = await open_session(desk, caller, person)
    await asyncio.to_thread(desk.wallets.used, wallet)
    return opened


async def step_up(
    desk: Desk, caller: Caller, session: Session, signature: str, second: Second
) -> None:
    """As the password, for those who have none or do not want to type it."""
    wallet = await _signed(desk, caller, Purpose.WALLET_STEP_UP, session.id, signature)
    if await asyncio.to_thread(desk.wallets.owner, wallet) != session.person_id:
        raise wrong_wallet()
    always = wallet.chain_id is not None
    await second_factor(desk, session.person_id, session.device_id, second, (), always=always)
    await asyncio.to_thread(desk.sessions.proved, session)


async def sign_up(desk: Desk, caller: Caller, email: str, referral: str = "") -> None:
    """Mail a token to confirm with, or say there that the e-mail has an account."""
    email = emails.normalise(email)
    code = referral_codes.read(referral)
    admit_mail(desk, caller, email)
    # A password that nobody knows, so that guessing one takes as long as for anybody else.
    hashed = await desk.passwords.hash(new_token())

    def work() -> None:
        if desk.people.by_email(email) is not None:
            desk.outbox.send(mails.already_here(email))
        else:
            token = desk.people.invite(email, hashed, Mailed.CONFIRM_WALLET, code)
            said = told_of(desk, code)
            desk.outbox.send(mails.confirm_wallet(email, token, caller.page, said))

    desk.background.take(work)


async def confirm(desk: Desk, caller: Caller, token: str, signature: str) -> int:
    """The id of the person that is there now, with this wallet; raises Refused."""
    wallet = await _signed(desk, caller, Purpose.WALLET_LOGIN, caller.ceremony_token, signature)
    if wallet.chain_id is not None:
        raise Refused(
            "second_factor_needed",
            "A wallet that is a contract cannot sign up: sign up with a password, turn a second "
            "factor on, and link it.",
        )
    keys = ((NETWORK, caller.network),)
    desk.throttle.enter(*keys)
    person_id = await asyncio.to_thread(_confirmed, desk, token, wallet)
    desk.throttle.take_back(*keys)
    return person_id


def _confirmed(desk: Desk, token: str, wallet: Wallet) -> int:
    pending = desk.people.pending(Mailed.CONFIRM_WALLET, token)
    if pending is None:
        raise wrong_token()
    try:
        with desk.database.write_durable() as connection:
            if not desk.people.take(connection, Mailed.CONFIRM_WALLET, token):
                raise wrong_token()
            person_id = desk.people.add(connection, pending.email, pending.password)
            desk.wallets.link(connection, person_id, wallet)
            desk.referrals.add(connection, person_id, pending.referral)
            return person_id
    except IntegrityError as error:  # confirmed before, with the token of another sign-up
        raise wrong_token() from error


def wrong_wallet() -> Refused:
    """The same whatever is wrong with what was signed."""
    return Refused("wrong_wallet", "The signature is not that wallet's for exactly this message.")
