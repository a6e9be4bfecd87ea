"""The bytes of market data."""

import msgspec
import pytest

from excraft.marketdata import MarketData
from excraft.marketdata.saved import VERSION


def test_loading_gives_back_the_same_bytes(flow):
    data = MarketData()
    for record, events in flow(3, [50] * 20).records:
        data.apply(record, events)
    assert data.agg_trades(0)
    again = MarketData()
    again.load(data.dump())
    assert (again.position, again.time_ns) == (21, data.time_ns)
    assert again.dump() == data.dump()
    assert again.invariant() == []


def test_an_empty_one_can_be_saved():
    again = MarketData()
    again.load(MarketData().dump())
    assert (again.position, again.books, again.traded) == (0, {}, {})


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "no saved market data"),
        (b"\x90", "no saved market data"),
        (b"plain text", "no saved market data"),
        (msgspec.msgpack.encode([VERSION, 1]), "no saved market data"),
        (msgspec.msgpack.encode([VERSION + 1]), f"version {VERSION + 1}; this program reads"),
    ],
)
def test_other_bytes_are_refused_and_change_nothing(raw, why):
    data = MarketData()
    with pytest.raises(ValueError, match=why):
        data.load(raw)
    assert data.position == 0
