"""A local chain for each test."""

import pytest

from excraft.chain.anvil import Anvil
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
