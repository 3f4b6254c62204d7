"""Photos on disk."""

from __future__ import annotations

import hashlib
import stat
import threading
from pathlib import Path

import pytest

from kenpin.storage.errors import NotADigestError, PhotoDamagedError, PhotoMissingError
from kenpin.storage.photos import PhotoStore

DATA = b"\xff\xd8\xff a photo"
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> PhotoStore:
    return PhotoStore(tmp_path / "photos")


def files(store: PhotoStore) -> list[Path]:
    return [path for path in store.root.rglob("*") if path.is_file()]


def test_a_photo_comes_back_by_its_digest(store: PhotoStore) -> None:
    assert store.put(DATA) == SHA256
    assert store.get(SHA256) == DATA
    assert store.has(SHA256)
    assert store.path(SHA256).read_bytes() == DATA


def test_storing_a_photo_twice_keeps_one_file(store: PhotoStore) -> None:
    store.put(DATA)
    before = store.path(SHA256).stat().st_mtime_ns
    store.put(DATA)
    assert files(store) == [store.path(SHA256)]
    assert store.path(SHA256).stat().st_mtime_ns == before


def test_only_the_owner_can_read_a_photo(store: PhotoStore) -> None:
    store.put(DATA)
    assert stat.S_IMODE(store.path(SHA256).stat().st_mode) == 0o600


def test_many_threads_can_store_one_photo(store: PhotoStore) -> None:
    threads = [threading.Thread(target=store.put, args=(DATA,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert files(store) == [store.path(SHA256)]
    assert store.get(SHA256) == DATA


def test_an_altered_photo_is_not_given_out_and_is_healed_when_it_comes_again(store: PhotoStore) -> None:
    store.put(DATA)
    store.path(SHA256).write_bytes(DATA + b"!")
    with pytest.raises(PhotoDamagedError, match=r"has been altered or damaged\. Restore that file"):
        store.get(SHA256)
    store.put(DATA)
    assert store.get(SHA256) == DATA


def test_an_erased_photo_is_gone(store: PhotoStore) -> None:
    store.put(DATA)
    assert store.erase(SHA256)
    assert not store.erase(SHA256)
    assert not store.has(SHA256)
    with pytest.raises(PhotoMissingError, match="it was erased, or KENPIN_HOME names another folder"):
        store.get(SHA256)


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "", "a" * 63, "a" * 65, "A" * 64, "g" * 64, "a" * 64 + "\n", "/" + "a" * 63, "٣" * 64]
)
def test_no_name_leads_out_of_the_store(store: PhotoStore, name: str) -> None:
    for door in (store.path, store.get, store.has, store.erase):
        with pytest.raises(NotADigestError, match="is not a photo's sha256"):
            door(name)
