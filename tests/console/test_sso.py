"""Single sign-on against a provider on loopback: what is believed, what it gives, and that nothing else lets anybody in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from bot.console import sso
from bot.console.guard import COOKIE
from bot.console.sso import Granted, SsoMistake, granted, mistakes
from bot.console.sso_pages import SSO_COOKIE
from bot.library import Library
from bot.settings import Settings
from bot.storage.tables import Staff, StaffLogin, now
from tests.console.support import AREA, ELSEWHERE, PASSWORD, URL, Office, build_office, text_of
from tests.console.test_guard import sign_in
from tests.console.test_second_factor import NEXT, enrol
from tests.doubles.oidc_server import CLIENT, SECRET, OidcDouble, rsa_key, signed_with_public_key, unsigned

ROLES = {"hv": ["practitioner"], "leads": ["manager", "practitioner"], "it": ["administrator"]}
AREAS = {"here": AREA, "there": ELSEWHERE, "all": "*", "nowhere": "atlantis"}


@pytest.fixture
def provider() -> Iterator[OidcDouble]:
    double = OidcDouble(f"{URL}/staff/sso/callback").start()
    double.person["groups"] = ["hv", "here"]
    yield double
    double.stop()


def settings_for(provider: OidcDouble, **more: Any) -> dict[str, Any]:
    basic = {"sso_issuer": provider.issuer, "sso_client_id": CLIENT, "sso_client_secret": SECRET}
    return {**basic, "sso_roles": ROLES, "sso_areas": AREAS, **more}


@pytest.fixture
def joined(database_address: str, tmp_path: Path, library: Library, provider: OidcDouble) -> Iterator[Office]:
    """An office with single sign-on, on SQLite and on PostgreSQL."""
    result = build_office(database_address, tmp_path, library, migrated=True, **settings_for(provider))
    yield result
    result.services.database.dispose()


@pytest.fixture
def here(tmp_path: Path, library: Library, provider: OidcDouble) -> Iterator[Office]:
    result = build_office(f"sqlite:///{tmp_path / 'sso.sqlite3'}", tmp_path, library, **settings_for(provider))
    yield result
    result.services.database.dispose()


def come(office: Office, provider: OidcDouble, client: TestClient | None = None, **query: str) -> tuple[TestClient, Any]:
    """To the provider and back: the browser and the console's answer."""
    client = client or office.client()
    away = client.get("/staff/sso/start", params=query or None)
    assert away.status_code == 303, away.text
    back = provider.authorize(away.headers["location"])
    return client, client.get(back.removeprefix(URL))


def staff(office: Office, username: str = "ada") -> Staff | None:
    with office.services.database.read() as session:
        return session.query(Staff).filter_by(username=username).one_or_none()


# Coming in


def test_who_is_mapped_comes_in_with_those_roles_and_that_area_and_no_other(joined: Office, provider: OidcDouble) -> None:
    client, response = come(joined, provider)
    assert (response.status_code, response.headers["location"]) == (303, "/staff") and provider.mistakes == []
    assert client.get("/staff").status_code == 200
    ada = staff(joined)
    assert ada is not None and (ada.roles, ada.area_id, ada.password_hash) == (["practitioner"], AREA, "")
    provider.person["groups"] = ["leads", "there", "something else"]
    client, _ = come(joined, provider, client)
    ada = staff(joined)
    assert ada is not None and (ada.roles, ada.area_id) == (["manager", "practitioner"], ELSEWHERE)
    with joined.services.database.read() as session:
        assert session.query(Staff).count() == 1
    assert [action for action, _ in joined.audit(ada.id)] == ["account.added", "sign_in.sso", "account.changed", "sign_in.sso"]


def test_the_session_is_a_new_one_each_time_and_the_one_before_is_over(here: Office, provider: OidcDouble) -> None:
    client, _ = come(here, provider)
    first = client.cookies[COOKIE]
    come(here, provider, client)
    assert client.cookies[COOKIE] != first
    old = here.client()
    old.cookies.set(COOKIE, first, domain="127.0.0.1", path="/staff")
    assert old.get("/staff").status_code == 303


def test_it_leads_to_the_page_that_was_asked_for_and_nowhere_else(here: Office, provider: OidcDouble) -> None:
    assert come(here, provider, next="/staff/cases/7")[1].headers["location"] == "/staff/cases/7"
    for elsewhere in ("https://evil.example/", "//evil.example", "/chat"):
        assert come(here, provider, next=elsewhere)[1].headers["location"] == "/staff"


