"""All settings of a run and of a prediction: frozen, typed, unknown keys refused; JSON out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from icssn import environment
from icssn.errors import ConfigError
from icssn.limits import AREA, COUNT, SEED, SIDE, WHOLE, WIDTH, too_large
from icssn.overrides import merged, parsed, read_toml


class Settings(BaseModel):
    """One group of settings: frozen, unknown keys and infinite numbers refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


AnySettings = TypeVar("AnySettings", bound=Settings)
TerrainLayer = Literal["slope", "curvature", "roughness", "shading"]


class EncoderConfig(Settings):
    """The shared feature extractor Φ."""

    name: str = "tu-tf_efficientnet_lite0"  #: segmentation_models_pytorch encoder name; "tu-" means timm
    weights: str = "embedded"  #: "embedded" (ImageNet, from a package), "none", or a .safetensors file
    bands: int = Field(3, ge=1, le=16)  #: of the image; with other than 3 the first layer is adapted
    terrain: tuple[TerrainLayer, ...] = ()  #: layers of the scene's elevation raster that are seen beside the image
    output_stride: Literal[8, 16, 32] = 32  #: px per cell of the deepest features; at 32 they join those before them

    @model_validator(mode="before")
    @classmethod
    def _without_depth(cls, given: Any) -> Any:
        """Drop what some cards still say: that there are five stages, as there always are."""
        if isinstance(given, dict) and given.get("depth") == 5:
            return {key: value for key, value in given.items() if key != "depth"}
        return given

    @field_validator("terrain")
    @classmethod
    def _each_once(cls, terrain: tuple[TerrainLayer, ...]) -> tuple[TerrainLayer, ...]:
        if len(set(terrain)) < len(terrain):
            raise ValueError("different layers of terrain")
        return terrain

    @property
    def channels(self) -> int:
        """Give the number of input channels: the bands of the image, then terrain."""
        return self.bands + len(self.terrain)


class ChipConfig(Settings):
    """How scenes are cut into chips, and which of them validate."""

    size_px: int = Field(192, ge=64, le=1024)  #: side of a training crop; 128 ties scores to the window
    margin_px: int = Field(48, ge=0, le=512)  #: stored beyond the crop on each side, so that crops can move
    validation_share: float = Field(0.25, gt=0, lt=0.6)  #: of the landslides, held out as one rectangle of blocks
    blocks: int = Field(6, ge=2, le=32)  #: blocks per side of the labelled area when the rectangle is sought
    buffer_px: Annotated[int, SIDE] = Field(192, ge=0)  #: kept from the held-out rectangle; less where few are labelled
    background_per_landslide: float = Field(1.5, ge=0)  #: background chips cut per landslide chip
    min_landslide_fraction: float = Field(0.01, ge=0, le=1)  #: a chip with less is no landslide chip
    point_radius_chips: float = Field(0.5, ge=0, le=2)  #: around a point's spot nothing is known, in sides of a chip
    min_landslides: Annotated[int, COUNT] = Field(4, ge=2)  #: fewer labelled landslides are refused


class ContrastConfig(Settings):
    """Contrastive learning in both sub-networks; values are our reconstruction, see docs/method.md."""

    ocl: Literal["supcon", "pair", "moco", "simsiam"] = "supcon"  #: form of the object-level loss
    ocl_weight: float = Field(0.5, ge=0)  #: λ_o beside the classification loss
    ocl_queue: Annotated[int, COUNT] = Field(512, ge=1)  #: past keys that "moco" remembers
    pair_margin: float = Field(1.0, gt=0, le=2)  #: distance from which on "pair" no longer repels
    socl_weight: float = Field(0.1, ge=0)  #: λ_s beside the segmentation loss
    temperature: float = Field(0.1, gt=0)  #: τ, divisor of cosine similarities
    dimensions: Annotated[int, WIDTH] = Field(128, ge=8)  #: of the contrastive space
    tap_stride: Literal[4, 8, 16] = 16  #: px per cell of SOCL; where the decoder reads coarser ones, what it gives
    anchors: Literal["hard", "random"] = "hard"  #: half of the anchors misclassified, or whatever chance draws
    socl_queue: Annotated[int, COUNT] = Field(0, ge=0)  #: past keys of boundary cells that SOCL remembers; 0: none
    band_radius_cells: Annotated[int, WIDTH] = Field(2, ge=1)  #: r, cells from the boundary that may be anchors
    landslide_cell_fraction: float = Field(0.75, gt=0.5, le=1)  #: ρ at or above which a cell is landslide
    background_cell_fraction: float = Field(0.25, ge=0, lt=0.5)  #: ρ at or below which a cell is background
    anchors_per_class: Annotated[int, COUNT] = Field(64, ge=1)  #: at most, per image and class
    warmup_share: float = Field(0.1, ge=0, lt=1)  #: first share of a segmentation stage without SOCL


