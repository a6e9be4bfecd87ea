"""Each refusal of the kernel has an answer that clients know."""

import pytest

from excraft.gateway import errors
from excraft.gateway.errors import ApiError
from excraft.messages.reasons import Reason

TRADING = [r for r in Reason if Reason.UNKNOWN_ACCOUNT <= r <= Reason.NOT_AMENDABLE]


@pytest.mark.parametrize("reason", TRADING, ids=lambda r: r.name)
@pytest.mark.parametrize(
    "code", [errors.NEW_REJECTED, errors.CANCEL_REJECTED, errors.AMEND_REJECTED]
)
def test_every_refusal_of_a_trading_command(reason, code):
    found = errors.refusal(reason, code)
    assert isinstance(found, ApiError)
    assert found.code == code or found.code in (-1008, -1013, -1014, -1121)
    assert found.body() == {"code": found.code, "msg": found.text}
    assert found.status == (503 if found.code == -1008 else 400)


@pytest.mark.parametrize("reason", [Reason.UNKNOWN_COMMAND, Reason.TABLE_FULL, Reason.SELF_TRADE])
def test_what_is_no_refusal_of_an_order_is_a_bug(reason):
    with pytest.raises(ValueError, match=reason.name):
        errors.refusal(reason)


def test_data_is_part_of_the_body():
    assert errors.Refused(-2021, "partly", 409, data={"a": 1}).body() == {
        "code": -2021,
        "msg": "partly",
        "data": {"a": 1},
    }