@pytest.mark.parametrize("groups", [[], None, ["strangers"], ["hv"], ["here"], ["hv", "here", "there"], ["hv", "nowhere"], 7, {}])
def test_who_has_no_role_or_not_one_area_is_refused_and_has_no_account(here: Office, provider: OidcDouble, groups: Any) -> None:
    provider.person["groups"] = groups
    client, response = come(here, provider)
    assert response.status_code == 403 and "You were not signed in" in text_of(response.text)
    assert COOKIE not in client.cookies and staff(here) is None


def test_who_loses_their_role_at_the_provider_is_signed_out_everywhere_when_they_come_again(
    here: Office, provider: OidcDouble
) -> None:
    client, _ = come(here, provider)
    provider.person["groups"] = ["here"]
    assert come(here, provider)[1].status_code == 403
    assert client.get("/staff").status_code == 303


def test_an_account_with_a_password_is_never_taken_over_by_its_name(here: Office, provider: OidcDouble) -> None:
    ada = here.staff("Ada")
    client, response = come(here, provider)
    assert response.status_code == 403 and COOKIE not in client.cookies
    browser = here.browser(ada)
    _, linked = come(here, provider, browser.client, link="1")
    assert linked.headers["location"] == "/staff/account?done=sso_linked"
    assert come(here, provider)[1].headers["location"] == "/staff"
    assert sign_in(here, "ada", PASSWORD)[1].status_code == 303


def test_connecting_needs_a_sign_in_that_was_shown_lately_and_is_done_once(here: Office, provider: OidcDouble) -> None:
    assert here.client().get("/staff/sso/start", params={"link": "1"}).headers["location"] == "/staff/sign-in"
    browser = here.browser(here.staff("Ben"))
    with here.services.database.write() as session:
        session.query(StaffLogin).update({"proved_at": now() - timedelta(hours=1)})
    assert come(here, provider, browser.client, link="1")[1].status_code == 403
    with here.services.database.write() as session:
        session.query(StaffLogin).update({"proved_at": now()})
    assert come(here, provider, browser.client, link="1")[1].status_code == 303
    other = here.browser(here.staff("Cleo"))
    assert come(here, provider, other.client, link="1")[1].status_code == 403  # that person is Ben already


def test_a_switched_off_account_stays_out(here: Office, provider: OidcDouble) -> None:
    come(here, provider)
    ada = staff(here)
    assert ada is not None
    here.change(Staff, ada.id, disabled_at=now())
    client, response = come(here, provider)
    assert response.status_code == 403 and COOKIE not in client.cookies


# What is not believed


@pytest.mark.parametrize(
    "lie",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "somebody-else"},
        {"aud": [CLIENT, "somebody-else"]},
        {"aud": [CLIENT, "somebody-else"], "azp": "somebody-else"},
        {"aud": None},
        {"aud": []},
        {"nonce": "another"},
        {"nonce": None},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"exp": "soon"},
        {"iat": 9_000_000_000},
        {"iat": None},
        {"nbf": 9_000_000_000},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
    ],
    ids=str,
)
def test_a_token_with_a_wrong_claim_lets_nobody_in(here: Office, provider: OidcDouble, lie: dict[str, Any]) -> None:
    provider.claims = lie
    client, response = come(here, provider)
    assert response.status_code == 403 and COOKIE not in client.cookies and staff(here) is None


@pytest.mark.parametrize(
    "signer", [unsigned, signed_with_public_key, lambda claims: "", lambda claims: 7, lambda claims: "a.b.c"]
)
def test_a_token_that_the_provider_did_not_sign_with_its_own_key_lets_nobody_in(
    here: Office, provider: OidcDouble, signer: Any
) -> None:
    provider.signer = signer
    client, response = come(here, provider)
    assert response.status_code == 403 and COOKIE not in client.cookies and staff(here) is None


def test_a_token_signed_with_a_key_that_is_not_the_provider_s_lets_nobody_in(here: Office, provider: OidcDouble) -> None:
    from joserfc import jwt

    provider.signer = lambda claims: jwt.encode({"alg": "RS256", "kid": "first"}, claims, rsa_key("second"))
    assert come(here, provider)[1].status_code == 403


