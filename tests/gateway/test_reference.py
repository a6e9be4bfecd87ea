"""The reference of the trading API is the list of endpoints."""

from excraft.gateway import reference
from excraft.gateway.endpoints import ENDPOINTS


def test_the_page_is_fresh():
    assert reference.FILE.read_text() == reference.page(), (
        "docs/reference/trading-api.md is stale: python -m excraft.gateway.reference"
    )


def test_every_endpoint_stands_in_it():
    text = reference.page()
    for endpoint in ENDPOINTS:
        assert f"{endpoint.method} `{endpoint.path}`" in text.replace("| `", "`")


def test_check_finds_a_stale_page(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(reference, "FILE", tmp_path / "trading-api.md")
    assert reference.main(["--check"]) == 1
    assert "stale" in capsys.readouterr().out
    assert reference.main([]) == 0
    assert reference.main(["--check"]) == 0
