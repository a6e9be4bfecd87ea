"""Each reason of messages/reasons.py, and the order in which they are checked; on every kernel."""

from pathlib import Path

from excraft.messages.reasons import Reason
from excraft.testing.stories import play


def test_unknown_command(kernel):
    play(
        kernel,
        """
        raw kind=0                     -> refused UNKNOWN_COMMAND
        raw kind=5 account=0 market=0  -> refused UNKNOWN_COMMAND
        raw kind=19                    -> refused UNKNOWN_COMMAND
        raw kind=33                    -> refused UNKNOWN_COMMAND
        raw kind=255                   -> refused UNKNOWN_COMMAND
        """,
    )


def test_admission_in_order(kernel):
    play(
        kernel,
        """
        buy #0 1 @ 1                   -> refused UNKNOWN_ACCOUNT
        buy #-1 1 @ 1 in #7            -> refused UNKNOWN_ACCOUNT
        buy alice 1 @ 1 in #7          -> refused UNKNOWN_MARKET
        buy alice 1 @ 1 in #-1         -> refused UNKNOWN_MARKET
        set ACCOUNT_STATE FROZEN for alice -> set
        buy alice 1 @ 1 in #7          -> refused ACCOUNT_FROZEN
        set ACCOUNT_STATE ACTIVE for alice -> set
        set MARKET_POOL 5              -> set
        halt                           -> set
        buy alice 1 @ 1                -> refused MARKET_NOT_TRADING
        resume                         -> set
        buy alice 0 @ 0                -> refused NOT_A_MEMBER
        set ACCOUNT_POOL 4 for alice   -> set
        buy alice 1 @ 1                -> refused NOT_A_MEMBER
        set ACCOUNT_POOL 5 for alice   -> set
        buy alice 1 @ 1                -> rests 1
        set MARKET_POOL 0              -> set
        buy bob 1 @ 1                  -> rests 1
        """,
    )


def test_every_market_state_but_trading_refuses_orders(kernel):
    play(
        kernel,
        """
        a: buy alice 5 @ 1             -> rests 5
        b: buy alice 5 @ 1             -> rests 5
        c: buy alice 5 @ 1             -> rests 5
        d: buy alice 5 @ 1             -> rests 5
        halt                           -> set
        buy alice 5 @ 1                -> refused MARKET_NOT_TRADING
        amend alice a to 1             -> refused MARKET_NOT_TRADING
        cancel alice a                 -> canceled a 5
        break                          -> set
        sell alice 5 market            -> refused MARKET_NOT_TRADING
        cancel alice b                 -> canceled b 5
        cancel-only                    -> set
        buy alice 5 @ 1                -> refused MARKET_NOT_TRADING
        cancel alice c                 -> canceled c 5
        end-of-day                     -> set
        buy alice 5 @ 1                -> refused MARKET_NOT_TRADING
        cancel alice all               -> canceled d 5
        resume                         -> set
        buy alice 5 @ 1                -> rests 5
        """,
    )


def test_a_frozen_account_cancels_but_does_nothing_else(kernel):
    play(
        kernel,
        """
        a: buy alice 5 @ 10            -> rests 5
        b: buy alice 5 @ 10            -> rests 5
        set ACCOUNT_STATE FROZEN for alice -> set
        buy alice 5 @ 10               -> refused ACCOUNT_FROZEN
        amend alice a to 1             -> refused ACCOUNT_FROZEN
        amend alice a to 1 in #9       -> refused ACCOUNT_FROZEN
        sell bob 1 @ 10                -> trade 1 @ 10 with=alice
        cancel alice a                 -> canceled a 4
        cancel alice all               -> canceled b 5
        """,
    )


