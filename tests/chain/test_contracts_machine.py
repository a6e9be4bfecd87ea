"""One machine drives a plain model and the contracts together, and compares after every step.

A refusal must be the one that the model foresees. The machine goes where chance leads it; one walk
by hand meets every refusal there is.
"""

import asyncio
from pathlib import Path

import pytest
from eth_utils import to_checksum_address
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from excraft.chain.anvil import Anvil
from excraft.chain.contract import View, ask_all
from excraft.chain.contract_logs import ContractLogs
from excraft.chain.deployment import contracts_of, deploy
from excraft.chain.errors import ContractRefused
from excraft.chain.posting import DayPost, RoundPost, post_day, post_round, withdraw
from excraft.chain.vault import VaultStakes
from excraft.scores.stake import Interval, token_seconds
from tests.chain.contracts_model import EACH, FUNDS, MEMBERS, Model, tree_of
from tests.chain.deployed import (
    DELAY,
    GUARDIAN,
    HOLDER,
    OPERATOR,
    REWARD_WINDOW,
    ROUND_WINDOW,
    SUPPLY,
    TERMS,
    Town,
)

members = st.integers(0, len(MEMBERS) - 1)
HASH = b"\7" * 32


MUST_BE_SEEN = {
    *(("stake", why) for why in ("", "NoUnits", "ERC20InsufficientBalance")),
    *(("unstake", why) for why in ("", "NoUnits", "NotStaked")),
    *(("withdraw", why) for why in ("", "NotReady", "NothingLeaving")),
    *(("post day", why) for why in ("", "TotalMismatch", "NotCovered", "OutOfOrder")),
    *(("claim", why) for why in ("", "NotPosted", "NotFinal", "NotProved", "NothingToClaim")),
    *(("cut RewardDistributor", why) for why in ("", "AlreadyFinal", "NotPosted")),
    *(("post round", why) for why in ("", "OutOfOrder")),
    *(("cut Rounds", why) for why in ("", "AlreadyFinal", "NotPosted")),
}


WALK = [
    ("stake", 0, 0), ("stake", 0, EACH + 1), ("stake", 0, 100), ("stake", 1, 50),
    ("unstake", 0, 110), ("withdraw_stake", 0), ("unstake", 1, 0), ("unstake", 0, 30),
    ("withdraw_stake", 0), ("wait", DELAY - 2), ("withdraw_stake", 0), ("unstake", 0, 10),
    ("wait", DELAY), ("withdraw_stake", 0),
    ("post_day", [9, 0, 5], 0, 1), ("post_day", [9, 0, 5], 1, 0), ("claim", 0, 1, 0),
    ("post_day", [1, 1, 1], 1, 0), ("post_day", [0, 7, 0], 0, 0), ("withdraw_day", 0, True),
    ("withdraw_day", -1, False), ("post_day", [0, 6, 1], 0, 0), ("wait", REWARD_WINDOW),
    ("withdraw_day", 1, True), ("claim_by_anothers_proof", 1, 1), ("claim", 1, 0, 0),
    ("claim", 0, 2, 1), ("claim", 0, 2, 0), ("claim", 2, 2, -1), ("post_day", [60] * 3, 0, 0),
    ("post_day", [60] * 3, 0, 0), ("post_day", [60] * 3, 0, 0), ("withdraw_day", 1, False),
    ("post_round", 0, bytes(range(32))), ("post_round", 1, HASH), ("withdraw_round", 0, True),
    ("post_round", 1, HASH), ("post_round", 0, HASH), ("withdraw_round", -1, False),
    ("wait", ROUND_WINDOW), ("post_round", 0, HASH), ("withdraw_round", 1, True),
    ("withdraw_round", 0, False), ("unstake", 1, 100),
]  # fmt: skip


