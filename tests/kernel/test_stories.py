"""Orders that trade: types, times in force, market orders, fees; on every kernel."""

from excraft.testing.stories import play


def test_prices_before_time_before_size(kernel):
    story = play(
        kernel,
        """
        a: sell alice 5 @ 101          -> rests 5 hold=5
        b: sell bob 5 @ 100            -> rests 5
        c: sell carol 5 @ 100          -> rests 5
        buy dave 12 @ 101              -> trade 5 @ 100 with=bob trade_id=1 left=7 released=5,
            trade 5 @ 100 with=carol trade_id=2 released=5,
            trade 2 @ 101 with=alice left=0 maker_left=3 released=0
        book                           -> bids none, asks 3 @ 101
        balance dave BASE              -> free 1_000_012, held 0
        balance dave QUOTE             -> free 998798, held 0
        balance alice QUOTE            -> free 1000202, held 0
        balance alice BASE             -> free 999995, held 3
        """,
    )
    assert story.kernel.balances(3) == {0: (1_000_012, 0), 1: (998_798, 0)}


def test_a_limit_order_trades_what_it_can_and_rests(kernel):
    play(
        kernel,
        """
        sell alice 5 @ 101             -> rests 5
        buy bob 7 @ 103                -> trade 5 @ 101 released=10 left=2, rests 2 hold=721
        balance bob QUOTE              -> free 999289, held 206
        book                           -> bids 2 @ 103, asks none
        sell alice 1 @ 90              -> trade 1 @ 103 released=0
        sell alice 3 @ 103             -> trade 1 @ 103, rests 2
        buy bob 1 @ 102                -> rests 1
        book                           -> bids 1 @ 102, asks 2 @ 103
        """,
    )


def test_the_price_of_a_trade_is_the_makers(kernel):
    play(
        kernel,
        """
        buy bob 5 @ 110                -> rests 5 hold=550
        sell alice 5 @ 90              -> trade 5 @ 110 maker_released=0
        balance alice QUOTE            -> free 1000550, held 0
        balance bob QUOTE              -> free 999450, held 0
        """,
    )


def test_immediate_or_cancel(kernel):
    play(
        kernel,
        """
        buy bob 5 @ 100 ioc            -> expired 5 IOC_UNFILLED released=500
        sell alice 3 @ 100             -> rests 3
        buy bob 5 @ 101 ioc            -> trade 3 @ 100 released=3,
            expired 2 IOC_UNFILLED released=202
        sell alice 3 @ 100             -> rests 3
        buy bob 3 @ 100 ioc            -> trade 3 @ 100
        sell alice 1 @ 1 ioc           -> expired 1 IOC_UNFILLED released=1
        book                           -> bids none, asks none
        """,
    )


def test_fill_or_kill(kernel):
    play(
        kernel,
        """
        sell alice 3 @ 100             -> rests 3
        sell carol 3 @ 102             -> rests 3
        buy bob 7 @ 102 fok            -> expired 7 FOK_UNFILLED released=714
        buy bob 4 @ 101 fok            -> expired 4 FOK_UNFILLED
        buy bob 6 @ 102 fok            -> trade 3 @ 100 released=6, trade 3 @ 102
        buy bob 1 @ 102 fok            -> expired 1 FOK_UNFILLED
        """,
    )


def test_limit_maker_only_rests(kernel):
    play(
        kernel,
        """
        sell alice 3 @ 100 maker       -> rests 3
        buy bob 3 @ 100 maker          -> refused WOULD_TAKE
        balance bob QUOTE              -> free 1000000, held 0
        buy bob 3 @ 99 maker           -> rests 3
        buy alice 1 @ 100 maker        -> refused WOULD_TAKE
        sell carol 3 @ 99 maker        -> refused WOULD_TAKE
        """,
    )