Stage = Literal["classify", "segment", "joint"]
Rate = Annotated[int, Field(ge=1)]  #: of an atrous convolution, in cells


class StageConfig(Settings):
    """One stage of a round."""

    steps: Annotated[int, COUNT] = Field(ge=0)  #: optimiser steps
    batch_size: Annotated[int, WIDTH] = Field(8, ge=2)  #: chips per step
    learning_rate: float = Field(1e-3, gt=0)  #: AdamW peak, cosine to 0
    weight_decay: float = Field(1e-2, ge=0)


_WRITTEN_OUT = {"encoder", "chips", "contrast", "rounds", "seed", "paste_share"}
"""Of settings that name themselves all, as in runs and on cards; who asks for some leaves out most of these."""


class TrainConfig(Settings):
    """One run: rounds of classification and segmentation that share and hand back the encoder.

    Every control of docs/method.md is such a run with another course: ``("segment",)`` is segmentation alone,
    ``("joint",)`` learns both tasks in every step with the settings of `segment`, one round of the usual course is
    one-way transfer.
    """

    encoder: EncoderConfig = EncoderConfig()
    chips: ChipConfig = ChipConfig()
    contrast: ContrastConfig = ContrastConfig()
    rounds: int = Field(2, ge=1, le=5)  #: K
    course: tuple[Stage, ...] = Field(("classify", "segment"), min_length=1)  #: the stages of a round, in order
    classify: StageConfig = StageConfig(steps=80, batch_size=8)
    segment: StageConfig = StageConfig(steps=220, batch_size=8)
    looks: Annotated[tuple[float, ...], WHOLE] = (1.0,)  #: shares of a stage, then judged, to be shown
    later_round_rate: float = Field(0.5, gt=0, le=1)  #: learning rate of round k is multiplied by this once per round
    encoder_rate: float = Field(1.0, ge=0)  #: learning rate of the encoder, as a multiple of the heads'; 0: it rests
    frozen_stages: int = Field(0, ge=0, le=5)  #: encoder stages that rest where a run goes on from a model
    paste_share: float = Field(0.0, ge=0, le=1)  #: of a segmentation batch's views without a landslide get one pasted
    fade_share: float = Field(0.5, ge=0, le=1)  #: of those with one show it in the tone of its ground (decision 18)
    point_weight: float = Field(0.2, ge=0)  #: of a point's spot, in shares of a view; 0: spots are passed over
    wide_share: float = Field(0.0, ge=0, le=1)  #: of the segmentation steps see fewer chips, whole with their margins
    dice_weight: float = Field(0.0, ge=0)  #: soft Dice beside the cross-entropy
    decoder_channels: Annotated[int, WIDTH] = Field(128, ge=16)  #: of DeepLabv3+
    atrous_rates: Annotated[tuple[Rate, Rate, Rate], WIDTH] = (3, 6, 9)  #: small ones tile better than 12/24/36
    ema_decay: float = Field(0.99, ge=0, lt=1)  #: weight averaging; 0 switches it off
    seed: Annotated[int, SEED] = Field(0, ge=0)
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    cuda_graphs: bool = True  #: a graphics card replays the recorded kernels of a step, in half the time
    checkpoint_every_steps: Annotated[int, COUNT] = Field(50, ge=1)
    """A killed run repeats at most this many steps (on a graphics card 20 times as many); writing takes 1-2 s."""

    @model_validator(mode="before")
    @classmethod
    def _as_it_was(cls, given: Any) -> Any:
        """Read what runs and cards say from before there was fading, or a use of points for masks: they had none."""
        if isinstance(given, dict) and given.keys() >= _WRITTEN_OUT:
            return {"fade_share": 0.0, "point_weight": 0.0, **given}
        return given

    @field_validator("course")
    @classmethod
    def _ends_with_masks(cls, course: tuple[Stage, ...]) -> tuple[Stage, ...]:
        if len(set(course)) < len(course) or course[-1] == "classify":
            raise ValueError("different stages of which the last one learns masks ('segment' or 'joint')")
        return course

    def stage(self, name: Stage) -> StageConfig:
        """Give the settings of a stage; a joint one has those of segmentation."""
        return self.classify if name == "classify" else self.segment


