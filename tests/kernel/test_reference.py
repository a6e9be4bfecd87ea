"""The plain twin sees it when its own state is broken."""

import pytest

from excraft.parameters import Parameter
from excraft.testing.stories import play

STORY = """
    a: buy alice 5 @ 90 id=a           -> rests 5
    b: sell bob 5 @ 110                -> rests 5
    s: sell bob 1 stop 50              -> waits
    sell bob 1 @ 90                    -> trade 1 @ 90
"""


def money_from_nowhere(state):
    state.free[0, 0] += 1


def hold_without_order(state):
    state.free[0, 1] -= 1
    state.held[0, 1] += 1


def negative(state):
    state.free[0, 0] -= 2_000_000
    state.free[1, 0] += 2_000_000


def crossed(state):
    order = next(iter(state.markets[0].sides[0]))
    state.markets[0].leave(order)
    order.price = 110
    state.markets[0].wait(0, order)


def lost_order(state):
    del state.orders[min(state.orders)]


def empty_level(state):
    side = state.markets[0].sides[1]
    side.keys.append(120)
    side.levels[120] = {}


def unordered_levels(state):
    side = state.markets[0].sides[1]
    side.keys.insert(0, 120)
    side.levels[120] = dict(side.levels[110])


def forgotten_stop(state):
    state.markets[0].last_price = 50


def miscounted(state):
    state.accounts[0].open_orders += 1


def lost_client_key(state):
    state.accounts[0].by_key.clear()


def parameter_too_high(state):
    state.markets[0].parameters[Parameter.MARKET_BAND_PPM] = 10**9


BREAKS = {
    money_from_nowhere: "supply",
    hold_without_order: "its open orders hold",
    negative: "free -",
    crossed: "is crossed: bid 110 >= ask 110",
    lost_order: "is not open there",
    empty_level: "a level is empty or missing",
    unordered_levels: "not in strict order",
    forgotten_stop: "should have been triggered",
    miscounted: "open orders, counted 2",
    lost_client_key: "client keys do not agree",
    parameter_too_high: "MARKET_BAND_PPM is 1000000000, out of its bounds",
}


@pytest.mark.parametrize("damage", BREAKS, ids=lambda damage: damage.__name__)
def test_the_invariant_tells_what_is_broken(damage):
    kernel = play(None, STORY).kernel
    assert kernel.invariant() == []
    before = kernel.state_hash()
    damage(kernel._state)
    assert any(BREAKS[damage] in sentence for sentence in kernel.invariant())
    assert kernel.state_hash() != before or damage in (lost_order, lost_client_key, empty_level)
