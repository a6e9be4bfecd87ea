"""The venue, the shop, and a whole town of people who own something."""

import pytest

from tests.gateway.account.conftest import shop as shop
from tests.gateway.attacks.town import town_of


@pytest.fixture
async def town(shop, tmp_path):  # noqa: F811
    """Every part of an exchange, a victim who owns one of everything, and everybody else."""
    async with town_of(shop, tmp_path) as found:
        yield found
