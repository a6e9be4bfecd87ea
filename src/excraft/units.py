"""Ticks, lots, atoms and parts per million; the only rounding of the exchange.

Every amount is a whole number. A price is counted in ticks, a quantity in lots, money in atoms of
its asset (10**-decimals). People write decimals; they are parsed here, exactly, or refused.
"""

from decimal import Decimal
from typing import NamedTuple, NewType

Ticks = NewType("Ticks", int)
Lots = NewType("Lots", int)
Atoms = NewType("Atoms", int)
Ppm = NewType("Ppm", int)

PPM = 1_000_000
AMOUNT_MAX = 1 << 62  # the most atoms of a command: sums of two never overflow int64
SCALE = 8  # decimals shown for prices, quantities and amounts on the trading API
E8 = 10**SCALE


class Rational(NamedTuple):
    """A price as a fraction of whole numbers: quote atoms for each 10^-18 EXT."""

    numerator: int
    denominator: int


class NotExact(ValueError):
    """A decimal that the wanted unit cannot hold exactly."""


def parse_decimal(text: str, decimals: int = SCALE) -> int:
    """Whole number of 10**-decimals in a plain decimal like ``12.5``; no sign, no exponent.

    Raises NotExact when it is not a plain decimal or has more decimals than `decimals`
    (trailing zeros are fine).
    """
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0")
    digits = whole + fraction
    if not digits.isascii() or not (whole or fraction) or not (digits or whole).isdigit():
        raise NotExact(f"{text[:40]!r} is not a plain decimal number such as 12.5")
    if len(fraction) > decimals:
        raise NotExact(f"{text[:40]!r} has more than {decimals} decimals")
    if len(whole) > 40:
        raise NotExact(f"{text[:40]!r}... is too long for an amount")
    parts = int(fraction or "0") * 10 ** (decimals - len(fraction))
    return int(whole or "0") * 10**decimals + parts


def format_decimal(value: int, decimals: int = SCALE, shown: int = SCALE) -> str:
    """Text of ``value * 10**-decimals`` with exactly `shown` decimals (shown >= decimals)."""
    value *= 10 ** (shown - decimals)
    sign = "-" if value < 0 else ""
    if shown == 0:
        return f"{sign}{abs(value)}"
    whole, fraction = divmod(abs(value), 10**shown)
    return f"{sign}{whole}.{fraction:0{shown}d}"


def lot_atoms(lot_size: str, base_decimals: int) -> int:
    """Base atoms in one lot; raises NotExact unless it is a whole positive number."""
    atoms = parse_decimal(lot_size, base_decimals)
    if atoms < 1:
        raise NotExact(f"lot size {lot_size!r} must be positive")
    return atoms


def tick_lot_atoms(tick_size: str, lot_size: str, quote_decimals: int) -> int:
    """Quote atoms in one tick times one lot; raises NotExact unless whole and positive."""
    product = Decimal(tick_size) * Decimal(lot_size) * (10**quote_decimals)
    if product < 1 or product != product.to_integral_value():
        raise NotExact(
            f"tick {tick_size} x lot {lot_size} is {product} quote atoms; it must be a whole "
            f"number >= 1, so take a larger tick or lot"
        )
    return int(product)


def ceil_ppm(amount: int, rate_ppm: int) -> int:
    """``amount * rate_ppm / 10**6`` rounded up: fees round in favour of the fee account."""
    return -(-amount * rate_ppm // PPM)


def band(price: int, band_ppm: int) -> int:
    """``price * band_ppm / 10**6`` rounded down: how far a market order may move the price."""
    return price * band_ppm // PPM
