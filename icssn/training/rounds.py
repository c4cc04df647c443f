"""The run: rounds in which classification and segmentation learn in turn and hand the encoder to each other.

What the stages of a round are, the settings say (`TrainConfig.course`): the controls of the ablation are other courses.

A round ends with a checkpoint of the mean of all rounds' weights, see `icssn.training.settle`; the next one starts from
there, at a lower rate. Validation chooses thresholds, but neither steps nor rounds (decision 24).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import torch

from icssn import __version__
from icssn.config import EncoderConfig, TrainConfig
from icssn.durable import write_text
from icssn.errors import CheckpointRefusedError, NotTrainableError
from icssn.nets.checkpoint import load_checkpoint, save_checkpoint
from icssn.nets.device import describe, pick_device, tune_allocator
from icssn.nets.icssn import Icssn, build
from icssn.records import Manifest, Progress
from icssn.training import together
from icssn.training.dataset import open_chips
from icssn.training.learner import Learner
from icssn.training.progress import Pace
from icssn.training.settle import mean_weights, settle
from icssn.training.sitting import Journal, Sitting, read_journal, write_journal
from icssn.training.stage import learn_stage
from icssn.training.state import STATE_NAME, Position, identity

CONFIG_NAME = "config.json"


@dataclass(frozen=True)
class RoundResult:
    """A finished round: the mean of its weights and those of the rounds before it.

    Attributes:
        number: From 1.
        metrics: On the validation chips: ``val_f1 val_iou val_precision val_recall val_f1_half val_ap val_threshold
            val_min_object_px cls_accuracy cls_f1 cls_loss cls_prevalence cls_tp cls_fp cls_fn cls_tn``; where they say
            enough for it ``val_f1_low val_f1_high`` (`validate.judge_pixels`) and ``val_landslides val_found val_false
            val_search_threshold val_search_found val_search_false`` (`finding.judge_objects`); and ``seconds`` of the
            round.
        threshold: Probability from which on a pixel is landslide, chosen on validation.
        folder: Of the checkpoint: ``model.safetensors`` and ``card.json``.
        sha256: Of the weights file.
        seconds: Computed, over all sittings.
    """

    number: int
    metrics: dict[str, float]
    threshold: float
    folder: Path
    sha256: str
    seconds: float


@dataclass(frozen=True)
class TrainResult:
    """A finished run.

    Attributes:
        rounds: In order.
        device: What computed it.
        seconds: Computed, over all sittings.
    """

    rounds: tuple[RoundResult, ...]
    device: str
    seconds: float

    @property
    def last(self) -> RoundResult:
        """Give the round that is offered to the user."""
        return self.rounds[-1]


def train(
    folder: Path,
    chips: Path,
    *,
    config: TrainConfig,
    parent: Path | None,
    report: Callable[[Progress], None],
    on_round: Callable[[RoundResult], None],
    stop: Callable[[], bool],
) -> TrainResult:
    """Train on chips, or go on where an earlier call in the same folder ended.

    Args:
        folder: Of the run; gets ``config.json``, ``journal.json`` (what validation said when), ``state.pt`` while the
            run is unfinished, and ``round-<k>/`` with the checkpoint of round k.
        chips: As `icssn.chips.cut.cut` wrote them.
        config: Settings. On one machine's CPU equal settings, chips and parent give equal weights, however often the
            run was stopped. Under torchrun, processes share every batch; see `icssn.training.together`.
        parent: Folder of a checkpoint to start from instead of the encoder's starting weights.
        report: Told how far the run is, at most twice a second and whenever validation was asked.
        on_round: Told of each round after its checkpoint is whole; after a crash the last one may be told again.
        stop: Asked before each step; when true, the state is written and CancelledError raised.

    Raises:
        CancelledError: `stop` was true.
        NotTrainableError: The chips show no landslide, or nothing else; or other channels than the settings name.
        CheckpointRefusedError: The parent, or the unfinished run in `folder`, does not fit.
        ConfigError: The device or encoder wished for does not exist.
        DiskFullError: The disk is full; the run can go on later.
    """
    arrays = open_chips(chips, spots=config.point_weight > 0)
    _require_channels(arrays.manifest, config.encoder)
    device = pick_device(config.device)
    if device.type == "cpu":
        tune_allocator()
    model, ancestor = _start(config, parent)
    run = identity(config, fingerprint=arrays.manifest.fingerprint, parent=ancestor)
    journal = read_journal(folder, run=run) or Journal(run)
    if journal.done:
        return _result(folder, journal, device=device)
    if together.leads() and not (folder / CONFIG_NAME).exists():
        write_text(folder / CONFIG_NAME, config.model_dump_json(indent=2) + "\n")
    begin = Position(stage=config.course[0])
    learner = Learner(model, device=device, records=config.cuda_graphs)
    sitting = Sitting(folder, arrays, config, learner, Journal(run), parent=ancestor, position=begin)
    sitting.resume()
    together.agreed(None)  # nobody writes before all have read
    held_out = len(arrays.validation)
    pace = Pace(config, held_out=held_out, stored_px=arrays.stored_px, begin=sitting.position, report=report)
    with torch.random.fork_rng():  # the steps seed torch's own generators
        while not sitting.journal.done:
            learn_stage(sitting, pace=pace, stop=stop)
            if following := sitting.position.next_in(config.course):
                sitting.move(following)
                continue
            finished = _finish_round(sitting, pace)
            if together.leads():
                on_round(finished)
            sitting.journal.done = finished.number == config.rounds
            if not sitting.journal.done:
                sitting.move(Position(finished.number + 1, config.course[0]))
    sitting.tick()
    if together.leads():
        write_journal(folder, sitting.journal)
        (folder / STATE_NAME).unlink(missing_ok=True)
    return _result(folder, sitting.journal, device=device)


def _require_channels(manifest: Manifest, encoder: EncoderConfig) -> None:
    if (manifest.bands, manifest.terrain) != (encoder.bands, encoder.terrain):
        raise NotTrainableError(
            [
                f"The chips show {manifest.bands} band(s) and {len(manifest.terrain)} layer(s) of terrain, but the "
                f"settings ask for {encoder.bands} and {len(encoder.terrain)}: leave encoder.bands out, or cut the "
                "chips anew."
            ]
        )


def _start(config: TrainConfig, parent: Path | None) -> tuple[Icssn, str]:
    """Build the model, from the parent's weights where there is one; give it and the SHA-256 of these."""
    if parent is None:
        return build(config), ""
    ancestor, card = load_checkpoint(parent)
    blank = config.model_copy(update={"encoder": config.encoder.model_copy(update={"weights": "none"})})
    model = build(blank)
    try:
        model.load_state_dict(ancestor.state_dict())
    except RuntimeError as err:
        raise CheckpointRefusedError(
            parent.name,
            found="its network has another encoder, number of bands, terrain or decoder than the settings ask for",
            remedy="Train with the settings on its card, or start without a parent.",
        ) from err
    return model, str(card["sha256"])


