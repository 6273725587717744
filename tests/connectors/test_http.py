"""Outgoing HTTP: what it refuses, and what it makes of bad answers."""

import socket
from collections.abc import Iterator

import httpx
import pytest

from common.http import AddressRefused, AllowList, Http, Unreachable, is_public, permitted
from tests.connectors.receiver import Receiver, Reply, receiving

LOOPBACK = AllowList.of(["127.0.0.1"])
NOTHING = AllowList.of([])


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "0.1.2.3", "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "240.0.0.1",
        "::1", "::", "fe80::1", "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1", "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:db8::1", "fd00:ec2::254",
    ],
)  # fmt: skip
def test_an_address_of_the_inside_is_not_public_in_any_notation(address: str) -> None:
    assert permitted("host.example", [address], plain=False, allow=NOTHING) == []


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "172.32.0.1", "2606:4700:4700::1111", "64:ff9b::808:808"])
def test_a_public_address_may_be_called_over_tls_only(address: str) -> None:
    assert permitted("host.example", [address], plain=False, allow=NOTHING) == [address]
    assert permitted("host.example", [address], plain=True, allow=NOTHING) == []


@pytest.mark.parametrize(
    ("entries", "host", "address", "good"),
    [
        (["10.0.0.0/8"], "crm.internal", "10.2.3.4", True),
        (["10.0.0.0/8"], "crm.internal", "192.168.0.1", False),
        (["10.0.0.0/8"], "crm.internal", "::ffff:10.2.3.4", True),
        (["127.0.0.1"], "localhost", "127.0.0.1", True),
        (["crm.internal"], "crm.internal", "192.168.0.1", True),
        (["crm.internal"], "CRM.internal.", "192.168.0.1", True),
        (["crm.internal"], "evil-crm.internal", "192.168.0.1", False),
        (["*.internal"], "crm.internal", "192.168.0.1", True),
        (["*.internal"], "internal.evil.example", "192.168.0.1", False),
        (["", "  "], "anything", "127.0.0.1", False),
        (["fd00::/8"], "crm.internal", "fd00::1", True),
    ],
)
def test_the_operator_can_permit_hosts_and_networks(entries: list[str], host: str, address: str, good: bool) -> None:
    assert (permitted(host, [address], plain=True, allow=AllowList.of(entries)) == [address]) is good


def test_of_several_addresses_only_the_permitted_ones_are_left() -> None:
    assert permitted("h", ["127.0.0.1", "8.8.8.8"], plain=False, allow=NOTHING) == ["8.8.8.8"]


def test_every_public_notation_is_read() -> None:
    import ipaddress

    assert is_public(ipaddress.ip_address("::ffff:8.8.8.8"))


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0", "[::ffff:7f00:1]"],
)
def test_a_private_host_is_refused_before_anything_is_sent(receiver: Receiver, host: str) -> None:
    with Http(allow=NOTHING) as http, pytest.raises((AddressRefused, Unreachable)) as refusal:
        http.post(f"http://{host}:{receiver.port}/hook", content=b"{}", headers={})
    assert refusal.value.code in ("address_refused", "bad_url", "dns_failed")
    assert receiver.calls == []


def test_a_name_that_resolves_to_the_loopback_is_refused(receiver: Receiver) -> None:
    name = socket.gethostname()
    if not all(
        str(entry[4][0]).startswith(("127.", "::1", "10.", "172.", "192.168")) for entry in socket.getaddrinfo(name, 80)
    ):
        pytest.skip("this machine's own name is public")
    with Http(allow=NOTHING) as http:
        for host in (name, "localhost"):
            with pytest.raises(AddressRefused):
                http.post(f"https://{host}:{receiver.port}/hook", content=b"{}", headers={})
    assert receiver.calls == []


