"""A really running exchange under load from a second process, for rest.py and websocket.py.

`excraft up` in a temporary data folder, without the demo: assets, markets, members, money and keys
are made through the control socket, as an operator makes them. What the load sends is in _load.py.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from excraft.cli.control import ask
from excraft.parameters import RULES, Parameter
from excraft.testing.running import RunningExchange

MARKETS, MEMBERS = 10, 16
FUNDS = "10000000"  # of every asset for every member
RAISED = (
    Parameter.REQUEST_WEIGHT_PER_MINUTE, Parameter.RAW_REQUESTS_PER_5_MINUTES,
    Parameter.ORDERS_PER_10_SECONDS, Parameter.ORDERS_PER_DAY,
    Parameter.MAX_OPEN_ORDERS_PER_ACCOUNT,
)  # fmt: skip
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Trader:
    """One member's keys; `private` is the raw Ed25519 key of the second one, in hexadecimal."""

    key: str
    secret: str
    session_key: str
    private: str


class Exchange:
    """Context manager: an exchange with markets and funded members; `traders`, `port`."""

    def __init__(self, *, folder: Path | None = None) -> None:
        self._data = tempfile.TemporaryDirectory(dir=folder)
        self._running = RunningExchange(Path(self._data.name))
        self.port = int(self._running.url.rsplit(":", 1)[1])
        try:
            self.traders = self._fill(Path(self._data.name))
        except BaseException:
            self._running.kill()
            raise

    def __enter__(self) -> "Exchange":
        return self

    def __exit__(self, *_) -> None:
        with self._data, self._running:
            code = self._running.stop()
        if code:
            raise RuntimeError(f"the exchange ended with code {code}: {self._running.said}")

    @property
    def pid(self) -> int:
        return self._running.process.pid

    def status(self) -> dict:
        """What the operator sees: position, history backlog and so on."""
        return ask(Path(self._data.name), "status")

    def wait_for_history(self) -> float:
        """Seconds until the history has everything, so that runs do not disturb each other."""
        began = time.monotonic()
        while self.status()["history_backlog"]:
            time.sleep(0.05)
        return time.monotonic() - began

    def _fill(self, data: Path) -> list[Trader]:
        for parameter in RAISED:
            ask(data, "parameter_set", name=parameter.name, value=RULES[parameter].high)
        assets = ["USD", *(f"B{m}" for m in range(MARKETS))]
        for symbol in assets:
            ask(data, "asset_add", symbol=symbol, decimals=8, name=symbol)
        for base in assets[1:]:
            ask(data, "market_add", symbol=f"{base}USD", base=base, quote="USD", tick="0.01",
                lot="0.001")  # fmt: skip
        return [self._trader(data, f"trader{n}", assets) for n in range(MEMBERS)]

    def _trader(self, data: Path, name: str, assets: list[str]) -> Trader:
        ask(data, "member_add", name=name)
        for symbol in assets:
            ask(data, "money_credit", member=name, asset=symbol, amount=FUNDS, reason="CORRECTION",
                reference="benchmark")  # fmt: skip
        how = {"member": name, "permissions": ["READ", "TRADE"], "ips": []}
        made = ask(data, "api_key_create", kind="HMAC", **how)
        private = Ed25519PrivateKey.generate()
        pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        session = ask(data, "api_key_create", kind="ED25519", public_key=pem.decode(), **how)
        return Trader(
            made["api_key"], made["secret"], session["api_key"], private.private_bytes_raw().hex()
        )


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far, all its threads."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(after_name[11]) + int(after_name[12])) / TICKS_PER_S


def load(kind: str, pid: int, plan: dict) -> dict:
    """Run _load.py in a process of its own against the server `pid`; what it measured."""
    process = subprocess.Popen(
        [sys.executable, str(FOLDER / "_load.py"), kind],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    process.stdin.write(json.dumps(plan) + "\n")
    process.stdin.flush()
    if process.stdout.readline().strip() != "ready":  # everything is signed, all are connected
        process.wait()
        raise RuntimeError(f"the load could not begin, its exit code is {process.returncode}")
    before, began = cpu_seconds(pid), time.monotonic()
    said, _ = process.communicate("go\n")
    spent, seconds = cpu_seconds(pid) - before, time.monotonic() - began
    if process.returncode:
        raise RuntimeError(f"the load failed with exit code {process.returncode}")
    found = json.loads(said)
    found["server_cpu_us"] = round(1e6 * spent / found["answered"], 1)
    found["server_cpu_share"] = round(spent / seconds, 2)
    return found


def host_load() -> float:
    """The load average of the last minute: what else goes on here."""
    return round(os.getloadavg()[0], 2)
