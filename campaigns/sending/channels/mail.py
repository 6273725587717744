"""E-mail, by SMTP or by the APIs of providers (django-anymail).

Marketing carries the headers of RFC 2369 and RFC 8058, so that mail programs unsubscribe with one click. Nothing tells
a server that a message is a repeat; the Message-ID is the same at every try, and some drop repeats by it.
"""

import smtplib
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.console import EmailBackend as ConsoleBackend
from django.core.mail.backends.smtp import EmailBackend as SmtpBackend
from django.utils.module_loading import import_string

from campaigns.sending.channels.kit import (
    Account,
    BadContact,
    Doubtful,
    Hand,
    Letter,
    Misconfigured,
    Outside,
    Provider,
    Rejected,
    Resting,
    Temporary,
)
from common.http import AddressRefused, AllowList, Unreachable, expect_permitted
from connectors.contracts import Field

_SECONDS = 20
_SENDER = {
    "sender": Field(label="From", required=True, help="Such as Shop <news@shop.example>."),
    "reply_to": Field(label="Reply to", help="Where answers go; empty for the sender."),
}
_SMTP = {
    "host": Field(label="Host", required=True),
    "port": Field(label="Port", type="integer", default=587, required=True),
    "security": Field(
        label="Encryption", type="choice", default="starttls", required=True,
        choices=(("starttls", "STARTTLS"), ("tls", "TLS from the beginning"), ("none", "None (listed hosts only)")),
    ),
    "user": Field(label="User"),
    "password": Field(label="Password", secret=True),
}  # fmt: skip


def message_of(letter: Letter, account: Account) -> EmailMultiAlternatives:
    """The message, both as text and as HTML."""
    sender = str(account.settings["sender"])
    domain = sender.rpartition("@")[2].strip("<> ") or "localhost"
    headers = {"Message-ID": f"<{letter.key}@{domain}>"}
    if letter.marketing and letter.unsubscribe_url:
        headers["List-Unsubscribe"] = f"<{letter.unsubscribe_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    made = EmailMultiAlternatives(
        letter.fields["subject"], letter.fields["text"], sender, [letter.address], headers=headers,
        reply_to=[reply] if (reply := str(account.settings.get("reply_to") or "")) else None,
    )  # fmt: skip
    made.attach_alternative(letter.fields["body"], "text/html")
    return made


@contextmanager
def _smtp(account: Account, outside: Outside) -> Iterator[Hand]:
    given = account.settings
    host, port, security = str(given["host"]), int(given["port"]), given["security"]
    backend = _Backend(
        outside.http.allow, host=host, port=port, username=str(given.get("user") or ""),
        password=account.secrets.get("password", ""), use_tls=security == "starttls", use_ssl=security == "tls",
        timeout=_SECONDS,
    )  # fmt: skip

    def hand(letter: Letter) -> str:
        message = message_of(letter, account)
        if backend.connection is None:
            _connect(backend)
        _send(backend, message)
        return str(message.extra_headers["Message-ID"])

    try:
        yield hand
    finally:
        backend.close()


class _Backend(SmtpBackend):
    """Django's, which connects to the very address that was checked, so that a name that answers with another one
    afterwards (DNS rebinding) gains nothing. TLS goes on to expect the certificate of the name."""

    def __init__(self, allow: AllowList, **given: Any) -> None:
        super().__init__(**given)
        self._allow = allow

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        allow, plain = self._allow, not (self.use_tls or self.use_ssl)

        class Checked(smtplib.SMTP):
            def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
                return _connected(expect_permitted(host, port, plain=plain, allow=allow), port, timeout)

        # Its `_get_socket` wraps what the next class gives in TLS, by the name.
        class CheckedTls(smtplib.SMTP_SSL, Checked):
            pass

        return CheckedTls if self.use_ssl else Checked


def _connected(addresses: Sequence[str], port: int, timeout: float) -> socket.socket:
    """A connection to the first of these addresses that takes one. Raises OSError."""
    for address in addresses[:-1]:
        try:
            return socket.create_connection((address, port), timeout)
        except OSError:
            continue
    return socket.create_connection((addresses[-1], port), timeout)


def _connect(backend: SmtpBackend) -> None:
    try:
        backend.open()
    except AddressRefused as error:
        raise Misconfigured(str(error)) from error
    except smtplib.SMTPAuthenticationError as error:
        raise Misconfigured("The mail server refuses user and password.") from error
    except (Unreachable, smtplib.SMTPException, OSError) as error:
        raise Temporary(f"The mail server cannot be reached ({type(error).__name__}).") from error


def _send(backend: SmtpBackend, message: EmailMultiAlternatives) -> None:
    try:
        backend.send_messages([message])
    except smtplib.SMTPRecipientsRefused as error:
        code, words = next(iter(error.recipients.values()))
        raise _refused(code, words) from error
    except smtplib.SMTPSenderRefused as error:
        kind = Misconfigured if error.smtp_code >= 500 else Temporary
        raise kind(f"The mail server refuses the sender ({error.smtp_code}).") from error
    except smtplib.SMTPResponseException as error:
        raise (Rejected if error.smtp_code >= 500 else Temporary)(
            f"The mail server refuses the message ({error.smtp_code})."
        ) from error
    except (smtplib.SMTPException, OSError) as error:
        # The connection may have broken after the last line was sent.
        _drop(backend)
        raise Doubtful(f"The mail server gave no answer ({type(error).__name__}).") from error


