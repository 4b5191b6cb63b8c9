"""A local HTTP server that speaks the Gemini REST protocol (v1beta ``generateContent``) as far as an advice needs it.

Answers are given in the order in which they were put in; the last one repeats. Enumerations are numbers, as the client asks for
with ``$alt=json;enum-encoding=int``.
"""

from __future__ import annotations

import base64
import json
import socket
import struct
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

FINISH = {"STOP": 1, "MAX_TOKENS": 2, "SAFETY": 3, "RECITATION": 4, "OTHER": 5, "PROHIBITED_CONTENT": 8, "IMAGE_SAFETY": 11}
BLOCK = {"SAFETY": 1, "OTHER": 2, "PROHIBITED_CONTENT": 4}


@dataclass(frozen=True)
class Reply:
    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: float = 0.0  # seconds before the first byte
    drip: float = 0.0  # seconds between single bytes of the body
    drip_header: float = 0.0  # seconds between single bytes of an endless header
    reset: bool = False  # drop the connection instead of answering


@dataclass(frozen=True)
class Seen:
    """One request as the server got it."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def image(self) -> bytes:
        parts = self.body["contents"][0]["parts"]
        return base64.b64decode(next(part["inlineData"]["data"] for part in parts if "inlineData" in part))

    @property
    def texts(self) -> list[str]:
        return [part["text"] for part in self.body["contents"][0]["parts"] if "text" in part]


class FakeGemini:
    """``with FakeGemini(reply, ...) as server``: ``server.url`` is the endpoint, ``server.seen`` what was asked."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.seen: list[Seen] = []
        self._closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> FakeGemini:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def _next(self, seen: Seen) -> Reply:
        self.seen.append(seen)
        return self.replies[min(len(self.seen), len(self.replies)) - 1]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                reply = fake._next(Seen(self.path, dict(self.headers), body))
                if fake._closing.wait(reply.wait):
                    return
                if reply.reset:
                    # Linger 0: close() sends RST.
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.close_connection = True
                    return
                try:
                    self._answer(reply)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            do_GET = do_POST

            def _answer(self, reply: Reply) -> None:
                if reply.drip_header:
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Endless: ")
                    self._drip(b"a" * 10_000, reply.drip_header)
                    return
                self.send_response(reply.status)
                for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                if reply.drip:
                    self._drip(reply.body, reply.drip)
                else:
                    self.wfile.write(reply.body)

            def _drip(self, content: bytes, seconds: float) -> None:
                for i in range(len(content)):
                    self.wfile.write(content[i : i + 1])
                    self.wfile.flush()
                    if fake._closing.wait(seconds):
                        return

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler


def said(text: str, finish: str = "STOP", **reply: Any) -> Reply:
    """The model's one candidate says ``text``."""
    candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": FINISH[finish], "index": 0}
    usage = {"promptTokenCount": 3000, "candidatesTokenCount": 300, "totalTokenCount": 3300}
    return Reply(json.dumps({"candidates": [candidate], "usageMetadata": usage}, ensure_ascii=False).encode(), **reply)


def advised(styles: Sequence[Mapping[str, Any]], **reply: Any) -> Reply:
    return said(json.dumps({"styles": list(styles)}, ensure_ascii=False), **reply)


def stopped(finish: str) -> Reply:
    """A candidate without content, ended by ``finish``."""
    return Reply(json.dumps({"candidates": [{"finishReason": FINISH[finish], "index": 0}]}).encode())


def blocked(reason: str) -> Reply:
    """The prompt itself was blocked: no candidate."""
    return Reply(json.dumps({"promptFeedback": {"blockReason": BLOCK[reason]}}).encode())


def failed(status: int, message: str = "failed", *, details: Sequence[Any] = (), **reply: Any) -> Reply:
    """Google's error object."""
    error = {"code": status, "message": message, "status": "ERROR", "details": list(details)}
    return Reply(json.dumps({"error": error}).encode(), status=status, **reply)


def closed_port() -> str:
    """An endpoint where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def elapsed(start: float) -> float:
    return time.monotonic() - start
