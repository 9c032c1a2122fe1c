"""The digits that come with the repository, read by the function that imports them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from stages.data import Mnist, MnistFileError, import_mnist, normalize

FILE = Path(__file__).parents[1] / "data" / "mnist.npz"
DIGESTS = Mnist(
    X_train="741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
    y_train="1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
    X_test="6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
    y_test="ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
)


@pytest.fixture(scope="module")
def mnist() -> Mnist:
    return import_mnist(FILE)


def arrays(**changes: np.ndarray) -> dict[str, np.ndarray]:
    """Make three digits to train on and two to test with, some of them changed."""
    whole = {
        "x_train": np.zeros((3, 28, 28), np.uint8),
        "y_train": np.arange(3, dtype=np.uint8),
        "x_test": np.zeros((2, 28, 28), np.uint8),
        "y_test": np.arange(2, dtype=np.uint8),
    }
    return whole | changes


def refusal(path: Path) -> str:
    """Return what import_mnist() says of a bad file, after the file's name, which must come first."""
    with pytest.raises(MnistFileError) as caught:
        import_mnist(path)
    file, problem = str(caught.value).split(": ", 1)
    assert file == str(path)
    return problem


def test_the_arrays_are_mnist_byte_for_byte(mnist: Mnist):
    """The bytes of all four arrays are those of the published files."""
    assert Mnist(*(hashlib.sha256(array.tobytes()).hexdigest() for array in mnist)) == DIGESTS


def test_the_digests_in_the_data_readme_are_the_tested_ones():
    """Whoever reads data/README.md sees the digests that are checked here."""
    text = FILE.with_name("README.md").read_text(encoding="utf-8")
    assert [digest for digest in DIGESTS if digest not in text] == []
    assert hashlib.sha256(FILE.read_bytes()).hexdigest() in text


def test_shapes_and_types(mnist: Mnist):
    """60000 and 10000 images of 28 by 28 bytes, with a label each."""
    assert [array.shape for array in mnist] == [(60000, 28, 28), (60000,), (10000, 28, 28), (10000,)]
    assert {array.dtype for array in mnist} == {np.dtype(np.uint8)}


def test_scaling_keeps_every_shade_apart():
    """0 becomes 0.0, 255 becomes 1.0, and the float32 of each shade is the rounded float64."""
    shades = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    scaled = normalize(shades, shades[:, :1])
    assert scaled.X_train.dtype == scaled.X_test.dtype == np.float32
    assert np.array_equal(scaled.X_train, (shades / 255.0).astype(np.float32))
    assert scaled.X_test.shape == (1, 1, 16)
    assert len(np.unique(scaled.X_train)) == 256


def test_a_small_file_of_the_same_layout_is_read(tmp_path: Path):
    """The number of images is free, so a subset can stand in for the whole."""
    path = tmp_path / "small.npz"
    np.savez(path, **arrays())
    assert [len(array) for array in import_mnist(path)] == [3, 3, 2, 2]


def test_a_missing_file_is_named(tmp_path: Path):
    """The message says how to get the file back."""
    assert "git checkout" in refusal(tmp_path / "mnist.npz")


@pytest.mark.parametrize("size", [0, 1, 1000, 2_000_000, 11_490_000])
def test_a_truncated_file_is_refused(tmp_path: Path, size: int):
    """A file cut anywhere is called damaged, not read in part."""
    path = tmp_path / "mnist.npz"
    path.write_bytes(FILE.read_bytes()[:size])
    assert "damaged" in refusal(path)


def test_a_flipped_bit_is_refused(tmp_path: Path):
    """A bit that rotted in the middle of the images is found by the archive's own checksum."""
    data = bytearray(FILE.read_bytes())
    data[5_000_000] ^= 1
    path = tmp_path / "mnist.npz"
    path.write_bytes(data)
    assert "damaged" in refusal(path)


def test_a_file_of_another_kind_is_refused(tmp_path: Path):
    """One bare array is no archive of four."""
    path = tmp_path / "mnist.npz"
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    assert "not an .npz" in refusal(path)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"x_train": np.zeros((3, 784), np.uint8)}, "x_train has shape (3, 784), not (n, 28, 28)"),
        ({"x_test": np.zeros((0, 28, 28), np.uint8)}, "x_test has shape (0, 28, 28)"),
        ({"y_train": np.zeros(2, np.uint8)}, "y_train has shape (2,), not (3,) for 3 images"),
        ({"x_test": np.zeros((2, 28, 28))}, "x_test is float64, not uint8"),
        ({"y_test": np.zeros(2, np.int64)}, "y_test is int64, not uint8"),
        ({"y_test": np.array([1, 10], np.uint8)}, "y_test holds 10, which is no digit"),
    ],
)
def test_arrays_that_are_not_digits_are_refused(tmp_path: Path, changes: dict[str, np.ndarray], problem: str):
    """Other shapes, types or labels are refused with the array's name, before anything trains on them."""
    path = tmp_path / "mnist.npz"
    np.savez(path, **arrays(**changes))
    assert problem in refusal(path)


def test_objects_are_not_unpickled(tmp_path: Path):
    """A file that would need pickle, that is could run code, is refused."""
    path = tmp_path / "mnist.npz"
    np.savez(path, allow_pickle=True, **arrays(y_test=np.array([{}, {}], dtype=object)))
    assert "pickle" in refusal(path)


def test_missing_arrays_are_named(tmp_path: Path):
    """A file with other names inside is refused with the names it lacks."""
    path = tmp_path / "mnist.npz"
    np.savez(path, x_train=np.zeros(3))
    assert refusal(path) == "lacks x_test, y_test, y_train"
