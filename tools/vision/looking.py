"""The network's looks at photos: close, from afar and in tiles; kept on disk by photo and way of looking, so that none is taken twice."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

from kenpin.tools.vision import photo, tiles, view
from kenpin.tools.vision.backbone import Backbone
from kenpin.tools.vision.foreground import Lie
from kenpin.tools.vision.photo import Pixels
from kenpin.tools.vision.tiles import Tiled
from kenpin.tools.vision.view import View

RECENT = 8  # photos whose views stay in memory


class Looking:
    """By photo's digest. Not for use from several threads at once. Every method raises PhotoUnreadableError."""

    def __init__(self, network: Backbone, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._network, self._folder = network, folder
        self._recent: OrderedDict[str, View] = OrderedDict()

    def view_of(
        self, digest: str, path: Path, *, close: bool, turn_deg: float = 0.0, pixels: Pixels | None = None, keep: bool = False
    ) -> View:
        """`pixels` when they are decoded already. Kept on disk when `keep`: references are, a question's photo (1.5 MiB) is not."""
        key, seen = self._kept(digest, close, turn_deg)
        if seen is None:
            seen = view.rounded(view.look(pixels or photo.read(path), self._network, close=close, turn_deg=turn_deg))
        if keep and not self._file(key).exists():
            view.save(seen, self._file(key))
        self._recent[key] = seen
        self._recent.move_to_end(key)
        while len(self._recent) > RECENT:
            self._recent.popitem(last=False)
        return seen

    def _kept(self, digest: str, close: bool, turn_deg: float) -> tuple[str, View | None]:
        """The look and the name it is kept by. A close look that found nothing to cut out is one at the whole photo as well."""
        key = f"{digest}-{'close' if close else 'frame'}-{turn_deg:g}"
        if (seen := self._recent.get(key) or view.load(self._file(key))) is None and not close and not turn_deg:
            cut_out = f"{digest}-close-0"
            whole = self._recent.get(cut_out) or view.load(self._file(cut_out))
            if whole is not None and whole.lie is Lie.FILLS:
                return cut_out, whole
        return key, seen

    def fits(self, path: Path, seen: View, count: int) -> bool:
        """Whether the photo is large enough for so many tiles each way."""
        return tiles.filled(path, seen.frame, self._network.patch) >= tiles.ENLARGED * count

    def tiles_filled(self, path: Path, seen: View) -> int:
        """How many tiles each way the photo's own pixels fill: 0, or FEWEST to MOST."""
        count = int(min(tiles.filled(path, seen.frame, self._network.patch), tiles.MOST))
        return count if count >= tiles.FEWEST else 0

    def in_tiles(self, digest: str, path: Path, seen: View, count: int, *, keep: bool = False) -> Tiled:
        """What `seen` shows of the photo once more, in so many tiles each way. Kept on disk (15 MiB for sixteen) when `keep`."""
        file = self._file(f"{digest}-{seen.lie}-{seen.frame.angle_deg:.3f}-{count}-tiles")
        tiled = tiles.load(file)
        if tiled is None:
            pixels = photo.read(path, tiles.wanted_px(seen.frame, count, self._network.patch))
            tiled = tiles.rounded(tiles.look(pixels, seen, count, self._network))
            if keep:
                tiles.save(tiled, file)
        return tiled

    def at_marked(self, marked: Pixels, close: bool, count: int | None) -> tuple[View, Tiled | None]:
        """Both looks at pixels that lie in no file; in tiles when `count` says how many."""
        seen = view.look(Pixels(photo.shrunk(marked.rgb, photo.LONG_SIDE_PX)), self._network, close=close)
        return seen, tiles.look(marked, seen, count, self._network) if count else None

    def _file(self, key: str) -> Path:
        return self._folder / f"{key}.npz"
