"""A node that stalls, lies, floods or refuses gets nowhere."""

import json

import pytest

from excraft.chain.blocks import read_receipt, read_token_transfers, whole, word
from excraft.chain.errors import (
    AnswerTooLarge,
    BadAnswer,
    NodeRefused,
    Unreachable,
    WrongChain,
)
from excraft.chain.node import Limits, Node
from tests.chain.local import HIDES_BALANCE, HONEST, Proxy, twisted

pytestmark = pytest.mark.anyio


@pytest.fixture
async def proxy(anvil, anyio_backend):
    async with Proxy(anvil.url) as proxy:
        yield proxy


class Slept(list):
    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
async def node(proxy, anyio_backend):
    slept = Slept()
    node = Node(proxy.url, 31337, Limits(seconds=0.2, answer_bytes=100_000), slept)
    node.slept = slept
    yield node
    await node.close()


async def test_blocks_carry_what_was_sent_in_them(chain):
    to = await chain.rich(3)
    sent = await chain.send(to, 10**18 + 1)
    await chain.mine(3)
    before = chain.node.calls
    blocks, logs = await chain.node.blocks(1, 3, [])
    assert chain.node.calls == before + 1 and logs == []
    assert [b.header.number for b in blocks] == [1, 2, 3]
    assert blocks[1].header.parent == blocks[0].header.hash
    [transfer] = blocks[0].transfers
    assert transfer == (sent, (await chain.rich()).lower(), to.lower(), 10**18 + 1)
    [receipt] = await chain.node.receipts([sent])
    assert receipt == (sent, blocks[0].header.hash, True, -1)
    assert await chain.node.headers([3, 1]) == [blocks[2].header, blocks[0].header]
    assert await chain.node.head() == blocks[2].header


async def test_transfers_of_tokens_and_balances_after_a_block(chain):
    token, hidden = await chain.deploy(HONEST, 1000), await chain.deploy(HIDES_BALANCE, 1000)
    to = (await chain.rich(3)).lower()
    await token.send_twice(await chain.rich(3), 5, 6)
    await chain.mine()
    blocks, logs = await chain.node.blocks(1, 3, [token.address])
    assert [(log.to, log.units, log.block) for log in logs[1:]] == [(to, 5, 3), (to, 6, 3)]
    after, before = blocks[2].header.hash, blocks[2].header.parent
    asked = [(token.address, to, after), (token.address, to, before), (hidden.address, to, after)]
    assert await chain.node.token_balances(asked) == [11, 0, None]
    assert await chain.node.token_balances([(to, to, after)]) == [None]  # no contract at all
    with pytest.raises(NodeRefused, match="eth_call"):
        await chain.node.token_balances([(token.address, to, "0x" + "12" * 32)])


async def test_another_chain_is_noticed_with_every_call(proxy, node):
    await node.head()

    def lie(answers):
        answers[0]["result"] = "0x1"

    proxy.twist = twisted(lie)
    with pytest.raises(WrongChain, match="serves chain 1, not 31337"):
        await node.head()
    assert proxy.requests == 2  # and a lie is not asked again


async def test_a_node_that_stalls_is_given_up_and_reads_are_tried_again(proxy, node):
    proxy.stall = True
    with pytest.raises(Unreachable, match="slower than 0.2 s"):
        await node.head()
    assert proxy.requests == 3 and node.slept == [0.25, 0.5]


async def test_what_changes_something_is_sent_once(proxy, node):
    proxy.stall = True
    with pytest.raises(Unreachable):
        await node.web3.eth.send_raw_transaction(b"\x01")
    assert proxy.requests == 1


async def test_a_node_that_was_away_is_read_when_it_is_back(proxy, node):
    proxy.raw = b"HTTP/1.1 503 Later\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with pytest.raises(Unreachable, match="HTTP 503"):
        await node.head()
    proxy.raw = b""
    assert (await node.head()).number == 0


@pytest.mark.parametrize("length", [b"Content-Length: 900000", b"Connection: close"])
async def test_no_more_bytes_are_kept_than_allowed(proxy, node, length):
    proxy.raw = b"HTTP/1.1 200 OK\r\n" + length + b"\r\n\r\n" + b" " * 900_000
    with pytest.raises(AnswerTooLarge, match="more than 100000 bytes"):
        await node.head()
    assert proxy.requests == 1


