"""Outgoing HTTP that cannot be turned against the inside: no private addresses, no redirects, bounded size and time.

The address is checked where the connection is made, on the very address that is connected to. A name that answers
with a public address for the check and a private one for the call (DNS rebinding) therefore gains nothing. Host header
and TLS server name stay those of the URL.
"""

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Self

import httpcore
import httpx

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class HttpProblem(Exception):
    """A call that has no answer. `code` is a stable word for the case; the message is for a person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class AddressRefused(HttpProblem):
    """The call was not made: its address is private, or plain http towards the public internet."""


class Unreachable(HttpProblem):
    """The call was tried and gave no (whole) answer; the other side may or may not have acted on it."""


@dataclass(frozen=True, slots=True)
class AllowList:
    """Hosts and networks which the operator lets us call although they are private. Plain http goes only there."""

    hosts: frozenset[str] = frozenset()
    suffixes: tuple[str, ...] = ()
    networks: tuple[IpNetwork, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[str]) -> Self:
        """Read `10.0.0.0/8`, `127.0.0.1`, `crm.internal` and `*.internal`."""
        hosts: set[str] = set()
        suffixes: list[str] = []
        networks: list[IpNetwork] = []
        for entry in (word.strip().lower() for word in entries):
            try:
                networks.append(ipaddress.ip_network(entry, strict=False))
            except ValueError:
                if entry.startswith("*."):
                    suffixes.append(entry[1:])
                elif entry:
                    hosts.add(entry)
        return cls(frozenset(hosts), tuple(suffixes), tuple(networks))

    def names(self, host: str) -> bool:
        """Whether the host is listed by name."""
        name = host.lower().rstrip(".")
        return name in self.hosts or name.endswith(self.suffixes or ("\0",))

    def holds(self, address: IpAddress) -> bool:
        """Whether the address is in a listed network."""
        return any(address in network for network in self.networks if network.version == address.version)


def is_public(address: IpAddress) -> bool:
    """Whether an address is on the public internet, seen through every notation that hides an IPv4 address."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if inner is not None:
            return is_public(inner)
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def permitted(host: str, addresses: Iterable[str], *, plain: bool, allow: AllowList) -> list[str]:
    """Those of the resolved addresses that may be connected to. Pure: the names are already resolved."""
    by_name = allow.names(host)
    good: list[str] = []
    for text in addresses:
        address = ipaddress.ip_address(text.partition("%")[0])
        listed = by_name or allow.holds(getattr(address, "ipv4_mapped", None) or address)
        if listed or (is_public(address) and not plain):
            good.append(text)
    return good


