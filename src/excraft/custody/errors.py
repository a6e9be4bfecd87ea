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
