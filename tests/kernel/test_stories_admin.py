"""Money, accounts, listings, parameters and their bounds; on every kernel."""

from excraft.testing.stories import play


def test_credit_and_debit(kernel):
    play(
        kernel,
        """
        account alice                  -> opened
        credit alice 100 QUOTE         -> credited 100
        credit alice 0 QUOTE           -> refused AMOUNT_OUT_OF_RANGE
        credit alice -1 QUOTE          -> refused AMOUNT_OUT_OF_RANGE
        credit alice 2^62 QUOTE        -> refused AMOUNT_OUT_OF_RANGE
        credit #9 1 QUOTE              -> refused UNKNOWN_ACCOUNT
        credit #-1 1 #9                -> refused UNKNOWN_ACCOUNT
        credit alice 1 #9              -> refused UNKNOWN_ASSET
        credit alice 0 #-1             -> refused UNKNOWN_ASSET
        debit alice 0 QUOTE            -> refused AMOUNT_OUT_OF_RANGE
        debit alice 101 QUOTE          -> refused INSUFFICIENT_FUNDS
        debit alice 1 BASE             -> refused INSUFFICIENT_FUNDS
        debit alice 1 #9               -> refused UNKNOWN_ASSET
        debit #9 1 QUOTE               -> refused UNKNOWN_ACCOUNT
        debit alice 60 QUOTE           -> debited 60
        balance alice QUOTE            -> free 40, held 0
        buy alice 30 @ 1               -> rests 30
        debit alice 11 QUOTE           -> refused INSUFFICIENT_FUNDS
        debit alice 10 QUOTE           -> debited 10
        balance alice QUOTE            -> free 0, held 30
        """,
    )


def test_the_supply_of_an_asset_has_an_end(kernel):
    play(
        kernel,
        """
        asset BTC 8                    -> listed
        account alice                  -> opened
        account bob                    -> opened
        credit alice 2^62 BTC          -> credited 4611686018427387904
        credit bob 1 BTC               -> refused AMOUNT_OUT_OF_RANGE
        debit alice 5 BTC              -> debited 5
        credit bob 6 BTC               -> refused AMOUNT_OUT_OF_RANGE
        credit bob 5 BTC               -> credited 5
        """,
    )


def test_listing(kernel):
    play(
        kernel,
        """
        asset A 0                      -> listed
        asset B 18                     -> listed
        asset C 19                     -> refused MALFORMED_MARKET
        asset C -1                     -> refused MALFORMED_MARKET
        market A/B lot 1 unit 1        -> listed
        market A/A lot 1 unit 1        -> refused MALFORMED_MARKET
        market A/#2 lot 0 unit 0       -> refused UNKNOWN_ASSET
        market #-1/A lot 1 unit 1      -> refused UNKNOWN_ASSET
        market B/A lot 0 unit 1        -> refused MALFORMED_MARKET
        market B/A lot 1 unit -1       -> refused MALFORMED_MARKET
        market B/A lot 1_000_000_000_000_000_001 unit 1 -> refused MALFORMED_MARKET
        market B/A lot 1_000_000_000_000_000_000 unit 1_000_000_000_000_000_000 -> listed
        account alice                  -> opened
        buy alice 5 @ 1 in B/A         -> refused QUANTITY_OUT_OF_RANGE
        buy alice 1 @ 5 in B/A         -> refused PRICE_OUT_OF_RANGE
        buy alice 4 @ 4 in B/A         -> refused NOTIONAL_TOO_LARGE
        buy alice 1 @ 4 in B/A         -> refused INSUFFICIENT_FUNDS
        """,
    )


def test_tables_are_full(kernel):
    play(
        kernel,
        """
        set MAX_ACCOUNTS 2             -> set
        account alice                  -> opened
        account bob                    -> opened
        account carol                  -> refused TABLE_FULL
        set MAX_ASSETS 2               -> set
        raw kind=23 amount=99          -> refused TABLE_FULL
        set MAX_MARKETS 1              -> set
        market BASE/#9 lot 1 unit 1    -> refused TABLE_FULL
        set MAX_ACCOUNTS 1             -> set
        account carol                  -> refused TABLE_FULL
        set MAX_ACCOUNTS 3             -> set
        account carol                  -> opened
        """,
    )


