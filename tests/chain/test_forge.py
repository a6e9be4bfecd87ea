"""The contracts pass their own tests, and what the exchange uses is what they compile to."""

import pytest

from excraft.chain import forge as forging
from excraft.chain.contracts import NAMES, artifact, place_of
from excraft.chain.forge import artifacts, forge


def test_the_contracts_pass_their_tests():
    said = forge("test")
    assert said.returncode == 0, said.stdout
    assert " 0 failed, 0 skipped" in said.stdout, said.stdout


def test_the_contracts_are_formatted():
    said = forge("fmt", "--check")
    assert said.returncode == 0, said.stdout


def test_a_fresh_compile_gives_the_bytes_that_are_used(tmp_path):
    for name, text in artifacts(tmp_path).items():
        assert place_of(name).read_text() == text, f"{name} is out of date: `make contracts`"


@pytest.mark.parametrize("name", NAMES)
def test_a_contract_fits_on_chain(name):
    assert 0 < len(bytes.fromhex(artifact(name).bytecode[2:])) < 24_576  # EIP-170


def test_what_does_not_compile_says_why(tmp_path, monkeypatch):
    (tmp_path / "foundry.toml").write_bytes((forging.PROJECT / "foundry.toml").read_bytes())
    for folder in ("script", "node_modules"):
        (tmp_path / folder).symlink_to(forging.PROJECT / folder)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "Wrong.sol").write_text("pragma solidity 0.8.37; contract Wrong { x }")
    program = forging.program()
    monkeypatch.setattr(forging, "program", lambda: program)
    monkeypatch.setattr(forging, "PROJECT", tmp_path)
    with pytest.raises(RuntimeError, match="(?s)do not compile.*Expected identifier"):
        artifacts(tmp_path / "out")


def test_a_missing_program_names_the_command_that_installs_it(tmp_path, monkeypatch):
    monkeypatch.setattr(forging, "PROJECT", tmp_path)
    with pytest.raises(FileNotFoundError, match="make contracts"):
        forging.program()
