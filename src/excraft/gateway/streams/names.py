"""Names of market streams: what each asks for, how often it is sent."""

import re
from typing import NamedTuple

from excraft.marketdata.intervals import DAY, HOUR, INTERVALS

SYMBOL = r"(?P<symbol>[a-z0-9_.\-]{1,20})"
WINDOWS_MS = {"1h": HOUR, "4h": 4 * HOUR, "1d": DAY}
FAST_MS, CANDLE_MS, SLOW_MS = 100, 250, 1000  # cadences; 0 is: at once
ZONE_MS = 8 * HOUR  # of @kline_<interval>@+08:00
LEVELS = (5, 10, 20)
_INTERVAL = "|".join(INTERVALS)
_SYMBOL_STREAM = re.compile(
    SYMBOL + "@(?:"
    r"(?P<plain>trade|aggTrade|bookTicker|ticker|miniTicker|avgPrice)"
    rf"|kline_(?P<interval>{_INTERVAL})(?P<zone>@\+08:00)?"
    r"|depth(?P<levels>5|10|20)?(?P<fast>@100ms)?"
    r"|ticker_(?P<window>1h|4h|1d)"
    ")"
).fullmatch
_ALL_STREAM = re.compile(r"!(?:(?P<mini>miniTicker)|ticker_(?P<window>1h|4h|1d))@arr").fullmatch
_AT_ONCE = frozenset(("trade", "aggTrade", "bookTicker"))


class Stream(NamedTuple):
    """What a name asks for. `symbol` is upper case, empty for streams of all markets."""

    name: str
    kind: str  # trade aggTrade bookTicker ticker miniTicker avgPrice kline depth levels
    symbol: str
    cadence_ms: int
    interval: str = ""
    offset_ms: int = 0
    levels: int = 0
    window_ms: int = DAY


def parse(name: str) -> Stream | None:
    """The stream of that name; None for any other text, which may be subscribed in vain."""
    found = _ALL_STREAM(name)
    if found:
        window = found["window"]
        if window is None:
            return Stream(name, "miniTicker", "", SLOW_MS)
        return Stream(name, "window", "", SLOW_MS, interval=window, window_ms=WINDOWS_MS[window])
    found = _SYMBOL_STREAM(name)
    if found is None:
        return None
    symbol = found["symbol"].upper()
    if found["plain"]:
        cadence = 0 if found["plain"] in _AT_ONCE else SLOW_MS
        return Stream(name, found["plain"], symbol, cadence)
    if found["interval"]:
        cadence = CANDLE_MS if found["interval"] == "1s" else SLOW_MS
        offset = ZONE_MS if found["zone"] else 0
        return Stream(name, "kline", symbol, cadence, found["interval"], offset)
    if found["window"]:
        window = found["window"]
        return Stream(name, "window", symbol, SLOW_MS, window, window_ms=WINDOWS_MS[window])
    cadence = FAST_MS if found["fast"] else SLOW_MS
    if found["levels"]:
        return Stream(name, "levels", symbol, cadence, levels=int(found["levels"]))
    return Stream(name, "depth", symbol, cadence)
