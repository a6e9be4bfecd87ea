"""Hostile tokens on the list by mistake, through the watcher, the ledger and the comparison.

Never is more credited than the address can give back; others' coin is credited as ever; and where
the token's own word differs from what arrived, withdrawals freeze until somebody has looked.
"""

from collections import Counter

import pytest

from excraft.custody import reconcile
from excraft.custody.chains import ChainAsset, ChainEntry, ChainsFile, Listed
from excraft.custody.service import Custody
from excraft.custody.signer.keys import made
from tests.chain.local import (
    HIDES_BALANCE,
    HONEST,
    MOVES_NOTHING,
    REENTERS,
    TAKES_FEE,
    TELLS_TWICE,
)
from tests.custody.conftest import ETHER
from tests.custody.test_service import COLD, HOT, Log

pytestmark = pytest.mark.anyio
COIN, EVIL = 3, 4
SENT = 1_000_000


class Served:
    """A custody of the coin and one token, polled by hand."""

    def __init__(self, chain, database, xpub: str, token: str) -> None:
        self.chain, self.log, self.alerts = chain, Log(), []
        fees = {"withdraw_fee": "0", "withdraw_minimum": "0.01"}
        assets = [ChainAsset("ETH", 18, **fees), ChainAsset("EVIL", 6, **fees, token=token)]
        entry = ChainEntry(31337, "LOCAL", chain.anvil.url, HOT, COLD, assets, 1, 0, 10)
        listed = {"ETH": Listed(COIN, 8), "EVIL": Listed(EVIL, 6)}
        self.custody = Custody(
            ChainsFile(xpub, [entry]), database, self.log, self.log, lambda: listed,
            self.alerts.append,
        )  # fmt: skip
        [self.watched] = self.custody.chains.values()

    async def poll(self) -> str:
        """One round; why withdrawals are frozen."""
        await self.chain.mine()
        await self.custody._poll(self.watched)
        await self.custody.look_at_alarms()
        return self.custody.withdrawals_frozen


@pytest.fixture
async def serve(chain, database, monkeypatch, tmp_path):
    monkeypatch.setattr(reconcile, "PAUSE_S", 0.0)
    served = []

    async def serve(fault: int) -> tuple[Served, object]:
        token = await chain.deploy(fault, 10**12)
        served.append(Served(chain, database, made(tmp_path / "keys").xpub, token.address))
        assert await served[0].poll() == "" or fault == HIDES_BALANCE
        return served[0], token

    yield serve
    for each in served:
        await each.custody.close()


@pytest.mark.parametrize(
    "fault, credited, frozen",
    [
        (HONEST, [SENT], ""),
        (TAKES_FEE, [SENT - SENT // 100], ""),  # what arrived, and all of it is explained
        (MOVES_NOTHING, [], ""),
        (REENTERS, [SENT], ""),  # three events, one arrival
        (HIDES_BALANCE, [], "does not tell the balance"),
        (TELLS_TWICE, [SENT], f"holds {SENT} more units"),
    ],
)
async def test_a_hostile_token_is_credited_with_what_arrived(serve, fault, credited, frozen):
    served, token = await serve(fault)
    custody, chain = served.custody, served.chain
    await token.send(await custody.address(1), SENT)
    await chain.send(await custody.address(2), ETHER)
    why = await served.poll()
    assert (frozen in why) and bool(why) == bool(frozen), why
    totals = Counter()
    for _, asset, atoms, _ in served.log.credits:
        totals[asset] += atoms
    expected = Counter({COIN: 10**8}) + Counter({EVIL: sum(credited)})
    if fault == HIDES_BALANCE:  # its alarm came first: it holds up the credits of this chain
        expected = Counter()
    assert totals == expected
    if fault not in (HIDES_BALANCE, TELLS_TWICE):
        held = await token.contract.functions.balanceOf(await custody.address(1)).call()
        assert held == sum(credited)
    assert bool(served.alerts) == bool(frozen)
