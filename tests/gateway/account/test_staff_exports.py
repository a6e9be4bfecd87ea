"""What staff takes away as a file equals the database, and does not run in a spreadsheet."""

import asyncio
import contextlib
import csv
import io
import json
import threading

import pyarrow.parquet as parquet
import pytest
from sqlalchemy import select

from excraft.gateway.staff import exports
from excraft.messages.commands import Cause, Credit
from excraft.store.schema import entries, members
from tests.gateway.account.test_staff_door import office  # noqa: F401  (fixture)

pytestmark = pytest.mark.anyio


async def get(browser, name, **span):
    return await browser.http.get(f"/admin/export/{name}", params=span)


async def test_files_equal_the_database(office):  # noqa: F811
    aud = await office.join("aud", "auditor")
    venue = office.venue
    await venue.exchange.history.wait(venue.engine.position)
    with office.database.read() as connection:
        stored = [tuple(row) for row in connection.execute(select(entries).order_by(entries.c.id))]
    assert stored
    names = [c.name for c in entries.c]
    reply = await get(aud, "entries.csv")
    assert reply.headers["content-disposition"].startswith("attachment")
    told = [*csv.reader(io.StringIO(reply.text))]
    assert told[0] == [*names, "amount_text"]
    assert [row[:-1] for row in told[1:]] == [
        ["" if v is None else str(v) for v in row] for row in stored
    ]
    table = parquet.read_table(io.BytesIO((await get(aud, "entries.parquet")).content))
    rows = [tuple(row.values()) for row in table.to_pylist()]
    assert [row[:-1] for row in rows] == stored
    amount, asset = names.index("amount"), names.index("asset")
    first = stored[0]
    text = venue.engine.listings.assets[first[asset]].text(first[amount])
    assert rows[0][-1] == told[1][-1] == text


async def test_every_export_of_every_kind(office):  # noqa: F811
    aud = await office.join("aud", "auditor")
    for what in exports.EXPORTS:
        for kind in exports.MEDIA:
            reply = await get(aud, f"{what}.{kind}")
            assert reply.status_code == 200, (what, kind, reply.text[:200])
    rows = office.staff.audit.newest(limit=100)
    assert {r.object for r in rows if r.act == "EXPORT"} == {f"export:{w}" for w in exports.EXPORTS}


async def test_who_may_not(office):  # noqa: F811
    sue, fin = await office.join("sue", "support"), await office.join("fin", "finance")
    ann = await office.join("ann")
    assert (await get(sue, "members.csv")).status_code == 403
    assert (await get(fin, "members.csv")).status_code == 200
    assert (await get(fin, "audit.csv")).status_code == 403
    assert (await get(ann, "members.csv")).status_code == 404
    for name in ("people.csv", "members.exe", "members", "../members.csv", "api_keys.csv"):
        assert (await get(fin, name)).status_code == 404, name


async def test_text_does_not_run_and_spans_are_kept(office):  # noqa: F811
    aud = await office.join("aud", "auditor")
    venue = office.venue
    venue.exchange.members.add("=cmd|'/c calc'!A1", 99)
    told = [*csv.DictReader(io.StringIO((await get(aud, "members.csv")).text))]
    assert told[-1]["name"] == "'=cmd|'/c calc'!A1"
    with office.database.read() as connection:
        assert len(told) == len(connection.execute(select(members)).all())
    outcome = await venue.engine.execute(
        Credit(account=0, asset=0, amount=7, cause=Cause.DEPOSIT, reference="+1")
    )
    await venue.exchange.history.wait(outcome.position)
    late = [*csv.DictReader(
        io.StringIO((await get(aud, "entries.csv", since=outcome.time_ns)).text)
    )]  # fmt: skip
    assert [row["reference"] for row in late] == ["'+1"]
    assert (await get(aud, "entries.csv", since=-1)).status_code == 400
    assert (await get(aud, "entries.csv", since="x")).status_code == 400


async def test_too_many_rows_are_refused_whole(office, monkeypatch, tmp_path):  # noqa: F811
    aud = await office.join("aud", "auditor")
    monkeypatch.setattr(exports, "ROWS_MAX", 3)
    monkeypatch.setattr(exports.tempfile, "tempdir", str(tmp_path / "files"))
    (tmp_path / "files").mkdir()
    reply = await get(aud, "members.csv")
    assert (reply.status_code, reply.json()["error"]) == (413, "too_large")
    assert json.loads(reply.text)["message"].endswith("`until`.")
    assert [*(tmp_path / "files").iterdir()] == []
    monkeypatch.setattr(exports, "ROWS_MAX", 1000)
    assert (await get(aud, "members.csv")).status_code == 200
    assert [*(tmp_path / "files").iterdir()] == [], "removed once it was sent"


async def test_too_many_bytes_are_refused_whole(office, monkeypatch):  # noqa: F811
    aud = await office.join("aud", "auditor")
    monkeypatch.setattr(exports, "BYTES_MAX", 100)
    for kind in exports.MEDIA:
        reply = await get(aud, f"members.{kind}")
        assert (reply.status_code, reply.json()["error"]) == (413, "too_large")


async def test_one_is_written_at_a_time_and_few_wait_to_be_sent(office, monkeypatch):  # noqa: F811
    """A thread and a file each would leave none for the rest of the exchange."""
    aud = await office.join("aud", "auditor")
    begun, go, written = asyncio.Event(), threading.Event(), exports._written
    loop = asyncio.get_running_loop()

    def slowly(*given):
        loop.call_soon_threadsafe(begun.set)
        assert go.wait(30)
        return written(*given)

    monkeypatch.setattr(exports, "_written", slowly)
    first = asyncio.create_task(get(aud, "members.csv"))
    await begun.wait()
    reply = await get(aud, "members.csv")
    assert (reply.status_code, reply.json()["error"]) == (503, "busy")
    go.set()
    assert (await first).status_code == 200
    kept = []
    monkeypatch.setattr(
        exports, "_written", lambda *given: kept.append(written(*given)) or kept[-1]
    )
    monkeypatch.setattr(exports, "_pieces", lambda file: iter([]))  # as if nobody read them
    codes = []
    for _ in range(exports.UNSENT_MAX + 1):
        with contextlib.suppress(RuntimeError):  # fewer bytes than it said
            codes.append((await get(aud, "members.csv")).status_code)
    assert codes == [200] * exports.UNSENT_MAX + [503]
    kept.pop().close()
    assert (await get(aud, "members.csv")).status_code == 200
    for file in kept:
        file.close()
    done = [r for r in office.staff.audit.newest(limit=100) if r.act == "EXPORT"]
    assert len(done) == exports.UNSENT_MAX + 2, "a row for each that was written, none for others"
