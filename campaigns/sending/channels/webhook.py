"""Webhooks: the rendered JSON to an address of yours, signed as https://www.standardwebhooks.com/ says.

`webhook-id` and `idempotency-key` are the same at every try: a receiver that keeps them acts once.
"""

import base64
from collections.abc import Iterator
from contextlib import contextmanager

from campaigns.sending.channels.kit import Account, Hand, Letter, Misconfigured, Outside, Provider, call, refusal
from connectors.contracts import Field
from connectors.services import sign_webhook


@contextmanager
def _webhook(account: Account, outside: Outside) -> Iterator[Hand]:
    def hand(letter: Letter) -> str:
        body, seconds = letter.fields["body"].encode(), int(outside.now().timestamp())
        headers = {"content-type": "application/json", "idempotency-key": letter.key}
        answer = call(
            outside, str(account.settings["url"]), content=body,
            headers=headers | _signed(account.secrets.get("secret", ""), key=letter.key, seconds=seconds, body=body),
        )  # fmt: skip
        if not 200 <= answer.status < 300:
            raise refusal(answer, "The webhook", outside.now())
        return letter.key

    yield hand


def _signed(secret: str, *, key: str, seconds: int, body: bytes) -> dict[str, str]:
    """The headers of a call; without a secret it is not signed. A secret that is no `whsec_…` is taken as text.

    Raises Misconfigured.
    """
    if secret and not secret.startswith("whsec_"):
        secret = "whsec_" + base64.b64encode(secret.encode()).decode()
    try:
        return sign_webhook([secret] if secret else [], message_id=key, timestamp=seconds, body=body)
    except ValueError as error:
        raise Misconfigured(str(error)) from error


PROVIDERS = (
    Provider("webhook", "An address of yours", ("webhook",), {
        "url": Field(label="Address", type="url", required=True),
        "secret": Field(
            label="Signing secret", secret=True, help="Calls are signed with it (Standard Webhooks): 24 to 64 bytes."
        ),
    }, _webhook, repeats_are_safe=True),
)  # fmt: skip
