"""Lines of tables whose columns all have a fixed width, to and from text, compiled.

A row is a row of int64 words: one for a number, two for an id (its halves). `code` has one entry a
column, NUMBER or ID. What the compiled reader does not
take, the plain one of `columns.py` explains.
"""

import numpy as np

from excraft.kernel.compiled import compiled, entry, nth

NUMBER, ID = 0, 1
NUMBER_BYTES, ID_BYTES = 20, 33  # with the comma or the line's end
NIBBLES = np.full(256, 16)  # of a hex digit as a byte; 16 of any other byte
NIBBLES[48:58], NIBBLES[97:103] = np.arange(10), np.arange(10, 16)
TENTH = ((1 << 63) - 1) // 10  # a number below it can take one more digit


@entry
def write_lines(words, code, out):
    """Write each row of `words` (n, w) as a line into the bytes `out`; returns how many it took.
    Numbers must not be negative."""
    at = 0
    for row in range(words.shape[0]):
        word = 0
        for column in range(code.shape[0]):
            if code[column] == 1:
                for _half in range(2):
                    bits = words[row, word]
                    word += 1
                    for shift in range(60, -4, -4):
                        nibble = (bits >> shift) & 15
                        out[at] = nibble + (48 if nibble < 10 else 87)
                        at += 1
            else:
                left = words[row, word]
                word += 1
                digits = 1
                rest = left
                while rest >= 10:
                    rest //= 10
                    digits += 1
                for place in range(digits - 1, -1, -1):
                    out[at + place] = 48 + left % 10
                    left //= 10
                at += digits
            out[at] = 44
            at += 1
        out[at - 1] = 10
    return at


@compiled
def _ends(text, begin):
    """1 when a line's end comes after `begin`."""
    for at in range(begin, text.shape[0]):
        if text[at] == 10:
            return 1
    return 0


@entry
def read_lines(text, code, words):
    """Read whole lines of the bytes `text` into `words` (n, w), as many as both hold.

    Returns (rows, bytes taken, bad): `bad` is 1 when the next line is not as `write_lines` would
    write it. A line whose end is not there is left."""
    at, row, size = 0, 0, text.shape[0]
    while row < words.shape[0]:
        begin, word = at, 0
        for column in range(code.shape[0]):
            end = 10 if column == code.shape[0] - 1 else 44
            if code[column] == 1:
                if at + 33 > size:
                    return row, begin, _ends(text, begin)
                for _half in range(2):
                    bits = np.int64(0)
                    seen = np.int64(0)
                    for place in range(16):
                        nibble = NIBBLES[text[nth(at + place)]]
                        seen |= nibble
                        bits = (bits << 4) | nibble
                    if seen > 15:
                        return row, begin, 1
                    words[row, word] = bits
                    word += 1
                    at += 16
            else:
                first, number = at, np.int64(0)
                while at < size and 48 <= text[nth(at)] <= 57:
                    if at - first > 18 or number > TENTH:
                        return row, begin, 1
                    digit = np.int64(text[nth(at)]) - 48
                    if number == TENTH and digit > 7:
                        return row, begin, 1
                    number = number * 10 + digit
                    at += 1
                if at >= size:
                    return row, begin, 0
                if at == first or (at - first > 1 and text[first] == 48):
                    return row, begin, 1
                words[row, word] = number
                word += 1
            if text[at] != end:
                return row, begin, 1
            at += 1
        row += 1
    return row, at, 0
