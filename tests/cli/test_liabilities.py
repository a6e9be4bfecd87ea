"""`excraft liabilities` on the data folder of an exchange, from the log to the member's yes."""

import asyncio
import json
import shutil
import subprocess
import sys
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from excraft.cli.day_end import end_of, hash_at, state_before
from excraft.cli.exits import Exit, Failure
from excraft.cli.folder import Folder
from excraft.cli.owed import moment_of
from excraft.cli.wiring import opened
from excraft.engine.listings import Listings
from excraft.engine.snapshot import RECORD_BLOB, fingerprint
from excraft.kernel import Kernel
from excraft.log import FileLog, open_for_reading, snapshots
from excraft.messages.codec import record_of
from excraft.messages.commands import Cause, Credit, ListAsset, OpenAccount
from tests.cli.damage import flip

TOOL = Path(__file__).parents[2] / "tools" / "verify_liabilities.py"
DAY = date(2026, 3, 1)
HOUR_NS = 3_600_000_000_000


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def verified(proof: str, root: Path, folder: Path) -> subprocess.CompletedProcess:
    (folder / "proof.json").write_text(proof)
    return subprocess.run(
        [sys.executable, "-I", str(TOOL), str(folder / "proof.json"), str(root)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def recount(folder: Folder) -> tuple[Kernel, Counter[int]]:
    """What is owed per asset, by asking a replayed kernel for every account."""
    kernel, sums, listings = Kernel(), Counter(), Listings()
    for record in open_for_reading(folder.log).read(0):
        listings.apply(record, kernel.step(record))
    for account in range(listings.accounts):
        for asset, (free, held) in kernel.balances(account).items():
            sums[asset] += free + held
    return kernel, sums


def test_from_the_log_to_the_member(excraft, data, tmp_path, capsys):
    from excraft.cli.liabilities import proof, publish, show

    day = today()
    done = excraft("liabilities", "publish", str(data), "--day", day, "--json")
    assert done.returncode == Exit.DONE, done.stderr
    root = json.loads(done.stdout)
    kernel, sums = recount(Folder(data))
    assert [int(asset["total"]) for asset in root["assets"]] == [sums[0], sums[1]]
    assert kernel.balance(0, 0)[1] > 0, "held money is owed too"
    assert (root["position"], root["state_hash"]) == (kernel.position, kernel.state_hash())
    assert root["log_hash"] == open_for_reading(Folder(data).log).last_hash(0).hex()
    file = data / "liabilities" / day / "root.json"
    assert json.loads(file.read_text()) == root
    for account, member in enumerate(("alice", "bob")):
        proof(data, member)
        answer = verified(capsys.readouterr().out, file, tmp_path)
        assert answer.returncode == 0, answer.stdout
        free, held = kernel.balance(account, 0)
        assert f"BTC        {(free + held) / 10**8:.8f}\n" in answer.stdout
    show(data)
    assert capsys.readouterr().out.split() == [day, str(root["position"]), root["hash"]]
    with pytest.raises(Failure, match="published already"):
        publish(data, day=day)


def test_an_auditor_gets_the_same_root_from_a_copy(data, tmp_path, capsys):
    from excraft.cli.liabilities import publish

    copy = shutil.copytree(data, tmp_path / "copy")
    for file in (copy / "snapshots").iterdir():
        file.unlink()
    found = []
    for folder in (data, copy):
        publish(folder, day=today(), as_json=True)
        found.append(json.loads(capsys.readouterr().out))
    assert found[0] == found[1]
    shutil.rmtree(copy / "liabilities")
    (copy / "secret.key").write_text("ab" * 32 + "\n")
    publish(copy, day=today(), as_json=True)
    other = json.loads(capsys.readouterr().out)
    assert other["hash"] != found[0]["hash"]
    for name in ("position", "log_hash", "state_hash"):
        assert other[name] == found[0][name]
    totals = [[asset["total"] for asset in root["assets"]] for root in (other, found[0])]
    assert totals[0] == totals[1]


def test_a_running_exchange_goes_on(data):
    from excraft.cli.liabilities import publish, show

    async def beside() -> None:
        async with opened(Folder(data)) as exchange:
            before = exchange.engine.position
            await asyncio.to_thread(publish, data, day=today())
            await exchange.engine.execute(OpenAccount())
            assert exchange.engine.position == before + 1

    asyncio.run(beside())
    show(data, day=today())


def test_errors_are_a_sentence_and_a_code(data, capsys):
    from excraft.cli.liabilities import proof, publish, show

    for call, code, sentence in (
        (lambda: publish(data), Exit.USAGE, "no record as early as that"),
        (lambda: publish(data, day="yesterday"), Exit.USAGE, "is no day"),
        (lambda: publish(data, day="2999-01-01"), Exit.USAGE, "has not begun"),
        (lambda: proof(data, "alice"), Exit.FAILED, "no day is published yet"),
        (lambda: proof(data, "nobody"), Exit.FAILED, "no member 'nobody'"),
        (lambda: show(data, day="2026-01-01"), Exit.FAILED, "is not published"),
    ):
        with pytest.raises(Failure, match=sentence) as caught:
            call()
        assert caught.value.code == code
    publish(data, day=today())
    flip(next((data / "liabilities").glob("*/0001.tree")), 100)
    for call in (lambda: show(data, day=today()), lambda: proof(data, "alice")):
        with pytest.raises(Failure, match="0001.tree is damaged") as caught:
            call()
        assert caught.value.code == Exit.DAMAGED
    (data / "secret.key").rename(data / "elsewhere")
    with pytest.raises(Failure, match="secret.key is missing"):
        publish(data, day=today())
    assert not (data / "secret.key").exists()


def test_the_default_day_is_yesterday_in_utc():
    late = int(datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC).timestamp()) * 10**9 + 999_999_999
    assert moment_of("", lambda: late) == ("2026-02-28", end_of(date(2026, 2, 28)))
    assert moment_of("", lambda: late + 1)[0] == "2026-03-01"
    assert moment_of("2026-03-01", lambda: late) == ("2026-03-01", end_of(DAY))
    with pytest.raises(Failure, match="2026-03-02 has not begun in UTC; now is 2026-03-01T235959Z"):
        moment_of("2026-03-02", lambda: late)


def test_a_moment_is_a_second_that_was():
    late = int(datetime(2026, 3, 1, 18, 0, 5, tzinfo=UTC).timestamp()) * 10**9 + 7
    assert moment_of("2026-03-01T180005Z", lambda: late) == ("2026-03-01T180005Z", late - 7)
    assert moment_of("now", lambda: late) == ("2026-03-01T180005Z", late - 7)
    with pytest.raises(Failure, match="2026-03-01T180006Z has not begun in UTC"):
        moment_of("2026-03-01T180006Z", lambda: late)
    for text in ("2026-03-01T18:00:05Z", "2026-03-01T180005", "T", "2026-3-1", "yesterday", "../x"):
        with pytest.raises(Failure, match="is no day or moment; write it as 2026-03-01 or"):
            moment_of(text, lambda: late)


@pytest.fixture
def three_days(tmp_path) -> tuple[Folder, list[tuple[int, bytes, str]]]:
    """A log with two records a day over three days and a snapshot after each; what is where."""
    folder, kernel, listings = Folder.make(tmp_path / "data"), Kernel(), Listings()
    log, states = FileLog(folder.log, segment_bytes=1 << 16, reserve_bytes=0), []
    for step in range(6):
        begins = end_of(DAY) + HOUR_NS * 24 * (step // 2 - 1)  # of the day
        time_ns = begins if step % 2 == 0 else begins + 24 * HOUR_NS - 1
        commands = [Credit(account=0, asset=0, amount=5 + step, cause=Cause.DEPOSIT)]
        if step == 0:
            commands = [ListAsset(decimals=8, text='{"symbol": "BTC"}'), OpenAccount(), *commands]
        record = record_of(commands, position=step + 1, sequence=kernel.sequence, time_ns=time_ns)
        log.append(0, record)
        listings.apply(record, kernel.step(record))
        states.append((kernel.position, log.last_hash(0), kernel.state_hash()))
        blobs = {"listings": listings.dump(), RECORD_BLOB: fingerprint(record)}
        snapshots.write(folder.snapshots, *states[-1], kernel.snapshot(), blobs)
    log.close()
    return folder, states


@pytest.mark.parametrize("with_snapshots", [True, False])
def test_a_day_ends_with_its_last_nanosecond(three_days, with_snapshots):
    folder, states = three_days
    if not with_snapshots:
        for file in folder.snapshots.iterdir():
            file.unlink()
    for number in range(3):
        end = end_of(DAY) + 24 * HOUR_NS * number
        found = state_before(folder, Kernel(), end)
        assert (found.position, found.log_hash, found.state_hash) == states[2 * number + 1]
        assert found.assets == [("BTC", 8)]
        owed = sum(5 + step for step in range(2 * number + 2))
        assert found.balances.tolist() == [[0, 0, owed, 0]]
    with pytest.raises(Failure, match="no record as early"):
        state_before(folder, Kernel(), end_of(DAY) - 24 * HOUR_NS)


def test_a_snapshot_that_cannot_be_trusted_is_passed_over(three_days):
    folder, states = three_days
    last = end_of(DAY) + 48 * HOUR_NS
    newest = sorted(folder.snapshots.iterdir())[-1]
    snapshot = snapshots.load(newest)
    lying = {name: rows.copy() for name, rows in snapshot.arrays.items()}
    lying["balances"][0, 2] += 1
    for log_blob in (snapshot.blobs, snapshot.blobs | {RECORD_BLOB: b"of another log"}):
        snapshots.write(
            folder.snapshots, 6, snapshot.log_hash, snapshot.state_hash, lying, log_blob
        )
        found = state_before(folder, Kernel(), last)
        assert (found.position, found.log_hash, found.state_hash) == states[-1]
    flip(newest, 200)
    assert state_before(folder, Kernel(), last).state_hash == states[-1][2]


def test_the_hash_of_every_position_is_that_of_the_chain(three_days):
    folder, states = three_days
    assert [hash_at(folder, position) for position, _, _ in states] == [s[1] for s in states]


def test_a_damaged_log_is_damage(three_days):
    folder, _ = three_days
    for file in folder.snapshots.iterdir():
        file.unlink()
    segment = next(p for p in (folder.log / "0000").iterdir() if p.name.isdecimal())
    flip(segment, 100)
    with pytest.raises(Failure, match="the log is damaged") as caught:
        state_before(folder, Kernel(), end_of(DAY))
    assert caught.value.code == Exit.DAMAGED
