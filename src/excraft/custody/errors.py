"""What custody refuses; each message is one sentence."""


class CustodyError(Exception):
    """Custody did not do what was asked."""


class BadKey(CustodyError):
    """The text is no extended public key that addresses may be derived from."""


class CreditRefused(CustodyError):
    """The ledger answered that it does not take this credit; asking again changes nothing."""


class CreditFailed(CustodyError):
    """Nobody knows whether the credit is in the log: the next poll asks the log first."""


class TooDeep(CustodyError):
    """A re-organisation below all blocks that are kept: the node or the settings are wrong."""


class Replaced(CustodyError):
    """Another watcher has taken over this chain: stop."""


class WithdrawalRefused(CustodyError):
    """The withdrawal is not made, or not changed. `code` is one word that stays the same."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class SignerRefused(CustodyError):
    """The signer will not sign this; asking again changes nothing until its reason is gone."""


class SignerAway(CustodyError):
    """The signer does not answer: what it was asked may be in its journal; ask the same again."""


class SignerBroken(CustodyError):
    """The signer's own folder, settings or journal cannot be used."""


class CannotBePaid(CustodyError):
    """The transaction would fail on the chain as it is; nothing was signed."""


class LedgerAway(CustodyError):
    """Nobody knows whether the command is in the log: the log is asked before it is repeated."""


class BadChains(CustodyError):
    """`chains.json` cannot be what it says."""
