"""`excraft signer` at a shell: keys are made and never shown, and what is wrong is one sentence."""

import json

from excraft.cli.exits import Exit


def test_init_makes_keys_once_and_shows_only_what_the_exchange_needs(tmp_path, excraft):
    keys = tmp_path / "keys"
    made = excraft("signer", "--keys", str(keys), "init", "--json")
    found = json.loads(made.stdout)
    assert found["xpub"].startswith("xpub") and len(found["hot"]) == 42
    words = (keys / "mnemonic").read_text().split()
    assert len(words) == 24 and not set(words) & set(made.stdout.split())
    again = excraft("signer", "--keys", str(keys), "init")
    assert again.returncode == Exit.FAILED and "never overwritten" in again.stderr
    assert (keys / "mnemonic").read_text().split() == words
    assert json.loads(excraft("signer", "--keys", str(keys), "journal", "--json").stdout) == []


def test_it_does_not_start_without_log_keys_or_settings(tmp_path, data, excraft):
    keys = tmp_path / "keys"
    nothing = excraft("signer", "--data", str(tmp_path / "none"), "--keys", str(keys))
    assert nothing.returncode == Exit.USAGE and "holds no exchange" in nothing.stderr
    keys.mkdir(mode=0o700)
    no_keys = excraft("signer", "--data", str(data), "--keys", str(keys))
    assert "must hold one file, mnemonic or xprv" in no_keys.stderr
    excraft("signer", "--keys", str(keys), "init")
    no_settings = excraft("signer", "--data", str(data), "--keys", str(keys))
    assert no_settings.returncode == Exit.FAILED
    assert "signer.json is missing" in no_settings.stderr and "Traceback" not in no_settings.stderr
    (keys / "journal").write_text("x\n")
    (keys / "journal").chmod(0o600)
    damaged = excraft("signer", "--keys", str(keys), "journal")
    assert damaged.returncode == Exit.DAMAGED and "line 1" in damaged.stderr
