"""Disks for the tests of the log."""

import subprocess

import pytest

from excraft.log.disk import Disk

SMALL_BYTES = 1 << 20


class CappedDisk(Disk):
    """Real files, for machines where a test may not mount: says itself when it is full."""

    def __init__(self, folder) -> None:
        self._folder = folder

    def free(self, folder) -> int:
        used = sum(p.stat().st_size for p in self._folder.rglob("*") if p.is_file())
        return SMALL_BYTES - used


@pytest.fixture
def small_disk(tmp_path):
    """(folder, Disk): a mounted tmpfs of 1 MiB where that is allowed."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SMALL_BYTES}", "none", tmp_path],
        capture_output=True,
    )
    yield tmp_path, Disk() if mounted.returncode == 0 else CappedDisk(tmp_path)
    if mounted.returncode == 0:
        subprocess.run(["umount", tmp_path], check=True)
