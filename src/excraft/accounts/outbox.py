"""Mail to people: through an SMTP server when one is set, else one file per mail in a folder."""

import logging
import os
import secrets
import smtplib
import ssl
import time
from email.message import EmailMessage
from email.utils import format_datetime, localtime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

TIMEOUT_S = 20
PORTS = {"smtps": 465, "smtp": 587}
_log = logging.getLogger(__name__)


class Mail(NamedTuple):
    to: str
    subject: str
    text: str


class Smtp(NamedTuple):
    """A server; TLS from the first byte (smtps) or by STARTTLS (smtp), never without."""

    host: str
    port: int
    tls_first: bool
    user: str
    password: str
    sender: str

    @classmethod
    def read(cls, url: str) -> "Smtp":
        """From smtps://USER:PASSWORD@HOST[:PORT]?from=ADDRESS; raises ValueError."""
        parts = urlsplit(url)
        sender = parse_qs(parts.query).get("from", [""])[0]
        if parts.scheme not in PORTS or not parts.hostname or "@" not in sender:
            raise ValueError(
                "the SMTP setting must be like smtps://user:password@host?from=desk@example.org"
            )
        return cls(
            parts.hostname, parts.port or PORTS[parts.scheme], parts.scheme == "smtps",
            unquote(parts.username or ""), unquote(parts.password or ""), sender,
        )  # fmt: skip


class Outbox:
    """`send` blocks. A mail that the server does not take lands in the folder, never nowhere."""

    def __init__(self, folder: Path, smtp: Smtp | None = None) -> None:
        self._folder, self._smtp = folder, smtp

    @property
    def notice(self) -> str:
        """Where mail goes, for whoever starts the exchange."""
        if self._smtp:
            return f"mail goes out through {self._smtp.host}:{self._smtp.port}"
        return f"mail is not sent but written to {self._folder}: no SMTP server is set"

    def send(self, mail: Mail) -> None:
        message = EmailMessage()
        message["To"], message["Subject"] = mail.to, mail.subject
        message["From"] = self._smtp.sender if self._smtp else "exchange@localhost"
        message["Date"] = format_datetime(localtime())
        message.set_content(mail.text)
        if self._smtp:
            try:
                return self._deliver(message)
            except (OSError, smtplib.SMTPException):
                _log.exception("the SMTP server did not take a mail; it is in %s", self._folder)
        self._write(message)

    def _deliver(self, message: EmailMessage) -> None:
        smtp, context = self._smtp, ssl.create_default_context()
        if smtp.tls_first:
            server = smtplib.SMTP_SSL(smtp.host, smtp.port, timeout=TIMEOUT_S, context=context)
        else:
            server = smtplib.SMTP(smtp.host, smtp.port, timeout=TIMEOUT_S)
        with server:
            if not smtp.tls_first:
                server.starttls(context=context)
            if smtp.user:
                server.login(smtp.user, smtp.password)
            server.send_message(message)

    def _write(self, message: EmailMessage) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self._folder / f"{time.time_ns()}-{secrets.token_hex(4)}.eml"
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(bytes(message))
