"""Accounts on SQLite and on PostgreSQL."""

import pytest

from excraft.accounts.api_keys import ApiKeys
from excraft.accounts.members import Members
from excraft.accounts.secret_box import SecretBox
from excraft.store.database import Database
from excraft.testing.postgresql import Cluster


@pytest.fixture(scope="session")
def cluster():
    cluster = Cluster()
    yield cluster
    cluster.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'excraft.db'}"
    return request.getfixturevalue("cluster").new_database()


@pytest.fixture
def database(url):
    database = Database(url)
    database.migrate()
    yield database
    database.close()


@pytest.fixture
def secret_box(tmp_path):
    return SecretBox.open(tmp_path / "secret.key")


@pytest.fixture
def alice(database):
    return Members(database).add("alice", 7)


@pytest.fixture
def api_keys(database, secret_box):
    return ApiKeys(database, secret_box)
