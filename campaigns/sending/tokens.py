"""Signed links in messages: nobody can make one up, and none leads anywhere but where the message said."""

from django.conf import settings
from django.core import signing

_SALT = "campaigns.sending"


def public_url() -> str:
    """Where people reach this installation: CDP_PUBLIC_URL, on a laptop its own port."""
    return settings.PUBLIC_URL or f"http://localhost:{settings.PORT}"


def token_of(send_id: int, purpose: str) -> str:
    """A token for one send and one use (`leave`, `choose`, `open`)."""
    return signing.Signer(salt=f"{_SALT}.{purpose}", sep="~").sign(str(send_id))


def status_url(send_id: int) -> str:
    """Where a provider tells what became of a send; empty where no provider could reach it."""
    return f"{settings.PUBLIC_URL}/m/status/{token_of(send_id, 'status')}" if settings.PUBLIC_URL else ""


def read_token(token: str, purpose: str) -> int | None:
    """The send of a token, or None for one that was not made here for this use."""
    try:
        return int(signing.Signer(salt=f"{_SALT}.{purpose}", sep="~").unsign(token))
    except (signing.BadSignature, ValueError):
        return None


def click_token(send_id: int, url: str) -> str:
    """A token that leads to `url`, and tells which message it stood in."""
    return signing.dumps([send_id, url], salt=f"{_SALT}.click", compress=True)


def read_click(token: str) -> tuple[int, str] | None:
    """The send and the address of a click, or None."""
    try:
        send_id, url = signing.loads(token, salt=f"{_SALT}.click")
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return int(send_id), str(url)


def links_of(send_id: int) -> dict[str, str]:
    """What a template can link to."""
    base = public_url()
    return {
        "unsubscribe_url": f"{base}/m/leave/{token_of(send_id, 'leave')}",
        "preferences_url": f"{base}/m/choose/{token_of(send_id, 'choose')}",
    }


def choose_address(send_id: int) -> str:
    """The path of the preference centre for a send."""
    return f"/m/choose/{token_of(send_id, 'choose')}"
