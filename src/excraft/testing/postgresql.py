"""A PostgreSQL server of our own, for tests: in its own folder, on a Unix socket."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

INSTALL = "PostgreSQL is not installed; on Debian and Ubuntu: apt-get install -y postgresql"
START_S, STOP_S = 60.0, 30.0


class NotInstalled(RuntimeError):
    """The server's programs are not on this machine; the message says how to get them."""


class Cluster:
    """Running once made; `close` stops it and removes its folder."""

    def __init__(self) -> None:
        programs = _programs()
        # Not pytest's folder: the server refuses to run as root, and others may not look in there.
        self.folder = Path(tempfile.mkdtemp(prefix="excraft-pg-"))
        self._as = _unprivileged(self.folder)
        self._count = 0
        data = self.folder / "data"
        made = subprocess.run(
            [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
             "--no-sync", "--locale=C"],
            cwd=self.folder, capture_output=True, text=True, **self._as,
        )  # fmt: skip
        if made.returncode:
            raise RuntimeError(f"initdb failed: {made.stderr}")
        self._start = [programs / "postgres", "-D", data, "-k", self.folder, "-h", "",
                       "-c", "fsync=off", "-c", "max_connections=60"]  # fmt: skip
        self.start()

    def start(self) -> None:
        """Start the server; returns once it answers."""
        log = (self.folder / "log").open("ab")
        with log:
            self._server = subprocess.Popen(
                self._start, cwd=self.folder, stdout=log, stderr=log, **self._as
            )
        until = time.monotonic() + START_S
        while True:
            try:
                psycopg.connect(self._conninfo("postgres")).close()
                return
            except psycopg.OperationalError as error:
                if self._server.poll() is not None or time.monotonic() > until:
                    text = (self.folder / "log").read_text()
                    raise RuntimeError(f"PostgreSQL did not start: {text}") from error
                time.sleep(0.05)

    def stop(self, *, at_once: bool = False) -> None:
        """Stop the server; `at_once` cuts every connection as a crash would."""
        self._server.send_signal(signal.SIGQUIT if at_once else signal.SIGINT)
        self._server.wait(STOP_S)

    def new_database(self) -> str:
        """URL of a fresh, empty database; in truth a schema, which costs next to nothing."""
        self._count += 1
        name = f"test_{self._count}"
        with psycopg.connect(self._conninfo("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}")
        return f"postgresql://postgres@/postgres?host={self.folder}&options=-csearch_path%3D{name}"

    def close(self) -> None:
        if self._server.poll() is None:
            self.stop(at_once=True)  # nothing of it is needed, so it need not be written down
        shutil.rmtree(self.folder)

    def _conninfo(self, database: str) -> str:
        return f"host={self.folder} user=postgres dbname={database}"


def _programs() -> Path:
    """Folder of initdb and postgres, the newest version there is."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: float(p.parts[-3])
    )
    if found:
        return found[-1].parent
    if (on_path := shutil.which("initdb")) is not None:
        return Path(on_path).resolve().parent
    raise NotInstalled(INSTALL)


def _unprivileged(folder: Path) -> dict:
    """How to start a program that refuses to run as root; the folder becomes its user's."""
    if os.geteuid() != 0:
        return {}
    user = next(u for u in pwd.getpwall() if u.pw_name in ("postgres", "nobody"))
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
