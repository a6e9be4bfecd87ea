"""Self-trade prevention by account and by trade group, on every kernel."""

from excraft.testing.stories import play

OWN_THEN_OTHER = """
    own: sell alice 3 @ 100            -> rests 3
    sell bob 5 @ 101                   -> rests 5
"""


def test_none_trades_with_itself(kernel):
    play(
        kernel,
        OWN_THEN_OTHER
        + """
        buy alice 4 @ 101              -> trade 3 @ 100 with=alice, trade 1 @ 101
        """,
    )


def test_expire_taker(kernel):
    play(
        kernel,
        """
        sell bob 2 @ 99                -> rests 2
        """
        + OWN_THEN_OTHER
        + """
        buy alice 4 @ 101 stp expire_taker -> trade 2 @ 99 with=bob,
            expired 2 SELF_TRADE released=202
        buy alice 4 market stp expire_taker -> expired 4 SELF_TRADE
        buy alice amount 500 market stp expire_taker -> expired 0 SELF_TRADE released=500
        book                           -> bids none, asks 3 @ 100, 5 @ 101
        """,
    )


def test_expire_maker(kernel):
    play(
        kernel,
        OWN_THEN_OTHER
        + """
        buy alice 7 @ 101 stp expire_maker -> expired own 3 SELF_TRADE released=3, trade 5 @ 101,
            rests 2
        book                           -> bids 2 @ 101, asks none
        """,
    )


def test_expire_both(kernel):
    play(
        kernel,
        OWN_THEN_OTHER
        + """
        buy alice 7 @ 101 stp expire_both -> expired own 3 SELF_TRADE released=3,
            expired 7 SELF_TRADE released=707
        book                           -> bids none, asks 5 @ 101
        balance alice BASE             -> free 1000000, held 0
        balance alice QUOTE            -> free 1000000, held 0
        """,
    )


def test_decrement(kernel):
    play(
        kernel,
        OWN_THEN_OTHER
        + """
        buy alice 2 @ 101 stp decrement ->
            prevented 2 @ 100 released=202 maker_released=2 left=0 maker_left=1
        buy alice 7 @ 101 stp decrement -> prevented 1 @ 100 released=101 left=6 maker_left=0,
            trade 5 @ 101, rests 1
        balance alice BASE             -> free 1000005, held 0
        balance alice QUOTE            -> free 999394, held 101
        """,
    )


def test_decrement_of_a_buying_maker_releases_its_price(kernel):
    play(
        kernel,
        """
        own: buy alice 3 @ 100         -> rests 3
        sell alice 2 @ 90 stp decrement -> prevented 2 @ 100 released=2 maker_released=200
        cancel alice own if partially_filled -> refused RESTRICTION_NOT_MET
        cancel alice own if new        -> canceled own 1 released=100
        """,
    )


def test_decrement_within_a_budget(kernel):
    play(
        kernel,
        """
        own: sell alice 3 @ 100        -> rests 3
        sell bob 5 @ 101               -> rests 5
        buy alice amount 250 market stp decrement ->
            prevented 2 @ 100 left=0 released=0 maker_left=1 maker_released=2,
            expired 0 BUDGET_SPENT released=250
        buy alice amount 250 market stp decrement -> prevented 1 @ 100, trade 1 @ 101,
            expired 0 BUDGET_SPENT released=149
        buy bob 5 @ 90                 -> rests 5
        buy alice 5 @ 91               -> rests 5
        sell alice amount 300 market stp decrement ->
            prevented 3 @ 91 left=0 released=0 maker_released=273,
            expired 0 BUDGET_SPENT released=3
        sell alice 3 market stp decrement -> prevented 2 @ 91 released=2, trade 1 @ 90
        """,
    )


def test_fill_or_kill_does_not_count_own_orders(kernel):
    play(
        kernel,
        OWN_THEN_OTHER
        + """
        buy alice 6 @ 101 fok stp expire_maker -> expired 6 FOK_UNFILLED released=606
        buy alice 5 @ 101 fok stp expire_taker -> expired 5 FOK_UNFILLED
        buy alice 5 @ 101 fok stp expire_both -> expired 5 FOK_UNFILLED
        buy alice 5 @ 101 fok stp decrement -> expired 5 FOK_UNFILLED
        buy alice 5 @ 101 fok stp expire_maker -> expired own 3 SELF_TRADE, trade 5 @ 101
        """,
    )


def test_fill_or_kill_is_filled_before_it_meets_its_own(kernel):
    play(
        kernel,
        """
        sell bob 5 @ 99                -> rests 5
        """
        + OWN_THEN_OTHER
        + """
        buy alice 5 @ 101 fok stp expire_taker -> trade 5 @ 99
        buy alice 8 @ 101 fok          -> trade 3 @ 100 with=alice, trade 5 @ 101
        """,
    )


def test_accounts_of_one_trade_group_do_not_trade(kernel):
    play(
        kernel,
        """
        set TRADE_GROUP 7 for alice    -> set
        set TRADE_GROUP 7 for bob      -> set
        own: sell alice 3 @ 100        -> rests 3
        buy bob 3 @ 100 stp expire_taker -> expired 3 SELF_TRADE
        buy bob 2 @ 100 stp decrement  -> prevented 2 @ 100 with=alice
        buy bob 1 @ 100                -> trade 1 @ 100 with=alice
        sell carol 1 @ 100             -> rests 1
        sell dave 1 @ 100              -> rests 1
        buy erin 2 @ 100 stp expire_both -> trade 1 @ 100 with=carol, trade 1 @ 100 with=dave
        """,
    )


def test_the_group_is_that_of_the_placement(kernel):
    play(
        kernel,
        """
        set TRADE_GROUP 7 for alice    -> set
        old: sell alice 3 @ 100        -> rests 3
        set TRADE_GROUP 0 for alice    -> set
        set TRADE_GROUP 7 for bob      -> set
        buy bob 3 @ 100 stp expire_maker -> expired old 3 SELF_TRADE released=3, rests 3
        sell alice 3 @ 100 stp expire_maker -> trade 3 @ 100 with=bob
        """,
    )


def test_a_triggered_stop_obeys_its_own_mode(kernel):
    play(
        kernel,
        """
        s: sell alice 5 @ 80 stop 90 stp expire_both -> waits
        own: buy alice 2 @ 85          -> rests 2
        buy bob 1 @ 90                 -> rests 1
        sell carol 1 @ 90              -> trade 1 @ 90, triggered s,
            expired own 2 SELF_TRADE released=170, expired 5 SELF_TRADE released=5
        """,
    )


def test_limit_maker_counts_its_own_orders(kernel):
    play(
        kernel,
        OWN_THEN_OTHER
        + """
        buy alice 1 @ 100 maker stp expire_maker -> refused WOULD_TAKE
        """,
    )
