"""Random acts of pools: after each step the program and its plain twin hold the same."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from excraft.messages.merit import Verb
from tests.merit.pools_stage import READS, Stage
from tests.merit.pools_twin import Twin

ACCOUNTS, NUMBERS = st.integers(0, 7), st.integers(0, 5)
NAMES = st.sampled_from(["Alpha", "aLPHA ", "Beta", "Gam  ma", "gam ma", "Eta", "x", "y\u200bz!"])
VALUES = st.sampled_from([0, 1, 2, 500, 2_000, 2_001, -1])
OTHERS = [
    v for v in Verb if v < 100 and v.name in READS and v.name not in ("FOUND_POOL", "UNSTAKE")
]


class AgainstTwin(RuleBasedStateMachine):
    """Both get the same acts; after each they hold the same, and both refuse or neither does."""

    def __init__(self) -> None:
        super().__init__()
        self.stage, self.twin = Stage(), Twin()

    def both(self, verb, account, **more) -> None:
        owner = self.stage.owner
        whose = more.get("other") if verb == Verb.ADMIT else account
        owned = [a for a, g in owner.items() if g and g == owner.get(whose) and a != whose]
        carried_out = self.twin.act(verb, account, more, owned)
        why = self.stage.act(verb, account, **more)
        assert carried_out == (why == ""), (verb.name, account, more, why)

    @initialize(places=st.lists(st.integers(0, 2), min_size=6, max_size=6))
    def begin(self, places):
        """Two pools with some members, so that what needs members happens often."""
        for account, name in ((6, "Alpha"), (7, "Beta")):
            self.both(Verb.FOUND_POOL, account, value=500, text=name)
            self.both(Verb.SET_DOOR, account, pool=account - 5, value=1)
        for account, pool in enumerate(places):
            self.both(Verb.APPLY, account, pool=pool)
        self.start_round()
        self.both(Verb.SET_DOOR, 6, pool=1, value=0)

    @rule(account=ACCOUNTS, value=VALUES, text=NAMES)
    def found(self, account, value, text):
        self.both(Verb.FOUND_POOL, account, value=value, text=text)

    @rule(verb=st.sampled_from(OTHERS), account=ACCOUNTS, pool=NUMBERS, other=st.integers(-1, 8),
          value=VALUES)  # fmt: skip
    def any_act(self, verb, account, pool, other, value):
        self.both(verb, account, pool=pool, other=other, value=value, text="words")

    @rule(verb=st.sampled_from(OTHERS), pool=st.integers(1, 3), other=ACCOUNTS, value=VALUES)
    def act_of_the_master(self, verb, pool, other, value):
        card = self.twin.card(pool)
        account = 0 if card is None else card["master"]
        self.both(verb, account, pool=pool, other=other, value=value, text="more words")

    @rule(pool=st.integers(1, 3), account=ACCOUNTS)
    def apply(self, pool, account):
        self.both(Verb.APPLY, account, pool=pool)

    @rule(pool=st.integers(1, 3), account=ACCOUNTS, verb=st.sampled_from([Verb.ADMIT, Verb.BAN]))
    def answer(self, pool, account, verb):
        if (card := self.twin.card(pool)) is not None:
            other = next(iter(card["applied"]), account)
            self.both(verb, card["master"], pool=pool, other=other)

    @rule(other=ACCOUNTS, absent=st.sets(ACCOUNTS, max_size=3))
    def vote(self, other, absent):
        for account in sorted(set(range(8)) - absent):
            self.both(Verb.VOTE_MASTER, account, pool=self.twin.now.get(other, 1), other=other)

    @rule(other=ACCOUNTS)
    def name_master(self, other):
        if (card := self.twin.card(self.twin.now.get(other, 1))) is not None:
            master = card["master"]
            self.both(Verb.NAME_MASTER, master, pool=card["number"], other=other)

    @rule(verified=st.sets(ACCOUNTS), frozen=st.sets(ACCOUNTS, max_size=2))
    def learn(self, verified, frozen):
        self.stage.verified, self.stage.frozen = verified, frozen

    @rule(account=ACCOUNTS, group=st.integers(0, 2))
    def belongs(self, account, group):
        self.stage.owner[account] = group

    @rule()
    def start_round(self):
        owner = {account: self.stage.owner.get(account, 0) for account in range(8)}
        self.twin.start_round(self.stage.verified, self.stage.frozen, owner)
        self.stage.round()
        for group in (1, 2):
            assert len({p for a, p in self.stage.pools.pool_of.items() if owner[a] == group}) <= 1

    @invariant()
    def both_hold_the_same(self):
        pools = self.stage.pools
        pools.invariant()
        assert pools.pool_of == self.twin.now
        assert {a: p for a in range(8) if (p := pools.will_be(a))} == self.twin.then
        assert list(pools.pools) == [card["number"] for card in self.twin.cards]
        for card in self.twin.cards:
            pool = pools.pools[card["number"]]
            assert pool.name == " ".join(card["name"].split())
            assert (pool.master, pool.next_master) == (card["master"], card["heir"])
            assert (pool.commission_bp, pool.redistribute) == card["now"]
            assert (pool.next_commission_bp, pool.next_redistribute) == card["then"]
            assert (pool.open_door, pool.closed) == (card["open"], card["closed"])
            assert pool.active == card["active"] and pool.text == card["text"]
            assert (pool.members, pool.verified) == (card["members"], card["verified"])
            assert pool.applications == set(card["applied"])
            assert pool.banned == set(card["banned"]) and pool.votes == card["votes"]


AgainstTwin.TestCase.settings = settings(max_examples=100, stateful_step_count=60, deadline=None)
TestAgainstTwin = AgainstTwin.TestCase
