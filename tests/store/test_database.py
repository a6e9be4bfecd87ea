"""Opening, migrating and writing, on both databases."""

import sqlite3
import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, select, text

from excraft.store import schema, tables
from excraft.store.database import Database


def test_the_migrations_make_the_tables_of_the_schema(database):
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, tables.metadata) == []
        made = inspect(connection)
        for table in tables.metadata.tables.values():
            wanted = {index.name: [c.name for c in index.columns] for index in table.indexes}
            found = {i["name"]: i["column_names"] for i in made.get_indexes(table.name)
                     if not i.get("duplicates_constraint")}  # fmt: skip
            assert found == wanted


def test_partial_indexes_and_clustering_are_the_same_as_in_the_schema(tmp_path):
    made = []
    for name in ("migrated", "created"):
        database = Database(f"sqlite:///{tmp_path / name}")
        if name == "migrated":
            database.migrate()
        else:
            with database.write() as connection:
                tables.metadata.create_all(connection)
        with database.read() as connection:
            rows = connection.execute(
                text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
            )
            made.append({n: " ".join(sql.split()) for n, sql in rows if "alembic" not in n})
        database.close()
    assert made[0] == made[1]


def test_migrating_twice_and_at_the_same_time_is_safe(url):
    databases = [Database(url) for _ in range(3)]
    failed = []

    def migrate(database: Database) -> None:
        try:
            database.migrate()
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=migrate, args=(d,)) for d in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    databases[0].migrate()
    with databases[0].read() as connection:
        assert connection.execute(select(schema.marks)).all() == []
    for database in databases:
        database.close()
    assert not failed


def test_a_failed_transaction_leaves_nothing(database):
    row = {"market": 1, "base": 0, "quote": 1, "base_atoms_per_lot": 1,
           "quote_atoms_per_tick_lot": 1}  # fmt: skip
    for write in (database.write, database.write_durable):
        with pytest.raises(RuntimeError, match="stop"), write() as connection:
            connection.execute(schema.markets.insert().values(row))
            raise RuntimeError("stop")
    with database.read() as connection:
        assert connection.execute(select(schema.markets)).all() == []


def test_what_is_nowhere_else_is_synced(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    asked = "PRAGMA synchronous"
    with database.write_durable() as connection:
        assert connection.exec_driver_sql(asked).scalar_one() == 2
    with database.write() as connection:
        assert connection.exec_driver_sql(asked).scalar_one() == 1
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
    database.close()


def test_readers_go_on_while_one_writes(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    database.migrate()
    with database.write() as _, database.read() as reading:
        assert reading.execute(select(schema.orders)).all() == []
    with database.write() as writing, sqlite3.connect(tmp_path / "x.db", timeout=0) as other:
        assert writing.execute(select(schema.orders)).all() == []
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("DELETE FROM orders")
    other.close()
    database.close()


@pytest.mark.parametrize("bad", ["sqlite://", "sqlite:///:memory:", "mysql://x/y"])
def test_urls_that_cannot_serve_are_refused(bad):
    with pytest.raises(ValueError, match="database file|use sqlite or postgresql"):
        Database(bad)