class Machine(RuleBasedStateMachine):
    loop: asyncio.AbstractEventLoop
    town: Town
    folder: Path
    seen: set[tuple[str, str]]

    def run(self, doing):
        return self.loop.run_until_complete(asyncio.wait_for(doing, 60))

    @initialize()
    def begin(self):
        self.model, self.second = Model(), 0
        self.run(self._begin())

    async def _begin(self):
        town = self.town
        path = self.folder / "contracts.json"
        path.unlink(missing_ok=True)
        wallet = await town.wallet(HOLDER)
        town.deployment = await deploy(wallet, TERMS, path)
        town.contracts = contracts_of(town.node, town.deployment)
        self.vault_address = to_checksum_address(town.contracts.vault.address)
        self.rewards_address = to_checksum_address(town.contracts.rewards.address)
        await town.give(self.rewards_address, FUNDS)
        for member in MEMBERS:
            await town.give(member.address, EACH)
            await town.call(member, "token", "approve", self.vault_address, SUPPLY)
        vault = [town.contracts.vault]
        self.logs = ContractLogs(town.node, vault, town.deployment.first_block, 1)
        self.stakes, self.start = VaultStakes(), await town.now()

    async def act(self, account, what: str, refused: str, doing) -> int:
        """Do it; the second in which it was done. `refused`: the error that must come, or ""."""
        said = ""
        try:
            await doing(await self.town.wallet(account))
        except ContractRefused as why:
            said = why.error
        assert said == refused, f"the contract says {said!r}, the model {refused!r}"
        self.seen.add((what, said))
        return await self.town.now()

    def call(self, account, contract: str, refused: str, function: str, *arguments) -> int:
        target = getattr(self.town.contracts, contract)
        return self.run(self.act(
            account, function, refused, lambda wallet: wallet.call(target, function, *arguments)
        ))  # fmt: skip

    def now_when_asked(self) -> int:
        """The second in which the next block would be made."""
        return self.run(self._next_second())

    async def _next_second(self) -> int:
        """A fixed one, so that the model and the chain cannot differ by the machine's speed."""
        self.second = await self.town.now() + 1
        await self.town.ask("evm_setNextBlockTimestamp", self.second)
        return self.second

    # stake

    @rule(member=members, units=st.integers(0, EACH + 1))
    def stake(self, member, units):
        model, now = self.model, self.now_when_asked()
        why = "NoUnits" if not units else ""
        why = why or ("ERC20InsufficientBalance" if units > model.balance[member] else "")
        self.call(MEMBERS[member], "vault", why, "stake", units)
        if not why:
            model.balance[member] -= units
            model.restake(member, units, now)

    @rule(member=members, percent=st.integers(0, 110))
    def unstake(self, member, percent):
        model, now = self.model, self.now_when_asked()
        units = -(-model.staked[member] * percent // 100)
        why = "NoUnits" if not units else ("NotStaked" if units > model.staked[member] else "")
        self.call(MEMBERS[member], "vault", why, "unstake", units)
        if not why:
            model.restake(member, -units, now)
            model.leaving[member] = (model.leaving[member][0] + units, now + DELAY)

    @precondition(lambda self: any(units for units, _ in self.model.leaving))
    @rule(member=members)
    def withdraw_stake(self, member):
        model, now = self.model, self.now_when_asked()
        units, ready = model.leaving[member]
        why = "NothingLeaving" if not units else ("NotReady" if now < ready else "")
        self.call(MEMBERS[member], "vault", why, "withdraw")
        if not why:
            model.balance[member] += units
            model.leaving[member] = (0, 0)

    @rule(seconds=st.sampled_from([1, 7, REWARD_WINDOW - 1, ROUND_WINDOW, DELAY]))
    def wait(self, seconds):
        self.run(self.town.wait(seconds))
        self.second = self.run(self.town.now())

    # days

    @rule(more=st.lists(st.integers(0, 60), min_size=3, max_size=3),
          skip=st.sampled_from([0, 0, 0, 1]), lie=st.sampled_from([0, 0, 0, 1]))  # fmt: skip
    def post_day(self, more, skip, lie):
        model, now = self.model, self.now_when_asked()
        day, before = model.days.next + skip, sum(model.granted)
        claims = [a + b for a, b in zip(model.granted, more, strict=True)]
        tree, paid = tree_of(claims), sum(more) + lie
        why = "TotalMismatch" if tree.total - paid != before else ""
        why = why or ("NotCovered" if tree.total > FUNDS else "")
        why = why or ("OutOfOrder" if skip and model.days.posts else "")
        post = DayPost(day, tree.root, tree.total, paid, HASH)
        rewards = self.town.contracts.rewards
        self.run(self.act(OPERATOR, "post day", why, lambda w: post_day(w, rewards, post)))
        if not why:
            model.days.append(day, claims, now)

    @precondition(lambda self: self.model.days.posts)
    @rule(back=st.sampled_from([0, 0, 1, 2, -1]), guardian=st.booleans())
    def withdraw_day(self, back, guardian):
        model, now = self.model, self.now_when_asked()
        self._withdraw(self.town.contracts.rewards, model.days, back, guardian, now)

    def _withdraw(self, contract, sequence, back, guardian, now):
        number = max(0, sequence.next - 1 - back)
        why = "" if sequence.stands(number) else "NotPosted"
        why = why or ("AlreadyFinal" if sequence.final(number, now) else "")
        who = GUARDIAN if guardian else OPERATOR
        self.run(
            self.act(
                who, f"cut {contract.name}", why, lambda w: withdraw(w, contract, number, "why")
            )
        )
        if not why:
            sequence.cut(number)

    @precondition(lambda self: self.model.days.posts)
    @rule(member=members, other=members, back=st.sampled_from([0, 0, 0, 1, 2, -1]))
    def claim(self, member, other, back):
        """Whoever calls."""
        self._claim(member, member, other, back)

    @precondition(lambda self: self.model.days.final(self.model.days.first, self.second))
    @rule(member=members, further=st.integers(1, len(MEMBERS) - 1))
    def claim_by_anothers_proof(self, member, further):
        prover = (member + further) % len(MEMBERS)
        self._claim(member, prover, prover, 0)

    def _claim(self, member, prover, other, back):
        model, now = self.model, self.now_when_asked()
        day = max(0, model.days.last_final(now) - back)
        claims = model.days.content(day) if model.days.stands(day) else model.granted
        proof = tree_of(claims).proof(bytes.fromhex(MEMBERS[prover].address[2:]))
        due = claims[member]
        why = "" if model.days.stands(day) else "NotPosted"
        why = why or ("" if model.days.final(day, now) else "NotFinal")
        why = why or ("NotProved" if prover != member else "")
        why = why or ("NothingToClaim" if due <= model.claimed[member] else "")
        to = MEMBERS[member].address
        self.call(MEMBERS[other], "rewards", why, "claim", day, to, due, proof)
        if not why:
            model.balance[member] += due - model.claimed[member]
            model.claimed[member] = due

    # rounds

    @rule(skip=st.sampled_from([0, 0, 0, 1]), root=st.binary(min_size=32, max_size=32))
    def post_round(self, skip, root):
        model, now = self.model, self.now_when_asked()
        number = model.rounds.next + skip
        why = "OutOfOrder" if skip and model.rounds.posts else ""
        post, rounds = RoundPost(number, root, root[::-1], HASH), self.town.contracts.rounds
        self.run(self.act(OPERATOR, "post round", why, lambda w: post_round(w, rounds, post)))
        if not why:
            model.rounds.append(number, (post.congress, post.senate, post.dataset), now)

    @precondition(lambda self: self.model.rounds.posts)
    @rule(back=st.sampled_from([0, 0, 1, 2, -1]), guardian=st.booleans())
    def withdraw_round(self, back, guardian):
        model, now = self.model, self.now_when_asked()
        self._withdraw(self.town.contracts.rounds, model.rounds, back, guardian, now)

    # what must be the same

    @invariant()
    def same(self):
        if hasattr(self, "stakes"):
            self.run(self._same())

    async def _same(self):
        model, town, now = self.model, self.town, await self.town.now()
        token, vault, rounds, rewards = town.contracts
        for event in await self.logs.read():
            self.stakes.add(event)
        self.stakes.invariant()
        inside = sum(model.staked) + sum(units for units, _ in model.leaving)
        claimed = sum(model.claimed)
        assert claimed <= sum(model.granted) <= FUNDS and self.stakes.in_the_vault == inside
        expected = {
            View(token, "balanceOf", (self.vault_address,)): inside,
            View(token, "balanceOf", (self.rewards_address,)): FUNDS - claimed,
            View(rewards, "totalPosted"): sum(model.granted),
            View(rewards, "claimedInAll"): claimed,
        }
        for number, member in enumerate(MEMBERS):
            asked = (member.address,)
            assert self.stakes.staked(member.address.lower()) == model.staked[number]
            expected |= {
                View(token, "balanceOf", asked): model.balance[number],
                View(vault, "staked", asked): model.staked[number],
                View(vault, "leaving", asked): model.leaving[number],
                View(rewards, "claimed", asked): model.claimed[number],
            }
        for contract, sequence in ((rounds, model.rounds), (rewards, model.days)):
            expected[View(contract, "next")] = sequence.next
            for number in range(sequence.first, sequence.next):
                expected[View(contract, "isFinal", (number,))] = sequence.final(number, now)
        told = await ask_all(town.node, [*expected])
        assert dict(zip(expected, told, strict=True)) == expected
        self._same_token_seconds(now)

    def _same_token_seconds(self, now: int) -> None:
        model, place = self.model, {m.address.lower(): n for n, m in enumerate(MEMBERS)}
        begin = self.start + (now - self.start) // 3  # cut in the middle of something
        open_ones = [Interval(n, model.staked[n], model.since[n], now) for n in range(len(MEMBERS))]
        ours = token_seconds([*model.held, *open_ones], begin, now)
        read = [
            Interval(place[held.address], held.units, held.begin, held.end)
            for held in self.stakes.intervals(begin, now)
        ]
        assert token_seconds(read, begin, now) == ours


@pytest.fixture
def machine(tmp_path):
    loop = asyncio.new_event_loop()
    anvil = Anvil()
    Machine.loop, Machine.folder, Machine.seen = loop, tmp_path, set()

    async def opened():
        return Town(anvil)

    Machine.town = loop.run_until_complete(opened())
    yield Machine
    loop.run_until_complete(Machine.town.node.close())
    loop.close()
    anvil.stop()


def test_model_and_contracts_agree_step_by_step(machine):
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=12, stateful_step_count=50, deadline=None, derandomize=True,
            suppress_health_check=[*HealthCheck],
        ),
    )  # fmt: skip


def test_one_walk_meets_every_refusal(machine):
    walk = machine()
    walk.begin()
    for act, *arguments in WALK:
        getattr(walk, act)(*arguments)
        walk.same()
    missing = MUST_BE_SEEN - machine.seen
    assert not missing, f"the walk never came to {missing}"