def test_new_keys_of_the_provider_are_found_and_not_looked_for_without_end(
    here: Office, provider: OidcDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert come(here, provider)[1].status_code == 303
    assert provider.calls["/jwks"] == provider.calls["/.well-known/openid-configuration"] == 1
    provider.key = "second"
    assert come(here, provider)[1].status_code == 403 and provider.calls["/jwks"] == 1  # asked for just now
    monkeypatch.setattr(sso, "REFRESH_SECONDS", -1.0)
    assert come(here, provider)[1].status_code == 303 and provider.calls["/jwks"] == 2


@pytest.mark.parametrize("spoil", ["state", "cookie", "other_browser", "twice", "issuer", "error", "late", "code"])
def test_a_way_back_that_is_not_the_one_begun_lets_nobody_in(here: Office, provider: OidcDouble, spoil: str) -> None:
    client = here.client()
    back = provider.authorize(client.get("/staff/sso/start").headers["location"]).removeprefix(URL)
    if spoil == "state":
        back = back.replace("state=", "state=x")
    elif spoil == "cookie":
        client.cookies.delete(SSO_COOKIE)
    elif spoil == "other_browser":
        client = here.client()
        client.get("/staff/sso/start")
    elif spoil == "twice":
        assert client.get(back).status_code == 303
        client.cookies.delete(COOKIE)
    elif spoil == "issuer":
        back = back.replace("iss=http", "iss=https")
    elif spoil == "error":
        back = back.replace("code=", "error=access_denied&x=")
    elif spoil == "late":
        kept = here.services.keyring.open_json(client.cookies[SSO_COOKIE].encode())
        sealed = here.services.keyring.seal_json({**kept, "until": now().timestamp() - 1}).decode()
        client.cookies.set(SSO_COOKIE, sealed, domain="127.0.0.1", path="/staff")
    else:
        back = back.replace("code=", "code=x")
    response = client.get(back)
    assert response.status_code == 403 and COOKIE not in client.cookies


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://192.0.2.1/token"},
        {"jwks_uri": None},
        {"jwks_uri": "file:///x"},
    ],
    ids=str,
)
def test_a_discovery_document_that_is_not_the_issuers_is_not_used(
    here: Office, provider: OidcDouble, document: dict[str, Any]
) -> None:
    provider.document = document
    response = here.client().get("/staff/sso/start")
    assert response.status_code == 503 and response.headers["retry-after"] == "30"


def test_a_provider_that_is_away_is_said_so(here: Office, provider: OidcDouble) -> None:
    provider.away = True
    assert "does not answer" in here.client().get("/staff/sso/start").text
    provider.away = False
    assert come(here, provider)[1].status_code == 303


def test_no_code_token_or_name_is_in_a_log(here: Office, provider: OidcDouble, caplog: pytest.LogCaptureFixture) -> None:
    provider.person |= {"given_name": "Xanthippe", "preferred_username": "xanthippe"}
    come(here, provider)
    provider.claims = {"nonce": "wrong"}
    come(here, provider)
    ours = " ".join(record.getMessage() for record in caplog.records if record.name.startswith("bot."))
    assert "anthippe" not in ours and SECRET not in ours and "refused (claims)" in ours


# Second factor and showing again who it is


def test_a_second_factor_that_a_role_demands_is_asked_here_unless_it_was_shown_there(
    tmp_path: Path, library: Library, provider: OidcDouble
) -> None:
    strict = build_office(
        f"sqlite:///{tmp_path / 'f.sqlite3'}", tmp_path, library, **settings_for(provider, second_factor_roles="all")
    )
    client, response = come(strict, provider)
    assert response.headers["location"].startswith(NEXT) and client.get("/staff").status_code == 303
    provider.claims = {"amr": ["pwd", "mfa"]}
    assert come(strict, provider)[1].headers["location"] == "/staff"
    provider.claims = {"amr": "mfa"}  # no list: the token is not as the standard has it
    assert come(strict, provider)[1].status_code == 403
    strict.services.database.dispose()


def test_who_set_up_a_second_factor_here_is_asked_for_it(here: Office, provider: OidcDouble) -> None:
    come(here, provider)
    ada = staff(here)
    assert ada is not None
    enrol(here, ada.id)
    assert come(here, provider)[1].headers["location"].startswith(NEXT)


