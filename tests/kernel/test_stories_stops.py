"""Stop orders: waiting, triggering, cascades; on every kernel."""

from excraft.testing.stories import play

TRADED_AT_100 = """
    sell maker 1 @ 100                 -> rests 1
    buy taker 1 @ 100                  -> trade 1 @ 100
"""


def test_a_stop_waits_and_holds_from_its_placement(kernel):
    play(
        kernel,
        """
        s: sell alice 5 stop 90        -> waits hold=5
        t: sell alice 5 @ 85 stop 90   -> waits hold=5
        u: buy alice 5 @ 120 stop 110  -> waits hold=600
        v: buy alice 5 stop 110        -> waits hold=605
        balance alice BASE             -> free 999990, held 10
        balance alice QUOTE            -> free 998795, held 1205
        book                           -> bids none, asks none
        cancel alice s                 -> canceled s 5 released=5
        cancel alice u                 -> canceled u 5 released=600
        cancel alice all               -> canceled t 5, canceled v 5 released=605
        """,
    )


def test_stop_loss_sells_when_the_price_falls_to_it(kernel):
    play(
        kernel,
        TRADED_AT_100
        + """
        s: sell alice 5 stop 90        -> waits
        buy bob 3 @ 85                 -> rests 3
        buy bob 1 @ 90                 -> rests 1
        buy bob 1 @ 91                 -> rests 1
        sell carol 1 @ 91              -> trade 1 @ 91
        sell carol 1 @ 90              -> trade 1 @ 90, triggered s quantity=5, trade 3 @ 85,
            expired 2 NO_LIQUIDITY released=2
        """,
    )


def test_stop_loss_buys_when_the_price_rises_to_it(kernel):
    play(
        kernel,
        TRADED_AT_100
        + """
        s: buy alice 5 stop 110        -> waits hold=605
        sell bob 3 @ 110               -> rests 3
        sell bob 3 @ 121               -> rests 3
        sell bob 3 @ 122               -> rests 3
        buy carol 1 @ 110              -> trade 1 @ 110, triggered s, trade 2 @ 110 left=3,
            trade 3 @ 121 released=22
        balance alice QUOTE            -> free 999417, held 0
        """,
    )


def test_take_profit_sells_rising_and_buys_falling(kernel):
    play(
        kernel,
        TRADED_AT_100
        + """
        s: sell alice 2 take 110       -> waits
        b: buy alice 2 take 90         -> waits hold=198
        buy bob 5 @ 109                -> rests 5
        sell bob 1 @ 110               -> rests 1
        buy carol 1 @ 110              -> trade 1 @ 110, triggered s, trade 2 @ 109 with=bob
        cancel bob all                 -> canceled bob 3
        buy bob 1 @ 90                 -> rests 1
        sell bob 2 @ 95                -> rests 2
        sell carol 1 @ 90              -> trade 1 @ 90, triggered b, trade 2 @ 95 left=0 released=8
        """,
    )


def test_stop_limits_rest_at_their_price(kernel):
    play(
        kernel,
        TRADED_AT_100
        + """
        s: sell alice 5 @ 95 stop 90   -> waits hold=5
        t: buy alice 2 @ 89 take 90    -> waits hold=178
        buy bob 1 @ 90                 -> rests 1
        sell carol 1 @ 90              -> trade 1 @ 90, triggered s quantity=5, rests 5,
            triggered t, rests 2
        book                           -> bids 2 @ 89, asks 5 @ 95
        cancel alice s                 -> canceled s 5 released=5
        """,
    )


def test_stop_limits_keep_their_time_in_force(kernel):
    play(
        kernel,
        TRADED_AT_100
        + """
        i: sell alice 5 @ 80 ioc stop 90 -> waits
        f: sell alice 5 @ 80 fok stop 90 -> waits
        buy bob 1 @ 90                 -> rests 1
        buy bob 2 @ 80                 -> rests 2
        sell carol 1 @ 90              -> trade 1 @ 90, triggered i, trade 2 @ 80,
            expired 3 IOC_UNFILLED released=3, triggered f, expired 5 FOK_UNFILLED released=5
        """,
    )


def test_a_stop_that_would_trigger_at_once_is_refused(kernel):
    play(
        kernel,
        """
        sell alice 1 stop 90           -> waits
        """
        + TRADED_AT_100
        + """
        sell bob 1 stop 100            -> refused WOULD_TRIGGER
        sell bob 1 @ 99 stop 101       -> refused WOULD_TRIGGER
        buy bob 1 stop 100             -> refused WOULD_TRIGGER
        sell bob 1 take 100            -> refused WOULD_TRIGGER
        buy bob 1 @ 100 take 100       -> refused WOULD_TRIGGER
        buy bob 1 take 101             -> refused WOULD_TRIGGER
        balance bob BASE               -> free 1000000, held 0
        balance bob QUOTE              -> free 1000000, held 0
        sell bob 1 stop 99             -> waits
        buy bob 1 stop 101             -> waits
        sell bob 1 take 101            -> waits
        buy bob 1 take 99              -> waits
        """,
    )


