"""Files by reference, from an https server and an s3 server that really answer."""

import hashlib
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import Reason, Refused, Unavailable
from schemas.events import FileRef
from streams.blobs import Blobs
from streams.file_rules import FileRules

CONTENT = b"a picture" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Store(BaseHTTPRequestHandler):
    """Answers by path: content, endless content, a redirect to itself, or a status."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        name = self.path.rsplit("/", 1)[-1]
        if "list-type" in name:  # s3 lists, to see whether what is absent is a folder
            self._start(200, len(b"<ListBucketResult/>"))
            self.wfile.write(b"<ListBucketResult/>")
        elif name.isdigit():
            self._start(int(name), 0)
        elif name == "elsewhere":
            self.send_response(302)
            self.send_header("Location", "/a.dcm")
            self._start(None, 0)
        elif name == "endless":
            self._start(200, 2**40)
            self._pour()
        elif self.command == "HEAD":
            self._start(200, len(CONTENT))
        else:
            self._send_range()

    def _send_range(self) -> None:
        asked = self.headers.get("Range")
        start, end = (int(edge) for edge in asked.removeprefix("bytes=").split("-")) if asked else (0, len(CONTENT) - 1)
        self._start(206 if asked else 200, len(CONTENT[start : end + 1]))
        self.wfile.write(CONTENT[start : end + 1])

    def _pour(self) -> None:
        try:
            while True:
                self.wfile.write(b"\0" * 65536)
        except OSError:
            self.close_connection = True

    def _start(self, status: int | None, length: int) -> None:
        if status is not None:
            self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.send_header("Last-Modified", "Tue, 24 Nov 2026 00:00:00 GMT")
        self.send_header("ETag", '"1"')
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


def serve(server: ThreadingHTTPServer) -> Iterator[int]:
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pem = tmp_path_factory.mktemp("tls") / "pem"
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    )
    subprocess.run([*command.split(), "-keyout", f"{pem}", "-out", f"{pem}.crt"], check=True, capture_output=True)
    pem.write_bytes(pem.read_bytes() + Path(f"{pem}.crt").read_bytes())
    return pem


@pytest.fixture(scope="module")
def https_port(certificate: Path) -> Iterator[int]:
    server = ThreadingHTTPServer(("localhost", 0), Store)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    yield from serve(server)


@pytest.fixture(scope="module")
def s3_port() -> Iterator[int]:
    yield from serve(ThreadingHTTPServer(("localhost", 0), Store))


def ref(url: str, size: int = len(CONTENT), sha256: str = SHA256) -> FileRef:
    return FileRef(url=url, bytes=size, sha256=sha256)


def refusal(blobs: Blobs, file: FileRef) -> Reason:
    with pytest.raises(Refused) as refused, blobs.open(file):
        pass
    return refused.value.reason


def s3_options(port: int) -> dict[str, Any]:
    return {"anon": True, "endpoint_url": f"http://localhost:{port}", "config_kwargs": {"retries": {"max_attempts": 0}}}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("a.dcm", None, id="content"),
        pytest.param("endless", Reason.SIZE_MISMATCH, id="more-than-promised-stops"),
        pytest.param("elsewhere", Reason.FILE_NOT_ALLOWED, id="redirects-are-not-followed"),
        pytest.param("404", Reason.FILE_MISSING, id="absent"),
        pytest.param("403", Reason.FILE_NOT_ALLOWED, id="denied"),
        pytest.param("503", Unavailable, id="server-trouble"),
        pytest.param("429", Unavailable, id="asked-to-wait"),
    ],
)
def test_https(
    https_port: int, certificate: Path, tmp_path: Path, name: str, expected: Reason | type[Unavailable] | None
) -> None:
    trusted = {"https": {"ssl": ssl.create_default_context(cafile=f"{certificate}.crt")}}
    blobs = Blobs(FileRules(allowed_hosts=(f"localhost:{https_port}",)), tmp_path, trusted)
    file = ref(f"https://localhost:{https_port}/{name}")
    if expected is None:
        with blobs.open(file) as path:
            assert path.read_bytes() == CONTENT
    elif isinstance(expected, Reason):
        assert refusal(blobs, file) == expected
    else:
        with pytest.raises(expected), blobs.open(file):
            pass
    assert not list(tmp_path.iterdir())


def test_an_untrusted_certificate_or_a_closed_port_is_waited_for(https_port: int, tmp_path: Path) -> None:
    blobs = Blobs(FileRules(allowed_hosts=(f"localhost:{https_port}", "localhost:1")), tmp_path)
    for port in (https_port, 1):
        with pytest.raises(Unavailable), blobs.open(ref(f"https://localhost:{port}/a.dcm")):
            pass


def test_s3(s3_port: int, tmp_path: Path) -> None:
    pytest.importorskip("s3fs", reason="needs the extra s3")
    options = s3_options(s3_port)
    blobs = Blobs(FileRules(allowed_buckets=("bucket",)), tmp_path, {"s3": options})
    with blobs.open(ref("s3://bucket/a.dcm")) as path:
        assert path.read_bytes() == CONTENT
    assert refusal(blobs, ref("s3://bucket/a.dcm", 10)) == Reason.SIZE_MISMATCH
    assert refusal(blobs, ref("s3://bucket/404")) == Reason.FILE_MISSING
    assert refusal(blobs, ref("s3://bucket/403")) == Reason.FILE_NOT_ALLOWED
    for bucket in ("s3://bucket", "s3://bucket/"):
        assert refusal(blobs, ref(bucket)) == Reason.FILE_NOT_ALLOWED
    assert not list(tmp_path.iterdir())


def test_an_s3_store_that_is_away_is_waited_for(tmp_path: Path) -> None:
    pytest.importorskip("s3fs", reason="needs the extra s3")
    options = s3_options(1)
    blobs = Blobs(FileRules(allowed_buckets=("bucket",)), tmp_path, {"s3": options})
    with pytest.raises(Unavailable), blobs.open(ref("s3://bucket/a.dcm")):
        pass