def test_market_by_quantity_buys(kernel):
    play(
        kernel,
        """
        buy bob 5 market               -> expired 5 NO_LIQUIDITY released=0
        sell alice 3 @ 100             -> rests 3
        sell alice 3 @ 110             -> rests 3
        sell alice 3 @ 111             -> rests 3
        buy bob 4 market               -> trade 3 @ 100 released=0 left=1,
            trade 1 @ 110 released=30
        buy bob 4 market               -> trade 2 @ 110, trade 2 @ 111
        sell alice 3 @ 200             -> rests 3
        buy bob 4 market               -> trade 1 @ 111, expired 3 NO_LIQUIDITY released=377
        balance bob QUOTE              -> free 999037, held 0
        """,
    )


def test_market_by_quantity_spends_no_more_than_there_is(kernel):
    play(
        kernel,
        """
        sell alice 30 @ 100            -> rests 30
        account poor                   -> opened
        buy poor 5 market              -> refused INSUFFICIENT_FUNDS
        credit poor 250 QUOTE          -> credited 250
        buy poor 5 market              -> trade 2 @ 100 left=3 released=0,
            expired 3 BUDGET_SPENT released=50
        balance poor QUOTE             -> free 50, held 0
        sell poor 3 market             -> refused INSUFFICIENT_FUNDS
        """,
    )


def test_market_by_quantity_sells(kernel):
    play(
        kernel,
        """
        sell bob 5 market              -> expired 5 NO_LIQUIDITY released=5
        buy alice 3 @ 100              -> rests 3
        buy alice 3 @ 90               -> rests 3
        buy alice 3 @ 89               -> rests 3
        sell bob 7 market              -> trade 3 @ 100, trade 3 @ 90 left=1,
            expired 1 NO_LIQUIDITY released=1
        sell bob 1 market              -> trade 1 @ 89
        """,
    )


def test_market_with_an_empty_side_takes_the_last_price_as_reference(kernel):
    play(
        kernel,
        """
        sell alice 1 @ 100             -> rests 1
        buy bob 1 @ 100                -> trade 1 @ 100
        buy bob 5 market               -> expired 5 NO_LIQUIDITY released=550
        sell bob 5 market              -> expired 5 NO_LIQUIDITY released=5
        """,
    )


def test_the_reference_is_that_of_the_records_start(kernel):
    play(
        kernel,
        """
        sell alice 5 @ 100             -> rests 5
        + buy bob 5 market             -> expired 5 NO_LIQUIDITY released=0
        + sell alice 5 @ 50            -> rests 5
        buy bob 3 market               -> trade 3 @ 50
        + sell carol 1 @ 30            -> rests 1
        + buy bob 4 market             -> trade 1 @ 30, trade 2 @ 50, expired 1 NO_LIQUIDITY
        """,
    )


def test_market_by_amount_buys(kernel):
    play(
        kernel,
        """
        buy bob amount 1000 market     -> expired 0 NO_LIQUIDITY released=1000
        sell alice 5 @ 100             -> rests 5
        sell alice 5 @ 105             -> rests 5
        buy bob amount 800 market      -> trade 5 @ 100 left=0 released=0, trade 2 @ 105,
            expired 0 BUDGET_SPENT released=90
        buy bob amount 104 market      -> expired 0 BUDGET_SPENT released=104
        buy bob amount 900 market      -> trade 3 @ 105 released=0,
            expired 0 NO_LIQUIDITY released=585
        balance bob QUOTE              -> free 998975, held 0
        """,
    )


def test_an_amount_spent_to_the_last_atom_is_spent_even_if_the_book_is_empty(kernel):
    play(
        kernel,
        """
        sell alice 5 @ 100             -> rests 5
        buy bob amount 500 market      -> trade 5 @ 100, expired 0 BUDGET_SPENT released=0
        buy alice 5 @ 100              -> rests 5
        sell bob amount 500 market     -> trade 5 @ 100, expired 0 BUDGET_SPENT released=0
        own: sell alice 1 @ 100        -> rests 1
        sell bob 1 @ 99                -> rests 1
        buy alice amount 99 market stp expire_maker -> trade 1 @ 99, expired 0 BUDGET_SPENT
        cancel alice own               -> canceled own 1
        """,
    )


