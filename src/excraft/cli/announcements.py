"""`excraft announcement`: what everybody is told at GET /announcements."""

from typing import Annotated

import typer

from excraft.cli.control import ask
from excraft.cli.options import DEFAULT_DATA, Data

app = typer.Typer(help="What everybody is told.", no_args_is_help=True)


@app.command()
def add(
    title: Annotated[str, typer.Argument(help="One line.", show_default=False)],
    text: Annotated[str, typer.Argument(help="The rest.", show_default=False)],
    data: Data = DEFAULT_DATA,
) -> None:
    """Tell everybody from now on."""
    made = ask(data, "announce", title=title, text=text)
    print(f"announcement {made['id']} is shown at /announcements")


@app.command()
def end(
    number: Annotated[int, typer.Argument(help="As `add` said it.", show_default=False, min=1)],
    data: Data = DEFAULT_DATA,
) -> None:
    """Show it no longer."""
    ask(data, "announcement_end", id=number)
    print(f"announcement {number} has ended")
