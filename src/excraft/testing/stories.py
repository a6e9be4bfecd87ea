"""Stories: tables a trader can read, played on any kernel; invariant() runs after each line.

    play(None, '''
        a: sell alice 5 @ 101          -> rests 5
        buy bob 7 @ 101                -> trade 5 @ 101, rests 2
        buy bob 1 @ 0                  -> refused PRICE_OUT_OF_RANGE
        + cancel alice all             -> refused UNKNOWN_ORDER    -- same record as the line above
        balance bob BASE               -> free 1000005, held 0
        book                           -> bids 2 @ 101, asks none
    ''')

A line is ``[+] [LABEL:] what is asked -> what happens``; ``--`` begins a comment. Each line is a
record of its own; ``+`` adds its command to the record of the line above. A line that ends with a
comma or an arrow goes on in the next. Prices are ticks, quantities lots, money atoms; ``2^62+1``
and ``1_000`` are numbers.

What is asked
    buy|sell NAME QUANTITY @ PRICE [ioc|fok] [maker] [stop P|take P] [stp MODE] [id=CLIENT]
    buy|sell NAME QUANTITY market ...   buy|sell NAME amount ATOMS market ...
    buy|sell NAME QUANTITY stop P ...   buy|sell NAME QUANTITY take P ...   (no @: at market)
    cancel NAME ORDER [if new|partially_filled]        ORDER: a label, #NUMBER or id=CLIENT
    cancel NAME all                     cancel operator all   (everybody's)
    amend NAME ORDER to QUANTITY
    halt|break|cancel-only|end-of-day|resume           all of these with [in MARKET]
    credit|debit NAME AMOUNT ASSET      account NAME          asset SYMBOL DECIMALS
    reserve|release|spend|approve NAME AMOUNT ASSET [fee N] [for CAUSE]   (WITHDRAWAL)
    refer NAME ASSET                    (pays what NAME's fees owe its referrer)
    market BASE/QUOTE lot ATOMS unit ATOMS             (base atoms; quote atoms per tick x lot)
    set PARAMETER VALUE [for MARKET|NAME] [tier N]     raw COLUMN=NUMBER ... (a command row)
    balance NAME ASSET                  book [in MARKET]      (these only look)

What happens: every row of the command, in order, as clauses with commas between
    rests N (comes after the order's trades)     waits (for its stop price)
    trade N @ P      prevented N @ P             refused REASON
    expired N REASON                             expired WHO N REASON (a resting order)
    triggered WHO    canceled WHO N              amended -N
    credited N       debited N                   opened   listed   set
    reserved N       released N                  spent N (fee=N)   approved N   referred N
WHO is the label of the order, or its owner's name. A clause may name details:
``trade 5 @ 101 with=alice fee=1 maker_fee=1 released=4``, ``rests 5 hold=505``,
``amended -2 left=3``.

NAME: opened at the first mention with 1,000,000 atoms of every asset; ``account NAME`` opens one
without money; ``#7`` is the account number itself. Unless the story begins with ``asset``, the
stage is set: market BASE/QUOTE, one atom a lot, one atom a tick and lot, no fees.
"""

import numpy as np

from excraft.kernel.reference import Reference
from excraft.messages.codec import Record
from excraft.messages.commands import (
    COMMAND,
    AmendOrder,
    ApproveWithdrawal,
    CancelAll,
    CancelOrder,
    Cause,
    Command,
    Credit,
    Debit,
    ListAsset,
    ListMarket,
    OpenAccount,
    PayReferral,
    PlaceOrder,
    Release,
    Reserve,
    SetParameter,
    Spend,
    pack,
)
from excraft.messages.events import Event
from excraft.parameters import RULES, AccountState, MarketState, Parameter, Scope
from excraft.testing.story_events import Depth, clauses
from excraft.testing.story_language import (
    ASIDE,
    ORDERS,
    STATES,
    Clause,
    Line,
    StoryError,
    number,
    parse,
)

PURSE = 1_000_000  # atoms of every asset for whoever is named first


class StoryMismatch(AssertionError):
    """What happened is not what the line says."""


