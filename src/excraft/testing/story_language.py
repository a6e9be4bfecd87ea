"""The words of a story line and what they mean; no kernel here. See stories.py for the language."""

from dataclasses import dataclass, field

from excraft.messages.commands import OrderType, Restriction, SelfTrade, TimeInForce

ORDERS = ("buy", "sell")
ASIDE = ("reserve", "release", "spend", "approve")
STATES = {"halt": "HALT", "break": "BREAK", "cancel-only": "CANCEL_ONLY",
          "end-of-day": "END_OF_DAY", "resume": "TRADING"}  # fmt: skip


class StoryError(ValueError):
    """A line that is not in the language."""


@dataclass(slots=True)
class Line:
    """One line of a story: `verb` with its arguments, and the clauses that should happen."""

    text: str
    verb: str
    joined: bool = False  # in the same record as the line before
    label: str = ""
    arguments: dict = field(default_factory=dict)
    expected: list["Clause"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Clause:
    """Something that happened or should: words, and details of which a story may name some."""

    words: str
    details: dict[str, int | str] = field(default_factory=dict)

    def __str__(self) -> str:
        return " ".join([self.words, *(f"{k}={v}" for k, v in self.details.items())])

    def agrees(self, happened: "Clause") -> bool:
        """Same words, and every detail named here is as it happened."""
        return self.words == happened.words and all(
            happened.details.get(key) == value for key, value in self.details.items()
        )


class Words:
    """The words of one line, taken from the left."""

    def __init__(self, text: str):
        self.text = text
        self.words = text.split()

    def next(self, what: str) -> str:
        if not self.words:
            raise StoryError(f"{self.text.strip()!r}: {what} is missing")
        return self.words.pop(0)

    def take(self, word: str) -> bool:
        """Whether the next word is this one; takes it then."""
        if self.words and self.words[0] == word:
            self.words.pop(0)
            return True
        return False

    def number(self, what: str) -> int:
        word = self.next(what)
        value = number(word)
        if value is None:
            raise StoryError(f"{self.text.strip()!r}: {what} must be a number, not {word!r}")
        return value

    def done(self) -> None:
        if self.words:
            raise StoryError(f"{self.text.strip()!r}: cannot read {' '.join(self.words)!r}")


def number(word: str) -> int | None:
    """12, -3, 1_000, 2^62, 2^62+1; None when it is no number."""
    base, power, rest = word.partition("^")
    try:
        if not power:
            return int(base)
        exponent, plus, more = rest.partition("+")
        return int(base) ** int(exponent) + (int(more) if plus else 0)
    except ValueError:
        return None


def parse(text: str) -> list[Line]:
    """The lines of a story; empty lines and what follows ``--`` are left out."""
    lines, begun = [], ""
    for raw in text.splitlines():
        begun = f"{begun} {raw.partition('--')[0].strip()}".strip()
        if begun and not begun.endswith((",", "->")):
            lines.append(_line(begun))
            begun = ""
    if begun:
        raise StoryError(f"{begun!r}: the story ends in the middle of a line")
    return lines


def _line(text: str) -> Line:
    left, arrow, right = text.partition("->")
    if not arrow or not right.strip():
        raise StoryError(f"{text.strip()!r}: write what should happen after ->")
    words = Words(left)
    joined = words.take("+")
    label = ""
    if words.words and words.words[0].endswith(":"):
        label = words.next("label")[:-1]
    verb = words.next("verb")
    if verb not in _VERBS:
        raise StoryError(f"{text.strip()!r}: {verb!r} is none of {', '.join(_VERBS)}")
    arguments = _VERBS[verb](words, verb)
    words.done()
    expected = [_clause(part) for part in right.split(",")]
    return Line(text.strip(), verb, joined, label, arguments, expected)


def _clause(text: str) -> Clause:
    words, details = [], {}
    for word in text.split():
        key, equal, value = word.partition("=")
        if equal:
            found = number(value)
            details[key] = value if found is None else found
        else:
            words.append(word.replace("_", "") if word[0].isdigit() else word)
    return Clause(" ".join(words), details)


def _order(words: Words, side: str) -> dict:
    found = {"side": ORDERS.index(side), "name": words.next("name")}
    if words.take("amount"):
        found["amount"] = words.number("amount")
    else:
        found["quantity"] = words.number("quantity")
    if words.take("@"):
        found["price"] = words.number("price")
    named = "price" in found
    kind = OrderType.LIMIT if named else None
    while words.words:
        word = words.next("option")
        match word:
            case "market":
                kind = OrderType.MARKET
            case "maker":
                kind = OrderType.LIMIT_MAKER
            case "stop":
                kind = OrderType.STOP_LOSS_LIMIT if named else OrderType.STOP_LOSS
                found["stop_price"] = words.number("stop price")
            case "take":
                kind = OrderType.TAKE_PROFIT_LIMIT if named else OrderType.TAKE_PROFIT
                found["stop_price"] = words.number("stop price")
            case "ioc" | "fok":
                found["time_in_force"] = TimeInForce[word.upper()]
            case "stp":
                found["self_trade"] = SelfTrade[words.next("mode").upper()]
            case "in":
                found["in"] = words.next("market")
            case _ if word.startswith("id="):
                found["client_id"] = word[3:]
            case _:
                raise StoryError(f"{words.text.strip()!r}: cannot read {word!r}")
    if kind is None:
        raise StoryError(f"{words.text.strip()!r}: needs @ PRICE, market, stop P or take P")
    return found | {"order_type": kind}


def _whose(words: Words, found: dict) -> dict:
    """Which order: a label, #ID, or id=CLIENT."""
    word = words.next("order")
    if word.startswith("id="):
        found["client_id"] = word[3:]
    else:
        found["order"] = word
    return found


def _cancel(words: Words, _verb: str) -> dict:
    found = {"name": words.next("name")}
    if words.take("all"):
        found["all"] = True
    else:
        _whose(words, found)
        if words.take("if"):
            found["restriction"] = Restriction["ONLY_" + words.next("restriction").upper()]
    return _market(words, found)


def _amend(words: Words, _verb: str) -> dict:
    found = _whose(words, {"name": words.next("name")})
    if not words.take("to"):
        raise StoryError(f"{words.text.strip()!r}: amend NAME ORDER to QUANTITY")
    return _market(words, found | {"quantity": words.number("quantity")})


def _market(words: Words, found: dict) -> dict:
    return found | ({"in": words.next("market")} if words.take("in") else {})


def _account(words: Words, _verb: str) -> dict:
    return {"new": words.next("name")}


def _money(words: Words, _verb: str) -> dict:
    return {"name": words.next("name"), "amount": words.number("amount"),
            "asset": words.next("asset")}  # fmt: skip


def _aside(words: Words, verb: str) -> dict:
    found = _money(words, verb)
    if words.take("fee"):
        found["fee"] = words.number("fee")
    return found | ({"for": words.next("cause")} if words.take("for") else {})


def _balance(words: Words, _verb: str) -> dict:
    return {"name": words.next("name"), "asset": words.next("asset")}


def _asset(words: Words, _verb: str) -> dict:
    return {"symbol": words.next("symbol"), "decimals": words.number("decimals")}


def _listing(words: Words, _verb: str) -> dict:
    found = {"symbol": words.next("BASE/QUOTE")}
    for name in ("lot", "unit"):
        if not words.take(name):
            raise StoryError(f"{words.text.strip()!r}: market BASE/QUOTE lot ATOMS unit ATOMS")
        found[name] = words.number(name)
    return found


def _set(words: Words, _verb: str) -> dict:
    found = {"parameter": words.next("parameter"), "value": words.next("value")}
    if words.take("for"):
        found["for"] = words.next("market or name")
    if words.take("tier"):
        found["tier"] = words.number("tier")
    return found


def _state(words: Words, verb: str) -> dict:
    return _market(words, {"state": STATES[verb]})


def _book(words: Words, _verb: str) -> dict:
    return _market(words, {})


def _raw(words: Words, _verb: str) -> dict:
    """Columns of a command row as they are; `account` and `market` default to -1."""
    found = {}
    while words.words:
        key, _, value = words.next("column=value").partition("=")
        found[key] = number(value)
        if found[key] is None:
            raise StoryError(f"{words.text.strip()!r}: {key} must be a number, not {value!r}")
    return {"columns": found}


_VERBS = {
    "buy": _order,
    "sell": _order,
    "cancel": _cancel,
    "amend": _amend,
    "credit": _money,
    "debit": _money,
    **dict.fromkeys(ASIDE, _aside),
    "refer": _balance,
    "account": _account,
    "asset": _asset,
    "market": _listing,
    "set": _set,
    "raw": _raw,
    "balance": _balance,
    "book": _book,
    **dict.fromkeys(STATES, _state),
}
