"""Names of pools: what may be one, and which read the same."""

from unicodedata import ucd_3_2_0 as unicode  # replays must agree, whatever Python comes to know

from excraft.merit.acts import ActRefused

NAME_MAX = 40

# Printable for Unicode, and yet nothing is to be seen.
_INVISIBLE = {*"\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u2800\u3164\uffa0"}
_INVISIBLE |= {chr(selector) for selector in range(0xFE00, 0xFE10)}
_ALIKE = {"LATIN", "GREEK", "CYRILLIC"}  # alphabets with letters that look the same


def check_name(text: str) -> str:
    """A pool's name as it is kept; raises ActRefused."""
    name = unicode.normalize("NFC", " ".join(text.split()))
    if not 3 <= len(name) <= NAME_MAX or not all(map(_visible, name)):
        raise ActRefused(
            f"a pool's name has 3 to {NAME_MAX} printable characters, not {len(name)} of "
            f"{name[:60]!r}"
        )
    mixed = _ALIKE & {unicode.name(c, "").split(" ")[0] for c in key_of(name)}
    if len(mixed) > 1:
        raise ActRefused(f"a pool's name is in one alphabet, not in {' and '.join(sorted(mixed))}")
    return name


def _visible(character: str) -> bool:
    shown = unicode.category(character)[0] in "LMNPS" and character not in _INVISIBLE
    return shown or character == " "


def key_of(name: str) -> str:
    """The same for names that read the same: however wide, in which case, from which accents."""
    return unicode.normalize("NFKC", unicode.normalize("NFKC", name).casefold())
