"""The whole loop on real imagery, by the command line, as a geologist's script would run it.

Registers two scenes, imports the labels of the first, trains on it, predicts the second and judges the result
against its mask. Prints the seconds of every step and the figures; beside them the score of a predictor that never
looks at the image.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from report import parser_of, tell

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "bijie_scenes"
QUICK = ("--rounds", "1", "--steps", "60", "--set", "classify.steps=30")


def main() -> None:
    """Run the loop and print or write its figures."""
    parser = parser_of(__doc__, quick="one short round")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with train_scene.tif … test_scene_mask.tif")
    options = parser.parse_args()
    if not options.data.is_dir():
        sys.exit(f"No imagery at {options.data}: give its folder with --data.")
    with tempfile.TemporaryDirectory() as workspace:
        figures, rows = run_loop(options.data, Path(workspace), quick=options.quick)
    for row in rows:
        print(f"{row['seconds']:8.1f} s  icssn {row['command']}")
    tell("loop", options, figures, rows)


def run_loop(data: Path, workspace: Path, *, quick: bool) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Give the figures of one loop in a fresh workspace, and a row for each command."""
    rows: list[dict[str, Any]] = []

    def icssn(*words: object) -> dict[str, Any]:
        command = [sys.executable, "-c", "from icssn.cli import main; main()", *map(str, words), "--json"]
        begun = time.monotonic()
        done = subprocess.run(
            command, stdout=subprocess.PIPE, env={**os.environ, "ICSSN_WORKSPACE": str(workspace)}, check=False
        )
        answer: dict[str, Any] = json.loads(done.stdout)
        if done.returncode:
            sys.exit(answer["error"])
        shown = " ".join(Path(str(word)).name for word in words)
        rows.append({"command": shown, "seconds": time.monotonic() - begun})
        return answer

    icssn("init")
    icssn("scene", "add", data / "train_scene.tif", "--name", "train")
    icssn("scene", "add", data / "test_scene.tif", "--name", "test")
    icssn("labels", "import", data / "train_scene_labels.gpkg", "--scene", "train", "--complete")
    trained = icssn("train", "--scene", "train", *(QUICK if quick else ()))
    icssn("predict", "--scene", "test")
    judged = icssn("evaluate", "--scene", "test", "--truth", data / "test_scene_mask.tif")
    figures = {"total_s": sum(row["seconds"] for row in rows), "train_s": trained["seconds"], **judged["metrics"]}
    return figures, rows


if __name__ == "__main__":
    main()
