"""`excraft parameter`: every number that may be changed, and changing one."""

from typing import Annotated

import typer

from excraft.cli.control import ask
from excraft.cli.options import DEFAULT_DATA, Data, Json, show_json, show_table

app = typer.Typer(help="Parameters of the exchange, a market or an account.", no_args_is_help=True)
Market = Annotated[str, typer.Option(help="Symbol, for parameters of a market.")]
Member = Annotated[str, typer.Option(help="Name, for parameters of an account.")]


@app.command("list")
def list_parameters(market: Market = "", data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """Values now, with bounds and meaning; of a market when one is named."""
    rows = ask(data, "parameter_list", market=market)
    columns = ["name", "value", "low", "high", "meaning"]
    show_json(rows) if as_json else show_table(rows, columns)


@app.command("set")
def set_parameter(
    name: Annotated[str, typer.Argument(help="As listed, such as TAKER_FEE_PPM.")],
    value: Annotated[int, typer.Argument(help="A whole number within its bounds.")],
    market: Market = "",
    member: Member = "",
    tier: Annotated[int, typer.Option(help="Fee tier, for the two fee parameters.")] = 0,
    data: Data = DEFAULT_DATA,
) -> None:
    """Change one number; it takes effect at one position of the log."""
    done = ask(
        data, "parameter_set", name=name, value=value, market=market, member=member, tier=tier
    )
    print(f"{name} is {value} from position {done['position']}")
