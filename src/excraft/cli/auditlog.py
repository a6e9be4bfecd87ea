"""`excraft audit`: what staff did, and whether the record of it is whole."""

import csv
import json
import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from excraft.accounts.spreadsheets import plain
from excraft.cli.exits import Exit, Failure
from excraft.cli.options import DEFAULT_DATA, Data, Json, show_json, show_table
from excraft.cli.staff import opened_staff, read_hash

app = typer.Typer(help="The audit log of staff.", no_args_is_help=True)
COLUMNS = ["number", "time", "who", "role", "act", "object", "outcome", "payload"]

Time = Annotated[datetime | None, typer.Option(help="In UTC, such as 2026-11-22.")]


@app.command()
def head(data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """Number and hash of the last row; keep them elsewhere, for `verify --head`."""
    with opened_staff(data) as (_, staff):
        last = staff.audit.head()
    if as_json:
        show_json({"number": last.number, "hash": last.hash.hex()})
    else:
        print(f"{last.number}\t{last.hash.hex()}")


@app.command()
def verify(
    kept: Annotated[
        str, typer.Option("--head", help="A hash kept from before: finds rows cut off since.")
    ] = "",
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Walk the whole chain; names the first row that is wrong, with exit code 4."""
    wanted = read_hash(kept) if kept else None
    with opened_staff(data) as (_, staff):
        found = staff.audit.verify(wanted)
    if as_json:
        show_json(found._asdict() | {"head": found.head.hex()})
    if found.broken is not None:
        raise Failure(f"the audit log is broken at row {found.broken}: {found.why}", Exit.DAMAGED)
    if not as_json:
        print(f"{found.rows} rows, one chain\nhead  {found.head.hex()}")


@app.command("list")
def list_rows(
    who: Annotated[str | None, typer.Option(help="member:ID or shell:USER.")] = None,
    act: Annotated[str | None, typer.Option(help="Such as CREDIT.")] = None,
    object: Annotated[str | None, typer.Option(help="Such as member:7 or proposal:12.")] = None,
    outcome: Annotated[str | None, typer.Option(help="Such as done or denied.")] = None,
    since: Time = None,
    until: Time = None,
    limit: Annotated[int, typer.Option(help="The newest so many.", min=1, max=1_000_000)] = 100,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV with a head.")] = False,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Rows of the log, oldest first."""
    from excraft.accounts.audit import Filter

    wanted = Filter(who, act, object, outcome, _ns(since), _ns(until))
    with opened_staff(data) as (_, staff):
        rows = [_row(row) for row in staff.audit.newest(wanted, limit)]
    if as_json:
        show_json([row | {"payload": json.loads(row["payload"])} for row in rows])
    elif as_csv:
        _show_csv(rows)
    else:
        show_table(rows, COLUMNS)


def _ns(time: datetime | None) -> int | None:
    return None if time is None else int(time.replace(tzinfo=UTC).timestamp()) * 10**9


def _row(row) -> dict:
    seconds, ns = divmod(row.time_ns, 10**9)
    time = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ns:09d}Z"
    return {**row._asdict(), "time": time, "hash": row.hash.hex()}


def _show_csv(rows: list[dict]) -> None:
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow([*COLUMNS, "hash"])
    for row in rows:
        out.writerow([plain(str(row[c])) for c in [*COLUMNS, "hash"]])
