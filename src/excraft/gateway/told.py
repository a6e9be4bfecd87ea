"""A mail about something that was done: that it cannot be sent must not look as if it was not."""

import logging
from collections.abc import Callable

from excraft.accounts.desk import Desk
from excraft.accounts.outbox import Mail
from excraft.accounts.refusals import Refused

_LOGGER = logging.getLogger(__name__)


def tell(desk: Desk, person_id: int, write: Callable[..., Mail], *details: str) -> None:
    """In the background; when too many wait, the log says who was not told."""
    try:
        desk.tell(person_id, write, *details)
    except Refused as full:
        _LOGGER.error("person %s gets no mail (%s): %s", person_id, write.__name__, full)
