"""Methods of the WebSocket API that are about the connection itself: logon and user data.

Each is a function of connection, values and texts sent; it returns the result or raises ApiError.
"""

from collections.abc import Callable
from typing import Any

from excraft.gateway import auth, errors
from excraft.gateway.auth import Caller
from excraft.gateway.spot.params import LONG, NOTHING, Param, Spec
from excraft.gateway.streams import user_events
from excraft.gateway.streams.topics import encode

SUBSCRIPTIONS_EVER_MAX = 65_535  # per connection
_NOT_ED25519 = {"HMAC": "HMAC_SHA256 API key is not supported.",
                "RSA": "RSA API key is not supported."}  # fmt: skip


class Logon:
    """A session that needs no signatures."""

    def __init__(self, key: str, since_ms: int) -> None:
        self.key, self.since_ms = key, since_ms


class Subscription:
    """One account's events on one connection of the WebSocket API."""

    def __init__(self, connection: Any, number: int, caller: Caller, logon: bool) -> None:
        self.connection, self.number = connection, number
        self.account, self.key, self.logon = caller.account, caller.key, logon
        self.unit_ns = connection.unit_ns
        self._prefix = b'{"subscriptionId":%d,"event":' % number

    def event(self, text: bytes) -> None:
        self.connection.push_text(self._prefix + text + b"}")


class Subscriptions:
    """Those of one connection, by number; an account at most once."""

    def __init__(self, connection: Any, users: Any, most: int) -> None:
        self._connection, self._users, self._most = connection, users, most
        self._next = 0
        self.active: dict[int, Subscription] = {}

    def add(self, caller: Caller, *, logon: bool) -> dict:
        """Begin; raises Refused when it is there already or there are too many."""
        if any(s.account == caller.account for s in self.active.values()):
            raise errors.Refused(-2035, "User Data Stream subscription already active.")
        if len(self.active) >= self._most or self._next > SUBSCRIPTIONS_EVER_MAX:
            raise errors.Refused(-2042, "Maximum subscription ID reached for this connection.")
        found = Subscription(self._connection, self._next, caller, logon)
        self._next += 1
        self.active[found.number] = found
        self._users.join(caller.account, found)
        return {"subscriptionId": found.number}

    def end(self, which: Callable[[Subscription], bool], now_ns: int) -> int:
        """End and say so (eventStreamTerminated); how many it were."""
        ending = [s for s in self.active.values() if which(s)]
        for one in ending:
            del self.active[one.number]
            self._users.leave(one.account, one)
            one.event(encode(user_events.terminated(now_ns, one.unit_ns)))
        return len(ending)

    def forget(self) -> None:
        """The connection is gone."""
        for one in self.active.values():
            self._users.leave(one.account, one)
        self.active.clear()


def log_on(connection: Any, values: dict, caller: Caller) -> dict:
    """session.logon; the signature is checked already."""
    found = connection.exchange.api_keys.find(caller.key)
    if found is None:  # expired since the signature was checked
        raise errors.rejected_key()
    kind = found.kind
    if kind in _NOT_ED25519:
        raise errors.Refused(-4056, _NOT_ED25519[kind])
    connection.logon = Logon(caller.key, connection.exchange.now_ms)
    return session(connection)


def log_out(connection: Any, values: dict, caller: Any) -> dict:
    """session.logout: subscriptions that were made with a signature go on."""
    connection.logon = None
    connection.subscriptions.end(lambda s: s.logon, connection.exchange.clock())
    return session(connection)


def status(connection: Any, values: dict, caller: Any) -> dict:
    """session.status."""
    return session(connection)


def session(connection: Any) -> dict:
    """The session as logon, status and logout show it."""
    logon = connection.logon
    return {
        "apiKey": logon.key if logon else None,
        "authorizedSince": logon.since_ms if logon else None,
        "connectedSince": connection.connected_ms,
        "returnRateLimits": connection.return_limits,
        "serverTime": connection.exchange.now_ms,
        "userDataStream": bool(connection.subscriptions.active),
    }


def subscriptions(connection: Any, values: dict, caller: Any) -> list[dict]:
    """session.subscriptions."""
    return [{"subscriptionId": number} for number in connection.subscriptions.active]


def subscribe(connection: Any, values: dict, caller: Any) -> dict:
    """userDataStream.subscribe: the account that is logged on."""
    if connection.logon is None:
        raise errors.NotAuthorized(-1002, "You are not authorized to execute this request.", 401)
    caller, _ = auth.caller_of(
        connection.exchange, connection.logon.key, connection.address, auth.READ
    )
    return connection.subscriptions.add(caller, logon=True)


def subscribe_signed(connection: Any, values: dict, caller: Caller) -> dict:
    """userDataStream.subscribe.signature."""
    return connection.subscriptions.add(caller, logon=False)


def unsubscribe(connection: Any, values: dict, caller: Any) -> dict:
    """userDataStream.unsubscribe: one subscription, or all of the connection."""
    number = values.get("subscriptionId")
    ended = connection.subscriptions.end(
        lambda s: number is None or s.number == number, connection.exchange.clock()
    )
    if not ended:
        raise errors.Refused(-2036, "User Data Stream subscription not active.")
    return {}


# name -> (function, parameters, must be signed, weight)
SESSION_METHODS: dict[str, tuple[Callable, Spec, bool, int]] = {
    "session.logon": (log_on, NOTHING, True, 2),
    "session.status": (status, NOTHING, False, 2),
    "session.logout": (log_out, NOTHING, False, 2),
    "session.subscriptions": (subscriptions, NOTHING, False, 2),
    "userDataStream.subscribe": (subscribe, NOTHING, False, 2),
    "userDataStream.subscribe.signature": (subscribe_signed, NOTHING, True, 2),
    "userDataStream.unsubscribe": (
        unsubscribe, Spec(Param("subscriptionId", LONG)), False, 2,
    ),
}  # fmt: skip
