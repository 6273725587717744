"""Where files are looked for: a folder of this server, an S3-compatible bucket, an SFTP server."""

import fnmatch
import os
import re
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from xml.etree.ElementTree import Element, ParseError

from defusedxml.ElementTree import fromstring

from connectors.destinations.calling import call
from connectors.destinations.errors import Misconfigured, Temporary
from connectors.destinations.files.action import place_problems
from connectors.destinations.kit import Account, Field, Outside
from connectors.destinations.s3 import destination as s3
from connectors.destinations.sftp import destination as sftp

_PIECE = 8 * 1024 * 1024
_MOST_LISTED = 10_000
_NAMESPACE = re.compile(r"^\{[^}]*\}")
_PATTERN = Field(label="Files", default="*", help="Which: * is any text, such as orders-*.csv.")
_FOLDER = Field(label="Folder", default="", help="Such as crm/daily.")


@dataclass(frozen=True, slots=True)
class Found:
    """A file that is there. Another `mark` is another content; `changed_at` (epoch seconds) where it may be growing."""

    name: str
    size: int
    mark: str
    changed_at: float | None = None


class Place(ABC):
    """Somewhere with files."""

    label: ClassVar[str]
    settings: ClassVar[Mapping[str, Field]]

    @abstractmethod
    def look(self, outside: Outside, account: Account) -> list[Found]:
        """The files that are there and match, by name. Raises DeliveryError."""

    @abstractmethod
    def read(self, outside: Outside, account: Account, found: Found) -> Iterator[bytes]:
        """The content, a piece at a time. Raises DeliveryError."""

    def problems(self, settings: Mapping[str, Any], secrets: Mapping[str, str]) -> list[str]:
        """What is wrong with settings beyond their types."""
        return place_problems(settings)


def _matching(found: Iterator[Found], account: Account) -> list[Found]:
    pattern = str(account.settings.get("pattern") or "*")
    return sorted((one for one in found if fnmatch.fnmatchcase(one.name, pattern)), key=lambda one: one.name)


class LocalFolder(Place):
    """A folder below the watched folder of this installation."""

    label = "Folder of this server"
    settings = {"folder": _FOLDER, "pattern": _PATTERN}

    def look(self, outside: Outside, account: Account) -> list[Found]:
        folder = self._folder(outside, account)
        with _told():
            entries = [one for one in os.scandir(folder) if one.is_file(follow_symlinks=False)]
            return _matching((self._found(one) for one in entries if not one.name.startswith(".")), account)

    def read(self, outside: Outside, account: Account, found: Found) -> Iterator[bytes]:
        path = self._folder(outside, account) / found.name
        with _told(), os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            while piece := file.read(_PIECE):
                yield piece

    @staticmethod
    def _folder(outside: Outside, account: Account) -> Path:
        base = outside.watch_folder
        wanted = (base / str(account.settings.get("folder", ""))).resolve()
        if not wanted.is_relative_to(base.resolve()):
            raise Misconfigured("The folder leads out of the watched folder.", code="folder_refused")
        if not wanted.is_dir():
            raise Temporary("The folder is not there (yet).", code="no_folder")
        return wanted

    @staticmethod
    def _found(entry: "os.DirEntry[str]") -> Found:
        told = entry.stat(follow_symlinks=False)
        return Found(entry.name, told.st_size, f"{told.st_size}-{told.st_mtime_ns}", told.st_mtime)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Temporary(f"The files cannot be read: {error.strerror}.", code="read_failed") from error


class Bucket(Place):
    """A bucket; objects below the folder, not those of folders in it."""

    label = "S3 bucket"
    settings = {
        **{name: s3.s3.settings[name] for name in ("bucket", "folder", "region", "endpoint", "access_key_id",
                                                   "secret_access_key")},
        "pattern": _PATTERN,
    }  # fmt: skip

    def look(self, outside: Outside, account: Account) -> list[Found]:
        return _matching(self._all(outside, account), account)

    def _all(self, outside: Outside, account: Account) -> Iterator[Found]:
        prefix, more = self._prefix(account), ""
        for _ in range(_MOST_LISTED // 1_000):
            wanted = {"Bucket": account.settings["bucket"], "Prefix": prefix, "Delimiter": "/"}
            wanted |= {"ContinuationToken": more} if more else {}
            page = self._page(outside, account, wanted)
            for one in page.iter("Contents"):
                name = (one.findtext("Key") or "").removeprefix(prefix)
                if name:
                    size = int(one.findtext("Size") or 0)
                    yield Found(name, size, f"{size}-{one.findtext('ETag')}-{one.findtext('LastModified')}")
            more = page.findtext("NextContinuationToken") or ""
            if not more:
                return

    def _page(self, outside: Outside, account: Account, wanted: Mapping[str, Any]) -> Element:
        url = s3.client(account).generate_presigned_url("list_objects_v2", dict(wanted), 120, "GET")
        reply = call(outside, "GET", url, seconds=30.0, text=True)
        if not reply.ok:
            raise s3.refusal(reply)
        try:
            page: Element = fromstring(reply.data)
        except (ParseError, ValueError) as error:
            raise Temporary("The bucket's answer cannot be read.", code="not_xml") from error
        for one in page.iter():
            one.tag = _NAMESPACE.sub("", one.tag)
        return page

    def read(self, outside: Outside, account: Account, found: Found) -> Iterator[bytes]:
        target = {"Bucket": account.settings["bucket"], "Key": self._prefix(account) + found.name}
        for start in range(0, found.size, _PIECE):
            url = s3.client(account).generate_presigned_url("get_object", target, 120, "GET")
            end = min(start + _PIECE, found.size) - 1
            answer = outside.http.request("GET", url, headers={"range": f"bytes={start}-{end}"}, seconds=60.0,
                                          max_body=_PIECE + 1)  # fmt: skip
            if answer.status not in (200, 206) or len(answer.body) != end - start + 1:
                raise Temporary("The object changed while it was read, or is gone.", code="read_failed")
            yield answer.body

    @staticmethod
    def _prefix(account: Account) -> str:
        folder = str(account.settings.get("folder", "")).strip("/")
        return f"{folder}/" if folder else ""


class Server(Place):
    """An SFTP server whose key is known."""

    label = "SFTP server"
    settings = {
        **{name: sftp.sftp.settings[name] for name in ("host", "port", "host_key", "user", "password", "private_key",
                                                       "folder")},
        "pattern": _PATTERN,
    }  # fmt: skip

    def look(self, outside: Outside, account: Account) -> list[Found]:
        with sftp.connected(outside, account) as session:
            entries = session.listdir_attr(str(account.settings.get("folder") or "."))
        files = [one for one in entries if stat.S_ISREG(one.st_mode or 0) and not one.filename.startswith(".")]
        found = (Found(one.filename, one.st_size or 0, f"{one.st_size}-{one.st_mtime}", one.st_mtime) for one in files)
        return _matching(found, account)

    def read(self, outside: Outside, account: Account, found: Found) -> Iterator[bytes]:
        folder = str(account.settings.get("folder", "")).strip("/")
        with (
            sftp.connected(outside, account) as session,
            session.open(f"{folder}/{found.name}" if folder else found.name, "rb") as file,
        ):
            file.prefetch(found.size)
            while piece := file.read(_PIECE):
                yield piece

    def problems(self, settings: Mapping[str, Any], secrets: Mapping[str, str]) -> list[str]:
        return sftp.check(settings, secrets)


PLACES: Mapping[str, Place] = {"folder": LocalFolder(), "s3": Bucket(), "sftp": Server()}
