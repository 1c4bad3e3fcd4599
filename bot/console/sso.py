"""Single sign-on by OpenID Connect: what is said to the provider, and what of its answer is believed.

Authorization code with PKCE, state and nonce. Addresses and keys come from the provider's discovery document, whose issuer must be
the one that was set; an ID token must be signed by one of those keys with a public-key algorithm, be for us, from the issuer, in time,
and hold our nonce. Whoever the mapped claims give no role or not exactly one area is refused.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from bot.console.roles import ROLES
from bot.settings import Settings
from bot.storage.tables import now

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
"""Never none and never a shared secret: a token must be signed with a key that only the provider has."""

LEEWAY = 60
TIMEOUT = 5.0
MAX_ANSWER = 512 * 1024
KEEP_SECONDS = 3600.0
REFRESH_SECONDS = 10.0
"""Least time between looks for new keys when a token names one that is not known."""

EVERYWHERE = "*"
DISCOVERY = "/.well-known/openid-configuration"


class SsoMistake(ValueError):
    """The settings of single sign-on cannot be used; the message says why."""


class ProviderAway(RuntimeError):
    """The provider cannot be reached, or does not answer as one."""


class NotBelieved(RuntimeError):
    """An answer of the provider that is not believed; `reason` is one word of ours, never anything of the answer's."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where to send a browser, and what must be remembered of it until it comes back."""

    address: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What claims give somebody: our roles, and an area or None for all."""

    roles: tuple[str, ...]
    area_id: str | None


def mistakes(settings: Settings) -> Iterator[str]:
    """Why the settings of signing in cannot be used, in plain words."""
    if not settings.password_sign_in and not settings.sso_issuer:
        yield "WREN_PASSWORD_SIGN_IN is false and WREN_SSO_ISSUER is empty: nobody could sign in."
    if not settings.password_sign_in and not settings.break_glass:
        yield "WREN_PASSWORD_SIGN_IN is false: name in WREN_BREAK_GLASS the administrator who may still come by password."
    if not settings.sso_issuer:
        return
    if not is_safe(settings.sso_issuer):
        yield "WREN_SSO_ISSUER must begin with https:// (http:// only on this machine)."
    if not settings.sso_client_id:
        yield "WREN_SSO_ISSUER is set and WREN_SSO_CLIENT_ID is not."
    if not settings.sso_roles:
        yield "WREN_SSO_ROLES is empty: single sign-on would refuse everybody."
    unknown = sorted({role for roles in settings.sso_roles.values() for role in roles} - set(ROLES))
    if unknown:
        yield f"WREN_SSO_ROLES gives {', '.join(unknown)}: roles are {', '.join(ROLES)}."


def is_safe(address: str) -> bool:
    """Whether an address is https, or http on this machine."""
    parts = urlsplit(address)
    here = parts.hostname in ("127.0.0.1", "::1", "localhost")
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and here))


def granted(settings: Settings, claims: Mapping[str, Any]) -> Granted | None:
    """The roles and the area that somebody's claims give; None if no role, or no area or more than one, is given."""
    named = _values(claims.get(settings.sso_roles_claim))
    roles = {role for value in named for role in settings.sso_roles.get(value, [])}
    if not roles:
        return None
    if not settings.sso_areas:
        return Granted(roles=tuple(sorted(roles)), area_id=settings.area)
    of_area = _values(claims.get(settings.sso_area_claim or settings.sso_roles_claim))
    areas = {settings.sso_areas[value] for value in of_area if value in settings.sso_areas}
    if EVERYWHERE in areas:
        return Granted(roles=tuple(sorted(roles)), area_id=None)
    return Granted(roles=tuple(sorted(roles)), area_id=areas.pop()) if len(areas) == 1 else None


def known_as(claims: Mapping[str, Any]) -> str:
    """What we keep of who they are at the provider: a hash of issuer and subject."""
    return hashlib.sha256(f"{claims['iss']}\x1f{claims['sub']}".encode()).hexdigest()


