"""What an authorization server publishes of itself."""

from collections.abc import Mapping
from typing import Final, cast
from urllib.parse import urlsplit

import httpx2

from docindex.server.claims import IssuerUnreachable

SECONDS: Final = 5.0
MOST_BYTES: Final = 1_000_000


def new_client() -> httpx2.AsyncClient:
    return httpx2.AsyncClient(timeout=SECONDS, follow_redirects=False, trust_env=True)


async def keys_url(issuer: str) -> str:
    """Where the keys are, by RFC 8414 or OpenID Connect Discovery. Raises IssuerUnreachable."""
    async with new_client() as client:
        for address in _metadata_urls(issuer):
            try:
                answer = await client.get(address)
                found = answer.json() if answer.is_success else None
            except (httpx2.HTTPError, ValueError):
                continue
            if isinstance(found, dict):
                metadata = cast("Mapping[str, object]", found)
                keys = metadata.get("jwks_uri")
                # Others may answer there too: what counts is who it says it is.
                if metadata.get("issuer") == issuer and isinstance(keys, str):
                    return keys
    raise IssuerUnreachable("the metadata of the authorization server cannot be read")


def _metadata_urls(issuer: str) -> list[str]:
    parts = urlsplit(issuer)
    base, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
    urls = [
        f"{base}/.well-known/oauth-authorization-server{path}",
        f"{base}/.well-known/openid-configuration{path}",
        f"{base}{path}/.well-known/openid-configuration",
    ]
    return list(dict.fromkeys(urls))
