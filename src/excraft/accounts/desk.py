"""The parts that sign-up and login work with, in one bundle, and who is asking."""

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple

from excraft.accounts import email_mails, mails
from excraft.accounts.background import TOLD_MAX, Background
from excraft.accounts.challenges import Challenges
from excraft.accounts.contract_wallets import ContractWallets
from excraft.accounts.email_changes import EmailChanges
from excraft.accounts.known_networks import KnownNetworks
from excraft.accounts.mail_queue import MailQueue
from excraft.accounts.origins import Origin
from excraft.accounts.outbox import Mail, Outbox
from excraft.accounts.passkeys import Passkeys
from excraft.accounts.passwords import Passwords
from excraft.accounts.people import People
from excraft.accounts.referrals import Referrals
from excraft.accounts.second_factor import SecondFactors
from excraft.accounts.secret_box import SecretBox
from excraft.accounts.sessions import SeenFrom, Sessions
from excraft.accounts.throttle import Throttle, network_of
from excraft.accounts.wallets import Wallets
from excraft.store.database import Database


class Caller(NamedTuple):
    """Who asks, by what the request brought; the tokens are empty when there was no cookie."""

    seen: SeenFrom
    device_token: str = ""
    session_token: str = ""
    ceremony_token: str = ""  # of a login by passkey or wallet that was begun
    page: str = ""  # where our page is, for links in mails; empty when that is not certain

    @property
    def network(self) -> str:
        return network_of(self.seen.address)


class Desk:
    """Needs a database that was migrated. `stop` waits for mails under way."""

    def __init__(
        self,
        database: Database,
        box: SecretBox,
        outbox: Outbox,
        *,
        passwords: Passwords | None = None,
        clock: Callable[[], int] = time.time_ns,
        origin: Origin | None = None,
    ) -> None:
        """`origin`: where the public finds this exchange; None: on this machine only."""
        self.database, self.outbox, self.clock = database, outbox, clock
        self.people = People(database, box, clock)
        self.sessions = Sessions(database, box, clock)
        self.second_factors = SecondFactors(database, box, clock)
        self.passkeys = Passkeys(database, box, clock)
        self.wallets = Wallets(database, box, clock)
        self.networks = KnownNetworks(database, box, clock)
        self.challenges = Challenges(clock)
        self.origin = origin
        self.contracts: ContractWallets | None = None  # where chains are served
        self.referrals = Referrals(database, clock)
        self.email_changes = EmailChanges(self.people, box, clock)
        page = f"{origin.url}/desk" if origin else ""
        self.mail_queue = MailQueue(
            database, outbox, self.people.email_of,
            {
                "kyc": lambda to, details: mails.kyc(to, page, details),
                "commission": mails.commission, **self._email_writers(),
            },
            clock,
        )  # fmt: skip
        self.throttle = Throttle(clock)
        self.passwords = passwords or Passwords()
        self.background = Background()
        self.opening = asyncio.Lock()  # one account is opened at a time, so nobody gets two

    def _email_writers(self) -> dict[str, Callable[..., Mail]]:
        opened = self.email_changes.opened
        return {
            kind: lambda to, details, write=write: write(to, opened(details))
            for kind, write in email_mails.WRITERS.items()
        }

    def tell(self, person_id: int, write: Callable[..., Mail], *details) -> None:
        """Mail a person about something that was done; in the background."""
        self.background.take(
            lambda: self.outbox.send(write(self.people.email_of(person_id), *details)), TOLD_MAX
        )

    def stop(self) -> None:
        """Blocks."""
        self.background.stop()
        self.passwords.close()
