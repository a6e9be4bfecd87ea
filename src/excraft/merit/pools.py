"""Pools: who is in which, on what terms. Everything takes effect with the next round.

An act that is refused changes nothing and says why, for people. `Pools` is a function of the acts
and of `start_round`; it knows nothing of time.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping

import msgspec

from excraft.merit.acts import NOBODY, Act, ActRefused
from excraft.merit.names import check_name, key_of
from excraft.merit.pools_index import PoolsIndex
from excraft.messages.merit import Verb

TEXT_MAX = 1_000
COMMISSION_MAX_BP = 2_000


class Pool(msgspec.Struct):
    """`next_*` is what holds from the next round on; `voted`: the members decided on `next_master`.
    `verified` and `members` are counted when a round starts; `active`: its master was a member
    then, neither frozen nor the house."""

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


class Pools(msgspec.Struct, dict=True):
    """`pool_of`: in the round that runs; `next_of`: where that changes, 0 for none; `electors`: of
    the accounts in pools those that were verified when it began; `founders`: who founded in it."""

    pools: dict[int, Pool] = msgspec.field(default_factory=dict)
    pool_of: dict[int, int] = msgspec.field(default_factory=dict)
    next_of: dict[int, int] = msgspec.field(default_factory=dict)
    electors: set[int] = msgspec.field(default_factory=set)
    founders: set[int] = msgspec.field(default_factory=set)

    def __post_init__(self) -> None:
        self._index = PoolsIndex(self)

    def will_be(self, account: int) -> int:
        """The pool of an account with the next round; 0 for none."""
        return self.next_of.get(account, self.pool_of.get(account, 0))

    def named(self, name: str) -> Pool | None:
        """The pool whose name reads the same."""
        return self.pools.get(self._index.named.get(key_of(name), 0))

    def mastered_by(self, account: int) -> Pool | None:
        """The pool that an account is master of, if it goes on."""
        return self.pools.get(self._index.mastered.get(account, 0))

    def inside(self, number: int) -> list[int]:
        """Accounts in a pool in the round that runs, ascending."""
        return self._index.inside_of(self, number)

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

    def _check_free(self, account: int, pool: int, owned: Iterable[int]) -> None:
        mastered = self.mastered_by(account)
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
        for number in sorted(self._index.applied.get(account, ())):
            self._strike(account, self.pools[number])
        there = self.pools.get(self.will_be(account))  # who becomes a master will be in the pool
        if there is not None and there.next_master == account and there.number != pool:
            there.next_master, there.voted = NOBODY, False
        self._go(account, pool)

    def _strike(self, account: int, pool: Pool) -> None:
        pool.applications.discard(account)
        self._index.strike(account, pool.number)

    def _go(self, account: int, pool: int) -> None:
        self._index.go(self.will_be(account), pool)
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
        self._index.found(self.pools[number])
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
            self._index.apply(act.account, pool.number)

    def _withdraw(self, act: Act, _: tuple[int, ...]) -> None:
        pool = self._pool(act)
        if act.account not in pool.applications:
            raise ActRefused(f"you have not applied to {pool.name!r}")
        self._strike(act.account, pool)

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
        self._strike(act.other, self._applicant(act))

    def _leave(self, act: Act, _: tuple[int, ...]) -> None:
        if not self.will_be(act.account):
            raise ActRefused("you are in no pool")
        pool = self.mastered_by(act.account)
        if pool is not None and not self._alone(pool):
            raise _master_stays(pool)
        if pool is not None:
            self._close(pool)
        self._move(act.account, 0)

    def _alone(self, pool: Pool) -> bool:
        """Whether nobody but its master will be in it."""
        master = int(self.will_be(pool.master) == pool.number)
        return self._index.coming[pool.number] == master

    def _ban(self, act: Act, _: tuple[int, ...]) -> None:
        pool = self._own(act)
        if act.other in (pool.master, pool.next_master) or act.other < 0:
            raise ActRefused(f"account {act.other} is no member who can be banned")
        if self._index.votes[pool.number, act.other]:
            raise ActRefused(f"members vote for account {act.other}: ban it in another round")
        pool.banned.add(act.other)
        self._strike(act.other, pool)
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
            self._unvote(other, pool)
        self._unvote(act.account, pool)
        pool.votes[act.account] = act.other
        self._index.votes[pool.number, act.other] += 1
        if 2 * self._index.votes[pool.number, act.other] > pool.verified:
            pool.voted = act.other != pool.master  # to stay nobody can be bound
            pool.next_master = act.other if pool.voted else NOBODY

    def _unvote(self, account: int, pool: Pool) -> None:
        voted = pool.votes.pop(account, None)
        if voted is not None:
            self._index.votes[pool.number, voted] -= 1

    def _close(self, pool: Pool) -> None:
        self._index.close(pool)
        pool.closed, pool.next_master, pool.voted = True, NOBODY, False
        pool.applications.clear()

    # ---- rounds

    def start_round(
        self, verified: Collection[int], frozen: Collection[int], owner: Mapping[int, int]
    ) -> None:
        """What was to take effect with the next round does, and members are counted. `verified`,
        `frozen`: accounts, each once, `frozen` those whose pools earn nothing; `owner`: by account
        a number that those of one owner share, 0 or nothing where it is known by the account
        alone."""
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
                self._close(pool)
        self._index.start_round(self)

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
        self._index.invariant(self)


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


def _master_stays(pool: Pool) -> ActRefused:
    if pool.next_master == NOBODY:
        return ActRefused(f"a master stays: name another master of {pool.name!r} first")
    return ActRefused(
        f"account {pool.next_master} is master of {pool.name!r} from the next round on: "
        "leave it then"
    )


def _check_commission(value: int) -> None:
    if not 0 <= value <= COMMISSION_MAX_BP:
        raise ActRefused(f"a commission is from 0 to {COMMISSION_MAX_BP} basis points, not {value}")


def _flag(value: int) -> bool:
    if value not in (0, 1):
        raise ActRefused(f"the value must be 0 or 1, not {value}")
    return bool(value)
