"""A really running exchange: started, asked, stopped, started again."""

import asyncio
import json
import os
import shutil
import socket
import stat

import httpx
import pytest

from excraft.cli.control import ask
from excraft.cli.exits import Exit, Failure
from excraft.cli.folder import Folder
from excraft.cli.wiring import opened
from excraft.testing.running import RunningExchange
from tests.cli.damage import first_record, flip


def test_a_life_of_an_exchange(excraft, data):
    with RunningExchange(data) as exchange:
        found = httpx.get(exchange.url + "/api/v3/exchangeInfo").json()
        assert [s["symbol"] for s in found["symbols"]] == ["BTCUSDT"]
        assert stat.S_IMODE(os.stat(data / "control.sock").st_mode) == 0o600
        check_commands_while_it_runs(excraft, data)
        check_second_start(excraft, data, exchange.url.rsplit(":", 1)[1])
        assert exchange.stop() == Exit.DONE
    assert "ExCraft is down" in exchange.said
    assert "Traceback" not in exchange.said
    assert not (data / "control.sock").exists()

    with RunningExchange(data) as exchange:
        assert "0 commands of the log" in exchange.said, "a clean stop leaves nothing to replay"
        assert ask(data, "money_balances", member="carol") == [
            {"asset": "USDT", "free": "12.50000000", "held": "0.00000000"}
        ]
        exchange.kill()
    with RunningExchange(data) as exchange:
        assert exchange.stop() == Exit.DONE
    assert excraft("verify", str(data)).returncode == Exit.DONE


def check_commands_while_it_runs(excraft, data) -> None:
    here = ("--data", str(data))
    assert "carol is member" in excraft("member", "add", "carol", *here).stdout
    why = ("--reason", "deposit", "--reference", "wire 8")
    paid = excraft("money", "credit", "carol", "USDT", "12.5", *why, *here)
    assert paid.stdout == "carol has 12.50000000 USDT free and 0.00000000 USDT held\n"
    assert ask(data, "status")["accounts"] == 3
    halted = excraft("market", "halt", "BTCUSDT", *here)
    assert halted.stdout == "BTCUSDT is halted\n"
    shown = json.loads(excraft("market", "list", "--json", *here).stdout)
    assert [m["state"] for m in shown] == ["HALT"]
    assert excraft("market", "resume", "BTCUSDT", *here).returncode == Exit.DONE


def check_second_start(excraft, data, port: str) -> None:
    second = excraft("up", "--data", str(data))
    assert second.returncode == Exit.IN_USE
    assert second.stderr.startswith("excraft: an exchange already runs on")
    assert second.stderr.count("\n") == 1
    other = excraft("up", "--data", str(data.parent / "other"), "--port", port)
    assert other.returncode == Exit.IN_USE
    assert f"port {port} on 127.0.0.1 is in use" in other.stderr


def test_a_folder_that_another_process_has_open_is_refused(excraft, data):
    async def hold() -> None:
        async with opened(Folder(data)):
            done = await asyncio.to_thread(excraft, "member", "add", "dan", "--data", str(data))
            assert done.returncode == Exit.IN_USE
            assert "another process has" in done.stderr

    asyncio.run(hold())


def test_a_long_path_of_the_data_folder_works(tmp_path, traded):
    long = tmp_path / ("d" * 60) / ("e" * 60)
    shutil.copytree(traded, long)
    with RunningExchange(long):
        assert ask(long, "status")["markets"] == 1


def test_a_stale_control_socket_does_not_matter(data):
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(data / "control.sock"))
    assert ask(data, "status")["markets"] == 1
    with RunningExchange(data):
        assert ask(data, "status")["markets"] == 1


@pytest.mark.parametrize(
    ("operation", "arguments", "sentence"),
    [
        ("member_add", {"name": "alice"}, "there is a member 'alice' already"),
        ("market_state", {"symbol": "NOPE", "state": "HALT"}, "there is no market 'NOPE'"),
        ("market_state", {"symbol": "BTCUSDT", "state": "OPEN"}, "'OPEN' is no state"),
        (
            "money_balances",
            {"member": "nobody"},
            "there is no member 'nobody'; `excraft member list` shows all$",
        ),
        ("parameter_set", {"name": "X", "value": 1}, "there is no parameter 'X'"),
        ("parameter_set", {"name": "TAKER_FEE_PPM", "value": -1}, "must be from 0 to 100000"),
        ("parameter_set", {"name": "TAKER_FEE_PPM", "value": 1}, "name one with --market"),
        ("parameter_set", {"name": "TAKER_FEE_PPM", "value": "x"}, "Expected `int`"),
        ("api_key_revoke", {"api_key": "nokey"}, "there is no API key 'nokey'"),
        ("asset_add", {"symbol": "X", "decimals": 10**18, "name": "X"}, "MALFORMED_MARKET|larger"),
        ("asset_add", {"symbol": "X", "decimals": 10**30, "name": "X"}, "larger than any|Integer"),
        ("no_such", {}, "there is no operation 'no_such'"),
        ("status", {"extra": 1}, "unknown field `extra`"),
    ],
)
def test_what_an_operator_gets_wrong_is_one_sentence(traded, operation, arguments, sentence):
    with pytest.raises(Failure, match="^[^\n]*" + sentence):
        ask(traded, operation, **arguments)


@pytest.mark.parametrize(
    ("amount", "reason", "reference", "sentence"),
    [
        ("1.5", "DEMO", "x", "'DEMO' is no reason here"),
        ("1.5", "DEPOSIT", " ", "a reference must say what proves the movement"),
        ("1.5", "DEPOSIT", f"1:0x{7:064x}:coin", "is how deposits of a chain are named"),
        ("-1", "DEPOSIT", "x", "is not a plain decimal"),
        ("0.000000001", "DEPOSIT", "x", "more than 8 decimals"),
        ("99999999999999999", "DEPOSIT", "x", "more than the exchange can hold"),
    ],
)
def test_money_needs_a_reason_and_an_amount(traded, amount, reason, reference, sentence):
    given = {"member": "bob", "asset": "USDT", "amount": amount, "reason": reason}
    with pytest.raises(Failure, match=sentence):
        ask(traded, "money_credit", **given, reference=reference)


def test_taking_more_than_is_free_is_refused(traded):
    given = {"member": "bob", "asset": "USDT", "amount": "100001", "reason": "WITHDRAWAL"}
    with pytest.raises(Failure, match="refused Debit: INSUFFICIENT_FUNDS"):
        ask(traded, "money_debit", **given, reference="x")


def test_a_damaged_log_is_refused_with_its_place(excraft, data):
    file, at = first_record(data)
    flip(file, at + 100)
    refused = excraft("up", "--data", str(data), "--port", "0")
    assert refused.returncode == Exit.DAMAGED
    assert f"the log is damaged: {file}, offset" in refused.stderr
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        ("mysql://x/y", Exit.USAGE, "the database URL cannot be used"),
        ("nonsense", Exit.USAGE, "the database URL cannot be used"),
        ("postgresql://x:y@127.0.0.1:1/z", Exit.FAILED, "the database cannot be used"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_sentence(excraft, data, url, code, words):
    refused = excraft("up", "--data", str(data), "--port", "0", "--database", url)
    assert refused.returncode == code, refused.stderr
    assert words in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_secret_key_that_others_can_read_is_refused(excraft, data):
    (data / "secret.key").chmod(0o644)
    refused = excraft("up", "--data", str(data), "--port", "0")
    assert refused.returncode == Exit.FAILED
    assert "only its owner may read it" in refused.stderr
