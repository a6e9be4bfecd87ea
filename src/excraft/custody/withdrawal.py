"""What a withdrawal is: what it pays, what the log says of it, and the state that follows."""

import hashlib
import re
from enum import StrEnum
from typing import NamedTuple

import msgspec
from eth_utils import is_checksum_address, to_checksum_address

from excraft.custody.errors import WithdrawalRefused
from excraft.units import AMOUNT_MAX

ZERO = "0x" + "0" * 40
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_REFERENCE = re.compile(r"withdrawal:([1-9][0-9]{0,17}):([0-9a-f]{64})")


class State(StrEnum):
    """Where a withdrawal stands; the last four are final."""

    REQUESTED = "REQUESTED"  # nothing is reserved yet
    WAITING = "WAITING"  # for approvals, for time to pass, or for withdrawals to be open again
    APPROVED = "APPROVED"  # will be paid; nothing was sent yet
    SENT = "SENT"
    DONE = "DONE"
    CANCELLED = "CANCELLED"
    REFUSED = "REFUSED"
    FAILED = "FAILED"


ENDS = {"cancel": State.CANCELLED, "refuse": State.REFUSED, "fail": State.FAILED}


class Payment(NamedTuple):
    """What is to be paid: everything that must not change between request and signature."""

    id: int
    account: int
    asset: int
    atoms: int  # all that is reserved, with the fee
    fee: int
    chain: int
    destination: str  # EIP-55
    token: str | None  # contract in small letters, None the native coin
    units: int  # what the destination gets, in the chain's units

    @property
    def commitment(self) -> str:
        """SHA-256 over all of it, in hex. The RESERVE in the log carries it."""
        fields = [*self[:-1], str(self.units)]
        return hashlib.sha256(b"excraft withdrawal 1 " + msgspec.json.encode(fields)).hexdigest()

    @property
    def reference(self) -> str:
        """What RESERVE, RELEASE and SPEND of it carry in the log."""
        return f"withdrawal:{self.id}:{self.commitment}"


class Approved(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The text of an APPROVE_WITHDRAWAL: from it and its command alone the payment follows."""

    id: int
    reserve: int  # position of the RESERVE
    chain: int
    to: str
    token: str | None
    units: str
    fee: int
    by: list[str]  # who approved it; empty where none was needed

    def payment(self, account: int, asset: int, atoms: int) -> Payment:
        """The numbers are those of the command."""
        return Payment(
            self.id, account, asset, atoms, self.fee, self.chain, self.to, self.token,
            int(self.units),
        )  # fmt: skip


def approval_text(payment: Payment, reserve: int, by: list[str]) -> str:
    """The text of the APPROVE_WITHDRAWAL of a payment."""
    made = Approved(
        payment.id, reserve, payment.chain, payment.destination, payment.token,
        str(payment.units), payment.fee, by,
    )  # fmt: skip
    return msgspec.json.encode(made).decode()


def read_approval(text: str) -> Approved:
    """Raises ValueError for what is no approval of a withdrawal."""
    made = msgspec.json.decode(text, type=Approved)
    if not re.fullmatch("[1-9][0-9]{0,77}", made.units):
        raise ValueError(f"{made.units[:80]!r} units cannot be paid; a whole number can")
    return made


def approved_id(text: str) -> int:
    """Of which withdrawal an approval is; 0 of what cannot be read."""
    try:
        return read_approval(text).id
    except ValueError:
        return 0


def read_reference(text: str) -> tuple[int, str] | None:
    """(id, commitment) of a reference made above; None of any other."""
    found = _REFERENCE.fullmatch(text)
    return found and (int(found[1]), found[2])


def state_of(row) -> State:
    """The state that the stored facts of a withdrawal give; `row.sent`: something was broadcast."""
    if row.decision in ENDS:
        return ENDS[row.decision]
    if row.closed_position is not None:
        return State.DONE
    if row.decision == "approve":
        return State.SENT if row.sent else State.APPROVED
    return State.REQUESTED if row.reserved_position is None else State.WAITING


def units_of(atoms: int, decimals: int, chain_decimals: int) -> int:
    """Units of the chain that are exactly so many atoms; raises WithdrawalRefused."""
    finer = chain_decimals - decimals
    if finer >= 0:
        return atoms * 10**finer
    units, rest = divmod(atoms, 10**-finer)
    if rest:
        raise WithdrawalRefused(
            "amount", f"the chain has {chain_decimals} decimals of this asset, so take a multiple"
        )
    return units


def checked_amount(atoms: int, fee: int, minimum: int) -> int:
    """What is left of `atoms` for the destination; raises WithdrawalRefused."""
    if not 0 < atoms <= AMOUNT_MAX:
        raise WithdrawalRefused("amount", f"an amount is from 1 to {AMOUNT_MAX} atoms, not {atoms}")
    if atoms < minimum or atoms <= fee:
        least = max(minimum, fee + 1)
        raise WithdrawalRefused("amount", f"{atoms} atoms are less than the {least} that can leave")
    return atoms - fee


def checked_address(text: str) -> str:
    """The address in EIP-55; raises WithdrawalRefused unless it is that, or all small letters."""
    if not _ADDRESS.fullmatch(text):
        raise WithdrawalRefused(
            "address", f"{text[:60]!r} is no address: those are 0x and 40 digits 0-9, a-f"
        )
    if text != text.lower() and not is_checksum_address(text):
        raise WithdrawalRefused(
            "address",
            f"the capitals of {text} are not those of its check sum (EIP-55): a letter is wrong",
        )
    if text == ZERO:
        raise WithdrawalRefused("address", "what is sent to the address 0x0 is lost; take your own")
    return to_checksum_address(text)
