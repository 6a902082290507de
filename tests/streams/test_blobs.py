"""Files by reference, from folders and inline: what is given out, what is refused, and what is left behind."""

import hashlib
import socket
from base64 import b64encode
from pathlib import Path

import pytest

from schemas.errors import Reason, Refused, Unavailable
from schemas.events import FileRef
from streams.blobs import Blobs
from streams.file_rules import FileRules

CONTENT = b"a picture" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def ref(url: str, size: int = len(CONTENT), sha256: str = SHA256) -> FileRef:
    return FileRef(url=url, bytes=size, sha256=sha256)


def refusal(blobs: Blobs, file: FileRef) -> Reason:
    with pytest.raises(Refused) as refused, blobs.open(file):
        pass
    return refused.value.reason


@pytest.fixture
def allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "allowed"
    folder.mkdir()
    (folder / "a b.dcm").write_bytes(CONTENT)
    (tmp_path / "secret").write_bytes(CONTENT)
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "folder").mkdir()
    monkeypatch.chdir(folder)  # a socket's own path may not be long
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
    return folder


@pytest.fixture
def blobs(allowed: Path, tmp_path: Path) -> Blobs:
    copies = tmp_path / "copies"
    copies.mkdir()
    return Blobs(FileRules(allowed_folders=(allowed,), max_bytes=10**6), temp_folder=copies)


def test_a_local_file_is_read_where_it_lies(blobs: Blobs, allowed: Path) -> None:
    with blobs.open(ref(f"file://{allowed}/a%20b.dcm")) as path:
        assert path == allowed / "a b.dcm"


@pytest.mark.parametrize(
    ("url", "size", "sha256", "reason"),
    [
        pytest.param("file://{}/a%20b.dcm", 1, SHA256, Reason.SIZE_MISMATCH, id="longer-than-promised"),
        pytest.param("file://{}/a%20b.dcm", 10**5, SHA256, Reason.SIZE_MISMATCH, id="shorter"),
        pytest.param("file://{}/a%20b.dcm", 9000, "0" * 64, Reason.HASH_MISMATCH, id="other-content"),
        pytest.param("file://{}/a%20b.dcm", 10**7, SHA256, Reason.TOO_LARGE, id="over-the-limit"),
        pytest.param("file://{}/absent", 9000, SHA256, Reason.FILE_MISSING, id="absent"),
        pytest.param("file://{}/a%20b.dcm/absent", 9000, SHA256, Reason.FILE_MISSING, id="file-as-folder"),
        pytest.param(f"file://{{}}/{'a' * 300}", 9000, SHA256, Reason.FILE_NOT_ALLOWED, id="name-that-no-disk-holds"),
        pytest.param(f"file://{{}}{'/aa' * 2000}", 9000, SHA256, Reason.FILE_NOT_ALLOWED, id="path-too-long"),
        pytest.param("file://{}/socket", 9000, SHA256, Reason.FILE_NOT_ALLOWED, id="a-socket"),
        pytest.param("file://{}/folder", 9000, SHA256, Reason.FILE_NOT_ALLOWED, id="a-folder"),
        pytest.param("file://{}/../secret", 9000, SHA256, Reason.FILE_NOT_ALLOWED, id="dots"),
        pytest.param("file://{}/%2e%2e/secret", 9000, SHA256, Reason.FILE_NOT_ALLOWED, id="encoded-dots"),
        pytest.param("file://{}/link", 9000, SHA256, Reason.FILE_NOT_ALLOWED, id="link-that-leaves"),
        pytest.param("file://{}/a%00", 9000, SHA256, Reason.FILE_NOT_ALLOWED, id="nul"),
        pytest.param("file://server{}/a%20b.dcm", 9000, SHA256, Reason.FILE_NOT_ALLOWED, id="file-of-a-host"),
        pytest.param("{}/a b.dcm", 9000, SHA256, Reason.FILE_NOT_ALLOWED, id="bare-path"),
        pytest.param("http://localhost/a", 9000, SHA256, Reason.FILE_NOT_ALLOWED, id="plain-http"),
        pytest.param("https://localhost/a", 9000, SHA256, Reason.FILE_NOT_ALLOWED, id="host-not-allowed"),
        pytest.param("s3://bucket/a", 9000, SHA256, Reason.FILE_NOT_ALLOWED, id="bucket-not-allowed"),
        pytest.param("https://[", 9000, SHA256, Reason.FILE_NOT_ALLOWED, id="no-url"),
        pytest.param("file::file://{}/a", 9000, SHA256, Reason.FILE_NOT_ALLOWED, id="chained"),
    ],
)
def test_refused(blobs: Blobs, allowed: Path, url: str, size: int, sha256: str, reason: Reason) -> None:
    assert refusal(blobs, ref(url.format(allowed), size, sha256)) == reason


def test_a_file_that_changes_while_it_is_read_is_refused(blobs: Blobs, allowed: Path) -> None:
    with pytest.raises(Refused, match="hash-mismatch"), blobs.open(ref(f"file://{allowed}/a%20b.dcm")) as path:
        path.write_bytes(CONTENT[::-1])


def put_in_place_of_its_folder(path: Path) -> None:
    path.unlink()
    path.parent.rmdir()
    path.parent.write_bytes(CONTENT)


def test_a_file_whose_folder_becomes_a_file_is_refused_too(blobs: Blobs, allowed: Path) -> None:
    inside = allowed / "folder" / "a.dcm"
    inside.write_bytes(CONTENT)
    with pytest.raises(Refused, match="hash-mismatch"), blobs.open(ref(f"file://{inside}")) as path:
        put_in_place_of_its_folder(path)


def test_a_mount_that_is_gone_is_waited_for(tmp_path: Path) -> None:
    gone = Blobs(FileRules(allowed_folders=(tmp_path / "gone",)))
    with pytest.raises(Unavailable), gone.open(ref(f"file://{tmp_path}/gone/a.dcm")):
        pass


def test_inline_content_lies_in_a_file_that_is_removed(blobs: Blobs) -> None:
    with blobs.open(FileRef(inline=b64encode(CONTENT), sha256=SHA256)) as path:
        assert path.read_bytes() == CONTENT
    wrong = FileRef(inline=b64encode(b"other"), sha256=SHA256)
    assert refusal(blobs, wrong) == Reason.HASH_MISMATCH
    assert blobs.temp_folder is not None
    assert not list(blobs.temp_folder.iterdir())
