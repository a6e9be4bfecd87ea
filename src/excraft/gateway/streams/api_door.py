"""/ws-api/v3: requests and replies over one connection, many at a time.

Requests are read one after the other and answered as they end: nobody waits for the request before.
What a request does, weighs and may not do is the same as over REST, by the same functions.
"""

import asyncio
import logging
from typing import Any

from excraft.gateway import auth, errors
from excraft.gateway.auth import Caller
from excraft.gateway.errors import ApiError
from excraft.gateway.spot import params
from excraft.gateway.streams import calls, user_events
from excraft.gateway.streams.connection import Connection
from excraft.gateway.streams.methods import METHODS, Method
from excraft.gateway.streams.placing import Placing
from excraft.gateway.streams.sessions import SESSION_METHODS, Logon, Subscriptions
from excraft.gateway.streams.stream_door import options, time_unit
from excraft.gateway.streams.topics import encode
from excraft.parameters import Parameter

_LOGGER = logging.getLogger(__name__)
_NOT_OF_METHOD = frozenset(("apiKey", "timestamp", "recvWindow", "signature", "returnRateLimits"))
_PLACE = METHODS["order.place"]
_ORDER_LIMITS = (
    b',"rateLimits":[{"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":%d,'
    b'"count":%d},{"rateLimitType":"ORDERS","interval":"DAY","intervalNum":1,"limit":%d,'
    b'"count":%d},{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,'
    b'"limit":%d,"count":%d}]'
)
CONNECTING_WEIGHT = 2
GOING_DOWN_S = 4.0  # for the requests under way; uvicorn's own patience is a little longer


class Asked:
    """One request under way: what its reply needs."""

    __slots__ = ("caller", "id", "method", "returns", "sent")

    def __init__(self, number: bytes, sent: dict[str, str], returns: bool) -> None:
        self.id, self.sent, self.returns = number, sent, returns
        self.caller: Caller | None = None
        self.method: Method | None = None