def test_malformed_orders(kernel):
    whose = "raw kind=1 account=0 market=0 quantity=1"
    refused = "-> refused MALFORMED_ORDER"
    limit = f"{whose} price=1 order_type=1 time_in_force=1"
    play(
        kernel,
        f"""
        buy alice 1 @ 1                -> rests 1
        {limit} -> rests 1
        {limit} side=2 {refused}
        {limit} side=255 {refused}
        {limit} order_type=0 {refused}
        {limit} order_type=8 stop_price=1 {refused}
        {limit} time_in_force=0 {refused}
        {limit} time_in_force=4 {refused}
        {limit} self_trade=5 {refused}
        {limit} amount=1 {refused}
        {limit} amount=-1 {refused}
        {limit} stop_price=1 {refused}
        {limit} order_type=5 {refused}
        {limit} order_type=5 stop_price=9 amount=1 {refused}
        {limit} order_type=7 stop_price=9 amount=1 {refused}
        {limit} order_type=3 amount=1 {refused}
        {limit} order_type=3 time_in_force=2 {refused}
        {limit} order_type=3 time_in_force=3 {refused}
        {limit} order_type=2 {refused}
        {limit} order_type=2 price=0 amount=1 {refused}
        {limit} order_type=2 price=0 quantity=0 {refused}
        {limit} order_type=2 price=0 time_in_force=2 {refused}
        {limit} order_type=2 price=0 stop_price=1 {refused}
        {limit} order_type=4 stop_price=1 {refused}
        {limit} order_type=4 stop_price=0 price=0 {refused}
        {limit} order_type=4 stop_price=1 price=0 amount=1 {refused}
        {limit} order_type=6 stop_price=1 price=0 time_in_force=3 {refused}
        """,
    )


def test_prices_out_of_range(kernel):
    play(
        kernel,
        """
        set MIN_PRICE_TICKS 10         -> set
        set MAX_PRICE_TICKS 20         -> set
        buy alice 1 @ 9                -> refused PRICE_OUT_OF_RANGE
        buy alice 1 @ 21               -> refused PRICE_OUT_OF_RANGE
        buy alice 1 @ 0                -> refused PRICE_OUT_OF_RANGE
        buy alice 1 @ -10              -> refused PRICE_OUT_OF_RANGE
        buy alice 0 @ 2^62             -> refused PRICE_OUT_OF_RANGE
        buy alice 1 @ 9 maker          -> refused PRICE_OUT_OF_RANGE
        buy alice 1 @ 9 stop 15        -> refused PRICE_OUT_OF_RANGE
        buy alice 1 @ 15 stop 9        -> refused PRICE_OUT_OF_RANGE
        buy alice 1 stop 21            -> refused PRICE_OUT_OF_RANGE
        sell alice 1 take -5           -> refused PRICE_OUT_OF_RANGE
        buy alice 1 @ 10               -> rests 1
        sell alice 1 @ 20              -> rests 1
        """,
    )


def test_quantities_out_of_range(kernel):
    play(
        kernel,
        """
        set MIN_LOTS 2                 -> set
        set MAX_LOTS 8                 -> set
        set MAX_MARKET_LOTS 5          -> set
        buy alice 1 @ 10               -> refused QUANTITY_OUT_OF_RANGE
        buy alice 9 @ 10               -> refused QUANTITY_OUT_OF_RANGE
        buy alice -1 @ 10              -> refused QUANTITY_OUT_OF_RANGE
        buy alice 2^62 @ 10            -> refused QUANTITY_OUT_OF_RANGE
        buy alice 6 market             -> refused QUANTITY_OUT_OF_RANGE
        buy alice -6 market            -> refused QUANTITY_OUT_OF_RANGE
        sell alice 6 stop 5            -> refused QUANTITY_OUT_OF_RANGE
        sell alice 1 take 5            -> refused QUANTITY_OUT_OF_RANGE
        buy alice amount -1 market     -> refused QUANTITY_OUT_OF_RANGE
        buy alice amount 2^62+1 market -> refused QUANTITY_OUT_OF_RANGE
        buy alice 8 @ 10               -> rests 8
        """,
    )