def test_the_name_is_resolved_once_and_the_connection_goes_to_that_very_address(receiver: Receiver) -> None:
    """What rebinding would need is a second look-up between the check and the call; there is none."""
    looked_up: list[str] = []
    real = socket.getaddrinfo

    def counting(host: str, *rest: object, **more: object) -> object:
        looked_up.append(host)
        return real(host, *rest, **more)  # type: ignore[arg-type]

    socket.getaddrinfo = counting  # type: ignore[assignment]
    try:
        with Http(allow=AllowList.of(["localhost"])) as http:
            http.post(f"http://localhost:{receiver.port}/hook", content=b"{}", headers={})
    finally:
        socket.getaddrinfo = real
    # The connection itself is made to a literal address, which needs no name server.
    assert [host for host in looked_up if host == "localhost"] == ["localhost"]
    assert receiver.calls[0].headers["host"] == f"localhost:{receiver.port}"


def test_a_redirect_is_handed_back_and_not_followed(receiver: Receiver) -> None:
    with receiving() as inside:
        receiver.script = lambda call, before: Reply(status=302, headers={"location": inside.url})
        with Http(allow=LOOPBACK) as http:
            answer = http.post(receiver.url, content=b"{}", headers={})
        assert answer.status == 302
        assert inside.calls == []


@pytest.mark.parametrize(
    "url",
    ["ftp://127.0.0.1/", "file:///etc/passwd", "//127.0.0.1/", "", "not a url", "http://", "gopher://x", "https://a:b@x/",
     "http://[::1", "http://\ud800/"],
)  # fmt: skip
def test_what_is_not_a_plain_web_address_is_refused(url: str) -> None:
    with Http(allow=LOOPBACK) as http, pytest.raises(AddressRefused) as refusal:
        http.post(url, content=b"", headers={})
    assert refusal.value.code == "bad_url"


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(wait=3600), "timeout"),
        (Reply(cut=True), "connection_cut"),
        (Reply(raw=b"SSH-2.0-OpenSSH_9.2\r\n"), "connection_cut"),
        (Reply(raw=b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort"), "connection_cut"),
        (Reply(raw=b"HTTP/1.1 9000 Wat\r\n\r\n"), "connection_cut"),
        (Reply(body=b"x" * 36_000, drip=True), "timeout"),
    ],
)
def test_an_answer_that_does_not_come_whole_is_unreachable(receiver: Receiver, reply: Reply, code: str) -> None:
    receiver.script = lambda call, before: reply
    # Whoever closes is waited for; where nothing comes, or a byte now and then for ever, waiting has an end.
    seconds = 1 if code == "timeout" else 120
    with Http(allow=LOOPBACK, seconds=seconds) as http, pytest.raises(Unreachable) as problem:
        http.post(receiver.url, content=b"{}", headers={})
    assert problem.value.code == code


def test_nobody_at_the_port_is_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with Http(allow=LOOPBACK) as http, pytest.raises(Unreachable) as problem:
            http.post(f"http://127.0.0.1:{taken.getsockname()[1]}/", content=b"", headers={})
    assert problem.value.code == "connect_failed"


def test_of_a_huge_answer_only_the_beginning_is_read(receiver: Receiver) -> None:
    receiver.script = lambda call, before: Reply(body=b"x" * 3_000_000)
    with Http(allow=LOOPBACK, max_body=1000) as http:
        assert len(http.post(receiver.url, content=b"{}", headers={}).body) == 1000
        assert http.post(receiver.url, content=b"{}", headers={}).status == 200


def test_proxy_variables_do_not_lead_calls_elsewhere(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with Http(allow=LOOPBACK) as http:
        assert http.post(receiver.url, content=b"{}", headers={}).status == 200


def test_answers_are_httpx_versions_apart_readable_by_any_case_of_header(receiver: Receiver) -> None:
    receiver.script = lambda call, before: Reply(status=429, headers={"Retry-After": "7"})
    with Http(allow=LOOPBACK) as http:
        answer = http.post(receiver.url, content=b"{}", headers={})
    assert isinstance(answer.headers, httpx.Headers)
    assert answer.headers["retry-after"] == answer.headers["RETRY-AFTER"] == "7"
