"""A small mail server on loopback: EHLO, STARTTLS, AUTH PLAIN and LOGIN, MAIL, RCPT, DATA, RSET, QUIT, as RFC 5321 has them.

It keeps what it accepts and refuses what a test says. Use: `with SmtpServer() as server`, then `server.port`. The certificate is
made anew and stands for 127.0.0.1; whoever should trust it sets SSL_CERT_FILE to `server.certificate`.
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import ipaddress
import socketserver
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import default
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Mail:
    """One accepted message."""

    sender: str
    to: list[str]
    data: bytes
    encrypted: bool
    user: str | None

    @property
    def message(self) -> Message:
        return message_from_bytes(self.data, policy=default)


@dataclass
class SmtpServer:
    """`answers` maps a command (MAIL, RCPT, DATA, BODY) to the line given instead of 250; `accepting` is called with each message
    after it is kept and before it is acknowledged."""

    folder: Path
    security: str = "none"
    login: tuple[str, str] | None = None
    answers: dict[str, str] = field(default_factory=dict)
    refuse: set[str] = field(default_factory=set)
    accepting: Callable[[Mail], None] = lambda mail: None
    mails: list[Mail] = field(default_factory=list)
    silent: bool = False

    def __enter__(self) -> SmtpServer:
        self.certificate, key = make_certificate(self.folder)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.certificate, key)
        double = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError, ValueError):
                    Talk(double, self.request).run()

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class Talk:
    """One connection."""

    def __init__(self, server: SmtpServer, connection: Any) -> None:
        self._server, self._user, self._encrypted = server, None, False
        self._sender, self._to = "", []  # type: ignore[var-annotated]
        self._use(server.context.wrap_socket(connection, server_side=True) if server.security == "tls" else connection)
        self._encrypted = server.security == "tls"

    def _use(self, connection: Any) -> None:
        self._connection, self._lines = connection, connection.makefile("rb")

    def _say(self, line: str) -> None:
        self._connection.sendall(line.encode() + b"\r\n")

    def run(self) -> None:
        if self._server.silent:
            self._lines.readline()
            return
        self._say("220 here")
        while line := self._lines.readline().decode().rstrip("\r\n"):
            verb, _, rest = line.partition(" ")
            if verb.upper() == "QUIT":
                self._say("221 bye")
                return
            getattr(self, f"_{verb.lower()}", self._unknown)(rest)

    def _unknown(self, _: str) -> None:
        self._say("502 not known")

    def _ehlo(self, _: str) -> None:
        extra = []
        if self._server.security == "starttls" and not self._encrypted:
            extra.append("STARTTLS")
        if self._server.login and self._encrypted:
            extra.append("AUTH PLAIN LOGIN")
        words = ["here", *extra]
        for word in words[:-1]:
            self._say(f"250-{word}")
        self._say(f"250 {words[-1]}")

    def _starttls(self, _: str) -> None:
        self._say("220 go on")
        self._use(self._server.context.wrap_socket(self._connection, server_side=True))
        self._encrypted = True

    def _auth(self, rest: str) -> None:
        kind, _, given = rest.partition(" ")
        if kind == "PLAIN":
            _, user, password = base64.b64decode(given).decode().split("\0")
        else:
            user = base64.b64decode(given or self._ask("VXNlcm5hbWU6")).decode()
            password = base64.b64decode(self._ask("UGFzc3dvcmQ6")).decode()
        if (user, password) == self._server.login:
            self._user = user
            self._say("235 come in")
        else:
            self._say("535 no")

    def _ask(self, what: str) -> bytes:
        self._say(f"334 {what}")
        return bytes(self._lines.readline().strip())

    def _mail(self, rest: str) -> None:
        if self._server.login and self._user is None:
            self._say("530 sign in first")
            return
        self._sender, self._to = _address(rest), []
        self._say(self._server.answers.get("MAIL", "250 ok"))

    def _rcpt(self, rest: str) -> None:
        address = _address(rest)
        if address in self._server.refuse:
            self._say(f"550 {address} is not known here")
            return
        self._to.append(address)
        self._say(self._server.answers.get("RCPT", "250 ok"))

    def _rset(self, _: str) -> None:
        self._say("250 ok")

    def _data(self, _: str) -> None:
        answer = self._server.answers.get("DATA", "354 go on")
        self._say(answer)
        if not answer.startswith("354"):
            return
        body = b""
        while (line := self._lines.readline()) not in (b".\r\n", b""):
            body += line[1:] if line.startswith(b".") else line
        answer = self._server.answers.get("BODY", "250 taken")
        if answer.startswith("250"):
            mail = Mail(self._sender, list(self._to), body, self._encrypted, self._user)
            self._server.mails.append(mail)
            self._server.accepting(mail)
        self._say(answer)


def _address(rest: str) -> str:
    return rest.partition("<")[2].partition(">")[0]


def make_certificate(folder: Path, name: str = "127.0.0.1") -> tuple[Path, Path]:
    """A certificate of its own for an address, and its key, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    moment = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - datetime.timedelta(days=1))
        .not_valid_after(moment + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(name))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "mail.crt", folder / "mail.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return paths
