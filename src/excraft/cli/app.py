"""The commands of `excraft`; each lives in the file named after it."""

import sys

import typer

from excraft.cli import (
    announcements,
    auditlog,
    bench,
    contracts,
    custody,
    flow,
    keys,
    kyc,
    liabilities,
    markets,
    members,
    merit,
    money,
    parameters,
    reference,
    referrals,
    replay,
    signer,
    staff,
    up,
    withdrawal,
)
from excraft.cli import verify as verification
from excraft.cli.exits import Failure

app = typer.Typer(
    name="excraft",
    help="A cryptocurrency exchange that its users govern.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("up")(up.up)
app.add_typer(members.app, name="member")
app.add_typer(keys.app, name="api-key")
app.add_typer(kyc.app, name="kyc")
app.add_typer(markets.market_app, name="market")
app.add_typer(markets.asset_app, name="asset")
app.add_typer(money.app, name="money")
app.add_typer(parameters.app, name="parameter")
app.add_typer(staff.app, name="staff")
app.add_typer(auditlog.app, name="audit")
app.add_typer(liabilities.app, name="liabilities")
app.add_typer(referrals.app, name="referral")
app.add_typer(merit.round_app, name="round")
app.add_typer(merit.pool_app, name="pool")
app.add_typer(merit.rewards_app, name="rewards")
app.add_typer(merit.merit_app, name="merit")
app.add_typer(announcements.app, name="announcement")
app.add_typer(custody.app, name="custody")
app.add_typer(contracts.app, name="contracts")
app.add_typer(signer.app, name="signer")
app.add_typer(withdrawal.app, name="withdrawal")
app.command("replay")(replay.replay)
app.command("verify")(verification.verify)
app.command("flow")(flow.flow)
app.command("bench", context_settings=bench.PASS_ON)(bench.bench)
app.command("reference")(reference.reference)


UsageError = typer.BadParameter.__base__


def main() -> None:
    """Run one command; what goes wrong becomes a sentence on stderr and an exit code."""
    try:
        sys.exit(app(prog_name="excraft", standalone_mode=False))
    except Failure as failure:
        print(f"excraft: {failure}", file=sys.stderr)
        sys.exit(failure.code)
    except UsageError as wrong:
        message = wrong.format_message()
        if "\n" in message:  # the help, when there were no arguments at all
            wrong.show()
        else:
            path = wrong.ctx.command_path if wrong.ctx else "excraft"
            print(f"excraft: {message.rstrip('.')} (see {path} --help)", file=sys.stderr)
        sys.exit(wrong.exit_code)
    except typer.Abort:
        print("excraft: stopped before anything was done", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output went away, which is its right
        sys.exit(0)
