"""`excraft referral`: codes of members, and what is owed and paid for who came by them."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from excraft.cli.control import ask
from excraft.cli.options import DEFAULT_DATA, Data, Json, show_json, show_table

app = typer.Typer(help="Who brought whom, and what they get of it.", no_args_is_help=True)
Member = Annotated[str, typer.Argument(help="Name of the member.", show_default=False)]


@app.command()
def show(member: Member, data: Data = DEFAULT_DATA) -> None:
    """A member's codes, by which one they came, and what they were paid."""
    show_json(ask(data, "referral_show", member=member))


@app.command()
def close(
    member: Member,
    code: Annotated[str, typer.Argument(help="As `show` has it.", show_default=False)],
    reason: Annotated[
        str, typer.Option("--reason", help="Stands in the audit log.", show_default=False)
    ],
    data: Data = DEFAULT_DATA,
) -> None:
    """Let nobody sign up with a code any more."""
    ask(data, "referral_close", member=member, code=code, reason=reason)
    print(f"nobody can sign up with {code} any more; who did stays referred")


@app.command()
def pay(
    member: Member,
    asset: Annotated[str, typer.Argument(help="Symbol of the asset.", show_default=False)],
    data: Data = DEFAULT_DATA,
) -> None:
    """Pay now what this member's fees owe their referrer; else it is paid at midnight UTC."""
    done = ask(data, "referral_pay", member=member, asset=asset)
    print(f"{done['paid']} {asset} went to account {done['account']}")


@app.command()
def payouts(data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """What is owed now, when it is paid, and the last payouts."""
    found = ask(data, "referral_payouts")
    if as_json:
        show_json(found)
        return
    owed = ", ".join(f"{one['amount']} {one['asset']}" for one in found["owed"]) or "nothing"
    print(f"owed now: {owed}; paid next at {_when(found['next_ns'])}")
    rows = [
        {"due": _when(p["due_ns"]), "done": _when(p["done_ns"]), "paid": p["paid"],
         "withheld": p["withheld"]}
        for p in found["payouts"]
    ]  # fmt: skip
    show_table(rows, ["due", "done", "paid", "withheld"])


def _when(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(time_ns // 10**9, UTC):%F %T} UTC"
