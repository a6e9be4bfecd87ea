"""The whole state as plain arrays: for the state hash, the snapshot and the invariants.

Nothing here depends on slots, capacities or threads. An order row is the words of ORDER_WORDS.
"""

from hashlib import sha256

import numpy as np

from excraft.kernel.administer import ASSETS, BOUNDS, PARAMETERS
from excraft.kernel.book import enqueue, index_add, key_of, queue_of, take_slot
from excraft.kernel.compiled import compiled, entry, i64
from excraft.kernel.funds import add_client, balance_key, find_balance, open_balance
from excraft.kernel.layout import (
    BOOK_PARTITIONS,
    FUNDS_PARTITIONS,
    MARK_CLIENT,
    MARK_FILLED,
    MARK_PENDING,
    Lane,
)
from excraft.kernel.reserve import ACCOUNTS, MARKETS, is_limit
from excraft.kernel.set_aside import CAUSE_BITS, reserve_key
from excraft.kernel.taking import hold_of
from excraft.parameters import TIERS

ORDER_WORDS = 17  # of an open order, in the state hash and in a snapshot
MARKET_WORDS = ("base_asset", "quote_asset", "lot_atoms", "unit_atoms", "state", "pool",
                "min_price", "max_price", "min_lots", "max_lots", "max_market_lots", "min_notional",
                "band_ppm", "last_price", "trades")  # fmt: skip
ACCOUNT_WORDS = ("state", "pool", "group", "tier", "open_orders")
MEMBER_WORDS = ("level", "referrer", "share")  # of the accounts where one is not 0
FIRST_PARAMETERS = 10  # these are always in the hash, later ones when they are not the default


def asset_count(tables) -> int:
    """How many assets are listed."""
    return int(tables.limits[ASSETS])


@compiled
def lane_of(books, p, scratch):
    """A lane for reading or rebuilding one book partition; `scratch` are output buffers."""
    return Lane(
        books.orders[p], books.extras[p], books.index[p], books.free[p], books.pool[p],
        books.levels[p], books.queues, books.markets, scratch.events[0], scratch.settlements[0],
        scratch.tops[0], None, 0, 1,  # nobody takes
    )  # fmt: skip


@entry
def write_orders(books, markets, scratch, rows):
    """All open orders, by market, queue, priority."""
    n = 0
    for market in range(markets):
        lane = lane_of(books, market % BOOK_PARTITIONS, scratch)
        for number in range(4):
            queue = lane.queues[market * 4 + number]
            level = i64(queue.count) - 1
            while level >= 0:
                slot = i64(lane.levels[i64(queue.offset) + level].head)
                while slot >= 0:
                    write_order(lane, slot, number, rows[n])
                    n += 1
                    slot = i64(lane.orders[slot].next)
                level -= 1
    return n


@compiled
def write_order(lane, slot, number, row):
    """The words of one order."""
    order, extra = lane.orders[slot], lane.extras[slot]
    row[0] = order.market
    row[1] = number
    row[2] = order.id
    row[3] = order.account
    row[4] = order.group
    row[5] = order.side
    row[6] = order.order_type
    row[7] = i64(order.modes) & 15
    row[8] = i64(order.modes) >> 4
    row[9] = order.price
    row[10] = order.quantity
    row[11] = order.left
    row[12] = 0
    row[13] = hold_of(lane, order, slot, i64(order.left))
    row[14] = 0
    row[15] = 1 if order.marks & MARK_FILLED else 0
    row[16] = 0
    if order.marks & MARK_CLIENT:
        row[12] = extra.stop_price
        row[14] = extra.client_key
        if order.marks & MARK_PENDING and not is_limit(i64(order.order_type)):
            row[16] = extra.cap


@entry
def read_orders(funds, books, scratch, rows):
    """Put order rows back: pool, index, queues and client keys."""
    for n in range(len(rows)):
        row = rows[n]
        market, account = row[0], row[3]
        lane = lane_of(books, market % BOOK_PARTITIONS, scratch)
        slot = take_slot(lane)
        order, extra = lane.orders[slot], lane.extras[slot]
        order.market = market
        order.id = row[2]
        order.account = account
        order.group = row[4]
        order.side = row[5]
        order.order_type = row[6]
        order.modes = row[7] + 16 * row[8]
        order.price = row[9]
        order.quantity = row[10]
        order.left = row[11]
        order.marks = (MARK_FILLED if row[15] else 0) | (MARK_PENDING if row[1] > 1 else 0)
        if row[12] != 0 or row[14] != 0:
            order.marks |= MARK_CLIENT
            extra.stop_price = row[12]
            extra.hold = row[13]
            extra.client_key = row[14]
            extra.cap = row[16]
        m = books.markets[market]
        slots = funds.balances[account % FUNDS_PARTITIONS]
        base = find_balance(slots, balance_key(account, m.base_asset))
        quote = find_balance(slots, balance_key(account, m.quote_asset))
        order.pay = quote if row[5] == 0 else base
        order.receive = base if row[5] == 0 else quote
        index_add(lane.index, row[2], slot)
        queue = queue_of(order)
        enqueue(lane, market * 4 + queue, slot, key_of(order, extra, queue))
        if row[14] != 0:
            p = account % FUNDS_PARTITIONS
            add_client(funds.clients[p], account, row[14], market, row[2])
            funds.client_count[p] += 1


