"""The demo's bots as a child process: started again when they fall over, gone with the exchange."""

import asyncio
import sys
from pathlib import Path

AGAIN_AFTER_S = 5.0
GONE_WITHIN_S = 3.0


class Supervisor:
    """Keeps one child alive until `stop`."""

    def __init__(self, url: str, bots_file: Path):
        self._url = url.replace("http", "ws", 1) + "/ws-api/v3"
        self._file = bots_file
        self._task = asyncio.create_task(self._keep(), name="demo bots")

    async def stop(self) -> None:
        """End the child and wait for it."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _keep(self) -> None:
        while True:
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "excraft.demo", self._url, str(self._file),
                stdin=asyncio.subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the exchange, which then ends the child
            )  # fmt: skip
            try:
                code = await child.wait()
            finally:
                await end(child)
            print(f"the demo's bots ended with code {code}; again in {AGAIN_AFTER_S:.0f} s",
                  file=sys.stderr, flush=True)  # fmt: skip
            await asyncio.sleep(AGAIN_AFTER_S)


async def end(child: asyncio.subprocess.Process) -> None:
    """Ask it to end, and kill it when it does not."""
    if child.returncode is not None:
        return
    child.terminate()
    try:
        await asyncio.wait_for(child.wait(), GONE_WITHIN_S)
    except TimeoutError:
        child.kill()
        await child.wait()