class InferenceConfig(Settings):
    """How a checkpoint is applied to a scene."""

    core_px: Annotated[int | None, SIDE] = Field(None, ge=64)  #: side of a window's kept part; None: as memory allows
    halo_px: Annotated[int, SIDE] = Field(320, ge=0)  #: read around the core; less leaves seams (decision 6)
    min_object_px: Annotated[int | None, AREA] = Field(None, ge=0)  #: smaller are dropped; None: the checkpoint's
    simplify_px: float = Field(0.75, ge=0)  #: tolerance of the outlines
    threshold: float | None = Field(None, ge=0, le=1)  #: None: the checkpoint's own, chosen on validation
    aim: Literal["map", "search"] = "map"  #: which of its own: search misses fewer landslides, with looser outlines
    hint_share: float = Field(0.4, gt=0, le=1)  #: of the threshold, from which ground may be a weak hint
    hint_score: float = Field(0.5, ge=0, le=1)  #: of mask and classifier together, from which it is one
    most_hints: Annotated[int, COUNT] = Field(100, ge=0)  #: looked at by the classifier, per scene
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    backend: Literal["auto", "torch", "openvino"] = "auto"  #: auto: a graphics card, else OpenVINO, else torch
    workers: int = Field(1, ge=1, le=64)  #: processes of this machine that predict parts of the scene
    scheduler: str | None = None  #: address of a Dask scheduler whose workers predict them instead
    handover: str | None = None  #: address in a store where those leave parts; None: they see the workspace
    quality: Literal["fast", "high"] = "fast"  #: high: mean and spread of eight turned views, eight times as long

    @property
    def least_object_px(self) -> int:
        """Pixels below which objects are dropped, where no checkpoint has a say."""
        return MIN_OBJECT_PX if self.min_object_px is None else self.min_object_px


MIN_OBJECT_PX = 100
"""Objects with fewer pixels are dropped unless validation chose another size (docs/method.md)."""

QUICK: dict[str, Any] = {
    "rounds": 1,
    "course": ("segment",),
    "segment.steps": 60,
    "segment.learning_rate": 5e-4,
    "frozen_stages": 3,
}
"""Settings that make a run *quick*: all but the encoder's first stages go on from the last checkpoint for few steps on
masks, and are judged once. The classifier's last layer follows. What this costs in quality stands in
docs/benchmarks.md."""


def train_config(
    overrides: dict[str, Any] | None = None, *, quick: bool = False, file: Path | None = None
) -> TrainConfig:
    """Build a training config from defaults, an optional TOML file, the quick tier and dotted overrides.

    Args:
        overrides: e.g. ``{"segment.steps": 300}``; string values are read as TOML where possible.
        quick: Apply `QUICK` before the overrides.
        file: TOML with the same structure as `TrainConfig`.

    Raises:
        ConfigError: A key is unknown or a value out of range; the message names it.
    """
    nested = read_toml(file) if file else {}
    for dotted, value in {**(QUICK if quick else {}), **(overrides or {})}.items():
        level = nested
        *groups, key = dotted.split(".")
        for group in groups:
            level = level.setdefault(group, {})
            if not isinstance(level, dict):
                raise ConfigError(dotted, value, "a setting that exists")
        level[key] = parsed(value)
    defaults = TrainConfig().model_dump()
    try:
        return _meant(TrainConfig.model_validate(merged(defaults, nested)))
    except ValidationError as err:
        raise _refused(err) from err


def inference_config(overrides: dict[str, Any] | None = None) -> InferenceConfig:
    """Build the settings of a prediction: defaults, environment, then overrides such as ``{"quality": "high"}``.

    Raises:
        ConfigError: A key is unknown or a value out of range; the message names it.
    """
    wishes = {
        "device": environment.device_wish(),
        "scheduler": environment.dask_scheduler(),
        "handover": environment.dask_store(),
        **{key: parsed(value) for key, value in (overrides or {}).items()},
    }
    try:
        return _meant(InferenceConfig.model_validate(wishes))
    except ValidationError as err:
        raise _refused(err) from err


def _meant(settings: AnySettings) -> AnySettings:
    """Give settings that somebody asks for, if none of them is so large that it can only be a slip."""
    for name, value, most in too_large(settings):
        raise ConfigError(name, value, f"less than or equal to {most}")
    return settings


def _refused(err: ValidationError) -> ConfigError:
    """Say in our words what pydantic found first."""
    first = err.errors()[0]
    needed = first["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        needed = "a setting that exists"
    return ConfigError(".".join(str(part) for part in first["loc"]), first.get("input"), needed)
