"""What may go wrong with members and keys; each message can be shown to the person who asked."""


class AccountsError(ValueError):
    """The request cannot be done as given; nothing changed."""


class BadName(AccountsError):
    """Not a name a member can have."""


class NameTaken(AccountsError):
    """Another member has this name or this account."""


class BadKey(AccountsError):
    """What was given for a new key is wrong: kind, permission, address or public key."""


class UnknownKey(AccountsError):
    """There is no such API key."""


class SecretKeyError(RuntimeError):
    """The file that encrypts the secrets is missing, open to others, damaged or another one."""
