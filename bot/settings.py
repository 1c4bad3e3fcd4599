"""Settings, from the environment (prefix `WREN_`) with defaults that need nothing: SQLite, no accounts, no tokens."""

from __future__ import annotations

import os
import secrets
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.storage.crypto import new_key

ROOT = Path(__file__).resolve().parent.parent
"""The project's folder: content, locales, Rasa's files and the default `var/` live here."""


class Settings(BaseSettings):
    """Every setting of the app. Secrets never print. See `docs/settings.md`."""

    model_config = SettingsConfigDict(env_prefix="WREN_", extra="ignore")

    var_dir: Path = Field(default=ROOT / "var", description="Where the database, keys, models and logs of this machine live.")
    database_url: str | None = Field(default=None, description="SQLAlchemy address; empty means SQLite in `var_dir`.")
    secret_keys: SecretStr | None = Field(
        default=None,
        description="Encryption keys, newest first, comma-separated; one marked next: does not seal yet; empty means a key file in `var_dir`.",
    )
    forgotten_file: Path | None = Field(
        default=None,
        description="File that lists who was forgotten, for a restore; empty means `forgotten.log` in `var_dir`.",
    )
    host: str = Field(default="127.0.0.1", description="Address the web server listens on.")
    port: int = Field(default=8080, description="Port of the web server.")
    public_url: str | None = Field(default=None, description="How parents reach this server; empty means http://host:port.")
    action_port: int = Field(default=0, description="Loopback port of the action endpoint; 0 lets the machine choose.")
    rasa_port: int = Field(default=0, description="Loopback port of Rasa; 0 lets the machine choose.")
    rasa_url: str | None = Field(default=None, description="A Rasa that is already running on loopback; empty means start one.")
    rasa_token: SecretStr = Field(
        default_factory=lambda: SecretStr(secrets.token_urlsafe(24)), description="Shared loopback secret of app and Rasa."
    )
    rasa_timeout: float = Field(default=4.0, description="Seconds to wait for Rasa before answering without it.")
    lease_seconds: float = Field(default=15.0, description="Seconds a worker may hold a message; longer than any time-out.")
    workers: int = Field(default=16, description="Messages in work at once in this process.")
    sweep_seconds: float = Field(default=2.0, description="Seconds between looks for work that nobody was woken for.")
    raw_event_days: int = Field(default=7, description="Days until a raw event's contents are wiped.")
    telegram_token: SecretStr | None = Field(default=None, description="Telegram bot token; empty means no Telegram.")
    telegram_webhook_secret: SecretStr | None = Field(
        default=None,
        description="Secret that Telegram names with each update; while it is being changed both, the new one first, comma-separated. "
        "Set, Telegram delivers to `WREN_PUBLIC_URL`; empty means that Wren polls.",
    )
    telegram_api: str | None = Field(default=None, description="Another Bot API server, for tests.")
    whatsapp_token: SecretStr | None = Field(
        default=None, description="Access token of the WhatsApp Cloud API; empty means that nothing is sent there."
    )
    whatsapp_phone_number_id: str | None = Field(default=None, description="Meta's id of the number that parents write to.")
    whatsapp_business_id: str | None = Field(
        default=None, description="Meta's id of the WhatsApp Business Account, for its templates."
    )
    whatsapp_app_secret: SecretStr | None = Field(
        default=None, description="Secret of the Meta app, which signs webhooks; while it is being changed both, comma-separated."
    )
    whatsapp_verify_token: SecretStr | None = Field(
        default=None, description="A word of your own that Meta must name when the webhook is set up."
    )
    whatsapp_per_second: float = Field(
        default=80, gt=0, description="Messages a second from the number; 20 where the WhatsApp Business app shares it."
    )
    whatsapp_read_receipts: bool = Field(
        default=True, description="Whether parents see that a message was read and that an answer is being written."
    )
    whatsapp_api: str | None = Field(default=None, description="Another Graph API server, for tests.")
    whatsapp_api_version: str = Field(
        default="v26.0", pattern=r"v[0-9]+\.[0-9]+", description="Version of the Graph API that is asked."
    )
    whatsapp_number: str | None = Field(default=None, description="Number for the landing page's WhatsApp link; empty hides it.")
    telegram_username: str | None = Field(
        default=None, description="Bot name for the landing page's Telegram link; empty hides it."
    )
    sms_url: str | None = Field(
        default=None, description="Where the SMS gateway takes messages; empty means that no text messages are sent."
    )
    sms_format: Literal["json", "form"] = Field(default="json", description="Whether the gateway takes json or form.")
    sms_auth: Literal["none", "bearer", "basic", "header"] = Field(
        default="bearer", description="How the gateway knows us: bearer, basic, header (one of its own), or none."
    )
    sms_auth_name: str | None = Field(default=None, description="The user for basic; the header's name for header.")
    sms_secret: SecretStr | None = Field(default=None, description="The gateway's token, password or key.")
    sms_from: str | None = Field(default=None, description="Number that text messages come from; empty if the gateway knows.")
    sms_plus: bool = Field(default=True, description="Whether the gateway wants a plus before a number.")
    sms_joins: bool = Field(
        default=True, description="Whether the gateway takes a long text whole and joins its parts; false cuts it into messages."
    )
    sms_most_parts: int = Field(default=10, ge=1, le=255, description="Parts that the gateway joins into one message at most.")
    sms_fields: dict[str, str] = Field(
        default={}, description="What the gateway calls the fields to, from, text and reference, as JSON; dots mean nesting."
    )
    sms_constants: dict[str, Any] = Field(default={}, description="What every request to the gateway holds besides, as JSON.")
    sms_answer: dict[str, str] = Field(
        default={}, description="Where the gateway's answer has the message's id and an error's code, as JSON: id, error."
    )
    sms_errors: dict[str, str] = Field(
        default={}, description="Names for the gateway's error codes, as JSON; the names are those of docs/sms.md."
    )
    sms_inbound_secret: SecretStr | None = Field(
        default=None,
        description="Secret of what the gateway posts here; while it is being changed both, comma-separated. Empty takes nothing in.",
    )
    sms_inbound_auth: Literal["hmac", "header"] = Field(
        default="hmac", description="Whether the gateway signs the raw body (hmac, SHA-256) or names the secret (header)."
    )
    sms_inbound_header: str = Field(default="X-Signature", description="The header that holds the signature or the secret.")
    sms_inbound: dict[str, str] = Field(
        default={}, description="What a posted message calls list, id, from, text, time and media, as JSON."
    )
    sms_receipt: dict[str, str] = Field(
        default={}, description="What a delivery receipt calls id, status, error, reference and time, as JSON."
    )
    sms_statuses: dict[str, str] = Field(
        default={}, description="The gateway's own words for sent, delivered and failed, as JSON: its word, then ours."
    )
    sms_country: str = Field(
        default="GB", pattern="[A-Z]{2}", description="Where a number without a country's code is at home (two letters)."
    )
    sms_per_second: float = Field(default=10, gt=0, description="Text messages a second that the gateway takes.")
    council_name: str | None = Field(default=None, description="Whose Wren this is, on the public pages; empty means nobody's.")
    council_logo: Path | None = Field(
        default=None, description="File of the council's logo: .svg or .png, at most 20,000 bytes; empty means none."
    )
    council_colour: str | None = Field(
        default=None, description="Colour of buttons and links on the public pages, such as #1d6153; empty means Wren's own."
    )
    council_band_colour: str | None = Field(
        default=None, description="Colour of the band across the top of pages and posters; empty means no band."
    )
    births_file: Path | None = Field(
        default=None,
        description="File of births by area and year (CSV), to see whom Wren reaches against them; empty means none.",
    )
    embed_origins: str = Field(
        default="",
        description="Sites that may show the chat in a frame, comma-separated, such as https://www.example.gov.uk; empty means none.",
    )
    area: str = Field(default="demonstration", description="The area that new people belong to.")
    demonstration: bool = Field(default=True, description="Load the fictional directory and a loopback-only login.")
    directory_approve_own: bool = Field(default=False, description="May somebody approve their own change to the directory?")
    webchat_new_per_minute: int = Field(default=60, description="New web-chat people per address and minute.")
    webchat_new_per_minute_all: int = Field(default=600, description="New web-chat people per minute in all.")
    person_per_minute: int = Field(
        default=60, description="Messages per person and minute that are read; more are counted, not answered."
    )
    smtp_host: str | None = Field(
        default=None, description="Mail server for alarms to staff and letters to providers; empty means no e-mail."
    )
    smtp_port: int = Field(default=587, description="Port of the mail server: 587 for STARTTLS, 465 for TLS from the start.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="starttls, tls, or none; none only for a mail server on this machine."
    )
    smtp_from: str | None = Field(default=None, description="Sender's address of alarms and letters.")
    smtp_user: str | None = Field(default=None, description="User at the mail server; empty means no sign-in there.")
    smtp_password: SecretStr | None = Field(default=None, description="Password at the mail server.")
    alarm_hook_url: str | None = Field(
        default=None, description="Where alarms are posted as JSON, for text messages or paging; empty means nowhere."
    )
    alarm_hook_key: SecretStr | None = Field(default=None, description="Secret that signs what is posted there.")
    trouble_email: str = Field(
        default="",
        description="Who is told by e-mail when something does not work, beside managers and administrators; comma-separated.",
    )
    trouble_repeat_minutes: int = Field(
        default=30, ge=1, description="Minutes between alarms about something that does not work, until somebody has seen it."
    )
    quiet_minutes: int = Field(
        default=15,
        ge=0,
        description="Minutes without a message on a channel, at an hour when messages are usual, after which staff are told; 0 never tells.",
    )
    rasa_away_minutes: int = Field(
        default=5, ge=0, description="Minutes that Rasa may be away before staff are told; 0 never tells."
    )
    disk_free_mb: int = Field(
        default=1000, ge=0, description="Megabytes that must be free where `WREN_VAR_DIR` is, else staff are told; 0 never tells."
    )
    second_factor_roles: str = Field(
        default="", description="Roles that must have a second factor, comma-separated, or all; set up at the next sign-in."
    )
    step_up_minutes: int = Field(
        default=15,
        ge=0,
        description="Minutes after which seeing a parent's address and changing accounts ask again who it is; 0 never asks.",
    )
    password_sign_in: bool = Field(
        default=True,
        description="Whether staff may sign in by password; false leaves single sign-on and the break-glass account.",
    )
    break_glass: str | None = Field(
        default=None, description="User name of the administrator who may always sign in by password; empty means none."
    )
    sso_issuer: str | None = Field(
        default=None, description="Issuer of the OpenID Connect provider; empty means no single sign-on."
    )
    sso_client_id: str | None = Field(default=None, description="Wren's client id at the provider.")
    sso_client_secret: SecretStr | None = Field(
        default=None, description="Wren's client secret at the provider; empty means a public client."
    )
    sso_scope: str = Field(default="openid profile email", description="What is asked of the provider.")
    sso_roles_claim: str = Field(default="groups", description="The claim that says what somebody may do.")
    sso_roles: dict[str, list[str]] = Field(
        default={}, description="Which of our roles each value of that claim gives, as JSON; whoever gets none is refused."
    )
    sso_area_claim: str | None = Field(
        default=None, description="The claim that says which area somebody belongs to; empty means the same claim as for roles."
    )
    sso_areas: dict[str, str] = Field(
        default={},
        description="Which area each value of that claim gives, as JSON, * for all areas; empty means WREN_AREA for all.",
    )
    secrets_dir: Path | None = Field(
        default=None,
        description="Folder of files that each hold one setting and are named after it, such as wren_secret_keys; the environment wins.",
    )
    metrics_token: SecretStr | None = Field(
        default=None,
        description="Secret with which /metrics may be read (Authorization: Bearer); empty means from this machine alone.",
    )
    log_level: str = Field(default="INFO", description="Least severe log line to write.")
    log_format: Literal["plain", "json"] = Field(default="plain", description="Whether log lines are plain or json objects.")

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.var_dir / 'wren.sqlite3'}"

    @property
    def url(self) -> str:
        return self.public_url or f"http://{self.host}:{self.port}"

    @property
    def local_url(self) -> str:
        """Where this machine itself reaches its web server."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104 - read, not bound
        return f"http://{host}:{self.port}"

    @property
    def models_dir(self) -> Path:
        return self.var_dir / "models"

    @property
    def kept_dir(self) -> Path:
        """What was worked out from files, to start sooner; it may be removed at any time."""
        return self.models_dir / "kept"

    @property
    def spool_dir(self) -> Path:
        return self.var_dir / "spool"

    @property
    def forgotten_path(self) -> Path:
        """The list of who was forgotten, for a restore. Another disk than the database's is better."""
        return self.forgotten_file or self.var_dir / "forgotten.log"

    def whatsapp_secrets(self) -> list[str]:
        """The secrets that may have signed a webhook; none means that none is taken."""
        return _listed(self.whatsapp_app_secret)

    def telegram_secrets(self) -> list[str]:
        """The secrets that Telegram may name, the one to set first; none means that Wren polls."""
        return _listed(self.telegram_webhook_secret)

    def sms_secrets(self) -> list[str]:
        """The secrets of what the SMS gateway posts; none means that nothing is taken."""
        return _listed(self.sms_inbound_secret)

    def trouble_addresses(self) -> list[str]:
        """Who is told of troubles beside staff."""
        return [address.strip() for address in self.trouble_email.split(",") if address.strip()]

    def keys(self) -> list[str]:
        """The encryption keys, newest first; makes and keeps one in `var_dir/secret.key` (mode 600) if none is configured."""
        if self.secret_keys is not None:
            return [key.strip() for key in self.secret_keys.get_secret_value().split(",") if key.strip()]
        path = self.var_dir / "secret.key"
        if not path.exists():
            self.var_dir.mkdir(parents=True, exist_ok=True)
            try:
                handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:  # another process of this machine was first
                pass
            else:
                with os.fdopen(handle, "w", encoding="ascii") as file:
                    file.write(new_key() + "\n")
        return path.read_text(encoding="ascii").split()


def _listed(secrets: SecretStr | None) -> list[str]:
    """Secrets that stand in one setting, comma-separated."""
    given = secrets.get_secret_value() if secrets else ""
    return [secret.strip() for secret in given.split(",") if secret.strip()]


@lru_cache
def settings() -> Settings:
    """The settings of this process, read once: from the environment, then from the files in `WREN_SECRETS_DIR`."""
    return Settings(_secrets_dir=os.environ.get("WREN_SECRETS_DIR") or None)  # type: ignore[call-arg]  # pydantic-settings takes it
