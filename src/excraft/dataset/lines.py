"""Lines of tables to and from text, compiled.

A row is a row of uint64 words, as many for each column as WIDTHS says of its code; `columns.py`
says what they stand for. What the compiled reader does not take, the plain one explains.
"""

import numpy as np

from excraft.kernel.compiled import compiled, entry, nth, u64

NUMBER, ID, OWNER, UNITS, ADDRESS, CHOICE, SOURCE = range(7)
WIDTHS = np.array([1, 2, 2, 2, 3, 1, 1])
BYTES = np.array([20, 33, 33, 39, 43, 7, 9])  # at most, with the comma or the line's end
WORDS = (("credit", "chain"), ("exchange", "vault"))  # of CHOICE and SOURCE
LETTERS = np.array([[list(word.encode().ljust(8)) for word in two] for two in WORDS])
LENGTHS = np.array([[len(word) for word in two] for two in WORDS])
NIBBLES = np.full(256, 16)  # of a hex digit as a byte; 16 of any other byte
NIBBLES[48:58], NIBBLES[97:103] = np.arange(10), np.arange(10, 16)
TENTH = ((1 << 63) - 1) // 10  # a number below it can take one more digit
TEN, FOUR, LOW = np.uint64(10), np.uint64(4), np.uint64(15)
HALF_DIGITS = 19  # units are 10^19 times the first word and the second
UNITS_DIGITS = 38
THERE = np.uint64(1 << 32)  # in the first word of an address that is not empty


@compiled
def put_hex(out, at, bits, digits):
    """The lowest `digits` hex digits of a word; where they end."""
    for place in range(digits - 1, -1, -1):
        nibble = np.int64(bits & LOW)
        out[at + place] = nibble + (48 if nibble < 10 else 87)
        bits >>= FOUR
    return at + digits


@compiled
def put_number(out, at, number, least):
    """A word in decimal digits, at `least` so many; where they end."""
    digits, rest = 1, number
    while rest >= TEN:
        rest //= TEN
        digits += 1
    digits = max(digits, least)
    for place in range(digits - 1, -1, -1):
        out[at + place] = 48 + np.int64(number % TEN)
        number //= TEN
    return at + digits


@compiled
def put_address(out, at, words, row, word):
    if words[row, word] < THERE:
        return at
    out[at], out[at + 1] = 48, 120
    at = put_hex(out, at + 2, words[row, word], 8)
    at = put_hex(out, at, words[row, word + 1], 16)
    return put_hex(out, at, words[row, word + 2], 16)


@compiled
def put_word(out, at, which, option):
    for place in range(LENGTHS[which, option]):
        out[at + place] = LETTERS[which, option, place]
    return at + LENGTHS[which, option]


@compiled
def put(out, at, code, words, row, word):
    """One value; where it ends."""
    if code == NUMBER:
        return put_number(out, at, words[row, word], 1)
    if code == ID or code == OWNER:
        if code == OWNER and words[row, word] == 0 and words[row, word + 1] == 0:
            return at
        at = put_hex(out, at, words[row, word], 16)
        return put_hex(out, at, words[row, word + 1], 16)
    if code == UNITS:
        if words[row, word] == 0:
            return put_number(out, at, words[row, word + 1], 1)
        at = put_number(out, at, words[row, word], 1)
        return put_number(out, at, words[row, word + 1], HALF_DIGITS)
    if code == ADDRESS:
        return put_address(out, at, words, row, word)
    return put_word(out, at, code - CHOICE, np.int64(words[row, word]))


@entry
def write_lines(words, codes, out):
    """Write each row of `words` (n, w) as a line into the bytes `out`; returns how many it took."""
    at = 0
    for row in range(words.shape[0]):
        word = 0
        for column in range(codes.shape[0]):
            at = put(out, at, codes[column], words, row, word)
            word += WIDTHS[codes[column]]
            out[at] = 44
            at += 1
        out[at - 1] = 10
    return at


# Each of these takes one value from the bytes `text` at `at`; where it ends, or -1.


