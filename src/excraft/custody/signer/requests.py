"""What the exchange may ask the signer, and what it gets: one line of JSON each way."""

from typing import Union

import msgspec

LINE_BYTES_MAX = 4096


class Hello(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="hello", tag_field="do"):
    """Who are you?"""


class _Gas(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="do"):
    """What the exchange chooses of a transaction, within the signer's caps."""

    nonce: int
    gas: int
    fee_max: int
    tip: int


class Pay(_Gas, frozen=True, forbid_unknown_fields=True, tag="withdrawal", tag_field="do"):
    """Pay an approved withdrawal; everything else stands in the log at `position`."""

    id: int
    position: int


class Void(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="void", tag_field="do"):
    """Never sign this withdrawal: the exchange will give the money back."""

    id: int


class Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="signed", tag_field="do"):
    """What was signed for a withdrawal; with `id` 0, for a nonce of one of our addresses, or else
    for the next higher one.

    `number`: of the deposit address, None of the hot wallet.
    """

    id: int = 0
    chain: int = 0
    source: str = ""
    nonce: int = -1
    number: int | None = None


class Sweep(_Gas, frozen=True, forbid_unknown_fields=True, tag="sweep", tag_field="do"):
    """From the deposit address with this number, which must be `address`, to the hot wallet."""

    chain: int
    number: int
    address: str
    token: str | None
    units: str


class Cold(_Gas, frozen=True, forbid_unknown_fields=True, tag="cold", tag_field="do"):
    """From the hot wallet to the cold address."""

    chain: int
    token: str | None
    units: str


class TopUp(_Gas, frozen=True, forbid_unknown_fields=True, tag="gas", tag_field="do"):
    """Coin for gas from the hot wallet to the deposit address with this number."""

    chain: int
    number: int
    address: str
    units: str


Request = Union[Hello, Pay, Void, Signed, Sweep, Cold, TopUp]  # noqa: UP007  (msgspec reads it)
Transaction = Union[Pay, Sweep, Cold, TopUp]  # noqa: UP007


class Wallet(msgspec.Struct, frozen=True):
    """One chain that the signer serves, and what it allows there."""

    chain: int
    hot: str
    cold: str
    gas_max: int
    gas_price_max_wei: int
    top_up_max_wei: int
    coin_gas_max: int


class Made(msgspec.Struct, frozen=True):
    """One transaction that was signed; another with the same nonce pays the same and more gas."""

    kind: str
    id: int  # of the withdrawal
    chain: int
    source: str
    nonce: int
    to: str  # who gets it
    token: str | None
    units: str
    gas: int
    fee_max: int
    tip: int
    hash: str
    raw: str


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """`refused` is empty when it was done."""

    refused: str = ""
    raw: str = ""  # the signed transaction, 0x...
    hash: str = ""
    xpub: str = ""
    wallets: list[Wallet] = []
    made: list[Made] = []  # oldest first