class Story:
    """A kernel together with the names a story gave to accounts, assets, markets and orders."""

    def __init__(self, kernel):
        if kernel.position:
            raise StoryError("a story begins on a kernel that has seen no record")
        self.kernel = kernel
        self.accounts: dict[str, int] = {}
        self.assets: dict[str, int] = {}
        self.markets: dict[str, int] = {}
        self.labels: dict[str, int] = {}  # order id by label
        self.depth = Depth()

    def run(self, commands: list[bytes]) -> list[list[Event]]:
        """One record of packed commands; their events by command."""
        kernel = self.kernel
        rows = np.frombuffer(b"".join(commands), dtype=COMMAND)
        record = Record(kernel.position + 1, kernel.sequence, kernel.time_ns + 1, rows)
        happened: list[list[Event]] = [[] for _ in commands]
        for row in kernel.step(record).tolist():
            event = Event._make(row)
            happened[event.command].append(event)
            self.depth.apply(event)
        return happened

    def play(self, text: str) -> "Story":
        """Play the lines; raises StoryMismatch or StoryError with the line."""
        lines = parse(text)
        while lines:
            group = [lines.pop(0)]
            while lines and lines[0].joined:
                group.append(lines.pop(0))
            if group[0].verb in ("balance", "book"):
                self._look(group)
            else:
                self._play(group)
        return self

    def _play(self, group: list[Line]) -> None:
        """Lines of one record."""
        for line in group:
            self._prepare(line)
        for index, line in enumerate(group):
            if line.label:
                self.labels[line.label] = self.kernel.sequence + index
        happened = self.run([self._row(line) for line in group])
        names = {number: name for name, number in self.accounts.items()}
        labels = {order_id: label for label, order_id in self.labels.items()}
        for line, events in zip(group, happened, strict=True):
            self._learn(line, events)
            _compare(line, clauses(events, names, labels))
        broken = self.kernel.invariant() + self.depth.broken()
        if broken:
            raise StoryMismatch(f"after  {group[-1].text}\nbroken {'; '.join(broken)}")

    def _look(self, group: list[Line]) -> None:
        """A line that only looks."""
        if len(group) > 1:
            raise StoryError(f"{group[1].text!r}: balance and book are not part of a record")
        line, words = group[0], group[0].arguments
        if line.verb == "book":
            seen = self.depth.clauses(self._market(words))
        else:
            free, held = self.kernel.balance(self._account(words), self._asset(words["asset"]))
            seen = [Clause(f"free {free}"), Clause(f"held {held}")]
        _compare(line, seen)

    def _prepare(self, line: Line) -> None:
        """Set the stage before the first line, open the accounts that a line names first."""
        if not self.kernel.position and line.verb != "asset":
            self.run([pack(ListAsset(decimals=8))[0]] * 2)
            self.run([pack(ListMarket(base=0, quote=1, base_atoms_per_lot=1,
                                      quote_atoms_per_tick_lot=1))[0]])  # fmt: skip
            for fee in (Parameter.MAKER_FEE_PPM, Parameter.TAKER_FEE_PPM):
                self.run([pack(SetParameter(parameter=fee, value=0, subject=0))[0]])
            self.assets, self.markets = {"BASE": 0, "QUOTE": 1}, {"BASE/QUOTE": 0}
        name = line.arguments.get("name") or line.arguments.get("for", "")
        known = name in self.accounts or name in self.markets or name == "operator"
        if name and not known and not name.startswith("#"):
            events = self.run([pack(OpenAccount())[0]])
            self.accounts[name] = events[0][0].account
            for asset in self.assets.values():
                self.run([pack(Credit(account=self.accounts[name], asset=asset, amount=PURSE,
                                      cause=Cause.DEPOSIT))[0]])  # fmt: skip

    def _learn(self, line: Line, events: list[Event]) -> None:
        """Numbers the kernel gave."""
        if events[0].reason:
            return
        match line.verb:
            case "account":
                self.accounts[line.arguments["new"]] = events[0].account
            case "asset":
                self.assets[line.arguments["symbol"]] = events[0].market
            case "market":
                self.markets[line.arguments["symbol"]] = events[0].market

    def _account(self, words: dict) -> int:
        return _number_of(words["name"], self.accounts | {"operator": -1})

    def _asset(self, symbol: str) -> int:
        return _number_of(symbol, self.assets)

    def _market(self, words: dict) -> int:
        return _number_of(words["in"], self.markets) if "in" in words else 0

    def _row(self, line: Line) -> bytes:
        """The packed command of a line."""
        words = line.arguments
        if line.verb == "raw":
            columns = {name: 0 for name in COMMAND.names} | {"account": -1, "market": -1}
            values = tuple((columns | words["columns"]).values())
            return np.array([values], dtype=COMMAND).tobytes()
        return pack(self._command(line.verb, words))[0]

    def _command(self, verb: str, words: dict) -> Command:
        match verb:
            case "account":
                return OpenAccount()
            case "asset":
                return ListAsset(decimals=words["decimals"])
            case "market":
                base, _, quote = words["symbol"].partition("/")
                return ListMarket(base=self._asset(base), quote=self._asset(quote),
                                  base_atoms_per_lot=words["lot"],
                                  quote_atoms_per_tick_lot=words["unit"])  # fmt: skip
            case "set":
                return self._setting(words)
            case _ if verb in STATES:
                return SetParameter(parameter=Parameter.MARKET_STATE, subject=self._market(words),
                                    value=MarketState[words["state"]])  # fmt: skip
            case "credit" | "debit":
                kind = Credit if verb == "credit" else Debit
                return kind(account=self._account(words), asset=self._asset(words["asset"]),
                            amount=words["amount"], cause=Cause.DEPOSIT)  # fmt: skip
            case "refer":
                return PayReferral(account=self._account(words), asset=self._asset(words["asset"]))
            case _ if verb in ASIDE:
                return self._aside(verb, words)
        whose = {"account": self._account(words), "market": self._market(words)}
        if words.get("all"):
            return CancelAll(**whose)
        rest = {k: v for k, v in words.items() if k not in ("name", "in", "order", "all")}
        if verb in ORDERS:
            return PlaceOrder(**whose, **rest)
        if "order" in words:
            rest["order_id"] = _number_of(words["order"], self.labels)
        return (CancelOrder if verb == "cancel" else AmendOrder)(**whose, **rest)

    def _aside(self, verb: str, words: dict) -> Command:
        money = {"account": self._account(words), "asset": self._asset(words["asset"]),
                 "amount": words["amount"]}  # fmt: skip
        if verb == "approve":
            return ApproveWithdrawal(**money)
        money["cause"] = Cause[words.get("for", "WITHDRAWAL")]
        if verb == "spend":
            return Spend(**money, fee=words.get("fee", 0))
        return (Reserve if verb == "reserve" else Release)(**money)

    def _setting(self, words: dict) -> SetParameter:
        parameter, value = Parameter[words["parameter"]], number(words["value"])
        if value is None:
            states = AccountState if parameter == Parameter.ACCOUNT_STATE else MarketState
            value = states[words["value"]]
        subject = -1
        match RULES[parameter].scope:
            case Scope.ACCOUNT:
                subject = self._account({"name": words["for"]})
            case Scope.MARKET | Scope.MARKET_TIER:
                subject = self._market({"in": words["for"]} if "for" in words else {})
        return SetParameter(parameter=parameter, value=value, subject=subject,
                            tier=words.get("tier", 0))  # fmt: skip


def play(exchange, text: str) -> Story:
    """Play a story on a fresh kernel, on a new Reference (None), or further on in a Story."""
    if not isinstance(exchange, Story):
        exchange = Story(Reference() if exchange is None else exchange)
    return exchange.play(text)


def _number_of(word: str, table: dict[str, int]) -> int:
    """Number of a name, or of ``#7`` itself."""
    raw = number(word[1:]) if word.startswith("#") else None
    if raw is None and word not in table:
        raise StoryError(f"{word!r} is none of {', '.join(table) or 'no names yet'}")
    return table[word] if raw is None else raw


def _compare(line: Line, happened: list[Clause]) -> None:
    agree = len(happened) == len(line.expected) and all(
        wanted.agrees(seen) for wanted, seen in zip(line.expected, happened, strict=True)
    )
    if not agree:
        raise StoryMismatch(
            f"line     {line.text}\n"
            f"expected {', '.join(map(str, line.expected))}\n"
            f"happened {', '.join(map(str, happened)) or 'nothing'}"
        )
