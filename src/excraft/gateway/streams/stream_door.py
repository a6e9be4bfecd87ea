"""/ws, /ws/<streams> and /stream: clients of the market streams, and of listen keys."""

from typing import Any
from urllib.parse import unquote

from excraft.gateway import errors
from excraft.gateway.streams import user_events
from excraft.gateway.streams.connection import POLICY, Connection
from excraft.gateway.streams.control import answer
from excraft.gateway.streams.listen_keys import ListenKey
from excraft.gateway.streams.market_events import MICROSECOND_NS, MILLISECOND_NS
from excraft.gateway.streams.names import parse
from excraft.gateway.streams.topics import encode


def options(scope: dict) -> dict[str, str]:
    """The query string by name. A plus is a plus: it stands in stream names as `@+08:00`."""
    parts = scope["query_string"].decode("latin-1").split("&")
    return {name: unquote(value) for name, _, value in (part.partition("=") for part in parts)}


def time_unit(query: dict[str, str]) -> int:
    """Nanoseconds of the unit in which times are shown; raises BadParameter."""
    wanted = query.get("timeUnit", "MILLISECOND").upper()
    if wanted not in ("MILLISECOND", "MICROSECOND"):
        raise errors.BadParameter(
            -1194, "Invalid value for time unit; expected either MICROSECOND or MILLISECOND."
        )
    return MICROSECOND_NS if wanted == "MICROSECOND" else MILLISECOND_NS


class KeyListener:
    """A listen key's stream on one connection."""

    def __init__(self, connection: "StreamConnection", what: ListenKey) -> None:
        self.connection, self.what = connection, what
        self.unit_ns = connection.unit_ns
        self._prefix = b'{"stream":' + encode(what.key) + b',"data":'

    def event(self, text: bytes) -> None:
        combined = self.connection.combined
        self.connection.push_text(self._prefix + text + b"}" if combined else text)


class StreamConnection(Connection):
    """One client of the streams. `streams` holds the names in the order of subscription."""

    def __init__(self, scope: dict, receive: Any, send: Any, service: Any) -> None:
        super().__init__(scope, receive, send, service.settings)
        query = options(scope)
        self.unit_ns = time_unit(query)
        self.microseconds = self.unit_ns == MICROSECOND_NS
        self.streams_max = service.settings.streams_max
        self.streams: dict[str, KeyListener | None] = {}
        self._service = service
        path = scope["path"]
        self.combined = path.startswith("/stream")
        text = query.get("streams", "") if self.combined else path.removeprefix("/ws")
        self._named = [name for name in text.split("/") if name]
        self._new: list[str] = []

    def opened(self) -> None:
        """Subscribe to what the address names; what it does not mean is passed over (`/ws/0`)."""
        keys = self._service.listen_keys
        names = [n for n in self._named if parse(n) is not None or keys.find(n) is not None]
        if len(set(names)) > self.streams_max:
            self.close(POLICY, f"too many streams; at most {self.streams_max}")
            return
        self.subscribe(names)
        self._join_new()

    async def received(self, text: str) -> None:
        self.push_text(encode(answer(self, text)))
        self._join_new()

    def subscribe(self, names: list[str]) -> None:
        """Note the names; their first events follow the reply."""
        new = [name for name in dict.fromkeys(names) if name not in self.streams]
        self.streams |= dict.fromkeys(new)
        self._new += new

    def _join_new(self) -> None:
        new, self._new = self._new, []
        for name in new:
            self._join(name)

    def _join(self, name: str) -> None:
        what = self._service.listen_keys.find(name)
        if what is None:
            self._service.markets.join(self, name)
            return
        listener = self.streams[name] = KeyListener(self, what)
        self._service.users.join(what.account, listener)

    def unsubscribe(self, names: list[str]) -> None:
        for name in names:
            if name in self.streams:
                self._leave(name, self.streams.pop(name))

    def _leave(self, name: str, listener: KeyListener | None) -> None:
        if listener is None:
            self._service.markets.leave(self, name)
        else:
            self._service.users.leave(listener.what.account, listener)

    def check_keys(self, now_ns: int) -> None:
        """End the listen keys that expired or whose API key is gone."""
        for name, listener in list(self.streams.items()):
            if listener is not None and not self._service.is_good(listener.what):
                gone = user_events.listen_key_expired(name, now_ns, self.unit_ns)
                listener.event(encode(gone))
                self.unsubscribe([name])

    def ended(self) -> None:
        self.unsubscribe(list(self.streams))

    def going_down(self, finish: Any) -> None:
        self.push_text(encode(user_events.server_shutdown(self._service.now_ns, self.unit_ns)))
        self.closing = True
        finish()