async def test_redirects_are_not_followed(proxy, node):
    proxy.raw = b"HTTP/1.1 307 x\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    with pytest.raises(Unreachable, match="HTTP 307"):
        await node.head()


@pytest.mark.parametrize(
    "change",
    [
        lambda answers: answers.pop(),
        lambda answers: answers.append(answers[1]),
        lambda answers: answers[1].update(id=7),
        lambda answers: answers[1].update(result=None),
        lambda answers: answers[1]["result"].update(number="0x5"),
        lambda answers: answers[1]["result"].update(number=0),
        lambda answers: answers[1]["result"].update(hash="0x12"),
        lambda answers: answers[2]["result"].update(parentHash="0x" + "12" * 32),
    ],
)
async def test_answers_that_do_not_fit_are_refused(chain, proxy, node, change):
    await chain.mine(2)
    assert len((await node.blocks(1, 2, []))[0]) == 2
    proxy.twist = twisted(change)
    with pytest.raises(BadAnswer):
        await node.blocks(1, 2, [])


async def test_logs_that_were_not_asked_for_are_refused(chain, proxy, node):
    token = await chain.deploy(HONEST, 1000)

    def other(answers):
        answers[-1]["result"][0]["address"] = "0x" + "12" * 20

    proxy.twist = twisted(other)
    with pytest.raises(BadAnswer, match="not asked for"):
        await node.blocks(1, 1, [token.address])


async def test_receipts_of_another_transaction_are_refused(chain, proxy, node):
    sent = await chain.send(await chain.rich(1), 1)
    await chain.mine()
    proxy.twist = twisted(lambda a: a[1]["result"].update(transactionHash="0x" + "12" * 32))
    with pytest.raises(BadAnswer, match="another receipt"):
        await node.receipts([sent])


async def test_a_refusal_is_told(node, proxy):
    with pytest.raises(NodeRefused, match="eth_nothing"):
        await node.batch([("eth_nothing", [])])
    proxy.twist = lambda body: b'{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"no!"}}'
    with pytest.raises(NodeRefused, match="the batch: 'no!'"):
        await node.head()
    proxy.twist = lambda body: b"<html>"
    with pytest.raises(BadAnswer, match="no JSON-RPC"):
        await node.head()


async def test_nothing_is_asked_when_there_is_no_question(node, proxy):
    assert await node.batch([]) == [] and proxy.requests == 0


@pytest.mark.parametrize("url", ["ftp://x/", "file:///etc/passwd", "localhost:8545", "http://"])
def test_addresses_of_other_kinds_are_refused(url):
    with pytest.raises(ValueError, match="http"):
        Node(url, 1)


def test_the_name_of_a_node_hides_its_key():
    assert Node("https://x.example/v3/secret", 1).name == "x.example:https"


@pytest.mark.parametrize("text", ["", "0x", "12", "0x01", "0xG", "0x1" + "0" * 64, "-0x1"])
def test_only_quantities_are_numbers(text):
    with pytest.raises(BadAnswer):
        whole(text)
    with pytest.raises(BadAnswer):
        word(text)


def test_logs_of_another_shape_with_the_same_topic_are_passed_over():
    one = "0x" + "00" * 31 + "01"
    log = {
        "address": "0x" + "12" * 20, "topics": [], "data": one, "blockNumber": "0x1",
        "blockHash": one, "transactionHash": one, "logIndex": "0x0",
    }  # fmt: skip
    topic = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
    shapes = [
        log | {"topics": [topic, one, one]},
        log | {"topics": [topic, one, one, one], "data": "0x"},  # ERC-721
        log | {"topics": [topic, one], "data": one + "00" * 32},
        log | {"topics": [one, one, one]},
        log | {"topics": [topic, one, one], "removed": True},
        log | {"topics": [topic, one, one], "data": one + "00"},
    ]
    assert len(read_token_transfers(json.dumps(shapes).encode())) == 1
    with pytest.raises(BadAnswer, match="no receipt"):
        read_receipt(b"null")
