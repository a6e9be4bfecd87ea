"""Depth, trades, candles and tickers, computed from the kernel's events."""

from excraft.marketdata.intervals import INTERVALS
from excraft.marketdata.service import MarketData

__all__ = ["INTERVALS", "MarketData"]
