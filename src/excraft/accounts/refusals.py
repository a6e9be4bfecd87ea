"""Why somebody could not sign up or in, by a code for programs and a sentence for people."""

from excraft.accounts.errors import AccountsError


class Refused(AccountsError):
    """`code` is one word that stays the same; `wait_s` is how long to wait, 0 when unknown."""

    def __init__(self, code: str, message: str, wait_s: int = 0) -> None:
        super().__init__(message)
        self.code, self.wait_s = code, wait_s


def wrong_login() -> Refused:
    """The same whether the e-mail is unknown or the password wrong."""
    return Refused("wrong_login", "The e-mail or the password is wrong.")


def wrong_code() -> Refused:
    """Of a second factor; the same whether it is wrong, old or used."""
    return Refused("wrong_code", "The code is wrong, too old or was used before; take the next.")


def wrong_token() -> Refused:
    """Of a mail; the same whether unknown, used, expired or made for something else."""
    return Refused(
        "wrong_token",
        "The token or the password is wrong, or the token expired; ask for a new one.",
    )


def no_session() -> Refused:
    """There was no cookie, or its session ended."""
    return Refused("no_session", "There is no session, or it ended; log in again.")
