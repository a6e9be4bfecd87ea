"""`excraft round`, `pool`, `rewards` and `merit`: what counts, and what it gives."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from excraft.cli.control import ask
from excraft.cli.exits import Exit, Failure
from excraft.cli.folder import Folder
from excraft.cli.options import DEFAULT_DATA, Data, Json, show_json, show_table

round_app = typer.Typer(help="Reward days and rounds.", no_args_is_help=True)
pool_app = typer.Typer(help="Pools.", no_args_is_help=True)
rewards_app = typer.Typer(help="What days brought.", no_args_is_help=True)
merit_app = typer.Typer(help="Merit, computed again.", no_args_is_help=True)
POOLS = ["pool", "name", "master", "members", "verified", "active", "commission_bp", "redistribute"]
NAMED = 8  # markets, in one line
DAYS = ["day", "round", "emitted", "poe", "stake", "pools", "paid", "carry", "dataset_hash"]


@round_app.command()
def status(data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """The day and round that run, and what waits."""
    _show(ask(data, "round_status"), as_json)


@round_app.command()
def close(data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """Do now what happens by itself: close what is over, publish, pay."""
    _show(ask(data, "round_close"), as_json)


def _show(found: dict, as_json: bool) -> None:
    if as_json:
        show_json(found)
        return
    until = f"until {datetime.fromtimestamp(found['end'], UTC):%F %T} UTC"
    if found["begin"] < 0:
        until = "from the log's first record on"
    print(f"round {found['round']}, day {found['day']} ({found['day_in_round'] + 1} of "
          f"{found['round_days']}), {until}; {found['pools']} pools")  # fmt: skip
    if found["unpublished_days"]:
        print(f"closed and not published yet: {found['unpublished_days']}")
    if markets := found["not_a_price"]:
        more = f" and {len(markets) - NAMED} more" if len(markets) > NAMED else ""
        print(f"not price sources, so fees of buyers count nothing there: "
              f"{', '.join(markets[:NAMED])}{more}; excraft parameter set PRICE_SOURCE 1 "
              "--market SYMBOL, once strangers trade there")  # fmt: skip
    if found["said"]:
        print(found["said"])
    show_table(found["published"], DAYS)


@pool_app.command("list")
def list_pools(data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """All pools."""
    rows = ask(data, "pool_list")
    show_json(rows) if as_json else show_table(rows, POOLS)


@pool_app.command()
def flag(
    member: Annotated[str, typer.Argument(help="Name of a member.", show_default=False)],
    other: Annotated[str, typer.Argument(help="The other one.", show_default=False)],
    reason: Annotated[
        str, typer.Option("--reason", help="Stands in the audit log.", show_default=False)
    ],
    off: Annotated[bool, typer.Option("--off", help="It counts again.")] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """What two members trade with each other counts nothing."""
    ask(data, "pair_flag", member=member, other=other, reason=reason, flagged=not off)
    print(f"what {member} and {other} trade with each other counts {'again' if off else 'nothing'}")


@rewards_app.command("list")
def list_rewards(data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """The last published days."""
    rows = ask(data, "round_status")["published"]
    show_json(rows) if as_json else show_table(rows, DAYS)


@merit_app.command()
def recompute(
    number: Annotated[int, typer.Option("--round", help="Which round.", show_default=False, min=0)],
    data: Data = DEFAULT_DATA,
) -> None:
    """Compute a round again from the log alone, and compare it with what was published."""
    from excraft.cli.recompute import differences

    found = differences(Folder.existing(data), number)
    for line in found.wrong:
        print(line)
    if found.wrong:
        raise Failure(f"round {number} is not what the log says", Exit.DAMAGED)
    print(f"round {number}: {len(found.days)} days are to the last unit what the log says")