def test_parameters_and_their_subjects(kernel):
    play(
        kernel,
        """
        raw kind=25 number=0           -> refused UNKNOWN_PARAMETER
        raw kind=25 number=19          -> refused UNKNOWN_PARAMETER
        raw kind=25 number=64          -> refused UNKNOWN_PARAMETER
        raw kind=25 number=65535       -> refused UNKNOWN_PARAMETER
        raw kind=25 number=1 account=0 market=0 amount=5 -> refused UNKNOWN_PARAMETER
        raw kind=25 number=1 amount=0  -> refused PARAMETER_OUT_OF_BOUNDS
        raw kind=25 number=1 amount=5 order_id=1 -> refused PARAMETER_OUT_OF_BOUNDS
        raw kind=25 number=1 amount=5  -> set
        set MARKET_STATE TRADING for #7 -> refused UNKNOWN_MARKET
        set MAKER_FEE_PPM 1 for #-1    -> refused UNKNOWN_MARKET
        set ACCOUNT_POOL 1 for #7      -> refused UNKNOWN_ACCOUNT
        set ACCOUNT_POOL 1 for #-1     -> refused UNKNOWN_ACCOUNT
        set MAKER_FEE_PPM 1 tier 16    -> refused PARAMETER_OUT_OF_BOUNDS
        set MAKER_FEE_PPM 1 tier -1    -> refused PARAMETER_OUT_OF_BOUNDS
        set MIN_LOTS 1 tier 1          -> refused PARAMETER_OUT_OF_BOUNDS
        set MAKER_FEE_PPM 1 tier 15    -> set
        set ACCOUNT_POOL 2147483647 for alice -> set
        set ACCOUNT_POOL 2147483648 for alice -> refused PARAMETER_OUT_OF_BOUNDS
        set FEE_TIER 16 for alice      -> refused PARAMETER_OUT_OF_BOUNDS
        set ACCOUNT_STATE 0 for alice  -> refused PARAMETER_OUT_OF_BOUNDS
        set ACCOUNT_STATE 3 for alice  -> refused PARAMETER_OUT_OF_BOUNDS
        set TRADE_GROUP -1 for alice   -> refused PARAMETER_OUT_OF_BOUNDS
        """,
    )


def test_bounds_of_market_parameters(kernel):
    play(
        kernel,
        """
        set MARKET_STATE 0             -> refused PARAMETER_OUT_OF_BOUNDS
        set MARKET_STATE 6             -> refused PARAMETER_OUT_OF_BOUNDS
        set MIN_PRICE_TICKS 0          -> refused PARAMETER_OUT_OF_BOUNDS
        set MAX_PRICE_TICKS 1_000_000_000_001 -> refused PARAMETER_OUT_OF_BOUNDS
        set MARKET_BAND_PPM 10_000_001 -> refused PARAMETER_OUT_OF_BOUNDS
        set MIN_NOTIONAL_ATOMS 2^62+1  -> refused PARAMETER_OUT_OF_BOUNDS
        set MIN_NOTIONAL_ATOMS 2^62    -> set
        set TAKER_FEE_PPM 100_001      -> refused PARAMETER_OUT_OF_BOUNDS
        set MAX_PRICE_TICKS 1_000_000_000_000 -> set
        """,
    )


def test_no_bound_may_let_a_product_pass_two_to_the_62(kernel):
    play(
        kernel,
        """
        asset A 0                      -> listed
        asset B 0                      -> listed
        market A/B lot 1_000_000 unit 1_000_000_000_000 -> listed
        set MAX_PRICE_TICKS 4611687    -> refused PARAMETER_OUT_OF_BOUNDS
        set MAX_PRICE_TICKS 4611686    -> set
        set MAX_LOTS 4611686018428     -> refused PARAMETER_OUT_OF_BOUNDS
        set MAX_LOTS 4611686018427     -> set
        set MAX_MARKET_LOTS 4611686018428 -> refused PARAMETER_OUT_OF_BOUNDS
        set MAX_MARKET_LOTS 4611686018427 -> set
        set MIN_LOTS 1_000_000_000_000_000 -> set
        """,
    )


