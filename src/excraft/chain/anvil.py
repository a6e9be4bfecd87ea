"""A local chain: anvil on a free port of this machine, its state in a file."""

import ctypes
import fcntl
import os
import re
import selectors
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

# Of the npm package in chain-node/; the launcher beside it would be a second process to stop.
FOLDER = Path(__file__).parents[3] / "chain-node" / "node_modules" / "@foundry-rs"
TOKEN = Path(__file__).parent / "token" / "TestToken.json"  # ABI and bytecode, for tests and demo
_LISTENING = re.compile(rb"Listening on 127\.0\.0\.1:(\d+)")
_SAID_MAX = 1 << 20
STATE_EVERY_S = 5
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


def _end_with_parent() -> None:
    """Linux tells the child to end when the thread that started it is gone, however it ended."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _locked(state: Path, seconds: float) -> int:
    """A lock beside the state: who is killed leaves an anvil that is still writing it."""
    lock = os.open(state.with_suffix(".lock"), os.O_CREAT | os.O_RDWR, 0o600)
    until = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except BlockingIOError:
            if time.monotonic() > until:
                os.close(lock)
                raise RuntimeError(f"another anvil has {state}, since {seconds} s") from None
            time.sleep(0.02)


class Anvil:
    """Runs from the constructor until `stop`; `state` keeps the chain from one run to the next."""

    def __init__(
        self, state: Path | None = None, *, port: int = 0, chain_id: int = 31337,
        mining: bool = True, seconds: float = 20.0,
    ) -> None:  # fmt: skip
        """`mining`: a block for each transaction; otherwise only when `evm_mine` asks.

        Waits for another one of the same `state` to end, as after its starter was killed.
        """
        lock = _locked(state, seconds) if state else None
        command = [str(program()), "--host", "127.0.0.1", "--port", str(port),
                   "--chain-id", str(chain_id)]  # fmt: skip
        command += [] if mining else ["--no-mining"]
        if state:  # also written now and then: whoever is killed loses little of the chain
            command += ["--state", str(state), "--state-interval", str(STATE_EVERY_S)]
        self.chain_id, self._reader = chain_id, None
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, start_new_session=True,
                pass_fds=() if lock is None else (lock,),
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )  # fmt: skip
        finally:
            if lock is not None:
                os.close(lock)  # anvil has it too, and keeps it as long as it lives
        try:
            self.url = f"http://127.0.0.1:{self._listening(seconds)}"
        except BaseException:
            self.stop()
            raise
        # It writes a line for each call: a full pipe would make it wait.
        self._reader = threading.Thread(target=self._forget_what_it_says, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self, seconds: float = 20.0) -> None:
        """Asks it to write its state and end; kills it when it does not."""
        self._process.terminate()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._reader is not None:
            self._reader.join()
        self._process.stdout.close()

    def _forget_what_it_says(self) -> None:
        while self._process.stdout.read1(65536):
            continue

    def _listening(self, seconds: float) -> int:
        said, until = bytearray(), time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while len(said) < _SAID_MAX and selector.select(until - time.monotonic()):
                chunk = self._process.stdout.read1(65536)
                said += chunk
                if found := _LISTENING.search(said):
                    return int(found[1])
                if not chunk:
                    break
        last = said[-300:].decode(errors="replace").strip()
        raise RuntimeError(f"anvil did not begin to listen within {seconds} s; it said: {last}")


def program() -> Path:
    """The program itself; raises FileNotFoundError and says what installs it."""
    for found in sorted(FOLDER.glob("anvil-*/bin/anvil*")):
        return found
    raise FileNotFoundError("anvil is not installed: `make chain-node/node_modules/.installed`")
