"""The tables of a kernel; before a record runs they grow to hold all that it can do."""

import numpy as np

from excraft.kernel.administer import ASSETS, BOUNDS, PARAMETERS
from excraft.kernel.book import index_add
from excraft.kernel.compiled import entry, i64
from excraft.kernel.funds import add_client, balance_key, find_balance, open_balance
from excraft.kernel.layout import (
    ACCOUNT,
    APART,
    BALANCE,
    BOOK_PARTITIONS,
    CLIENT,
    EXTRA,
    FREE,
    FRESH,
    FUNDS_PARTITIONS,
    LEVEL,
    LEVELS,
    MARKET,
    OPEN,
    ORDER,
    QUEUE,
    RESERVED,
    Assets,
    Books,
    Funds,
    grown,
    table,
)
from excraft.kernel.reserve import ACCOUNTS, LIMIT_WORDS, MARKETS
from excraft.parameters import TIERS


def power_of_two(least: int) -> int:
    """The smallest power of two that is not less."""
    return 1 << max(4, (least - 1).bit_length())


def apart(partitions: int) -> np.ndarray:
    """A counter for each partition, in a cache line of its own: threads count all the time."""
    return np.zeros((partitions, APART), np.int64)[:, 0]


@entry
def most_used(funds, books, counts, used):
    """What the fullest partition can come to hold: used[0] balances, [1] client keys, [2] orders,
    [3] level rows."""
    for k in range(4):
        used[k] = 0
    for p in range(FUNDS_PARTITIONS):
        balances = i64(funds.balance_count[p]) + i64(counts[p]) + i64(counts[51])
        used[0] = max(i64(used[0]), balances)
        used[1] = max(i64(used[1]), i64(funds.client_count[p]) + i64(counts[16 + p]))
    for p in range(BOOK_PARTITIONS):
        opened, placed = i64(books.pool[p, OPEN]), i64(counts[32 + p])
        used[2] = max(i64(used[2]), opened + placed)
        used[3] = max(i64(used[3]), i64(books.pool[p, LEVELS]) + 4 * opened + 12 * placed + 64)


@entry
def copy_balances(old, new, counts, partition):
    """Enter every balance of one partition into a larger table."""
    counts[partition] = 0
    for k in range(len(old)):
        if old[k].key != 0:
            at = open_balance(new, counts, partition, i64(old[k].key))
            new[at].free = old[k].free
            new[at].held = old[k].held
            new[at].owed = old[k].owed


@entry
def copy_reserves(old, new, counts):
    """Enter every reserved sum into a larger table."""
    counts[0] = 0
    for k in range(len(old)):
        if old[k].key != 0:
            new[open_balance(new, counts, 0, i64(old[k].key))].amount = old[k].amount


@entry
def relink_balances(books, funds):
    """Point all open orders to the places their balances have now."""
    for p in range(BOOK_PARTITIONS):
        orders = books.orders[p]
        for slot in range(i64(books.pool[p, FRESH])):
            order = orders[slot]
            if order.id != 0:
                m = books.markets[i64(order.market)]
                account = i64(order.account)
                slots = funds.balances[account % FUNDS_PARTITIONS]
                base = find_balance(slots, balance_key(account, m.base_asset))
                quote = find_balance(slots, balance_key(account, m.quote_asset))
                order.pay = quote if order.side == 0 else base
                order.receive = base if order.side == 0 else quote


@entry
def copy_clients(old, new):
    """Enter every client key of one partition into a larger table."""
    for k in range(len(old)):
        if old[k].order_id != 0:
            add_client(new, i64(old[k].account), i64(old[k].key), old[k].market, old[k].order_id)


@entry
def reindex(orders, fresh, index):
    """Enter every open order of one partition into an empty index."""
    for slot in range(fresh):
        if orders[slot].id != 0:
            index_add(index, i64(orders[slot].id), slot)