def test_amending_keeps_the_place_in_the_queue(kernel):
    play(
        kernel,
        """
        a: buy alice 5 @ 100 id=a      -> rests 5
        b: buy bob 5 @ 100             -> rests 5
        amend alice a to 5             -> refused AMEND_NOT_SMALLER
        amend alice a to 6             -> refused AMEND_NOT_SMALLER
        amend alice a to 0             -> refused QUANTITY_OUT_OF_RANGE
        amend alice a to -1            -> refused QUANTITY_OUT_OF_RANGE
        amend alice a to 4             -> amended -1 left=4 released=100
        sell carol 1 @ 100             -> trade 1 @ 100 with=alice
        amend alice a to 1             -> refused AMEND_BELOW_FILLED
        amend alice id=a to 2          -> amended -2 left=1 released=200
        amend alice a to 2             -> refused AMEND_NOT_SMALLER
        balance alice QUOTE            -> free 999800, held 100
        sell carol 6 @ 100             -> trade 1 @ 100 with=alice, trade 5 @ 100 with=bob
        s: sell alice 5 @ 100          -> rests 5
        amend alice s to 3             -> amended -2 released=2
        book                           -> bids none, asks 3 @ 100
        """,
    )


def test_cancels_and_their_restrictions(kernel):
    play(
        kernel,
        """
        a: buy alice 5 @ 100 id=a      -> rests 5
        cancel alice a if partially_filled -> refused RESTRICTION_NOT_MET
        sell bob 2 @ 100               -> trade 2 @ 100
        cancel alice a if new          -> refused RESTRICTION_NOT_MET
        cancel alice id=a if partially_filled ->
            canceled a 3 released=300 reason=CANCELED_BY_MEMBER
        b: buy alice 5 @ 100           -> rests 5
        cancel alice b if new          -> canceled b 5
        """,
    )


def test_cancel_all_goes_from_best_to_worst(kernel):
    play(
        kernel,
        """
        a1: sell alice 1 @ 120         -> rests 1
        a2: sell alice 1 @ 110         -> rests 1
        b1: buy alice 1 @ 90           -> rests 1
        b2: buy alice 1 @ 100          -> rests 1
        b3: buy alice 1 @ 90           -> rests 1
        other: buy bob 1 @ 95          -> rests 1
        r1: buy alice 1 @ 1 stop 130   -> waits
        r2: buy alice 1 @ 1 stop 125   -> waits
        f1: sell alice 1 stop 50       -> waits
        f2: sell alice 1 stop 60       -> waits
        cancel alice all               -> canceled b2 1 released=100, canceled b1 1, canceled b3 1,
            canceled a2 1 released=1, canceled a1 1, canceled f2 1, canceled f1 1,
            canceled r2 1, canceled r1 1 reason=CANCELED_BY_MEMBER
        balance alice QUOTE            -> free 1000000, held 0
        balance alice BASE             -> free 1000000, held 0
        book                           -> bids 1 @ 95, asks none
        """,
    )


def test_the_operator_cancels_everybodys_orders(kernel):
    play(
        kernel,
        """
        cancel operator all            -> refused UNKNOWN_ORDER
        a: buy alice 1 @ 90            -> rests 1
        b: buy bob 1 @ 91              -> rests 1
        s: sell bob 1 stop 50          -> waits
        halt                           -> set
        cancel operator all            -> canceled b 1 reason=CANCELED_BY_OPERATOR,
            canceled a 1, canceled s 1 released=1 reason=CANCELED_BY_OPERATOR
        """,
    )


def test_a_cancel_is_for_one_market(kernel):
    play(
        kernel,
        """
        asset A 0                      -> listed
        asset B 0                      -> listed
        market A/B lot 1 unit 1        -> listed
        market B/A lot 1 unit 1        -> listed
        a: buy alice 1 @ 1 id=a        -> rests 1
        b: buy alice 1 @ 1 id=b in B/A -> rests 1
        cancel alice a in B/A          -> refused UNKNOWN_ORDER
        cancel alice id=a in B/A       -> refused UNKNOWN_ORDER
        amend alice a to 1 in B/A      -> refused UNKNOWN_ORDER
        buy alice 1 @ 1 id=a in B/A    -> refused DUPLICATE_CLIENT_ID
        cancel alice all in B/A        -> canceled b 1
        cancel alice all               -> canceled a 1
        """,
    )