def test_notional_too_large(kernel):
    play(
        kernel,
        """
        buy alice 1_000_000_000_000_000 @ 4612 -> refused NOTIONAL_TOO_LARGE
        buy alice 1_000_000_000_000_000 @ 4611 -> refused INSUFFICIENT_FUNDS
        sell alice 1_000_000_000_000_000 @ 1_000_000_000_000 -> refused NOTIONAL_TOO_LARGE
        sell alice 1_000_000_000_000_000 @ 1_000_000_000_000 stop 1 -> refused NOTIONAL_TOO_LARGE
        buy alice 1_000_000_000_000_000 stop 1_000_000_000_000 -> waits hold=1_000_000
        """,
    )


def test_notional_too_small(kernel):
    play(
        kernel,
        """
        set MIN_NOTIONAL_ATOMS 100     -> set
        buy alice 9 @ 11               -> refused NOTIONAL_TOO_SMALL
        sell alice 9 @ 11 stop 500     -> refused NOTIONAL_TOO_SMALL
        sell alice 9 stop 11           -> refused NOTIONAL_TOO_SMALL
        buy alice amount 99 market     -> refused NOTIONAL_TOO_SMALL
        sell alice amount 99 market    -> refused NOTIONAL_TOO_SMALL
        buy alice 9 market             -> expired 9 NO_LIQUIDITY
        buy bob 10 @ 10                -> rests 10
        sell alice 9 market            -> refused NOTIONAL_TOO_SMALL
        sell alice 10 market           -> trade 10 @ 10
        buy alice 9 market             -> refused NOTIONAL_TOO_SMALL
        sell alice 10 @ 10 stop 1      -> waits
        """,
    )


def test_exchange_full_of_orders(kernel):
    play(
        kernel,
        """
        set MAX_OPEN_ORDERS 2          -> set
        a: buy alice 1 @ 1             -> rests 1
        b: buy alice 1 @ 1             -> rests 1
        + buy alice 1 @ 1              -> refused EXCHANGE_FULL
        buy alice 1 @ 1 ioc            -> refused EXCHANGE_FULL
        cancel alice a                 -> canceled a 1
        + buy alice 1 @ 1              -> refused EXCHANGE_FULL
        raw kind=0                     -> refused UNKNOWN_COMMAND
        + buy alice 1 @ 1              -> refused EXCHANGE_FULL
        buy alice 1 @ 1                -> rests 1
        """,
    )


def test_exchange_full_of_balances(kernel):
    play(
        kernel,
        """
        account alice                  -> opened
        account bob                    -> opened
        credit alice 100 QUOTE         -> credited 100
        set MAX_BALANCES 3             -> set
        buy alice 1 @ 1                -> rests 1
        buy alice 1 @ 1                -> refused EXCHANGE_FULL
        set MAX_BALANCES 4             -> set
        buy alice 1 @ 1                -> rests 1
        + buy alice 1 @ 1              -> refused EXCHANGE_FULL
        credit bob 1 BASE              -> credited 1
        sell alice 1 market            -> refused EXCHANGE_FULL
        """,
    )


def test_a_refused_order_creates_no_balance(kernel):
    play(
        kernel,
        """
        account alice                  -> opened
        set MAX_BALANCES 2             -> set
        buy alice 1 @ 1                -> refused INSUFFICIENT_FUNDS
        buy alice 1 @ 1                -> refused INSUFFICIENT_FUNDS
        buy alice 1 market             -> expired 1 NO_LIQUIDITY
        buy alice 1 market             -> refused EXCHANGE_FULL
        """,
    )


def test_too_many_open_orders(kernel):
    play(
        kernel,
        """
        set MAX_OPEN_ORDERS_PER_ACCOUNT 2 -> set
        a: buy alice 1 @ 1             -> rests 1
        b: sell alice 1 stop 1         -> waits
        buy alice 1 @ 1 ioc            -> refused TOO_MANY_OPEN_ORDERS
        buy bob 1 @ 1                  -> rests 1
        cancel alice b                 -> canceled b 1
        + buy alice 1 @ 1              -> refused TOO_MANY_OPEN_ORDERS
        buy alice 1 @ 1 ioc            -> expired 1 IOC_UNFILLED
        + buy alice 1 @ 1 ioc          -> refused TOO_MANY_OPEN_ORDERS
        + buy bob 1 @ 1                -> rests 1
        """,
    )


