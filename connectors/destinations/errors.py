"""What can go wrong with a delivery. The class of an error says what happens next."""

from datetime import timedelta


class DeliveryError(Exception):
    """The message is for the person who configured the destination; `code` is a stable word for filters."""

    default_code = "failed"

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code


class Temporary(DeliveryError):
    """Tried again, with growing pauses and a limit. What the other side did is not known: the id stays the same."""

    default_code = "temporary"


class RateLimited(Temporary):
    """As Temporary; and the whole destination rests, for as long as it asked when it said so."""

    default_code = "rate_limited"

    def __init__(self, message: str, *, code: str = "", retry_after: timedelta | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after


class InvalidPayload(DeliveryError):
    """This item will never succeed; the others go on."""

    default_code = "rejected"


class InvalidCredentials(DeliveryError):
    """Pauses the destination and tells its owner; the items wait."""

    default_code = "invalid_credentials"


class Misconfigured(DeliveryError):
    """The settings cannot work. Pauses the destination and tells its owner; the items wait."""

    default_code = "misconfigured"


class BrokenDestination(Exception):
    """A programming error in a destination, e.g. a number of verdicts that is not the number of payloads."""


def error_for_status(status: int, message: str, *, retry_after: timedelta | None = None) -> DeliveryError:
    """Default reading of an HTTP status that is not 2xx; an action may be more precise when its vendor is peculiar."""
    code = f"http_{status}"
    if status in (401, 403):
        return InvalidCredentials(message, code=code)
    if status == 429:
        return RateLimited(message, code=code, retry_after=retry_after)
    if status in (408, 423, 425) or (status >= 500 and status != 501):
        return (
            RateLimited(message, code=code, retry_after=retry_after) if retry_after else Temporary(message, code=code)
        )
    if 300 <= status < 400:
        # Never followed: the new address has not been checked. Tried again, as maintenance pages redirect too.
        return Temporary(f"{message} Redirects are not followed; enter the final address.", code=code)
    return InvalidPayload(message, code=code)
