"""From sign-up to a paid withdrawal, as the README tells it, on a really running exchange."""

import hashlib
import hmac
import json
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
import pyotp

from excraft.testing import forked
from excraft.testing.running import RunningExchange
from tests.accounts.kyc_desk import png

PASSWORD = "correct horse battery 7"
OUTSIDE = "0xB0B0b0B0B0B0B0b0B0B0B0b0b0b0b0B0b0b0B0B0"
PERSON = {
    "name": "Ada Example", "birth_date": "1990-12-31", "country": "FR",
    "document_kind": "PASSPORT", "document_number": "12AB34567",
    "address": "1 rue de l'Exemple, Paris",
}  # fmt: skip


class Person:
    """A browser of somebody, at one exchange."""

    def __init__(
        self, exchange: RunningExchange, data: Path, email: str, clients: ExitStack
    ) -> None:
        client = httpx.Client(base_url=exchange.url, headers={"origin": exchange.url})
        self.http = clients.enter_context(client)
        self.data, self.email = data, email
        self.post("/account/sign-up", email=email, password=PASSWORD)
        self.post("/account/confirm", token=token_for(data / "outbox", email), password=PASSWORD)
        self.login()

    def login(self) -> None:
        found = self.post("/account/login", email=self.email, password=PASSWORD)
        self.http.headers["x-csrf-token"] = found["csrf"]

    def post(self, path: str, **body) -> dict:
        return ok(self.http.post(path, json=body))

    def get(self, path: str) -> dict:
        return ok(self.http.get(path))


def ok(reply: httpx.Response) -> dict:
    assert reply.status_code < 300, f"{reply.request.url}: {reply.status_code} {reply.text}"
    return reply.json()


def token_for(outbox: Path, email: str) -> str:
    def look() -> str:
        for mail in sorted(outbox.glob("*.eml")):
            lines = [line.strip() for line in mail.read_text().splitlines()]
            if f"To: {email}" in lines:
                return next((line for line in lines if len(line) == 43 and " " not in line), "")
        return ""

    return until(look, f"no mail for {email} in {outbox}")


def until(look, otherwise: str, within_s: float = 60, every_s: float = 0.2):
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(every_s)
    raise AssertionError(otherwise)


def excraft(data: Path, *words: str) -> str:
    done = forked.run([*words, "--data", str(data)], timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def signed(http: httpx.Client, key: dict, method: str, path: str, **given) -> dict:
    given["timestamp"] = int(time.time() * 1000)
    text = "&".join(f"{name}={value}" for name, value in given.items())
    sign = hmac.new(key["secret"].encode(), text.encode(), hashlib.sha256).hexdigest()
    headers = {"x-mbx-apikey": key["api_key"]}
    return ok(http.request(method, f"{path}?{text}&signature={sign}", headers=headers))


def balances(http: httpx.Client, key: dict) -> dict[str, tuple[str, str]]:
    found = signed(http, key, "GET", "/api/v3/account")["balances"]
    return {b["asset"]: (b["free"], b["locked"]) for b in found}


def test_from_sign_up_to_a_paid_withdrawal(tmp_path):
    data = tmp_path / "data"
    with RunningExchange(data, "--demo") as exchange, ExitStack() as clients:
        ada, root = (
            Person(exchange, data, f"{name}@example.org", clients) for name in ("ada", "root")
        )
        become_administrator(root, exchange)
        show_who_she_is(ada, root)
        deposit(ada)
        key = make_a_key(ada)
        before = balances(ada.http, key)
        assert before["ETH"] == ("2.00000000", "0.00000000")
        sold = signed(
            ada.http, key, "POST", "/api/v3/order", symbol="ETHUSDT", side="SELL", type="MARKET",
            quantity="0.5",
        )  # fmt: skip
        assert sold["status"] == "FILLED", sold
        withdraw(ada, key)
        status = json.loads(excraft(data, "custody", "status", "--json"))
        assert (status["frozen"], status["alarms"]) == ("", [])
        assert exchange.stop() == 0
        assert "Traceback" not in exchange.said, exchange.said
    verified = subprocess.run(
        [sys.executable, "-m", "excraft", "verify", data],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert verified.returncode == 0, verified.stdout + verified.stderr


def become_administrator(root: Person, exchange: RunningExchange) -> None:
    until(lambda: "#administrator=" in exchange.heard(), "no link for the administrator")
    token = exchange.said.split("#administrator=")[1].split()[0]
    root.post("/account/administrator", token=token)


def show_who_she_is(ada: Person, root: Person) -> None:
    case = ada.post("/account/kyc", level="FULL")["id"]
    ok(ada.http.put(f"/account/kyc/{case}/person", json=PERSON))
    ok(
        ada.http.post(
            f"/account/kyc/{case}/documents?purpose=FRONT", content=png(),
            headers={"content-type": "image/png"},
        )
    )  # fmt: skip
    ada.post(f"/account/kyc/{case}/submit")
    assert root.post("/admin/kyc_claim")["result"]["case"] == case
    shown = root.post("/admin/kyc_show", case=case, reveal=True, reason="to compare")["result"]
    assert shown["person"]["name"] == PERSON["name"]
    document = shown["documents"][0]["id"]
    seen = root.http.get(f"/admin/kyc/documents/{document}?reason=to+compare")
    assert seen.content == png()
    root.post("/admin/kyc_decide", case=case, step="approve")
    until(lambda: ada.get("/account/kyc")["level"] == "FULL", "her level did not come")


def deposit(ada: Person) -> None:
    made = ada.post("/account/deposit-address")
    assert {(w["asset"], w["network"]) for w in made["accepted"]} == {
        ("ETH", "LOCAL"), ("USDT", "LOCAL"), ("EXT", "LOCAL"),
    }  # fmt: skip
    for amount, asset in (("2", "ETH"), ("500", "USDT")):
        excraft(ada.data, "custody", "give", made["address"], amount, "--asset", asset)

    def both() -> bool:
        rows = ada.get("/account/deposits")["deposits"]
        return [r["state"] for r in rows] == ["CREDITED", "CREDITED"]

    until(both, "the deposits were not credited")


def make_a_key(ada: Person) -> dict:
    return ada.post("/account/api-keys", kind="HMAC", label="my bot", permissions=["READ", "TRADE"])


def withdraw(ada: Person, key: dict) -> None:
    secret = ada.post("/account/totp/enrol")["secret"]
    totp = pyotp.TOTP(secret)
    ada.post("/account/totp/confirm", code=totp.now())
    held = balances(ada.http, key)["ETH"]

    code = totp.at(time.time() + 30)  # the one that confirmed the app is used up
    made = ada.post("/account/withdrawals", asset="ETH", address=OUTSIDE, amount="1", code=code)

    def state() -> str:
        rows = ada.get("/account/withdrawals")["withdrawals"]
        [row] = [r for r in rows if r["id"] == made["id"]]
        return row["state"] if row["state"] in ("DONE", "FAILED", "REFUSED") else ""

    assert until(state, "it was not paid") == "DONE"
    assert float(held[0]) - float(balances(ada.http, key)["ETH"][0]) == 1.0
    paid = json.loads((ada.data / "chains.json").read_text())["chains"][0]["url"]
    asked_chain = {"jsonrpc": "2.0", "id": 1, "method": "eth_getBalance",
                   "params": [OUTSIDE, "latest"]}  # fmt: skip
    got = int(httpx.post(paid, json=asked_chain).json()["result"], 16)
    assert got == 999 * 10**15, "1 ETH less the fee of 0.001"
