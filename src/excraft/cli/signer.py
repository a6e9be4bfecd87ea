"""`excraft signer`: the process that has the keys and signs what the log approves."""

import signal
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from excraft.cli.exits import Exit, Failure
from excraft.cli.options import DEFAULT_DATA, Data, Json, show_json, show_table

app = typer.Typer(help="The signer: it has the keys, and obeys the log within its own caps.")

Keys = Annotated[
    Path, typer.Option("--keys", envvar="EXCRAFT_KEYS", help="Folder with its keys and settings.")
]


@app.callback(invoke_without_command=True)
def run(
    context: typer.Context, data: Data = DEFAULT_DATA, keys: Keys = Path("signer"),
    until_input_ends: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:  # fmt: skip
    """Sign what the log of the exchange in DIR approves; Ctrl-C or SIGTERM stops it."""
    if context.invoked_subcommand is not None:
        context.obj = keys
        return
    import logging

    from excraft.cli.folder import Folder
    from excraft.custody.errors import SignerBroken
    from excraft.log import LogError

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    try:
        _serve(Folder.existing(data), keys, until_input_ends)
    except (SignerBroken, LogError) as wrong:
        raise Failure(str(wrong)) from wrong


def _serve(folder, keys: Path, until_input_ends: bool) -> None:
    from excraft.custody.signer import keys as key_files
    from excraft.custody.signer import settings as setting_files
    from excraft.custody.signer.door import Door
    from excraft.custody.signer.journal import Journal
    from excraft.custody.signer.log_view import LogView
    from excraft.custody.signer.rules import Signer

    opened, settings = key_files.opened(keys), setting_files.read(keys)
    journal = Journal(keys)
    try:
        log = LogView(folder.log, {e.log_position: e.log_hash for e in journal.entries})
        signer = Signer(settings, opened, journal, log)
        log.catch_up()
        door = Door(folder.signer, settings.group)
        try:
            for sign in (signal.SIGTERM, signal.SIGINT):
                signal.signal(sign, lambda *_: door.stop())
            if until_input_ends:
                threading.Thread(target=_stop_with_input, args=[door], daemon=True).start()
            print(f"signer is up: {folder.signer}, log verified to record {log.position}, "
                  f"{len(journal.entries)} lines in its journal", flush=True)  # fmt: skip
            door.serve(signer)
        finally:
            door.close()
    finally:
        journal.close()


def _stop_with_input(door) -> None:
    """Whoever started us is gone."""
    sys.stdin.buffer.read()
    door.stop()


@app.command()
def init(context: typer.Context, as_json: Json = False) -> None:
    """Make new keys in the folder; shows what the exchange needs of them, never the keys."""
    from excraft.custody.errors import SignerBroken
    from excraft.custody.signer.keys import MNEMONIC, made

    folder = context.obj
    try:
        keys = made(folder)
    except SignerBroken as wrong:
        raise Failure(str(wrong)) from wrong
    if as_json:
        show_json({"xpub": keys.xpub, "hot": keys.hot.address})
        return
    print(f"{folder / MNEMONIC} holds 24 new words: copy them on paper, in two places.")
    print(f"xpub  {keys.xpub}\nhot   {keys.hot.address}")
    print(f"Next: {folder / 'signer.json'}, see docs/operate/withdrawals.md.")


@app.command()
def journal(context: typer.Context, as_json: Json = False) -> None:
    """Every signature, oldest first, also while the signer runs."""
    import msgspec

    from excraft.custody.errors import SignerBroken
    from excraft.custody.signer.journal import read

    try:
        entries = read(context.obj)
    except SignerBroken as wrong:
        raise Failure(str(wrong), Exit.DAMAGED) from wrong
    if as_json:
        show_json([msgspec.structs.asdict(entry) for entry in entries])
        return
    columns = ["number", "time", "kind", "id", "chain", "nonce", "to", "token", "units", "hash"]
    rows = [
        msgspec.structs.asdict(entry)
        | {"time": str(datetime.fromtimestamp(entry.time_ns // 10**9, UTC))}
        for entry in entries
    ]
    show_table(rows, columns)
