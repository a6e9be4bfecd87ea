"""Balances, client ids and fees: the tables of the funds partitions.

A balance is found by open addressing on (account, asset) and never removed, so the slot that an
order keeps stays right. Client ids are removed when their order closes, by shifting back.
"""

import numpy as np

from excraft.kernel.compiled import compiled, entry, i64, nth, u64
from excraft.kernel.layout import DOES_CLOSE, DOES_MAKE, DOES_TRADE, FUNDS_PARTITIONS
from excraft.units import PPM

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
UPPER = np.uint64(32)


@compiled
def partition_of(account):
    """Funds partition of an account, also of a number that is none."""
    return account & (FUNDS_PARTITIONS - 1)


@compiled
def thread_of(account, threads):
    """Which thread looks after an account: partitions next to each other go to the same one, since
    two accounts lie in one cache line."""
    return (account & (FUNDS_PARTITIONS - 1)) * threads // FUNDS_PARTITIONS


@compiled
def spread(key, mask):
    """Place of a 64-bit key in a table of mask + 1 slots."""
    h = u64(key) * GOLDEN
    h = (h ^ (h >> UPPER)) * GOLDEN
    return i64(h >> UPPER) & mask


@compiled
def balance_key(account, asset):
    """Never 0, which marks an empty slot."""
    return ((i64(account) << 32) | i64(asset)) + 1


@compiled
def find_balance(slots, key):
    """Slot of the balance, -1 when it was never touched."""
    mask = len(slots) - 1
    at = spread(key, mask)
    while True:
        found = slots[nth(at)].key
        if found == key:
            return at
        if found == 0:
            return -1
        at = (at + 1) & mask


@entry
def look_up(balances, account, asset):
    """(free, held) of one balance, zeros when it was never touched."""
    slots = balances[nth(partition_of(account))]
    at = find_balance(slots, balance_key(account, asset))
    if at < 0:
        return 0, 0
    return i64(slots[nth(at)].free), i64(slots[nth(at)].held)


@compiled
def open_balance(slots, counts, partition, key):
    """Slot of the balance, made when it is new; the caller has seen to the room."""
    mask = len(slots) - 1
    at = spread(key, mask)
    while True:
        found = slots[nth(at)].key
        if found == key:
            return at
        if found == 0:
            slots[nth(at)].key = key
            counts[partition] += 1
            return at
        at = (at + 1) & mask


@compiled
def client_place(key, account, mask):
    """Client keys are hashes already; the account parts equal ids of different accounts."""
    return spread(i64(key) ^ (i64(account) << 20), mask)


@compiled
def find_client(slots, account, key):
    """Slot of the account's open order with this client key, -1 when there is none."""
    mask = len(slots) - 1
    at = client_place(key, account, mask)
    while slots[nth(at)].order_id != 0:
        if slots[nth(at)].key == key and slots[nth(at)].account == account:
            return at
        at = (at + 1) & mask
    return -1


@compiled
def add_client(slots, account, key, market, order_id):
    """Remember an open order's client key; the caller has seen to the room."""
    mask = len(slots) - 1
    at = client_place(key, account, mask)
    while slots[nth(at)].order_id != 0:
        at = (at + 1) & mask
    slots[nth(at)].key = key
    slots[nth(at)].account = account
    slots[nth(at)].market = market
    slots[nth(at)].order_id = order_id


@compiled
def remove_client(slots, account, key):
    """Forget a client key and close the gap."""
    mask = len(slots) - 1
    gap = find_client(slots, account, key)
    at = gap
    while True:
        at = (at + 1) & mask
        if slots[nth(at)].order_id == 0:
            break
        home = client_place(slots[nth(at)].key, slots[nth(at)].account, mask)
        if ((at - home) & mask) >= ((at - gap) & mask):
            slots[nth(gap)].key = slots[nth(at)].key
            slots[nth(gap)].account = slots[nth(at)].account
            slots[nth(gap)].market = slots[nth(at)].market
            slots[nth(gap)].order_id = slots[nth(at)].order_id
            gap = at
    slots[nth(gap)].order_id = 0


@compiled
def fee_of(gross, rate):
    """Parts per million of what is received, rounded up; exact beyond 2^63 / 10^6."""
    whole = gross // PPM
    return whole * rate + ((gross - whole * PPM) * rate + (PPM - 1)) // PPM


@compiled
def share_of(fee, share):
    """Parts per million of a fee, rounded down, for shares up to 10^6; exact."""
    whole = fee // PPM
    return whole * share + (fee - whole * PPM) * share // PPM


@compiled
def settle_one(funds, books, events, row):
    """Apply one settlement row to its account."""
    account = i64(row.account)
    partition = partition_of(account)
    slots = funds.balances[nth(partition)]
    pay = i64(row.pay)
    slots[nth(pay)].held -= row.paid + row.back
    slots[nth(pay)].free += row.back
    does = i64(row.does)
    if does & DOES_TRADE:
        market = i64(row.market)
        tier = i64(funds.accounts[nth(account)].tier)
        rate = i64(books.rates[market, tier, 1 - ((does & DOES_MAKE) >> 1)])
        gross = i64(row.gross)
        fee = fee_of(gross, rate)
        slots[nth(i64(row.receive))].free += gross - fee
        asset = i64(books.markets[nth(market)].quote_asset)
        if events[nth(i64(row.event))].side == 0:
            asset = i64(books.markets[nth(market)].base_asset)
        funds.fees[asset, partition] += fee
        events[nth(i64(row.event))].amount = fee
        owner = funds.accounts[nth(account)]
        if owner.referrer != 0:
            slots[nth(i64(row.receive))].owed += share_of(fee, i64(owner.share))
    if does & DOES_CLOSE:
        funds.accounts[nth(account)].open_orders -= 1
        key = i64(row.client_key)
        if key != 0:
            remove_client(funds.clients[partition], account, key)
            funds.client_count[partition] -= 1
