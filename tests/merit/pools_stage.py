"""Pools, what is known of accounts, and stories that are played on them."""

import shlex

from excraft.merit.acts import Act, ActRefused
from excraft.merit.pools import Pools
from excraft.messages.merit import Verb

PEOPLE = ["ann", "bob", "cat", "dan", "eve", "fay"]
# what each verb reads, as messages/merit.py says
READS = {
    "FOUND_POOL": ["text", "value"], "DESCRIBE_POOL": ["pool", "text"], "APPLY": ["pool"],
    "WITHDRAW_APPLICATION": ["pool"], "ADMIT": ["pool", "other"], "REFUSE": ["pool", "other"],
    "LEAVE": [], "BAN": ["pool", "other"], "UNBAN": ["pool", "other"],
    "SET_DOOR": ["pool", "value"], "SET_COMMISSION": ["pool", "value"],
    "SET_REDISTRIBUTE": ["pool", "value"], "NAME_MASTER": ["pool", "other"],
    "VOTE_MASTER": ["pool", "other"], "UNSTAKE": ["value"],
}  # fmt: skip

ONE_POOL = "one person is in one pool: another account of the same owner is in pool"


class Stage:
    """Pools, and what is known of accounts; people are accounts by their place in PEOPLE."""

    def __init__(self) -> None:
        self.pools, self.verified, self.frozen, self.owner = Pools(), set(), set(), {}

    def act(self, verb, account, **more) -> str:
        """Why it was refused; empty when it was not."""
        before = repr(self.pools)
        whose = more["other"] if verb == Verb.ADMIT else account
        group = self.owner.get(whose, 0)
        owned = [a for a, g in self.owner.items() if g == group and a != whose] if group else []
        try:
            self.pools.act(Act(verb, account, **more), owned)
            return ""
        except ActRefused as refused:
            assert repr(self.pools) == before, "a refused act changed something"
            return str(refused)
        finally:
            self.pools.invariant()

    def round(self) -> None:
        self.pools.start_round(self.verified, self.frozen, self.owner)
        self.pools.invariant()

    def members(self, number) -> set[int]:
        return {a for a, pool in self.pools.pool_of.items() if pool == number}


def play(story: str, stage: Stage | None = None) -> Stage:
    """`who VERB what -> refusal`, `round`, `owner A B` (one person), `in POOL who ...` (now)."""
    if stage is None:
        stage = Stage()
        stage.verified = set(range(len(PEOPLE)))
    for line in filter(None, map(str.strip, story.splitlines())):
        said, _, why = line.partition("->")
        why = why.strip().replace("ONE_POOL", ONE_POOL)
        first, *words = shlex.split(said)
        if first == "round":
            stage.round()
        elif first == "owner":
            stage.owner |= dict.fromkeys(map(PEOPLE.index, words), 7)
        elif first == "in":
            assert stage.members(int(words[0])) == set(map(PEOPLE.index, words[1:])), line
        else:
            more = dict(zip(READS[words[0]], words[1:], strict=True))
            more = {
                k: v if k == "text" else PEOPLE.index(v) if k == "other" else int(v)
                for k, v in more.items()
            }
            assert stage.act(Verb[words[0]], PEOPLE.index(first), **more) == why, line
    return stage