@entry
def read_balances(funds, rows):
    """Put balance rows [account, asset, free, held] back."""
    for n in range(len(rows)):
        p = rows[n, 0] % FUNDS_PARTITIONS
        slots = funds.balances[p]
        key = balance_key(rows[n, 0], rows[n, 1])
        at = open_balance(slots, funds.balance_count, p, key)
        slots[at].free = rows[n, 2]
        slots[at].held = rows[n, 3]


@entry
def read_aside(funds, reserves, owed):
    """Put rows [account, asset, cause, atoms] and [account, asset, owed] back."""
    for n in range(len(reserves)):
        key = reserve_key(reserves[n, 0], reserves[n, 1], reserves[n, 2])
        at = open_balance(funds.reserves, funds.reserve_count, 0, key)
        funds.reserves[at].amount = reserves[n, 3]
    for n in range(len(owed)):
        slots = funds.balances[owed[n, 0] % FUNDS_PARTITIONS]
        slots[find_balance(slots, balance_key(owed[n, 0], owed[n, 1]))].owed = owed[n, 2]


def order_rows(kernel) -> np.ndarray:
    """int64 [open orders, ORDER_WORDS], by market, queue and priority."""
    tables = kernel.tables
    rows = np.empty((tables.open_orders, ORDER_WORDS), np.int64)
    write_orders(tables.books, int(tables.limits[MARKETS]), kernel.scratch(), rows)
    return rows


def balance_rows(tables) -> np.ndarray:
    """int64 [balances, 4]: account, asset, free, held; every balance that was ever touched."""
    slots = tables.funds.balances.view(np.ndarray)
    slots = slots[slots["key"] != 0]
    key = slots["key"] - 1
    rows = np.stack([key >> 32, key & 0xFFFFFFFF, slots["free"], slots["held"]], axis=1)
    return rows[np.lexsort((rows[:, 1], rows[:, 0]))]


def reserve_rows(tables) -> np.ndarray:
    """int64 [n, 4]: account, asset, cause, atoms; the sums that are not 0."""
    rows = tables.funds.reserves.view(np.ndarray)
    rows = rows[rows["amount"] != 0]
    key = rows["key"] - 1
    asset = key & 0xFFFFFFFF
    found = np.stack(
        [key >> 32, asset & ((1 << CAUSE_BITS) - 1), asset >> CAUSE_BITS, rows["amount"]], axis=1
    )
    return found[np.lexsort((found[:, 2], found[:, 1], found[:, 0]))]


def owed_rows(tables) -> np.ndarray:
    """int64 [n, 3]: account, asset, what its fees owe its referrer; where that is not 0."""
    slots = tables.funds.balances.view(np.ndarray)
    slots = slots[slots["owed"] != 0]
    key = slots["key"] - 1
    rows = np.stack([key >> 32, key & 0xFFFFFFFF, slots["owed"]], axis=1)
    return rows[np.lexsort((rows[:, 1], rows[:, 0]))]


def member_rows(tables, accounts: int) -> np.ndarray:
    """int64 [n, 4]: account, KYC level, referrer + 1, share; where one of them is not 0."""
    rows = _numbered(columns(tables.funds.accounts, accounts, MEMBER_WORDS))
    return rows[rows[:, 1:].any(axis=1)]


def owned(arrays: dict[str, np.ndarray]) -> np.ndarray:
    """int64 [balances, 4] of a snapshot: account, asset, free, and held with what is reserved."""
    rows, reserves = arrays["balances"].copy(), arrays["reserves"]
    where = (rows[:, 0] << 32) | rows[:, 1]
    at = np.searchsorted(where, (reserves[:, 0] << 32) | reserves[:, 1])
    np.add.at(rows[:, 3], at, reserves[:, 3])
    return rows


def columns(table: np.ndarray, count: int, names: tuple[str, ...]) -> np.ndarray:
    """The named columns of the first rows as int64 [count, names]."""
    rows = table.view(np.ndarray)[:count]
    return np.stack([rows[name].astype(np.int64) for name in names], axis=1)


