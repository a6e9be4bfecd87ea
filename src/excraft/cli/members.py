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


Member = Annotated[str, typer.Argument(help="Name of the member.", show_default=False)]
Why = Annotated[str, typer.Option("--reason", help="Stands in the audit log.", show_default=False)]


@app.command()
def show(member: Member, data: Data = DEFAULT_DATA) -> None:
    """Flags, balances, open orders, keys and notes of one member."""
    show_json(ask(data, "member_show", member=member))


@app.command()
def freeze(
    member: Member,
    reason: Why,
    cancel: Annotated[bool, typer.Option("--cancel", help="Also cancel open orders.")] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """No orders and no withdrawals any more; cancels pass."""
    done = ask(data, "member_freeze", member=member, reason=reason, cancel_orders=cancel)
    print(f"{member} is frozen; {done['canceled']} orders were canceled")


@app.command()
def unfreeze(member: Member, reason: Why, data: Data = DEFAULT_DATA) -> None:
    """Orders and withdrawals again."""
    ask(data, "member_unfreeze", member=member, reason=reason)
    print(f"{member} may trade again")


@app.command()
def note(
    member: Member,
    text: Annotated[str, typer.Argument(help="For other staff.", show_default=False)],
    data: Data = DEFAULT_DATA,
) -> None:
    """A note that stands for ever."""
    ask(data, "member_note", member=member, text=text)
    print("noted")


@app.command()
def refer(
    member: Member,
    referrer: Annotated[str, typer.Option("--by", help="Who referred them; empty: nobody.")],
    share: Annotated[int, typer.Option(help="Share of the member's fees, in ppm.")] = 200_000,
    data: Data = DEFAULT_DATA,
) -> None:
    """Owe a share of a member's fees to who referred them."""
    ask(data, "member_referral", member=member, referrer=referrer, share_ppm=share)
    print(f"{referrer or 'nobody'} referred {member}")
