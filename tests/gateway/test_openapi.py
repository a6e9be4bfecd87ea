"""/openapi.json names every act and the public lists, with the shapes that are really read."""

import pytest

from excraft.gateway import account
from excraft.gateway.app import application

pytestmark = pytest.mark.anyio


async def test_every_act_and_public_route_is_in_it(venue):
    from excraft.gateway.openapi import document

    class Desk:
        origin = None

    venue.exchange.desk = Desk()
    app = application(venue.exchange)
    made = document([r for r in app.routes if getattr(r, "path", "").startswith("/merit")
                     and hasattr(r, "methods")])  # fmt: skip
    for method, path in account.ACTS.places():
        assert method.lower() in made["paths"][f"/account/{path}"], path
    assert "the numbers that hold" in made["paths"]["/merit"]["get"]["description"]
    stake = made["paths"]["/account/merit/stake"]["post"]
    name = stake["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
    schema = made["components"]["schemas"][name]
    assert schema["required"] == ["amount"] and schema["additionalProperties"] is False
    assert stake["security"] == [{"session": []}]
    assert [p["name"] for p in stake["parameters"]] == ["X-CSRF-Token"]
    day = made["paths"]["/account/merit/days/{day}"]["get"]
    assert [p["name"] for p in day["parameters"]] == ["day"]
