"""What may go wrong with a case; each message can be shown to the person who asked."""

from excraft.accounts.errors import AccountsError, SecretKeyError


class KycError(AccountsError):
    """The request cannot be done as given; no case changed."""


class UnknownCase(KycError):
    """There is no such case, document or member."""


class ImpossibleStep(KycError):
    """The case is not in a state from which this step leads anywhere."""


class NotAllowed(KycError):
    """Somebody else may do this, but not the one who asked."""


class BadPerson(KycError):
    """Something of the personal data cannot be true or cannot be read."""


class BadDocument(KycError):
    """The file is too large, of another type, or holds what no document needs."""


class DuplicateIdentity(KycError):
    """Another member has shown the same document."""


class MessageRefused(KycError):
    """A provider's message is unsigned, late, repeated or makes no sense."""


class SealBroken(SecretKeyError):
    """What was stored sealed does not open where it was found."""