def test_a_cascade_goes_on_until_nothing_triggers(kernel):
    play(
        kernel,
        TRADED_AT_100
        + """
        a: sell alice 1 stop 90        -> waits
        b: sell bob 1 stop 85          -> waits
        c: buy carol 1 stop 101        -> waits
        d: buy carol 3 @ 80 take 80    -> waits
        buy dave 1 @ 90                -> rests 1
        buy dave 1 @ 84                -> rests 1
        buy dave 1 @ 80                -> rests 1
        sell erin 1 @ 90               -> trade 1 @ 90, triggered a, trade 1 @ 84, triggered b,
            trade 1 @ 80 with=dave, triggered d, rests 3
        book                           -> bids 3 @ 80, asks none
        """,
    )


def test_the_nearest_stop_goes_first_and_rising_ones_before_falling(kernel):
    play(
        kernel,
        TRADED_AT_100
        + """
        a: sell alice 1 @ 300 stop 80  -> waits
        b: sell alice 1 @ 300 stop 90  -> waits
        c: sell alice 1 @ 300 stop 90  -> waits
        buy dave 1 @ 70                -> rests 1
        sell erin 1 @ 70               -> trade 1 @ 70, triggered b, rests 1, triggered c,
            rests 1, triggered a, rests 1
        d: buy alice 1 @ 1 stop 120    -> waits
        e: buy alice 1 @ 1 stop 110    -> waits
        f: sell alice 1 @ 300 take 110 -> waits
        sell erin 1 @ 150              -> rests 1
        buy dave 1 @ 150               -> trade 1 @ 150, triggered e, rests 1, triggered f,
            rests 1, triggered d, rests 1
        """,
    )


def test_one_trade_can_leave_rising_and_falling_stops_behind_it(kernel):
    play(
        kernel,
        TRADED_AT_100
        + """
        up: buy alice 1 stop 120       -> waits
        down: sell bob 1 stop 90       -> waits
        sell dave 1 @ 120              -> rests 1
        sell dave 1 @ 130              -> rests 1
        buy dave 1 @ 50                -> rests 1
        sell erin 1 @ 50               -> trade 1 @ 50, triggered down, expired 1 NO_LIQUIDITY
        buy erin 1 @ 120               -> trade 1 @ 120, triggered up, trade 1 @ 130 with=dave
        """,
    )


def test_a_triggered_order_can_trade_with_the_one_that_triggered_it(kernel):
    play(
        kernel,
        TRADED_AT_100
        + """
        s: sell alice 2 stop 95        -> waits
        sell dave 1 @ 95               -> rests 1
        buy bob 5 @ 95                 -> trade 1 @ 95 with=dave, rests 4, triggered s,
            trade 2 @ 95 with=bob maker_left=2
        book                           -> bids 2 @ 95, asks none
        """,
    )


def test_a_market_stop_buy_may_hold_less_than_its_band_allows(kernel):
    play(
        kernel,
        TRADED_AT_100
        + """
        account poor                   -> opened
        buy poor 5 stop 110            -> refused INSUFFICIENT_FUNDS
        credit poor 300 QUOTE          -> credited 300
        s: buy poor 5 stop 110         -> waits hold=300
        sell dave 5 @ 110              -> rests 5
        buy erin 1 @ 110               -> trade 1 @ 110, triggered s,
            trade 2 @ 110 left=3 released=0, expired 3 BUDGET_SPENT released=80
        balance poor QUOTE             -> free 80, held 0
        """,
    )


def test_the_band_of_a_stop_is_fixed_when_it_is_placed(kernel):
    play(
        kernel,
        TRADED_AT_100
        + """
        s: buy alice 1 stop 110        -> waits hold=121
        set MARKET_BAND_PPM 0          -> set
        sell dave 1 @ 110              -> rests 1
        sell dave 1 @ 121              -> rests 1
        buy erin 1 @ 110               -> trade 1 @ 110, triggered s, trade 1 @ 121
        """,
    )


def test_amending_a_waiting_stop_limit(kernel):
    play(
        kernel,
        TRADED_AT_100
        + """
        s: buy alice 5 @ 120 stop 110  -> waits hold=600
        amend alice s to 2             -> amended -3 left=2 released=360
        t: buy alice 5 stop 110        -> waits
        amend alice t to 2             -> refused NOT_AMENDABLE
        sell alice 5 take 200          -> waits
        sell dave 5 @ 110              -> rests 5
        buy erin 1 @ 110               -> trade 1 @ 110, triggered s quantity=2,
            trade 2 @ 110 released=20, triggered t, trade 2 @ 110, expired 3 NO_LIQUIDITY
        """,
    )
