"""A really running exchange with ETH over a local chain, whose signer is not there."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from excraft.chain.anvil import Anvil
from excraft.cli.control import ask
from excraft.cli.demo_signer import demo_wallets
from excraft.cli.folder import Folder
from excraft.testing.running import RunningExchange


@contextmanager
def on_chain(data: Path, no_delay: tuple[str, ...]) -> Iterator[RunningExchange]:
    """`chain` is the address of the node; the limits named in `no_delay` are 0."""
    anvil, folder = Anvil(), Folder.make(data)
    wallets = demo_wallets(folder)
    asset = {"symbol": "ETH", "chain_decimals": 18, "withdraw_fee": "0.001"}
    chain = {"chain": anvil.chain_id, "network": "LOCAL", "url": anvil.url, "confirmations": 1}
    chain |= {"hot": wallets.hot, "cold": wallets.cold, "first_block": 0}
    chain["assets"] = [asset | {"withdraw_minimum": "0.01"}]
    folder.chains.write_text(json.dumps({"xpub": wallets.xpub, "chains": [chain]}))
    try:
        with RunningExchange(data) as exchange:
            exchange.chain = anvil.url
            ask(data, "asset_add", symbol="ETH", decimals=8, name="Ether")
            for name in no_delay:
                ask(data, "withdrawal_limit_set", name=name, value="0")
            yield exchange
    finally:
        anvil.stop()


def rpc(exchange, method: str, *params):
    asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": [*params]}
    return httpx.post(exchange.chain, json=asked).json()["result"]
