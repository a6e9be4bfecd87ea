"""Money set aside for withdrawals and stakes, KYC levels, referrals; each on every kernel."""

from excraft.messages.commands import Cause
from excraft.testing.stories import play


def test_reserve_release_and_spend(kernel):
    story = play(
        kernel,
        """
        account alice                  -> opened
        credit alice 100 QUOTE         -> credited 100
        reserve alice 10 QUOTE         -> refused NOT_VERIFIED
        set KYC_LEVEL 1 for alice      -> set
        reserve alice 101 QUOTE        -> refused INSUFFICIENT_FUNDS
        reserve alice 0 QUOTE          -> refused AMOUNT_OUT_OF_RANGE
        reserve alice -1 QUOTE         -> refused AMOUNT_OUT_OF_RANGE
        reserve alice 1 #9             -> refused UNKNOWN_ASSET
        reserve #9 1 QUOTE             -> refused UNKNOWN_ACCOUNT
        reserve alice 1 QUOTE for DEPOSIT -> refused UNKNOWN_CAUSE
        reserve alice 60 QUOTE         -> reserved 60
        balance alice QUOTE            -> free 40, held 0
        debit alice 41 QUOTE           -> refused INSUFFICIENT_FUNDS
        release alice 61 QUOTE         -> refused NOT_RESERVED
        release alice 5 QUOTE for STAKE -> refused NOT_RESERVED
        release alice 10 QUOTE         -> released 10
        spend alice 51 QUOTE           -> refused NOT_RESERVED
        spend alice 50 QUOTE fee 1     -> refused NOT_RESERVED
        spend alice 5 QUOTE fee -1     -> refused AMOUNT_OUT_OF_RANGE
        spend alice 2^62 QUOTE fee 1   -> refused AMOUNT_OUT_OF_RANGE
        spend alice 29 QUOTE fee 1     -> spent 29 fee=1
        balance alice QUOTE            -> free 50, held 0
        spend alice 20 QUOTE           -> spent 20
        release alice 1 QUOTE          -> refused NOT_RESERVED
        """,
    )
    assert story.kernel.reserved(0) == {}


def test_causes_have_sums_of_their_own(kernel):
    story = play(
        kernel,
        """
        account alice                  -> opened
        set KYC_LEVEL 1 for alice      -> set
        credit alice 100 QUOTE         -> credited 100
        reserve alice 30 QUOTE for STAKE -> reserved 30
        reserve alice 20 QUOTE         -> reserved 20
        reserve alice 5 QUOTE          -> reserved 5
        release alice 26 QUOTE         -> refused NOT_RESERVED
        balance alice QUOTE            -> free 45, held 0
        """,
    )
    quote = 1
    assert story.kernel.reserved(0) == {(quote, Cause.WITHDRAWAL): 25, (quote, Cause.STAKE): 30}
    assert story.kernel.reserved(1) == {}


def test_an_approval_needs_what_it_approves(kernel):
    play(
        kernel,
        """
        account alice                  -> opened
        set KYC_LEVEL 1 for alice      -> set
        credit alice 100 QUOTE         -> credited 100
        approve alice 1 QUOTE          -> refused NOT_RESERVED
        reserve alice 30 QUOTE for STAKE -> reserved 30
        approve alice 30 QUOTE         -> refused NOT_RESERVED
        reserve alice 10 QUOTE         -> reserved 10
        approve alice 11 QUOTE         -> refused NOT_RESERVED
        approve alice 0 QUOTE          -> refused AMOUNT_OUT_OF_RANGE
        approve alice 10 QUOTE         -> approved 10
        balance alice QUOTE            -> free 60, held 0
        set ACCOUNT_STATE FROZEN for alice -> set
        approve alice 10 QUOTE         -> refused ACCOUNT_FROZEN
        reserve alice 1 QUOTE          -> refused ACCOUNT_FROZEN
        reserve alice 1 QUOTE for STAKE -> reserved 1
        release alice 10 QUOTE         -> released 10
        """,
    )


