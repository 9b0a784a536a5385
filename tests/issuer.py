"""An authorization server in a thread: its keys, its metadata, and what it says of tokens."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

CLIENT = ("docindex", "hush")


class Key:
    def __init__(self, kid: str, algorithm: str = "RS256") -> None:
        self.kid, self.algorithm = kid, algorithm
        self.private: Any
        if algorithm.startswith("ES"):
            self.private = ec.generate_private_key(ec.SECP256R1())
            public = ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        else:
            self.private = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
            public = RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        self.jwk = public | {"kid": kid, "alg": algorithm, "use": "sig"}

    def pem(self) -> bytes:
        public = self.private.public_key()
        return cast(bytes, public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))

    def sign(self, claims: Mapping[str, object], **header: object) -> str:
        given: dict[str, object] = {"kid": self.kid, "typ": "at+jwt"} | header
        headers = {name: value for name, value in given.items() if value is not None}
        return jwt.encode(dict(claims), self.private, self.algorithm, headers=headers)


class Issuer:
    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.key = Key("first")
        self.keys = [self.key, Key("curve", "ES256")]
        self.asked: Counter[str] = Counter()
        self.down = False
        self.known: dict[str, dict[str, object]] = {}
        """What it says of each token that it is asked about."""

    def claims(self, audience: str, **changes: object) -> dict[str, object]:
        """Of an access token that holds for an hour, but for `changes`; None leaves one out."""
        now = int(time.time())
        plain: dict[str, object] = {
            "iss": self.url,
            "aud": audience,
            "sub": "ana",
            "iat": now,
            "exp": now + 3_600,
            "scope": "docs:read docs:write docs:admin",
        }
        return {name: value for name, value in (plain | changes).items() if value is not None}

    def token(self, audience: str, **changes: object) -> str:
        return self.key.sign(self.claims(audience, **changes))

    def answer(self, path: str, body: bytes, authorization: str) -> tuple[int, object]:
        self.asked[path] += 1
        if self.down:
            return 503, {}
        if path == "/.well-known/openid-configuration":
            return 200, {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        if path == "/keys":
            return 200, {"keys": [key.jwk for key in self.keys]}
        if path == "/ask":
            expected = base64.b64encode(":".join(CLIENT).encode()).decode()
            if authorization != f"Basic {expected}":
                return 401, {}
            (token,) = parse_qs(body.decode())["token"]
            return 200, self.known.get(token, {"active": False})
        return 404, {}


def by_hand(header: Mapping[str, object], claims: Mapping[str, object], secret: bytes = b"") -> str:
    """A token that no library would make: unsigned, or signed with `secret` by HMAC."""
    parts = [_coded(json.dumps(part).encode()) for part in (header, claims)]
    text = ".".join(parts)
    signature = hmac.digest(secret, text.encode(), hashlib.sha256) if secret else b""
    return f"{text}.{_coded(signature)}"


def _coded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@contextmanager
def issuing() -> Generator[Issuer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length)
            status, found = issuer.answer(self.path, body, self.headers.get("Authorization", ""))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(found).encode())

        do_POST = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        issuer = Issuer(server.server_port)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join()
