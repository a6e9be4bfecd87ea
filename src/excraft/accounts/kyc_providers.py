"""Who checks a submitted case: people of the exchange, or a company that answers by webhook."""

import hmac
from typing import Annotated, Literal, Protocol

import msgspec
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from excraft.accounts.kyc import Case, Cases
from excraft.accounts.kyc_actors import Act, Actor
from excraft.accounts.kyc_errors import KycError, MessageRefused
from excraft.accounts.kyc_states import Step
from excraft.store.schema_kyc import kyc_messages

WINDOW_S = 300
BODY_BYTES_MAX = 64 << 10
SECRET_BYTES_MIN = 32
_STEPS = {"approve": Step.APPROVE, "reject": Step.REJECT, "ask": Step.ASK}


class Provider(Protocol):
    """What the exchange asks of whoever checks cases."""

    name: str

    def begin(self, case_id: int) -> None:
        """A case was submitted."""


class Manual:
    """The default: a submitted case waits in the queue for a reviewer."""

    name = "manual"

    def begin(self, case_id: int) -> None:
        """Nothing to do: it is in the queue by its state."""


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a provider sends, as JSON."""

    id: str  # the provider's own, each once
    case: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
    outcome: Literal["approve", "reject", "ask"]
    reason: str = ""


class Webhook:
    """A provider that claims submitted cases and answers with signed messages.

    The signature is the hexadecimal HMAC-SHA256 of the timestamp (whole seconds since 1970), a full
    stop and the body.
    """

    def __init__(self, name: str, secret: bytes, cases: Cases) -> None:
        if not (name.isascii() and name.isalnum() and len(name) <= 32):
            raise ValueError(f"{name!r} is no provider's name: 1 to 32 letters and digits")
        if len(secret) < SECRET_BYTES_MIN:
            raise ValueError(f"a provider's secret has at least {SECRET_BYTES_MIN} bytes")
        self.name = name
        self._secret = secret
        self._cases = cases
        self._actor = Actor(f"provider {name}", acts=frozenset({Act.REVIEW}))

    def begin(self, case_id: int) -> None:
        self._cases.step(case_id, Step.CLAIM, self._actor)

    def receive(self, timestamp: str, signature: str, body: bytes) -> Case:
        """Take the step that a message asks for; raises MessageRefused or another KycError.

        An authentic message is used up also when its step is refused: it cannot be kept back until
        the step is possible.
        """
        message = self._authentic(timestamp, signature, body)
        step = _STEPS[message.outcome]
        with self._cases.database.write_durable() as connection:
            self._take(connection, message.id)
            try:
                case = self._cases.step_in(
                    connection, message.case, step, self._actor, message.reason
                )
            except KycError as error:  # it came before anything was written
                refused, case = error, None
        if case is None:
            raise refused
        self._cases.note(
            self._actor.name, f"kyc.{step.value}", f"kyc case {case.id}", message.reason
        )
        return case

    def _authentic(self, timestamp: str, signature: str, body: bytes) -> Message:
        if len(body) > BODY_BYTES_MAX:
            raise MessageRefused(f"the body has {len(body)} bytes; at most {BODY_BYTES_MAX}")
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
            raise MessageRefused(f"{timestamp[:20]!r} is no time; give whole seconds since 1970")
        right = hmac.new(self._secret, timestamp.encode() + b"." + body, "sha256").hexdigest()
        if not hmac.compare_digest(right.encode(), signature.encode("utf-8", "replace")):
            raise MessageRefused("the signature is not that of this timestamp and body")
        late_s = self._cases.clock() // 10**9 - int(timestamp)
        if abs(late_s) > WINDOW_S:
            raise MessageRefused(f"the message is {late_s} s old; {WINDOW_S} s are allowed")
        try:
            message = msgspec.json.decode(body, type=Message)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise MessageRefused(f"the body cannot be read: {error}") from error
        if not (0 < len(message.id) <= 64 and message.id.isascii() and message.id.isprintable()):
            raise MessageRefused("a message's id has 1 to 64 printable ASCII characters")
        return message

    def _take(self, connection, message_id: str) -> None:
        row = {"provider": self.name, "id": message_id, "time_ns": self._cases.clock()}
        try:
            connection.execute(insert(kyc_messages).values(row))
        except IntegrityError as error:
            raise MessageRefused(f"the message {message_id!r} was taken already") from error
