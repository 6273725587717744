"""An SFTP server on the loopback over a folder, with one user. paramiko's own server side speaks the protocol."""

import os
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import paramiko

from connectors.destinations.sftp.destination import fingerprint

USER, PASSWORD = "drop", "pass-1"  # noqa: S105 - of a test


class _Door(paramiko.ServerInterface):
    def __init__(self, known: paramiko.PKey | None) -> None:
        self._known = known

    def check_auth_password(self, username: str, password: str) -> int:
        fine = (username, password) == (USER, PASSWORD)
        return paramiko.AUTH_SUCCESSFUL if fine else paramiko.AUTH_FAILED

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        fine = username == USER and key == self._known
        return paramiko.AUTH_SUCCESSFUL if fine else paramiko.AUTH_FAILED

    def get_allowed_auths(self, username: str) -> str:
        return "password,publickey"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED


class _Files(paramiko.SFTPServerInterface):
    """Everything below one folder. `posix` says whether renaming over a file is offered."""

    def __init__(self, server: Any, *args: Any, root: Path, posix: bool, **more: Any) -> None:
        super().__init__(server, *args, **more)
        self._root, self._posix = root, posix

    def _real(self, name: str) -> Path:
        return self._root / self.canonicalize(name).lstrip("/")

    def open(self, path: str, flags: int, attr: Any) -> Any:
        handle = paramiko.SFTPHandle(flags)
        mode = "wb" if flags & (os.O_WRONLY | os.O_RDWR) else "rb"
        try:
            file = os.fdopen(os.open(self._real(path), flags, 0o640), mode)
            handle.readfile = handle.writefile = file  # type: ignore[attr-defined]
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)
        return handle

    def list_folder(self, path: str) -> Any:
        try:
            found = []
            for entry in sorted(self._real(path).iterdir()):
                told = paramiko.SFTPAttributes.from_stat(entry.stat())
                told.filename = entry.name
                found.append(told)
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)
        return found

    def stat(self, path: str) -> Any:
        try:
            return paramiko.SFTPAttributes.from_stat(self._real(path).stat())
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)

    def mkdir(self, path: str, attr: Any) -> int:
        return self._do(lambda: self._real(path).mkdir())

    def remove(self, path: str) -> int:
        return self._do(lambda: self._real(path).unlink())

    def rename(self, oldpath: str, newpath: str) -> int:
        if self._real(newpath).exists():
            return paramiko.SFTP_FAILURE
        return self._do(lambda: self._real(oldpath).rename(self._real(newpath)))

    def posix_rename(self, oldpath: str, newpath: str) -> int:
        if not self._posix:
            return paramiko.SFTP_OP_UNSUPPORTED
        return self._do(lambda: self._real(oldpath).replace(self._real(newpath)))

    @staticmethod
    def _do(act: Any) -> int:
        try:
            act()
        except OSError as error:
            return int(paramiko.SFTPServer.convert_errno(error.errno or 0))
        return paramiko.SFTP_OK


class SftpServer:
    """Runs until it is closed."""

    def __init__(self, root: Path, *, posix: bool = True, known: paramiko.PKey | None = None) -> None:
        self._root, self._posix, self._known = root, posix, known
        self._key = paramiko.ECDSAKey.generate()
        self._door = socket.create_server(("127.0.0.1", 0))
        self._transports: list[paramiko.Transport] = []
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._door.getsockname()[1])

    @property
    def fingerprint(self) -> str:
        return fingerprint(self._key)

    def _serve(self) -> None:
        while True:
            try:
                wire, _ = self._door.accept()
            except OSError:
                return
            transport = paramiko.Transport(wire)
            transport.add_server_key(self._key)
            transport.set_subsystem_handler(
                "sftp", paramiko.SFTPServer, sftp_si=_Files, root=self._root, posix=self._posix
            )  # fmt: skip
            transport.start_server(server=_Door(self._known))
            self._transports.append(transport)

    def close(self) -> None:
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        for transport in self._transports:
            transport.close()
