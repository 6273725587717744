"""SFTP: each batch of a sync becomes one file, written beside and renamed, on a server whose key is known."""

from __future__ import annotations

import base64
import hashlib
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import StringIO
from typing import TYPE_CHECKING, Any

from connectors.destinations.errors import InvalidCredentials, Misconfigured, Temporary
from connectors.destinations.files.action import FORMAT, LAYOUT, PREFIX, WriteRows, place_problems
from connectors.destinations.kit import Account, Destination, Field, Outside

# Some megabytes that only who is connected needs: every process knows this kind.
if TYPE_CHECKING:
    import paramiko

_SECONDS = 15.0


class UploadFile(WriteRows):
    """Files on a server."""

    calls_per_second = 5.0

    def put(self, outside: Outside, account: Account, name: str, content: bytes) -> None:
        with connected(outside, account) as sftp:
            folder, _, last = f"{account.settings.get('folder', '')}/{name}".strip("/").rpartition("/")
            _make_folders(sftp, folder)
            start = f"{folder}/" if folder else ""
            _write_whole(sftp, f"{start}{last}", f"{start}.{last}.part", content)


def _write_whole(sftp: paramiko.SFTPClient, target: str, part: str, content: bytes) -> None:
    with sftp.open(part, "wb") as file:
        file.write(content)
    if sftp.stat(part).st_size != len(content):
        raise Temporary("The file did not arrive whole.", code="short_file")
    try:
        sftp.posix_rename(part, target)
    except OSError:
        # A server without that extension refuses to rename over a file: a repeat takes the earlier one away first.
        with suppress(OSError):
            sftp.remove(target)
        sftp.rename(part, target)


def _make_folders(sftp: paramiko.SFTPClient, folder: str) -> None:
    parts = folder.split("/") if folder else []
    for end in range(1, len(parts) + 1):
        with suppress(OSError):
            sftp.mkdir("/".join(parts[:end]))


@contextmanager
def connected(outside: Outside, account: Account) -> Iterator[paramiko.SFTPClient]:
    """A session with the server whose key has the account's fingerprint. Raises DeliveryError."""
    import paramiko

    settings = account.settings
    host, port = str(settings["host"]), int(settings.get("port") or 22)
    address = outside.addresses(host, port, plain=False)[0]
    try:
        with socket.create_connection((address, port), timeout=_SECONDS) as wire:
            transport = paramiko.Transport(wire)
            try:
                yield _session(transport, settings, account.secrets)
            finally:
                transport.close()
    except paramiko.AuthenticationException as error:
        raise InvalidCredentials("The server refuses this user with this password or key.") from error
    except PermissionError as error:
        raise Misconfigured("The server does not let this user write there.", code="write_refused") from error
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise Temporary(f"The server could not be worked with: {type(error).__name__}.", code="sftp_failed") from error


def _session(
    transport: paramiko.Transport, settings: Mapping[str, Any], secrets: Mapping[str, str]
) -> paramiko.SFTPClient:
    import paramiko

    transport.banner_timeout = transport.auth_timeout = _SECONDS
    transport.start_client(timeout=_SECONDS)
    found = fingerprint(transport.get_remote_server_key())
    if found != settings["host_key"]:
        raise Misconfigured(f"The server shows another key than the one that is known: {found}.", code="host_key")
    user = str(settings["user"])
    if secrets.get("private_key"):
        transport.auth_publickey(user, private_key(secrets["private_key"]))
    else:
        transport.auth_password(user, secrets.get("password", ""))
    channel = paramiko.SFTPClient.from_transport(transport)
    if channel is None:
        raise Temporary("The server opens no SFTP channel.", code="sftp_failed")
    channel.get_channel().settimeout(_SECONDS)
    return channel


def fingerprint(key: paramiko.PKey) -> str:
    """`SHA256:…` as `ssh-keygen -lf` shows it."""
    digest = hashlib.sha256(key.asbytes()).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def private_key(text: str) -> paramiko.PKey:
    """A key in OpenSSH or PEM form, without a passphrase. Raises Misconfigured."""
    import paramiko

    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        with suppress(paramiko.SSHException, ValueError):
            return kind.from_private_key(StringIO(text))
    raise Misconfigured("The private key cannot be read (a passphrase is not supported).", code="bad_key")


def test(outside: Outside, account: Account) -> str:
    """Write a small file and take it away again."""
    with connected(outside, account) as sftp:
        folder = str(account.settings.get("folder", ""))
        _make_folders(sftp, folder)
        probe = f"{folder}/.cdp-test" if folder else ".cdp-test"
        with sftp.open(probe, "wb") as file:
            file.write(b"test\n")
        sftp.remove(probe)
    return f"Files can be written to {folder or 'the home folder'}."


def check(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> list[str]:
    """One way to sign in, and a key by which the server is known."""
    found = place_problems(settings)
    if not (secrets.get("password") or secrets.get("private_key")):
        found.append("password: give a password or a private key.")
    if not str(settings.get("host_key", "")).startswith("SHA256:"):
        found.append("host_key: give the server's key fingerprint, SHA256:… (ssh-keyscan HOST | ssh-keygen -lf -).")
    return found


sftp = Destination(
    slug="sftp",
    label="SFTP server",
    description="CSV, NDJSON or Parquet files on an SFTP server.",
    settings={
        "host": Field(label="Host", required=True),
        "port": Field(label="Port", type="integer", default=22),
        "host_key": Field(
            label="Key fingerprint of the server", required=True, help="SHA256:…, from the one who runs the server."
        ),
        "user": Field(label="User", required=True),
        "password": Field(label="Password", secret=True),
        "private_key": Field(label="Private key", type="text", secret=True, help="Without a passphrase."),
        "folder": Field(label="Folder", default="", help="Below the user's home, such as crm/daily."),
        "format": FORMAT,
        "layout": LAYOUT,
        "prefix": PREFIX,
    },
    actions={UploadFile.slug: UploadFile()},
    test=test,
    check=check,
    api_version="SFTP 3",
    verified="2026-11",
)  # fmt: skip
