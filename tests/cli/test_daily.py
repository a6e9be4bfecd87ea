"""What is owed is published by itself, and a member downloads a proof that the verifier takes."""

import json
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


@pytest.mark.anyio
async def test_a_failure_is_told(data, caplog):
    assert not await daily.publish(Folder(data), "2000-01-01")
    assert "liabilities of 2000-01-01" in caplog.text


def test_a_member_downloads_a_proof_that_holds(data, tmp_path):
    with RunningExchange(data, "--demo") as exchange:
        today = datetime.now(UTC).date().isoformat()
        done = subprocess.run(
            [sys.executable, "-m", "excraft", "liabilities", "publish", data, "--day", today],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        [root] = httpx.get(f"{exchange.url}/liabilities").json()["days"]
        assert root["day"] == today and root["position"] > 0
        with httpx.Client(base_url=exchange.url, headers={"origin": exchange.url}) as browser:
            who = {"email": "ann@example.org", "password": "correct horse battery 7"}
            browser.post("/account/sign-up", json=who).raise_for_status()
            token = token_in(data / "outbox")
            browser.post("/account/confirm", json={"token": token, "password": who["password"]})
            browser.post("/account/login", json=who).raise_for_status()
            mine = browser.get(f"/account/liabilities/{today}")
            assert mine.headers["content-disposition"].startswith("attachment")
            for name, found in (("proof", mine.json()), ("root", root)):
                (tmp_path / f"{name}.json").write_text(json.dumps(found))
            files = [tmp_path / "proof.json", tmp_path / "root.json"]
            said = subprocess.run(
                [sys.executable, VERIFIER, *files], capture_output=True, text=True
            )
            assert said.returncode == 0, said.stdout
            assert browser.get("/account/liabilities/2000-01-01").status_code == 404
            assert browser.get("/account/liabilities/..%2f..").status_code == 404
        assert httpx.get(f"{exchange.url}/account/liabilities/{today}").status_code == 401
        assert exchange.stop() == 0
    assert owed.days_of(Folder(data)).published() == [today]


def token_in(outbox: Path) -> str:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for mail in outbox.glob("*.eml"):
            for line in mail.read_text().splitlines():
                if len(line.strip()) == 43 and " " not in line.strip():
                    return line.strip()
        time.sleep(0.1)
    raise AssertionError(f"no mail with a token in {os.listdir(outbox)}")
