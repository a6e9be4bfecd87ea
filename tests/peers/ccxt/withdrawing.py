"""ccxt withdraws: the money is held, paid on the chain, and shown as its users expect it."""

import json
import sys
import time
from decimal import Decimal
from pathlib import Path

import ccxt
from pointing import exact, must, options


def main() -> None:
    url, members, name = sys.argv[1:]
    me = next(m for m in json.loads(Path(members).read_text()) if m["name"] == name)
    exchange = ccxt.binance(options(url, me))
    exchange.load_markets()
    before = exact(exchange.fetch_balance())["ETH"]
    made = exchange.withdraw("ETH", 1.5, me["address"], params={"network": "LOCAL"})
    must(made["id"] is not None, f"withdraw answered {made}")
    paid = until_done(exchange, made["id"])
    must(paid["address"].lower() == me["address"].lower(), f"paid to {paid['address']}")
    total = Decimal(paid["info"]["amount"]) + Decimal(paid["info"]["transactionFee"])
    must(total == Decimal("1.5"), f"amount and fee are {total}, not 1.5")
    must(paid["txid"].startswith("0x") and len(paid["txid"]) == 66, f"txid {paid['txid']}")
    must(paid["timestamp"] is not None and paid["fee"]["cost"] == 0.001, f"shown as {paid}")
    after = exact(exchange.fetch_balance())["ETH"]
    must(before[0] - after[0] == Decimal("1.5"), f"free went from {before} to {after}")
    must(after[1] == before[1], "something is still held")
    errors(exchange, me["address"])


def until_done(exchange, id: str) -> dict:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = {w["id"]: w for w in exchange.fetch_withdrawals("ETH")}
        must(id in found, "the withdrawal is not in the history")
        if found[id]["status"] == "ok":
            return found[id]
        must(found[id]["status"] == "pending", f"it is {found[id]}")
        time.sleep(0.5)
    sys.exit(f"still not paid: {found[id]['info']}")


def errors(exchange, address: str) -> None:
    """What goes wrong is the exception that a program expects, or one above it."""
    stranger = "0x" + "d0" * 20
    for amount, to in ((1e9, address), (0.001, address), (1, stranger), (1, "0x12345678901")):
        try:
            exchange.withdraw("ETH", amount, to, params={"network": "LOCAL"})
        except ccxt.ExchangeError:
            continue
        must(False, f"{amount} to {to} was taken")


main()
print("ccxt (withdrawing): all holds")
