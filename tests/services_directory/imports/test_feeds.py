"""Feeds by their web address, from a real server on this machine: paging, breaks, bounds, and no way into our own network."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from services_directory.imports import feeds
from services_directory.imports.feeds import Limits, is_allowed, read_feed
from services_directory.imports.notes import CannotRead
from tests.services_directory.imports.writer import feed, page

Answer = tuple[int, dict[str, str], bytes]
HERE = Limits(loopback=True, pause=0.01)


class Site:
    """A server whose answers a test gives: ``answer(path, query)``. ``asked`` are the addresses that were asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer: Callable[[str, dict[str, str]], Answer] = lambda path, query: (404, {}, b"")
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                parts = urlsplit(self.path)
                status, headers, body = site.answer(parts.path, {k: v[0] for k, v in parse_qs(parts.query).items()})
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def site() -> Iterator[Site]:
    result = Site()
    yield result
    result.server.shutdown()
    result.server.server_close()


def ok(data: Any) -> Answer:
    return 200, {}, json.dumps(data).encode()


def paged(version: int, count: int = 60, size: int = 20, base: int = 1) -> Callable[[str, dict[str, str]], Answer]:
    items, pages = feed(count, version), -(-count // size)

    def answer(path: str, query: dict[str, str]) -> Answer:
        if not path.endswith("/services"):
            return ok({"version": "HSDS-UK-3.0", "profile": "x", "openapi_url": "y"})
        number = int(query.get("page", base))
        start = (number - base) * size
        return ok(page(items[start : start + size], version, number, pages))

    return answer


@pytest.mark.parametrize("version", [1, 3])
@pytest.mark.parametrize("base", [0, 1])
def test_every_page_is_read_once_whether_pages_count_from_nought_or_one(site: Site, version: int, base: int) -> None:
    site.answer = paged(version, base=base)
    found = read_feed(f"{site.url}/services", limits=HERE)
    assert found.form == f"oruk-{version}"
    assert [document.data["id"] for document in found.documents] == [item["id"] for item in feed(60)]
    assert len(site.asked) == 3
    assert "page 3, service 20" in str(found.documents[-1].where)


def test_the_address_of_the_api_itself_will_do(site: Site) -> None:
    site.answer = paged(3)
    assert len(read_feed(site.url, limits=HERE).documents) == 60


def test_outlines_are_filled_from_each_service_s_own_address(site: Site) -> None:
    items = {item["id"]: item for item in feed(5)}

    def answer(path: str, query: dict[str, str]) -> Answer:
        own = path.rpartition("/")[2]
        if own in items:
            return ok(items[own]) if own != "s1" else (404, {}, b"")
        return ok(page([{"id": item["id"], "name": item["name"]} for item in items.values()]))

    site.answer = answer
    found = {document.data["id"]: document.data for document in read_feed(f"{site.url}/services", limits=HERE).documents}
    assert "service_at_locations" in found["s4"] and "service_at_locations" not in found["s1"]


def test_a_feed_that_breaks_off_is_taken_up_again_where_it_broke(site: Site, tmp_path: Path) -> None:
    whole, broken = paged(3), {"is": True}

    def answer(path: str, query: dict[str, str]) -> Answer:
        return (503, {}, b"") if query.get("page") == "3" and broken["is"] else whole(path, query)

    site.answer = answer
    with pytest.raises(CannotRead, match="answered 503"):
        read_feed(f"{site.url}/services", keep=tmp_path, limits=HERE)
    broken["is"] = False
    site.asked.clear()
    assert len(read_feed(f"{site.url}/services", keep=tmp_path, limits=HERE).documents) == 60
    assert site.asked == ["/services?page=3"]
    assert not list(tmp_path.rglob("*.page"))


def test_a_moment_s_trouble_is_borne(site: Site) -> None:
    whole, tries = paged(3, count=5), []

    def answer(path: str, query: dict[str, str]) -> Answer:
        tries.append(path)
        return (429, {"Retry-After": "0"}, b"") if len(tries) < 3 else whole(path, query)

    site.answer = answer
    assert len(read_feed(f"{site.url}/services", limits=HERE).documents) == 5


def test_a_feed_that_does_not_turn_pages_is_refused(site: Site) -> None:
    site.answer = lambda path, query: ok(page(feed(5), pages=4))
    with pytest.raises(CannotRead, match="does not turn pages"):
        read_feed(f"{site.url}/services", limits=HERE)


def test_sizes_pages_and_time_are_bounded(site: Site) -> None:
    site.answer = paged(3)
    address = f"{site.url}/services"
    for limits, words in (
        (Limits(loopback=True, page_bytes=1000), "One page"),
        (Limits(loopback=True, total_bytes=40_000), "The feed is larger"),
        (Limits(loopback=True, pages=2), "more than 2 pages"),
        (Limits(loopback=True, seconds=0), "took longer"),
    ):
        with pytest.raises(CannotRead, match=words):
            read_feed(address, limits=limits)


def test_a_slow_feed_is_given_up(site: Site) -> None:
    def answer(path: str, query: dict[str, str]) -> Answer:
        time.sleep(1)
        return ok([])

    site.answer = answer
    with pytest.raises(CannotRead, match="did not answer"):
        read_feed(f"{site.url}/services", limits=Limits(loopback=True, request_seconds=0.1, pause=0.01))


@pytest.mark.parametrize(
    "address",
    ["file:///etc/passwd", "ftp://example.org/x", "gopher://x", "http://", "https://user:word@example.org/", "http://x:99999/"],
)
def test_only_web_addresses_without_passwords_are_feeds(address: str) -> None:
    with pytest.raises(CannotRead) as refused:
        read_feed(address)
    assert "word@" not in str(refused.value)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "::1", "fe80::1", "fc00::1",
     "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "224.0.0.1", "255.255.255.255", "fe80::1%eth0", "fec0::1",
     "::7f00:1", "::ffff:0:7f00:1", "64:ff9b:1::7f00:1", "2001:0:7f00:1::", "198.18.0.1", "ff02::1", "::"],
)  # fmt: skip
def test_no_address_of_an_inner_network_is_allowed(address: str) -> None:
    assert not is_allowed(address, loopback=False)
    assert is_allowed("93.184.216.34", loopback=False) and is_allowed("2606:2800:220:1::1", loopback=False)


