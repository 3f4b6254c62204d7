"""Parts and their references from folders of photos, for whoever installs Kenpin; on the floor, `@kenpin reference` does the same."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kenpin.storage import audit, parts
from kenpin.storage.audit import AuditKind
from kenpin.storage.database import reading, writing
from kenpin.storage.photos import PhotoStore
from kenpin.storage.vocabulary import GOOD, Part, Reference
from kenpin.tools import photo
from kenpin.tools.context import Site, as_reference_photos
from kenpin.tools.photo import PhotoError

PHOTO_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif"}
Progress = Callable[[str, int, int], None]  # what is being done, how many are done, of how many


class FolderError(ValueError):
    """A folder of photos cannot be used; says which and why."""


class PartNumberError(ValueError):
    """A part cannot be called this; says why."""


@dataclass(frozen=True, kw_only=True)
class Added:
    part: Part
    new: int  # references that were not there before
    refused: tuple[tuple[Path, str], ...]  # files that are no usable photos, and why


def add(site: Site, number: str, name: str | None, folders: Mapping[str, Path], progress: Progress) -> Added:
    """Add a part with the photos of each folder as references. folders: "good" or a defect class -> folder.

    The same photo twice changes nothing. Raises FolderError when a folder is missing or holds no photo.
    """
    return add_photos(site, number, name, [(state, file) for state, folder in folders.items() for file in photos_in(folder)], progress)


def add_photos(site: Site, number: str, name: str | None, files: Sequence[tuple[str, Path]], progress: Progress) -> Added:
    """The same with single files. files: "good" or a defect class, and the photo's file."""
    by = f"command line ({getpass.getuser()})"
    references, refused = [], []
    for done, (state, file) in enumerate(files):
        progress("reading photos", done, len(files))
        try:
            references.append(reference(site.photo_store, file, state))
        except PhotoError as error:
            refused.append((file, str(error)))
    with writing(site.engine) as conn:
        try:
            is_new_part = parts.add(conn, number, name, by)
        except ValueError as error:
            raise PartNumberError(str(error)) from error
        part = parts.find(conn, number)
        assert part is not None, "added in this transaction"
        new = parts.add_references(conn, part.number, references, by)
        if is_new_part:
            audit.append(conn, AuditKind.PART_ADDED, {"part": part.number, "name": name, "by": by})
        if new:
            seen = {"part": part.number, "new": new, "photos": [r.photo_sha256 for r in references], "by": by}
            audit.append(conn, AuditKind.REFERENCES_ADDED, seen)
    with reading(site.engine) as conn:
        part = parts.find(conn, number)
    assert part is not None, "added above"
    if part.good:
        site.eye.learn(as_reference_photos(part, site.photo_store), lambda done, of: progress("learning what good looks like", done, of))
    return Added(part=part, new=new, refused=tuple(refused))


def reference(store: PhotoStore, file: Path, state: str) -> Reference:
    """A photo file as a reference, in the photo store. Raises PhotoError."""
    data = file.read_bytes()
    checked = photo.check(data)
    return Reference(photo_sha256=store.put(data), shown_sha256=store.put(checked.shown_jpeg), state=state)


def photos_in(place: Path) -> tuple[Path, ...]:
    """The photo files in a folder, by name; or the one file given. Raises FolderError."""
    if place.is_file():
        return (place,)
    if not place.is_dir():
        raise FolderError(f"There is no file or folder {place}.")
    found = tuple(sorted(_files(place)))
    if not found:
        raise FolderError(f"The folder {place} holds no photo ({', '.join(sorted(PHOTO_SUFFIXES))}).")
    return found


def _files(folder: Path) -> Iterator[Path]:
    for file in folder.iterdir():
        if file.suffix.lower() in PHOTO_SUFFIXES and file.is_file():
            yield file


def good_and_bad(good: Path | None, bad: list[str]) -> dict[str, Path]:
    """`--good FOLDER` and each `--bad CLASS=FOLDER` as one mapping. Raises FolderError when one cannot be used."""
    folders: dict[str, Path] = {GOOD: good} if good else {}
    for word in bad:
        defect, equals, folder = word.partition("=")
        if not equals or not defect.strip() or not folder:
            raise FolderError(f"--bad {word!r} must be CLASS=FOLDER, such as --bad scratch=photos/scratch.")
        folders[defect.strip()] = Path(folder)
    for place in folders.values():
        photos_in(place)  # said now, before the models are loaded
    return folders
