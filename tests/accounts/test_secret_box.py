"""Secrets at rest: only the right file opens them, and the file is made safely."""

import os
import stat
import threading

import pytest

from excraft.accounts.errors import SecretKeyError
from excraft.accounts.secret_box import SecretBox


def test_what_is_sealed_opens_again_and_never_looks_the_same(tmp_path):
    box = SecretBox.open(tmp_path / "secret.key")
    sealed = [box.seal("key", b"secret") for _ in range(2)]
    assert sealed[0] != sealed[1] and b"secret" not in sealed[0]
    again = SecretBox.open(tmp_path / "secret.key")
    assert [again.unseal("key", s) for s in sealed] == [b"secret"] * 2


def test_the_file_is_its_owners_alone_and_alone_in_its_folder(tmp_path):
    SecretBox.open(tmp_path / "secret.key")
    assert [p.name for p in tmp_path.iterdir()] == ["secret.key"]
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600


def test_many_that_start_at_once_get_one_key(tmp_path):
    boxes, gate = [], threading.Barrier(8)

    def open_box() -> None:
        gate.wait()
        boxes.append(SecretBox.open(tmp_path / "secret.key"))

    threads = [threading.Thread(target=open_box) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sealed = boxes[0].seal("key", b"secret")
    assert [box.unseal("key", sealed) for box in boxes] == [b"secret"] * 8
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("at", [0, 5, 12, -1])
def test_any_change_is_noticed(tmp_path, at):
    box = SecretBox.open(tmp_path / "secret.key")
    sealed = bytearray(box.seal("key", b"secret"))
    sealed[at] ^= 1
    with pytest.raises(SecretKeyError, match="secret.key does not open the secret of API key key"):
        box.unseal("key", bytes(sealed))


def test_another_name_another_file_or_too_little_does_not_open(tmp_path):
    box, other = SecretBox.open(tmp_path / "a"), SecretBox.open(tmp_path / "b")
    sealed = box.seal("key", b"secret")
    for wrong in (
        lambda: box.unseal("yek", sealed),
        lambda: other.unseal("key", sealed),
        lambda: box.unseal("key", sealed[:5]),
        lambda: box.unseal("key", b""),
    ):
        with pytest.raises(SecretKeyError, match="put back the right file"):
            wrong()


@pytest.mark.parametrize("text", ["", "00", "zz" * 32, "00" * 33])
def test_a_damaged_file_is_refused_and_kept(tmp_path, text):
    file = tmp_path / "secret.key"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(SecretKeyError, match="is damaged: it must hold 64 hexadecimal digits"):
        SecretBox.open(file)
    assert file.read_text() == text


def test_a_file_that_others_may_read_is_refused(tmp_path):
    SecretBox.open(tmp_path / "secret.key")
    os.chmod(tmp_path / "secret.key", 0o640)
    with pytest.raises(SecretKeyError, match="has mode 640; only its owner may read it"):
        SecretBox.open(tmp_path / "secret.key")


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(SecretKeyError, match="cannot read the secret key in .*No such file"):
        SecretBox.open(tmp_path / "nowhere" / "secret.key")
