"""Pools: stories of every act."""

import pytest

from excraft.messages.merit import Verb
from tests.merit.pools_stage import play

STORIES = {
    "founding": """
        ann FOUND_POOL Alpha 500
        bob FOUND_POOL "  Beta   two " 2000
        cat FOUND_POOL alpha 0      -> pool 1 has the name 'alpha'; take another
        cat FOUND_POOL Gamma 2001   -> a commission is from 0 to 2000 basis points, not 2001
        cat FOUND_POOL Gamma -1     -> a commission is from 0 to 2000 basis points, not -1
        ann FOUND_POOL Gamma 0      -> a master stays: name another master of 'Alpha' first
        in 1
        round
        in 1 ann
        in 2 bob""",
    "applying": """
        ann FOUND_POOL Alpha 0
        bob APPLY 1
        bob APPLY 2                 -> there is no pool 2
        bob APPLY 0                 -> there is no pool 0
        bob WITHDRAW_APPLICATION 1
        bob WITHDRAW_APPLICATION 1  -> you have not applied to 'Alpha'
        ann ADMIT 1 bob             -> account 1 has not applied to 'Alpha'
        bob APPLY 1
        cat ADMIT 1 bob             -> only the master of 'Alpha' does that
        ann REFUSE 1 bob
        ann REFUSE 1 bob            -> account 1 has not applied to 'Alpha'
        bob APPLY 1
        ann ADMIT 1 bob
        bob APPLY 1                 -> you are in 'Alpha', or will be with the next round
        ann APPLY 1                 -> you are in 'Alpha', or will be with the next round
        round
        in 1 ann bob""",
    "an open door": """
        ann FOUND_POOL Alpha 0
        bob APPLY 1
        ann SET_DOOR 1 1
        cat APPLY 1
        bob SET_DOOR 1 0            -> only the master of 'Alpha' does that
        ann SET_DOOR 1 2            -> the value must be 0 or 1, not 2
        round
        in 1 ann cat
        bob APPLY 1
        ann SET_DOOR 1 0
        dan APPLY 1
        round
        in 1 ann bob cat""",
    "an admitted applicant has applied nowhere else any more": """
        ann FOUND_POOL Alpha 0
        bob FOUND_POOL Beta 0
        cat APPLY 1
        cat APPLY 2
        bob ADMIT 2 cat
        ann ADMIT 1 cat             -> account 2 has not applied to 'Alpha'
        round
        in 2 bob cat""",
    "leaving": """
        ann FOUND_POOL Alpha 0
        bob LEAVE                   -> you are in no pool
        bob APPLY 1
        ann ADMIT 1 bob
        ann LEAVE                   -> a master stays: name another master of 'Alpha' first
        round
        bob LEAVE
        bob LEAVE                   -> you are in no pool
        in 1 ann bob
        ann LEAVE
        cat APPLY 1                 -> 'Alpha' is closed; found another
        ann FOUND_POOL ALPHA 0      -> pool 1 has the name 'ALPHA'; take another
        ann FOUND_POOL Beta 0
        round
        in 1
        in 2 ann""",
    "who leaves may come back before the round ends": """
        ann FOUND_POOL Alpha 0
        ann SET_DOOR 1 1
        bob APPLY 1
        round
        bob LEAVE
        bob APPLY 1
        round
        in 1 ann bob""",
    "banning": """
        ann FOUND_POOL Alpha 0
        bob APPLY 1
        ann BAN 1 bob
        bob APPLY 1                 -> 'Alpha' does not take you
        ann ADMIT 1 bob             -> account 1 has not applied to 'Alpha'
        ann BAN 1 ann               -> account 0 is no member who can be banned
        bob BAN 1 cat               -> only the master of 'Alpha' does that
        ann UNBAN 1 cat             -> account 2 is not banned from 'Alpha'
        bob UNBAN 1 bob             -> only the master of 'Alpha' does that
        ann UNBAN 1 bob
        bob APPLY 1
        ann ADMIT 1 bob
        ann BAN 1 bob
        round
        in 1 ann""",
    "a member who is banned is one until the round ends, and keeps what was applied for": """
        ann FOUND_POOL Alpha 0
        ann SET_DOOR 1 1
        dan FOUND_POOL Delta 0
        bob APPLY 1
        round
        bob APPLY 2
        ann BAN 1 bob
        in 1 ann bob
        bob VOTE_MASTER 1 ann
        dan ADMIT 2 bob
        round
        in 1 ann
        in 2 dan bob""",
    "naming a master": """
        ann FOUND_POOL Alpha 0
        ann SET_DOOR 1 1
        bob APPLY 1
        ann NAME_MASTER 1 bob       -> account 1 is not in 'Alpha', or leaves it
        round
        bob NAME_MASTER 1 bob       -> only the master of 'Alpha' does that
        ann NAME_MASTER 1 cat       -> account 2 is not in 'Alpha', or leaves it
        ann NAME_MASTER 1 bob
        ann BAN 1 bob               -> account 1 is no member who can be banned
        ann LEAVE  -> account 1 is master of 'Alpha' from the next round on: leave it then
        bob SET_DOOR 1 0            -> only the master of 'Alpha' does that
        round
        bob SET_DOOR 1 0
        ann SET_DOOR 1 1            -> only the master of 'Alpha' does that
        ann LEAVE
        bob LEAVE
        round
        in 1""",
    "nobody is made a master against the own will": """
        ann FOUND_POOL Alpha 0
        ann SET_DOOR 1 1
        bob APPLY 1
        round
        ann NAME_MASTER 1 bob
        bob LEAVE
        round
        ann SET_COMMISSION 1 7
        in 1 ann""",
    "voting": """
        ann FOUND_POOL Alpha 0
        ann SET_DOOR 1 1
        bob APPLY 1
        cat APPLY 1
        bob VOTE_MASTER 1 bob       -> you were not in 'Alpha' when the round began
        round
        dan VOTE_MASTER 1 bob       -> you were not in 'Alpha' when the round began
        bob VOTE_MASTER 1 dan       -> account 3 is not in 'Alpha', or leaves it
        bob VOTE_MASTER 2 bob       -> there is no pool 2
        bob VOTE_MASTER 1 bob
        bob VOTE_MASTER 1 bob
        round
        ann SET_COMMISSION 1 1
        cat VOTE_MASTER 1 bob
        bob VOTE_MASTER 1 bob
        ann NAME_MASTER 1 cat       -> the members of 'Alpha' have voted for account 1
        ann NAME_MASTER 1 ann       -> the members of 'Alpha' have voted for account 1
        ann BAN 1 bob               -> account 1 is no member who can be banned
        ann SET_COMMISSION 1 2
        round
        ann SET_COMMISSION 1 3      -> only the master of 'Alpha' does that
        bob SET_COMMISSION 1 4""",
    "one half is not more than half": """
        ann FOUND_POOL Alpha 0
        ann SET_DOOR 1 1
        bob APPLY 1
        round
        bob VOTE_MASTER 1 bob
        round
        ann SET_COMMISSION 1 1
        bob SET_COMMISSION 1 1      -> only the master of 'Alpha' does that""",
    "members may confirm their master, who may go all the same": """
        ann FOUND_POOL Alpha 0
        ann SET_DOOR 1 1
        bob APPLY 1
        cat APPLY 1
        round
        ann NAME_MASTER 1 bob
        bob VOTE_MASTER 1 ann
        cat VOTE_MASTER 1 ann
        ann NAME_MASTER 1 cat
        round
        cat SET_COMMISSION 1 1""",
    "one person with two accounts": """
        owner bob cat
        ann FOUND_POOL Alpha 0
        dan FOUND_POOL Delta 0
        bob APPLY 1
        cat APPLY 2
        ann ADMIT 1 bob
        dan ADMIT 2 cat  -> ONE_POOL 1
        cat FOUND_POOL Cats 0  -> ONE_POOL 1
        cat APPLY 1
        ann ADMIT 1 cat
        round
        in 1 ann bob cat
        bob APPLY 2  -> ONE_POOL 1
        cat LEAVE
        bob APPLY 2
        dan ADMIT 2 bob
        cat APPLY 1  -> ONE_POOL 2
        round
        in 1 ann
        in 2 bob dan""",
    "what only a master says of a pool": """
        ann FOUND_POOL Alpha 0
        bob DESCRIBE_POOL 1 hello   -> only the master of 'Alpha' does that
        bob SET_COMMISSION 1 5      -> only the master of 'Alpha' does that
        bob SET_REDISTRIBUTE 1 0    -> only the master of 'Alpha' does that
        ann SET_COMMISSION 1 2001   -> a commission is from 0 to 2000 basis points, not 2001
        ann SET_REDISTRIBUTE 1 -1   -> the value must be 0 or 1, not -1
        ann SET_COMMISSION 2 5      -> there is no pool 2
        ann UNSTAKE 5               -> UNSTAKE is nothing that a pool knows""",
}  # fmt: skip


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_a_story_goes_as_told(story):
    play(story)


