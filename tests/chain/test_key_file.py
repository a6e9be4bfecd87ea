"""A key file is private, is made once, and never shows what is in it."""

import pytest

from excraft.chain.key_file import kept_key, read_key


def test_a_key_is_made_once_and_kept(tmp_path):
    path = tmp_path / "operator.key"
    made = kept_key(path)
    assert kept_key(path).address == read_key(path).address == made.address
    assert path.stat().st_mode & 0o777 == 0o600
    assert kept_key(tmp_path / "other.key").address != made.address


def test_a_file_that_others_can_read_is_refused(tmp_path):
    path = tmp_path / "operator.key"
    kept_key(path)
    path.chmod(0o640)
    with pytest.raises(ValueError, match="operator.key has mode 0640: others could read it"):
        read_key(path)


@pytest.mark.parametrize("text", ["", "7" * 63, "7" * 66, "secret " * 9])
def test_what_is_no_key_is_said_without_its_text(tmp_path, text):
    path = tmp_path / "operator.key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(ValueError, match="must hold one private key of 64 hex digits") as wrong:
        read_key(path)
    assert not text or text.strip() not in str(wrong.value)


def test_an_end_in_the_middle_of_making_leaves_nothing_that_counts(tmp_path):
    (tmp_path / "operator.partial").write_text("77")
    assert len(kept_key(tmp_path / "operator.key").key) == 32