class Tables:
    """All state of a kernel: `limits` (exchange parameters and counts), funds, books, assets."""

    def __init__(self) -> None:
        self.limits = np.zeros(LIMIT_WORDS, np.int64)
        self.limits[:PARAMETERS] = np.where(BOUNDS[:PARAMETERS, 0] == 0, BOUNDS[:PARAMETERS, 3], 0)
        f, b = FUNDS_PARTITIONS, BOOK_PARTITIONS
        self.funds = Funds(
            accounts=table(ACCOUNT, 16),
            balances=table(BALANCE, f, 16),
            balance_count=apart(f),
            clients=table(CLIENT, f, 16),
            client_count=apart(f),
            fees=table(np.dtype(np.int64), 16, f),
            reserves=table(RESERVED, 16),
            reserve_count=np.zeros(1, np.int64),
        )
        self.books = Books(
            orders=table(ORDER, b, 16),
            extras=table(EXTRA, b, 16),
            index=np.zeros((b, 32), np.int64),
            free=np.zeros((b, 16), np.int32),
            pool=np.zeros((b, APART), np.int64),
            levels=table(LEVEL, b, 16),
            queues=table(QUEUE, 16 * 4),
            markets=table(MARKET, 16),
            rates=np.zeros((16, TIERS, 2), np.int64),
        )
        self.assets = Assets(np.zeros(16, np.int64), np.zeros(16, np.int64))
        self._used = np.zeros(4, np.int64)

    @property
    def open_orders(self) -> int:
        return int(self.books.pool[:, OPEN].sum())

    def ensure(self, counts: np.ndarray) -> None:
        """Room for a record with these needs (see step.census)."""
        funds, books = self.funds, self.books
        if counts[50]:
            self._ensure_lists(int(counts[48]), int(counts[49]))
            funds, books = self.funds, self.books
        most_used(funds, books, counts, self._used)
        balances, clients, orders, levels = self._used.tolist()
        if 2 * balances > funds.balances.shape[1]:
            self._grow_balances(balances)
        if 2 * clients > funds.clients.shape[1]:
            self._grow_clients(clients)
        reserves = int(funds.reserve_count[0]) + int(counts[50])
        if 2 * reserves > len(funds.reserves):
            self._grow_reserves(reserves)
        if orders > books.orders.shape[1]:
            self._grow_orders(orders)
        if levels > books.levels.shape[1]:
            most = int(books.pool[:, LEVELS].max())
            levels = grown(self.books.levels, power_of_two(levels), most)
            self.books = self.books._replace(levels=levels)

    def _ensure_lists(self, accounts: int, listed: int) -> None:
        """Room for new accounts, assets and markets."""
        need = int(self.limits[ACCOUNTS]) + accounts
        if need > len(self.funds.accounts):
            table_ = grown(self.funds.accounts, power_of_two(need))
            self.funds = self.funds._replace(accounts=table_)
        need = int(self.limits[ASSETS]) + listed
        if need > len(self.assets.decimals):
            size = power_of_two(need)
            self.assets = Assets(*(grown(column, size) for column in self.assets))
            fees = table(np.dtype(np.int64), size, FUNDS_PARTITIONS)
            fees[: len(self.funds.fees)] = self.funds.fees
            self.funds = self.funds._replace(fees=fees)
        need = int(self.limits[MARKETS]) + listed
        if need > len(self.books.markets):
            size = power_of_two(need)
            rates = np.zeros((size, TIERS, 2), np.int64)
            rates[: len(self.books.rates)] = self.books.rates
            self.books = self.books._replace(
                markets=grown(self.books.markets, size),
                queues=grown(self.books.queues, 4 * size),
                rates=rates,
            )

    def _grow_balances(self, need: int) -> None:
        old = self.funds.balances
        new = table(BALANCE, FUNDS_PARTITIONS, power_of_two(3 * need))
        for p in range(FUNDS_PARTITIONS):
            copy_balances(old[p], new[p], self.funds.balance_count, p)
        self.funds = self.funds._replace(balances=new)
        relink_balances(self.books, self.funds)

    def _grow_clients(self, need: int) -> None:
        new = table(CLIENT, FUNDS_PARTITIONS, power_of_two(4 * need))
        for p in range(FUNDS_PARTITIONS):
            copy_clients(self.funds.clients[p], new[p])
        self.funds = self.funds._replace(clients=new)

    def _grow_reserves(self, need: int) -> None:
        new = table(RESERVED, power_of_two(3 * need))
        copy_reserves(self.funds.reserves, new, self.funds.reserve_count)
        self.funds = self.funds._replace(reserves=new)

    def _grow_orders(self, need: int) -> None:
        books = self.books
        size = power_of_two(need)
        fresh = int(books.pool[:, FRESH].max())
        books = books._replace(
            orders=grown(books.orders, size, fresh),
            extras=grown(books.extras, size, fresh),
            free=grown(books.free, size, int(books.pool[:, FREE].max())),
            index=table(np.dtype(np.int64), BOOK_PARTITIONS, 2 * size),
        )
        for p in range(BOOK_PARTITIONS):
            reindex(books.orders[p], int(books.pool[p, FRESH]), books.index[p])
        self.books = books
