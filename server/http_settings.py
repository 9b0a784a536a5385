"""The rows of the table of settings that are about serving over HTTP."""

import ipaddress
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeAlias, TypeVar
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, SecretStr, ValidationInfo

from docindex.indexer.errors import InvalidSettings
from docindex.server.scopes import TOOLS

_RATE = re.compile(r"(?:[a-z_]+=)?[1-9][0-9]{0,8}/(?:second|minute|hour|day)")
_HOST = re.compile(r"[A-Za-z0-9.-]+(?::(?:[0-9]+|\*))?|\[[0-9A-Fa-f:.]+\](?::(?:[0-9]+|\*))?")
_ADDRESS = re.compile(r"[A-Za-z0-9.:-]+")
_CLAIM = re.compile(r"[!-~]+")

_Each = TypeVar("_Each")

ALGORITHMS = tuple("RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA".split())
"""With public keys alone: a shared secret, or none, would let others make tokens."""


def is_loopback(host: str) -> bool:
    """Of a name or an address, as it stands in a URL or is listened to."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _items(value: object) -> object:
    return (
        [item for item in re.split(r"[,\s]+", value) if item] if isinstance(value, str) else value
    )


def _lines(value: object) -> object:
    return [line for line in re.split(r"[;\n]", value) if line] if isinstance(value, str) else value


def _fits(pattern: re.Pattern[str], otherwise: str) -> AfterValidator:
    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(f"{text!r} is not {otherwise}")
        return text

    return AfterValidator(check)


def _url(text: str) -> str:
    if not text:
        return text
    parts = urlsplit(text)
    _port(parts)
    if parts.scheme not in ("http", "https") or not parts.hostname or not text.isprintable():
        raise ValueError(f"{text!r} is not an address that begins with https://")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("beyond this machine it must begin with https://, or tokens can be read")
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError("it may have no user, query or fragment")
    return text


def _file(text: str, info: ValidationInfo) -> str:
    if not text:
        return text
    bases: Mapping[str, Path] = info.context or {}
    base = bases.get(info.field_name or "", Path.cwd())
    return os.path.abspath(base / os.path.expanduser(text))


def _port(parts: SplitResult) -> int | None:
    """Raises ValueError for what is none."""
    return parts.port


def _origin(text: str) -> str:
    parts = urlsplit(text)
    _port(parts)
    whole = f"{parts.scheme}://{parts.netloc}"
    if parts.scheme not in ("http", "https") or not parts.hostname or text.lower() != whole.lower():
        raise ValueError(f"{text!r} is not an origin such as https://app.example.com")
    return text


def _rate(text: str) -> str:
    if not _RATE.fullmatch(text):
        raise ValueError(f"{text!r} is not a rate")
    tool, equals, _ = text.partition("=")
    if equals and tool not in TOOLS:
        raise ValueError(f"there is no tool {tool!r}; there are {', '.join(TOOLS)}")
    return text


def _algorithm(text: str) -> str:
    if text not in ALGORITHMS:
        raise ValueError(f"there are {', '.join(ALGORITHMS)}")
    return text


Url = Annotated[str, AfterValidator(_url)]
File = Annotated[str, AfterValidator(_file)]
Claim = Annotated[str, _fits(_CLAIM, "the name of a claim")]
Address = Annotated[str, _fits(_ADDRESS, "an address")]
Host = Annotated[str, _fits(_HOST, "a host")]
Origin = Annotated[str, AfterValidator(_origin)]
Rate = Annotated[str, AfterValidator(_rate)]
Algorithm = Annotated[str, AfterValidator(_algorithm)]
Several: TypeAlias = Annotated[tuple[_Each, ...], BeforeValidator(_items)]
SecretLines = Annotated[tuple[SecretStr, ...], BeforeValidator(_lines)]
LogFormat = Literal["text", "json"]


class HttpSettings(BaseModel):
    http: bool = Field(
        default=False,
        description="Serve over HTTP, not on stdin and stdout.",
    )
    host: Address = Field(
        default="127.0.0.1",
        description="The address to listen on. Beyond this machine it needs tokens.",
    )
    port: int = Field(
        default=8000,
        ge=0,
        le=65_535,
        description="The port to listen on; 0 is any that is free.",
    )
    workers: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Processes that answer, each on one core; more than one on Linux alone.",
    )
    public_url: Url = Field(
        default="",
        description="Where clients reach the server, /mcp included, when a proxy is in front.",
    )
    allowed_hosts: Several[Host] = Field(
        default=(),
        description="Further names that requests may address the server by.",
    )
    allowed_origins: Several[Origin] = Field(
        default=(),
        description="Web pages from which browsers may call the server.",
    )
    max_request_bytes: int = Field(
        default=4_000_000,
        ge=10_000,
        le=100_000_000,
        description="Larger requests are refused.",
    )
    drain_seconds: int = Field(
        default=10,
        ge=0,
        le=600,
        description="Seconds that calls under way get to end, when the server is told to stop.",
    )
    tokens: SecretLines = Field(
        default=(),
        description="Tokens that may call, as `docindex token` prints them: hashes, not secrets.",
    )
    tokens_file: File = Field(
        default="",
        description="A file with such lines, one for each token.",
    )
    oauth_issuer: Url = Field(
        default="",
        description="The authorization server whose tokens may call.",
    )
    oauth_audience: str = Field(
        default="",
        description="Whom tokens must be meant for, when it is not the server's URL.",
    )
    oauth_algorithms: Several[Algorithm] = Field(
        default=("RS256", "PS256", "ES256", "EdDSA"),
        min_length=1,
        description="How tokens may be signed.",
    )
    oauth_leeway_seconds: int = Field(
        default=30,
        ge=0,
        le=300,
        description="How far clocks may differ when it comes to when a token holds.",
    )
    oauth_jwks_url: Url = Field(
        default="",
        description="Where the keys of the issuer are, when its metadata does not tell.",
    )
    oauth_introspection_url: Url = Field(
        default="",
        description="Where to ask for each token (RFC 7662), when tokens are not signed.",
    )
    oauth_client_id: str = Field(
        default="",
        description="As whom docindex asks there.",
    )
    oauth_client_secret: SecretStr = Field(
        default=SecretStr(""),
        description="The password for that.",
    )
    oauth_name_claim: Claim = Field(
        default="sub",
        description="The claim that names the caller.",
    )
    oauth_groups_claim: Claim = Field(
        default="groups",
        description="The claim that lists the caller's groups.",
    )
    rate_limits: Several[Rate] = Field(
        default=("600/minute", "reindex=10/hour"),
        description="How often one caller may call: in all, and single tools.",
    )
    concurrent_calls: int = Field(
        default=8,
        ge=1,
        le=1_000,
        description="How many calls of one caller may be under way.",
    )
    log_format: LogFormat = Field(
        default="text",
        description="How messages are logged: for people, or as lines of JSON.",
    )


SECRETS = ("tokens", "oauth_client_secret")
"""Not to be shown, nor to be given where other users of the machine can read it."""


def knows_callers(settings: HttpSettings) -> bool:
    """Whether requests need a token."""
    return bool(settings.tokens or settings.tokens_file or settings.oauth_issuer)


def check(settings: HttpSettings) -> None:
    """Raises InvalidSettings for a server that could be reached by anybody, and for one
    that could not tell who calls."""
    known = knows_callers(settings)
    public_host = urlsplit(settings.public_url).hostname or ""
    beyond = not is_loopback(settings.host)
    if not known and (beyond or (public_host and not is_loopback(public_host))):
        raise InvalidSettings(
            f"{public_host or settings.host} can be reached from other machines, and nothing "
            "says who may call: set oauth_issuer, or make a token with `docindex token NAME` "
            "and set tokens_file"
        )
    if beyond and not settings.public_url:
        raise InvalidSettings(
            f"host is {settings.host}: set public_url to the https:// address that clients use"
        )
    if settings.oauth_introspection_url and not (
        settings.oauth_issuer
        and settings.oauth_client_id
        and settings.oauth_client_secret.get_secret_value()
    ):
        raise InvalidSettings(
            "oauth_introspection_url needs oauth_issuer, oauth_client_id and oauth_client_secret"
        )
