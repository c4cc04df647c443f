"""A checkpoint told as a STAC Item with the fields of the machine-learning model extension (MLM 1.5).

Source: the STAC specification 1.1 and the MLM extension, https://github.com/stac-extensions/mlm.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from icssn.records import Bounds, Checkpoint

MLM = "https://stac-extensions.github.io/mlm/v1.5.2/schema.json"
FILE = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
WEIGHTS, CARD, ITEM = "model.safetensors", "card.json", "item.json"

_WHOLE_EARTH: Bounds = (-180.0, -90.0, 180.0, 90.0)


def item(checkpoint: Checkpoint, card: dict[str, Any], *, bounds: Iterable[Bounds] = ()) -> dict[str, Any]:
    """Describe a checkpoint.

    Args:
        checkpoint: Its row.
        card: What training wrote beside the weights.
        bounds: (west, south, east, north) of each scene that it learned from, in degrees; the whole Earth where none
            is known.

    Returns:
        A STAC Item, JSON-ready; the ``icssn:`` properties are ours.
    """
    west, south, east, north = _around(list(bounds) or [_WHOLE_EARTH])
    config = card["config"]
    size, terrain = config["chips"]["size_px"], config["encoder"].get("terrain", [])
    channels = config["encoder"]["bands"] + len(terrain)
    learned = {key: card.get(key) for key in ("revisions", "manifest_fingerprint", "seed", "device", "seconds")}
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [MLM, FILE],
        "id": checkpoint.id,
        "geometry": {
            "type": "Polygon",
            "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]],
        },
        "bbox": [west, south, east, north],
        "properties": {
            "datetime": _moment(checkpoint.created_at),
            "title": "Old-landslide detector",
            "description": "Finds old landslides in high-resolution imagery: a shared encoder with a DeepLabv3+ "
            "segmenter and an object classifier, trained in turns (ICSSN).",
            "mlm:name": f"icssn-{checkpoint.id[:8]}",
            "mlm:architecture": "ICSSN",
            "mlm:framework": "PyTorch",
            "mlm:tasks": ["semantic-segmentation", "classification"],
            "mlm:pretrained": config["encoder"]["weights"] != "none",
            "mlm:pretrained_source": "ImageNet" if config["encoder"]["weights"] == "embedded" else None,
            "mlm:accelerator": None,
            "mlm:input": [
                {
                    "name": ", then ".join(["Scene in its stretch, values 0 to 255", *terrain]),
                    "bands": [],
                    "input": {
                        "shape": [-1, channels, size, size],
                        "dim_order": ["batch", "channel", "height", "width"],
                        "data_type": "float32",
                    },
                    "value_scaling": [{"type": "z-score", "mean": 127.5, "stddev": 127.5}] * channels,
                }
            ],
            "mlm:output": [
                {
                    "name": "Probability of landslide for each pixel",
                    "tasks": ["semantic-segmentation"],
                    "result": {
                        "shape": [-1, size, size],
                        "dim_order": ["batch", "height", "width"],
                        "data_type": "float32",
                    },
                    "classification:classes": [
                        {"value": 0, "name": "background", "description": "No landslide"},
                        {"value": 1, "name": "landslide", "description": "Inside a landslide"},
                    ],
                }
            ],
            "mlm:hyperparameters": config,
            "icssn:threshold": checkpoint.threshold,
            "icssn:metrics": checkpoint.metrics,
            "icssn:run": checkpoint.run_id,
            "icssn:round": checkpoint.round,
            "icssn:parent": checkpoint.parent or None,
            "icssn:code_version": card.get("code_version"),
            **{f"icssn:{key}": value for key, value in learned.items()},
        },
        "links": [],
        "assets": {
            "model": {
                "href": f"./{WEIGHTS}",
                "title": "Weights",
                "type": "application/octet-stream",
                "roles": ["mlm:model", "mlm:weights"],
                "mlm:artifact_type": "safetensors.torch.save_file",
                "file:checksum": f"1220{checkpoint.sha256}",  # a multihash: 12 says SHA-256, 20 says 32 bytes
            },
            "card": {"href": f"./{CARD}", "title": "Card", "type": "application/json", "roles": ["metadata"]},
        },
    }


def _around(bounds: list[Bounds]) -> Bounds:
    wests, souths, easts, norths = zip(*bounds, strict=True)
    return min(wests), min(souths), max(easts), max(norths)


def _moment(when: dt.datetime) -> str:
    return when.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
