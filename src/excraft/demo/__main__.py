"""`python -m excraft.demo URL BOTS_FILE`: the bots' own process, started by `excraft up --demo`."""

import asyncio
import json
import signal
import sys
from pathlib import Path

import uvloop
from websockets.exceptions import WebSocketException

from excraft.demo.bots import Bots
from excraft.demo.client import ApiError, Connection


async def trade(url: str, members: list[dict]) -> None:
    """Until the exchange closes the connection or somebody sends SIGTERM."""
    connection = await Connection.open(url)
    reading = asyncio.create_task(connection.run())
    trading = asyncio.create_task(Bots(connection, members).run())
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, trading.cancel)
    done, _ = await asyncio.wait((reading, trading), return_when=asyncio.FIRST_COMPLETED)
    for task in (reading, trading):
        task.cancel()
    await connection.close()
    for task in done:
        if not task.cancelled() and task.exception() is not None:
            raise task.exception()


def main() -> None:
    url, bots_file = sys.argv[1:]
    try:
        uvloop.run(trade(url, json.loads(Path(bots_file).read_text())))
    except (WebSocketException, OSError) as error:
        sys.exit(f"demo: no connection to the exchange: {error}")
    except ApiError as error:
        sys.exit(f"demo: the exchange answered {error}")


if __name__ == "__main__":
    main()
