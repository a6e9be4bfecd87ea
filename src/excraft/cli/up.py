"""`excraft up`: the whole exchange in one process."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from excraft.cli.exits import Exit, Failure
from excraft.cli.folder import Folder
from excraft.cli.options import DEFAULT_DATA, Data

Demo = Annotated[bool, typer.Option("--demo", help="Assets, markets, members and bots to look at.")]
Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)]
DatabaseUrl = Annotated[
    str,
    typer.Option(
        "--database", envvar="EXCRAFT_DATABASE", help="postgresql://… ; SQLite in DIR by default."
    ),
]
Threads = Annotated[int, typer.Option(help="Worker threads of the kernel.", min=1, max=16)]
Minutes = Annotated[
    int,
    typer.Option(
        "--liabilities-every", envvar="EXCRAFT_LIABILITIES_EVERY", metavar="MINUTES",
        help="How often a proof of liabilities is published: minutes that divide a day.",
    ),
]  # fmt: skip


def up(
    demo: Demo = False,
    data: Data = DEFAULT_DATA,
    port: Port = 8080,
    host: Host = "127.0.0.1",
    database: DatabaseUrl = "",
    threads: Threads = 1,
    liabilities_every: Minutes = 1440,
) -> None:
    """Start the exchange; Ctrl-C or SIGTERM stops it cleanly."""
    from excraft.cli.control import running

    if liabilities_every < 1 or 1440 % liabilities_every:
        raise Failure(
            f"--liabilities-every takes minutes that divide a day of 1440, such as 60 or 1440, "
            f"not {liabilities_every}",
            Exit.USAGE,
        )
    folder = Folder.make(data)
    if running(folder):
        raise Failure(
            f"an exchange already runs on {folder.root}; stop it first, or name another folder "
            f"with --data",
            Exit.IN_USE,
        )
    import uvloop

    from excraft.cli.serve import Listening, listen, serve

    with listen(host, port) as public:
        address = Listening(public, host)
        running_exchange = serve(
            folder, address, demo=demo, database=database, threads=threads,
            liabilities_every=liabilities_every,
        )  # fmt: skip
        sys.exit(uvloop.run(running_exchange))


def show_welcome(folder: Folder, url: str, demo: bool, recovered: str) -> None:
    """What a newcomer needs, in lines that a program can read too."""
    print(f"ExCraft is up: {url}")
    print(f"  data folder     {_plain(folder.root)}")
    print(f"  found there     {recovered}")
    print(f"  REST            {url}/api/v3   for example {url}/api/v3/exchangeInfo")
    web_socket = url.replace("http", "ws", 1)
    print(f"  streams         {web_socket}/ws   API {web_socket}/ws-api/v3")
    if demo:
        print(f"  demo members    {_plain(folder.demo_members)}   name, api_key, secret of ten")
    print("  ccxt            the snippet in README.md; use this address in it")
    print("Ctrl-C stops it.", flush=True)


def _plain(path: Path) -> str:
    """Relative where that is shorter."""
    absolute = path.absolute()
    here = Path.cwd()
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(absolute)
