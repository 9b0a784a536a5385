"""Who may send a message at all, and what is answered to the others.

The answers are those of RFC 6750 and RFC 9728: a 401 says where to get a token, a 403
which scopes it needs, and neither says anything of the documents.
"""

import logging
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from docindex.server.bearer import Bearer
from docindex.server.callers import Identity
from docindex.server.claims import BadToken, IssuerUnreachable
from docindex.server.http_settings import HttpSettings
from docindex.server.refusals import refusal
from docindex.server.scopes import READ, SCOPES, needed

logger = logging.getLogger(__name__)

WELL_KNOWN: Final = "/.well-known/oauth-protected-resource"


class Gate:
    def __init__(self, settings: HttpSettings, resource: str) -> None:
        """`resource` is the address under which clients know the server."""
        self._bearer = Bearer(settings, resource)
        self._issuer = settings.oauth_issuer
        self._resource = resource
        parts = urlsplit(resource)
        self._path = parts.path
        self._metadata_url = f"{parts.scheme}://{parts.netloc}{WELL_KNOWN}{parts.path}"

    async def admit(self, request: Request) -> Identity | Response:
        """Who sent it, or what to answer."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return self._challenge(401, "a token is needed", scope=READ)
        try:
            return await self._bearer.identity(token.strip())
        except BadToken as error:
            return self._challenge(401, str(error), error="invalid_token", scope=READ)
        except IssuerUnreachable as error:
            return refusal(503, f"{error}; try again", {"Retry-After": "5"})

    def allow(self, identity: Identity, message: Mapping[str, object]) -> Response | None:
        """What to answer when the token lacks the scope that the message needs."""
        return self.require(identity, needed(message))

    def require(self, identity: Identity, scope: str) -> Response | None:
        if scope in identity.scopes:
            return None
        # With those it has, so that a client that asks for them loses none.
        wanted = " ".join(each for each in SCOPES if each == scope or each in identity.scopes)
        said = f"the token needs the scope {scope}"
        return self._challenge(403, said, error="insufficient_scope", scope=wanted)

    def _challenge(self, status: int, said: str, *, scope: str, error: str = "") -> Response:
        parts = [f'error="{error}"', f'error_description="{said}"'] if error else []
        parts.append(f'scope="{scope}"')
        if self._issuer:
            parts.append(f'resource_metadata="{self._metadata_url}"')
        code = {"code": error or "token_needed"}
        return refusal(status, said, {"WWW-Authenticate": f"Bearer {', '.join(parts)}"}, data=code)

    async def metadata(self, request: Request) -> Response:
        """RFC 9728: at the path of the resource, and at the root for those who look there."""
        path = request.url.path.removeprefix(WELL_KNOWN)
        if not self._issuer or path not in ("", "/mcp", self._path):
            return Response(status_code=404)
        found = {
            "resource": self._resource,
            "authorization_servers": [self._issuer],
            "scopes_supported": list(SCOPES),
            "bearer_methods_supported": ["header"],
            "resource_name": "docindex",
        }
        return JSONResponse(found, headers={"Cache-Control": "public, max-age=3600"})
