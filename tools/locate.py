"""The tool `locate`: where on the part a photo looks strange, and how large those places are."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, Field

from kenpin.storage.vocabulary import Region
from kenpin.tools.compare import compare
from kenpin.tools.context import Context
from kenpin.tools.domain import Unlike
from kenpin.tools.errors import CannotBeDoneError

NAME = "locate"


class Arguments(BaseModel):
    photo: int = Field(default=1, description="Which photo of the question, counted from 1.")


def locate(context: Context, index: int) -> tuple[Region, ...]:
    """The strange places of the photo at `index` (from 0), strongest first; they are on the comparison's map. Compares first if need be.

    Raises what `compare` raises, and CannotBeDoneError when the photo does not show the part.
    """
    with context.lock:
        found = compare(context, index)
        if isinstance(found, Unlike):
            raise CannotBeDoneError(f"Photo {index + 1} does not look like {found.part}, so no place of it can be said to be unusual.")
        with context.recorded(NAME, {"photo": index}, context.site.eye.model) as outputs:
            outputs.update(evidence(index, found.regions), map=found.map_sha256)
            context.located.add(index)
        return found.regions


def evidence(index: int, regions: tuple[Region, ...]) -> dict[str, Any]:
    marked = [{"where": r.where, "percent_of_part": round(100 * r.area_of_part, 1), "score": round(r.score, 4)} for r in regions]
    return {"photo": index + 1, "regions": marked}


def use(context: Context, photo: int = 1) -> tuple[str, tuple[Region, ...]]:
    """Find where on the part one photo looks unlike the good ones.

    Use it for questions of where, how many or how large. Returns each place's position (such as bottom left) and its size in percent of
    the part. It cannot measure millimetres.
    """
    index = context.photo_at(photo)
    regions = locate(context, index)
    return json.dumps(evidence(index, regions)), regions
