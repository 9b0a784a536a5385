"""Tokens that their issuer has signed (JWT, RFC 9068), checked by its published keys."""

import logging
import time
from typing import Any, Final

import anyio
import anyio.to_thread
import jwt
from jwt import PyJWK, PyJWKClient

from docindex.server import claims
from docindex.server.callers import Identity
from docindex.server.claims import BadToken, IssuerUnreachable
from docindex.server.http_settings import HttpSettings
from docindex.server.issuer import SECONDS, keys_url

logger = logging.getLogger(__name__)

KEYS_SECONDS: Final = 300.0
"""How long keys are taken for current; one that is withdrawn is good for as long."""
UNKNOWN_KEY_SECONDS: Final = 10.0
"""At most so often keys are fetched because a token names one that is not known."""
STALE_SECONDS: Final = 3_600.0
"""How long a key is good while the issuer cannot be reached."""
RETRY_SECONDS: Final = 2.0
"""How long nothing is fetched after it failed."""
_KINDS: Final = ("jwt", "at+jwt", "application/at+jwt")


class SignedTokens:
    def __init__(self, settings: HttpSettings, audience: str) -> None:
        self._settings = settings
        self._audience = audience
        self._keys = Keys(settings)

    async def identity(self, token: str) -> Identity:
        """Raises BadToken, IssuerUnreachable."""
        chosen = self._settings
        try:
            header = jwt.get_unverified_header(token)
        except jwt.InvalidTokenError:
            raise BadToken("the token cannot be read") from None
        if header.get("alg") not in chosen.oauth_algorithms:
            raise BadToken("the token is signed by an algorithm that is not accepted")
        if str(header.get("typ", "jwt")).lower() not in _KINDS:
            raise BadToken("the token is no access token")
        key = await self._keys.get(header.get("kid"))
        if key.algorithm_name != header["alg"]:
            raise BadToken("the token is signed by an algorithm that its key is not for")
        try:
            found = jwt.decode(
                token,
                key,
                algorithms=list(chosen.oauth_algorithms),
                audience=self._audience,
                issuer=chosen.oauth_issuer,
                leeway=chosen.oauth_leeway_seconds,
                options={"require": ["exp", "iss", "aud"]},
            )
        except jwt.InvalidTokenError as error:
            raise BadToken(_why(error)) from None
        return claims.identity(found, chosen)


class Keys:
    """The issuer's keys, fetched when they are needed and kept for a while."""

    def __init__(self, settings: HttpSettings) -> None:
        self._issuer = settings.oauth_issuer
        self._url = settings.oauth_jwks_url
        self._client: PyJWKClient | None = None
        self._one_at_a_time = anyio.Lock()
        self._failed_at = float("-inf")
        self._seen: dict[str, tuple[float, PyJWK]] = {}

    async def get(self, kid: object) -> PyJWK:
        """The key with this id; the only one there is, when the token names none.

        Raises BadToken, IssuerUnreachable.
        """
        async with self._one_at_a_time:
            if time.monotonic() - self._failed_at < RETRY_SECONDS:
                return self._seen_lately(kid)
            client = self._client or await self._found()
            try:
                key = await anyio.to_thread.run_sync(_key, client, kid)
            except jwt.PyJWKClientConnectionError as error:
                self._failed_at = time.monotonic()
                logger.warning("the keys of the issuer cannot be fetched: %s", error)
                return self._seen_lately(kid)
            except jwt.PyJWKClientError:
                raise BadToken("the token is signed by a key that is not known") from None
            except (jwt.PyJWTError, ValueError) as error:
                self._failed_at = time.monotonic()
                logger.warning("the keys of the issuer cannot be read: %s", error)
                return self._seen_lately(kid)
            self._seen[str(kid)] = (time.monotonic(), key)
            return key

    def _seen_lately(self, kid: object) -> PyJWK:
        """An issuer that is down for a while does not lock everybody out."""
        when, key = self._seen.get(str(kid), (float("-inf"), None))
        if key is None or time.monotonic() - when > STALE_SECONDS:
            raise IssuerUnreachable("the keys of the authorization server cannot be read")
        return key

    async def _found(self) -> PyJWKClient:
        self._url = self._url or await keys_url(self._issuer)
        self._client = PyJWKClient(
            self._url,
            lifespan=KEYS_SECONDS,
            timeout=SECONDS,
            cooldown_duration=UNKNOWN_KEY_SECONDS,
        )
        return self._client


def _key(client: PyJWKClient, kid: object) -> PyJWK:
    if isinstance(kid, str):
        return client.get_signing_key(kid)
    keys = client.get_signing_keys()
    if kid is not None or len(keys) != 1:
        raise BadToken("the token does not say which key it is signed by")
    return keys[0]


def _why(error: jwt.InvalidTokenError) -> str:
    reasons: dict[type[Any], str] = {
        jwt.ExpiredSignatureError: "the token has expired",
        jwt.ImmatureSignatureError: "the token is not valid yet",
        jwt.InvalidAudienceError: "the token is meant for somebody else",
        jwt.InvalidIssuerError: "the token is from another issuer",
        jwt.InvalidSignatureError: "the signature of the token is wrong",
    }
    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"the token has no claim {error.claim}"
    return reasons.get(type(error), "the token is not valid")
