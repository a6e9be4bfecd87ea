"""An address belongs to one account for ever, however many ask at once."""

import threading

import pytest
from sqlalchemy import select

from excraft.custody.addresses import Addresses, Owned
from excraft.custody.errors import BadKey
from excraft.custody.extended_key import HARDENED, parse
from excraft.store.schema_custody import custody_addresses, custody_keys
from tests.custody.conftest import XPUB
from tests.custody.test_extended_key import VECTORS


def test_each_account_gets_the_next_address_and_keeps_it(any_database):
    addresses = Addresses(any_database, XPUB)
    made = [addresses.of(account) for account in (7, 0, 7, 3)]
    external = parse(XPUB).child(0)
    assert made == [external.child(n).address() for n in (0, 1, 0, 2)]
    again = Addresses(any_database, XPUB)
    assert again.of(7) == made[0]
    assert sorted(again.all()) == sorted(
        [Owned(made[0], 7, 0), Owned(made[1], 0, 1), Owned(made[3], 3, 2)]
    )


def test_many_who_ask_at_once_get_no_address_twice_and_no_number_is_lost(any_database):
    got: dict[int, set[str]] = {account: set() for account in range(10)}
    failed = []

    def ask(first: int) -> None:
        addresses = Addresses(any_database, XPUB)
        try:
            for account in range(10):
                account = (account + first) % 10
                got[account].add(addresses.of(account))
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=ask, args=(n * 2,)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert all(len(addresses) == 1 for addresses in got.values())
    assert len(set.union(*got.values())) == 10
    with any_database.read() as connection:
        numbers = connection.execute(select(custody_addresses.c.number)).scalars().all()
    assert sorted(numbers) == [*range(10)]


def test_with_a_new_key_there_are_new_addresses_and_the_old_ones_stay(database):
    old, new = Addresses(database, XPUB), Addresses(database, VECTORS[0][0])
    assert old.of(1) != new.of(1)
    assert {o.account for o in new.all()} == {1} and len(new.all()) == 2
    assert Addresses(database, XPUB).of(1) == old.of(1)


def test_a_number_without_a_key_is_passed_over(database, monkeypatch):
    addresses = Addresses(database, XPUB)
    derived = addresses._derived
    monkeypatch.setattr(addresses, "_derived", lambda n: None if n == 0 else derived(n))
    addresses.of(1)
    assert [owned.number for owned in addresses.all()] == [1]


def test_the_last_address_is_the_last(database):
    addresses = Addresses(database, XPUB)
    addresses.of(1)
    with database.write() as connection:
        connection.execute(custody_keys.update().values(next_number=HARDENED))
    with pytest.raises(BadKey, match="has given out all"):
        addresses.of(2)
    assert len(addresses.all()) == 1


def test_nobody_has_no_address(database):
    with pytest.raises(ValueError, match="account -1 belongs to nobody"):
        Addresses(database, XPUB).of(-1)
