"""Tokens that only their issuer can read: it is asked for each (RFC 7662)."""

import logging
import time
from collections.abc import Mapping
from typing import cast

import httpx2

from docindex.server import claims
from docindex.server.callers import Identity
from docindex.server.claims import BadToken, IssuerUnreachable
from docindex.server.http_settings import HttpSettings
from docindex.server.issuer import new_client

logger = logging.getLogger(__name__)


class AskedTokens:
    def __init__(self, settings: HttpSettings, audience: str) -> None:
        self._settings = settings
        self._audience = audience
        self._auth = httpx2.BasicAuth(
            settings.oauth_client_id, settings.oauth_client_secret.get_secret_value()
        )
        self._client: httpx2.AsyncClient | None = None

    async def identity(self, token: str) -> Identity:
        """Raises BadToken, IssuerUnreachable."""
        found = await self._ask(token)
        chosen, now = self._settings, time.time()
        leeway = chosen.oauth_leeway_seconds
        audience = found.get("aud")
        expires, begins = found.get("exp"), found.get("nbf")
        if found.get("active") is not True:
            raise BadToken("the token does not hold, or no longer")
        if isinstance(expires, int | float) and expires + leeway <= now:
            raise BadToken("the token has expired")
        if isinstance(begins, int | float) and begins - leeway > now:
            raise BadToken("the token is not valid yet")
        if self._audience not in (audience if isinstance(audience, list) else [audience]):
            raise BadToken("the token is meant for somebody else")
        if found.get("iss", chosen.oauth_issuer) != chosen.oauth_issuer:
            raise BadToken("the token is from another issuer")
        return claims.identity(found, chosen)

    async def _ask(self, token: str) -> Mapping[str, object]:
        if self._client is None:
            self._client = new_client()
        try:
            answer = await self._client.post(
                self._settings.oauth_introspection_url,
                data={"token": token, "token_type_hint": "access_token"},
                headers={"Accept": "application/json"},
                auth=self._auth,
            )
            found: object = answer.json() if answer.is_success else None
        except (httpx2.HTTPError, ValueError) as error:
            logger.warning("tokens cannot be asked for: %s", type(error).__name__)
            found = None
        else:
            if found is None:
                logger.warning("tokens cannot be asked for: status %d", answer.status_code)
        if not isinstance(found, dict):
            raise IssuerUnreachable("the authorization server does not tell about the token")
        return cast("Mapping[str, object]", found)
