"""Limits of the WebSocket doors; they belong to this process, not to governance."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """The documented limits, and those that protect the exchange from slow or hostile clients."""

    incoming_per_second: int = 5  # messages, pings and unasked pongs of a market stream client
    streams_max: int = 1024  # per connection
    connections_per_5_minutes: int = 300  # per address; this machine's own are not counted
    lifetime_s: float = 86_400.0
    in_bytes_max: int = 65_536  # of one message
    out_bytes_max: int = 4 << 20  # unsent, per connection
    out_frames_max: int = 65_536  # unsent, per connection
    in_flight_max: int = 1_000  # requests of one WebSocket API connection
    subscriptions_max: int = 1_000  # user data, per WebSocket API connection
    listen_key_s: float = 3_600.0
