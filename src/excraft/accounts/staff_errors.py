"""Why an act of staff is refused; each message can be shown to the one who asked."""

from excraft.accounts.errors import AccountsError


class StaffError(AccountsError):
    """The act is not done; nothing changed but, where it says so, a proposal's state."""


class NotAllowed(StaffError):
    """This person may not do this."""


class NeedsApproval(NotAllowed):
    """Nobody does this alone: it must be proposed, and approved by others."""


class BadRole(StaffError):
    """No such role or act, or not a name for a new one."""


class LastAdministrator(StaffError):
    """Without this one nobody could manage roles any more."""


class BadPayload(StaffError):
    """Not a payload that can be kept: too large, a secret in it, or of the wrong shape."""


class UnknownProposal(StaffError):
    """There is no proposal with this number."""


class WrongState(StaffError):
    """The proposal is past this step."""


class Altered(StaffError):
    """The proposal is not what was proposed or approved; it is refused for ever."""
