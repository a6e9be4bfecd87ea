"""What is signed and what is not: the payment follows from the log alone, within our own caps."""

import re
import time
from collections.abc import Callable

import msgspec

from excraft.chain.ethereum import Account, LocalAccount
from excraft.chain.transfers import transfer_data
from excraft.custody.errors import SignerBroken, SignerRefused, WithdrawalRefused
from excraft.custody.signer.journal import DAY_NS, VOID, Entry, Journal
from excraft.custody.signer.keys import Keys
from excraft.custody.signer.log_view import LogView
from excraft.custody.signer.requests import (
    Answer,
    Cold,
    Hello,
    Made,
    Pay,
    Request,
    Signed,
    Sweep,
    TopUp,
    Transaction,
    Void,
    Wallet,
)
from excraft.custody.signer.settings import AssetCaps, ChainRules, SignerSettings
from excraft.custody.withdrawal import Payment, checked_address, read_approval, units_of
from excraft.units import format_decimal

_UNITS = re.compile("[1-9][0-9]{0,77}")
NONCE_MAX = 1 << 53
OURS = ("sweep", "gas")  # half the gas of a day is theirs: deposits must not keep payments waiting


class Signer:
    """Answers requests one at a time; every signature is in the journal before it is given."""

    def __init__(
        self, settings: SignerSettings, keys: Keys, journal: Journal, log: LogView,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:  # fmt: skip
        """Raises SignerBroken when the keys are not those that the settings expect."""
        self._settings, self._keys, self._journal = settings, keys, journal
        self._log, self._clock = log, clock
        for chain in settings.chains:
            if chain.hot != keys.hot.address:
                raise SignerBroken(
                    f"the keys give the hot wallet {keys.hot.address}, but signer.json says "
                    f"{chain.hot} for chain {chain.chain}"
                )

    def answer(self, request: Request) -> Answer:
        """What was asked, or why not; raises only what must stop the process."""
        try:
            match request:
                case Hello():
                    wallets = [_wallet(chain) for chain in self._settings.chains]
                    return Answer(xpub=self._keys.xpub, wallets=wallets)
                case Void():
                    return self._void(request)
                case Signed():
                    return self._signed(request)
                case Pay():
                    return self._pay(request)
                case Sweep():
                    return self._sweep(request)
                case Cold():
                    return self._to_cold(request)
                case TopUp():
                    return self._top_up(request)
        except (SignerRefused, WithdrawalRefused) as refused:
            return Answer(refused=str(refused))
        raise AssertionError(request)

    # withdrawals

    def _pay(self, request: Pay) -> Answer:
        self._log.catch_up()
        payment = self._approved(request)
        chain, caps = self._known(payment.chain, payment.asset, payment.token)
        expected = units_of(payment.atoms - payment.fee, caps.decimals, caps.chain_decimals)
        if payment.units != expected:
            raise SignerRefused(f"{payment.units} units are not the {expected} of the amount")
        if payment.destination in (chain.hot, chain.cold):
            raise SignerRefused(f"{payment.destination} is a wallet of the exchange itself")
        if payment.token is None and request.gas > chain.coin_gas_max:
            raise SignerRefused(
                f"a withdrawal of coin takes at most {chain.coin_gas_max} gas here, "
                f"not {request.gas}"
            )
        before = self._journal.by_withdrawal.get(payment.id)
        if before is None:
            self._check_caps(payment, caps)
        elif before.kind == VOID:
            raise SignerRefused(f"withdrawal {payment.id} was given up and is never signed")
        else:
            _check_binding(payment, before, request.nonce)
        return self._sign(
            request, chain, self._keys.hot, payment.destination, payment.token, payment.units,
            id=payment.id, asset=payment.asset, atoms=payment.atoms,
        )  # fmt: skip

    def _approved(self, request: Pay) -> Payment:
        """The payment of the record at that position; refused unless the log stands behind it."""
        if request.id in self._log.closed:
            raise SignerRefused(f"withdrawal {request.id} is closed: paid, or its money given back")
        found = self._log.approvals.get((request.position, request.id))
        if found is None:
            raise SignerRefused(
                f"record {request.position} of the log approves no withdrawal {request.id}"
            )
        approved = read_approval(found.text)
        payment = approved.payment(found.account, found.asset, found.atoms)
        reserved = self._log.reserves.get((approved.reserve, payment.id))
        mine = (payment.id, payment.commitment, payment.account, payment.asset, payment.atoms)
        if mine != reserved or approved.reserve >= request.position:
            raise SignerRefused(
                f"withdrawal {payment.id} as it is approved is not what record "
                f"{approved.reserve} of the log reserved money for: it was altered"
            )
        if checked_address(payment.destination) != payment.destination:
            raise SignerRefused(f"{payment.destination[:60]!r} lacks the capitals of EIP-55")
        if not 0 <= payment.fee < payment.atoms:
            raise SignerRefused(f"a fee of {payment.fee} atoms of {payment.atoms} cannot be")
        return payment

    def _check_caps(self, payment: Payment, caps: AssetCaps) -> None:
        if payment.atoms > caps.withdrawal_atoms:
            raise SignerRefused(
                f"{self._text(payment.atoms, caps)} is more than the cap of "
                f"{caps.per_withdrawal} {caps.symbol} for one withdrawal"
            )
        since = self._now() - DAY_NS
        paid = self._journal.paid_since(payment.chain, payment.asset, since)
        if paid + payment.atoms > caps.day_atoms:
            raise SignerRefused(
                f"{self._text(payment.atoms, caps)} and the {self._text(paid, caps)} of the last "
                f"24 hours are more than the cap of {caps.per_day} {caps.symbol}"
            )

    def _void(self, request: Void) -> Answer:
        before = self._journal.by_withdrawal.get(request.id)
        if before is not None and before.kind != VOID:
            raise SignerRefused(
                f"withdrawal {request.id} was signed with nonce {before.nonce}: it may be paid"
            )
        if before is None:
            if not 0 < request.id < 1 << 62:
                raise SignerRefused(f"{request.id} is the number of no withdrawal")
            self._log.catch_up()
            self._journal.append(self._entry(VOID, id=request.id))
        return Answer()

    def _signed(self, request: Signed) -> Answer:
        """The same signatures once more: they left before, or may have."""
        if request.id:
            newest = self._journal.by_withdrawal.get(request.id)
        else:
            newest = self._journal.from_nonce(request.chain, request.source, request.nonce)
        attempts = self._journal.attempts(newest)
        if not attempts:
            return Answer()
        account = self._keys.hot
        if request.number is not None:
            account = self._deposit(request.number, request.source)
        if account.address != attempts[0].source:
            raise SignerRefused(
                f"{attempts[0].source} signed that, not {account.address}: name its number"
            )
        return Answer(made=[_made(each, account) for each in attempts])

    # our own addresses

    def _sweep(self, request: Sweep) -> Answer:
        chain = self._chain(request.chain)
        self._check_token(chain, request.token)
        source = self._deposit(request.number, request.address)
        units = _whole(request.units)
        return self._sign(request, chain, source, chain.hot, request.token, units)

    def _to_cold(self, request: Cold) -> Answer:
        chain = self._chain(request.chain)
        self._check_token(chain, request.token)
        units = _whole(request.units)
        return self._sign(request, chain, self._keys.hot, chain.cold, request.token, units)

    def _top_up(self, request: TopUp) -> Answer:
        chain, units = self._chain(request.chain), _whole(request.units)
        if units > chain.top_up_max_wei:
            raise SignerRefused(
                f"{units} wei are more than the {chain.top_up_max_wei} of one top-up for gas"
            )
        to = self._deposit(request.number, request.address).address
        return self._sign(request, chain, self._keys.hot, to, None, units)

    def _deposit(self, number: int, address: str) -> LocalAccount:
        try:
            found = self._keys.deposit(number)
        except ValueError as wrong:
            raise SignerRefused(str(wrong)) from wrong
        if found.address != address:
            raise SignerRefused(
                f"number {number} of our keys is {found.address}, not {address[:60]}"
            )
        return found

    # all of them

    def _sign(
        self, request: Transaction, chain: ChainRules, source: LocalAccount, to: str,
        token: str | None, units: int, **more: int,
    ) -> Answer:  # fmt: skip
        kind = type(request).__struct_config__.tag
        self._check_gas(request, chain)
        entry = self._entry(
            kind, chain=chain.chain, source=source.address, nonce=request.nonce, to=to,
            token=token, units=str(units), gas=request.gas, fee_max=request.fee_max,
            tip=request.tip, **more,
        )  # fmt: skip
        raw, hash = _transaction(entry, source)
        entry = msgspec.structs.replace(entry, hash=hash)
        if not self._is_repetition(entry):
            self._check_nonce(entry, chain)
            self._check_gas_of_the_day(entry, chain)
            self._journal.append(entry)
        return Answer(raw=raw, hash=hash)

    def _is_repetition(self, entry: Entry) -> bool:
        """Whether just this was signed before; refused unless it is new, or a replacement."""
        before = self._journal.by_place.get(entry.place)
        if before is None:
            return False
        if before.purpose != entry.purpose:
            raise SignerRefused(
                f"nonce {entry.nonce} of {entry.source} was signed for a {before.kind} "
                f"{before.id or ''} of {before.units} units to {before.to} already"
            )
        if before.hash == entry.hash:
            return True
        if entry.fee_max <= before.fee_max or entry.tip < before.tip:
            raise SignerRefused(
                f"nonce {entry.nonce} was signed with {before.fee_max} wei for one gas; a "
                f"replacement offers more, not {entry.fee_max}"
            )
        return False

    def _check_nonce(self, entry: Entry, chain: ChainRules) -> None:
        """A nonce that the chain never reaches would bind its withdrawal to it for ever."""
        highest = self._journal.highest(entry.chain, entry.source)
        if entry.nonce > highest + 1 + chain.nonce_gap:
            raise SignerRefused(
                f"nonce {entry.nonce} of {entry.source} is too high: {highest + 1} is the next, "
                f"and signer.json lets {chain.nonce_gap} be passed over (nonce_gap)"
            )

    def _check_gas(self, request: Transaction, chain: ChainRules) -> None:
        if not 0 <= request.nonce < NONCE_MAX:
            raise SignerRefused(f"a nonce is from 0 to {NONCE_MAX - 1}, not {request.nonce}")
        if not 21_000 <= request.gas <= chain.gas_max:
            raise SignerRefused(f"gas is from 21000 to {chain.gas_max} here, not {request.gas}")
        if not 0 <= request.tip <= request.fee_max <= chain.gas_price_max_wei:
            raise SignerRefused(
                f"{request.fee_max} wei for one gas, {request.tip} of it as tip: at most "
                f"{chain.gas_price_max_wei}"
            )

    def _check_gas_of_the_day(self, entry: Entry, chain: ChainRules) -> None:
        since = self._now() - DAY_NS
        spent = self._journal.gas_since(chain.chain, since)
        before = self._journal.by_place.get(entry.place)
        if before is not None and before.time_ns > since:
            spent[entry.kind] -= before.cost
        _check_gas_cap(entry.cost, sum(spent.values()), chain.gas_day_wei, "")
        if entry.kind in OURS:
            ours = sum(spent.get(kind, 0) for kind in OURS)
            _check_gas_cap(entry.cost, ours, chain.gas_day_wei // 2, " for sweeps")

    def _chain(self, number: int) -> ChainRules:
        chain = self._settings.chain(number)
        if chain is None:
            raise SignerRefused(f"chain {number} is not in signer.json")
        return chain

    def _known(self, number: int, asset: int, token: str | None) -> tuple[ChainRules, AssetCaps]:
        chain = self._chain(number)
        caps = chain.asset(asset, token)
        if caps is None:
            raise SignerRefused(
                f"asset {asset} as {token or 'the native coin'} on chain {number} is not in "
                f"signer.json"
            )
        return chain, caps

    def _check_token(self, chain: ChainRules, token: str | None) -> None:
        if token is not None and token not in {each.token for each in chain.assets}:
            raise SignerRefused(f"token {token[:60]!r} is not in signer.json")

    def _entry(self, kind: str, **fields) -> Entry:
        number, previous = self._journal.next_link()
        return Entry(
            number, previous, self._now(), kind, self._log.position, self._log.hash, **fields
        )

    def _now(self) -> int:
        """Never before the last entry, so that a clock set back does not empty the day."""
        entries = self._journal.entries
        return max(self._clock(), entries[-1].time_ns if entries else 0)

    def _text(self, atoms: int, caps: AssetCaps) -> str:
        return f"{format_decimal(atoms, caps.decimals, caps.decimals)} {caps.symbol}"


def _check_binding(payment: Payment, before: Entry, nonce: int) -> None:
    """The first signature for a withdrawal passed the caps; another must be for the same."""
    paid = (before.chain, before.to, before.token, before.units, before.asset, before.atoms)
    asked = (payment.chain, payment.destination, payment.token, str(payment.units),
             payment.asset, payment.atoms)  # fmt: skip
    if asked != paid:
        raise SignerRefused(
            f"withdrawal {payment.id} was signed for {before.units} units to {before.to} on chain "
            f"{before.chain}, so never for {payment.units} to {payment.destination} on chain "
            f"{payment.chain}"
        )
    if before.nonce != nonce:
        raise SignerRefused(
            f"withdrawal {payment.id} was signed with nonce {before.nonce}, so never with "
            f"{nonce}: it would be paid twice"
        )


def _check_gas_cap(cost: int, spent: int, most: int, what: str) -> None:
    if spent + cost > most:
        raise SignerRefused(
            f"gas for {cost} wei and the {spent} of the last 24 hours are more than the cap of "
            f"{most}{what}"
        )


def _transaction(entry: Entry, source: LocalAccount) -> tuple[str, str]:
    """(signed, hash) of what an entry says; the same each time."""
    asked = {
        "type": 2, "chainId": entry.chain, "nonce": entry.nonce, "gas": entry.gas,
        "maxFeePerGas": entry.fee_max, "maxPriorityFeePerGas": entry.tip,
        "to": entry.to, "value": int(entry.units), "data": b"",
    }  # fmt: skip
    if entry.token is not None:
        asked |= {"to": checked_address(entry.token), "value": 0,
                  "data": transfer_data(entry.to, int(entry.units))}  # fmt: skip
    made = Account.sign_transaction(asked, source.key)
    return made.raw_transaction.to_0x_hex(), made.hash.to_0x_hex()


def _made(entry: Entry, source: LocalAccount) -> Made:
    raw, hash = _transaction(entry, source)
    if hash != entry.hash:
        raise SignerRefused(f"line {entry.number} of the journal cannot be signed as it was")
    return Made(
        entry.kind, entry.id, entry.chain, entry.source, entry.nonce, entry.to, entry.token,
        entry.units, entry.gas, entry.fee_max, entry.tip, hash, raw,
    )  # fmt: skip


def _wallet(chain: ChainRules) -> Wallet:
    return Wallet(chain.chain, chain.hot, chain.cold, chain.gas_max, chain.gas_price_max_wei,
                  chain.top_up_max_wei, chain.coin_gas_max)  # fmt: skip


def _whole(text: str) -> int:
    if not _UNITS.fullmatch(text) or int(text) >= 1 << 256:
        raise SignerRefused(f"{text[:80]!r} units cannot be sent; a whole number can")
    return int(text)
