"""E-mail addresses: one spelling for each, and nothing that could break a mail's header."""

import re

from excraft.accounts.refusals import Refused

EMAIL_MAX, LOCAL_MAX = 254, 64  # as RFC 5321 bounds them
_LOCAL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")


def normalise(text: str) -> str:
    """Lower case, the domain in ASCII; raises Refused when it is no address we can write to."""
    local, at, domain = text.strip().lower().rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii").lower()
    except UnicodeError:  # a label that is empty, too long or has no ASCII form
        domain = ""
    email = f"{local}@{domain}"
    good = at and len(local) <= LOCAL_MAX and len(email) <= EMAIL_MAX
    if not (good and _LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain)):
        raise Refused("bad_email", f"{text[:80]!r} is no e-mail address, such as ann@example.org.")
    return email
