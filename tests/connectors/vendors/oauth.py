"""The token endpoint of a vendor (RFC 6749), for vendors that give access tokens."""

from urllib.parse import parse_qs

from tests.connectors.receiver import Call, Reply
from tests.connectors.vendors.vendor import Vendor, path_of, said

SECRETS = {"client_secret": "app-secret-1", "refresh_token": "refresh-1"}


class TokenVendor(Vendor):
    """Gives `token` for the app's secrets at `token_path`; a token that was given is the one that calls must carry."""

    token_path = "/token"  # noqa: S105 - a path
    grant = "refresh_token"
    token = "access-1"  # noqa: S105 - of a test

    def spares(self, call: Call) -> bool:
        return path_of(call) == self.token_path

    def handle(self, call: Call) -> Reply:
        if path_of(call) == self.token_path:
            return self._give(call)
        if call.headers.get("authorization") != f"Bearer {self.token}":
            return said(401, {"error": {"status": "UNAUTHENTICATED", "message": "no"}})
        return self.handle_signed(call)

    def handle_signed(self, call: Call) -> Reply:
        """Act and answer a call that carries the token."""
        raise AssertionError("each vendor has its own")

    def _give(self, call: Call) -> Reply:
        form = {name: values[0] for name, values in parse_qs(call.body.decode()).items()}
        wanted = {"grant_type": self.grant, "client_id": "app-1", "client_secret": SECRETS["client_secret"]}
        if self.grant == "refresh_token":
            wanted["refresh_token"] = SECRETS["refresh_token"]
        if form != wanted:
            return said(400, {"error": "invalid_grant"})
        return said(200, {"access_token": self.token, "expires_in": 3600, "token_type": "Bearer"})
