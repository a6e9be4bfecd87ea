"""What a MERIT_ACT may say: verbs, and which of its numbers each reads."""

from enum import IntEnum


class Verb(IntEnum):
    """Numbered once, for ever. Below 100 a member's own act (`account` does it), from 100 staff's
    or the round service's (`account` is -1)."""

    FOUND_POOL = 1  # text: name; value: commission, bp
    DESCRIBE_POOL = 2  # pool, text
    APPLY = 3  # pool; at an open door one is in with the next round
    WITHDRAW_APPLICATION = 4  # pool
    ADMIT = 5  # pool, other
    REFUSE = 6  # pool, other
    LEAVE = 7
    BAN = 8  # pool, other
    UNBAN = 9  # pool, other
    SET_DOOR = 10  # pool; value 1: open, 0: by application
    SET_COMMISSION = 11  # pool; value: bp, from the next round on
    SET_REDISTRIBUTE = 12  # pool; value 0 or 1, from the next round on
    NAME_MASTER = 13  # pool, other: by the master, from the next round on
    VOTE_MASTER = 14  # pool, other: by a member; more than half of the round's members decide
    UNSTAKE = 15  # value: atoms
    CHOOSE = 16  # value 0: credited, 1: claimed on chain; text: address
    CLOSE_DAY = 100  # value: the day; its record's time is what closes days
    FLAG_PAIR = 101  # other, value: two accounts that trade with each other for show
    UNFLAG_PAIR = 102  # other, value
    MARK_HOUSE = 103  # other; value 1: an account of the exchange itself
    VAULT_STAKED = 104  # other; text: units of 10^-18 EXT that are staked in the vault from now on
