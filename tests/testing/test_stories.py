"""A story that does not come true says so; a line that is not in the language is not guessed at."""

import pytest

from excraft.kernel.reference import Reference
from excraft.testing.stories import Story, StoryMismatch, play
from excraft.testing.story_language import StoryError


def test_the_story_of_the_style_guide():
    story = play(
        None,
        """
        sell alice 5 @ 101     -> rests 5              -- everything after two dashes is a comment
        buy  bob   7 @ 101     -> trade 5 @ 101,
            rests 2
        """,
    )
    play(story, "buy carol 1 @ 0 -> refused PRICE_OUT_OF_RANGE")
    assert story.accounts == {"alice": 0, "bob": 1, "carol": 2}


def test_a_mismatch_shows_the_line_what_was_expected_and_what_happened():
    with pytest.raises(StoryMismatch) as told:
        play(None, "sell alice 5 @ 101 -> rests 4 hold=4")
    assert str(told.value).splitlines() == [
        "line     sell alice 5 @ 101 -> rests 4 hold=4",
        "expected rests 4 hold=4",
        "happened rests 5 hold=5",
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        "sell alice 5 @ 101 -> rests 5 hold=6",
        "sell alice 5 @ 101 -> rests 5 nonsense=5",
        "sell alice 5 @ 101 -> waits",
        "sell alice 5 @ 101 -> rests 5, trade 1 @ 100",
        "sell alice 5 @ 101 ioc -> rests 5",
        "sell alice 5 @ 0 -> refused MALFORMED_ORDER",
        "balance alice BASE -> free 5, held 0",
        "book -> bids none",
    ],
)
def test_what_did_not_happen_is_a_mismatch(wrong):
    with pytest.raises(StoryMismatch):
        play(play(None, "buy alice 1 @ 1 -> rests 1"), wrong)


@pytest.mark.parametrize(
    "line",
    [
        "sell alice 5 @ 101",
        "sell alice 5 @ 101 ->",
        "sell alice 5 -> rests 5",
        "sell alice five @ 101 -> rests 5",
        "sell alice 5 @ 101 gtx -> rests 5",
        "sell alice 5 @ 101 in NOWHERE -> rests 5",
        "give alice 5 -> credited 5",
        "amend alice #1 5 -> amended -1",
        "cancel alice later -> canceled alice 1",
        "cancel alice #1 now -> canceled alice 1",
        "credit alice 5 GOLD -> credited 5",
        "raw kind=x -> refused UNKNOWN_COMMAND",
        "book -> bids none, asks none\n + book -> bids none, asks none",
        "sell alice 5 @ 101 -> trade 1 @ 2,",
    ],
)
def test_what_is_not_in_the_language_is_an_error(line):
    with pytest.raises(StoryError):
        play(play(None, "buy alice 1 @ 1 -> rests 1"), line)


def test_a_broken_kernel_is_noticed_after_the_line():
    class Leaking(Reference):
        def step(self, record):
            events = super().step(record)
            if self.sequence > 10:
                self._state.free[0, 0] += 1
            return events

    with pytest.raises(StoryMismatch, match="broken asset 0: balances and fees"):
        play(Leaking(), "sell alice 1 @ 1 -> rests 1\n sell alice 1 @ 2 -> rests 1")


def test_a_story_begins_on_a_fresh_kernel():
    with pytest.raises(StoryError, match="has seen no record"):
        Story(play(None, "account alice -> opened").kernel)
