"""Texts to values, exactly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from excraft.gateway.errors import ApiError, BadParameter
from excraft.gateway.spot import params
from excraft.gateway.spot.params import Param, Spec, fields
from excraft.units import format_decimal


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b"", {}),
        (b"a=1&b=2", {"a": "1", "b": "2"}),
        (b"a=1&&b=2&", {"a": "1", "b": "2"}),
        (b"a", {"a": ""}),
        (b"a=", {"a": ""}),
        (b"a=b=c", {"a": "b=c"}),
        (b"a=%5B%22X%22%5D", {"a": '["X"]'}),
        (b"a=x+y%2B", {"a": "x y+"}),
        (b"%61=1", {"a": "1"}),
        (b"a=%E2%82%AC", {"a": "€"}),
    ],
)
def test_fields(raw, found):
    assert fields(raw) == found


@pytest.mark.parametrize(
    ("raw", "code"),
    [(b"a=1&a=1", -1101), (b"a=1&%61=2", -1101), (b"a=%ff", -1100), (b"a=\xff", -1100),
     ("a=ä".encode(), -1100)],
)  # fmt: skip
def test_bad_fields(raw, code):
    with pytest.raises(BadParameter) as caught:
        fields(raw)
    assert caught.value.code == code


@given(st.binary(max_size=200))
def test_fields_of_anything(raw):
    try:
        found = fields(raw)
    except ApiError:
        return
    assert all(isinstance(text, str) for pair in found.items() for text in pair)


@given(st.integers(0, 10**28 - 1))
def test_decimals_there_and_back(value):
    text = format_decimal(value)
    for shown in {text, text.rstrip("0").rstrip("."), text + "000"}:
        assert params.DECIMAL.read("p", shown) == value


@given(st.text(max_size=30))
def test_any_text_is_a_value_or_an_error(text):
    for kind in (params.DECIMAL, params.LONG, params.TIME, params.SYMBOL, params.SYMBOLS,
                 params.CLIENT_ID, params.TRUTH, params.WINDOW, params.ZONE, params.SPAN,
                 params.SIDE, params.INTERVAL, params.bounded(1, 5)):  # fmt: skip
        try:
            kind.read("p", text)
        except BadParameter as wrong:
            assert wrong.status == 400 and -1200 < wrong.code <= -1100
        else:
            assert text.isascii() and text


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (params.TIME, "1700000000000", 1_700_000_000_000),
        (params.TIME, "1700000000000999", 1_700_000_000_000),
        (params.LONG, "9223372036854775807", 2**63 - 1),
        (params.WINDOW, "5000", 5_000_000),
        (params.WINDOW, "0.5", 500),
        (params.WINDOW, "60000.000", 60_000_000),
        (params.ZONE, "8", 28_800_000),
        (params.ZONE, "-1:30", -5_400_000),
        (params.ZONE, "+05:45", 20_700_000),
        (params.bounded(1, clamp=1000), "5000", 1000),
    ],
)
def test_values(kind, text, value):
    assert kind.read("p", text) == value


SPEC = Spec(Param("symbol", params.SYMBOL, True), Param("limit", params.bounded(1)))


@pytest.mark.parametrize(
    ("sent", "code", "text"),
    [
        ({}, -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."),
        ({"symbol": ""}, -1102,
         "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."),
        ({"symbol": "A", "limit": ""}, -1105, "Parameter 'limit' was empty."),
        ({"symbol": "A", "x": "1"}, -1104,
         "Not all sent parameters were read; read '1' parameter(s) but was sent '2'."),
        ({"symbol": "a"}, -1100, "Illegal characters found in parameter 'symbol'; "
         "legal range is '^[A-Z0-9-_.]{1,20}$'."),
        ({"symbol": "A", "limit": "0"}, -1130, "Data sent for parameter 'limit' is not valid."),
    ],
)  # fmt: skip
def test_what_a_spec_refuses(sent, code, text):
    with pytest.raises(BadParameter) as caught:
        SPEC.read(sent)
    assert (caught.value.code, caught.value.text) == (code, text)


def test_a_spec_reads():
    assert SPEC.read({"limit": "7", "symbol": "EXTUSD"}) == {"limit": 7, "symbol": "EXTUSD"}
