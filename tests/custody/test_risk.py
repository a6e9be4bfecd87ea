"""The risk rules, one by one, as pure functions."""

import pytest

from excraft.custody.errors import WithdrawalRefused
from excraft.custody.limits import DAY_S, RULES, Limits, Setting, change, load, shown
from excraft.custody.risk import Asked, Known, Verdict, judge, list_mode

S = 10**9
NOW = 1_000 * DAY_S * S
ASKED = Asked(asset=3, atoms=100, destination="0xb0b", now_ns=NOW, by_key=False)
KNOWN = Known(
    level=1, account_frozen=False, day_atoms=0, hour_count=0, listed_ns=None, first_used_ns=None,
    list_only=False, factor_changed_ns=None, email_changing=False,
)  # fmt: skip


def judged(asked=ASKED, known=KNOWN, **settings) -> Verdict:
    places = {"APPROVE_ABOVE": (3, -1), "APPROVALS": (3, -1), "DAY_LIMIT": (3, 1)}
    stored = {(name, *places.get(name, (-1, -1))): value for name, value in settings.items()}
    return judge(asked, known, Limits(stored), lambda atoms: f"{atoms} X")


def refused(said: str, **more) -> None:
    with pytest.raises(WithdrawalRefused, match=said):
        judged(**more)


def test_without_settings_everything_needs_an_approval_and_a_day():
    assert judged() == Verdict(1, NOW + DAY_S * S)


def test_a_frozen_account_withdraws_nothing():
    refused("your account is frozen", known=KNOWN._replace(account_frozen=True))


def test_who_is_not_verified_withdraws_nothing_until_a_limit_says_so():
    unverified = KNOWN._replace(level=0)
    refused("more than the 0 X of KYC level 0", known=unverified)
    limits = Limits({("DAY_LIMIT", 3, 0): 100})
    judge(ASKED, unverified, limits, str)


@pytest.mark.parametrize(("before", "passes"), [(900, True), (901, False)])
def test_the_limit_of_a_day_counts_what_was_asked_for(before, passes):
    known = KNOWN._replace(day_atoms=before)
    if passes:
        judged(known=known, DAY_LIMIT=1000)
    else:
        refused("100 X and the 901 X of the last 24 hours", known=known, DAY_LIMIT=1000)


def test_the_number_per_hour_is_limited():
    judged(known=KNOWN._replace(hour_count=2), COUNT_PER_HOUR=3)
    refused("3 withdrawals within an hour", known=KNOWN._replace(hour_count=3), COUNT_PER_HOUR=3)


@pytest.mark.parametrize(("ago", "passes"), [(60, True), (59, False)])
def test_a_second_factor_that_was_changed_lately_keeps_money_here(ago, passes):
    known = KNOWN._replace(factor_changed_ns=NOW - ago * S)
    if passes:
        judged(known=known, FACTOR_DELAY_S=60)
    else:
        refused(
            "changed lately; withdrawals are open to you in 2 s", known=known, FACTOR_DELAY_S=60
        )


def test_list_mode_and_keys_pay_listed_destinations_only():
    refused("your list mode is on", known=KNOWN._replace(list_only=True))
    refused("an API key withdraws to them only", asked=ASKED._replace(by_key=True))
    listed = KNOWN._replace(list_only=True, listed_ns=1)
    assert judged(ASKED._replace(by_key=True), listed).waits_until_ns == NOW


@pytest.mark.parametrize(
    ("times", "waits"),
    [((None, None), 60), ((NOW - 20 * S, None), 40), ((None, NOW - 50 * S), 10),
     ((NOW, NOW - 60 * S), 0), ((NOW - 61 * S, None), 0)],
)  # fmt: skip
def test_a_new_address_waits_from_when_it_was_first_known(times, waits):
    known = KNOWN._replace(listed_ns=times[0], first_used_ns=times[1])
    assert judged(known=known, NEW_ADDRESS_DELAY_S=60).waits_until_ns == NOW + waits * S


@pytest.mark.parametrize(("above", "approvals"), [(99, 3), (100, 0)])
def test_more_than_the_threshold_needs_approvals(above, approvals):
    assert judged(APPROVE_ABOVE=above, APPROVALS=3).approvals == approvals


def test_leaving_list_mode_takes_a_while():
    limits = Limits({("LIST_OFF_DELAY_S", -1, -1): 60})
    assert not list_mode(None, None, NOW, limits)
    assert list_mode(1, None, NOW, limits)
    assert list_mode(1, NOW - 59 * S, NOW, limits)
    assert not list_mode(1, NOW - 60 * S, NOW, limits)


# settings


def test_a_setting_is_stored_and_read_back(database):
    with database.write() as connection:
        for value in (5, 7):
            change(connection, {"name": "DAY_LIMIT", "asset": 3, "level": 2, "value": value})
        change(connection, {"name": "COUNT_PER_HOUR", "value": 4}, clock=lambda: 9)
    with database.read() as connection:
        limits = load(connection)
        rows = shown(connection)
    assert limits.of(Setting.DAY_LIMIT, 3, 2) == 7
    assert limits.of(Setting.DAY_LIMIT, 3, 3) == RULES[Setting.DAY_LIMIT].default
    assert limits.of(Setting.COUNT_PER_HOUR, 3) == 4
    assert [(r["name"], r["value"]) for r in rows] == [("COUNT_PER_HOUR", 4), ("DAY_LIMIT", 7)]


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ({}, "None is no limit"), ({"name": "NOPE", "value": 1}, "'NOPE' is no limit"),
        ({"name": "COUNT_PER_HOUR", "value": 0}, "from 1 to 10000, not 0"),
        ({"name": "COUNT_PER_HOUR", "value": True}, "not True"),
        ({"name": "COUNT_PER_HOUR", "value": "5"}, "not '5'"),
        ({"name": "COUNT_PER_HOUR", "value": 5, "asset": 3}, "is set with name, value"),
        ({"name": "DAY_LIMIT", "value": 5, "asset": 3}, "is set with asset, level, name, value"),
        ({"name": "DAY_LIMIT", "value": 5, "asset": 3, "level": 4}, "a level is one of"),
        ({"name": "HOT_MAX", "value": 5, "asset": -1}, "by its number, not -1"),
        ({"name": "HOT_MAX", "value": 1 << 63, "asset": 1}, "must be from"),
    ],
    ids=str,
)  # fmt: skip
def test_settings_that_cannot_be_are_refused(database, payload, said):
    with pytest.raises(WithdrawalRefused, match=said), database.write() as connection:
        change(connection, payload)
