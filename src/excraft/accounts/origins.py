"""Where the exchange is for browsers: what passkeys and wallet messages are bound to."""

from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from excraft.accounts.refusals import Refused


class Origin(NamedTuple):
    """Scheme, host and port, as a browser writes them: https://exchange.example.org."""

    url: str

    @classmethod
    def read(cls, text: str) -> "Origin":
        """Raises ValueError; only a loopback name may do without https."""
        parts = urlsplit(text)
        host = parts.hostname or ""
        name = f"[{host}]" if ":" in host else host
        plain = f"{parts.scheme}://{name}" + (f":{parts.port}" if parts.port else "")
        if parts.scheme not in ("https", "http") or not host or text.rstrip("/") != plain:
            raise ValueError(
                f"{text[:80]!r} is no origin; it is like https://exchange.example.org, in lower "
                f"case and without a path"
            )
        if parts.scheme == "http" and not is_loopback(host):
            raise ValueError(f"{text[:80]!r} must begin with https: browsers ask for it")
        return cls(plain)

    @property
    def domain(self) -> str:
        """With the port, if it is not the usual one."""
        return urlsplit(self.url).netloc

    @property
    def passkey_domain(self) -> str:
        """The name that passkeys are kept for; raises Refused when this is a bare address."""
        name = urlsplit(self.url).hostname
        try:
            ip_address(name)
        except ValueError:
            return name
        raise Refused(
            "no_origin", f"Browsers keep no passkeys for {name}; open this page as localhost."
        )


def is_loopback(host: str) -> bool:
    """Whether the name or address is this machine for itself."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