class Provider:
    """The provider that the settings name. Blocking: call from a thread. Raises `SsoMistake` for settings that cannot be used."""

    def __init__(self, settings: Settings) -> None:
        for mistake in mistakes(settings):
            raise SsoMistake(mistake)
        self._settings, self._lock = settings, threading.Lock()
        self._document: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None

    @property
    def callback(self) -> str:
        return f"{self._settings.url}/staff/sso/callback"

    def start(self, *, again: bool = False) -> Start:
        """Begin: `again` asks the provider to have them show once more who they are. Raises `ProviderAway`."""
        state, nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        address = prepare_grant_uri(
            self._discovered()["authorization_endpoint"],
            self._settings.sso_client_id,
            "code",
            redirect_uri=self.callback,
            scope=self._settings.sso_scope,
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
            **({"prompt": "login", "max_age": "0"} if again else {}),
        )
        return Start(address=str(address), state=state, nonce=nonce, verifier=verifier)

    def finish(self, code: str, *, nonce: str, verifier: str, again: bool = False) -> dict[str, Any]:
        """The claims of the ID token that `code` is exchanged for. Raises `ProviderAway` or `NotBelieved`."""
        answer = self._exchange(code, verifier)
        token, access = answer.get("id_token"), answer.get("access_token")
        if not isinstance(token, str):
            raise NotBelieved("no-token")
        header, claims = self._opened(token)
        if header.get("typ", "JWT") not in ("JWT", "jwt"):
            raise NotBelieved("type")
        issuer, client = self._settings.sso_issuer, self._settings.sso_client_id
        options = {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": client}}
        params = {"nonce": nonce, "client_id": client, "access_token": access}
        try:
            checked = CodeIDToken(claims, header, options, params)
            checked.validate(now=int(now().timestamp()), leeway=LEEWAY)
        except (JoseError, ValueError, TypeError, KeyError):
            raise NotBelieved("claims") from None
        self._check(claims, nonce, again)
        return claims

    def _check(self, claims: Mapping[str, Any], nonce: str, again: bool) -> None:
        """The same once more in our own words, so that no library's leniency lets anybody in."""
        aud = claims.get("aud")
        audience = aud if isinstance(aud, list) else [aud]
        client, moment = self._settings.sso_client_id, now().timestamp()
        if claims.get("iss") != self._settings.sso_issuer:
            raise NotBelieved("issuer")
        if client not in audience or (len(audience) > 1 and claims.get("azp") != client):
            raise NotBelieved("audience")
        if claims.get("nonce") != nonce:
            raise NotBelieved("nonce")
        if not _number(claims.get("exp")) or claims["exp"] <= moment - LEEWAY:
            raise NotBelieved("expired")
        if not _number(claims.get("iat")) or claims["iat"] > moment + LEEWAY:
            raise NotBelieved("not-yet")
        if not isinstance(claims.get("sub"), str) or not claims["sub"]:
            raise NotBelieved("subject")
        if again and (not _number(claims.get("auth_time")) or claims["auth_time"] < moment - 5 * LEEWAY):
            raise NotBelieved("old")

    def _exchange(self, code: str, verifier: str) -> dict[str, Any]:
        secret, client = self._settings.sso_client_secret, self._settings.sso_client_id or ""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.callback, "code_verifier": verifier}
        if secret is None:
            return self._asked("POST", self._discovered()["token_endpoint"], data={**form, "client_id": client})
        auth = (client, secret.get_secret_value())
        return self._asked("POST", self._discovered()["token_endpoint"], data=form, auth=auth)

    def _opened(self, token: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """The header and the claims of a token that one of the provider's keys signed. Keys are looked up anew once if none fits."""
        for newer in (False, True):
            try:
                found = jwt.decode(token, self._key_set(newer), algorithms=ALGORITHMS)
            except (JoseError, ValueError, TypeError, KeyError):
                continue
            return dict(found.header), dict(found.claims)
        raise NotBelieved("signature")

    def _discovered(self) -> dict[str, Any]:
        with self._lock:
            if self._document is not None and time.monotonic() - self._document[0] < KEEP_SECONDS:
                return self._document[1]
            issuer = self._settings.sso_issuer or ""
            document = self._asked("GET", issuer.rstrip("/") + DISCOVERY)
            addresses = [document.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
            if document.get("issuer") != issuer or not all(isinstance(one, str) and is_safe(one) for one in addresses):
                raise ProviderAway("the discovery document is not that of WREN_SSO_ISSUER")
            self._document = (time.monotonic(), document)
            return document

    def _key_set(self, newer: bool) -> KeySet:
        """The provider's keys; `newer` asks for them again unless that was done just now."""
        address = self._discovered()["jwks_uri"]
        with self._lock:
            age = time.monotonic() - self._keys[0] if self._keys is not None else None
            if self._keys is not None and age is not None and age < (REFRESH_SECONDS if newer else KEEP_SECONDS):
                return self._keys[1]
            found: Any = self._asked("GET", address)
            try:
                keys = KeySet.import_key_set(found)
            except (JoseError, ValueError, TypeError, KeyError):
                raise ProviderAway("the provider's keys cannot be read") from None
            self._keys = (time.monotonic(), keys)
            return keys

    def _asked(self, method: str, address: str, **more: Any) -> dict[str, Any]:
        """The JSON object that the provider answers with. Follows no redirect and reads no more than half a megabyte."""
        body = bytearray()
        try:
            with httpx.stream(method, address, timeout=TIMEOUT, follow_redirects=False, trust_env=False, **more) as response:
                for piece in response.iter_bytes():
                    body += piece
                    if len(body) > MAX_ANSWER:
                        raise ProviderAway("too long an answer")
            if method == "POST" and 400 <= response.status_code < 500:
                raise NotBelieved("code")  # the provider knows no such code, or not for us
            if response.status_code != 200:
                raise ProviderAway(f"the provider answered {response.status_code}")
            answer = httpx.Response(200, content=bytes(body)).json()
        except (httpx.HTTPError, ValueError, RecursionError) as error:
            raise ProviderAway(type(error).__name__) from None
        if not isinstance(answer, dict):
            raise ProviderAway("no JSON object")
        return answer


def _values(claim: Any) -> list[str]:
    """A claim's values, whether it is one text or a list."""
    return [one for one in (claim if isinstance(claim, list) else [claim]) if isinstance(one, str)]


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
