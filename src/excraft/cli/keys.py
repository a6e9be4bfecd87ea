"""`excraft api-key`: the keys that programs trade with."""

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from excraft.cli.control import ask
from excraft.cli.exits import Exit, Failure
from excraft.cli.options import DEFAULT_DATA, Data, Json, show_json, show_table

app = typer.Typer(help="API keys of members.", no_args_is_help=True)


class Kind(StrEnum):
    hmac = "hmac"
    ed25519 = "ed25519"
    rsa = "rsa"


class Permission(StrEnum):
    read = "read"
    trade = "trade"
    withdraw = "withdraw"
    governance = "governance"


Member = Annotated[str, typer.Argument(help="Name of the member.", show_default=False)]
OfKind = Annotated[Kind, typer.Option(help="How requests are signed.")]
PublicKey = Annotated[
    Path | None,
    typer.Option("--public-key", help="PEM file with the public key, for ed25519 and rsa."),
]
Permissions = Annotated[
    list[Permission], typer.Option("--permission", help="May be given several times.")
]
Addresses = Annotated[
    list[str], typer.Option("--ip", help="Only from this address; may be given several times.")
]
Label = Annotated[str, typer.Option(help="Your own words for this key.")]
Days = Annotated[
    int | None, typer.Option("--days", min=1, max=3660, help="How long it works; else for ever.")
]
Key = Annotated[str, typer.Argument(help="The API key, as listed.", show_default=False)]
DAY_NS = 86_400 * 1_000_000_000
DEFAULT_PERMISSIONS = [Permission.read, Permission.trade]


@app.command()
def create(
    member: Member,
    kind: OfKind = Kind.hmac,
    public_key: PublicKey = None,
    permissions: Permissions = DEFAULT_PERMISSIONS,
    ips: Addresses = [],  # noqa: B006  (typer reads the default, nobody changes it)
    label: Label = "",
    days: Days = None,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Make a key; a secret is shown this once and cannot be shown again."""
    pem = _read_public_key(kind, public_key)
    made = ask(
        data, "api_key_create", member=member, kind=kind.name.upper(), public_key=pem,
        permissions=[p.name.upper() for p in permissions], ips=ips, label=label,
        expires_ns=None if days is None else time.time_ns() + days * DAY_NS,
    )  # fmt: skip
    if as_json:
        show_json(made)
        return
    print(f"api key  {made['api_key']}")
    if made["secret"]:
        print(f"secret   {made['secret']}")
        print("Keep the secret now: it is not shown again.")


def _read_public_key(kind: Kind, file: Path | None) -> str:
    if kind is Kind.hmac:
        if file is not None:
            raise Failure(
                "an hmac key has no public key; leave --public-key out, or name "
                "--kind ed25519 or --kind rsa",
                Exit.USAGE,
            )
        return ""
    if file is None:
        raise Failure(f"a key of kind {kind} needs --public-key FILE with its PEM", Exit.USAGE)
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"cannot read the public key in {file}: {error}", Exit.USAGE) from error


@app.command("list")
def list_keys(data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """All keys, without their secrets."""
    keys = ask(data, "api_key_list")
    columns = [
        "api_key",
        "member",
        "kind",
        "permissions",
        "label",
        "ips",
        "expires",
        "used",
        "used_from",
        "revoked",
    ]
    show_json(keys) if as_json else show_table(keys, columns)


@app.command()
def revoke(key: Key, data: Data = DEFAULT_DATA) -> None:
    """End a key for ever; requests with it fail within a second."""
    ask(data, "api_key_revoke", api_key=key)
    print(f"{key} is revoked")
