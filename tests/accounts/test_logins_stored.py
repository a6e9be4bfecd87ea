"""Passkeys, wallets and networks in both databases, also when two ask at once."""

import threading

import pytest
from sqlalchemy import func, select

from excraft.accounts.known_networks import NETWORKS_MAX, KnownNetworks
from excraft.accounts.origins import Origin
from excraft.accounts.passkeys import PASSKEYS_MAX, Answer, Passkeys, new_challenge
from excraft.accounts.people import People
from excraft.accounts.refusals import Refused
from excraft.accounts.second_factor import SecondFactors
from excraft.accounts.wallets import WALLETS_MAX, Wallet, Wallets
from excraft.store.schema_people import login_networks
from tests.gateway.account.authenticator import Authenticator

HERE = Origin.read("http://localhost")


@pytest.fixture
def ann(database, secret_box):
    with database.write_durable() as connection:
        return People(database, secret_box).add(connection, "ann@example.org", "x")


@pytest.fixture
def passkeys(database, secret_box):
    return Passkeys(database, secret_box, lambda: 7)


def add(database, passkeys, person_id, authenticator):
    challenge = new_challenge()
    made = authenticator.create(passkeys.creation(person_id, "ann", HERE, challenge))
    with database.write_durable() as connection:
        return passkeys.add(connection, person_id, Answer(made, challenge, HERE), "laptop")


def answer(passkeys, authenticator):
    challenge = new_challenge()
    return Answer(authenticator.get(passkeys.request(HERE, challenge)), challenge, HERE)


def together(work, *given):
    """What each of them came to when all began at once: a value, or the code of its refusal."""
    found, begin = [], threading.Barrier(len(given))

    def run(one):
        begin.wait(10)
        try:
            found.append(work(one))
        except Refused as refused:
            found.append(refused.code)

    threads = [threading.Thread(target=run, args=(one,)) for one in given]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return found


def test_of_two_answers_with_the_same_count_one_is_refused(database, passkeys, ann):
    key = Authenticator(count=1)
    add(database, passkeys, ann, key)
    given = []
    for _ in range(4):
        key.count = 1
        given.append(answer(passkeys, key))
    assert sorted(map(str, together(passkeys.check, *given))) == [str(ann)] + ["wrong_passkey"] * 3


def test_a_passkey_that_never_counts_works_again_and_again(database, passkeys, ann):
    key = Authenticator()
    add(database, passkeys, ann, key)
    assert [passkeys.check(answer(passkeys, key)) for _ in range(3)] == [ann] * 3
    assert passkeys.list(ann)[0].used_ns == 7


def test_passkeys_have_an_end_and_bring_recovery_codes_once(database, passkeys, ann, secret_box):
    factors = SecondFactors(database, secret_box)
    assert not factors.on(ann)
    for _ in range(PASSKEYS_MAX):
        add(database, passkeys, ann, Authenticator())
    assert factors.on(ann) and not factors.app_on(ann)
    with pytest.raises(Refused, match="the most there may be"):
        add(database, passkeys, ann, Authenticator())
    with database.write_durable() as connection:
        assert len(factors.first_recovery(connection, ann)) == 10
        assert factors.first_recovery(connection, ann) == []


def test_one_wallet_is_linked_once(database, secret_box, ann):
    wallets = Wallets(database, secret_box, lambda: 7)

    def link(address):
        with database.write_durable() as connection:
            wallets.link(connection, ann, Wallet(address))

    assert sorted(map(str, together(link, "0xA", "0xA", "0xA"))) == ["None"] + ["already_on"] * 2
    assert wallets.owner(Wallet("0xA")) == ann and wallets.owner(Wallet("0xB")) is None
    for number in range(WALLETS_MAX - 1):
        link(f"0x{number}")
    with pytest.raises(Refused, match="the most there may be"):
        link("0xC")


def test_networks_are_new_once_and_the_oldest_is_forgotten(database, secret_box, ann):
    now = iter(range(10**6))
    networks = KnownNetworks(database, secret_box, lambda: next(now))
    assert (
        sorted(together(lambda _: networks.seen(ann, "192.0.2.1"), *"abcd")) == [False] + [True] * 3
    )
    assert networks.seen(ann, "192.0.2.200") and not networks.seen(ann, "192.0.3.1")
    assert not networks.seen(ann, "2001:db8:1::1") and networks.seen(ann, "2001:db8:1:9::1")
    assert networks.seen(ann, "::ffff:192.0.2.9") and not networks.seen(ann, "a socket")
    for number in range(NETWORKS_MAX):
        networks.seen(ann, f"198.51.{number}.1")
    with database.read() as connection:
        count = select(func.count()).select_from(login_networks)
        assert connection.execute(count).scalar_one() == NETWORKS_MAX
    assert not networks.seen(ann, "192.0.3.1")