def _finish_round(sitting: Sitting, pace: Pace) -> RoundResult:
    """Take the mean with the rounds before, settle it, write its checkpoint and enter the round into the journal."""
    learner, number = sitting.learner, sitting.position.round
    if number > 1:
        earlier, _ = load_checkpoint(_round_folder(sitting.folder, number - 1))
        learner.end(mean_weights(earlier.state_dict(), learner.weights(), rounds=number))
    weights, figures, counted = together.by_leader(
        lambda: settle(learner.model, sitting.chips, config=sitting.config, device=learner.device)
    )
    learner.end(weights)
    sitting.looked(figures)
    pace.tell(sitting.position, figures=figures, always=True)
    sitting.tick()
    journal, manifest = sitting.journal, sitting.chips.manifest
    seconds = journal.seconds - sum(entry["metrics"]["seconds"] for entry in journal.rounds)
    metrics = {**figures, "seconds": seconds}
    judged = [manifest.chips[int(index)] for index in sitting.chips.validation]
    card: dict[str, Any] = {
        "config": sitting.config.model_dump(mode="json"),
        "round": number,
        "metrics": metrics,
        "threshold": figures["val_threshold"],
        "min_object_px": int(figures["val_min_object_px"]),
        "bands": manifest.bands,
        "terrain": manifest.terrain,
        "normalisation": "x / 127.5 - 1 for stretched values 0..255",
        "revisions": manifest.revisions,
        "manifest_fingerprint": manifest.fingerprint,
        "parent_sha256": sitting.parent,
        "seed": sitting.config.seed,
        "device": describe(learner.device),
        "code_version": __version__,
        "seconds": journal.seconds,
        "data_seconds": journal.data_seconds,
        "validation": [
            {
                "scene": chip.scene_id,
                "col": chip.col,
                "row": chip.row,
                "tp_fp_fn_tn": [int(n) for n in astuple(counts)],
                "stands_for": chip.stands_for,
            }
            for chip, counts in zip(judged, counted, strict=True)
        ],
    }
    saved_in = _round_folder(sitting.folder, number)
    sha256 = together.by_leader(lambda: save_checkpoint(saved_in, learner.model, card))
    journal.rounds.append({"number": number, "metrics": metrics, "sha256": sha256})
    return _round_result(sitting.folder, journal.rounds[-1])


def _result(folder: Path, journal: Journal, *, device: torch.device) -> TrainResult:
    return TrainResult(
        rounds=tuple(_round_result(folder, entry) for entry in journal.rounds),
        device=describe(device),
        seconds=journal.seconds,
    )


def _round_result(folder: Path, entry: dict[str, Any]) -> RoundResult:
    number, metrics = entry["number"], entry["metrics"]
    return RoundResult(
        number=number,
        metrics=metrics,
        threshold=metrics["val_threshold"],
        folder=_round_folder(folder, number),
        sha256=entry["sha256"],
        seconds=metrics["seconds"],
    )


def _round_folder(folder: Path, number: int) -> Path:
    return folder / f"round-{number}"
