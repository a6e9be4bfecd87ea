"""Decimals in, whole numbers inside, the same decimals out; anything else is refused."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from excraft.units import (
    AMOUNT_MAX,
    NotExact,
    band,
    ceil_ppm,
    format_decimal,
    lot_atoms,
    parse_decimal,
    tick_lot_atoms,
)

whole = st.integers(0, AMOUNT_MAX)
decimals = st.integers(0, 18)


@given(whole, decimals)
def test_what_is_written_is_read_back(value, places):
    assert parse_decimal(format_decimal(value, places, places), places) == value


@given(whole, decimals, decimals)
def test_trailing_zeros_change_nothing(value, places, more):
    text = format_decimal(value, places, places + more)
    assert parse_decimal(text, places) == value
    assert Decimal(text) == Decimal(value).scaleb(-places)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "-1",
        "+1",
        "1e3",
        "1E3",
        " 1",
        "1 ",
        "1,5",
        "0x1",
        "NaN",
        "inf",
        "١",
        "1.2.3",
        "1_0",
    ],
)
def test_what_is_no_plain_decimal_is_refused(text):
    with pytest.raises(NotExact, match="is not a plain decimal number"):
        parse_decimal(text)


@pytest.mark.parametrize(("text", "places"), [("0.000000001", 8), ("1.5", 0), ("0.01", 1)])
def test_what_is_too_fine_is_refused(text, places):
    with pytest.raises(NotExact, match=f"more than {places} decimals"):
        parse_decimal(text, places)


def test_what_is_absurdly_long_is_refused():
    with pytest.raises(NotExact, match="too long"):
        parse_decimal("9" * 41)


@pytest.mark.parametrize(("text", "value"), [("1.", 10**8), (".5", 5 * 10**7), ("007", 7 * 10**8)])
def test_lenient_forms(text, value):
    assert parse_decimal(text) == value


@given(whole, st.integers(0, 1_000_000))
def test_fees_round_up_and_bands_round_down(amount, ppm):
    exact = Decimal(amount) * ppm
    assert 0 <= Decimal(ceil_ppm(amount, ppm)) * 1_000_000 - exact < 1_000_000
    assert 0 <= exact - Decimal(band(amount, ppm)) * 1_000_000 < 1_000_000


@pytest.mark.parametrize(
    ("tick", "lot", "places", "atoms"),
    [("0.01", "0.00001", 8, 10), ("1", "1", 0, 1), ("0.5", "2", 0, 1)],
)
def test_a_tick_times_a_lot_is_whole_atoms(tick, lot, places, atoms):
    assert tick_lot_atoms(tick, lot, places) == atoms


@pytest.mark.parametrize(("tick", "lot", "places"), [("0.01", "0.01", 3), ("0.5", "3", 0)])
def test_a_market_whose_trades_would_round_is_refused(tick, lot, places):
    with pytest.raises(NotExact, match="take a larger tick or lot"):
        tick_lot_atoms(tick, lot, places)


def test_a_lot_is_at_least_one_atom():
    assert lot_atoms("0.001", 8) == 100_000
    with pytest.raises(NotExact, match="must be positive"):
        lot_atoms("0", 8)


def test_negative_amounts_are_shown_with_their_sign():
    assert format_decimal(-150_000_000) == "-1.50000000"
    assert format_decimal(-7, 0, 0) == "-7"
