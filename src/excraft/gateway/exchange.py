"""What a request may use: the running parts of the exchange, in one bundle."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from excraft.gateway.limits import Limits


@dataclass(frozen=True, slots=True)
class Settings:
    """Numbers that belong to this process, not to governance."""

    outcome_timeout_s: float = 10.0  # then -1007: nobody knows
    body_bytes_max: int = 64 << 10
    history_timeout_s: float = 10.0


@dataclass(slots=True)
class Exchange:
    """The parts, duck-typed: the gateway does not start or stop any of them.

    engine      excraft.engine.service.Engine
    marketdata  excraft.marketdata.MarketData
    history     excraft.store.history.History
    api_keys    excraft.accounts.api_keys.ApiKeys
    members     excraft.accounts.members.Members
    desk        excraft.accounts.desk.Desk, or None: then there is no /account
    staff       excraft.accounts.staff.Staff: roles, audit log, approvals
    invitation  excraft.accounts.invitation.Invitation: the first administrator's
    kyc         excraft.gateway.kyc_desk.KycDesk, or None
    proofs      excraft.gateway.proofs.Proofs: what is owed, as published; or None
    custody     excraft.custody.service.Custody, or None: no chain is served
    withdrawals excraft.custody.withdrawals.Withdrawals, or None: no chain is served
    withdrawal_desk  excraft.gateway.withdrawal_desk.WithdrawalDesk beside it
    on_chain    excraft.cli.posting.OnChain, or None: EXT has no contract here
    referrals   excraft.gateway.referral_desk.ReferralDesk, or None
    merit       excraft.merit.state.Merit, or None; `dataset` is the folder of what is published
    """

    engine: Any
    marketdata: Any
    history: Any
    api_keys: Any
    members: Any = None
    desk: Any = None
    staff: Any = None
    invitation: Any = None
    kyc: Any = None
    proofs: Any = None
    custody: Any = None
    withdrawals: Any = None
    withdrawal_desk: Any = None
    on_chain: Any = None
    referrals: Any = None
    merit: Any = None
    dataset: Any = None
    rounds: Any = None  # the round service, for who asks it to look now
    settings: Settings = field(default_factory=Settings)
    clock: Callable[[], int] = time.time_ns
    limits: Limits = field(init=False)

    def __post_init__(self) -> None:
        self.limits = Limits(self.engine, self.clock)
        self.engine.watch_orders(self.limits.see)

    @property
    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return self.clock() // 1_000_000
