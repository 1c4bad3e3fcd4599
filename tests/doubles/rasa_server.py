"""A Rasa that answers as it is told, for the failures that a real one cannot be made to show: a server of its own on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "a-loopback-token"


@dataclass
class Answer:
    """What to send back. `body` is sent as it is; `hang` never answers; `drip` sends a byte every so many seconds."""

    body: bytes = b"{}"
    status: int = 200
    hang: bool = False
    drip: float = 0.0


def turn(
    *refs: dict[str, Any],
    parse: dict[str, Any] | None = None,
    form: str | None = None,
    requested_slot: str | None = None,
    slots: dict[str, Any] | None = None,
) -> Answer:
    """A turn as the channel `nlu_server.components.turn_channel` answers it."""
    body = {
        "parse": parse or {"intent": {"name": "ask_topic", "confidence": 1.0}},
        "messages": list(refs),
        "slots": slots or {},
        "form": form,
        "requested_slot": requested_slot,
    }
    return Answer(json.dumps(body).encode())


@dataclass
class RasaDouble:
    """`respond` is asked for each POST; `calls` keeps the bodies in the order in which they came."""

    respond: Callable[[dict[str, Any]], Answer] = lambda body: turn({"ref": "not_followed:"})
    calls: list[dict[str, Any]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    url: str = ""
    _server: ThreadingHTTPServer | None = None

    def answers(self, *answers: Answer) -> None:
        """Give these in turn, the last one for ever."""
        waiting = list(answers)
        self.respond = lambda body: waiting.pop(0) if len(waiting) > 1 else waiting[0]

    def texts(self) -> Sequence[str]:
        return [call["text"] for call in self.calls]

    def start(self) -> RasaDouble:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def stop(self) -> None:
        self.released.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


def _handler(double: RasaDouble) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            double.calls.append({**body, "path": self.path, "authorization": self.headers.get("Authorization")})
            answer = double.respond(body)
            if answer.hang:
                double.released.wait(60)
                self.close_connection = True
                return
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if not answer.drip:
                self.wfile.write(answer.body)
                return
            try:
                for byte in answer.body:
                    if double.released.wait(answer.drip):
                        break
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
            except OSError:
                pass
            self.close_connection = True

        def do_GET(self) -> None:
            """Its status: a model is there."""
            body = b'{"model_file": "a-model.tar.gz"}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler
