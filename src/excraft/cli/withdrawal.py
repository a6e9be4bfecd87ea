"""`excraft withdrawal`: what waits for approval, what was paid, and the limits."""

from typing import Annotated

import typer

from excraft.cli.control import ask
from excraft.cli.options import DEFAULT_DATA, Data, Json, show_json, show_table

app = typer.Typer(help="Withdrawals: approve, refuse, limits, our wallets.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(help="As listed.", show_default=False, min=1)]
COLUMNS = ["id", "state", "member", "amount", "asset", "network", "destination", "note"]


@app.command("list")
def list_(
    all_states: Annotated[bool, typer.Option("--all", help="Also those that ended.")] = False,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Withdrawals that are not paid yet, and why."""
    rows = ask(data, "withdrawal_list", all=all_states)
    show_json(rows) if as_json else show_table(rows, COLUMNS)


@app.command()
def show(number: Number, data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """One withdrawal, with the hash that an approval names."""
    _show(ask(data, "withdrawal_show", id=number), as_json)


@app.command()
def approve(
    number: Number,
    seen: Annotated[
        str, typer.Option("--hash", help="Only if this is its hash: of what you have seen.")
    ] = "",
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Approve it; all shells count as one person."""
    if not seen:
        found = ask(data, "withdrawal_show", id=number)
        seen = found["hash"]
    _show(ask(data, "withdrawal_approve", id=number, seen=seen), as_json)


@app.command()
def refuse(
    number: Number,
    reason: Annotated[str, typer.Option(help="Why, for the member.")],
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Give the money back, as long as the signer did not sign it."""
    _show(ask(data, "withdrawal_refuse", id=number, reason=reason), as_json)


@app.command()
def limits(data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """What was set, then the defaults; amounts in atoms."""
    rows = ask(data, "withdrawal_limits")
    show_json(rows) if as_json else show_table(rows, ["name", "asset", "level", "value"])


@app.command("set-limit")
def set_limit(
    name: Annotated[str, typer.Argument(help="As listed by limits.", show_default=False)],
    value: Annotated[str, typer.Argument(help="A number, or an amount.", show_default=False)],
    asset: Annotated[str, typer.Option(help="For limits of an asset.")] = "",
    level: Annotated[int, typer.Option(help="KYC level, for DAY_LIMIT.", min=-1, max=3)] = -1,
    data: Data = DEFAULT_DATA,
) -> None:
    """Set a limit; it stands in the audit log."""
    arguments = {"name": name, "value": value, "asset": asset, "level": level}
    ask(data, "withdrawal_limit_set", **arguments)
    print(f"{name} is {value} {asset}".strip())


@app.command()
def sent(
    limit: Annotated[int, typer.Option(help="The newest so many.", min=1, max=10_000)] = 100,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Every transaction of our wallets: withdrawals, sweeps, gas, to cold."""
    rows = ask(data, "wallet_transactions", limit=limit)
    columns = ["id", "kind", "withdrawal_id", "status", "units", "destination", "nonce", "hash"]
    show_json(rows) if as_json else show_table(rows, columns)


@app.command()
def status(data: Data = DEFAULT_DATA) -> None:
    """What does not work at the moment, in words."""
    show_json(ask(data, "wallet_status"))


def _show(found: dict, as_json: bool) -> None:
    if as_json:
        show_json(found)
        return
    for name, value in found.items():
        print(f"{name:<15} {' '.join(value) if isinstance(value, list) else value}")
