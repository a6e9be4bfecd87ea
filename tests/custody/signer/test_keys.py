"""Keys: the same addresses as the exchange derives, and nothing secret in any message."""

import pytest

from excraft.custody.errors import BadKey, SignerBroken
from excraft.custody.extended_key import parse
from excraft.custody.signer import keys
from tests.chain.local import MNEMONIC
from tests.custody.conftest import XPUB

# m/44'/60'/0' of `test ... junk`, by an independent implementation (see test_extended_key).
HOT = keys.Keys(keys._of_mnemonic(MNEMONIC)).hot.address


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    return folder


def put(folder, name: str, text: str, mode: int = 0o600) -> None:
    (folder / name).write_text(text)
    (folder / name).chmod(mode)


def test_deposit_addresses_are_those_of_the_xpub(folder):
    put(folder, "mnemonic", f"  {MNEMONIC.replace(' ', '  ')} \n")
    found = keys.opened(folder)
    top = parse(XPUB)
    assert parse(found.xpub).id == top.id
    for number in (0, 1, 77, 2**31 - 1):
        assert found.deposit(number).address == top.child(0).child(number).address()
    assert found.hot.address == HOT == top.child(1).child(0).address()
    assert found.demo_cold.address == top.child(2).child(0).address()
    for number in (-1, 2**31):
        with pytest.raises(ValueError, match="numbers from 0"):
            found.deposit(number)


def test_a_new_mnemonic_is_never_written_over_another(tmp_path):
    first = keys.made(tmp_path / "new")
    words = (tmp_path / "new" / "mnemonic").read_text().split()
    assert len(words) == 24 and keys.opened(tmp_path / "new").xpub == first.xpub
    assert (tmp_path / "new" / "mnemonic").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    with pytest.raises(SignerBroken, match="never overwritten"):
        keys.made(tmp_path / "new")
    assert keys.made(tmp_path / "other").xpub != first.xpub


@pytest.mark.parametrize(("place", "mode"), [("mnemonic", 0o640), ("mnemonic", 0o604), ("", 0o750)])
def test_keys_that_others_could_read_are_refused(folder, place, mode):
    put(folder, "mnemonic", MNEMONIC)
    (folder / place).chmod(mode)
    with pytest.raises(SignerBroken, match="others could read it; chmod go="):
        keys.opened(folder)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("mnemonic", MNEMONIC.replace("junk", "test"), "no BIP-39 mnemonic"),
        ("mnemonic", "", "0 words are no"), ("mnemonic", "ä " * 12, "no BIP-39"),
        ("xprv", "xprv1", "111 characters"), ("xprv", XPUB, "no extended private key"),
        ("xprv", "x" * 111, "check sum"), ("xprv", "0" * 111, "base58"),
    ],
)  # fmt: skip
def test_what_is_no_key_is_refused_without_repeating_it(folder, name, text, said):
    put(folder, name, text)
    with pytest.raises(SignerBroken, match=said) as caught:
        keys.opened(folder)
    assert not text.strip() or text.strip()[:20] not in str(caught.value)


def test_no_key_and_two_keys_are_refused(folder):
    with pytest.raises(SignerBroken, match="must hold one file"):
        keys.opened(folder)
    put(folder, "mnemonic", MNEMONIC)
    put(folder, "xprv", "x")
    with pytest.raises(SignerBroken, match="must hold one file"):
        keys.opened(folder)


def test_an_xprv_gives_the_keys_of_its_mnemonic(folder):
    node = keys._of_mnemonic(MNEMONIC)
    data = keys.PRIVATE + bytes(9) + node.chain_code + b"\0" + node.key
    number, text = int.from_bytes(data + keys.check_sum(data), "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = keys.ALPHABET[digit] + text
    put(folder, "xprv", text)
    assert keys.opened(folder).hot.address == HOT
    with pytest.raises(BadKey, match="PRIVATE"):
        parse(text)  # the exchange refuses to hold it
