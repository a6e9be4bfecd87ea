"""`excraft liabilities`: what is owed to members, published daily so that each can check it."""

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from excraft.cli.exits import Failure
from excraft.cli.folder import Folder
from excraft.cli.options import Json, show_json, show_table

app = typer.Typer(help="What is owed to members, as proofs.", no_args_is_help=True)
Source = Annotated[Path, typer.Argument(help="Data folder of an exchange.", show_default=False)]
OfDay = Annotated[
    str, typer.Option("--day", help="UTC day, YYYY-MM-DD, or moment; the last by default.")
]
Exchange = Annotated[str, typer.Option(help="Name of the exchange, as the root states it.")]
Name = Annotated[str, typer.Option("--member", help="Name of the member.", show_default=False)]


@app.command()
def publish(
    source: Source, day: OfDay = "", exchange: Exchange = "ExCraft", as_json: Json = False
) -> None:
    """Compute what is owed at the end of a day, keep the trees, show the root to publish.

    Works on a stopped and on a running exchange. The default is yesterday. Today may be named: it
    is taken as it is now. So may a moment, as 2026-11-26T180000Z, or `now`. What is published
    cannot be published again.
    """
    from sqlalchemy import select  # late, like all that takes long to import

    from excraft.cli import owed
    from excraft.cli.day_end import state_before
    from excraft.cli.kernel import new_kernel
    from excraft.cli.progress import Progress
    from excraft.store.schema import members

    folder = Folder.existing(source)
    chosen, end_ns = owed.moment_of(day, time.time_ns)
    days, secret = owed.days_of(folder), owed.secret_of(folder)
    if chosen in days.published():
        raise Failure(f"{chosen} is published already, and stays as it is")
    with Progress() as progress:
        state = state_before(folder, new_kernel(1, progress), end_ns)
    with owed.failures(), owed.members_of(folder) as database, database.read() as connection:
        named = connection.execution_options(yield_per=10_000).execute(
            select(members.c.account, members.c.name)
        )
        root = days.publish(exchange, chosen, state, map(tuple, named), secret)
    show_json(root) if as_json else _show_root(days, root)


@app.command()
def proof(source: Source, member: Name, day: OfDay = "") -> None:
    """Print the proof for one member as JSON; tools/verify_liabilities.py checks it."""
    from excraft.accounts.members import Members
    from excraft.cli import owed

    folder = Folder.existing(source)
    days = owed.days_of(folder)
    with owed.failures(), owed.members_of(folder) as database:
        found = Members(database).by_name(member)
        if found is None:
            raise Failure(f"there is no member {member!r}; `excraft member list` shows all")
        chosen = owed.published(days, day)
        days.check(chosen)
        made = days.proof(chosen, found.account, found.name, owed.secret_of(folder))
    print(json.dumps(made, indent=1))


@app.command()
def show(source: Source, day: OfDay = "", as_json: Json = False) -> None:
    """The published days; with --day the root of one, after reading every byte of its trees."""
    from excraft.cli import owed

    days = owed.days_of(Folder.existing(source))
    with owed.failures():
        if day:
            days.check(day)
            root = days.root(day)
            show_json(root) if as_json else _show_root(days, root)
            return
        roots = [days.root(one) for one in days.published()]
    columns = ["day", "position", "hash"]
    rows = [{name: root[name] for name in columns} for root in roots]
    show_json(rows) if as_json else show_table(rows, columns)


def _show_root(days, root: dict) -> None:
    from excraft.units import format_decimal

    for name in ("exchange", "day", "position", "log_hash", "state_hash"):
        print(f"{name:<11} {root[name]}")
    for asset in root["assets"]:
        total = format_decimal(int(asset["total"]), asset["decimals"], asset["decimals"])
        print(f"owed        {total} {asset['symbol']}")
    print(f"root hash   {root['hash']}\nfile        {days.folder / root['day'] / 'root.json'}")