def test_duplicate_client_id(kernel):
    play(
        kernel,
        """
        a: buy alice 1 @ 1 id=x        -> rests 1
        buy alice 1 @ 1 id=x           -> refused DUPLICATE_CLIENT_ID
        buy alice 2^40 @ 1 id=x        -> refused DUPLICATE_CLIENT_ID
        buy bob 1 @ 1 id=x             -> rests 1
        cancel alice a                 -> canceled a 1
        + buy alice 1 @ 1 id=x         -> refused DUPLICATE_CLIENT_ID
        buy alice 1 @ 1 ioc id=x       -> expired 1 IOC_UNFILLED
        + buy alice 1 @ 1 id=x         -> refused DUPLICATE_CLIENT_ID
        buy alice 1 @ 1 id=x           -> rests 1
        buy alice 2^40 @ 1 id=y        -> refused INSUFFICIENT_FUNDS
        buy alice 1 @ 1 id=y           -> rests 1
        """,
    )


def test_insufficient_funds(kernel):
    play(
        kernel,
        """
        account poor                   -> opened
        buy poor 1 @ 1                 -> refused INSUFFICIENT_FUNDS
        sell poor 1 @ 1                -> refused INSUFFICIENT_FUNDS
        sell poor 1 stop 1             -> refused INSUFFICIENT_FUNDS
        sell poor 1 market             -> refused INSUFFICIENT_FUNDS
        buy poor amount 1 market       -> refused INSUFFICIENT_FUNDS
        credit poor 100 QUOTE          -> credited 100
        buy poor 101 @ 1               -> refused INSUFFICIENT_FUNDS
        buy poor 60 @ 1                -> rests 60
        + buy poor 41 @ 1              -> refused INSUFFICIENT_FUNDS
        + buy poor 40 @ 1              -> rests 40
        balance poor QUOTE             -> free 0, held 100
        """,
    )


def test_unknown_orders(kernel):
    play(
        kernel,
        """
        a: buy alice 1 @ 1 id=x        -> rests 1
        cancel alice #0                -> refused UNKNOWN_ORDER
        cancel alice #-4               -> refused UNKNOWN_ORDER
        cancel alice #999              -> refused UNKNOWN_ORDER
        cancel bob a                   -> refused UNKNOWN_ORDER
        cancel bob id=x                -> refused UNKNOWN_ORDER
        cancel alice id=y              -> refused UNKNOWN_ORDER
        cancel bob all                 -> refused UNKNOWN_ORDER
        amend bob a to 1               -> refused UNKNOWN_ORDER
        amend alice #999 to 0          -> refused QUANTITY_OUT_OF_RANGE
        cancel #77 a                   -> refused UNKNOWN_ACCOUNT
        cancel #-1 a                   -> refused UNKNOWN_ACCOUNT
        cancel #-2 all                 -> refused UNKNOWN_ACCOUNT
        cancel alice a in #5           -> refused UNKNOWN_MARKET
        cancel operator all in #5      -> refused UNKNOWN_MARKET
        amend alice a to 1 in #5       -> refused UNKNOWN_MARKET
        amend #77 a to 1               -> refused UNKNOWN_ACCOUNT
        cancel alice a                 -> canceled a 1
        cancel alice a                 -> refused UNKNOWN_ORDER
        """,
    )


def test_every_reason_is_told_in_a_story():
    told = "".join(path.read_text() for path in Path(__file__).parent.glob("test_stories*.py"))
    untold = [r.name for r in Reason if r and f"{r.name}" not in told.replace("Reason.", "")]
    assert not untold
