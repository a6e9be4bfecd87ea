"""Pools once more, as a person would keep them on paper: two lists of who is where, this round and
the next, and a card for each pool. Slow and obvious; written from the specification."""

import unicodedata

from excraft.messages.merit import Verb

NOBODY = -1


class Twin:
    """`now` and `then`: pool by account, this round and the next; who is in none is not there."""

    def __init__(self) -> None:
        self.now, self.then = {}, {}
        self.cards, self.known, self.founders = [], set(), set()

    # ---- what one sees

    def card(self, number):
        return self.cards[number - 1] if 1 <= number <= len(self.cards) else None

    def masters_card(self, account):
        return next((c for c in self.cards if c["master"] == account and not c["closed"]), None)

    def elsewhere(self, account, number, owned):
        """Whether something keeps an account from coming into that pool."""
        mine = self.masters_card(account)
        if mine is not None and mine["number"] != number:
            return True
        return any(self.then.get(o, number) != number for o in owned if o != account)

    def candidate(self, number, account):
        return self.now.get(account) == number and self.then.get(account) == number

    # ---- acts: True when carried out

    def act(self, verb, account, said, owned):
        """`said`: what the verb reads, by name; `owned`: others of the same person."""
        pool, other = said.get("pool", NOBODY), said.get("other", NOBODY)
        value, text = said.get("value", 0), said.get("text", "")
        if verb == Verb.FOUND_POOL:
            return self.found(account, value, text, owned)
        if verb == Verb.LEAVE:
            return self.leave(account)
        card = self.card(pool)
        if card is None:
            return False
        if verb == Verb.APPLY:
            return self.apply(card, account, owned)
        if verb == Verb.WITHDRAW_APPLICATION:
            return self.strike(card, account)
        if verb == Verb.VOTE_MASTER:
            return self.vote(card, account, other, owned)
        if account != card["master"]:
            return False
        if verb == Verb.ADMIT:
            if other not in card["applied"] or self.elsewhere(other, pool, owned):
                return False
            return self.goes(other, pool)
        if verb == Verb.REFUSE:
            return self.strike(card, other)
        if verb == Verb.BAN:
            return self.ban(card, other)
        if verb == Verb.UNBAN:
            if other not in card["banned"]:
                return False
            card["banned"].remove(other)
            return True
        if verb == Verb.NAME_MASTER:
            if card["voted"] or not self.candidate(pool, other):
                return False
            card["heir"] = NOBODY if other == account else other
            return True
        return self.write(card, verb, value, text)

    def found(self, account, value, text, owned):
        number = len(self.cards) + 1
        looks = looks_of(text)
        if not 0 <= value <= 2_000 or not 3 <= len(looks) <= 40:
            return False
        if any(looks_of(c["name"]) == looks for c in self.cards):
            return False
        if any(one in self.founders for one in [account, *owned]):
            return False
        if self.elsewhere(account, number, owned):
            return False
        self.founders.add(account)
        self.cards.append(
            {
                "number": number, "name": text, "text": "", "master": account, "heir": NOBODY,
                "voted": False, "open": False, "closed": False, "active": False,
                "now": (value, True), "then": (value, True), "members": 0, "verified": 0,
                "applied": [], "banned": [], "votes": {},
            }
        )  # fmt: skip
        return self.goes(account, number)

    def goes(self, account, number):
        """To a pool with the next round, or to none; all applications are done with."""
        for card in self.cards:
            if account in card["applied"]:
                card["applied"].remove(account)
            if card["heir"] == account and card["number"] != number:
                card["heir"], card["voted"] = NOBODY, False
        self.then.pop(account, None)
        if number:
            self.then[account] = number
        return True

    def leave(self, account):
        if account not in self.then:
            return False
        mine = self.masters_card(account)
        if mine is not None:
            if [a for a, pool in self.then.items() if pool == mine["number"]] != [account]:
                return False
            mine["closed"], mine["applied"] = True, []
        return self.goes(account, 0)

    def apply(self, card, account, owned):
        number = card["number"]
        if account in card["banned"] or card["closed"] or self.then.get(account) == number:
            return False
        if self.elsewhere(account, number, owned):
            return False
        if card["open"]:
            return self.goes(account, number)
        if account not in card["applied"]:
            card["applied"].append(account)
        return True

    def strike(self, card, account):
        if account not in card["applied"]:
            return False
        card["applied"].remove(account)
        return True

    def ban(self, card, account):
        if account < 0 or account in (card["master"], card["heir"]):
            return False
        if account in card["votes"].values():
            return False
        if account not in card["banned"]:
            card["banned"].append(account)
        self.strike(card, account)
        if self.then.get(account) == card["number"]:
            del self.then[account]
        return True

    def vote(self, card, account, other, owned):
        number = card["number"]
        if self.now.get(account) != number or not self.candidate(number, other):
            return False
        if account not in self.known:
            return False
        card["votes"] = {a: o for a, o in card["votes"].items() if a not in owned}
        card["votes"][account] = other
        if 2 * list(card["votes"].values()).count(other) > card["verified"]:
            card["heir"] = NOBODY if other == card["master"] else other
            card["voted"] = other != card["master"]
        return True

    def write(self, card, verb, value, text):
        commission, redistribute = card["then"]
        if verb == Verb.DESCRIBE_POOL:
            if len(text) > 1_000 or not all(c == "\n" or c.isprintable() for c in text):
                return False
            card["text"] = text
        elif verb == Verb.SET_COMMISSION:
            if not 0 <= value <= 2_000:
                return False
            card["then"] = (value, redistribute)
        elif value not in (0, 1):
            return False
        elif verb == Verb.SET_DOOR:
            card["open"] = value == 1
        else:
            assert verb == Verb.SET_REDISTRIBUTE
            card["then"] = (commission, value == 1)
        return True

    # ---- rounds

    def start_round(self, verified, frozen, owner):
        """`verified`, `frozen`: sets of accounts; `owner`: by account, 0 for none known."""
        self.part_persons(owner)
        self.now, self.known, self.founders = dict(self.then), set(verified), set()
        for card in self.cards:
            inside = [a for a, pool in self.now.items() if pool == card["number"]]
            if card["heir"] in inside:
                card["master"] = card["heir"]
            card["heir"], card["voted"], card["votes"] = NOBODY, False, {}
            card["now"] = card["then"]
            card["members"] = len(inside)
            known = {owner[a] for a in inside if a in verified and owner[a]}
            alone = [a for a in inside if a in verified and not owner[a]]
            card["verified"] = len(known) + len(alone)
            card["active"] = card["master"] in inside and card["master"] not in frozen
            if not inside:
                card["closed"], card["applied"] = True, []

    def part_persons(self, owner):
        """A person is where the first master among the own accounts is, or else the first."""
        for group in {g for g in owner.values() if g}:
            accounts = sorted(a for a in self.then if owner[a] == group)
            masters = [a for a in accounts if self.masters_card(a) is not None]
            for first in (masters or accounts)[:1]:
                for account in accounts:
                    if self.then[account] != self.then[first]:
                        del self.then[account]


def looks_of(name):
    """How a name is read: no matter the case, the kind of space, or how an accent is typed."""
    if not all(c.isspace() or unicodedata.category(c)[0] in "LNPSM" for c in name):
        return ""
    return unicodedata.normalize("NFKC", " ".join(name.split())).lower()
