"""The disposable process in which an unknown raster is first opened: ``python -m icssn.imagery.inspect_child PLACE``.

Prints one JSON object: ``{"facts": …}`` or ``{"refused": …}``.
"""

from __future__ import annotations

import json
import sys

from icssn.errors import RasterRefusedError

_MEMORY_BYTES = 3 << 30  # address space; numpy, GDAL and PROJ need under 1 GB of it
_FILE_BYTES = 0  # inspection writes nothing


def main(place: str, seconds: int) -> None:
    """Bound this process, inspect the raster and print what was found."""
    _bound(seconds)
    from icssn.imagery.open import inspect, raster_at  # after the bounds, so that they hold for GDAL too

    try:
        answer = {"facts": inspect(raster_at(place)).model_dump(mode="json")}
    except RasterRefusedError as err:
        answer = {"refused": err.parts}
    print(json.dumps(answer))


def _bound(seconds: int) -> None:
    if sys.platform == "win32":  # no rlimits there; the parent's timeout still holds
        return
    import resource

    limits = {
        resource.RLIMIT_AS: _MEMORY_BYTES,
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_FSIZE: _FILE_BYTES,
        resource.RLIMIT_CORE: 0,
    }
    for limit, wished in limits.items():
        _, highest = resource.getrlimit(limit)
        value = wished if highest == resource.RLIM_INFINITY else min(wished, highest)
        resource.setrlimit(limit, (value, value))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 120)
