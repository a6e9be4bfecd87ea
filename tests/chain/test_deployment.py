"""Contracts are deployed once, found again, and missed when they are gone."""

import msgspec
import pytest

from excraft.chain.anvil import Anvil
from excraft.chain.contracts import NAMES
from excraft.chain.deployment import Deployment, check, contracts_of, deploy, read
from excraft.chain.errors import ContractRefused, Lost
from tests.chain.deployed import ADMIN, HOLDER, OPERATOR, REWARD_WINDOW, SUPPLY, TERMS, Town

pytestmark = pytest.mark.anyio


async def blocks(town: Town) -> int:
    return (await town.node.head()).number


async def test_all_are_deployed_and_know_each_other(town):
    token, vault, rounds, rewards = town.contracts
    assert await token.ask("balanceOf", HOLDER.address) == SUPPLY
    for contract in (vault, rewards):
        assert (await contract.ask("token")).lower() == token.address
    for contract in (rounds, rewards):
        role = await contract.ask("OPERATOR")
        assert await contract.ask("hasRole", role, OPERATOR.address)
        assert not await contract.ask("hasRole", role, ADMIN.address)
        assert await contract.ask("hasRole", bytes(32), ADMIN.address)
        assert not await contract.ask("hasRole", bytes(32), HOLDER.address)
    assert await rewards.ask("window") == REWARD_WINDOW


async def test_a_second_start_deploys_nothing(town, tmp_path):
    before, found = await blocks(town), town.deployment
    await town.deploy(tmp_path / "contracts.json")
    assert await blocks(town) == before and town.deployment == found
    assert read(tmp_path / "contracts.json") == found and found.whole


@pytest.mark.parametrize("done", range(len(NAMES)))
async def test_who_was_stopped_in_between_goes_on(town, tmp_path, done):
    kept = {name: town.deployment.contracts[name] for name in NAMES[:done]}
    part = msgspec.structs.replace(town.deployment, contracts=kept)
    path = tmp_path / "part.json"
    path.write_bytes(msgspec.json.encode(part))
    with pytest.raises(ValueError, match=f"not deployed yet: {', '.join(NAMES[done:])};"):
        contracts_of(town.node, part)
    before = await blocks(town)
    found = await deploy(await town.wallet(HOLDER), TERMS, path)
    assert await blocks(town) == before + len(NAMES) - done
    assert all(found.contracts[name] == kept[name] for name in kept) and found.whole
    await check(town.node, found)


async def test_other_terms_are_no_new_deployment(town, tmp_path):
    other = msgspec.structs.replace(TERMS, unstake_delay_s=1)
    with pytest.raises(ValueError, match="what is deployed cannot be changed"):
        await town.deploy(tmp_path / "contracts.json", other)


async def test_terms_need_addresses_that_were_not_mistyped(town, tmp_path):
    other = msgspec.structs.replace(TERMS, guardian=TERMS.guardian.lower())
    with pytest.raises(ValueError, match="guardian .0x.* is no address with the capitals"):
        await town.deploy(tmp_path / "other.json", other)
    assert read(tmp_path / "other.json") is None


async def test_bounds_are_said_by_the_contract(town, tmp_path):
    other = msgspec.structs.replace(TERMS, unstake_delay_s=31 * 86_400)
    with pytest.raises(ContractRefused, match="DelayTooLong.delay 2678400, most 2592000"):
        await town.deploy(tmp_path / "other.json", other)
    assert [*read(tmp_path / "other.json").contracts] == ["ExtToken"]


async def test_a_wiped_chain_is_noticed_and_deployed_on_nothing(town, tmp_path):
    anvil = Anvil()
    wiped = Town(anvil)
    try:
        with pytest.raises(Lost, match="ExtToken is not at 0x.*: the chain was wiped, or it is an"):
            await wiped.deploy(tmp_path / "contracts.json")
        assert await blocks(wiped) == 0
    finally:
        await wiped.node.close()
        anvil.stop()


async def test_another_chain_or_other_code_is_noticed(town):
    with pytest.raises(Lost, match="on chain 5, not on 31337"):
        await check(town.node, msgspec.structs.replace(town.deployment, chain=5))
    address = town.deployment.contracts["Rounds"].address
    await town.ask("anvil_setCode", address, "0x6001")
    with pytest.raises(Lost, match=f"Rounds at {address} has other code"):
        await check(town.node, town.deployment)


def test_a_file_that_is_none_is_said(tmp_path):
    path = tmp_path / "contracts.json"
    path.write_text("{}")
    with pytest.raises(ValueError, match="contracts.json: .*chain"):
        read(path)
    assert Deployment(1, TERMS).whole is False
