"""How a person signs up and in: credentials, sessions, second factors.

What is mailed or kept in a cookie is here only as its SHA-256; addresses and secrets are sealed.
"""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, String, Table, Text

from excraft.store.schema import ROW_NUMBER, metadata


def _whole(name: str) -> Column:
    return Column(name, BigInteger, nullable=False)


def _person(**options) -> Column:
    return Column("person_id", ROW_NUMBER, ForeignKey("people.id"), **options)


# A row exists once the e-mail is confirmed, never before.
people = Table(
    "people",
    metadata,
    Column("id", ROW_NUMBER, primary_key=True),
    Column("email_hash", String(64), nullable=False, unique=True),  # keyed: SecretBox.derive
    Column("email", LargeBinary, nullable=False),  # sealed
    Column("password", Text, nullable=False),  # argon2id, with its parameters and salt
    Column("member_id", ROW_NUMBER, ForeignKey("members.id"), unique=True),  # NULL until opened
    _whole("created_ns"),
    Column("password_ns", BigInteger),  # when it was changed last; NULL: as at sign-up
)

# At most one of a person; the cancelling token is here, where no new password voids it.
email_changes = Table(
    "email_changes",
    metadata,
    _person(primary_key=True, autoincrement=False),
    Column("email_hash", String(64), nullable=False),  # of the new one; it may be somebody's
    Column("email", LargeBinary, nullable=False),  # sealed
    Column("confirm_hash", String(64), nullable=False),
    Column("cancel_hash", String(64), nullable=False, unique=True),
    _whole("asked_ns"),
    _whole("expires_ns"),  # unless it is confirmed before
    Column("due_ns", BigInteger),  # NULL until it is confirmed
)

mail_tokens = Table(
    "mail_tokens",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("purpose", String(16), nullable=False),  # CONFIRM, RESET
    _person(),  # RESET only
    Column("email_hash", String(64)),  # CONFIRM only, as the two below
    Column("email", LargeBinary),
    Column("password", Text),
    _whole("expires_ns"),
    Column("referral", String(8)),  # CONFIRM only: the code that was given at sign-up
    Index("mail_tokens_by_expiry", "expires_ns"),
    Index("mail_tokens_of_person", "person_id"),
)

# Mails that were written down with what they tell, and are not sent yet.
mails_due = Table(
    "mails_due",
    metadata,
    Column("id", ROW_NUMBER, primary_key=True),
    _person(nullable=False),
    Column("kind", String(16), nullable=False),
    Column("details", Text, nullable=False),  # JSON; what opens something is sealed in it
    _whole("time_ns"),
    _whole("leased_until_ns"),  # 0 or when the one who sends it must be done
)

devices = Table(
    "devices",
    metadata,
    Column("id", String(32), primary_key=True),
    _person(nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
    Column("seen_from", LargeBinary, nullable=False),  # address and browser, sealed
    _whole("created_ns"),
    _whole("seen_ns"),
    Index("devices_of_person", "person_id"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(32), primary_key=True),  # may be shown; opens nothing
    Column("hash", String(64), nullable=False, unique=True),
    _person(nullable=False),
    Column("device_id", String(32), ForeignKey("devices.id"), nullable=False),
    _whole("created_ns"),
    _whole("seen_ns"),
    _whole("proved_ns"),  # when password and second factor were given last
    Index("sessions_of_person", "person_id"),
    Index("sessions_of_device", "device_id"),
)

second_factors = Table(
    "second_factors",
    metadata,
    _person(primary_key=True, autoincrement=False),
    Column("secret", LargeBinary, nullable=False),  # sealed
    _whole("last_step"),  # no code of this time step or an earlier one is taken again
    Column("confirmed_ns", BigInteger),  # NULL: being enrolled, asked for nowhere
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    _person(primary_key=True, autoincrement=False),
    Column("hash", String(64), primary_key=True),
)

passkeys = Table(
    "passkeys",
    metadata,
    Column("id", String(32), primary_key=True),  # may be shown; opens nothing
    _person(nullable=False),
    Column("credential_hash", String(64), nullable=False, unique=True),
    Column("credential", LargeBinary, nullable=False),
    Column("public_key", LargeBinary, nullable=False),  # COSE
    _whole("sign_count"),  # 0: this authenticator does not count
    Column("label", String(64), nullable=False),
    _whole("created_ns"),
    Column("used_ns", BigInteger),
    Index("passkeys_of_person", "person_id"),
)

wallets = Table(
    "wallets",
    metadata,
    Column("id", String(32), primary_key=True),  # may be shown; opens nothing
    _person(nullable=False),
    Column("address_hash", String(64), nullable=False, unique=True),  # keyed; with the chain
    Column("address", LargeBinary, nullable=False),  # sealed
    _whole("created_ns"),
    Column("used_ns", BigInteger),
    Column("chain_id", BigInteger),  # where it is a contract; NULL: it has a key, on every chain
    Index("wallets_of_person", "person_id"),
)

# From where a person logged in before, so that only what is new is told.
login_networks = Table(
    "login_networks",
    metadata,
    _person(primary_key=True, autoincrement=False),
    Column("hash", String(64), primary_key=True),  # keyed
    _whole("seen_ns"),
)
