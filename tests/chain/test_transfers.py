"""What a receipt says was paid."""

import json

import pytest

from excraft.chain import transfers
from excraft.chain.errors import BadAnswer

pytestmark = pytest.mark.anyio
HASH = "0x" + "aa" * 32
RECEIPT = {
    "transactionHash": HASH, "blockNumber": "0x10", "blockHash": "0x" + "bb" * 32, "status": "0x1",
    "gasUsed": "0x5208", "effectiveGasPrice": "0x3b9aca00", "logs": [],
}  # fmt: skip


class Says:
    """A node with one answer."""

    name = "a node"

    def __init__(self, **more) -> None:
        self.receipt = RECEIPT | more

    async def batch(self, calls):
        return [json.dumps(self.receipt).encode()]


@pytest.mark.parametrize(
    ("more", "below"),
    [({}, 0), ({"l1Fee": None}, 0), ({"l1Fee": "0x0"}, 0), ({"l1Fee": "0x1bc16d674ec80"}, 0)],
)
async def test_gas_paid_is_all_that_left_with_what_the_chain_below_asked(more, below):
    mined = (await transfers.mined(Says(**more), [HASH]))[HASH]
    below = int(more.get("l1Fee") or "0x0", 16)
    assert mined.gas_paid == 21_000 * 10**9 + below
    assert mined.succeeded and mined.block == 16


async def test_a_fee_that_is_no_number_is_a_bad_answer():
    with pytest.raises(BadAnswer):
        await transfers.mined(Says(l1Fee=7), [HASH])