def test_loopback_is_for_those_who_ask_for_it_and_nothing_inner_else() -> None:
    assert is_allowed("127.0.0.1", loopback=True) and is_allowed("::1", loopback=True)
    assert not is_allowed("10.0.0.1", loopback=True) and not is_allowed("169.254.169.254", loopback=True)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "017700000001", "127.1", "[0:0:0:0:0:0:0:1]",
     "LOCALHOST.", "①②⑦.0.0.1", "0"],
)  # fmt: skip
def test_however_this_machine_is_written_it_is_not_asked(site: Site, host: str) -> None:
    site.answer = paged(3)
    with pytest.raises(CannotRead):
        read_feed(f"http://{host}:{site.server.server_port}/services", limits=Limits(pause=0.01))
    assert not site.asked


def test_a_name_that_answers_differently_the_second_time_gains_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: what was checked is what is connected to, and the name is not asked again."""
    site.answer = paged(3)
    answers = iter(["93.184.216.34", *["127.0.0.1"] * 10])
    asked, connected = [], []

    def looked_up(host: str, port: int, **more: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    def connect(address: tuple[str, int], *rest: Any, **more: Any) -> None:
        connected.append(address[0])
        raise OSError("nobody is there")

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(CannotRead):
        read_feed("http://rebind.example/services", limits=Limits(pause=0.01))
    assert connected == ["93.184.216.34"] and not site.asked
    assert len(asked) == 2  # it is tried again, and that answer is checked anew and refused


def test_a_redirect_into_the_network_is_not_followed(site: Site) -> None:
    site.answer = lambda path, query: (302, {"Location": "http://169.254.169.254/latest/meta-data"}, b"")
    with pytest.raises(CannotRead, match="not on the public internet"):
        read_feed(f"{site.url}/services", limits=HERE)
    site.answer = lambda path, query: (302, {"Location": "file:///etc/passwd"}, b"")
    with pytest.raises(CannotRead, match="not a web address"):
        read_feed(f"{site.url}/services", limits=HERE)
    site.answer = lambda path, query: (302, {"Location": "/services"}, b"")
    with pytest.raises(CannotRead, match="without end"):
        read_feed(f"{site.url}/services", limits=HERE)


def test_a_name_with_one_inner_address_among_others_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    both = [(2, 1, 6, "", ("93.184.216.34", 80)), (2, 1, 6, "", ("127.0.0.1", site.server.server_port))]
    monkeypatch.setattr(feeds.socket, "getaddrinfo", lambda *_, **__: both)
    with pytest.raises(CannotRead, match="not on the public internet"):
        read_feed("http://rebound.example/services", limits=Limits(pause=0.01))
    assert not site.asked
