"""Unmodified clients trade on a really running exchange, each in its own virtual environment."""

import json
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from excraft.cli.control import ask
from excraft.cli.folder import Folder
from excraft.custody.withdrawal_choices import Choices
from excraft.store.database import Database
from excraft.testing.running import RunningExchange

HERE = Path(__file__).parent
WITHIN_S = 240
PROGRAMS = {
    "ccxt/rest.py": "demo-01",
    "ccxt/coroutines.py": "demo-02",
    "ccxt/watching.py": "demo-03",
    "python_binance/everything.py": "demo-04",
    "ccxt/withdrawing.py": "demo-05",
    "ccxt/depositing.py": "demo-06",
}
BOB = "0x" + "b0" * 20


@pytest.fixture(scope="module")
def running(tmp_path_factory) -> dict[str, subprocess.Popen]:
    """All programs at once: most of their time is spent watching a book for a minute."""
    data = tmp_path_factory.mktemp("peers") / "data"
    with RunningExchange(data, "--demo") as exchange:
        _wait_until_traded(exchange.url)
        let_withdraw(data, PROGRAMS["ccxt/withdrawing.py"])
        started = {}
        for program, member in PROGRAMS.items():
            python = HERE / program.split("/")[0] / ".venv" / "bin" / "python"
            assert python.exists(), f"{python} is missing; `make test` makes it"
            own = "withdrawing.json" if "withdrawing" in program else "demo_members.json"
            started[program] = subprocess.Popen(
                [python, HERE / program, exchange.url, data / own, member],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True,
            )  # fmt: skip
        try:
            yield started
        finally:
            for process in started.values():
                process.kill()
                process.communicate()
        assert exchange.stop() == 0
        assert "Traceback" not in exchange.said, exchange.said


def let_withdraw(data: Path, name: str) -> None:
    """A member with an address on the list, and a key that may withdraw to it."""
    member = next(m for m in ask(data, "member_list") if m["name"] == name)
    made = ask(data, "api_key_create", member=name, kind="HMAC", ips=["127.0.0.1"],
               permissions=["READ", "TRADE", "WITHDRAW"])  # fmt: skip
    database = Database(Folder(data).database)
    try:
        kept = Choices(database).add(member["account"], BOB, "my own wallet")
    finally:
        database.close()
    row = {"name": name, "api_key": made["api_key"], "secret": made["secret"], "address": kept}
    (data / "withdrawing.json").write_text(json.dumps([row]))


def _wait_until_traded(url: str) -> None:
    """The bots fill the books first; then the busiest market trades."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if httpx.get(f"{url}/api/v3/trades?symbol=BTCUSDT").json():
            return
        time.sleep(0.5)
    raise AssertionError("the demo's bots do not trade")


@pytest.mark.parametrize("program", PROGRAMS)
def test_client_trades_as_on_the_exchange_it_was_written_for(running, program):
    said, _ = running[program].communicate(timeout=WITHIN_S)
    assert running[program].returncode == 0, said


def test_the_snippet_of_the_readme_works_as_pasted(running, tmp_path):
    assert running  # the programs have started, so the exchange is up
    arguments = running["ccxt/rest.py"].args
    url, members = arguments[2], arguments[3]
    snippet = (HERE.parent.parent / "README.md").read_text().split("```python\n")[1].split("```")[0]
    assert "http://127.0.0.1:8080" in snippet
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "demo_members.json").write_bytes(members.read_bytes())
    program = snippet.replace("http://127.0.0.1:8080", url)
    python = HERE / "ccxt" / ".venv" / "bin" / "python"
    done = subprocess.run(
        [python, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "closed" in done.stdout
