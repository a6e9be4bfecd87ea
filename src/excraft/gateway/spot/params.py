"""Declared parameters: what an endpoint takes, its types, and the exact error for what is wrong.

`fields` cuts a query string or form body into texts; a `Spec` turns the texts into typed values.
Decimals become whole numbers of 10**-8, times become milliseconds, names of enumerations their
numbers. The WebSocket API hands its parameters to the same `Spec.read` as texts.
"""

import re
from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import NamedTuple
from urllib.parse import unquote_plus

import msgspec

from excraft.gateway import errors
from excraft.messages.commands import OrderType, Restriction, SelfTrade, Side, TimeInForce
from excraft.units import E8, SCALE

INT64_MAX = (1 << 63) - 1
MICROSECONDS = 10**14  # a time above this is in microseconds: the year 5138 in milliseconds
DECIMAL_RANGE = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
WHOLE_RANGE = "^[0-9]{1,20}$"
SYMBOL_RANGE = r"^[A-Z0-9-_.]{1,20}$"
SYMBOLS_RANGE = r'^\["[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}\]$'
CLIENT_ID_RANGE = r"^[a-zA-Z0-9-_.:/]{1,36}$"
WINDOW_RANGE = r"^[0-9]{1,20}(\.[0-9]{1,3})?$"
NAME_RANGE = "^[A-Za-z0-9_]{1,36}$"

_decimal = re.compile(r"([0-9]{1,20})(?:\.([0-9]{1,20}))?").fullmatch
_whole = re.compile("[0-9]{1,20}").fullmatch
_symbol = re.compile("[A-Z0-9_.-]{1,20}").fullmatch
_client_id = re.compile("[a-zA-Z0-9_.:/-]{1,36}").fullmatch
_window = re.compile(r"([0-9]{1,20})(?:\.([0-9]{1,3}))?").fullmatch
_zone = re.compile(r"([+-]?)([0-9]{1,2})(?::([0-9]{2}))?").fullmatch
_span = re.compile("([1-9][0-9]?)([mhd])").fullmatch


def fields(raw: bytes) -> dict[str, str]:
    """Texts by name of a query string or form body; raises BadParameter for a name sent twice."""
    try:
        text = raw.decode("ascii")
        encoded = "%" in text or "+" in text
        found: dict[str, str] = {}
        sent = 0
        for part in text.split("&"):
            if not part:
                continue
            name, _, value = part.partition("=")
            if encoded:
                name, value = (
                    unquote_plus(name, errors="strict"),
                    unquote_plus(value, errors="strict"),
                )
            found[name] = value
            sent += 1
    except UnicodeDecodeError:
        raise errors.undecodable() from None
    if len(found) != sent:
        raise errors.repeated()
    return found


# ---- kinds: each a reader (name, text) -> value, with the name that the documentation shows


class Kind(NamedTuple):
    """How one parameter is read."""

    shown: str
    read: Callable[[str, str], object]


def _read_decimal(name: str, text: str) -> int:
    match = _decimal(text)
    if match is None:
        raise errors.illegal(name, DECIMAL_RANGE)
    whole, fraction = match.groups()
    if fraction is None:
        return int(whole) * E8
    if len(fraction) > SCALE:
        fraction = fraction.rstrip("0")
        if len(fraction) > SCALE:
            raise errors.too_precise(name)
    return int(whole) * E8 + int(fraction.ljust(SCALE, "0"))


def _read_whole(name: str, text: str) -> int:
    if _whole(text) is None:
        raise errors.illegal(name, WHOLE_RANGE)
    value = int(text)
    if value > INT64_MAX:
        raise errors.overflow(name)
    return value


def _read_time(name: str, text: str) -> int:
    value = _read_whole(name, text)
    return value // 1000 if value > MICROSECONDS else value


def _read_symbol(name: str, text: str) -> str:
    if _symbol(text) is None:
        raise errors.illegal(name, SYMBOL_RANGE)
    return text


def _read_symbols(name: str, text: str) -> list[str]:
    try:
        found = msgspec.json.decode(text, type=list[str])
    except msgspec.DecodeError:
        raise errors.illegal(name, SYMBOLS_RANGE) from None
    if not found or not all(_symbol(symbol) for symbol in found):
        raise errors.illegal(name, SYMBOLS_RANGE)
    if len(set(found)) != len(found):
        raise errors.BadParameter(-1151, "Symbol is present multiple times in the list.")
    return found


def _read_client_id(name: str, text: str) -> str:
    if _client_id(text) is None:
        raise errors.illegal(name, CLIENT_ID_RANGE)
    return text


def _read_truth(name: str, text: str) -> bool:
    if text in ("true", "TRUE", "True"):
        return True
    if text in ("false", "FALSE", "False"):
        return False
    raise errors.illegal(name, "^(true|false)$")


def _read_window(name: str, text: str) -> int:
    """Microseconds of a recvWindow in milliseconds with up to three decimals."""
    match = _window(text)
    if match is None:
        raise errors.illegal(name, WINDOW_RANGE)
    micros = int(match[1]) * 1000 + int((match[2] or "").ljust(3, "0"))
    if micros > 60_000_000:
        raise errors.BadParameter(-1131, "'recvWindow' must be less than 60000.")
    return micros


