"""Pools: who is in which, on what terms. Everything takes effect with the next round.

An act that is refused changes nothing and says why, for people. `Pools` is a function of the acts
and of `start_round`; it knows nothing of time.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from unicodedata import ucd_3_2_0 as unicode  # replays must agree, whatever Python comes to know

import msgspec

from excraft.messages.merit import Verb

NAME_MAX, TEXT_MAX = 40, 1_000
COMMISSION_MAX_BP = 2_000
NOBODY = -1


class ActRefused(Exception):
    """One sentence: what was wrong, with the value, and what would be right."""


class Pool(msgspec.Struct):
    """`next_*` is what holds from the next round on; `voted`: the members decided on `next_master`.
    `verified` and `members` are counted when a round starts; `active`: its master was a member then
    and not frozen."""

    number: int
    name: str
    master: int
    commission_bp: int
    next_commission_bp: int
    text: str = ""
    open_door: bool = False
    redistribute: bool = True
    next_redistribute: bool = True
    next_master: int = NOBODY
    voted: bool = False
    active: bool = False
    closed: bool = False  # its master left as the last one, or a round began with nobody in it
    verified: int = 0
    members: int = 0
    applications: set[int] = msgspec.field(default_factory=set)
    banned: set[int] = msgspec.field(default_factory=set)
    votes: dict[int, int] = msgspec.field(default_factory=dict)  # who for whom


class Act(msgspec.Struct, frozen=True):
    """An act of a member, as the log has it."""

    verb: Verb
    account: int
    pool: int = NOBODY
    other: int = NOBODY
    value: int = 0
    text: str = ""


class Pools(msgspec.Struct):
    """`pool_of`: in the round that runs; `next_of`: where that changes, 0 for none; `electors`: of
    the accounts in pools those that were verified when it began; `founders`: who founded in it."""

    pools: dict[int, Pool] = msgspec.field(default_factory=dict)
    pool_of: dict[int, int] = msgspec.field(default_factory=dict)
    next_of: dict[int, int] = msgspec.field(default_factory=dict)
    electors: set[int] = msgspec.field(default_factory=set)
    founders: set[int] = msgspec.field(default_factory=set)

    def will_be(self, account: int) -> int:
        """The pool of an account with the next round; 0 for none."""
        return self.next_of.get(account, self.pool_of.get(account, 0))

    def named(self, name: str) -> Pool | None:
        """The pool whose name reads the same."""
        key = _key(name)
        return next((p for p in self.pools.values() if _key(p.name) == key), None)

    # ---- acts

    def act(self, act: Act, owned: Iterable[int] = ()) -> None:
        """Carry it out or raise ActRefused. `owned`: other accounts of the same owner."""
        run = _ACTS.get(act.verb)
        if run is None:
            raise ActRefused(f"{act.verb.name} is nothing that a pool knows")
        run(self, act, tuple(owned))

    def _pool(self, act: Act) -> Pool:
        pool = self.pools.get(act.pool)
        if pool is None:
            raise ActRefused(f"there is no pool {act.pool}")
        return pool

    def _own(self, act: Act) -> Pool:
        pool = self._pool(act)
        if pool.master != act.account:
            raise ActRefused(f"only the master of {pool.name!r} does that")
        return pool

    def _masters(self, account: int) -> Pool | None:
        """The pool that an account is master of."""
        going = (p for p in self.pools.values() if not p.closed)
        return next((p for p in going if p.master == account), None)

    def _check_free(self, account: int, pool: int, owned: Iterable[int]) -> None:
        mastered = self._masters(account)
        if mastered is not None and mastered.number != pool:
            raise _master_stays(mastered)
        for other in owned:
            if other != account and self.will_be(other) not in (0, pool):
                raise ActRefused(
                    "one person is in one pool: another account of the same owner is in pool "
                    f"{self.will_be(other)}"
                )

    def _move(self, account: int, pool: int) -> None:
        """By the own will: what was applied for is done with, and nobody must become a master."""
        for each in self.pools.values():
            each.applications.discard(account)
            if each.next_master == account and each.number != pool:
                each.next_master, each.voted = NOBODY, False
        self._go(account, pool)

    def _go(self, account: int, pool: int) -> None:
        if self.pool_of.get(account, 0) == pool:
            self.next_of.pop(account, None)
        else:
            self.next_of[account] = pool

    def _found(self, act: Act, owned: tuple[int, ...]) -> None:
        name = check_name(act.text)
        if (there := self.named(name)) is not None:
            raise ActRefused(f"pool {there.number} has the name {name!r}; take another")
        _check_commission(act.value)
        self._check_free(act.account, len(self.pools) + 1, owned)
        if self.founders.intersection((act.account, *owned)):
            raise ActRefused("a person founds one pool in a round: found another in the next")
        self.founders.add(act.account)
        number = len(self.pools) + 1
        self.pools[number] = Pool(number, name, act.account, act.value, act.value)
        self._move(act.account, number)

    def _describe(self, act: Act, _: tuple[int, ...]) -> None:
        pool = self._own(act)
        if len(act.text) > TEXT_MAX or not act.text.replace("\n", " ").isprintable():
            raise ActRefused(f"a description has at most {TEXT_MAX} characters, all printable")
        pool.text = act.text

    def _apply(self, act: Act, owned: tuple[int, ...]) -> None:
        pool = self._pool(act)
        if act.account in pool.banned:
            raise ActRefused(f"{pool.name!r} does not take you")
        if pool.closed:
            raise ActRefused(f"{pool.name!r} is closed; found another")
        if self.will_be(act.account) == pool.number:
            raise ActRefused(f"you are in {pool.name!r}, or will be with the next round")
        self._check_free(act.account, pool.number, owned)
        if pool.open_door:
            self._move(act.account, pool.number)
        else:
            pool.applications.add(act.account)

    def _withdraw(self, act: Act, _: tuple[int, ...]) -> None:
        pool = self._pool(act)
        if act.account not in pool.applications:
            raise ActRefused(f"you have not applied to {pool.name!r}")
        pool.applications.remove(act.account)

    def _applicant(self, act: Act) -> Pool:
        pool = self._own(act)
        if act.other not in pool.applications:
            raise ActRefused(f"account {act.other} has not applied to {pool.name!r}")
        return pool

    def _admit(self, act: Act, owned: tuple[int, ...]) -> None:
        pool = self._applicant(act)
        self._check_free(act.other, pool.number, owned)
        self._move(act.other, pool.number)

    def _refuse(self, act: Act, _: tuple[int, ...]) -> None:
        self._applicant(act).applications.remove(act.other)

    def _leave(self, act: Act, _: tuple[int, ...]) -> None:
        if not self.will_be(act.account):
            raise ActRefused("you are in no pool")
        pool = self._masters(act.account)
        if pool is not None and not self._alone(pool):
            raise _master_stays(pool)
        if pool is not None:
            _close(pool)
        self._move(act.account, 0)

    def _alone(self, pool: Pool) -> bool:
        """Whether nobody but its master will be in it."""
        accounts = {*self.pool_of, *self.next_of}
        return not any(a != pool.master and self.will_be(a) == pool.number for a in accounts)

    def _ban(self, act: Act, _: tuple[int, ...]) -> None:
        pool = self._own(act)
        if act.other in (pool.master, pool.next_master) or act.other < 0:
            raise ActRefused(f"account {act.other} is no member who can be banned")
        if act.other in pool.votes.values():
            raise ActRefused(f"members vote for account {act.other}: ban it in another round")
        pool.banned.add(act.other)
        pool.applications.discard(act.other)
        if self.will_be(act.other) == pool.number:
            self._go(act.other, 0)

    def _unban(self, act: Act, _: tuple[int, ...]) -> None:
        pool = self._own(act)
        if act.other not in pool.banned:
            raise ActRefused(f"account {act.other} is not banned from {pool.name!r}")
        pool.banned.remove(act.other)

    def _set_door(self, act: Act, _: tuple[int, ...]) -> None:
        self._own(act).open_door = _flag(act.value)

    def _set_commission(self, act: Act, _: tuple[int, ...]) -> None:
        _check_commission(act.value)
        self._own(act).next_commission_bp = act.value

    def _set_redistribute(self, act: Act, _: tuple[int, ...]) -> None:
        self._own(act).next_redistribute = _flag(act.value)

    def _candidate(self, pool: Pool, account: int) -> None:
        if self.pool_of.get(account) != pool.number or self.will_be(account) != pool.number:
            raise ActRefused(f"account {account} is not in {pool.name!r}, or leaves it")

    def _name_master(self, act: Act, _: tuple[int, ...]) -> None:
        pool = self._own(act)
        if pool.voted:
            raise ActRefused(
                f"the members of {pool.name!r} have voted for account {pool.next_master}"
            )
        self._candidate(pool, act.other)
        pool.next_master = NOBODY if act.other == pool.master else act.other

    def _vote_master(self, act: Act, owned: tuple[int, ...]) -> None:
        """One vote for each verified person: more than half of those there were decide."""
        pool = self._pool(act)
        if self.pool_of.get(act.account) != pool.number:
            raise ActRefused(f"you were not in {pool.name!r} when the round began")
        if act.account not in self.electors:
            raise ActRefused("who votes was verified when the round began, and you were not")
        self._candidate(pool, act.other)
        for other in owned:
            pool.votes.pop(other, None)
        pool.votes[act.account] = act.other
        if 2 * sum(1 for voted in pool.votes.values() if voted == act.other) > pool.verified:
            pool.voted = act.other != pool.master  # to stay nobody can be bound
            pool.next_master = act.other if pool.voted else NOBODY

    # ---- rounds

    def start_round(
        self, verified: Collection[int], frozen: Collection[int], owner: Mapping[int, int]
    ) -> None:
        """What was to take effect with the next round does, and members are counted. `verified`,
        `frozen`: accounts, each once; `owner`: by account a number that those of one owner share,
        0 or nothing where it is known by the account alone."""
        for account, pool in self.next_of.items():
            if pool:
                self.pool_of[account] = pool
            else:
                self.pool_of.pop(account, None)
        self.next_of.clear()
        self._one_pool_each(owner)
        members, persons = Counter(self.pool_of.values()), self._persons(verified, owner)
        self.electors = self.pool_of.keys() & verified
        self.founders = set()
        for pool in self.pools.values():
            if self.pool_of.get(pool.next_master) == pool.number:
                pool.master = pool.next_master
            pool.next_master, pool.voted = NOBODY, False
            pool.votes.clear()
            pool.commission_bp, pool.redistribute = pool.next_commission_bp, pool.next_redistribute
            pool.members, pool.verified = members[pool.number], persons[pool.number]
            in_it = self.pool_of.get(pool.master) == pool.number
            pool.active = in_it and pool.master not in frozen
            if not pool.members:
                _close(pool)

    def _one_pool_each(self, owner: Mapping[int, int]) -> None:
        """Accounts that turned out to have one owner: those in another pool than the first leave.
        Masters come first; one who has to leave may name another, and the pool is not active."""
        first: dict[int, int] = {}
        masters = {pool.master for pool in self.pools.values() if not pool.closed}
        shared = [a for a, group in owner.items() if group and a in self.pool_of]
        for account in sorted(shared, key=lambda a: (a not in masters, a)):
            pool = self.pool_of[account]
            if first.setdefault(owner[account], pool) != pool:
                del self.pool_of[account]

    def _persons(self, verified: Collection[int], owner: Mapping[int, int]) -> Counter[int | None]:
        """Verified persons by pool, in one sweep for a million accounts; an owner counts once."""
        persons = Counter(map(self.pool_of.get, verified))
        shared = [(self.pool_of.get(a), owner[a]) for a in owner if owner[a] and a in verified]
        persons.subtract(pool for pool, _ in shared)
        persons.update(pool for pool, _ in set(shared))
        return persons

    def invariant(self) -> None:
        """Raises AssertionError for what cannot be."""
        for number, pool in self.pools.items():
            assert pool.number == number and 0 <= pool.commission_bp <= COMMISSION_MAX_BP
            assert pool.master not in pool.banned and not pool.applications & pool.banned
            if not pool.closed and (pool.active or self.will_be(pool.master)):
                assert self.will_be(pool.master) == number, f"the master of {number} is elsewhere"
            if pool.next_master != NOBODY:
                assert self.will_be(pool.next_master) == number != pool.closed
            assert all(self.will_be(one) != number for one in pool.applications | pool.banned)
        assert all(number in self.pools for number in self.pool_of.values())
        masters = [pool.master for pool in self.pools.values() if not pool.closed]
        assert len(set(masters)) == len(masters), "somebody is master of two pools"


_ACTS: dict[Verb, Callable[[Pools, Act, tuple[int, ...]], None]] = {
    Verb.FOUND_POOL: Pools._found,
    Verb.DESCRIBE_POOL: Pools._describe,
    Verb.APPLY: Pools._apply,
    Verb.WITHDRAW_APPLICATION: Pools._withdraw,
    Verb.ADMIT: Pools._admit,
    Verb.REFUSE: Pools._refuse,
    Verb.LEAVE: Pools._leave,
    Verb.BAN: Pools._ban,
    Verb.UNBAN: Pools._unban,
    Verb.SET_DOOR: Pools._set_door,
    Verb.SET_COMMISSION: Pools._set_commission,
    Verb.SET_REDISTRIBUTE: Pools._set_redistribute,
    Verb.NAME_MASTER: Pools._name_master,
    Verb.VOTE_MASTER: Pools._vote_master,
}


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
    mixed = _ALIKE & {unicode.name(c, "").split(" ")[0] for c in _key(name)}
    if len(mixed) > 1:
        raise ActRefused(f"a pool's name is in one alphabet, not in {' and '.join(sorted(mixed))}")
    return name


def _visible(character: str) -> bool:
    shown = unicode.category(character)[0] in "LMNPS" and character not in _INVISIBLE
    return shown or character == " "


def _key(name: str) -> str:
    """The same for names that read the same: however wide, in which case, from which accents."""
    return unicode.normalize("NFKC", unicode.normalize("NFKC", name).casefold())


def _master_stays(pool: Pool) -> ActRefused:
    if pool.next_master == NOBODY:
        return ActRefused(f"a master stays: name another master of {pool.name!r} first")
    return ActRefused(
        f"account {pool.next_master} is master of {pool.name!r} from the next round on: "
        "leave it then"
    )


def _close(pool: Pool) -> None:
    pool.closed, pool.next_master, pool.voted = True, NOBODY, False
    pool.applications.clear()


def _check_commission(value: int) -> None:
    if not 0 <= value <= COMMISSION_MAX_BP:
        raise ActRefused(f"a commission is from 0 to {COMMISSION_MAX_BP} basis points, not {value}")


def _flag(value: int) -> bool:
    if value not in (0, 1):
        raise ActRefused(f"the value must be 0 or 1, not {value}")
    return bool(value)
