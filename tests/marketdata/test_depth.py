"""Books, and clients that keep a copy of one from diffs and a snapshot."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from excraft.marketdata import MarketData
from excraft.marketdata.depth import Best, Book, BrokenBook, Depth, DepthDiff

CHANGES = st.lists(
    st.tuples(st.integers(0, 1), st.integers(1, 30), st.integers(-9, 9)), max_size=80
)


class Copy:
    """A client as the public documentation tells it to be; stops when the chain breaks."""

    def __init__(self):
        self.waiting, self.at, self.sides = [], None, ({}, {})

    def take_snapshot(self, depth):
        self.at = depth.last_update_id
        self.sides = (dict(depth.bids), dict(depth.asks))
        fresh = [diff for diff in self.waiting if diff.last > self.at]
        for diff in fresh:
            self.apply(diff)

    def receive(self, diff):
        if self.at is None:
            self.waiting.append(diff)
        elif diff.last > self.at:
            self.apply(diff)

    def apply(self, diff):
        assert diff.first <= self.at + 1 <= diff.last, "a gap or a repetition"
        for side, levels in zip(self.sides, diff[2:], strict=True):
            for price, lots in levels:
                side[price] = lots
                if not lots:
                    del side[price]
        self.at = diff.last


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**32), sizes=st.lists(st.integers(1, 20), min_size=1, max_size=15))
def test_every_client_has_the_true_book(flow, seed, sizes):
    chance, data = random.Random(seed), MarketData(columns_from=25)
    clients = {"100ms": [], "1000ms": []}  # joining whenever they like, at either cadence
    for record, events in flow(seed, sizes).records:
        data.apply(record, events)
        for reader, here in clients.items():
            if chance.random() < 0.4:
                data.diff(0, reader) if not here else None
                here.append(Copy())
            if here and chance.random() < (0.6 if reader == "100ms" else 0.2):
                diff = data.diff(0, reader)
                for client in here if diff else []:
                    client.receive(diff)
            for client in here:
                if client.at is None and chance.random() < 0.3:
                    client.take_snapshot(data.depth(0, 5_000))
    truth = data.depth(0, 5_000)
    for reader, here in clients.items():
        diff = data.diff(0, reader) if here else None
        for client in here:
            if diff:
                client.receive(diff)
            if client.at is None:
                client.take_snapshot(truth)
            assert client.at == truth.last_update_id
            assert client.sides == (dict(truth.bids), dict(truth.asks))


@settings(max_examples=200, deadline=None)
@given(changes=CHANGES, cut=st.integers(0, 80))
def test_many_changes_at_once_are_as_one_by_one(changes, cut):
    one, many, levels, taken = Book(), Book(), {}, []
    for book in (one, many):
        book.diff("r")
    for side, price, lots in changes:
        key = -price if side else price
        lots = max(lots, -levels.get(key, 0)) or 1
        levels[key] = levels.get(key, 0) + lots
        taken.append((side, price, lots))
    for batch in (taken[:cut], taken[cut:]):
        net = {}
        for side, price, lots in batch:
            one.change(side, price, lots)
            key = -price if side else price
            net[key] = net.get(key, 0) + lots
        many.change_many(len(batch), list(net.items()))
        assert many.keys == one.keys
        assert many.depth(5) == one.depth(5)
        assert many.diff("r") == one.diff("r")
    assert many.levels == one.levels == {key: lots for key, lots in levels.items() if lots}


def test_snapshots_diffs_and_the_touch():
    book = Book()
    assert book.diff("a") is None
    book.change(0, 10, 5)
    book.change(1, 12, 3)
    book.change(0, 9, 1)
    assert book.diff("b") is None
    book.change(0, 10, -5)
    assert book.diff("a") == DepthDiff(1, 4, [(10, 0), (9, 1)], [(12, 3)])
    assert book.diff("a") is None
    assert book.diff("b") == DepthDiff(4, 4, [(10, 0)], [])
    assert book.depth(20) == Depth(4, [(9, 1)], [(12, 3)])
    assert book.best() == Best(4, 9, 1, 12, 3)
    book.change(0, 9, -1)
    assert book.best() == Best(5, 0, 0, 12, 3)


@pytest.mark.parametrize("lots", [-6, 0])
def test_what_does_not_fit_the_book_is_a_bug(lots):
    book = Book()
    if lots:
        book.change(0, 10, 5)
        with pytest.raises(BrokenBook):
            book.change_many(1, [(10, lots)])
    with pytest.raises(BrokenBook, match=f"{lots} lots for side 0 at 10"):
        book.change(0, 10, lots)


def test_the_invariant_names_what_is_wrong():
    book = Book()
    book.change(0, 10, 5)
    book.change(1, 11, 5)
    assert book.invariant() == []
    book.change(1, 10, 5)
    assert book.invariant() == ["best bid 10 is not below best ask 10"]
    book.levels[10] = 0
    book.keys[0].append(8)
    assert book.invariant() == [
        "bids are not strictly sorted",
        "sorted prices and levels differ",
        "level 10 has 0 lots",
    ]
