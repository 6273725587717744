"""Kinesis Data Streams: signed calls by our guarded client, and what its errors mean.

botocore signs (Signature Version 4); it makes no call itself. The operations are those of
https://docs.aws.amazon.com/kinesis/latest/APIReference/ (JSON 1.1).
"""

from collections.abc import Mapping
from typing import Any

import orjson

from common.http import AddressRefused, Unreachable
from connectors.destinations.errors import DeliveryError, InvalidCredentials, Misconfigured, RateLimited, Temporary
from connectors.destinations.kit import Account, Field, Outside

SETTINGS = {
    "stream": Field(label="Stream", required=True, help="The name of the data stream."),
    "region": Field(label="Region", required=True, default="us-east-1"),
    "endpoint": Field(label="Endpoint", type="url", default="", help="For others than AWS."),
    "access_key_id": Field(label="Access key id", required=True),
    "secret_access_key": Field(label="Secret access key", required=True, secret=True),
}  # fmt: skip

_TARGET = "Kinesis_20131202"
_TYPE = "application/x-amz-json-1.1"
_NO_ACCESS = frozenset({
    "AccessDeniedException", "UnrecognizedClientException", "InvalidSignatureException", "IncompleteSignature",
    "ExpiredTokenException", "MissingAuthenticationTokenException", "KMSAccessDeniedException",
})  # fmt: skip
_TOO_OFTEN = frozenset({"ProvisionedThroughputExceededException", "LimitExceededException", "ThrottlingException"})


class IteratorExpired(Exception):
    """Five minutes have gone since the iterator was given: another one is asked for."""


def ask(outside: Outside, account: Account, operation: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """One call. Raises DeliveryError, or IteratorExpired."""
    # Some megabytes that only who reads streams needs.
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    settings = account.settings
    region = str(settings.get("region") or "us-east-1")
    url = str(settings.get("endpoint") or f"https://kinesis.{region}.amazonaws.com").rstrip("/") + "/"
    body = orjson.dumps(wanted)
    request = AWSRequest(
        method="POST", url=url, data=body, headers={"content-type": _TYPE, "x-amz-target": f"{_TARGET}.{operation}"}
    )
    keys = Credentials(str(settings["access_key_id"]), account.secrets["secret_access_key"])
    SigV4Auth(keys, "kinesis", region).add_auth(request)
    try:
        answer = outside.http.request(
            "POST", url, content=body, headers=dict(request.headers.items()), seconds=15.0, max_body=32 << 20
        )
    except AddressRefused as error:
        raise Misconfigured(str(error), code=error.code) from error
    except Unreachable as error:
        raise Temporary(str(error), code=error.code) from error
    told = _object(answer.body)
    if 200 <= answer.status < 300:
        return told
    raise _meaning(answer.status, str(told.get("__type", "")).rpartition("#")[2])


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body) if body else {}
    except orjson.JSONDecodeError as error:
        raise Temporary("Kinesis' answer cannot be read.", code="not_json") from error
    return found if isinstance(found, dict) else {}


def _meaning(status: int, code: str) -> DeliveryError | IteratorExpired:
    """What a refusal says of the account, the stream, or the moment. Its sentence may quote data, so it is not told."""
    if code == "ExpiredIteratorException":
        return IteratorExpired()
    if code in _NO_ACCESS:
        return InvalidCredentials(f"Kinesis refuses the key: {code}.", code=code)
    if code == "ResourceNotFoundException":
        return Misconfigured("There is no such stream in this region.", code=code)
    if code in _TOO_OFTEN:
        return RateLimited("Kinesis asks for fewer calls.", code=code)
    if status >= 500 or status == 429:
        return Temporary(f"Kinesis answered {status}.", code=code or f"http_{status}")
    return Misconfigured(f"Kinesis does not take the call: {code or status}.", code=code or f"http_{status}")