@compiled
def take_hex(text, at, digits, words, row, word):
    if at < 0 or at + digits > text.shape[0]:
        return -1
    bits, seen = np.int64(0), np.int64(0)
    for place in range(digits):
        nibble = NIBBLES[text[nth(at + place)]]
        seen |= nibble
        bits = (bits << 4) | nibble
    words[row, word] = u64(bits)
    return at + digits if seen < 16 else -1


@compiled
def take_number(text, at, words, row, word):
    first, number = at, np.int64(0)
    while at < text.shape[0] and 48 <= text[nth(at)] <= 57:
        digit = np.int64(text[nth(at)]) - 48
        if number > TENTH or (number == TENTH and digit > 7):
            return -1
        number = number * 10 + digit
        at += 1
    words[row, word] = u64(number)
    return -1 if at == first or (at - first > 1 and text[nth(first)] == 48) else at


@compiled
def take_units(text, at, words, row, word):
    first, size = at, text.shape[0]
    while at < size and at - first <= UNITS_DIGITS and 48 <= text[nth(at)] <= 57:
        at += 1
    digits = at - first
    if digits < 1 or digits > UNITS_DIGITS or (digits > 1 and text[nth(first)] == 48):
        return -1
    high = max(first, at - HALF_DIGITS)
    words[row, word] = digits_of(text, first, high)
    words[row, word + 1] = digits_of(text, high, at)
    return at


@compiled
def digits_of(text, begin, end):
    """At most 19 decimal digits as a word."""
    number = np.uint64(0)
    for place in range(begin, end):
        number = number * TEN + u64(np.int64(text[nth(place)]) - 48)
    return number


@compiled
def take_address(text, at, words, row, word):
    if text[nth(at)] != 48 or at + 2 > text.shape[0] or text[nth(at + 1)] != 120:
        return -1
    at = take_hex(text, at + 2, 8, words, row, word)
    words[row, word] |= THERE
    at = take_hex(text, at, 16, words, row, word + 1)
    return take_hex(text, at, 16, words, row, word + 2)


@compiled
def take_word(text, at, which, words, row, word):
    for option in range(2):
        length = LENGTHS[which, option]
        same = at + length <= text.shape[0]
        for place in range(length if same else 0):
            same &= text[nth(at + place)] == LETTERS[which, option, place]
        if same:
            words[row, word] = u64(option)
            return at + length
    return -1


@compiled
def take(text, at, code, words, row, word):
    """Any value."""
    if code == NUMBER:
        return take_number(text, at, words, row, word)
    if code == UNITS:
        return take_units(text, at, words, row, word)
    if (code == OWNER or code == ADDRESS) and (text[nth(at)] == 44 or text[nth(at)] == 10):
        for place in range(WIDTHS[code]):
            words[row, word + place] = u64(0)
        return at
    if code == ADDRESS:
        return take_address(text, at, words, row, word)
    if code == ID or code == OWNER:
        at = take_hex(text, at, 16, words, row, word)
        at = take_hex(text, at, 16, words, row, word + 1)
        return -1 if words[row, word] == 0 and words[row, word + 1] == 0 else at
    return take_word(text, at, code - CHOICE, words, row, word)


@compiled
def ends(text, begin):
    """1 when a line's end comes after `begin`."""
    for at in range(begin, text.shape[0]):
        if text[nth(at)] == 10:
            return 1
    return 0


@entry
def read_lines(text, codes, words):
    """Read whole lines of the bytes `text` into `words` (n, w), as many as both hold.

    Returns (rows, bytes taken, bad): `bad` is 1 when the next line is not as `write_lines` would
    write it. A line whose end is not there is left."""
    at, size, last = 0, text.shape[0], codes.shape[0] - 1
    for row in range(words.shape[0]):
        begin, word = at, 0
        if at == size:
            return row, at, 0
        for column in range(codes.shape[0]):
            if at >= size:
                return row, begin, 0
            at = take(text, at, codes[column], words, row, word)
            if at < 0 or at >= size or text[nth(at)] != (10 if column == last else 44):
                return row, begin, ends(text, begin)
            word += WIDTHS[codes[column]]
            at += 1
    return words.shape[0], at, 0
