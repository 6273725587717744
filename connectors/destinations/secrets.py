"""Headers made of secrets."""

import base64


def basic(user: str, password: str) -> dict[str, str]:
    """HTTP Basic authentication (RFC 7617)."""
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def bearer(token: str) -> dict[str, str]:
    """A bearer token (RFC 6750)."""
    return {"authorization": f"Bearer {token}"}
