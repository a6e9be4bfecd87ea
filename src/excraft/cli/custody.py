"""`excraft custody`: deposits, alarms, freezes, and the comparison of chain and ledger."""

import asyncio
from typing import Annotated

import typer

from excraft.cli.control import ask
from excraft.cli.exits import Failure
from excraft.cli.folder import Folder
from excraft.cli.options import DEFAULT_DATA, Data, Json, show_json, show_table

app = typer.Typer(help="Chains: deposits, alarms, freezes, reconcile.", no_args_is_help=True)

COLUMNS = ["id", "network", "account", "asset", "amount", "state", "transaction", "note"]
RECONCILED = ["network", "asset", "block", "read", "explained", "deposits", "waiting", "paid",
              "house", "gas", "by_hand_atoms"]  # fmt: skip


@app.command()
def status(data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """What is frozen and why, what does not work, and the last comparison."""
    found = ask(data, "custody_status")
    if as_json:
        show_json(found)
        return
    print(f"withdrawals: {found['frozen'] and 'FROZEN, ' + found['frozen'] or 'not frozen'}")
    for alarm in found["alarms"]:
        print(f"alarm {alarm['id']} of chain {alarm['chain']}: {alarm['reason']}")
    rows = []
    for chain in found["chains"]:
        print(f"{chain['network']}: {chain['failure'] or 'watched'}")
        rows += [row | {"network": chain["network"]} for row in chain["reconciled"]]
    show_table(rows, RECONCILED)


@app.command()
def deposits(
    member: Annotated[str, typer.Option(help="Only this member's.")] = "",
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """What came over chains, the newest first."""
    rows = ask(data, "custody_deposits", member=member)
    show_json(rows) if as_json else show_table(rows, COLUMNS)


@app.command()
def freeze(
    reason: Annotated[str, typer.Option(help="For whoever thaws it.", show_default=False)],
    data: Data = DEFAULT_DATA,
) -> None:
    """Stop the withdrawals of everybody; trading goes on."""
    print(f"withdrawals are frozen: {ask(data, 'custody_freeze', reason=reason)}")


@app.command()
def resolve(
    alarm: Annotated[int, typer.Argument(help="As `status` shows it.", show_default=False)],
    resolution: Annotated[str, typer.Option(help="What was found and done.", show_default=False)],
    data: Data = DEFAULT_DATA,
) -> None:
    """Close an alarm; withdrawals go on when it was the last one."""
    left = ask(data, "custody_resolve", alarm=alarm, resolution=resolution)
    print(f"still frozen: {left}" if left else "withdrawals go on")


@app.command()
def accept(
    address: Annotated[str, typer.Argument(help="As the alarm names it.", show_default=False)],
    units: Annotated[int, typer.Argument(help="All that is too much.", show_default=False)],
    network: Annotated[str, typer.Option(help="As `status` shows it.", show_default=False)],
    asset: Annotated[str, typer.Option(help="Its symbol.", show_default=False)],
    reason: Annotated[str, typer.Option(help="Whose it is, how it came.", show_default=False)],
    data: Data = DEFAULT_DATA,
) -> None:
    """Take a surplus that an alarm names as the exchange's own money; then resolve the alarm."""
    left = ask(data, "custody_accept", network=network, asset=asset, address=address,
               units=str(units), reason=reason)  # fmt: skip
    print(f"accepted; still frozen: {left}" if left else "accepted")


@app.command()
def release(
    deposit: Annotated[int, typer.Argument(help="As `deposits` shows it.", show_default=False)],
    member: Annotated[str, typer.Option(help="Whose address it is.", show_default=False)],
    reason: Annotated[str, typer.Option(help="How it is known.", show_default=False)],
    data: Data = DEFAULT_DATA,
) -> None:
    """Credit a deposit that the comparison found, as one that a contract paid."""
    left = ask(data, "custody_release", deposit=deposit, member=member, reason=reason)
    print(f"released; it is credited once this ends: {left}" if left else "released")


@app.command("read-again")
def read_again(
    network: Annotated[str, typer.Argument(help="As `status` shows it.", show_default=False)],
    first: Annotated[int, typer.Argument(help="The first block.", show_default=False, min=0)],
    last: Annotated[int, typer.Argument(help="The last block.", show_default=False, min=0)],
    reason: Annotated[str, typer.Option(help="Stands in the audit log.", show_default=False)],
    data: Data = DEFAULT_DATA,
) -> None:
    """Read blocks a second time, for a token transfer that the node had denied."""
    found = ask(data, "custody_read_again", network=network, first=first, last=last, reason=reason)
    for row in found["new"]:
        print(f"missed: {row['units']} units at {row['address']} by {row['transaction']}")
    for row in found["explained"]:
        print(f"not taken, its address holds nothing too much: {row['transaction']}")
    if not found["new"]:
        print("nothing was missed there")
    else:
        print("they are deposits now, and credited once the alarm about them is resolved")


@app.command()
def forget(
    deposit: Annotated[int, typer.Argument(help="As `deposits` shows it.", show_default=False)],
    reason: Annotated[str, typer.Option(help="How it is known.", show_default=False)],
    data: Data = DEFAULT_DATA,
) -> None:
    """Take back what the comparison found, when it is not there; then resolve the alarm."""
    left = ask(data, "custody_forget", deposit=deposit, reason=reason)
    print(f"forgotten; still frozen: {left}" if left else "forgotten")


@app.command()
def give(
    address: Annotated[str, typer.Argument(help="A deposit address.", show_default=False)],
    amount: Annotated[str, typer.Argument(help="As a decimal.", show_default=False)],
    asset: Annotated[str, typer.Option(help="ETH, USDT or EXT.")] = "ETH",
    data: Data = DEFAULT_DATA,
) -> None:
    """On the demo's own chain: pay to an address, as somebody outside would."""
    from eth_utils import is_checksum_address

    from excraft.chain.errors import ChainError
    from excraft.cli.demo_chain import give as pay
    from excraft.units import NotExact

    if not is_checksum_address(address):
        raise Failure(f"{address[:60]!r} is no address with the capitals of EIP-55")
    try:
        print(asyncio.run(pay(Folder.existing(data), address, asset, amount)))
    except (ValueError, NotExact, ChainError) as wrong:
        raise Failure(str(wrong)) from wrong
