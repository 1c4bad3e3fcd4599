"""The edge of the web server, attacked over real sockets; and what no answer of any route goes without."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.testclient import TestClient

from bot import edge
from bot.app import listen, server, web_app
from bot.edge import HEAD_BYTES, HEAD_FIELDS, Edge
from bot.wiring import Parts


async def echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


@dataclass
class Running:
    port: int

    def say(self, data: bytes, seconds: float = 10.0) -> bytes:
        """All that comes back on one connection until the server closes it, or no more comes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as connection:
            return self.rest(connection, data)

    @staticmethod
    def rest(connection: socket.socket, data: bytes) -> bytes:
        heard = b""
        try:
            connection.sendall(data)
            while piece := connection.recv(65536):
                heard += piece
        except (TimeoutError, ConnectionError):
            pass
        return heard


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """The server as `bot serve` has it, with an app that reads bodies, and shorter patience."""
    monkeypatch.setattr(edge, "HEAD_SECONDS", 1.0)
    monkeypatch.setattr(edge, "BODY_SECONDS", 1.0)
    app = Starlette(routes=[Route("/", echo, methods=["GET", "POST"])], middleware=[Middleware(Edge, https=False)])
    serving, sock = server(app), listen("127.0.0.1", 0)
    thread = threading.Thread(target=lambda: asyncio.run(serving.serve([sock])))
    thread.start()
    try:
        yield Running(sock.getsockname()[1])
    finally:
        serving.should_exit = True
        thread.join(30)


def request(*fields: str, path: str = "/", body: bytes = b"", method: str = "GET") -> bytes:
    head = "\r\n".join([f"{method} {path} HTTP/1.1", "Host: wren.test", "Connection: close", *fields, "", ""])
    return head.encode("latin-1") + body


def test_an_ordinary_request_is_answered_and_a_connection_can_be_used_again(running: Running) -> None:
    assert running.say(request("Content-Length: 5", body=b"hello", method="POST")).endswith(b"5")
    twice = request("X: y").replace(b"Connection: close\r\n", b"") + request()
    assert running.say(twice).count(b"HTTP/1.1 200") == 2


@pytest.mark.parametrize(
    "data",
    [
        request("X: " + "a" * HEAD_BYTES),
        request(path="/" + "a" * HEAD_BYTES),
        request(*(f"X-{number}: a" for number in range(HEAD_FIELDS))),
        request("X: " + "a" * 20 * HEAD_BYTES),
    ],
    ids=["a long field", "a long address", "many fields", "a field that takes many reads"],
)
def test_a_head_beyond_all_measure_is_refused(running: Running, data: bytes) -> None:
    answer = running.say(data)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431"), answer[:80]
    assert running.say(request()).startswith(b"HTTP/1.1 200"), "others are served"


def test_a_head_without_end_is_cut_off_and_not_kept(running: Running) -> None:
    sent = 0
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: wren.test\r\n")
        try:
            for number in range(20_000):
                connection.sendall(b"X-%d: %s\r\n" % (number, b"a" * 1000))
                sent += 1000
        except ConnectionError:
            pass
    assert sent < 10_000_000, "twenty megabytes of head were taken"


def test_a_long_body_that_comes_together_with_its_head_is_no_long_head(running: Running) -> None:
    for size in (HEAD_BYTES + 1, 50_000, 64_000, 1_000_000):
        for _ in range(5):  # how much of it comes together is the network's doing
            answer = running.say(request(f"Content-Length: {size}", body=b"a" * size, method="POST"))
            assert answer.endswith(f"\r\n\r\n{size}".encode()), (size, answer[:80])
    kept = request("Content-Length: 50000", body=b"a" * 50_000, method="POST").replace(b"Connection: close\r\n", b"")
    assert running.say(kept + request()).count(b"HTTP/1.1 200") == 2


def test_a_head_that_dawdles_is_ended(running: Running) -> None:
    begun = time.monotonic()
    assert running.say(b"GET / HTTP/1.1\r\nHost: wre", seconds=30).startswith(b"HTTP/1.1 408")
    assert running.say(b"", seconds=30).startswith(b"HTTP/1.1 408")
    assert time.monotonic() - begun < 60


def test_a_body_that_dawdles_is_ended(running: Running) -> None:
    assert running.say(request("Content-Length: 100", body=b"half", method="POST"), seconds=30).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize(
    "data",
    [
        request("Content-Length: 3", "Transfer-Encoding: chunked", body=b"0\r\n\r\nGET /x HTTP/1.1\r\n\r\n", method="POST"),
        request("Content-Length: 3", "Content-Length: 4", body=b"abcd", method="POST"),
        request("Transfer-Encoding: xchunked", body=b"0\r\n\r\n", method="POST"),
        request("Content-Length: -1", method="POST"),
        request("X: a\rY: b"),
        b"GET / HTTP/1.1\r\nHost : wren.test\r\n\r\n",
    ],
    ids=["both lengths", "two lengths", "unknown coding", "negative", "bare return", "space before colon"],
)
def test_requests_that_two_servers_might_read_differently_are_refused(running: Running, data: bytes) -> None:
    answer = running.say(data, seconds=3)
    assert answer.startswith(b"HTTP/1.1 400") or answer.startswith(b"HTTP/1.1 408"), answer[:200]
    assert answer.count(b"HTTP/1.1") == 1


# Every route


def addresses(routes: list[BaseRoute], before: str = "") -> Iterator[tuple[str, frozenset[str]]]:
    """Every address with its parts filled in, and the methods it takes."""
    for route in routes:
        if isinstance(route, Mount):
            yield from addresses(list(route.routes or []), before + route.path)
        elif isinstance(route, Route):
            yield before + re.sub(r"\{\w+(:\w+)?\}", "1", route.path), frozenset(route.methods or {"GET"})


def test_no_answer_of_any_route_goes_without_the_headers_whoever_asks_and_however(parts: Parts) -> None:
    app = web_app(parts)
    client = TestClient(
        app, base_url="http://wren.test", raise_server_exceptions=False, follow_redirects=False, client=("192.0.2.7", 1)
    )
    found = {*addresses(app.routes), ("/nowhere", frozenset({"GET"})), ("/staff/nowhere", frozenset({"GET"}))}
    assert len(found) > 150
    endless = {"/chat/events", "/staff/events"}
    for path, methods in sorted(found):
        for method in sorted({*methods, "DELETE", "TRACE"} - {"HEAD"}):
            if path in endless and method == "GET":
                continue
            answer = client.request(method, path, headers={"Host": "evil.example"})
            where = f"{method} {path} → {answer.status_code}"
            assert answer.headers.get("x-content-type-options") == "nosniff", where
            assert "referrer-policy" in answer.headers, where
            assert "default-src 'none'" in answer.headers.get("content-security-policy", ""), where
            assert answer.status_code < 500 or path == "/health/ready", where
            assert "evil.example" not in answer.headers.get("location", ""), where
            if method in ("DELETE", "TRACE") and method not in methods:
                assert answer.status_code in (404, 405), where


def test_a_site_with_https_tells_browsers_to_stay_there(parts: Parts) -> None:
    for https in (True, False):
        app = Starlette(routes=[Route("/", echo)], middleware=[Middleware(Edge, https=https)])
        answer = TestClient(app).get("/")
        assert ("strict-transport-security" in answer.headers) is https
