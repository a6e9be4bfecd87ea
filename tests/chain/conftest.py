"""A local chain for each test."""

import pytest

from excraft.chain.anvil import Anvil
from tests.chain.deployed import Town
from tests.chain.local import Chain


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def anvil():
    anvil = Anvil(mining=False)
    yield anvil
    anvil.stop()


@pytest.fixture
async def chain(anvil, anyio_backend):
    chain = Chain(anvil)
    yield chain
    await chain.node.close()


@pytest.fixture(scope="module")
def mining_anvil():
    anvil = Anvil()
    yield anvil
    anvil.stop()


@pytest.fixture
async def town(mining_anvil, tmp_path, anyio_backend):
    """All contracts, deployed anew on a chain that the tests of a file share."""
    town = Town(mining_anvil)
    await town.deploy(tmp_path / "contracts.json")
    yield town
    await town.node.close()
