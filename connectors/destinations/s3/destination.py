"""S3 and what speaks like it (MinIO, R2, GCS interoperability): each batch of a sync becomes one object.

boto3 signs (presigned addresses, Signature Version 4) and our guarded client calls: no address that an account names is
connected to unchecked. An object is there whole or not at all, and putting it again replaces it by itself.
"""

import re
from functools import lru_cache
from typing import Any

from connectors.destinations.calling import Reply, call
from connectors.destinations.errors import DeliveryError, InvalidCredentials, Misconfigured
from connectors.destinations.files.action import FORMAT, LAYOUT, PREFIX, WriteRows, place_problems
from connectors.destinations.kit import Account, Destination, Field, Outside

_VALID_SECONDS = 120
_CODE = re.compile(r"<Code>(\w{1,60})</Code>")
_NO_ACCESS = ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken")
_WRONG = {
    "NoSuchBucket": "There is no such bucket.",
    "PermanentRedirect": "The bucket is in another region: set it.",
    "AuthorizationHeaderMalformed": "The bucket is in another region: set it.",
    "IllegalLocationConstraintException": "The bucket is in another region: set it.",
}


class PutObject(WriteRows):
    """Objects in a bucket."""

    def put(self, outside: Outside, account: Account, name: str, content: bytes) -> None:
        _ask(outside, account, "put_object", "PUT", name, content)


def _ask(outside: Outside, account: Account, operation: str, method: str, name: str, content: bytes = b"") -> None:
    from botocore.exceptions import BotoCoreError

    folder = str(account.settings.get("folder", "")).strip("/")
    target = {"Bucket": account.settings["bucket"], "Key": f"{folder}/{name}" if folder else name}
    try:
        url = client(account).generate_presigned_url(operation, target, _VALID_SECONDS, method)
    except (BotoCoreError, ValueError) as error:
        raise Misconfigured(
            "The account cannot be used: check region, endpoint and bucket.", code="bad_account"
        ) from error
    reply = call(outside, method, url, file=content, seconds=30.0, text=True)
    if not reply.ok:
        raise refusal(reply)


def refusal(reply: Reply) -> DeliveryError:
    """What a refusal means: by the code in its XML, else by its status."""
    found = _CODE.search(reply.data or "")
    code = found[1] if found else ""
    if code in _WRONG:
        return Misconfigured(_WRONG[code], code=code)
    if code in _NO_ACCESS:
        return InvalidCredentials(f"The bucket refuses the key: {code}.", code=code)
    return reply.problem("The bucket", code)


def client(account: Account) -> Any:
    """boto3's client of the account, to sign with; it makes no call itself."""
    settings = account.settings
    return _made(
        str(settings.get("region") or "us-east-1"), str(settings.get("endpoint") or ""),
        str(settings["access_key_id"]), account.secrets["secret_access_key"],
    )  # fmt: skip


@lru_cache(maxsize=16)
def _made(region: str, endpoint: str, key: str, secret: str) -> Any:
    # boto3 itself takes 10 MB, which only who signs needs.
    import boto3
    from botocore.config import Config

    # The making of a client reads some megabytes of service descriptions.
    return boto3.session.Session(region_name=region, aws_access_key_id=key, aws_secret_access_key=secret).client(
        "s3", endpoint_url=endpoint or None,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path" if endpoint else "virtual"}),
    )  # fmt: skip


def test(outside: Outside, account: Account) -> str:
    """Put a small object and take it away again."""
    _ask(outside, account, "put_object", "PUT", ".cdp-test", b"test\n")
    _ask(outside, account, "delete_object", "DELETE", ".cdp-test")
    return f"Objects can be written to {account.settings['bucket']}."


s3 = Destination(
    slug="s3",
    label="S3 bucket",
    description="CSV, NDJSON or Parquet files in an S3-compatible bucket.",
    settings={
        "bucket": Field(label="Bucket", required=True),
        "folder": Field(label="Folder", default="", help="Such as crm/daily."),
        "region": Field(label="Region", default="us-east-1"),
        "endpoint": Field(label="Endpoint", type="url", default="", help="For others than AWS, such as MinIO or R2."),
        "access_key_id": Field(label="Access key id", required=True),
        "secret_access_key": Field(label="Secret access key", required=True, secret=True),
        "format": FORMAT,
        "layout": LAYOUT,
        "prefix": PREFIX,
    },
    actions={PutObject.slug: PutObject()},
    test=test,
    check=lambda settings, secrets: place_problems(settings),
    api_version="2006-03-01",
    verified="2026-11",
)
