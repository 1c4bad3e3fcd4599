"""The ways: what an alarm says and does not say, encryption, signing in, signatures, and every kind of refusal, over real servers."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from bot.alarms.hook import HookWay
from bot.alarms.mail import MailWay
from bot.alarms.ways import Notice, Outcome, mistakes, ways_of
from bot.library import Library
from bot.settings import Settings
from tests.alarms.conftest import Watch
from tests.doubles.hook_server import HookServer
from tests.doubles.smtp_server import SmtpServer

NOTICE = Notice(
    key="case7-step1-email", cause="unclaimed", level="emergency", team="Ynys Môn", age_minutes=4, audience="team", step=1,
    link="https://wren.example/staff/cases/7", to=("duty@council.example",),
)  # fmt: skip


@pytest.fixture(scope="module")
def words(library: Library) -> Any:
    return library.strings


def post(server: SmtpServer, words: Any, notice: Notice = NOTICE, deadline: float = 10, **settings: Any) -> Outcome:
    values = {
        "smtp_host": "127.0.0.1",
        "smtp_port": server.port,
        "smtp_security": server.security,
        "smtp_from": "wren@council.example",
    }
    way = MailWay(Settings.model_validate({**values, **settings}), words, deadline=deadline)
    return asyncio.run(way.send(notice))


# What they say


def test_they_carry_level_team_age_and_link_and_nothing_of_the_parents(watch: Watch) -> None:
    parent = watch.office.parent("he hits me when the baby cries", level="urgent", channel="telegram", language="ur")
    watch.later(3)
    watch.look()
    link = f"https://wren.example/staff/cases/{parent.case_id}"
    message = watch.mail.mails[0].message
    body = message.get_content()  # type: ignore[attr-defined]
    assert message["Subject"] == "Wren: Urgent, nobody has it yet (Demonstration area, 3 minutes)"
    assert link in body and "Urgent" in body
    posted = json.loads(watch.hook.posts[0][1])
    assert posted == {
        "id": f"case{parent.case_id}-step1-hook", "cause": "unclaimed", "level": "urgent", "team": "Demonstration area",
        "age_minutes": 3, "for": "team", "step": 1, "link": link,
    }  # fmt: skip
    everything = (watch.mail.mails[0].data + watch.hook.posts[0][1]).decode()
    for secret in (parent.pseudonym, "hits me", "telegram", "duty@council.example", "rule:", "Urdu"):
        assert secret not in everything


def test_the_post_is_signed_over_its_time_and_body(watch: Watch) -> None:
    watch.office.parent(level="urgent")
    watch.look()
    headers, body = watch.hook.posts[0]
    signed = headers["wren-timestamp"].encode() + b"." + body
    assert headers["wren-signature"] == "sha256=" + hmac.new(b"a signing key", signed, hashlib.sha256).hexdigest()
    assert headers["idempotency-key"] == json.loads(body)["id"]


def test_no_address_reaches_a_log(watch: Watch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    watch.mail.refuse = {"duty@council.example"}
    watch.office.parent("private words", level="urgent")
    watch.look()
    assert watch.rows()[0].state == "failed" and "duty@" not in str(watch.rows()[0].reason)
    assert "duty@council.example" not in caplog.text and "private words" not in caplog.text


# By e-mail


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_it_is_encrypted_and_signed_in(tmp_path: Path, words: Any, security: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with SmtpServer(tmp_path, security=security, login=("wren", "pässword")) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
        assert post(server, words, smtp_user="wren", smtp_password="wrong").status == "failed"
        assert post(server, words, smtp_user="wren", smtp_password="password").status == "failed"
    with SmtpServer(tmp_path, security=security, login=("wren", "a password")) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
        assert post(server, words, smtp_user="wren", smtp_password="a password") == Outcome("sent")
        mail = server.mails[0]
    assert (mail.encrypted, mail.user, mail.sender, mail.to) == (True, "wren", "wren@council.example", ["duty@council.example"])
    assert "Ynys Môn" in mail.message["Subject"]


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_server_with_a_stranger_s_certificate_gets_nothing(tmp_path: Path, words: Any, security: str) -> None:
    with SmtpServer(tmp_path, security=security, login=("wren", "a password")) as server:
        outcome = post(server, words, smtp_user="wren", smtp_password="a password")
        assert outcome.status == "retry" and "SSLCertVerificationError" in outcome.reason
        assert server.mails == []


def test_a_server_that_offers_no_encryption_gets_nothing(tmp_path: Path, words: Any) -> None:
    with SmtpServer(tmp_path) as server:
        assert post(server, words, smtp_security="starttls") == Outcome("failed", "the mail server cannot encrypt or sign in")
        assert server.mails == []


def test_no_encryption_is_only_for_this_machine(tmp_path: Path, words: Any) -> None:
    with SmtpServer(tmp_path) as server:
        assert post(server, words, smtp_host="mail.council.example").status == "failed"


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        ({"MAIL": "550 go away"}, "failed"),
        ({"MAIL": "451 later"}, "retry"),
        ({"RCPT": "450 later"}, "retry"),
        ({"RCPT": "550 unknown duty@council.example"}, "failed"),
        ({"DATA": "451 later"}, "retry"),
        ({"BODY": "554 refused"}, "failed"),
        ({"BODY": "452 full"}, "retry"),
    ],
)
def test_a_refusal_for_now_is_tried_again_and_one_for_good_is_not(
    tmp_path: Path, words: Any, answers: dict[str, str], status: str
) -> None:
    with SmtpServer(tmp_path, answers=answers) as server:
        outcome = post(server, words)
    assert outcome.status == status and outcome.reason and "duty@" not in outcome.reason


def test_one_address_that_is_refused_does_not_keep_it_from_the_others(tmp_path: Path, words: Any) -> None:
    notice = Notice(**{**{name: getattr(NOTICE, name) for name in NOTICE.__slots__}, "to": ("gone@x.example", "here@x.example")})
    with SmtpServer(tmp_path, refuse={"gone@x.example"}) as server:
        assert post(server, words, notice) == Outcome("sent", "1 addresses were refused")
        assert server.mails[0].to == ["here@x.example"]


def test_a_server_that_says_nothing_is_given_up_within_the_deadline(tmp_path: Path, words: Any) -> None:
    with SmtpServer(tmp_path, silent=True) as server:
        assert post(server, words, deadline=0.6).status == "retry"


def test_a_server_that_is_not_there_is_tried_again(tmp_path: Path, words: Any) -> None:
    with SmtpServer(tmp_path) as server:
        pass
    assert post(server, words) == Outcome("retry", "the mail server could not be used (ConnectionRefusedError)")


# By the hook


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (200, "sent"),
        (202, "sent"),
        (302, "failed"),
        (400, "failed"),
        (401, "failed"),
        (429, "retry"),
        (500, "retry"),
        (503, "retry"),
    ],
)
def test_what_the_hook_answers_decides(answer: int, status: str) -> None:
    with HookServer([answer]) as server:
        outcome = asyncio.run(HookWay(Settings(alarm_hook_url=server.url)).send(NOTICE))
        assert len(server.posts) == 1  # a redirect is not followed
    assert outcome.status == status
    assert "wren-signature" not in server.posts[0][0]


def test_a_hook_that_is_not_there_is_tried_again() -> None:
    with HookServer() as server:
        url = server.url
    assert asyncio.run(HookWay(Settings(alarm_hook_url=url), timeout=1).send(NOTICE)).status == "retry"


# Settings


def test_without_settings_there_is_no_way() -> None:
    assert ways_of(Settings()) == ()
    assert ways_of(Settings(smtp_host="mail.example")) == ("email",)
    assert ways_of(Settings(alarm_hook_url="https://hook.example")) == ("hook",)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"smtp_host": "mail.example"}, "no sender"),
        ({"smtp_host": "mail.example", "smtp_from": "a@b.example", "smtp_security": "none"}, "may not be none"),
        ({"smtp_host": "127.0.0.1", "smtp_from": "a@b.example", "smtp_user": "wren"}, "without WREN_SMTP_PASSWORD"),
        ({"alarm_hook_url": "http://hook.example", "alarm_hook_key": "k"}, "not an https address"),
        ({"alarm_hook_url": "https://hook.example"}, "not signed"),
    ],
)
def test_a_way_that_is_half_set_is_named(settings: dict[str, Any], says: str) -> None:
    found = list(mistakes(Settings.model_validate(settings)))
    assert len(found) == 1 and says in found[0]


def test_ways_that_are_wholly_set_have_no_mistakes() -> None:
    whole = Settings.model_validate(
        {"smtp_host": "mail.example", "smtp_from": "a@b.example", "alarm_hook_url": "https://h.example", "alarm_hook_key": "k"}
    )
    assert list(mistakes(whole)) == []
