"""What is kept only for a market that has traded."""

from excraft.marketdata.candles import Bars
from excraft.marketdata.tickers import Windows
from excraft.marketdata.trades import Tape


class Traded:
    """Tape, candles and the sums of the rolling windows of one market."""

    __slots__ = ("bars", "tape", "windows")

    def __init__(self, market: int):
        self.tape = Tape(market)
        self.bars = Bars()
        self.windows = Windows()