def test_market_by_amount_sells(kernel):
    play(
        kernel,
        """
        sell bob amount 500 market     -> expired 0 NO_LIQUIDITY released=0
        buy alice 5 @ 100              -> rests 5
        buy alice 5 @ 95               -> rests 5
        sell bob amount 780 market     -> trade 5 @ 100, trade 2 @ 95,
            expired 0 BUDGET_SPENT released=1
        sell bob amount 80 market      -> refused NOTIONAL_TOO_SMALL
        sell bob amount 100 market     -> trade 1 @ 95 left=0, expired 0 BUDGET_SPENT released=0
        account poor                   -> opened
        sell poor amount 500 market    -> refused INSUFFICIENT_FUNDS
        credit poor 1 BASE             -> credited 1
        sell poor amount 500 market    -> trade 1 @ 95, expired 0 BUDGET_SPENT released=0
        sell bob amount 500 market     -> trade 1 @ 95, expired 0 NO_LIQUIDITY released=4
        """,
    )


def test_an_amount_below_one_lot_at_the_best_price_spends_nothing(kernel):
    play(
        kernel,
        """
        buy alice 5 @ 100              -> rests 5
        sell bob amount 95 market      -> expired 0 BUDGET_SPENT released=1
        """,
    )


def test_band_zero_keeps_to_the_best_price(kernel):
    play(
        kernel,
        """
        set MARKET_BAND_PPM 0          -> set
        sell alice 1 @ 100             -> rests 1
        sell alice 1 @ 101             -> rests 1
        buy bob 2 market               -> trade 1 @ 100, expired 1 NO_LIQUIDITY released=100
        buy bob amount 300 market      -> trade 1 @ 101, expired 0 NO_LIQUIDITY released=199
        set MARKET_BAND_PPM 10_000_000 -> set
        buy alice 1 @ 1                -> rests 1
        buy alice 1 @ 100              -> rests 1
        sell bob 2 market              -> trade 1 @ 100, trade 1 @ 1
        """,
    )


def test_fees_are_taken_from_what_is_received_and_round_up(kernel):
    story = play(
        kernel,
        """
        set MAKER_FEE_PPM 1000         -> set
        set TAKER_FEE_PPM 2000         -> set
        sell alice 10 @ 100            -> rests 10
        buy bob 10 @ 100               -> trade 10 @ 100 fee=1 maker_fee=1
        balance bob BASE               -> free 1000009, held 0
        balance alice QUOTE            -> free 1000999, held 0
        sell alice 10 @ 101            -> rests 10
        buy bob 10 @ 101               -> trade 10 @ 101 fee=1 maker_fee=2
        buy bob 3000 @ 100             -> rests 3000
        sell alice 3000 @ 100          -> trade 3000 @ 100 fee=600 maker_fee=3
        """,
    )
    assert story.kernel.invariant() == []


def test_fees_per_tier_and_market(kernel):
    play(
        kernel,
        """
        asset BTC 8                    -> listed
        asset USD 2                    -> listed
        market BTC/USD lot 10 unit 1   -> listed
        market USD/BTC lot 10 unit 1   -> listed
        set MAKER_FEE_PPM 100_000 for BTC/USD tier 15 -> set
        set TAKER_FEE_PPM 50_000 for BTC/USD tier 15  -> set
        set FEE_TIER 15 for alice      -> set
        sell alice 10 @ 100            -> rests 10
        buy bob 10 @ 100               -> trade 10 @ 100 fee=1 maker_fee=100
        buy bob 10 @ 100               -> rests 10
        sell alice 10 @ 100            -> trade 10 @ 100 fee=50 maker_fee=1
        sell alice 10 @ 100 in USD/BTC -> rests 10
        set FEE_TIER 0 for alice       -> set
        set MAKER_FEE_PPM 0 for USD/BTC -> set
        buy bob 10 @ 100 in USD/BTC    -> trade 10 @ 100 fee=1 maker_fee=0
        """,
    )


def test_a_lot_of_one_atom_can_go_to_the_fee_whole(kernel):
    play(
        kernel,
        """
        set TAKER_FEE_PPM 1            -> set
        sell alice 1 @ 1               -> rests 1
        buy bob 1 @ 1                  -> trade 1 @ 1 fee=1 maker_fee=0
        balance bob BASE               -> free 1000000, held 0
        """,
    )