def test_who_has_no_password_shows_again_who_they_are_at_the_provider(here: Office, provider: OidcDouble) -> None:
    provider.person["groups"] = ["it", "all"]
    client, _ = come(here, provider)
    with here.services.database.write() as session:
        session.query(StaffLogin).update({"proved_at": now() - timedelta(hours=1)})
    page = client.get("/staff/accounts/add").text
    token = page.partition('name="csrf" value="')[2].partition('"')[0]
    fields = {"csrf": token, "username": "dee"}
    asked = client.post("/staff/accounts/add", data=fields, headers={"Origin": URL})
    assert asked.status_code == 403 and "/staff/sso/start?again=1" in asked.text
    provider.claims = {"auth_time": int(time.time()) - 3600}
    assert come(here, provider, client, again="1")[1].status_code == 403
    provider.claims = {"sub": "somebody-else"}
    assert come(here, provider, client, again="1")[1].status_code == 403
    provider.claims = {}
    before = client.cookies[COOKIE]
    assert come(here, provider, client, again="1")[1].status_code == 303 and client.cookies[COOKIE] != before
    page = client.get("/staff/accounts/add").text
    fields["csrf"] = page.partition('name="csrf" value="')[2].partition('"')[0]
    assert client.post("/staff/accounts/add", data=fields, headers={"Origin": URL}).status_code == 422  # no longer asked


# Without passwords


def test_without_passwords_only_the_administrator_for_emergencies_comes_by_one(
    tmp_path: Path, library: Library, provider: OidcDouble
) -> None:
    options = settings_for(provider, password_sign_in=False, break_glass="Key")
    only = build_office(f"sqlite:///{tmp_path / 'o.sqlite3'}", tmp_path, library, **options)
    only.staff("Ben", roles=("administrator",))
    key = only.staff("Key", area=None, roles=("administrator",))
    assert sign_in(only, "ben", PASSWORD)[1].status_code == 403
    assert sign_in(only, "key", PASSWORD)[1].status_code == 303
    assert come(only, provider)[1].status_code == 303
    page = only.client().get("/staff/sign-in").text
    assert page.index("/staff/sso/start") < page.index("Only if that does not work")
    only.change(Staff, key, roles=["editor"])
    assert sign_in(only, "key", PASSWORD)[1].status_code == 403
    only.services.database.dispose()


def test_where_there_is_no_provider_its_pages_say_so(office: Office) -> None:
    for path in ("/staff/sso/start", "/staff/sso/callback?code=x&state=y"):
        assert office.client().get(path).status_code == 404
    assert "sso" not in office.client().get("/staff/sign-in").text


GOOD = {"sso_issuer": "https://id.council.example", "sso_client_id": "wren", "sso_roles": ROLES}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"sso_issuer": "http://id.council.example"}, "https"),
        ({"sso_client_id": None}, "WREN_SSO_CLIENT_ID"),
        ({"sso_roles": {}}, "refuse everybody"),
        ({"sso_roles": {"x": ["king"]}}, "king"),
        ({"sso_issuer": None, "password_sign_in": False, "break_glass": "key"}, "nobody could sign in"),
        ({"password_sign_in": False}, "WREN_BREAK_GLASS"),
    ],
)
def test_settings_that_cannot_be_used_stop_the_console_and_say_why(
    tmp_path: Path, library: Library, change: dict[str, Any], says: str
) -> None:
    assert list(mistakes(Settings.model_validate(GOOD))) == []
    (found,) = mistakes(Settings.model_validate({**GOOD, **change}))
    assert says in found
    with pytest.raises(SsoMistake, match=says):
        build_office(f"sqlite:///{tmp_path / 'x.sqlite3'}", tmp_path, library, **{**GOOD, **change})


def test_without_a_map_of_areas_everybody_belongs_to_the_area_of_the_installation() -> None:
    one = Settings.model_validate({**GOOD, "area": "here"})
    assert granted(one, {"groups": "hv"}) == Granted(roles=("practitioner",), area_id="here")
    apart = Settings.model_validate({**GOOD, "sso_areas": AREAS, "sso_area_claim": "council"})
    assert granted(apart, {"groups": ["hv"], "council": "there"}) == Granted(roles=("practitioner",), area_id=ELSEWHERE)
    assert granted(apart, {"groups": ["hv", "all"]}) is None
    assert granted(apart, {"groups": ["hv"], "council": "all"}) == Granted(roles=("practitioner",), area_id=None)
