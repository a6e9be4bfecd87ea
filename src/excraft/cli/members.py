"""`excraft member`: who may trade."""

from typing import Annotated

import typer

from excraft.cli.control import ask
from excraft.cli.options import DEFAULT_DATA, Data, Json, show_json, show_table

app = typer.Typer(help="Members of the exchange.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="A name nobody else has.", show_default=False)]


@app.command()
def add(name: Name, data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """Open an account for a new member."""
    member = ask(data, "member_add", name=name)
    if as_json:
        show_json(member)
    else:
        print(f"{member['name']} is member {member['id']} with account {member['account']}")


@app.command("list")
def list_members(data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """All members with their account numbers."""
    members = ask(data, "member_list")
    show_json(members) if as_json else show_table(members, ["id", "name", "account"])
