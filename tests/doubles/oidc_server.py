"""A small OpenID Connect provider on loopback, strict as the standard asks: it gives a token for nothing less than what was promised.

Tests spoil what it answers with `claims`, `header`, `signer` and `document`, for the lies that a real provider cannot be made to tell.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "wren", "a client secret"
ASKED = {"response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method"}


@lru_cache(maxsize=2)
def rsa_key(name: str) -> RSAKey:
    return RSAKey.generate_key(2048, parameters={"kid": name, "use": "sig"}, private=True)


def part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned(claims: dict[str, Any]) -> str:
    """A token of the algorithm none."""
    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}."


def signed_with_public_key(claims: dict[str, Any]) -> str:
    """A token whose shared secret is the provider's public key, which everybody knows."""
    head = f"{part({'alg': 'HS256', 'kid': 'first'})}.{part(claims)}"
    mac = hmac.new(rsa_key("first").as_pem(private=False), head.encode(), hashlib.sha256).digest()
    return f"{head}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


@dataclass
class OidcDouble:
    """`person` is who signs in there; `calls` counts what was asked of which path."""

    redirect_uri: str
    person: dict[str, Any] = field(default_factory=lambda: {"sub": "s-1", "preferred_username": "ada", "given_name": "Ada"})
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    document: dict[str, Any] = field(default_factory=dict)
    signer: Any = None
    key: str = "first"
    away: bool = False
    calls: dict[str, int] = field(default_factory=dict)
    mistakes: list[str] = field(default_factory=list)
    issuer: str = ""
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)
    _server: ThreadingHTTPServer | None = None

    def start(self) -> OidcDouble:
        double = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(*double.get(urlsplit(self.path).path))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
                self._answer(*double.token(dict(parse_qsl(body)), self.headers.get("Authorization", "")))

            def _answer(self, status: int, body: Any) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def stop(self) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    def get(self, path: str) -> tuple[int, Any]:
        self.calls[path] = self.calls.get(path, 0) + 1
        if self.away:
            return 503, {}
        if path == "/.well-known/openid-configuration":
            at = {name: f"{self.issuer}/{name.partition('_')[0]}" for name in ("authorization_endpoint", "token_endpoint")}
            return 200, {"issuer": self.issuer, **at, "jwks_uri": f"{self.issuer}/jwks", **self.document}
        if path == "/jwks":
            return 200, {"keys": [rsa_key(self.key).as_dict(private=False)]}
        return 404, {}

    def authorize(self, address: str) -> str:
        """What the browser is sent to at the provider: who signs in there comes back to this address."""
        split = urlsplit(address)
        pairs = parse_qsl(split.query)
        asked = dict(pairs)
        assert f"{split.scheme}://{split.netloc}{split.path}" == f"{self.issuer}/authorization"
        assert len(pairs) == len(asked) and set(asked) - {"prompt", "max_age"} == ASKED, sorted(asked)
        assert asked["response_type"] == "code" and asked["client_id"] == CLIENT and asked["redirect_uri"] == self.redirect_uri
        assert "openid" in asked["scope"].split() and asked["code_challenge_method"] == "S256"
        assert min(len(asked["state"]), len(asked["nonce"]), len(asked["code_challenge"])) >= 43
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        return f"{self.redirect_uri}?{urlencode({'code': code, 'state': asked['state'], 'iss': self.issuer})}"

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, Any]:
        """A token for a code, once, for whoever holds the client's secret and the verifier."""
        self.calls["/token"] = self.calls.get("/token", 0) + 1
        asked = self._codes.pop(form.get("code", ""), None)
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        challenge = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if authorization != f"Basic {basic}":
            return self._no("invalid_client")
        if form.get("grant_type") != "authorization_code" or form.get("redirect_uri") != self.redirect_uri:
            return self._no("invalid_request")
        if asked is None or base64.urlsafe_b64encode(challenge).rstrip(b"=").decode() != asked["code_challenge"]:
            return self._no("invalid_grant")
        moment = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": moment, "exp": moment + 300, "nonce": asked["nonce"], **self.person}
        if "max_age" in asked:
            claims["auth_time"] = moment
        claims = {name: value for name, value in {**claims, **self.claims}.items() if value is not None}
        header = {"alg": "RS256", "kid": self.key, **self.header}
        token = self.signer(claims) if self.signer else jwt.encode(header, claims, rsa_key(self.key))
        return 200, {"access_token": secrets.token_urlsafe(16), "token_type": "Bearer", "expires_in": 300, "id_token": token}

    def _no(self, error: str) -> tuple[int, Any]:
        self.mistakes.append(error)
        return 400, {"error": error}