def test_an_unverified_account_has_limits(kernel):
    play(
        kernel,
        """
        buy alice 1 @ 10               -> rests 1
        set UNVERIFIED_OPEN_ORDERS_MAX 2 -> set
        buy alice 1 @ 10               -> rests 1
        buy alice 1 @ 10               -> refused TOO_MANY_OPEN_ORDERS
        set KYC_LEVEL 1 for alice      -> set
        buy alice 1 @ 10               -> rests 1
        set KYC_LEVEL 0 for alice      -> set
        set UNVERIFIED_MAY_TRADE 0     -> set
        buy alice 1 @ 10               -> refused NOT_VERIFIED
        set ACCOUNT_STATE FROZEN for alice -> set
        buy alice 1 @ 10               -> refused ACCOUNT_FROZEN
        cancel alice all               -> canceled alice 1, canceled alice 1, canceled alice 1
        reserve alice 1 QUOTE for STAKE -> reserved 1
        set UNVERIFIED_MAY_WITHDRAW 1  -> set
        set ACCOUNT_STATE ACTIVE for alice -> set
        reserve alice 1 QUOTE          -> reserved 1
        set KYC_LEVEL 4 for alice      -> refused PARAMETER_OUT_OF_BOUNDS
        set KYC_LEVEL -1 for alice     -> refused PARAMETER_OUT_OF_BOUNDS
        """,
    )


def test_a_referrer_gets_a_share_of_the_fees(kernel):
    play(
        kernel,
        """
        set MAKER_FEE_PPM 0            -> set
        set TAKER_FEE_PPM 10_000       -> set
        account ruth                   -> opened
        sell alice 1000 @ 10           -> rests 1000
        set REFERRER 1 for bob         -> set
        set REFERRAL_SHARE_PPM 200_000 for bob -> set
        buy bob 1000 @ 10              -> trade 1000 @ 10 fee=10
        balance bob BASE               -> free 1000990, held 0
        refer bob QUOTE                -> refused NOTHING_OWED
        refer alice BASE               -> refused NOTHING_OWED
        refer #9 BASE                  -> refused UNKNOWN_ACCOUNT
        refer bob #9                   -> refused UNKNOWN_ASSET
        balance ruth BASE              -> free 0, held 0
        refer bob BASE                 -> referred 2
        balance ruth BASE              -> free 2, held 0
        refer bob BASE                 -> refused NOTHING_OWED
        """,
    )


def test_nobody_refers_themselves_or_each_other(kernel):
    play(
        kernel,
        """
        account alice                  -> opened
        account bob                    -> opened
        set REFERRER 1 for alice       -> refused PARAMETER_OUT_OF_BOUNDS
        set REFERRER 3 for alice       -> refused PARAMETER_OUT_OF_BOUNDS
        set REFERRER 2 for alice       -> set
        set REFERRER 1 for bob         -> refused PARAMETER_OUT_OF_BOUNDS
        set REFERRER 0 for alice       -> set
        set REFERRER 1 for bob         -> set
        set REFERRAL_SHARE_PPM 500_001 for bob -> refused PARAMETER_OUT_OF_BOUNDS
        """,
    )


def test_what_is_owed_waits_for_a_referrer(kernel):
    play(
        kernel,
        """
        set TAKER_FEE_PPM 100_000      -> set
        account ruth                   -> opened
        sell alice 100 @ 10            -> rests 100
        set REFERRER 1 for bob         -> set
        set REFERRAL_SHARE_PPM 500_000 for bob -> set
        buy bob 100 @ 10               -> trade 100 @ 10 fee=10
        set REFERRER 0 for bob         -> set
        refer bob BASE                 -> refused NOTHING_OWED
        set REFERRER 1 for bob         -> set
        refer bob BASE                 -> referred 5
        """,
    )
