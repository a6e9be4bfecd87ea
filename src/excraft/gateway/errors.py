"""Every answer that is not a success: a code, a text that clients match on, an HTTP status.

ApiError
├── BadParameter   -1100 .. -1130: the request cannot be read; nothing was looked at beyond it
├── NotAuthorized  who asks, or when, is not acceptable
├── TooMany        429 and 418
├── Refused        understood, but the rules or the state of the exchange say no
└── Unavailable    5xx: nothing happened, except -1007 where nobody knows

The texts are those of the public documentation, since clients compare them word by word.
"""

from excraft.messages.reasons import Reason

NEW_REJECTED, CANCEL_REJECTED, AMEND_REJECTED = -2010, -2011, -2038


class ApiError(Exception):
    """Ends a request. `data` is added to the body, `headers` to the reply."""

    def __init__(self, code: int, text: str, status: int = 400, *, headers=(), data=None):
        super().__init__(f"{code}: {text}")
        self.code, self.text, self.status = code, text, status
        self.headers, self.data = headers, data

    def body(self) -> dict:
        """The JSON of the reply."""
        found = {"code": self.code, "msg": self.text}
        if self.data is not None:
            found["data"] = self.data
        return found


class BadParameter(ApiError):
    """A parameter that cannot be read."""


class NotAuthorized(ApiError):
    """Key, signature, time or permission."""


class TooMany(ApiError):
    """A limit is reached."""


class Refused(ApiError):
    """Understood and refused."""


class Unavailable(ApiError):
    """The exchange cannot do it now."""


# ---- parameters


def illegal(name: str, legal: str) -> BadParameter:
    """Characters outside the legal range, which is a regular expression."""
    return BadParameter(
        -1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'."
    )


def undecodable() -> BadParameter:
    """Bytes that are no percent-encoded UTF-8."""
    return BadParameter(-1100, "Illegal characters found in a parameter.")


def repeated() -> BadParameter:
    """One parameter twice in the query, or twice in the body."""
    return BadParameter(-1101, "Duplicate values for a parameter detected.")


def none_expected(sent: int) -> BadParameter:
    """Parameters for an endpoint that takes none."""
    return BadParameter(-1101, f"Too many parameters; expected '0' and received '{sent}'.")


def missing(name: str) -> BadParameter:
    """A mandatory parameter is not there."""
    return BadParameter(
        -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    )


def either(one: str, other: str) -> BadParameter:
    """Neither of two parameters of which one is mandatory."""
    return BadParameter(
        -1102, f"Param '{one}' or '{other}' must be sent, but both were empty/null!"
    )


def unread(read: int, sent: int) -> BadParameter:
    """Parameters that this endpoint does not know."""
    return BadParameter(
        -1104,
        f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'.",
    )


def empty(name: str) -> BadParameter:
    """An optional parameter without a value."""
    return BadParameter(-1105, f"Parameter '{name}' was empty.")


def not_required(name: str) -> BadParameter:
    """A parameter that does not go with the others."""
    return BadParameter(-1106, f"Parameter '{name}' sent when not required.")


def overflow(name: str) -> BadParameter:
    """A whole number beyond 64 bits."""
    return BadParameter(-1108, f"Parameter '{name}' overflowed.")


def too_precise(name: str) -> BadParameter:
    """More decimals than the exchange counts with."""
    return BadParameter(-1111, f"Parameter '{name}' has too much precision.")


def bad_combination() -> BadParameter:
    """Optional parameters that exclude each other."""
    return BadParameter(-1128, "Combination of optional parameters invalid.")


def invalid(name: str) -> BadParameter:
    """Well-formed but not among the values there are."""
    return BadParameter(-1130, f"Data sent for parameter '{name}' is not valid.")


def bad_symbol() -> BadParameter:
    """No such market."""
    return BadParameter(-1121, "Invalid symbol.")


def other_status() -> BadParameter:
    """The one market asked for is in another state."""
    return BadParameter(-1220, "The symbol's status does not match the requested symbolStatus.")


# ---- who and when


def bad_key_format() -> NotAuthorized:
    """No key, or something that cannot be one."""
    return NotAuthorized(-2014, "API-key format invalid.", 401)


def rejected_key() -> NotAuthorized:
    """Unknown or revoked key, other address, or no permission: told alike on purpose."""
    return NotAuthorized(-2015, "Invalid API-key, IP, or permissions for action.", 401)


def bad_signature() -> NotAuthorized:
    """The signature is not that of these bytes."""
    return NotAuthorized(-1022, "Signature for this request is not valid.")


def stale() -> NotAuthorized:
    """Older than its recvWindow."""
    return NotAuthorized(-1021, "Timestamp for this request is outside of the recvWindow.")


