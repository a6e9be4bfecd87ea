"""Hashes and the line in front of them."""

import asyncio
import threading

import pytest
from argon2 import PasswordHasher

from excraft.accounts import passwords
from excraft.accounts.passwords import Passwords, standard_hasher
from excraft.accounts.refusals import Refused


@pytest.fixture
def anyio_backend():
    return "asyncio"


def test_the_parameters_are_those_written_down():
    made = standard_hasher().hash("correct horse")
    assert made.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.anyio
async def test_a_full_line_refuses_at_once_and_is_free_again():
    begun, gate, most = threading.Semaphore(0), threading.Event(), []

    class Slow(PasswordHasher):
        def verify(self, stored, password):
            begun.release()
            most.append(threading.active_count())
            gate.wait(10)
            return super().verify(stored, password)

    line = Passwords(Slow(1, 8, 1), waiting_max=3)
    before = threading.active_count()
    stored = await line.hash("correct horse")
    jobs = [asyncio.create_task(line.verify(stored, "correct horse")) for _ in range(5)]
    await asyncio.sleep(0)
    with pytest.raises(Refused, match="try again soon") as refused:
        await line.verify(stored, "one too many")
    assert refused.value.code == "busy"
    jobs[0].cancel()  # who goes away does not make room before the work is done
    await asyncio.sleep(0)
    with pytest.raises(Refused, match="try again soon"):
        await line.verify(stored, "one too many")
    known = asyncio.create_task(line.verify(stored, "correct horse", known=True))
    await asyncio.sleep(0)
    assert not known.done()  # strangers filled their own line only
    gate.set()
    assert await asyncio.gather(*jobs[1:], known) == [True] * 5
    assert max(most) <= before + passwords.AT_ONCE
    assert not await line.verify(stored, "wrong") and not await line.verify(None, "nobody's")
    line.close()


@pytest.mark.parametrize(
    "bad", ["short", "aaaaaaaaaaaaaaaa", "", "x" * 257, "\ufdfa" * 200, "ann@example.org"]
)
def test_passwords_nobody_may_take(bad):
    with pytest.raises(Refused) as refused:
        passwords.read_new(bad, "ann@example.org")
    assert refused.value.code == "bad_password"