def _drop(backend: SmtpBackend) -> None:
    connection, backend.connection = backend.connection, None
    if connection is not None:
        connection.close()


def _refused(code: int, words: bytes | str) -> Exception:
    """Of a recipient: 4xx may pass; of 5xx only those about the mailbox (X.1.x, RFC 3463) say that it is dead."""
    said = words.decode(errors="replace") if isinstance(words, bytes) else words
    status = said.split(" ")[0] if said[:2] in ("5.", "4.") else ""
    if code < 500:
        return Temporary(f"The mail server takes nothing for this address at present ({code}).")
    if status.startswith("5.1.") or (not status and code in (550, 551, 553)):
        return BadContact(f"There is no such mailbox ({code} {status})".rstrip() + ".")
    return Rejected(f"The mail server refuses the recipient ({code} {status})".rstrip() + ".")


@contextmanager
def _console(account: Account, _: Outside) -> Iterator[Hand]:
    backend = ConsoleBackend()

    def hand(letter: Letter) -> str:
        message = message_of(letter, account)
        backend.send_messages([message])
        return str(message.extra_headers["Message-ID"])

    yield hand


def _by_anymail(backend: str, names: Mapping[str, str]) -> Callable[[Account, Outside], AbstractContextManager[Hand]]:
    """By one of anymail's backends. `names` are its settings by ours. It calls the vendor's own fixed host."""

    @contextmanager
    def opened(account: Account, _: Outside) -> Iterator[Hand]:
        given = {**account.settings, **account.secrets}
        options = {theirs: given[ours] for ours, theirs in names.items() if given.get(ours)}
        client: BaseEmailBackend = import_string(backend)(fail_silently=False, **options)
        try:
            yield lambda letter: _by_api(client, message_of(letter, account), letter)
        finally:
            client.close()

    return opened


def _by_api(client: Any, message: Any, letter: Letter) -> str:
    from anymail.exceptions import (
        AnymailAPIError,
        AnymailConfigurationError,
        AnymailError,
        AnymailRecipientsRefused,
        AnymailUnsupportedFeature,
    )

    message.metadata = {"send": letter.key}
    message.tags = [letter.origin[:50]] if letter.origin else []
    try:
        client.send_messages([message])
    except AnymailRecipientsRefused as error:
        raise BadContact("The provider refuses the recipient.") from error
    except AnymailAPIError as error:
        raise _api_problem(error.status_code) from error
    except (AnymailConfigurationError, AnymailUnsupportedFeature) as error:
        raise Misconfigured(f"The provider's settings cannot work: {type(error).__name__}.") from error
    except (AnymailError, OSError) as error:
        raise Doubtful(f"The provider gave no answer that can be read ({type(error).__name__}).") from error
    status = message.anymail_status
    if status.status and status.status <= {"rejected", "invalid", "failed"}:
        raise BadContact(f"The provider refuses the recipient ({', '.join(sorted(status.status))}).")
    return str(status.message_id or "")


def _api_problem(status: int | None) -> Exception:
    words = f"The provider answered {status}." if status else "The provider cannot be reached."
    if status in (401, 403):
        return Misconfigured(f"{words} Look at the API key.")
    if status == 429:
        return Resting(words)
    if status is None or status >= 500:
        return Doubtful(words)
    return Rejected(words)


def _api(slug: str, label: str, names: Mapping[str, str], **more: Field) -> Provider:
    """A provider of anymail's. The first of `names` is its key."""
    key = next(iter(names))
    return Provider(
        slug, label, ("email",), {key: Field(label="API key", required=True, secret=True), **more, **_SENDER},
        _by_anymail(f"anymail.backends.{slug}.EmailBackend", names),
    )  # fmt: skip


PROVIDERS = (
    Provider("smtp", "SMTP", ("email",), {**_SMTP, **_SENDER}, _smtp),
    Provider("console", "Console (development: writes to the worker's output)", ("email",), _SENDER, _console),
    _api("brevo", "Brevo", {"api_key": "api_key"}),
    _api("mailgun", "Mailgun", {"api_key": "api_key", "domain": "sender_domain"},
         domain=Field(label="Domain", required=True)),
    _api("mailjet", "Mailjet", {"secret_key": "secret_key", "api_key": "api_key"},
         api_key=Field(label="Public key", required=True)),
    _api("postmark", "Postmark", {"server_token": "server_token"}),
    _api("resend", "Resend", {"api_key": "api_key"}),
    _api("sendgrid", "SendGrid", {"api_key": "api_key"}),
    _api("sparkpost", "SparkPost", {"api_key": "api_key"}),
)  # fmt: skip
