"""The codes that members hand out: 8 characters that are hard to mistake for others.

No 0, 1, I, L or O. The last character checks the others: 31 is a prime and the weights 8 to 1
differ, so one wrong character, or two that changed places, make no other code.
"""

import secrets

from excraft.accounts.refusals import Refused

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
LENGTH = 8
_PRIME = len(ALPHABET)


def new() -> str:
    """A code by chance: 31^7 of them, about 2 x 10^10."""
    body = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH - 1))
    return body + ALPHABET[-_weighed(body) % _PRIME]


def read(text: str) -> str:
    """The code as it is stored, "" of an empty text; capitals, spaces and a dash do not matter.
    Raises Refused for what cannot be one, and does not know whether there is such a code."""
    code = "".join(text.split()).replace("-", "").upper()
    if not code:
        return ""
    good = len(code) == LENGTH and all(c in ALPHABET for c in code) and not _weighed(code) % _PRIME
    if not good:
        raise Refused(
            "wrong_referral_code",
            f"{text[:20]!r} is no referral code: those have 8 letters and digits such as "
            f"{shown('2345678J')}; look for a slip, or leave it empty.",
        )
    return code


def shown(code: str) -> str:
    """In two halves, as people read it."""
    return f"{code[:4]}-{code[4:]}"


def _weighed(code: str) -> int:
    return sum((LENGTH - i) * ALPHABET.index(c) for i, c in enumerate(code))
