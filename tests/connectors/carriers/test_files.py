"""Files of rows in a bucket and on an SFTP server, and what a reader of many of them sees."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import boto3
import duckdb
import paramiko
import pyarrow.parquet as pq
import pytest
from moto.server import ThreadedMotoServer

from connectors.destinations.calling import Reply
from connectors.destinations.errors import DeliveryError, InvalidCredentials, Misconfigured, Temporary
from connectors.destinations.filedrop.destination import DropFile
from connectors.destinations.files.action import WriteRows
from connectors.destinations.kit import Account, Delivered, Operation, Outside, Payload, default_mapping
from connectors.destinations.s3.destination import PutObject, refusal, s3
from connectors.destinations.sftp.destination import UploadFile, check, sftp
from tests.connectors.carriers.sftp_server import PASSWORD, USER, SftpServer
from tests.connectors.vendors.vendor import NOW, reaching


def payload(number: int, operation: Operation = "add", *, at: datetime = NOW, **columns: Any) -> Payload:
    fields: dict[str, Any] = {"key": {"profile_id": str(number), "identifier": f"p{number}@example.com"}}
    if operation != "remove":
        fields["columns"] = columns
    return Payload(id=f"msg_{operation}_{number}", operation=operation, fields=fields, at=at)


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Outside]:
    mapping = {**default_mapping(PutObject()), "columns": {"plan": "x", "spend": "y"}}
    mapping["key"] = {"profile_id": "x", "identifier": "y"}
    with reaching(mapping=mapping, folder=tmp_path / "drops") as made:
        yield made


def account(settings: dict[str, Any], **secrets: str) -> Account:
    return Account(id=1, settings=settings, secrets=secrets)


def put(action: WriteRows, outside: Outside, account: Account, rows: Sequence[Payload], batch: str = "b1") -> None:
    verdicts = action.perform_batch(replace(outside, batch=batch), account, rows)
    assert all(isinstance(one, Delivered) for one in verdicts)


# -- what is in them


def test_parquet_files_of_one_sync_have_one_schema_whatever_is_in_them(outside: Outside, tmp_path: Path) -> None:
    target = account({"format": "parquet"})
    put(DropFile(), outside, target, [payload(1, plan="pro", spend=12.5), payload(2, plan=["a"], spend=None)])
    put(DropFile(), outside, target, [payload(1, "remove")], batch="b2")
    first, second = sorted((tmp_path / "drops").glob("*.parquet"))
    assert pq.read_schema(first).equals(pq.read_schema(second))
    assert [str(field.type) for field in pq.read_schema(first)][:4] == [
        "string", "timestamp[us, tz=UTC]", "string", "string",
    ]  # fmt: skip
    rows = pq.read_table(first).to_pylist()
    assert rows[0]["changed_at"] == NOW
    assert [(row["plan"], row["spend"]) for row in rows] == [("pro", "12.5"), ('["a"]', None)]


def test_a_table_of_files_tells_who_is_a_member_now(outside: Outside, tmp_path: Path) -> None:
    target = account({"format": "parquet", "layout": "hive", "folder": "vips"})
    evening = NOW + timedelta(hours=13)
    story: list[list[Payload]] = [
        [payload(n, plan="free") for n in range(5)],
        [payload(1, "remove", at=evening), payload(2, "update", at=evening, plan="pro")],
        [payload(1, at=NOW + timedelta(days=2), plan="back"), payload(4, "remove", at=NOW + timedelta(days=2))],
    ]  # fmt: skip
    for number, rows in enumerate(story):
        put(DropFile(), outside, target, rows, batch=f"b{number}")
    assert [one.name for one in sorted((tmp_path / "drops" / "vips").iterdir())] == [
        "dt=2026-03-01", "dt=2026-03-02", "dt=2026-03-03",
    ]  # fmt: skip
    members = duckdb.sql(f"""
        select profile_id, plan from read_parquet('{tmp_path}/drops/vips/**/*.parquet', filename = true)
        qualify row_number() over (partition by profile_id, identifier order by changed_at desc, filename desc) = 1
            and operation <> 'remove'
        order by profile_id
    """).fetchall()
    assert members == [("0", "free"), ("1", "back"), ("2", "pro"), ("3", "free")]


def test_a_batch_that_is_repeated_after_midnight_is_the_same_file(outside: Outside, tmp_path: Path) -> None:
    target = account({"layout": "hive"})
    put(DropFile(), outside, target, [payload(1)])
    put(DropFile(), replace(outside, now=NOW + timedelta(days=1)), target, [payload(1)])
    assert len(list((tmp_path / "drops").rglob("*.csv"))) == 1


# -- S3


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(moto: str) -> Iterator[Any]:
    made = boto3.resource(
        "s3", endpoint_url=moto, region_name="us-east-1", aws_access_key_id="AKIA1", aws_secret_access_key="s3-secret",
    ).create_bucket(Bucket="crm")  # fmt: skip
    yield made
    made.objects.all().delete()
    made.delete()


def bucket_account(moto: str, **more: Any) -> Account:
    settings = {"bucket": "crm", "endpoint": moto, "access_key_id": "AKIA1", "folder": "out/daily", **more}
    return account(settings, secret_access_key="s3-secret")


def test_an_object_is_put_once_however_often_its_batch_is_sent(outside: Outside, moto: str, bucket: Any) -> None:
    target = bucket_account(moto, prefix="vips")
    for _ in range(3):
        put(PutObject(), outside, target, [payload(1, plan="pro"), payload(2)])
    put(PutObject(), outside, target, [payload(1, "remove")], batch="b2")
    assert [one.key for one in bucket.objects.all()] == [
        "out/daily/vips-run000000001-b1.csv", "out/daily/vips-run000000001-b2.csv",
    ]  # fmt: skip
    text = bucket.Object("out/daily/vips-run000000001-b1.csv").get()["Body"].read().decode()
    assert [row["plan"] for row in csv.DictReader(io.StringIO(text))] == ["pro", ""]


def test_a_bucket_can_be_tested_and_nothing_is_left_there(outside: Outside, moto: str, bucket: Any) -> None:
    assert "crm" in s3.test(outside, bucket_account(moto))
    assert list(bucket.objects.all()) == []


def test_a_bucket_that_is_not_there_is_told(outside: Outside, moto: str) -> None:
    with pytest.raises(Misconfigured, match="no such bucket"):
        PutObject().perform_batch(outside, bucket_account(moto, bucket="nowhere"), [payload(1)])


def test_an_endpoint_inside_is_refused_unless_it_is_listed(tmp_path: Path) -> None:
    with reaching(folder=tmp_path) as outside, pytest.raises(Misconfigured, match="refused"):
        PutObject().perform_batch(outside, bucket_account("http://10.0.0.1:9000"), [payload(1)])


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "SignatureDoesNotMatch", InvalidCredentials), (301, "PermanentRedirect", Misconfigured),
        (503, "SlowDown", Temporary), (500, "InternalError", Temporary),
    ],
)  # fmt: skip
def test_what_a_bucket_answers_is_understood(status: int, code: str, kind: type[Exception]) -> None:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>p1@example.com</Message></Error>"
    told = refusal(Reply(status, {}, body, NOW))
    assert isinstance(told, kind)
    assert "@" not in str(told)


# -- SFTP


@pytest.fixture(params=[True, False], ids=["posix-rename", "plain-rename"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SftpServer]:
    (tmp_path / "remote").mkdir()
    made = SftpServer(tmp_path / "remote", posix=request.param)
    yield made
    made.close()


def server_account(server: SftpServer, **more: Any) -> Account:
    settings = {"host": "127.0.0.1", "port": server.port, "host_key": server.fingerprint, "user": USER, **more}
    return account(settings, password=PASSWORD)


def test_a_file_is_uploaded_whole_and_again_without_harm(outside: Outside, server: SftpServer, tmp_path: Path) -> None:
    target = server_account(server, folder="crm/daily", format="ndjson", layout="hive")
    for _ in range(2):
        put(UploadFile(), outside, target, [payload(1, plan="pro")])
    found = [one.relative_to(tmp_path / "remote") for one in (tmp_path / "remote").rglob("*") if one.is_file()]
    assert [str(one) for one in found] == ["crm/daily/dt=2026-03-01/run000000001-b1.ndjson"]
    assert b'"plan":"pro"' in (tmp_path / "remote" / found[0]).read_bytes()


def test_a_server_can_be_tested_and_nothing_is_left_there(outside: Outside, server: SftpServer, tmp_path: Path) -> None:
    assert "crm" in sftp.test(outside, server_account(server, folder="crm"))
    assert [one for one in (tmp_path / "remote").rglob("*") if one.is_file()] == []


def refused(outside: Outside, target: Account) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        UploadFile().perform_batch(outside, target, [payload(1)])
    return caught.value


def test_a_server_with_another_key_gets_neither_password_nor_file(
    outside: Outside, server: SftpServer, tmp_path: Path
) -> None:
    told = refused(outside, server_account(server, host_key="SHA256:" + "A" * 43))
    assert isinstance(told, Misconfigured)
    assert server.fingerprint in str(told)
    assert list((tmp_path / "remote").iterdir()) == []


def test_a_wrong_password_is_told(outside: Outside, server: SftpServer) -> None:
    told = refused(outside, replace(server_account(server), secrets={"password": "wrong"}))
    assert isinstance(told, InvalidCredentials)
    assert "wrong" not in str(told)


def test_a_server_that_is_gone_is_tried_again(outside: Outside, server: SftpServer) -> None:
    target = server_account(server)
    server.close()
    assert isinstance(refused(outside, target), Temporary)


def test_somebody_signs_in_with_a_key(outside: Outside, tmp_path: Path) -> None:
    key, text = paramiko.RSAKey.generate(2048), StringIO()
    key.write_private_key(text)
    (tmp_path / "remote").mkdir()
    server = SftpServer(tmp_path / "remote", known=key)
    try:
        put(
            UploadFile(),
            outside,
            replace(server_account(server), secrets={"private_key": text.getvalue()}),
            [payload(1)],
        )
        bad = refused(outside, replace(server_account(server), secrets={"private_key": "none"}))
        assert isinstance(bad, Misconfigured)
    finally:
        server.close()
    assert len(list((tmp_path / "remote").iterdir())) == 1


def test_a_server_is_not_set_up_without_its_key_and_a_way_in() -> None:
    told = " ".join(check({"host_key": "x", "folder": "../up"}, {}))
    assert "fingerprint" in told
    assert "password" in told
    assert "folder" in told
    assert check({"host_key": "SHA256:abc"}, {"password": "x"}) == []


def test_time_zones_do_not_move_a_change_to_another_day(outside: Outside, tmp_path: Path) -> None:
    put(DropFile(), outside, account({"layout": "hive"}), [payload(1, at=datetime(2026, 3, 1, 23, 59, tzinfo=UTC))])
    assert (tmp_path / "drops" / "dt=2026-03-01").is_dir()
