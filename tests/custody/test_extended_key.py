"""BIP-32's own vectors, eth-account as the other opinion, and keys that must be refused."""

import hashlib

import pytest
from coincurve import PrivateKey
from eth_account import Account
from eth_account.hdaccount import seed_from_mnemonic
from eth_account.hdaccount.deterministic import HDPath

from excraft.custody.errors import BadKey
from excraft.custody.extended_key import ALPHABET, HARDENED, PUBLIC, parse
from tests.chain.local import MNEMONIC
from tests.custody.conftest import XPUB

# BIP-32, test vectors 1 and 2: parent, number, child; steps that need no private key.
VECTORS = [
    (
        "xpub68Gmy5EdvgibQVfPdqkBBCHxA5htiqg55crXYuXoQRKfDBFA1WEjWgP6LHhwBZeNK1VTsfTFUHCdrfp1bgwQ9x"
        "v5ski8PX9rL2dZXvgGDnw",
        1,
        "xpub6ASuArnXKPbfEwhqN6e3mwBcDTgzisQN1wXN9BJcM47sSikHjJf3UFHKkNAWbWMiGj7Wf5uMash7SyYq527Hqc"
        "k2AxYysAA7xmALppuCkwQ",
    ),
    (
        "xpub6D4BDPcP2GT577Vvch3R8wDkScZWzQzMMUm3PWbmWvVJrZwQY4VUNgqFJPMM3No2dFDFGTsxxpG5uJh7n7epu4"
        "trkrX7x7DogT5Uv6fcLW5",
        2,
        "xpub6FHa3pjLCk84BayeJxFW2SP4XRrFd1JYnxeLeU8EqN3vDfZmbqBqaGJAyiLjTAwm6ZLRQUMv1ZACTj37sR62cf"
        "N7fe5JnJ7dh8zL4fiyLHV",
    ),
    (
        "xpub6FHa3pjLCk84BayeJxFW2SP4XRrFd1JYnxeLeU8EqN3vDfZmbqBqaGJAyiLjTAwm6ZLRQUMv1ZACTj37sR62cf"
        "N7fe5JnJ7dh8zL4fiyLHV",
        1000000000,
        "xpub6H1LXWLaKsWFhvm6RVpEL9P4KfRZSW7abD2ttkWP3SSQvnyA8FSVqNTEcYFgJS2UaFcxupHiYkro49S8yGasTv"
        "XEYBVPamhGW6cFJodrTHy",
    ),
    (
        "xpub661MyMwAqRbcFW31YEwpkMuc5THy2PSt5bDMsktWQcFF8syAmRUapSCGu8ED9W6oDMSgv6Zz8idoc4a6mr8BDz"
        "TJY47LJhkJ8UB7WEGuduB",
        0,
        "xpub69H7F5d8KSRgmmdJg2KhpAK8SR3DjMwAdkxj3ZuxV27CprR9LgpeyGmXUbC6wb7ERfvrnKZjXoUmmDznezpbZb"
        "7ap6r1D3tgFxHmwMkQTPH",
    ),
    (
        "xpub6ASAVgeehLbnwdqV6UKMHVzgqAG8Gr6riv3Fxxpj8ksbH9ebxaEyBLZ85ySDhKiLDBrQSARLq1uNRts8RuJiHj"
        "aDMBU4Zn9h8LZNnBC5y4a",
        1,
        "xpub6DF8uhdarytz3FWdA8TvFSvvAh8dP3283MY7p2V4SeE2wyWmG5mg5EwVvmdMVCQcoNJxGoWaU9DCWh89LojfZ5"
        "37wTfunKau47EL2dhHKon",
    ),
    (
        "xpub6ERApfZwUNrhLCkDtcHTcxd75RbzS1ed54G1LkBUHQVHQKqhMkhgbmJbZRkrgZw4koxb5JaHWkY4ALHY2grBGR"
        "jaDMzQLcgJvLJuZZvRcEL",
        2,
        "xpub6FnCn6nSzZAw5Tw7cgR9bi15UV96gLZhjDstkXXxvCLsUXBGXPdSnLFbdpq8p9HmGsApME5hQTZ3emM2rnY5ag"
        "b9rXpVGyy3bdW6EEgAtqt",
    ),
]  # fmt: skip
PRIVATE = (  # BIP-32, test vector 1, the root
    "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtR"
    "BeJgk33yuGBxrMPHi"
)


def base58check(data: bytes) -> str:
    whole = data + hashlib.sha256(hashlib.sha256(data).digest()).digest()[:4]
    number, text = int.from_bytes(whole, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = ALPHABET[digit] + text
    return text


def key(
    version=PUBLIC, depth=3, parent=b"abcd", number=bytes(4), point=b"\x02" + bytes(31) + b"\x01"
) -> str:
    return base58check(version + bytes([depth]) + parent + number + b"c" * 32 + point)


@pytest.mark.parametrize("parent, number, child", VECTORS)
def test_the_published_vectors(parent, number, child):
    assert parse(parent).child(number) == parse(child)


def test_the_addresses_are_those_of_eth_account():
    Account.enable_unaudited_hdwallet_features()
    external = parse(XPUB).child(0)
    for number in (0, 1, 2, 9, 10_000, HARDENED - 1):
        path = f"m/44'/60'/0'/0/{number}"
        theirs = Account.from_mnemonic(MNEMONIC, account_path=path).address
        assert external.child(number).address() == theirs
    assert external.child(0).address() == "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"


def test_the_key_of_the_tests_is_that_of_the_mnemonic():
    secret = HDPath("m/44'/60'/0'").derive(seed_from_mnemonic(MNEMONIC, ""))
    assert parse(XPUB).point == PrivateKey(secret).public_key.format()


def test_a_private_key_is_refused_and_not_repeated():
    with pytest.raises(BadKey, match="PRIVATE key") as caught:
        parse(PRIVATE)
    assert PRIVATE[:8] not in str(caught.value)


@pytest.mark.parametrize(
    "text, why",
    [
        ("", "111 characters, not 0"),
        (XPUB + "1", "not 112"),
        (XPUB[:-1] + "0", "base58"),
        ("z" * 111, "check sum"),
        (XPUB[:50] + ("a" if XPUB[50] != "a" else "b") + XPUB[51:], "check sum"),
        (key(version=bytes.fromhex("043587cf")), "version 043587cf"),
        (key(depth=0), "names a parent"),
        (key(depth=0, parent=bytes(4), number=b"\0\0\0\1"), "names a parent"),
        (key(depth=254), "depth 254"),
        (key(point=b"\x04" + bytes(31) + b"\x01"), "no point"),
        (key(point=b"\x02" + bytes(31) + b"\x07"), "no point"),  # no point has this x
        (key(point=bytes(33)), "no point"),
        (key(point=b"\x02" + b"\xff" * 32), "no point"),
    ],
)
def test_damaged_keys_are_refused(text, why):
    parse(key())
    with pytest.raises(BadKey, match=why):
        parse(text)


@pytest.mark.parametrize("number", [-1, HARDENED])
def test_hardened_steps_need_a_private_key(number):
    with pytest.raises(ValueError, match="public derivation"):
        parse(XPUB).child(number)


def test_the_id_tells_keys_apart():
    ids = {parse(text).id for text, _, _ in VECTORS}
    assert len(ids) == len({text for text, _, _ in VECTORS}) and all(len(i) == 16 for i in ids)
