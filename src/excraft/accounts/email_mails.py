"""What we write about a change of e-mail; `details` as accounts/email_change.py mails them."""

from excraft.accounts.mails import link
from excraft.accounts.outbox import Mail

Details = dict[str, str]


def confirm(_: str, details: Details) -> Mail:
    token = details["token"]
    return Mail(
        details["to"],
        "Confirm your new e-mail",
        f"Somebody, probably you, wants this to be the address of their account.\nTo confirm it, "
        f"log in there and enter this token within a day:\n\n{token}\n\n"
        f"{link(details['page'], 'email', token)}If it was not you, do nothing.\n",
    )


def taken(_: str, details: Details) -> Mail:
    return Mail(
        details["to"],
        "You have an account already",
        "Somebody wanted this to be the address of their account, but it has an account.\n"
        "Nothing was changed, and they were not told.\n",
    )


def asked(to: str, details: Details) -> Mail:
    token = details["token"]
    return Mail(
        to,
        "The e-mail of your account is to be changed",
        f"to: {details['email']}\naddress: {details['address']}\nbrowser: {details['browser']}\n\n"
        f"It comes into force a day after that mailbox confirmed it; until then nothing can be "
        f"withdrawn.\nIf this was not you, cancel it with this token, which also ends every "
        f"session:\n\n{token}\n\n{link(details['page'], 'keep-email', token)}"
        f"Then set a new password: somebody knows it.\n",
    )


def kept(to: str, _: Details) -> Mail:
    return Mail(
        to, "The e-mail of your account stays as it is", "The change of it was cancelled.\n"
    )


def done(_: str, details: Details) -> Mail:
    return Mail(
        details["to"],
        "The e-mail of your account was changed",
        "What was asked for, confirmed and not cancelled is in force now. Mails of the account go "
        "to the new address only.\n",
    )


def failed(to: str, _: Details) -> Mail:
    return Mail(
        to,
        "The e-mail of your account stays as it is",
        "The new address cannot be used any more; nothing was changed.\n",
    )


WRITERS = {
    "email_confirm": confirm, "email_taken": taken, "email_asked": asked, "email_kept": kept,
    "email_done": done, "email_failed": failed,
}  # fmt: skip
