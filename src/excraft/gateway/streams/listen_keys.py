"""Listen keys, the older way to one's own events: a secret name of a stream, good for an hour."""

import secrets
from collections.abc import Callable
from typing import NamedTuple

SECOND = 1_000_000_000
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


class ListenKey(NamedTuple):
    """Whose events it shows, and the API key that made it: with that it ends."""

    key: str
    account: int
    api_key: str


class ListenKeys:
    """At most one key per account; `keep` and `create` make it last another span."""

    def __init__(self, clock: Callable[[], int], span_s: float) -> None:
        self._clock, self._span_ns = clock, int(span_s * SECOND)
        self._keys: dict[str, tuple[ListenKey, int]] = {}  # key -> what it is, its end
        self._of: dict[int, str] = {}  # account -> key

    def create(self, account: int, api_key: str) -> str:
        """The account's key, a new one unless it has one that is good and the API key's own."""
        key = self._of.get(account)
        if key is not None and (found := self.find(key)) is not None:
            if found.api_key == api_key:
                self.keep(account, key)
                return key
            self.close(account, key)
        key = "".join(secrets.choice(_ALPHABET) for _ in range(64))
        self._of[account] = key
        self._keys[key] = (ListenKey(key, account, api_key), self._clock() + self._span_ns)
        return key

    def find(self, key: str) -> ListenKey | None:
        """What the key is, None when there is no such key any more."""
        found = self._keys.get(key)
        return found[0] if found is not None and found[1] > self._clock() else None

    def keep(self, account: int, key: str) -> bool:
        """Prolong it; False when the account has no such key."""
        found = self.find(key)
        if found is None or found.account != account:
            return False
        self._keys[key] = (found, self._clock() + self._span_ns)
        return True

    def close(self, account: int, key: str) -> bool:
        """End it; False when the account has no such key."""
        found = self._keys.get(key)
        if found is None or found[0].account != account:
            return False
        del self._keys[key]
        if self._of.get(account) == key:
            del self._of[account]
        return True

    def drop_expired(self) -> None:
        """Forget the keys whose time is over."""
        now = self._clock()
        for key, (what, end) in list(self._keys.items()):
            if end <= now:
                self.close(what.account, key)
