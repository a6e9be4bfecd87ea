"""An API key as the gateway uses it, and the checks that its parts must pass."""

import hmac
import secrets
import string
from enum import StrEnum
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from excraft.accounts.errors import BadKey

KEY_LENGTH = 64
_ALPHABET = string.ascii_letters + string.digits
RSA_BITS_MIN, RSA_BITS_MAX = 2048, 8192  # above, one check would keep the event loop too long
PEM_MAX = 4096
LABEL_MAX = 64
IPS_MAX = 30
PublicKey = Ed25519PublicKey | RSAPublicKey
Network = IPv4Network | IPv6Network


class Kind(StrEnum):
    """How requests are signed."""

    HMAC = "HMAC"
    ED25519 = "ED25519"
    RSA = "RSA"


class Permission(StrEnum):
    """What a key may do; TRADE does not include READ."""

    READ = "READ"
    TRADE = "TRADE"
    WITHDRAW = "WITHDRAW"
    GOVERNANCE = "GOVERNANCE"


class ApiKey:
    """One key that works. `secret` for HMAC, `public_key` for the others; never to be changed, but
    for `used_from`: the address of its last use that is not written down yet, "" for none."""

    def __init__(
        self,
        key: str,
        owner: tuple[int, int],
        kind: Kind,
        *,
        permissions: frozenset[str],
        ips: tuple[Network, ...],
        proof: bytes | PublicKey,
    ) -> None:
        """`owner`: (member id, account); `proof`: the HMAC secret or the public key."""
        self.key = key
        self.member_id, self.account = owner
        self.kind = kind
        self.permissions = permissions
        self.ips = ips
        self.expires_ns: int | None = None
        self.used_from = ""
        self.secret = proof if isinstance(proof, bytes) else None
        self.public_key = None if isinstance(proof, bytes) else proof

    @cached_property
    def keyed(self) -> hmac.HMAC:
        """HMAC-SHA256 that has taken in the secret; copy it for each message."""
        return hmac.new(self.secret, digestmod="sha256")

    def allows(self, address: str) -> bool:
        """Whether requests may come from this IP address."""
        if not self.ips:
            return True
        try:
            ip = ip_address(address)
        except ValueError:  # a Unix socket has no address, and the key asks for one
            return False
        return any(ip in network for network in self.ips)

    def __repr__(self) -> str:
        return f"ApiKey({self.key[:8]}..., {self.kind}, account {self.account})"


def new_token() -> str:
    """64 letters and digits by chance: 381 bits, for keys and for HMAC secrets."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(KEY_LENGTH))


def read_kind(kind: str) -> Kind:
    if kind not in set(Kind):
        raise BadKey(f"{kind!r} is no kind of key; there are {', '.join(Kind)}")
    return Kind(kind)


def read_permissions(names: list[str]) -> frozenset[str]:
    unknown = [name for name in names if name not in set(Permission)]
    if unknown or not names:
        raise BadKey(f"permissions must be some of {', '.join(Permission)}, not {list(names)!r}")
    return frozenset(Permission(name).value for name in names)


def read_ips(ips: list[str]) -> tuple[Network, ...]:
    """Addresses or networks such as 192.0.2.7 or 2001:db8::/32."""
    if len(ips) > IPS_MAX:
        raise BadKey(f"{len(ips)} addresses; a key has at most {IPS_MAX}")
    try:
        return tuple(ip_network(ip) for ip in ips)
    except ValueError as error:
        raise BadKey(f"{error}; give an address or a network such as 192.0.2.0/24") from error


def read_label(label: str) -> str:
    if len(label) > LABEL_MAX or not (label.isprintable() or not label):
        raise BadKey(f"the label {label[:80]!r} must be at most {LABEL_MAX} printable characters")
    return label


def read_public_key(kind: Kind, pem: str) -> PublicKey:
    """The public key in a PEM; raises BadKey when it is not one of this kind, or too weak."""
    if len(pem) > PEM_MAX:
        raise BadKey(f"the public key has {len(pem)} characters; at most {PEM_MAX} are read")
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadKey(
            'this is no public key in PEM form ("-----BEGIN PUBLIC KEY-----" ...)'
        ) from error
    wanted = Ed25519PublicKey if kind is Kind.ED25519 else RSAPublicKey
    if not isinstance(key, wanted):
        raise BadKey(f"this public key is not of the kind {kind}")
    if isinstance(key, RSAPublicKey) and not RSA_BITS_MIN <= key.key_size <= RSA_BITS_MAX:
        raise BadKey(
            f"the RSA key has {key.key_size} bits; it must have {RSA_BITS_MIN} to {RSA_BITS_MAX}"
        )
    return key