def _read_zone(name: str, text: str) -> int:
    """Milliseconds of a time zone such as ``8``, ``-1:00`` or ``05:45``."""
    match = _zone(text)
    minutes = int(match[2]) * 60 + int(match[3] or 0) if match else 0
    if match and match[1] == "-":
        minutes = -minutes
    if match is None or int(match[3] or 0) > 59 or not -720 <= minutes <= 840:
        raise errors.invalid(name)
    return minutes * 60_000


def _read_span(name: str, text: str) -> str:
    """A rolling window: 1m..59m, 1h..23h, 1d..7d."""
    match = _span(text)
    if match is None or int(match[1]) > {"m": 59, "h": 23, "d": 7}[match[2]]:
        raise errors.invalid(name)
    return text


DECIMAL = Kind("DECIMAL", _read_decimal)
LONG = Kind("LONG", _read_whole)
TIME = Kind("LONG", _read_time)
SYMBOL = Kind("STRING", _read_symbol)
SYMBOLS = Kind("STRING", _read_symbols)
CLIENT_ID = Kind("STRING", _read_client_id)
TRUTH = Kind("BOOLEAN", _read_truth)
WINDOW = Kind("DECIMAL", _read_window)
ZONE = Kind("STRING", _read_zone)
SPAN = Kind("ENUM", _read_span)


def bounded(least: int, most: int | None = None, *, clamp: int | None = None) -> Kind:
    """A whole number of at least `least`, at most `most`; above `clamp` it is taken as `clamp`."""

    def read(name: str, text: str) -> int:
        value = _read_whole(name, text)
        if value < least or (most is not None and value > most):
            raise errors.invalid(name)
        return value if clamp is None or value < clamp else clamp

    return Kind("INT", read)


def one_of(values: Mapping[str, object], wrong: Callable[[str], errors.ApiError]) -> Kind:
    """An enumeration: texts and what they stand for; `wrong(name)` makes the error."""

    def read(name: str, text: str) -> object:
        value = values.get(text)
        if value is None:
            raise wrong(name)
        return value

    return Kind("ENUM", read)


def names_of(kind: type[IntEnum]) -> dict[str, IntEnum]:
    """An enumeration by its names."""
    return {member.name: member for member in kind}


def _fixed(code: int, text: str) -> Callable[[str], errors.ApiError]:
    return lambda name: errors.BadParameter(code, text)


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


INTERVALS = ("1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d",
             "3d", "1w", "1M")  # fmt: skip
SIDE = one_of(names_of(Side), _fixed(-1117, "Invalid side."))
ORDER_TYPE = one_of(names_of(OrderType), _fixed(-1116, "Invalid orderType."))
TIME_IN_FORCE = one_of(names_of(TimeInForce), _fixed(-1115, "Invalid timeInForce."))
SELF_TRADE = one_of(names_of(SelfTrade), errors.invalid)
RESPONSE = one_of(_same("ACK", "RESULT", "FULL"), errors.invalid)
INTERVAL = one_of(_same(*INTERVALS), _fixed(-1120, "Invalid interval."))
TICKER = one_of(_same("FULL", "MINI"), _fixed(-1139, "Invalid ticker type."))
STATUS = one_of(
    _same("TRADING", "HALT", "BREAK", "CANCEL_ONLY", "END_OF_DAY"),
    _fixed(-1122, "Invalid symbolStatus."),
)
RESTRICTION = one_of(
    {r.name: r for r in Restriction if r},
    _fixed(-1145, "cancelRestrictions has to be either `ONLY_NEW` or `ONLY_PARTIALLY_FILLED`."),
)
REPLACE_MODE = one_of(_same("STOP_ON_FAILURE", "ALLOW_FAILURE"), errors.invalid)
RATE_MODE = one_of(_same("DO_NOTHING", "CANCEL_ONLY"), errors.invalid)
PEG_PRICE = one_of(_same("PRIMARY_PEG", "MARKET_PEG"), _fixed(-1210, "Invalid pegPriceType."))
PEG_OFFSET = one_of(_same("PRICE_LEVEL"), _fixed(-1211, "Invalid pegOffsetType."))
NAME = Kind("STRING", lambda name, text: text)  # compared with what there is, never echoed


def _read_strategy_type(name: str, text: str) -> int:
    value = _read_whole(name, text)
    if value < 1_000_000:
        raise errors.BadParameter(-1134, "strategyType was less than 1000000.")
    return value


STRATEGY_TYPE = Kind("INT", _read_strategy_type)


# ---- specifications


class Param(NamedTuple):
    """One parameter of an endpoint."""

    name: str
    kind: Kind
    required: bool = False


class Spec:
    """The parameters of an endpoint, in the order in which the documentation names them."""

    def __init__(self, *params: Param) -> None:
        self.params = params
        self._readers = {p.name: p.kind.read for p in params}
        self._required = tuple(p.name for p in params if p.required)

    def __add__(self, other: "Spec") -> "Spec":
        return Spec(*self.params, *other.params)

    def read(self, sent: Mapping[str, str]) -> dict:
        """Typed values by name; raises BadParameter for the first thing wrong."""
        readers, values = self._readers, {}
        for name, text in sent.items():
            read = readers.get(name)
            if read is None:
                continue
            if not text:
                raise errors.missing(name) if name in self._required else errors.empty(name)
            values[name] = read(name, text)
        for name in self._required:
            if name not in values:
                raise errors.missing(name)
        if len(values) != len(sent):
            if not readers:
                raise errors.none_expected(len(sent))
            raise errors.unread(len(values), len(sent))
        return values


NOTHING = Spec()
SYMBOL_ONLY = Spec(Param("symbol", SYMBOL, True))
