"""ccxt deposits: it gets an address, coin and a token come to it, both are credited once."""

import json
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import ccxt
from pointing import exact, must, options

PAID = {"ETH": Decimal("1.25"), "USDT": Decimal("250.25")}


def main() -> None:
    url, members, name = sys.argv[1:]
    me = next(m for m in json.loads(Path(members).read_text()) if m["name"] == name)
    exchange = ccxt.binance(options(url, me))
    known = exchange.fetch_currencies()
    must(known["ETH"]["deposit"] and known["ETH"]["withdraw"], f"ETH is {known['ETH']}")
    must(not known["BTC"]["deposit"], "BTC is on no chain here")
    before = exact(exchange.fetch_balance())
    for coin, amount in PAID.items():
        address = exchange.fetch_deposit_address(coin)["address"]
        must(address == exchange.fetch_deposit_address(coin)["address"], "it is another one now")
        pay(Path(members).parent, address, amount, coin)
    for coin, amount in PAID.items():
        found = until_credited(exchange, coin)
        must(Decimal(found["info"]["amount"]) == amount, f"credited {found['info']}")
        must(found["txid"].startswith("0x") and len(found["txid"]) == 66, f"txid {found['txid']}")
    after = exact(exchange.fetch_balance())
    for coin, amount in PAID.items():
        must(after[coin][0] - before[coin][0] == amount, f"{coin}: {before[coin]}, {after[coin]}")
    try:
        exchange.fetch_deposit_address("BTC")
    except ccxt.ExchangeError:
        return
    must(False, "an address for a coin that is on no chain")


def pay(data: Path, address: str, amount: Decimal, coin: str) -> None:
    """From outside, by the demo's own chain."""
    excraft = Path(__file__).parents[3] / ".venv" / "bin" / "excraft"
    command = [excraft, "custody", "give", address, str(amount), "--asset", coin, "--data", data]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    must(done.returncode == 0, done.stderr)


def until_credited(exchange, coin: str) -> dict:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = exchange.fetch_deposits(coin)
        must(len(found) <= 1, f"one payment, and {len(found)} deposits")
        if found and found[0]["status"] == "ok":
            return found[0]
        time.sleep(0.5)
    sys.exit(f"{coin} was not credited")


main()
print("ccxt (depositing): all holds")