def premature() -> NotAuthorized:
    """From the future."""
    return NotAuthorized(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")


# ---- refusals


def filter_failure(name: str) -> Refused:
    """A market's or the exchange's filter."""
    return Refused(-1013, f"Filter failure: {name}")


def not_supported(text: str) -> Refused:
    """An order feature that no market here has."""
    return Refused(-1013, text)


def no_such_order() -> Refused:
    """Also for orders of others: whether they exist is nobody's business."""
    return Refused(-2013, "Order does not exist.")


def wrong_client_id() -> Refused:
    """Order id and client id of two different orders."""
    return Refused(-2039, "Client order ID is not correct for this order ID.")


def no_change() -> Refused:
    """An amendment to the quantity that the order has."""
    return Refused(AMEND_REJECTED, "The requested action would change no state; rejecting.")


_FILTERS = {
    Reason.PRICE_OUT_OF_RANGE: "PRICE_FILTER",
    Reason.QUANTITY_OUT_OF_RANGE: "LOT_SIZE",
    Reason.NOTIONAL_TOO_LARGE: "NOTIONAL",
    Reason.NOTIONAL_TOO_SMALL: "NOTIONAL",
    Reason.TOO_MANY_OPEN_ORDERS: "EXCHANGE_MAX_NUM_ORDERS",
}
_TEXTS = {
    Reason.UNKNOWN_ACCOUNT: "This account may not place or cancel orders.",
    Reason.ACCOUNT_FROZEN: "This account may not place or cancel orders.",
    Reason.NOT_VERIFIED: "This action is disabled on this account.",
    Reason.MARKET_NOT_TRADING: "Market is closed.",
    Reason.NOT_A_MEMBER: "This symbol is not permitted for this account.",
    Reason.DUPLICATE_CLIENT_ID: "Duplicate order sent.",
    Reason.INSUFFICIENT_FUNDS: "Account has insufficient balance for requested action.",
    Reason.UNKNOWN_ORDER: "Unknown order sent.",
    Reason.RESTRICTION_NOT_MET: "Order was not canceled due to cancel restrictions.",
    Reason.WOULD_TAKE: "Order would immediately match and take.",
    Reason.WOULD_TRIGGER: "Stop price would trigger immediately.",
    Reason.AMEND_NOT_SMALLER: "Order amend (quantity increase) is not supported.",
    Reason.AMEND_BELOW_FILLED: "Order amend (quantity not above what is filled) is not supported.",
    Reason.NOT_AMENDABLE: "Order amend (pending order) is not supported.",
}


def refusal(reason: int, code: int = NEW_REJECTED) -> ApiError:
    """The answer to a command that the kernel refused; `code` says which kind of command."""
    if reason in _FILTERS:
        return filter_failure(_FILTERS[Reason(reason)])
    if reason in _TEXTS:
        return Refused(code, _TEXTS[Reason(reason)])
    match reason:
        case Reason.UNKNOWN_MARKET:
            return bad_symbol()
        case Reason.MALFORMED_ORDER:
            return Refused(-1014, "Unsupported order combination.")
        case Reason.EXCHANGE_FULL:
            return busy()
    raise ValueError(f"{Reason(reason).name} is no refusal of a trading command")


# ---- the exchange itself


def busy() -> Unavailable:
    """Nothing happened; the same request may be sent again later."""
    return Unavailable(
        -1008,
        "Server is currently overloaded with other requests. Please try again in a few minutes.",
        503,
    )


def stopped() -> Unavailable:
    """The exchange is going down or down."""
    return Unavailable(-1016, "This service is no longer available.", 503)


def unknown_outcome() -> Unavailable:
    """No answer in time: the order may or may not be there."""
    return Unavailable(
        -1007,
        "Timeout waiting for response from backend server. "
        "Send status unknown; execution status unknown.",
        503,
    )


def history_behind() -> Unavailable:
    """The database does not answer, or has not stored yet what was acknowledged."""
    return Unavailable(
        -1001, "Internal error; unable to process your request. Please try again.", 503
    )


def internal() -> Unavailable:
    """A bug; the log has the details."""
    return Unavailable(-1000, "An unknown error occurred while processing the request.", 500)


def no_such_path() -> Refused:
    """Nothing lives there."""
    return Refused(-1020, "This operation is not supported.", 404)


def wrong_method() -> Refused:
    """The path is known, the method is not."""
    return Refused(-1020, "This operation is not supported.", 405)


def too_large(most: int) -> BadParameter:
    """A body beyond the limit."""
    return BadParameter(-1101, f"Request body has more than {most} bytes.", 413)
