"""What every record is: frozen, validated, JSON-ready; and the values that many of them hold."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry


def new_id() -> str:
    """Give a fresh identifier: 32 hexadecimal digits."""
    return uuid.uuid4().hex


def now() -> dt.datetime:
    """Give the present moment in UTC, to the millisecond (what a GeoPackage can keep)."""
    moment = dt.datetime.now(dt.UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


Geometry = Annotated[
    BaseGeometry,
    BeforeValidator(lambda value: shape(value) if isinstance(value, dict) else value),
    PlainSerializer(mapping, return_type=dict[str, Any]),
]
Id = Annotated[str, Field(pattern=r"^[0-9a-zA-Z_-]{1,64}$")]
Bounds = tuple[float, float, float, float]  # (west, south, east, north)
Affine6 = tuple[float, float, float, float, float, float]  # a, b, c, d, e, f as in affine.Affine


class Record(BaseModel):
    """A frozen value; unknown fields are refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        arbitrary_types_allowed=True,
        ser_json_inf_nan="strings",  # a nodata value of NaN survives JSON, and the JSON stays valid
    )
