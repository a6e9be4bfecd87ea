"""The WebSocket API once more: logged on with an Ed25519 key, and for a member who is frozen."""

from contextlib import AsyncExitStack

import pytest

from excraft.gateway.streams.sessions import SESSION_METHODS
from excraft.parameters import AccountState, Parameter
from tests.gateway.attacks.serving import serving
from tests.gateway.attacks.test_trading_matrix import BAD_SIGNATURE, REJECTED, filled, keys_of
from tests.gateway.attacks.town import changed, leaked, order, state
from tests.gateway.attacks.trading_rows import READ, WS
from tests.gateway.clients import now_ms, set_parameter
from tests.gateway.streams.peers import Signer, ask, ed25519

pytestmark = pytest.mark.anyio
SIGNED = [
    (place.path, row)
    for place, rows in WS.items()
    for row in rows
    if row.may and place.path not in SESSION_METHODS
]


def code_of(answer) -> int:
    return answer.get("error", {}).get("code", 0)


async def test_a_session_is_worth_its_key_and_no_more(town):
    await keys_of(town)
    exchange, vera, mallory = town.venue.exchange, town.vera.member, town.mallory.member
    signers = {
        "vera": ed25519(exchange, vera), "mallory": ed25519(exchange, mallory),
        "reader": ed25519(exchange, vera, "READ"),
    }  # fmt: skip
    async with serving(town.app) as server, AsyncExitStack() as open_:
        sockets = {}
        for who, signer in signers.items():
            socket = sockets[who] = await open_.enter_async_context(server.connect("/ws-api/v3"))
            forged = Signer(signer.key, ed25519(exchange, mallory).sign)
            assert code_of(await ask(socket, "session.logon", forged.params())) == BAD_SIGNATURE
            assert (await ask(socket, "session.status"))["result"]["apiKey"] is None
            found = await ask(socket, "session.logon", signer.params())
            assert found["result"]["apiKey"] == signer.key, found
        for method, row in SIGNED:
            said = await filled(town, row) | {"timestamp": now_ms()}
            hers = await state(town, town.vera)
            for who, wanted in (("mallory", row.theirs), ("reader", REJECTED)):
                if who == "reader" and row.may == READ:
                    continue
                answer = await ask(sockets[who], method, said)
                assert code_of(answer) == wanted, (method, who, answer)
                text = str({k: v for k, v in answer.items() if k != "id"})
                for value in said.values():
                    text = text.replace(str(value), "")
                assert who == "reader" or not leaked(town, text), (method, who, answer)
                assert not changed(hers, await state(town, town.vera)), (method, who)
            answer = await ask(sockets["vera"], method, said)
            assert code_of(answer) == row.rightful, (method, answer)
        exchange.api_keys.revoke(signers["vera"].key)
        for method, row in SIGNED:
            said = await filled(town, row) | {"timestamp": now_ms()}
            answer = await ask(sockets["vera"], method, said)
            assert code_of(answer) == REJECTED, (method, answer)


async def test_a_frozen_member_looks_and_cancels_and_does_nothing_else(town):
    signer = Signer.of((await keys_of(town)).hers)
    rows = [(method, row, await filled(town, row)) for method, row in SIGNED]
    made = await order(town)
    await set_parameter(
        town.venue.engine, Parameter.ACCOUNT_STATE, AccountState.FROZEN, town.vera.account
    )
    async with serving(town.app) as server, server.connect("/ws-api/v3") as socket:
        for method, row, values in rows:
            if row.may == READ:
                answer = await ask(socket, method, signer.params(**values))
                assert code_of(answer) == row.rightful, (method, answer)
        before = await state(town)
        for method, _, values in rows:
            if method in ("order.place", "order.cancelReplace"):
                absent = {k: "999999" for k in values if k.startswith("cancelOr")}
                answer = await ask(socket, method, signer.params(**values | absent))
                assert code_of(answer) < 0, (method, answer)
        assert not changed(before, await state(town))
        said = {"symbol": "EXTUSD", "orderId": made["orderId"]}
        gone = await ask(socket, "order.cancel", signer.params(**said))
        assert gone["result"]["status"] == "CANCELED", gone
