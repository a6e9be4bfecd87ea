"""`excraft money`: the only way money enters or leaves; each time with its reason."""

from enum import StrEnum
from typing import Annotated

import typer

from excraft.cli.control import ask
from excraft.cli.options import DEFAULT_DATA, Data, Json, show_json, show_table

app = typer.Typer(help="Credit and debit, with a reason.", no_args_is_help=True)


class CreditReason(StrEnum):
    deposit = "deposit"
    correction = "correction"


class DebitReason(StrEnum):
    withdrawal = "withdrawal"
    correction = "correction"


Member = Annotated[str, typer.Argument(help="Name of the member.", show_default=False)]
Asset = Annotated[str, typer.Argument(help="For example USDT.", show_default=False)]
Amount = Annotated[str, typer.Argument(help="A decimal such as 12.5.", show_default=False)]
Reference = Annotated[
    str, typer.Option(help="What proves it: a transaction, a ticket. It stays in the log.")
]


@app.command()
def credit(
    member: Member, asset: Asset, amount: Amount,
    reason: Annotated[CreditReason, typer.Option(help="Why money enters.")],
    reference: Reference, data: Data = DEFAULT_DATA,
) -> None:  # fmt: skip
    """Bring money into the exchange for a member."""
    _move(data, "money_credit", member, asset, amount, reason.name, reference)


@app.command()
def debit(
    member: Member, asset: Asset, amount: Amount,
    reason: Annotated[DebitReason, typer.Option(help="Why money leaves.")],
    reference: Reference, data: Data = DEFAULT_DATA,
) -> None:  # fmt: skip
    """Take a member's free money out of the exchange."""
    _move(data, "money_debit", member, asset, amount, reason.name, reference)


def _move(data, operation, member, asset, amount, reason, reference) -> None:
    balance = ask(
        data, operation, member=member, asset=asset, amount=amount, reason=reason.upper(),
        reference=reference,
    )  # fmt: skip
    print(f"{member} has {balance['free']} {asset} free and {balance['held']} {asset} held")


@app.command()
def balances(member: Member, data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """What a member owns."""
    rows = ask(data, "money_balances", member=member)
    show_json(rows) if as_json else show_table(rows, ["asset", "free", "held"])