def resolve(host: str, port: int) -> list[str]:
    """All addresses of a host, in the system's order of preference."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreachable("dns_failed", f"The name {host} cannot be resolved.") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def expect_permitted(host: str, port: int, *, plain: bool, allow: AllowList) -> list[str]:
    """The addresses of a host that may be connected to; `plain` when nothing encrypts what is sent.

    Raises AddressRefused when there is none, Unreachable when the name cannot be resolved.
    """
    good = permitted(host, resolve(host, port), plain=plain, allow=allow)
    if not good:
        why = "without encryption only listed hosts are called" if plain else "it is not a public address"
        raise AddressRefused(
            "address_refused",
            f"Calls to {host} are refused: {why}. An operator can permit it with CDP_OUTBOUND_ALLOW.",
        )
    return good


class _Call(threading.local):
    """What the connection code needs to know of the call that this thread is making."""

    deadline: float = float("inf")
    plain: bool = False


class _Stream(httpcore.NetworkStream):
    """A network stream of which no operation outlasts the deadline of the whole call."""

    def __init__(self, inner: httpcore.NetworkStream, call: _Call) -> None:
        self._inner, self._call = inner, call

    def _left(self, timeout: float | None) -> float:
        left = self._call.deadline - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("deadline")
        return left if timeout is None else min(left, timeout)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, self._left(timeout)), self._call)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _GuardedBackend(httpcore.NetworkBackend):
    """Resolves, refuses what is not permitted, and connects to the checked address itself."""

    def __init__(self, allow: AllowList, call: _Call) -> None:
        self._inner, self._allow, self._call = httpcore.SyncBackend(), allow, call

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        good = expect_permitted(host, port, plain=self._call.plain, allow=self._allow)
        return _Stream(self._connect_first(good, port, timeout, local_address, socket_options), self._call)

    def _connect_first(
        self, addresses: list[str], port: int, timeout: float | None, local: str | None, options: Any
    ) -> httpcore.NetworkStream:
        for address in addresses[:-1]:
            try:
                return self._inner.connect_tcp(address, port, timeout, local, options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return self._inner.connect_tcp(addresses[-1], port, timeout, local, options)

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class _Body(httpx.SyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream

    def close(self) -> None:
        self._stream.close()


@lru_cache(maxsize=1)
def _ssl_context() -> ssl.SSLContext:
    # Reading the certificates takes 100 ms; the context is safe to share.
    return httpx.create_ssl_context(trust_env=False)


class _GuardedTransport(httpx.BaseTransport):
    """httpx over an httpcore pool whose connections are made by the guarded backend."""

    def __init__(self, allow: AllowList, call: _Call) -> None:
        self._call = call
        self._pool = httpcore.ConnectionPool(
            ssl_context=_ssl_context(),
            max_connections=32,
            max_keepalive_connections=8,
            keepalive_expiry=15,
            network_backend=_GuardedBackend(allow, call),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._call.plain = request.url.scheme == "http"
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        answer = self._pool.handle_request(
            httpcore.Request(
                request.method, url, headers=request.headers.raw, content=request.stream, extensions=request.extensions
            )
        )
        return httpx.Response(
            answer.status, headers=answer.headers, stream=_Body(answer.stream), extensions=answer.extensions
        )

    def close(self) -> None:
        self._pool.close()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `body` holds at most the size limit; the rest was not read."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Http:
    """A guarded client and context manager. Thread-safe. Follows no redirect, reads no proxy variables."""

    def __init__(
        self, *, allow: AllowList, seconds: float = 15.0, connect_seconds: float = 5.0, max_body: int = 65_536
    ):
        self.allow = allow
        self._call = _Call()
        self._seconds, self._connect_seconds, self._max_body = seconds, connect_seconds, max_body
        self._client = httpx.Client(
            transport=_GuardedTransport(allow, self._call), follow_redirects=False, trust_env=False
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def post(self, url: str, *, content: bytes, headers: Mapping[str, str]) -> Answer:
        """POST `content`; see `request`."""
        return self.request("POST", url, content=content, headers=headers)

    def request(
        self,
        method: str,
        url: str,
        *,
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
        seconds: float | None = None,
        max_body: int | None = None,
    ) -> Answer:
        """Make one call and read its answer; `seconds` and `max_body` bytes when they differ from the client's.

        Raises AddressRefused when nothing was sent, Unreachable when it is not known what the other side did.
        """
        limit = seconds or self._seconds
        self._call.deadline = time.monotonic() + limit
        sent = {"accept-encoding": "identity", **(headers or {})}
        try:
            timeout = httpx.Timeout(limit, connect=min(limit, self._connect_seconds))
            request = self._client.build_request(
                method, checked_url(url), content=content, headers=sent, timeout=timeout
            )
            answer = self._client.send(request, stream=True)
            try:
                return Answer(answer.status_code, answer.headers, _read(answer, max_body or self._max_body))
            finally:
                answer.close()
        except (httpcore.TimeoutException, httpx.TimeoutException) as error:
            raise Unreachable("timeout", f"No answer within {limit:g} seconds.") from error
        except (httpcore.ConnectError, httpx.ConnectError) as error:
            raise Unreachable("connect_failed", f"The connection could not be made: {error}") from error
        except (httpcore.NetworkError, httpcore.ProtocolError, httpx.TransportError) as error:
            raise Unreachable("connection_cut", "The connection was cut, or the answer was not HTTP.") from error


def _read(answer: httpx.Response, limit: int) -> bytes:
    """The body up to the limit. A longer one is not an error: nobody needs the rest of an answer to a delivery."""
    parts: list[bytes] = []
    size = 0
    for part in answer.iter_raw():
        parts.append(part)
        size += len(part)
        if size >= limit:
            break
    return b"".join(parts)[:limit]


def checked_url(url: str) -> httpx.URL:
    """An absolute http(s) address without credentials in it, or AddressRefused that says what is wrong."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise AddressRefused("bad_url", "The address is not a URL.") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise AddressRefused("bad_url", "The address must begin with https:// (or http:// for a listed host).")
    if parsed.userinfo:
        raise AddressRefused("bad_url", "The address must not hold a user name or password; use the secret fields.")
    return parsed
