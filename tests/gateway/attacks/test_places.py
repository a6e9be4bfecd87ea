"""Nothing can be called that no attack is made for, and no attack is made for what is gone."""

import pytest

from tests.gateway.attacks.account_rows import ACCOUNT
from tests.gateway.attacks.open_rows import OPEN
from tests.gateway.attacks.places import places_of
from tests.gateway.attacks.staff_rows import STAFF
from tests.gateway.attacks.trading_rows import REST, WS

pytestmark = pytest.mark.anyio


async def test_every_place_is_attacked(town):
    known = {*REST, *WS, *ACCOUNT, *STAFF, *OPEN}
    found = places_of(town.app)
    assert found - known == set(), "say in the rows who may call these, and with what"
    assert known - found == set(), "these are gone"
