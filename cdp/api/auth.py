"""Bearer tokens and their scopes."""

from typing import Any, cast

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from cdp.api.problems import Problem
from common import access, clock
from common.models import ApiToken


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer cdp_live_…`. `request.auth` is the token; there is no user behind it."""

    def authenticate(self, request: Request) -> tuple[None, ApiToken] | None:
        parts = get_authorization_header(request).split()
        if not parts:
            return None
        if parts[0].lower() != b"bearer" or len(parts) != 2:
            raise AuthenticationFailed("Send the token as `Authorization: Bearer <token>`.")
        text = parts[1].decode("latin-1")
        # Views whose answers are waited for look tokens up in a way of their own.
        find = getattr((request.parser_context or {}).get("view"), "find_token", access.find_token)
        token = find(text, now=clock.now()) if text.isascii() and text.isprintable() else None
        if token is None:
            raise AuthenticationFailed("This token is unknown, expired or revoked.")
        return None, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class HasScope(BasePermission):
    """The token has the scope that the view names for the method. A method without a named scope is not served."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if request.auth is None:
            raise Problem(
                "unauthenticated",
                "Send a token as `Authorization: Bearer <token>`.",
                headers={"WWW-Authenticate": 'Bearer realm="api"'},
            )
        scope = scope_for(view, request.method or "")
        if scope is not None and not access.allows(token_of(request), scope):
            raise Problem("missing-scope", f"This needs the scope `{scope}`.", more={"scope": scope})
        return True


def token_of(request: Request) -> ApiToken:
    """The token of a request that has passed `HasScope`."""
    return cast(ApiToken, request.auth)


def scope_for(view: Any, method: str) -> str | None:
    """The scope that `view` asks for `method`, or None when it does not serve that method (405 follows)."""
    wanted = "get" if method.lower() == "head" else method.lower()
    return view.scopes.get(wanted)


def sees_personal_data(request: Request) -> bool:
    """Whether this token gets personal data as it is; others get it masked."""
    return access.allows(token_of(request), "profiles:pii")


def actor(request: Request) -> str:
    """How the audit log and the decisions name the holder of this token."""
    return f"token:{token_of(request).name}"


class BearerScheme(OpenApiAuthenticationExtension):
    """Tells the OpenAPI document what the authentication is."""

    target_class = "cdp.api.auth.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "Made with `manage.py create_api_token`."}


class EnduringScheme(OpenApiAuthenticationExtension):
    """The same tokens, looked up in another way: the document has them once."""

    target_class = "cdp.api.enduring.EnduringAuthentication"
    name: list[str] = []  # noqa: RUF012 - as the library declares it

    def get_security_requirement(self, auto_schema: Any) -> dict[str, list[str]]:
        return {BearerScheme.name: []}

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, str]]:
        return []
