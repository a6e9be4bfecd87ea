"""Calls are encoded strictly, and answers that are none are refused."""

import pytest

from excraft.chain.contract import Contract, View, ask_all, explained
from excraft.chain.errors import BadAnswer, ContractRefused, NodeRefused
from excraft.chain.node import Node
from tests.chain.deployed import ALICE, HOLDER, SUPPLY
from tests.chain.local import Proxy, twisted

pytestmark = pytest.mark.anyio


async def test_many_views_are_one_request(town):
    before = town.node.calls
    token, vault, *_ = town.contracts
    asked = [View(token, "totalSupply"), View(token, "balanceOf", (HOLDER.address,)),
             View(vault, "leaving", (ALICE.address,)), View(token, "symbol")]  # fmt: skip
    assert await ask_all(town.node, asked) == [SUPPLY, SUPPLY, (0, 0), "EXT"]
    assert town.node.calls == before + 1


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("stake", (-1,)), ("stake", (1 << 256,)), ("stake", ("5",)), ("stake", ()),
        ("staked", ("0x12",)), ("stakedAt", (ALICE.address, 1 << 48)),
    ],
)  # fmt: skip
async def test_what_does_not_fit_is_not_encoded(town, function, arguments):
    with pytest.raises(ValueError):
        town.contracts.vault.data(function, *arguments)


@pytest.mark.parametrize("result", ["0x12", "0xzz", 5, None, "0x" + "ff" * 31])
async def test_an_answer_that_is_none_is_refused(town, result):
    async with Proxy(town.node._url) as proxy:
        node = Node(proxy.url, town.node.chain_id)
        try:
            proxy.twist = twisted(lambda answers: answers[1].update(result=result))
            with pytest.raises(BadAnswer):
                await Contract(node, "ExtToken", town.contracts.token.address).ask("totalSupply")
        finally:
            await node.close()


async def test_a_refusal_is_told_in_the_words_of_the_contract():
    data = "0xdeadbeef" + f"{7:064x}"  # of no error of ours
    assert explained(NodeRefused("reverted", data), "it").error == ""
    hexed = "0xcd2c066e" + f"{7:064x}{8:064x}"  # OutOfOrder(uint64,uint64)
    refused = explained(NodeRefused("reverted", hexed), "Rounds.post")
    assert isinstance(refused, ContractRefused) and refused.error == "OutOfOrder"
    assert str(refused) == "Rounds.post was refused: OutOfOrder(expected 7, given 8)"
    with pytest.raises(BadAnswer):
        explained(NodeRefused("reverted", hexed[:-2]), "Rounds.post")
    with pytest.raises(NodeRefused, match="too busy"):
        explained(NodeRefused("too busy"), "Rounds.post")
