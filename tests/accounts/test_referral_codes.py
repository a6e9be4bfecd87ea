"""Codes that are hard to mistake for others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from excraft.accounts import referral_codes as codes
from excraft.accounts.refusals import Refused

made = st.builds(lambda _: codes.new(), st.integers())


def is_code(text):
    try:
        return codes.read(text) == text
    except Refused:
        return False


@given(made)
def test_what_is_made_is_read_however_it_is_written(code):
    for text in (code, code.lower(), codes.shown(code), f"  {code[:2]} {code[2:]}\n"):
        assert codes.read(text) == code


@given(made, st.integers(0, 7), st.sampled_from(codes.ALPHABET))
def test_one_wrong_character_is_noticed(code, at, other):
    wrong = code[:at] + other + code[at + 1 :]
    assert is_code(wrong) == (wrong == code)


@given(made, st.integers(0, 6), st.integers(1, 7))
def test_two_that_changed_places_are_noticed(code, first, gap):
    second = min(first + gap, 7)
    swapped = list(code)
    swapped[first], swapped[second] = swapped[second], swapped[first]
    assert is_code("".join(swapped)) == ("".join(swapped) == code)


@pytest.mark.parametrize(
    "text", ["2345678", "23456789A", "2345678K", "O2345678", "!!!!!!!!", "2345678İ", "ß" * 8]
)
def test_what_is_none_is_said_with_what_would_be_right(text):
    with pytest.raises(Refused, match="2345-678J"):
        codes.read(text)


def test_none_is_none():
    assert codes.read("") == codes.read(" - ") == ""
    assert codes.read(codes.shown("2345678J")) == "2345678J"
