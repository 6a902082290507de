"""Bags of features, from .npz and HDF5, as numpy and h5py write them."""

from pathlib import Path
from zipfile import ZipFile

import h5py
import numpy as np
import pytest
from numpy.lib.format import write_array_header_1_0
from numpy.typing import NDArray

from model.readers.bag import BagLimits, read_hdf5, read_npz
from schemas.errors import Reason, Refused

LIMITS = BagLimits(rows=4)
FEATURES = np.random.default_rng(1).normal(size=(10, 3))


def save(path: Path, features: NDArray[np.generic]) -> Path:
    if path.suffix == ".npz":
        np.savez_compressed(path, features=features)
    else:
        with h5py.File(path, "w") as file:
            file.create_dataset("features", data=features, chunks=True, compression="gzip")
    return path


def read(path: Path, limits: BagLimits = LIMITS) -> list[NDArray[np.float32]]:
    return list((read_npz if path.suffix == ".npz" else read_hdf5)(path, limits))


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
@pytest.mark.parametrize("kind", ["<f8", ">f4", "<f2", "<i4"])
def test_chunks_hold_all_rows_in_order(tmp_path: Path, suffix: str, kind: str) -> None:
    features = (FEATURES * 10).astype(kind)
    chunks = read(save(tmp_path / f"a{suffix}", features))
    assert [len(chunk) for chunk in chunks] == [4, 4, 2]
    assert {chunk.dtype for chunk in chunks} == {np.dtype("float32")}
    np.testing.assert_array_equal(np.concatenate(chunks), features.astype(np.float32))


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
@pytest.mark.parametrize(
    ("features", "reason"),
    [
        pytest.param(np.array([[1.0, np.nan]]), Reason.UNREADABLE_FILE, id="nan"),
        pytest.param(np.array([[1e300, 1.0]]), Reason.UNREADABLE_FILE, id="too-great-for-float32"),
        pytest.param(np.zeros(3), Reason.UNREADABLE_FILE, id="rank-1"),
        pytest.param(np.zeros((1, 2, 3)), Reason.UNREADABLE_FILE, id="rank-3"),
        pytest.param(np.array([[b"a", b"b"]]), Reason.UNREADABLE_FILE, id="text"),
        pytest.param(np.zeros((1, 1000)), Reason.TOO_LARGE, id="too-wide"),
        pytest.param(np.zeros((200, 100)), Reason.TOO_LARGE, id="too-many-bytes"),
    ],
)
def test_a_bag_is_refused(tmp_path: Path, suffix: str, features: NDArray[np.generic], reason: Reason) -> None:
    with pytest.raises(Refused) as refused:
        read(save(tmp_path / f"a{suffix}", features), BagLimits(width=999, total_bytes=10**5))
    assert refused.value.reason == reason


def test_an_empty_bag_has_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="nothing-to-read"):
        read(save(tmp_path / "a.npz", np.zeros((0, 3))))


def test_objects_are_refused_and_never_unpickled(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (Path(tmp_path / "sprung"),)  # type: ignore[return-value]

    np.savez(tmp_path / "a.npz", features=np.array([[Trap()]], dtype=object))
    with pytest.raises(Refused, match="unreadable-file"):
        read(tmp_path / "a.npz")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, suffix: str) -> None:
    whole = save(tmp_path / f"a{suffix}", FEATURES).read_bytes()
    for part in (0, 10, len(whole) // 2, len(whole) - 30):
        broken = tmp_path / f"broken{suffix}"
        broken.write_bytes(whole[:part])
        with pytest.raises(Refused, match="unreadable-file"):
            read(broken)


def test_a_negative_shape_is_refused_before_all_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with ZipFile(path, "w") as archive, archive.open("features.npy", "w") as member:
        write_array_header_1_0(member, {"descr": "<f4", "fortran_order": False, "shape": (4, -3)})
        member.write(bytes(4 * 4 * 1000))
    with pytest.raises(Refused, match="negative shape"):
        read(path)


def test_an_npz_without_features_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", other=FEATURES)
    with pytest.raises(Refused, match="no array `features`"):
        read(tmp_path / "a.npz")


@pytest.mark.parametrize("way", ["external-link", "soft-link", "external-storage", "virtual"])
def test_hdf5_that_points_elsewhere_is_refused(tmp_path: Path, way: str) -> None:
    other = save(tmp_path / "other.h5", FEATURES.astype(np.float32))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        if way == "external-link":
            file["features"] = h5py.ExternalLink(str(other), "/features")
        elif way == "soft-link":
            file["features"] = h5py.SoftLink("/elsewhere")
        elif way == "external-storage":
            file.create_dataset("features", (2, 2), "u1", external=[(str(other), 0, 4)])
        else:
            layout = h5py.VirtualLayout((10, 3), "f4")
            layout[:] = h5py.VirtualSource(str(other), "features", (10, 3))
            file.create_virtual_dataset("features", layout)
    with pytest.raises(Refused, match="unreadable-file"):
        read(tmp_path / "a.h5")
