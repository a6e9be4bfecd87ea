"""What was paid to referrers, from the log alone."""

import numpy as np

from excraft.accounts.referral_earnings import ReferralEarnings
from excraft.messages.events import EVENT, EventKind


def paid(*rows):
    events = np.zeros(len(rows), EVENT)
    for event, (kind, account, asset, amount) in zip(events, rows, strict=True):
        event["kind"], event["account"], event["market"], event["amount"] = (
            kind,
            account,
            asset,
            amount,
        )
    return events


def test_sums_by_account_and_asset_and_nothing_else_counts():
    earnings, kind = ReferralEarnings(), EventKind.REFERRAL_PAID
    earnings.apply(None, paid((kind, 3, 0, 5), (EventKind.CREDITED, 3, 0, 100), (kind, 3, 1, 7)))
    earnings.apply(None, paid((kind, 3, 0, 2), (kind, 4, 0, 1)))
    assert (
        earnings.of(3, 2) == {0: 7, 1: 7} and earnings.of(4, 2) == {0: 1} and not earnings.of(5, 2)
    )
    other = ReferralEarnings()
    other.load(earnings.dump())
    assert other.of(3, 2) == earnings.of(3, 2) and other.dump() == earnings.dump()
