"""What we write to people."""

from excraft.accounts.outbox import Mail
from excraft.accounts.sessions import SeenFrom

_NOT_YOU = "If this was not you, set a new password at once and end the sessions you do not know.\n"


def link(page: str, kind: str, token: str) -> str:
    """The token stands behind the #, which browsers send to nobody."""
    return f"or open {page}#{kind}={token}\n\n" if page else ""


def referral(code: str, known: bool) -> str:
    """What a confirmation says of the code that was given at sign-up."""
    if known:
        return f"The referral code {code} counts once you confirm.\n\n"
    return (
        f"The referral code {code} is not known here, or closed: it does not count. To use "
        f"another, sign up again with it, and confirm with that mail.\n\n"
    )


def confirm(to: str, token: str, page: str, said: str = "") -> Mail:
    return Mail(
        to,
        "Confirm your e-mail",
        f"Somebody, probably you, signed up with this address.\nTo confirm it, enter this token "
        f"within a day, with the password chosen at sign-up:\n\n{token}\n\n"
        f"{said}{link(page, 'confirm', token)}If it was not you, do "
        f"nothing: without both no account is opened.\n",
    )


def confirm_wallet(to: str, token: str, page: str, said: str = "") -> Mail:
    return Mail(
        to,
        "Confirm your e-mail",
        f"Somebody, probably you, signed up with this address and a wallet.\nTo confirm it, enter "
        f"this token within a day and sign with the wallet:\n\n{token}\n\n"
        f"{said}{link(page, 'confirm', token)}If it was not you, do "
        f"nothing: without both no account is opened.\n",
    )


def already_here(to: str) -> Mail:
    return Mail(
        to,
        "You have an account already",
        "Somebody, probably you, tried to sign up with this address, which has an account.\n"
        "Nothing was changed. Log in, or ask for a new password if you forgot it.\n",
    )


def reset(to: str, token: str, page: str) -> Mail:
    return Mail(
        to,
        "Set a new password",
        f"Somebody, probably you, asked for a new password.\nTo set one, enter this token within "
        f"an hour:\n\n{token}\n\n{link(page, 'reset', token)}"
        f"If it was not you, do nothing: your password stays as it is.\n",
    )


def no_account(to: str) -> Mail:
    return Mail(
        to,
        "There is no account with this address",
        "Somebody, probably you, asked for a new password, but this address has no account.\n"
        "You may have signed up with another one.\n",
    )


def new_device(to: str, seen: SeenFrom) -> Mail:
    return Mail(
        to,
        "Login from a new device",
        f"Your account was logged in to from a device we did not know:\n\n"
        f"address: {seen.address}\nbrowser: {seen.browser}\n\n{_NOT_YOU}",
    )


def new_network(to: str, seen: SeenFrom) -> Mail:
    return Mail(
        to,
        "Login from a new network",
        f"Your account was logged in to with a device we know, from a network we do not:\n\n"
        f"address: {seen.address}\nbrowser: {seen.browser}\n\n{_NOT_YOU}",
    )


def happened(to: str, subject: str, details: str, seen: SeenFrom) -> Mail:
    """`subject` is what was done, such as "An API key was added"; `details` are whole lines."""
    return Mail(
        to,
        subject,
        f"{subject}:\n\n{details}\naddress: {seen.address}\nbrowser: {seen.browser}\n\n{_NOT_YOU}",
    )


def changed_nothing(to: str, subject: str, details: str) -> Mail:
    """Something was tried and refused."""
    return Mail(to, subject, f"{subject}:\n\n{details}\nNothing was changed. {_NOT_YOU}")


def changed(to: str, what: str, more: str = "") -> Mail:
    """`what`: such as "The password"; `more`: whole lines."""
    said = f"{what} of your account was changed.\n{more}\n{_NOT_YOU}"
    return Mail(to, f"{what} was changed", said)


def narrowed(keys: list[str]) -> str:
    """Lines about API keys that lost the right to withdraw; empty when none did."""
    if not keys:
        return ""
    lost = "".join(f"  {key}\n" for key in keys)
    return f"No second factor is left, so these API keys may no longer withdraw:\n{lost}"


_KYC = {
    "APPROVED": "You passed level {level} of who you are.",
    "REJECTED": "Your case for level {level} of who you are was rejected.",
    "MORE_NEEDED": "Your case for level {level} of who you are needs something more.",
    "SUBMITTED": "Your case for level {level} is looked at again; until then it does not count.",
    "EXPIRED": "Level {level} of who you are has ended, as it does after a while; show it anew.",
}  # fmt: skip


def kyc(to: str, page: str, details: dict[str, str]) -> Mail:
    """A decision on who somebody is: neither why, nor any of what they showed."""
    said = _KYC[details["state"]].format(level=details["level"])
    where = f"the page {page}" if page else "your desk"
    more = f'What was said about it stands under "Who you are" on {where}; log in there.\n'
    return Mail(to, "A decision about who you are", f"{said}\n\n{more}")


def withdrawal(to: str, amount: str, address: str) -> Mail:
    """`amount` with its asset."""
    return Mail(
        to,
        "A withdrawal was asked for",
        f"{amount} of your account is to be sent to\n\n{address}\n\nIf this was not you, cancel it "
        f"while it waits, revoke your API keys, and do the rest:\n{_NOT_YOU}",
    )


def destinations(to: str, what: str) -> Mail:
    """`what`: a sentence about the list of addresses."""
    return Mail(to, "Where your withdrawals may go was changed", f"{what}\n\n{_NOT_YOU}")


def commission(to: str, details: dict[str, str]) -> Mail:
    """A pool's master takes more from the next round on."""
    return Mail(
        to,
        f"The master of the pool {details['pool']} will take more: a higher commission",
        f"From the next round on the master of {details['pool']} takes {details['after']} of "
        f"the pool's rewards; in this round it is {details['before']}. If you do not want that, "
        f"leave the pool or choose another before the round ends: it counts from then on.\n",
    )
