"""One SQL database, SQLite or PostgreSQL by URL, and how it is opened and written to."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, make_url

BUSY_TIMEOUT_MS = 5_000  # how long SQLite waits for another writer
CHECKPOINT_PAGES = 16_384  # 64 MB of write-ahead log: at 1,000 (the default) every batch syncs
MIGRATION_LOCK = 0x4578_4372  # PostgreSQL advisory lock of those who migrate


class Database:
    """`write()` for what can be computed again from the log, `write_durable()` for what cannot."""

    def __init__(self, url: str) -> None:
        """Opens nothing yet. `url`: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME."""
        parsed = make_url(url)
        if parsed.drivername in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        if self.is_sqlite and parsed.database in (None, "", ":memory:"):
            raise ValueError("history needs a database file, such as sqlite:///data/excraft.db")
        if not self.is_sqlite and parsed.drivername != "postgresql+psycopg":
            raise ValueError(f"{parsed.drivername} is not known here: use sqlite or postgresql")
        self.engine = _sqlite(parsed) if self.is_sqlite else create_engine(parsed, pool_size=10)

    def migrate(self) -> None:
        """Bring the tables to the newest form; safe when several processes start at once."""
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        with self.write_durable() as connection:
            if not self.is_sqlite:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent look at the database."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is whole after any crash, but that a power cut may undo."""
        with self.engine.connect().execution_options(write=True) as connection, connection.begin():
            yield connection

    @contextmanager
    def write_durable(self) -> Iterator[Connection]:
        """A transaction that is on the disk at the end: members and keys are nowhere else."""
        with self.engine.connect().execution_options(write=True) as connection:
            if self.is_sqlite:
                connection.connection.execute("PRAGMA synchronous=FULL")
            try:
                with connection.begin():
                    yield connection
            finally:
                if self.is_sqlite and not connection.invalidated:
                    connection.connection.execute("PRAGMA synchronous=NORMAL")

    def close(self) -> None:
        self.engine.dispose()


def _sqlite(url) -> Engine:
    engine = create_engine(url, pool_size=10, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})

    @event.listens_for(engine, "connect")
    def _opened(connection, _) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        connection.execute("PRAGMA journal_mode=WAL")
        # NORMAL: a power cut may take the last transactions but never tears one. What is written
        # this way is computed again from the log, from the mark that went with it.
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA cache_size=-65536")
        connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        # One that reads before it writes would fail instead of wait, were it not IMMEDIATE.
        writes = connection.get_execution_options().get("write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