def snapshot(kernel) -> dict[str, np.ndarray]:
    """The state as int64 arrays by section name."""
    tables = kernel.tables
    assets, markets = asset_count(tables), int(tables.limits[MARKETS])
    accounts = int(tables.limits[ACCOUNTS])
    return {
        "meta": np.array([kernel.position, kernel.sequence, kernel.time_ns], np.int64),
        "parameters": tables.limits[:PARAMETERS].copy(),
        "assets": np.stack(
            [
                tables.assets.decimals[:assets],
                tables.assets.supply[:assets],
                tables.funds.fees[:assets].sum(axis=1),
            ],
            axis=1,
        ),
        "markets": columns(tables.books.markets, markets, MARKET_WORDS),
        "rates": tables.books.rates[:markets].reshape(markets, 2 * TIERS).copy(),
        "accounts": columns(tables.funds.accounts, accounts, ACCOUNT_WORDS),
        "balances": balance_rows(tables),
        "orders": order_rows(kernel),
        "members": member_rows(tables, accounts),
        "reserves": reserve_rows(tables),
        "owed": owed_rows(tables),
    }


def restore(kernel, arrays: dict[str, np.ndarray]) -> None:
    """Fill an unused kernel from a snapshot. Raises RuntimeError when the kernel was used."""
    if kernel.position:
        raise RuntimeError(f"a kernel at position {kernel.position} cannot take over a snapshot")
    tables = kernel.tables
    a = {name: np.ascontiguousarray(rows, dtype=np.int64) for name, rows in arrays.items()}
    _make_room(tables, a)
    tables.limits[:PARAMETERS] = a["parameters"]
    tables.limits[ASSETS], tables.limits[MARKETS] = len(a["assets"]), len(a["markets"])
    tables.limits[ACCOUNTS] = len(a["accounts"])
    assets, markets = len(a["assets"]), len(a["markets"])
    tables.assets.decimals[:assets] = a["assets"][:, 0]
    tables.assets.supply[:assets] = a["assets"][:, 1]
    tables.funds.fees[:assets, 0] = a["assets"][:, 2]
    for k, name in enumerate(MARKET_WORDS):
        tables.books.markets.view(np.ndarray)[name][:markets] = a["markets"][:, k]
    tables.books.rates[:markets] = a["rates"].reshape(markets, TIERS, 2)
    for k, name in enumerate(ACCOUNT_WORDS):
        tables.funds.accounts.view(np.ndarray)[name][: len(a["accounts"])] = a["accounts"][:, k]
    for k, name in enumerate(MEMBER_WORDS):
        column = tables.funds.accounts.view(np.ndarray)[name]
        column[a["members"][:, 0]] = a["members"][:, k + 1]
    with np.errstate(over="ignore"):
        read_balances(tables.funds, a["balances"])
        read_aside(tables.funds, a["reserves"], a["owed"])
        read_orders(tables.funds, tables.books, kernel.scratch(), a["orders"])
    kernel.position, kernel.sequence, kernel.time_ns = (int(word) for word in a["meta"])


def _make_room(tables, a: dict[str, np.ndarray]) -> None:
    counts = np.zeros(64, np.int64)
    counts[:16] = np.bincount(a["balances"][:, 0] % FUNDS_PARTITIONS, minlength=16)
    keyed = a["orders"][a["orders"][:, 14] != 0]
    counts[16:32] = np.bincount(keyed[:, 3] % FUNDS_PARTITIONS, minlength=16)
    counts[32:48] = np.bincount(a["orders"][:, 0] % BOOK_PARTITIONS, minlength=16)
    counts[48] = len(a["accounts"])
    counts[49] = max(len(a["assets"]), len(a["markets"]))
    counts[50] = 1 + len(a["reserves"])
    tables.ensure(counts)


def state_hash(kernel) -> str:
    """Hex SHA-256 of the sections of docs/reference/kernel-rules.md."""
    s = snapshot(kernel)
    numbers = np.flatnonzero(BOUNDS[:, 0] == 0)
    changed = s["parameters"][numbers] != BOUNDS[numbers, 3]
    numbers = numbers[(numbers <= FIRST_PARAMETERS) | changed]
    balances = s["balances"]
    sections = [
        np.append(s["meta"], len(balances)).reshape(1, 4),
        np.stack([numbers, s["parameters"][numbers]], axis=1),
        _numbered(s["assets"]),
        _numbered(np.hstack([s["markets"], s["rates"]])),
        _numbered(s["accounts"]),
        balances[(balances[:, 2] != 0) | (balances[:, 3] != 0)],
        s["orders"],
        s["members"],
        s["reserves"],
        s["owed"],
    ]
    digest = sha256()
    for number, rows in enumerate(sections):
        if number > 6 and not len(rows):
            continue  # what old logs know nothing of leaves their hash as it was
        digest.update(np.array([number, len(rows)], "<i8"))
        digest.update(np.ascontiguousarray(rows, "<i8"))
    return digest.hexdigest()


def _numbered(rows: np.ndarray) -> np.ndarray:
    return np.hstack([np.arange(len(rows), dtype=np.int64)[:, None], rows])
