"""By which names the server may be addressed, and from which pages.

A page of the web can let a name of its own lead to this machine; then its requests carry
that name, and are refused.
"""

import re
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from docindex.indexer.names import shown
from docindex.server.http_settings import HttpSettings, is_loopback
from docindex.server.observing import REFUSED
from docindex.server.refusals import refusal

_ANY: Final = "*"
_PLACE: Final = re.compile(r"(\[[0-9a-f:.]+\]|[^\[\]:/@\s]+)(?::([0-9]+|\*))?")
_PORTS: Final = {"http": "80", "https": "443"}


class Addresses:
    def __init__(self, settings: HttpSettings) -> None:
        self._places = {_place(host) for host in settings.allowed_hosts}
        self._origins = {_origin(origin) for origin in settings.allowed_origins}
        self._local = is_loopback(settings.host)
        if settings.public_url:
            scheme, name, port = _origin(settings.public_url)
            # Proxies pass the port on, or not.
            self._places |= {(name, ""), (name, port)}
            self._origins.add((scheme, name, port))

    @property
    def pages(self) -> list[str]:
        """The origins of the pages that may call, as browsers write them."""
        return sorted(
            f"{scheme}://{name}" + ("" if port == _PORTS[scheme] else f":{port}")
            for scheme, name, port in self._origins
        )

    def refused(self, request: Request) -> Response | None:
        """What to answer a request that is addressed to somebody else, or comes from a
        foreign page. The log says which; the answer does not repeat it."""
        host, origin = request.headers.get("host", ""), request.headers.get("origin", "")
        if not self._is_ours(host):
            said = "the request is addressed to a host that the server does not answer for"
            remedy = "if it is one of its names, add it to the setting allowed_hosts, or set"
            request.scope[REFUSED] = f'{said}: "{shown(host)}"; {remedy} public_url'
            return refusal(421, f"{said}; {remedy} public_url")
        if origin and not self._is_known(origin):
            said = "the request comes from a page that may not call the server"
            remedy = "if it should, add its origin to the setting allowed_origins"
            request.scope[REFUSED] = f'{said}: "{shown(origin)}"; {remedy}'
            return refusal(403, f"{said}; {remedy}")
        return None

    def _is_ours(self, host: str) -> bool:
        name, port = _place(host)
        if port == _ANY or not name:
            return False
        if (self._local and is_loopback(name)) or (name, port) in self._places:
            return True
        return port != "" and (name, _ANY) in self._places

    def _is_known(self, origin: str) -> bool:
        scheme, name, port = found = _origin(origin)
        if not name or port == _ANY:
            return False
        return found in self._origins or (self._local and scheme == "http" and is_loopback(name))


def _place(text: str) -> tuple[str, str]:
    """The name in a `Host`, in small letters, and the port, "" when none is said; two times
    "" for what is no host."""
    found = _PLACE.fullmatch(text.lower())
    return (found[1], found[2] or "") if found else ("", "")


def _origin(url: str) -> tuple[str, str, str]:
    """Scheme, name and port, which is that of the scheme when none is said; three times ""
    for what has no origin."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ("", "", "")
    name, port = _place(parts.netloc)
    if parts.scheme not in _PORTS or not name:
        return ("", "", "")
    return parts.scheme, name, port or _PORTS[parts.scheme]
