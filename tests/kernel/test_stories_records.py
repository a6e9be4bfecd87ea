"""Several commands in one record: phases, what they see of each other, hashes and order."""

import numpy as np
import pytest

from excraft.kernel.reference import Reference
from excraft.messages.codec import OutOfOrder, record_of
from excraft.messages.commands import CancelAll, ListAsset, OpenAccount
from excraft.messages.events import EVENT
from excraft.testing.stories import play


def test_money_received_can_be_spent_from_the_next_record_on(kernel):
    play(
        kernel,
        """
        account poor                   -> opened
        credit poor 5 BASE             -> credited 5
        buy alice 5 @ 100              -> rests 5
        sell poor 5 @ 100              -> trade 5 @ 100
        + buy poor 1 @ 100             -> refused INSUFFICIENT_FUNDS
        balance poor QUOTE             -> free 500, held 0
        buy poor 5 @ 100               -> rests 5
        """,
    )


def test_money_released_can_be_spent_from_the_next_record_on(kernel):
    play(
        kernel,
        """
        account poor                   -> opened
        credit poor 100 QUOTE          -> credited 100
        a: buy poor 1 @ 100            -> rests 1
        cancel poor a                  -> canceled a 1 released=100
        + buy poor 1 @ 100             -> refused INSUFFICIENT_FUNDS
        buy poor 1 @ 100 maker         -> rests 1
        """,
    )


def test_administration_comes_first_in_a_record(kernel):
    play(
        kernel,
        """
        account poor                   -> opened
        buy poor 5 @ 10                -> rests 5
        + credit poor 50 QUOTE         -> credited 50
        sell alice 5 @ 10              -> refused MARKET_NOT_TRADING
        + halt                         -> set
        resume                         -> set
        + sell alice 5 @ 10            -> trade 5 @ 10 fee=1
        + set TAKER_FEE_PPM 1000       -> set
        raw kind=1 account=2 market=0 side=0 order_type=1 time_in_force=1 price=1 quantity=1 ->
            refused INSUFFICIENT_FUNDS
        + raw kind=22                  -> opened
        """,
    )


def test_orders_of_one_record_meet_in_their_order(kernel):
    play(
        kernel,
        """
        a: sell alice 5 @ 100          -> rests 5
        + b: buy bob 3 @ 100           -> trade 3 @ 100 with=alice
        + cancel alice a               -> canceled a 2
        + cancel alice a               -> refused UNKNOWN_ORDER
        + buy bob 3 @ 100              -> rests 3
        book                           -> bids 3 @ 100, asks none
        """,
    )


def test_a_client_id_names_an_order_of_the_same_record(kernel):
    play(
        kernel,
        """
        sell alice 5 @ 100 id=x        -> rests 5
        + amend alice id=x to 3        -> amended -2
        + cancel alice id=x            -> canceled alice 3
        + cancel alice id=x            -> refused UNKNOWN_ORDER
        + sell alice 5 @ 100 id=x      -> refused DUPLICATE_CLIENT_ID
        cancel alice id=x              -> refused UNKNOWN_ORDER
        sell alice 5 @ 100 id=x        -> rests 5
        """,
    )


def test_a_client_id_refused_while_matching_is_free_again(kernel):
    play(
        kernel,
        """
        sell alice 5 @ 100             -> rests 5
        buy bob 1 @ 100 maker id=x     -> refused WOULD_TAKE
        + cancel bob id=x              -> refused UNKNOWN_ORDER
        + buy bob 1 @ 99 id=x          -> refused DUPLICATE_CLIENT_ID
        buy bob 1 @ 99 id=x            -> rests 1
        """,
    )


def test_a_cancel_before_its_order_in_the_record_finds_nothing(kernel):
    play(
        kernel,
        """
        cancel alice later             -> refused UNKNOWN_ORDER
        + later: buy alice 1 @ 1       -> rests 1
        cancel alice id=x              -> refused UNKNOWN_ORDER
        + buy alice 1 @ 1 id=x         -> rests 1
        """,
    )


def test_records_must_follow_each_other(kernel):
    def record(position, sequence, time_ns):
        return record_of([OpenAccount()] * 2, position=position, sequence=sequence, time_ns=time_ns)

    kernel.step(record(1, 1, 50))
    assert (kernel.position, kernel.sequence, kernel.time_ns) == (1, 3, 50)
    before = kernel.state_hash()
    for wrong in (record(1, 3, 50), record(3, 3, 50), record(2, 2, 50), record(2, 3, 49)):
        with pytest.raises(OutOfOrder):
            kernel.step(wrong)
    assert kernel.state_hash() == before
    kernel.step(record(2, 3, 50))
    assert (kernel.position, kernel.sequence, kernel.time_ns) == (2, 5, 50)


def test_the_rows_of_a_refusal_and_a_listing(kernel):
    events = kernel.step(
        record_of(
            [ListAsset(decimals=3), CancelAll(account=-1, market=4), OpenAccount()],
            position=1,
            sequence=1,
            time_ns=1,
        )  # fmt: skip
    )
    assert isinstance(events, np.ndarray) and events.dtype == EVENT
    assert events.tolist() == [
        (0, 23, 0, 0, 0, 0, -1, 0, 0, 0, 0, 3, 0, 0),
        (1, 1, 0, 4, 0, 4, -1, 0, 0, 0, 0, 0, 0, 0),
        (2, 22, 0, 0, 0, -1, 0, 0, 0, 0, 0, 0, 0, 0),
    ]


def test_the_empty_exchange(kernel):
    assert (kernel.position, kernel.sequence, kernel.time_ns) == (0, 1, 0)
    assert kernel.balance(0, 0) == (0, 0) and kernel.balances(0) == {}
    assert kernel.invariant() == []
    assert kernel.state_hash() == Reference().state_hash()
