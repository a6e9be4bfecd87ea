"""A command is 64 bytes and a text; what is packed comes back, and the bytes never change."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from excraft.messages.codec import record_of
from excraft.messages.commands import (
    COMMAND,
    AmendOrder,
    CancelAll,
    CancelOrder,
    Cause,
    Credit,
    Debit,
    ListAsset,
    ListMarket,
    OpenAccount,
    OrderType,
    PlaceOrder,
    Restriction,
    SelfTrade,
    SetParameter,
    Side,
    TimeInForce,
    client_key,
    pack,
    unpack,
)
from excraft.parameters import Parameter

i32, i64 = st.integers(-1, 2**31 - 1), st.integers(-(2**63), 2**63 - 1)
text = st.text(max_size=200).filter(lambda t: len(t.encode("utf-8", "replace")) < 1000).map(
    lambda t: t.encode("utf-8", "replace").decode()
)  # fmt: skip

commands = st.one_of(
    st.builds(
        PlaceOrder, account=i32, market=i32, side=st.sampled_from(Side),
        order_type=st.sampled_from(OrderType), time_in_force=st.sampled_from(TimeInForce),
        self_trade=st.sampled_from(SelfTrade), price=i64, quantity=i64, amount=i64,
        stop_price=i64, client_id=text,
    ),
    st.builds(
        CancelOrder, account=i32, market=i32, order_id=st.integers(1, 2**63 - 1),
        restriction=st.sampled_from(Restriction), new_client_id=text,
    ),
    st.builds(CancelAll, account=i32, market=i32),
    st.builds(
        AmendOrder, account=i32, market=i32, quantity=i64, order_id=st.integers(1, 2**63 - 1),
        new_client_id=text,
    ),
    st.builds(
        Credit, account=i32, asset=i32, amount=i64, cause=st.sampled_from(Cause), reference=text
    ),
    st.builds(
        Debit, account=i32, asset=i32, amount=i64, cause=st.sampled_from(Cause), reference=text
    ),
    st.builds(OpenAccount, reference=text),
    st.builds(ListAsset, decimals=i64, text=text),
    st.builds(
        ListMarket, base=i32, quote=i32, base_atoms_per_lot=i64, quote_atoms_per_tick_lot=i64,
        text=text,
    ),
    st.builds(
        SetParameter, parameter=st.sampled_from(Parameter), value=i64, subject=i32,
        tier=st.integers(0, 15), text=text,
    ),
)  # fmt: skip


@given(st.lists(commands, min_size=1, max_size=8))
def test_what_is_packed_comes_back(given_commands):
    record = record_of(given_commands, position=1, sequence=1, time_ns=0)
    texts = record.texts()
    found = [unpack(row, texts.get(i, "")) for i, row in enumerate(record.commands)]
    assert found == given_commands


def test_the_bytes_of_an_order_are_fixed_for_ever():
    row, words = pack(
        PlaceOrder(
            account=1, market=2, side=Side.SELL, order_type=OrderType.STOP_LOSS_LIMIT,
            time_in_force=TimeInForce.FOK, self_trade=SelfTrade.DECREMENT, price=3, quantity=4,
            amount=5, stop_price=6, client_id="mine",
        )
    )  # fmt: skip
    assert row.hex() == (
        "0101050304000000" "01000000" "02000000" "0000000000000000" "0300000000000000"
        "0400000000000000" "0500000000000000" "0600000000000000"
        + client_key("mine").to_bytes(8, "little", signed=True).hex()
    )  # fmt: skip
    assert words == "mine"
    assert COMMAND.itemsize == 64


def test_the_key_of_a_client_id_is_fixed_for_ever():
    assert client_key("") == 0
    assert client_key("mine") == -1230598765898769900
    assert len({client_key(f"order-{i}") for i in range(10_000)} | {0}) == 10_001


def test_an_order_named_by_its_client_id_keeps_only_the_key():
    row, _ = pack(CancelOrder(account=1, market=2, client_id="mine"))
    assert np.frombuffer(row, COMMAND)[0]["client_key"] == client_key("mine")
    numbered, _ = pack(CancelOrder(account=1, market=2, order_id=7, client_id="mine"))
    assert np.frombuffer(numbered, COMMAND)[0]["client_key"] == 0


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
def test_a_number_that_does_not_fit_is_refused(number):
    with pytest.raises(Exception, match="argument out of range|format requires"):
        pack(Credit(account=0, asset=0, amount=number, cause=Cause.DEPOSIT))
