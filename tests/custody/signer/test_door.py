"""The signer's socket: bounded, private, one request and one answer."""

import json
import os
import socket
import threading

import msgspec
import pytest

from excraft.custody.errors import SignerBroken
from excraft.custody.signer.address import address_of
from excraft.custody.signer.door import Door
from excraft.custody.signer.requests import Hello
from excraft.custody.signer.settings import read
from excraft.custody.signer_client import ask_with
from tests.custody.signer.conftest import coins, pay


@pytest.fixture
def door(bench, tmp_path, monkeypatch):
    monkeypatch.setattr("excraft.custody.signer.door.SECONDS", 0.3)
    path = tmp_path / ("long" * 20) / "signer.sock"
    path.parent.mkdir()
    door = Door(path)
    thread = threading.Thread(target=door.serve, args=[bench.signer])
    thread.start()
    bench.path = path
    yield bench
    door.stop()
    thread.join(10)
    assert not thread.is_alive()
    door.close()
    assert not path.exists()


def sent(path, raw: bytes) -> dict:
    with socket.socket(socket.AF_UNIX) as connection, address_of(path) as address:
        connection.settimeout(5)
        connection.connect(address)
        connection.sendall(raw)
        return json.loads(connection.recv(65536) or b"{}")


def test_a_request_is_answered_over_a_socket_that_is_ours_alone(door):
    assert os.stat(door.path).st_mode & 0o777 == 0o600
    ask = ask_with(door.path)
    assert ask(Hello()).wallets[0].hot == door.keys.hot.address
    answer = ask(pay(1, door.approved(coins())))
    assert answer.raw.startswith("0x02") and len(answer.hash) == 66
    assert len(door.journal.entries) == 1


@pytest.mark.parametrize(
    "raw",
    [b"\n", b"{}\n", b"[]\n", b'{"do":"steal"}\n', b'{"do":"hello","more":1}\n', b"\xff\xfe\n",
     b'{"do":"void","id":"1"}\n', b'{"do":"void","id":1.5}\n', b"[" * 4000 + b"\n"],
)  # fmt: skip
def test_what_is_no_request_is_refused_and_the_next_is_answered(door, raw):
    assert "no request" in sent(door.path, raw)["refused"]
    assert ask_with(door.path)(Hello()).wallets
    assert door.journal.entries == []


def test_a_request_without_an_end_is_cut(door):
    assert "at most 4096 bytes" in sent(door.path, b"x" * 5000)["refused"]
    assert sent(door.path, b'{"do":"hello"') == {}  # nothing more came in time
    assert ask_with(door.path)(Hello()).wallets


def test_a_damaged_log_is_told_and_signs_nothing(door):
    position = door.approved(coins())
    path = door.log.directory / "0000" / f"{1:020d}"
    raw = bytearray(path.read_bytes())
    raw[50] ^= 1
    path.write_bytes(raw)
    assert "the log is damaged" in ask_with(door.path)(pay(1, position)).refused
    assert door.journal.entries == []


def test_a_socket_that_cannot_be_made_says_so(tmp_path):
    with pytest.raises(SignerBroken, match="cannot be made"):
        Door(tmp_path / "missing" / "signer.sock")
    with pytest.raises(SignerBroken, match="with group 'no-such-group' cannot"):
        Door(tmp_path / "signer.sock", "no-such-group")


# settings


def written(tmp_path, change) -> None:
    chain = {"chain": 1, "hot": "0xB0b0B0b0B0B0B0B0b0B0B0b0B0B0B0b0b0B0B0B0",
             "cold": "0xC0C0c0c0c0c0C0c0c0C0c0C0c0c0C0C0C0C0c0c0", "gas_max": 1,
             "gas_price_max_wei": 1, "gas_day_wei": 1, "top_up_max_wei": 0}  # fmt: skip
    coin = {"asset": 3, "symbol": "ETH", "decimals": 8, "chain_decimals": 18,
            "per_withdrawal": "1", "per_day": "2"}  # fmt: skip
    chain["assets"] = [coin]
    settings = {"chains": [chain]}
    change(settings, chain, coin)
    (tmp_path / "signer.json").write_text(json.dumps(settings))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s, c, a: c.update(hot="0x12"), "hot .* is no address"),
        (lambda s, c, a: c.update(cold=c["hot"]), "same address"),
        (lambda s, c, a: c.update(gas_max=0), "gas_max must be at least 1"),
        (lambda s, c, a: c.update(top_up_max_wei=-1), "must not be below 0"),
        (lambda s, c, a: s["chains"].append(c), "names a chain twice"),
        (lambda s, c, a: c["assets"].append(a), "named twice"),
        (lambda s, c, a: a.update(token="0xAB"), "in small letters"),
        (lambda s, c, a: a.update(per_withdrawal="3"), "more than per_day"),
        (lambda s, c, a: a.update(per_day="1e9"), "no plain decimal|not a plain decimal"),
        (lambda s, c, a: a.update(decimals=19), "decimals 0 to 18"),
        (lambda s, c, a: s.update(key="x"), "unknown field"),
    ],
)
def test_settings_that_cannot_be_are_refused(tmp_path, change, said):
    from eth_utils import to_checksum_address

    def better(settings, chain, coin):
        for name in ("hot", "cold"):
            chain[name] = to_checksum_address(chain[name].lower())
        change(settings, chain, coin)

    written(tmp_path, better)
    with pytest.raises(SignerBroken, match=said):
        read(tmp_path)
    written(tmp_path, lambda s, c, a: [c.update({n: to_checksum_address(c[n].lower())})
                                       for n in ("hot", "cold")])  # fmt: skip
    assert read(tmp_path).chains[0].assets[0].day_atoms == 2 * 10**8


def test_missing_settings_say_how_to_make_them(tmp_path):
    with pytest.raises(SignerBroken, match="excraft signer init"):
        read(tmp_path)
    (tmp_path / "signer.json").write_bytes(msgspec.json.encode([]))
    with pytest.raises(SignerBroken, match="signer.json"):
        read(tmp_path)
