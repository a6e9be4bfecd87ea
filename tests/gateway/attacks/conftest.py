"""The venue, the shop, and a whole town of people who own something."""

import pytest

from excraft.accounts import actors
from excraft.accounts.acts import ADMINISTRATOR, BUILT_IN, Act
from tests.gateway.account.conftest import shop as shop
from tests.gateway.attacks.town import town_of


@pytest.fixture
async def town(shop, tmp_path):  # noqa: F811
    """Every part of an exchange, a victim who owns one of everything, and everybody else."""
    async with town_of(shop, tmp_path) as found:
        yield found


@pytest.fixture
async def office(town):
    """One of each role, one whose role is worth nothing here, and who proposes and approves."""
    town.staff.roles.add(actors.shell(), "nothing", [Act.SWEEP_TO_COLD])
    roles = [role for role in BUILT_IN if role != "member"] + ["nothing"]
    people = {role: await town.join(role, role) for role in roles}
    town.root, town.people = people.pop(ADMINISTRATOR), people
    town.acting = town.root  # whom a row is made for
    town.teller = await town.join("teller", "finance")
    town.second = await town.join("second", "finance")
    for browser in (town.root, *people.values(), town.teller, town.vera, town.mallory):
        await browser.login(browser.email, code=browser.code())
    return town
