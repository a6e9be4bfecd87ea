"""What the demo lists and who takes part; numbers are as plain as a price list."""

from typing import NamedTuple

DECIMALS = 8  # of every asset: the finest that the trading API shows


class DemoAsset(NamedTuple):
    symbol: str
    name: str
    funds: str  # what every member gets


class DemoMarket(NamedTuple):
    """`price` is where the first day begins, in the quote asset; `typical` is an order's size."""

    base: str
    quote: str
    tick: str
    lot: str
    price: str
    typical: str

    @property
    def symbol(self) -> str:
        return self.base + self.quote


ASSETS = [
    DemoAsset("EXT", "ExCraft token", "1000000"),
    DemoAsset("BTC", "Bitcoin", "100"),
    DemoAsset("ETH", "Ether", "2000"),
    DemoAsset("SOL", "Solana", "50000"),
    DemoAsset("XRP", "XRP", "3000000"),
    DemoAsset("ADA", "Cardano", "9000000"),
    DemoAsset("DOGE", "Dogecoin", "30000000"),
    DemoAsset("LTC", "Litecoin", "70000"),
    DemoAsset("DOT", "Polkadot", "1000000"),
    DemoAsset("USDT", "Tether dollar", "10000000"),
    DemoAsset("USDC", "USD Coin", "10000000"),
    DemoAsset("EUR", "Euro", "10000000"),
]

MARKETS = [
    DemoMarket("BTC", "USDT", "0.01", "0.00001", "64000", "0.02"),
    DemoMarket("ETH", "USDT", "0.01", "0.0001", "3200", "0.4"),
    DemoMarket("SOL", "USDT", "0.01", "0.001", "150", "8"),
    DemoMarket("XRP", "USDT", "0.0001", "0.1", "0.6", "2000"),
    DemoMarket("ADA", "USDT", "0.0001", "0.1", "0.45", "2500"),
    DemoMarket("DOGE", "USDT", "0.00001", "1", "0.15", "8000"),
    DemoMarket("LTC", "USDT", "0.01", "0.001", "85", "12"),
    DemoMarket("DOT", "USDT", "0.001", "0.01", "6.5", "150"),
    DemoMarket("EXT", "USDT", "0.0001", "0.1", "2.5", "400"),
    DemoMarket("USDC", "USDT", "0.0001", "1", "1", "3000"),
    DemoMarket("BTC", "USDC", "0.01", "0.00001", "64000", "0.02"),
    DemoMarket("ETH", "USDC", "0.01", "0.0001", "3200", "0.4"),
    DemoMarket("BTC", "EUR", "0.01", "0.00001", "59000", "0.02"),
    DemoMarket("ETH", "EUR", "0.01", "0.0001", "2950", "0.4"),
    DemoMarket("EXT", "EUR", "0.0001", "0.1", "2.3", "400"),
    DemoMarket("ETH", "BTC", "0.00001", "0.001", "0.05", "0.4"),
    DemoMarket("SOL", "BTC", "0.0000001", "0.1", "0.0023", "8"),
    DemoMarket("LTC", "BTC", "0.000001", "0.01", "0.0013", "12"),
    DemoMarket("EXT", "BTC", "0.0000001", "0.1", "0.000039", "400"),
    DemoMarket("EXT", "ETH", "0.000001", "0.1", "0.00078", "400"),
]

MAKERS_PER_MARKET = 2
TAKERS = 50
VISITORS = 10  # funded members that no bot uses: they are yours

MAKER_NAMES = [f"maker-{i:02d}" for i in range(1, MAKERS_PER_MARKET * len(MARKETS) + 1)]
TAKER_NAMES = [f"taker-{i:02d}" for i in range(1, TAKERS + 1)]
VISITOR_NAMES = [f"demo-{i:02d}" for i in range(1, VISITORS + 1)]
NAMES = VISITOR_NAMES + MAKER_NAMES + TAKER_NAMES
