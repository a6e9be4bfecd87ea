"""`excraft staff`: who may do what, and acts that wait for approval."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer

from excraft.cli.exits import Exit, Failure
from excraft.cli.options import DEFAULT_DATA, Data, Json, show_json, show_table

app = typer.Typer(help="Staff: roles, and acts that wait for approval.", no_args_is_help=True)
role_app = typer.Typer(help="Roles of staff.", no_args_is_help=True)
app.add_typer(role_app, name="role")

Member = Annotated[str, typer.Argument(help="Name of the member.", show_default=False)]
RoleName = Annotated[str, typer.Argument(help="As listed, such as support.", show_default=False)]
Number = Annotated[int, typer.Argument(help="As listed.", show_default=False, min=1)]


@contextmanager
def opened_staff(data: Data) -> Iterator:
    """(database, staff) of the data folder, whether the exchange runs or not."""
    from sqlalchemy.exc import SQLAlchemyError

    from excraft.accounts.errors import AccountsError
    from excraft.accounts.kyc import Cases
    from excraft.accounts.kyc_seal import Seals
    from excraft.accounts.staff import staff_of
    from excraft.cli.folder import Folder
    from excraft.cli.stored import database_of
    from excraft.gateway.kyc_decisions import executors as decisions
    from excraft.gateway.withdrawal_desk import EXECUTORS

    folder = Folder.existing(data)
    try:
        database = database_of(folder)
        if database is None:
            raise Failure(f"the exchange in {data} has no database yet; start it once")
        try:
            database.migrate()
            cases = Cases(database, Seals.open(folder.secret_key))
            yield database, staff_of(database, more={**EXECUTORS, **decisions(cases)})
        finally:
            database.close()
    except AccountsError as refused:
        raise Failure(str(refused)) from refused
    except SQLAlchemyError as wrong:
        raise Failure(f"the database cannot be used: {str(wrong).splitlines()[0]}") from wrong


@role_app.command("list")
def list_roles(data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """Every role, what it allows and who holds it."""
    from excraft.accounts.members import Members

    with opened_staff(data) as (database, staff):
        names = {member.id: member.name for member in Members(database).all()}
        rows = [
            {
                "role": role.name,
                "built_in": role.built_in,
                "acts": sorted(role.acts),
                "holders": [names[number] for number in role.holders],
            }
            for role in staff.roles.all()
        ]
    if as_json:
        show_json(rows)
        return
    shown = [row | {n: " ".join(row[n]) for n in ("acts", "holders")} for row in rows]
    show_table(shown, ["role", "holders", "acts"])


@role_app.command()
def add(
    name: Annotated[str, typer.Argument(help="2 to 32 of a-z, 0-9 and -.", show_default=False)],
    acts: Annotated[
        list[str], typer.Argument(help="Acts, such as HALT_MARKET.", show_default=False)
    ],
    data: Data = DEFAULT_DATA,
) -> None:
    """Make a role; it never changes afterwards."""
    from excraft.accounts import actors

    with opened_staff(data) as (_, staff):
        staff.roles.add(actors.shell(), name, acts)
    print(f"role {name} allows {' '.join(sorted(set(acts)))}")


@role_app.command()
def give(member: Member, role: RoleName, data: Data = DEFAULT_DATA) -> None:
    """Give a role to a member; it counts from the next request on."""
    from excraft.accounts import actors

    with opened_staff(data) as (database, staff):
        staff.roles.give(actors.shell(), _number(database, member), role)
    print(f"{member} has the role {role}")


@role_app.command()
def take(member: Member, role: RoleName, data: Data = DEFAULT_DATA) -> None:
    """Take a role from a member; the last administrator stays."""
    from excraft.accounts import actors

    with opened_staff(data) as (database, staff):
        staff.roles.take(actors.shell(), _number(database, member), role)
    print(f"{member} no longer has the role {role}")


@app.command("four-eyes")
def show_four_eyes(data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """Acts that need approvals, and how many."""
    from excraft.accounts import four_eyes

    with opened_staff(data) as (database, _), database.read() as connection:
        needed = four_eyes.all_needed(connection)
    rows = [{"act": act.value, "approvals": n} for act, n in needed.items() if n]
    show_json(rows) if as_json else show_table(rows, ["act", "approvals"])


@app.command("proposals")
def list_proposals(
    all_states: Annotated[bool, typer.Option("--all", help="Also those that ended.")] = False,
    limit: Annotated[int, typer.Option(help="The newest so many.", min=1, max=10_000)] = 100,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Acts that wait for approval."""
    with opened_staff(data) as (_, staff):
        rows = [_row(p) for p in staff.approvals.newest(only_open=not all_states, limit=limit)]
    if as_json:
        show_json(rows)
        return
    shown = [
        row | {"payload": json.dumps(row["payload"]), "approved_by": " ".join(row["approved_by"])}
        for row in rows
    ]
    show_table(shown, ["id", "state", "act", "proposer", "approved_by", "expires", "payload"])


@app.command()
def approve(
    number: Number,
    seen: Annotated[
        str, typer.Option("--hash", help="Only if this is its hash: of what you have seen.")
    ] = "",
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Approve what somebody else proposed; the last approval needed carries it out.

    All shells count as one person, so that nobody proposes as one user and approves as another.
    """
    from excraft.accounts import actors

    with opened_staff(data) as (_, staff):
        wanted = read_hash(seen) if seen else staff.approvals.get(number).hash
        after = staff.approvals.approve(actors.shell(), number, wanted)
    _show(after, as_json)


@app.command()
def refuse(
    number: Number,
    reason: Annotated[str, typer.Option(help="Why, for the proposer.")],
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """End a proposal for good."""
    from excraft.accounts import actors

    with opened_staff(data) as (_, staff):
        after = staff.approvals.refuse(actors.shell(), number, reason)
    _show(after, as_json)


def _number(database, name: str) -> int:
    from excraft.accounts.members import Members

    found = Members(database).by_name(name)
    if found is None:
        raise Failure(f"there is no member {name!r}; `excraft member list` shows all")
    return found.id


def _row(proposal) -> dict:
    row = {name: getattr(proposal, name) for name in ("id", "state", "act", "proposer", "needed")}
    return row | {
        "approved_by": list(proposal.approvers),
        "payload": _parsed(proposal.payload),
        "hash": proposal.hash.hex(),
        "expires": str(datetime.fromtimestamp(proposal.expires_ns // 10**9, UTC)),
        "reason": proposal.reason,
    }


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:  # somebody altered the row; approving it will say so
        return text


def read_hash(text: str) -> bytes:
    """A hash as it was typed; Failure when it is none."""
    if not re.fullmatch("[0-9a-fA-F]{64}", text):
        raise Failure(f"{text[:80]!r} is not a hash: those are 64 of 0-9 and a-f", Exit.USAGE)
    return bytes.fromhex(text)


def _show(proposal, as_json: bool) -> None:
    if as_json:
        show_json(_row(proposal))
        return
    print(f"proposal {proposal.id}: {proposal.act} {proposal.payload}")
    print(f"hash      {proposal.hash.hex()}\nstate     {proposal.state}")
    if proposal.reason:
        print(f"reason    {proposal.reason}")
