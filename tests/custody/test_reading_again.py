"""Blocks that are read a second time, because a node had denied a token transfer."""

import pytest

from excraft.chain.errors import BadAnswer
from excraft.custody import reconcile
from excraft.custody.reading_again import BLOCKS_MAX, missed
from excraft.custody.signer.keys import made
from excraft.gateway import admin_custody
from excraft.gateway.admin import Refused
from tests.chain.local import HONEST
from tests.custody.conftest import ETHER
from tests.custody.test_found import Found

pytestmark = pytest.mark.anyio


class Denied(Found):
    """A chain whose node tells no logs while `denies`; a token is listed, with one transfer."""

    denies = False

    async def begin(self) -> None:
        self.token = await self.chain.deploy(HONEST, 10**12)
        self.list_token(self.token.address)
        assert await self.poll() == ""
        told = self.watched.node.blocks

        async def blocks(first, last, tokens):
            found, logs = await told(first, last, tokens)
            return found, [] if self.denies else logs

        self.watched.node.blocks = blocks
        self.address = await self.custody.address(7)

    async def deny(self, units: int) -> int:
        """The block with a transfer that the node denied."""
        self.denies = True
        self.watched.reconcile._all_due = 0.0  # every address is compared
        await self.token.send(self.address, units)
        frozen = await self.poll()
        self.denies = False
        assert f"holds {units} more units of" in frozen
        return self.custody.tip(31337)

    async def again(self, first: int, last: int, reason: str = "the node denied it") -> dict:
        return await admin_custody.custody_read_again(self.exchange, "LOCAL", first, last, reason)

    async def resolve(self) -> str:
        alarm = self.custody.status()["alarms"][0]["id"]
        return await admin_custody.custody_resolve(self.exchange, alarm, "read again")


@pytest.fixture
async def denied(chain, database, monkeypatch, tmp_path):
    monkeypatch.setattr(reconcile, "PAUSE_S", 0.0)
    denied = Denied(chain, database, made(tmp_path / "keys").xpub)
    await denied.begin()
    yield denied
    await denied.custody.close()


async def test_what_was_denied_is_found_and_credited_once(denied):
    block = await denied.deny(5_000_000)
    answer = await denied.again(block - 1, block)
    assert [row["units"] for row in answer["new"]] == ["5000000"] and answer["explained"] == []
    assert (await denied.again(block - 1, block)) == {"new": [], "explained": []}
    assert denied.log.credits == [], "not before somebody looked at the alarm"
    await denied.poll()
    assert await denied.resolve() == ""
    assert await denied.poll() == ""
    assert await denied.rows() == [(7, 5_000_000, "CREDITED")]
    assert [c[:3] for c in denied.log.credits] == [(7, 4, 5_000_000)]
    assert await denied.poll() == ""


async def test_what_the_exchange_took_as_its_own_is_not_credited_too(denied):
    block = await denied.deny(5_000_000)
    await admin_custody.custody_accept(
        denied.exchange, "LOCAL", "TOK", denied.address, "5000000", "a gift"
    )
    assert len((await denied.again(block, block))["explained"]) == 1
    await denied.resolve()
    assert await denied.poll() == "" and denied.log.credits == []


async def test_no_more_than_the_address_holds_too_much(denied):
    """Two were denied, and one of them was given to the exchange meanwhile."""
    first = await denied.deny(3_000_000)
    await admin_custody.custody_accept(
        denied.exchange, "LOCAL", "TOK", denied.address, "3000000", "a gift"
    )
    await denied.resolve()
    assert await denied.poll() == ""
    last = await denied.deny(2_000_000)
    answer = await denied.again(first, last)
    assert [row["units"] for row in answer["new"]] == ["2000000"]
    assert [row["units"] for row in answer["explained"]] == ["3000000"]


async def test_coin_that_was_found_meanwhile_is_not_credited_twice(denied):
    await denied.chain.send(denied.address, ETHER)
    assert await denied.poll() == ""
    tip = denied.custody.tip(31337)
    assert await denied.again(tip, tip) == {"new": [], "explained": []}
    assert await denied.rows() == [(7, ETHER, "CREDITED")]


async def test_another_chain_is_not_believed(denied):
    await denied.poll()
    tip = denied.custody.tip(31337)
    await denied.chain.reorganise(2)
    async with denied.custody.turn:
        with pytest.raises(BadAnswer, match="another than the one that was read"):
            await missed(denied.watched, tip - 1, tip)
    with pytest.raises(Refused, match="another than the one that was read"):
        await denied.again(tip - 1, tip)


async def test_wrong_ranges_and_no_reason(denied):
    tip = denied.custody.tip(31337)
    for first, last in ((0, tip + 1), (2, 1), (-1, 0), (0, BLOCKS_MAX)):
        with pytest.raises(ValueError, match="read so far are those up to"):
            await denied.again(first, last)
    with pytest.raises(Refused, match="say why"):
        await denied.again(0, 1, " ")
    with pytest.raises(Refused, match="no chain"):
        await admin_custody.custody_read_again(denied.exchange, "OTHER", 0, 1, "x")
