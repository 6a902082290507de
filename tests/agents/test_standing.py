from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from agents.standing import outcomes

METRICS = b'oncostream_events_total{role="clinical",outcome="evidence"} 7.0\n'


class Worker(BaseHTTPRequestHandler):
    """Answers as a worker's /metrics does."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(METRICS)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Worker) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/metrics"
        server.shutdown()


def test_a_worker_of_this_machine_is_asked_directly(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # which does not know us
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert outcomes(address) == {"clinical": {"evidence": 7}}
