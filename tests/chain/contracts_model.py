"""What the contracts must do, written from the specification; it knows nothing of Solidity."""

from excraft.rewards.tree import ClaimTree
from excraft.scores.stake import Interval
from tests.chain.deployed import REWARD_WINDOW, ROUND_WINDOW, key

MEMBERS = [key(200 + number) for number in range(3)]
EACH, FUNDS = 1000, 500


class Sequence:
    """Numbered posts with a window, as the model sees them."""

    def __init__(self, window: int) -> None:
        self.window, self.posts, self.first = window, [], 0  # posts: (content, second)

    @property
    def next(self) -> int:
        return self.first + len(self.posts)

    def stands(self, number: int) -> bool:
        return self.first <= number < self.next

    def final(self, number: int, now: int) -> bool:
        return self.stands(number) and now >= self.posts[number - self.first][1] + self.window

    def last_final(self, now: int) -> int:
        """The last one that is final, else the last that stands."""
        final = (n for n in range(self.first, self.next) if self.final(n, now))
        return max(final, default=self.next - 1)

    def content(self, number: int):
        return self.posts[number - self.first][0]

    def append(self, number: int, content, now: int) -> None:
        if not self.posts:
            self.first = number
        self.posts.append((content, now))

    def cut(self, number: int) -> None:
        del self.posts[number - self.first :]
        if not self.posts:
            self.first = number


class Model:
    def __init__(self) -> None:
        self.balance = [EACH] * len(MEMBERS)
        self.staked = [0] * len(MEMBERS)
        self.leaving = [(0, 0)] * len(MEMBERS)  # (units, ready)
        self.held: list[Interval] = []
        self.since = [0] * len(MEMBERS)
        self.days, self.rounds = Sequence(REWARD_WINDOW), Sequence(ROUND_WINDOW)
        self.claimed = [0] * len(MEMBERS)

    def restake(self, member: int, units: int, now: int) -> None:
        self.held.append(Interval(member, self.staked[member], self.since[member], now))
        self.staked[member], self.since[member] = self.staked[member] + units, now

    @property
    def granted(self) -> list[int]:
        """What the last standing tree says."""
        return [*self.days.posts[-1][0]] if self.days.posts else [0] * len(MEMBERS)


def tree_of(claims) -> ClaimTree:
    named = zip(MEMBERS, claims, strict=True)
    return ClaimTree({bytes.fromhex(m.address[2:]): units for m, units in named})
