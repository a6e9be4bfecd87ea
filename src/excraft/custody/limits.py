"""The numbers of the risk rules: the database says, else the defaults below."""

import time
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, insert, select

from excraft.custody.errors import WithdrawalRefused
from excraft.store.schema_withdrawals import withdrawal_settings
from excraft.units import AMOUNT_MAX

HOUR_S, DAY_S = 3_600, 86_400
LEVELS = (0, 1, 2, 3)  # of KYC
ALL = -1
_S = withdrawal_settings.c


class Setting(StrEnum):
    """Stored by name, so a name stays for ever."""

    DAY_LIMIT = "DAY_LIMIT"  # atoms of an asset that an account of a level may take in 24 hours
    APPROVE_ABOVE = "APPROVE_ABOVE"  # atoms of an asset that are paid without approvals
    APPROVALS = "APPROVALS"  # that more than that needs
    COUNT_PER_HOUR = "COUNT_PER_HOUR"  # withdrawals of one account
    NEW_ADDRESS_DELAY_S = "NEW_ADDRESS_DELAY_S"  # from the first time to the first payment
    LIST_OFF_DELAY_S = "LIST_OFF_DELAY_S"  # from asking to leave the list mode to leaving it
    FACTOR_DELAY_S = "FACTOR_DELAY_S"  # from a new password, app, passkey or wallet to a withdrawal
    SWEEP_ABOVE = "SWEEP_ABOVE"  # atoms on a deposit address that are brought to the hot wallet
    HOT_MAX = "HOT_MAX"  # atoms in the hot wallet; beyond it all above HOT_KEEP goes to cold
    HOT_KEEP = "HOT_KEEP"


class Rule(NamedTuple):
    """Bounds and default of a setting, and what it is set for."""

    low: int
    high: int
    default: int
    of_asset: bool = False
    of_level: bool = False


RULES: Mapping[Setting, Rule] = {
    Setting.DAY_LIMIT: Rule(0, AMOUNT_MAX, AMOUNT_MAX, of_asset=True, of_level=True),
    Setting.APPROVE_ABOVE: Rule(0, AMOUNT_MAX, 0, of_asset=True),
    Setting.APPROVALS: Rule(1, 5, 1, of_asset=True),
    Setting.COUNT_PER_HOUR: Rule(1, 10_000, 10),
    Setting.NEW_ADDRESS_DELAY_S: Rule(0, 90 * DAY_S, DAY_S),
    Setting.LIST_OFF_DELAY_S: Rule(0, 90 * DAY_S, DAY_S),
    Setting.FACTOR_DELAY_S: Rule(0, 90 * DAY_S, DAY_S),
    Setting.SWEEP_ABOVE: Rule(0, AMOUNT_MAX, 0, of_asset=True),
    Setting.HOT_MAX: Rule(0, AMOUNT_MAX, AMOUNT_MAX, of_asset=True),
    Setting.HOT_KEEP: Rule(0, AMOUNT_MAX, 0, of_asset=True),
}


class Limits:
    """All settings as one transaction saw them."""

    def __init__(self, stored: Mapping[tuple[str, int, int], int]) -> None:
        self._stored = stored

    def of(self, setting: Setting, asset: int = ALL, level: int = ALL) -> int:
        """The value; nobody without KYC takes anything out until a limit of level 0 says so."""
        rule = RULES[setting]
        place = (setting.value, asset if rule.of_asset else ALL, level if rule.of_level else ALL)
        default = 0 if rule.of_level and level == 0 else rule.default
        return self._stored.get(place, default)


def load(connection: Connection) -> Limits:
    """Every setting that differs from its default."""
    rows = connection.execute(select(_S.name, _S.asset, _S.level, _S.value))
    return Limits({(row.name, row.asset, row.level): row.value for row in rows})


def shown(connection: Connection) -> list[dict[str, Any]]:
    """What was set, for people."""
    columns = [_S.name, _S.asset, _S.level, _S.value, _S.changed_ns]
    rows = connection.execute(select(*columns).order_by(_S.name, _S.asset, _S.level))
    return [row._asdict() for row in rows]


def change(
    connection: Connection, payload: Mapping[str, Any], clock: Callable[[], int] = time.time_ns
) -> None:
    """Carry out an allowed SET_LIMITS, {"name": ..., "value": n} with "asset" and "level" where
    the setting has them; raises WithdrawalRefused."""
    setting, asset, level, value = _read(payload)
    place = (_S.name == setting.value) & (_S.asset == asset) & (_S.level == level)
    connection.execute(delete(withdrawal_settings).where(place))
    row = {"name": setting.value, "asset": asset, "level": level, "value": value}
    connection.execute(insert(withdrawal_settings).values(row | {"changed_ns": clock()}))


def _read(payload: Mapping[str, Any]) -> tuple[Setting, int, int, int]:
    name = payload.get("name")
    if name not in Setting.__members__:
        raise _wrong(f"{name!r:.60} is no limit; there are {', '.join(Setting)}")
    setting = Setting(name)
    rule, value = RULES[setting], payload.get("value")
    wanted = {"name", "value", *["asset"] * rule.of_asset, *["level"] * rule.of_level}
    if payload.keys() != wanted:
        raise _wrong(f"{setting} is set with {', '.join(sorted(wanted))}")
    if type(value) is not int or not rule.low <= value <= rule.high:
        raise _wrong(f"{setting} must be from {rule.low} to {rule.high}, not {value!r:.40}")
    asset, level = payload.get("asset", ALL), payload.get("level", ALL)
    if rule.of_asset and (type(asset) is not int or not 0 <= asset < 1 << 31):
        raise _wrong(f"an asset is named by its number, not {asset!r:.40}")
    if rule.of_level and (type(level) is not int or level not in LEVELS):
        raise _wrong(f"a level is one of {LEVELS}, not {level!r:.40}")
    return setting, asset, level, value


def _wrong(sentence: str) -> WithdrawalRefused:
    return WithdrawalRefused("limit", sentence)
