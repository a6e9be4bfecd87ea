"""`excraft market` and `excraft asset`: what is traded."""

from typing import Annotated

import typer

from excraft.cli.control import ask
from excraft.cli.options import DEFAULT_DATA, Data, Json, show_json, show_table

market_app = typer.Typer(help="Markets.", no_args_is_help=True)
asset_app = typer.Typer(help="Assets.", no_args_is_help=True)
Symbol = Annotated[str, typer.Argument(help="For example BTCUSDT.", show_default=False)]
Base = Annotated[str, typer.Option(help="Asset that is bought and sold.")]
Quote = Annotated[str, typer.Option(help="Asset that prices are in.")]
Tick = Annotated[str, typer.Option(help="Smallest step of a price, such as 0.01.")]
Lot = Annotated[str, typer.Option(help="Smallest step of a quantity, such as 0.00001.")]


@market_app.command("list")
def list_markets(data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """All markets with their state, steps and ordinary fees."""
    markets = ask(data, "market_list")
    columns = ["symbol", "state", "tick", "lot", "maker_fee_ppm", "taker_fee_ppm"]
    show_json(markets) if as_json else show_table(markets, columns)


@market_app.command("add")
def add_market(
    symbol: Symbol, base: Base, quote: Quote, tick: Tick, lot: Lot, data: Data = DEFAULT_DATA
) -> None:
    """List a market; it trades at once."""
    ask(data, "market_add", symbol=symbol, base=base, quote=quote, tick=tick, lot=lot)
    print(f"{symbol} is listed and trading")


@market_app.command()
def halt(symbol: Symbol, data: Data = DEFAULT_DATA) -> None:
    """Take no new orders in a market; cancels still pass."""
    ask(data, "market_state", symbol=symbol, state="HALT")
    print(f"{symbol} is halted")


@market_app.command()
def resume(symbol: Symbol, data: Data = DEFAULT_DATA) -> None:
    """Trade again."""
    ask(data, "market_state", symbol=symbol, state="TRADING")
    print(f"{symbol} is trading")


@asset_app.command("list")
def list_assets(data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """All assets with the number of their decimals."""
    assets = ask(data, "asset_list")
    show_json(assets) if as_json else show_table(assets, ["symbol", "name", "decimals"])


@asset_app.command("add")
def add_asset(
    symbol: Annotated[str, typer.Argument(help="For example BTC.", show_default=False)],
    decimals: Annotated[int, typer.Option(help="How finely it is counted; 8 for BTC.")] = 8,
    name: Annotated[str, typer.Option(help="Full name, such as Bitcoin.")] = "",
    data: Data = DEFAULT_DATA,
) -> None:
    """List an asset."""
    ask(data, "asset_add", symbol=symbol, decimals=decimals, name=name or symbol)
    print(f"{symbol} is listed with {decimals} decimals")
