"""Days that may be falsified."""

import shutil

import pytest

from tests.rewards.forging import honest_days


@pytest.fixture(scope="session")
def honest(tmp_path_factory):
    """Two days in a row; the folder of the second."""
    return honest_days(tmp_path_factory.mktemp("honest"))


@pytest.fixture
def day(honest, tmp_path):
    """The same, to be changed."""
    shutil.copytree(honest.parent, tmp_path / "days")
    return tmp_path / "days" / honest.name
