"""How an unmodified ccxt is pointed at another host, and exact money."""

import json
import sys
from decimal import Decimal
from pathlib import Path


def arguments() -> tuple[str, dict]:
    """URL and the member named on the command line: URL MEMBERS_FILE NAME."""
    url, members_file, name = sys.argv[1:]
    members = {m["name"]: m for m in json.loads(Path(members_file).read_text())}
    return url, members[name]


def options(url: str, member: dict) -> dict:
    """The constructor's argument for ccxt.binance, ccxt.async_support.binance, ccxt.pro.binance."""
    ws = url.replace("http", "ws", 1)
    return {
        "apiKey": member["api_key"],
        "secret": member["secret"],
        "urls": {
            "api": {
                "public": url + "/api/v3",
                "private": url + "/api/v3",
                "v1": url + "/api/v1",
                "sapi": url + "/sapi/v1",
                "sapiV2": url + "/sapi/v2",
                "sapiV3": url + "/sapi/v3",
                "sapiV4": url + "/sapi/v4",
                "ws": {
                    "spot": ws + "/ws",
                    "margin": ws + "/ws",
                    "ws-api": {"spot": ws + "/ws-api/v3"},
                },
            }
        },
        "options": {"fetchMarkets": {"types": ["spot"]}, "fetchMargins": False},
    }


def exact(balance: dict) -> dict[str, tuple[Decimal, Decimal]]:
    """(free, locked) by asset from a fetched balance, without floats."""
    return {
        b["asset"]: (Decimal(b["free"]), Decimal(b["locked"])) for b in balance["info"]["balances"]
    }


def must(holds: bool, sentence: str) -> None:
    """End the program with a sentence when something does not hold."""
    if not holds:
        sys.exit(sentence)


def check_fills(before: dict, after: dict, trades: list[dict], assets: tuple[str, str]) -> None:
    """The balances moved by exactly what the trades say; `assets` are (base, quote) of buys."""
    base, quote = assets
    got = sum(Decimal(t["info"]["qty"]) - Decimal(t["info"]["commission"]) for t in trades)
    paid = sum(Decimal(t["info"]["quoteQty"]) for t in trades)
    must(all(t["info"]["commissionAsset"] == base for t in trades), "the fee is not in what is got")
    change = {a: after[a][0] - before[a][0] for a in assets}
    must(change[base] == got, f"{base}: balance moved by {change[base]}, trades say {got}")
    must(change[quote] == -paid, f"{quote}: balance moved by {change[quote]}, trades say -{paid}")