def test_terms_change_with_the_next_round_and_words_at_once():
    stage = play("""
        ann FOUND_POOL Alpha 500
        round
        ann SET_COMMISSION 1 700
        ann SET_REDISTRIBUTE 1 0
        ann DESCRIBE_POOL 1 "who we are" """)
    pool = stage.pools.pools[1]
    assert (pool.commission_bp, pool.redistribute, pool.text) == (500, True, "who we are")
    assert (pool.next_commission_bp, pool.next_redistribute) == (700, False)
    stage.round()
    assert (pool.commission_bp, pool.redistribute) == (700, False)


def test_a_description_has_a_size_and_no_control_characters():
    stage = play("ann FOUND_POOL Alpha 500")
    why = "a description has at most 1000 characters, all printable"
    for text in ("x" * 1_001, "a\x00b", "a\x1b[2J", "\u202eevil", "zero\u200bwidth", "a\r\nb"):
        assert stage.act(Verb.DESCRIBE_POOL, 0, pool=1, text=text) == why
    for text in ("x" * 1_000, "two\nlines", "", "Straße"):
        assert stage.act(Verb.DESCRIBE_POOL, 0, pool=1, text=text) == ""
        assert stage.pools.pools[1].text == text


def test_every_verb_of_pools_is_in_a_story():
    told = "".join(STORIES.values()) + "DESCRIBE_POOL SET_REDISTRIBUTE"
    assert all(verb.name in told for verb in Verb if verb <= Verb.VOTE_MASTER)