class ApiConnection(Connection):
    """One client of the WebSocket API."""

    counted = False  # weights limit it

    def __init__(self, scope: dict, receive: Any, send: Any, service: Any) -> None:
        super().__init__(scope, receive, send, service.settings)
        query = options(scope)
        self.unit_ns = time_unit(query)
        self.return_limits = _truth(query.get("returnRateLimits", "true"))
        self.exchange = service.exchange
        self.exchange.limits.admit(self.address, CONNECTING_WEIGHT)
        self.connected_ms = self.exchange.now_ms
        self.logon: Logon | None = None
        self.subscriptions = Subscriptions(self, service.users, service.settings.subscriptions_max)
        self._service = service
        self._under_way: dict[asyncio.Future, Placing | None] = {}
        self._room = asyncio.Event()
        self._finish: Any = None  # what ends the connection once nothing is under way

    # ---- requests

    async def received(self, text: str) -> None:
        self._take(text)
        while len(self._under_way) >= self.settings.in_flight_max and not self.closing:
            self._room.clear()
            await self._room.wait()

    def _take(self, text: str) -> None:
        """Begin to answer one request; whatever is wrong with it becomes its reply."""
        try:
            call = calls.read(text)
        except calls.Unreadable as wrong:
            asked, failure = Asked(wrong.id, {}, self.return_limits), wrong.error
            try:
                self.exchange.limits.admit(self.address, 1)
            except ApiError as too_many:
                failure = too_many
            self._fail(asked, failure)
            return
        asked = Asked(call.id, call.params, self.return_limits)
        try:
            name = call.method.removeprefix("v3/")
            method = METHODS.get(name)
            if method is None:
                self._answer(asked, self._of_session(name, asked))
                return
            if method is _PLACE:
                self._place(asked)
                return
            coroutine = self._begin(method, asked)
        except ApiError as failure:
            self._fail(asked, failure)
            return
        task = asyncio.create_task(self._carry_out(coroutine, asked))
        self._under_way[task] = None
        task.add_done_callback(self._done)

    def _begin(self, method: Method, asked: Asked) -> Any:
        """Everything up to the request function: limits, key, signature, parameters."""
        asked.method, weight = method, method.weight
        if not isinstance(weight, int):
            weight = weight(asked.sent)
        self.exchange.limits.admit(self.address, weight)
        values = self._values(asked, method.spec, method.permission)
        return method.function(self.exchange, asked.caller, values)

    def _place(self, asked: Asked) -> None:
        """order.place: on its way before the next message is read; raises ApiError."""
        asked.method = _PLACE
        self.exchange.limits.admit(self.address, _PLACE.weight)
        values = self._values(asked, _PLACE.spec, _PLACE.permission)
        placing = Placing(self.exchange, asked, values, self._loop.time())
        self._under_way[placing.future] = placing
        placing.future.add_done_callback(self._placed)

    def _placed(self, future: asyncio.Future) -> None:
        placing = self._under_way.get(future)
        if placing is None:
            return  # it took too long, and was answered so
        asked, exchange = placing.asked, self.exchange
        try:
            result = placing.reply(exchange)
            exchange.limits.refund(self.address, _PLACE.weight)
            self._answer(asked, result)
        except ApiError as failure:
            self._fail(asked, failure)
        except Exception:
            _LOGGER.exception("order.place failed")
            self._fail(asked, errors.internal())
        self._done(future)

    def _give_up(self) -> None:
        """Answer the orders that take too long: nobody knows what becomes of them."""
        now = self._loop.time()
        for future, placing in list(self._under_way.items()):
            if placing is not None and placing.due <= now:
                self._fail(placing.asked, errors.unknown_outcome())
                self._done(future)

    def _values(self, asked: Asked, spec: params.Spec, permission: str | None) -> dict:
        """The typed parameters, once it is known who asks; raises ApiError."""
        sent = asked.sent
        returns = sent.get("returnRateLimits")
        if returns is not None:
            asked.returns = params.TRUTH.read("returnRateLimits", returns)
        if permission is not None:
            asked.caller = self._authenticated(sent, permission)
            own = {n: v for n, v in sent.items() if n not in _NOT_OF_METHOD}
        else:
            own = {n: v for n, v in sent.items() if n != "returnRateLimits"}
        return spec.read(own)

    def _authenticated(self, sent: dict[str, str], permission: str) -> Caller:
        exchange, logon = self.exchange, self.logon
        key = sent.get("apiKey")
        by_logon = logon is not None and key is None
        if not by_logon and not key:
            raise errors.missing("apiKey")
        caller, found = auth.caller_of(
            exchange, logon.key if by_logon else key, self.address, permission
        )
        stamp, signature = sent.get("timestamp"), sent.get("signature")
        if not stamp:
            raise errors.missing("timestamp")
        if not signature and not by_logon:
            raise errors.missing("signature")
        window = sent.get("recvWindow")
        window_us = auth.DEFAULT_WINDOW_US
        if window is not None:
            window_us = params.WINDOW.read("recvWindow", window)
        auth.check_time(exchange, params.LONG.read("timestamp", stamp), window_us)
        if signature:
            auth.check_signature(found, calls.payload(sent), signature)
        found.used_from = self.address or auth.NO_ADDRESS
        return caller

    def _of_session(self, name: str, asked: Asked) -> object:
        """Methods about the connection itself; raises ApiError, also for an unknown method."""
        found = SESSION_METHODS.get(name)
        if found is None:
            self.exchange.limits.admit(self.address, 1)
            raise errors.Refused(-1020, "This operation is not supported.", 404)
        function, spec, signed, weight = found
        self.exchange.limits.admit(self.address, weight)
        if signed and "apiKey" not in asked.sent:
            raise errors.missing("apiKey")
        values = self._values(asked, spec, auth.READ if signed else None)
        return function(self, values, asked.caller)

    # ---- replies

    async def _carry_out(self, coroutine: Any, asked: Asked) -> None:
        try:
            result = await coroutine
            if asked.method.free:
                self.exchange.limits.refund(self.address, asked.method.weight)
        except ApiError as failure:
            self._fail(asked, failure)
        except Exception:
            _LOGGER.exception("a request of the WebSocket API failed")
            self._fail(asked, errors.internal())
        else:
            self._answer(asked, result)

    def _done(self, future: asyncio.Future) -> None:
        self._under_way.pop(future, None)
        self._room.set()
        if self._finish is not None and not self._under_way:
            self._end_now()

    def _answer(self, asked: Asked, result: object) -> None:
        self.push_text(
            b'{"id":%b,"status":200,"result":%b%b}'
            % (asked.id, encode(result), self._limits(asked))
        )

    def _fail(self, asked: Asked, failure: ApiError) -> None:
        body = failure.body()
        retry = next((v for n, v in failure.headers if n == b"retry-after"), None)
        if retry is not None:
            now_ms = self.exchange.now_ms
            body["data"] = {"serverTime": now_ms, "retryAfter": now_ms + int(retry) * 1000}
        self.push_text(
            b'{"id":%b,"status":%d,"error":%b%b}'
            % (asked.id, failure.status, encode(body), self._limits(asked))
        )

    def _limits(self, asked: Asked) -> bytes:
        """The rateLimits member of a reply, nothing when the client does not want it."""
        if not asked.returns:
            return b""
        limits = self.exchange.limits
        if asked.method is None or not asked.method.orders or asked.caller is None:
            return b',"rateLimits":' + encode(limits.weight_usage(self.address))
        most = self.exchange.engine.listings.parameters
        tens, day = limits.order_counts(asked.caller.account)
        return _ORDER_LIMITS % (
            most[Parameter.ORDERS_PER_10_SECONDS], tens, most[Parameter.ORDERS_PER_DAY], day,
            most[Parameter.REQUEST_WEIGHT_PER_MINUTE], limits.used(self.address),
        )  # fmt: skip

    # ---- the end

    def check_keys(self, now_ns: int) -> None:
        """End subscriptions and the session of keys that are gone, and overdue orders."""
        self._give_up()
        find = self.exchange.api_keys.find
        if self.subscriptions.active:
            self.subscriptions.end(lambda s: not _may_read(find(s.key)), now_ns)
        if self.logon is not None and find(self.logon.key) is None:
            self.logon = None

    def ended(self) -> None:
        self._room.set()
        self.subscriptions.forget()

    def going_down(self, finish: Any) -> None:
        """Say so, and end as soon as the requests under way are answered."""
        gone = user_events.server_shutdown(self.exchange.clock(), self.unit_ns)
        self.push_text(b'{"event":' + encode(gone) + b"}")
        self.closing = True
        self._finish = finish
        if not self._under_way:
            self._end_now()
        else:
            self._loop.call_later(GOING_DOWN_S, self._end_now)

    def _end_now(self) -> None:
        finish, self._finish = self._finish, None
        if finish is not None:
            finish()


def _may_read(key: Any) -> bool:
    return key is not None and auth.READ in key.permissions


def _truth(text: str) -> bool:
    return params.TRUTH.read("returnRateLimits", text)
