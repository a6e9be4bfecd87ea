"""The commands of `excraft`; each lives in the file named after it."""

import sys

import typer

from excraft.cli import (
    bench,
    flow,
    keys,
    markets,
    members,
    money,
    parameters,
    reference,
    replay,
    up,
)
from excraft.cli import verify as verification
from excraft.cli.exits import Failure

app = typer.Typer(
    name="excraft",
    help="A cryptocurrency exchange that its users govern.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("up")(up.up)
app.add_typer(members.app, name="member")
app.add_typer(keys.app, name="api-key")
app.add_typer(markets.market_app, name="market")
app.add_typer(markets.asset_app, name="asset")
app.add_typer(money.app, name="money")
app.add_typer(parameters.app, name="parameter")
app.command("replay")(replay.replay)
app.command("verify")(verification.verify)
app.command("flow")(flow.flow)
app.command("bench", context_settings=bench.PASS_ON)(bench.bench)
app.command("reference")(reference.reference)


def main() -> None:
    """Run one command; a Failure becomes its sentence on stderr and its exit code."""
    try:
        app(prog_name="excraft")
    except Failure as failure:
        print(f"excraft: {failure}", file=sys.stderr)
        sys.exit(failure.code)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output went away, which is its right
        sys.exit(0)
