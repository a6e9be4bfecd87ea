"""What is owed is published by itself, and a member downloads a proof that the verifier takes."""

import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from excraft.cli import daily, owed
from excraft.cli.folder import Folder
from excraft.testing.running import RunningExchange

VERIFIER = Path(__file__).parents[2] / "tools" / "verify_liabilities.py"


@pytest.fixture
def anyio_backend():
    return "asyncio"


def test_nothing_is_due_before_the_first_whole_day_or_twice(data):
    folder = Folder(data)
    day = datetime.now(UTC).date()
    yesterday = (day - timedelta(days=1)).isoformat()
    assert not daily._is_due(folder, yesterday), "the exchange was made today"
    assert daily._is_due(folder, day.isoformat())
    (folder.root / "liabilities" / day.isoformat()).mkdir(parents=True)
    (folder.root / "liabilities" / day.isoformat() / "root.json").write_text("{}")
    assert not daily._is_due(folder, day.isoformat())


@pytest.mark.parametrize(
    ("clock", "every", "name"),
    [
        ("00:00", 1440, "2026-02-28"), ("23:59", 1440, "2026-02-28"),
        ("00:59", 60, "2026-02-28"), ("01:00", 60, "2026-03-01T010000Z"),
        ("23:59", 60, "2026-03-01T230000Z"), ("13:44", 15, "2026-03-01T133000Z"),
    ],
)  # fmt: skip
def test_the_last_interval_is_due(clock, every, name):
    now = datetime.fromisoformat(f"2026-03-01T{clock}:30+00:00")
    assert daily.newest_due(now, every) == name


def test_a_day_comes_after_its_moments(data):
    folder = Folder(data)
    names = ["2026-03-01", "2026-03-01T230000Z", "2026-02-28", "2026-03-02T000500Z", ".2026.x", "b"]
    for name in names:
        (folder.root / "liabilities" / name).mkdir(parents=True)
    found = owed.days_of(folder).published()
    assert found == ["2026-02-28", "2026-03-01T230000Z", "2026-03-01", "2026-03-02T000500Z"]


@pytest.mark.parametrize("minutes", ["0", "7", "1441", "-60"])
def test_an_interval_divides_a_day(data, minutes):
    done = subprocess.run(
        [sys.executable, "-m", "excraft", "up", "--data", data, "--liabilities-every", minutes],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, f"not {minutes}" in done.stderr) == (2, True), done.stderr


@pytest.mark.anyio
async def test_a_failure_is_told(data, caplog):
    assert not await daily.publish(Folder(data), "2000-01-01")
    assert "liabilities of 2000-01-01" in caplog.text


def test_a_member_downloads_a_proof_that_holds(data, tmp_path):
    """With what docs/operate/proof-of-liabilities.md says, word for word; the demo made one."""
    with RunningExchange(data, "--demo") as exchange:
        first = published(exchange, 1)
        assert first["position"] > 0 and first["day"].endswith("Z")
        with httpx.Client(base_url=exchange.url, headers={"origin": exchange.url}) as browser:
            who = {"email": "ann@example.org", "password": "correct horse battery 7"}
            browser.post("/account/sign-up", json=who).raise_for_status()
            token = token_in(data / "outbox")
            browser.post("/account/confirm", json={"token": token, "password": who["password"]})
            browser.post("/account/login", json=who).raise_for_status()
            name = browser.get(f"/account/liabilities/{first['day']}").json()["member"]
            tell(data, "money", "credit", name, "USDT", "12.5", "--reason", "correction",
                 "--reference", "a test")  # fmt: skip
            time.sleep(1.1)  # a moment is a whole second: records of the same one are not in it
            tell(data, "liabilities", "publish", data, "--day", "now")
            day = published(exchange, 2)["day"]
            mine = browser.get(f"/account/liabilities/{day}")
            assert mine.headers["content-disposition"].startswith("attachment")
            (tmp_path / "proof.json").write_bytes(mine.content)
            root = browser.get(f"/liabilities/{day}/root.json")
            assert "immutable" in root.headers["cache-control"]
            (tmp_path / "root.json").write_bytes(root.content)
            assert (data / "liabilities" / day / "root.json").read_bytes() == root.content
            files = [tmp_path / "proof.json", tmp_path / "root.json"]
            said = subprocess.run(
                [sys.executable, VERIFIER, *files], capture_output=True, text=True
            )
            assert said.returncode == 0 and "12.50000000" in said.stdout, said.stdout
            for unknown in ("2000-01-01", "..%2f..", "%2e%2e"):
                assert browser.get(f"/account/liabilities/{unknown}").status_code == 404
                assert browser.get(f"/liabilities/{unknown}/root.json").status_code == 404
            assert browser.get(f"/liabilities/{day}/0000.tree").status_code == 404
        assert httpx.get(f"{exchange.url}/account/liabilities/{day}").status_code == 401
        (data / "liabilities" / day / "root.json").write_bytes(b"{}")
        damaged = httpx.get(f"{exchange.url}/liabilities/{day}/root.json")
        assert (damaged.status_code, "is damaged" in damaged.text) == (500, True)
        assert exchange.stop() == 0


def published(exchange, least):
    """The newest of at least so many."""
    for _ in range(300):
        days = httpx.get(f"{exchange.url}/liabilities").json()["days"]
        if len(days) >= least:
            return days[0]
        time.sleep(0.2)
    raise AssertionError(f"{len(days)} are published")


def tell(data, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", "excraft", *map(str, arguments)], capture_output=True, text=True,
        check=False, env=os.environ | {"EXCRAFT_DATA": str(data)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def token_in(outbox: Path) -> str:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for mail in outbox.glob("*.eml"):
            for line in mail.read_text().splitlines():
                if len(line.strip()) == 43 and " " not in line.strip():
                    return line.strip()
        time.sleep(0.1)
    raise AssertionError(f"no mail with a token in {os.listdir(outbox)}")
