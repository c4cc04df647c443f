"""Train the run in a folder, in one process or, under torchrun, in several; goes on where an earlier call ended.

    torchrun --nproc-per-node 2 --max-restarts 3 -m icssn.training workspace/runs/ID

The folder is that of a run which was started and cancelled. When it has ended, "Go on from where it stopped" on the
page Train enters its model.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from icssn.config import TrainConfig
from icssn.environment import device_wish
from icssn.errors import CancelledError, IcssnError, NotFoundError
from icssn.nets.device import pick_device
from icssn.records import Progress
from icssn.training import rounds, together


def main(arguments: list[str] | None = None) -> int:
    """Run the command; gives the exit status."""
    parser = argparse.ArgumentParser(prog="icssn.training", description=__doc__)
    parser.add_argument("folder", type=Path, help="with config.json and chips/")
    parser.add_argument("--parent", type=Path, help="folder of the checkpoint that the run starts from")
    options = parser.parse_args(arguments)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        written = options.folder / rounds.CONFIG_NAME
        if not written.is_file():
            remedy = "Start the run, cancel it once its first steps are told, and give its folder."
            raise NotFoundError("begun run", str(options.folder), remedy=remedy)
        config = TrainConfig.model_validate_json(written.read_text(encoding="utf-8"))
        config = config.model_copy(update={"device": device_wish()})
        with together.joined(pick_device(config.device)):
            rounds.train(
                options.folder,
                options.folder / "chips",
                config=config,
                parent=options.parent,
                report=_tell,
                on_round=lambda _: None,
                stop=stop.is_set,
            )
    except CancelledError:
        return 0  # its state is kept; torchrun would start a failed process again
    except IcssnError as err:
        print(err, file=sys.stderr)
        return 1
    return 0


def _tell(progress: Progress) -> None:
    if together.leads():
        figures = ", ".join(f"{name} {value:.6g}" for name, value in progress.figures.items())
        print(f"{progress.fraction:6.1%}  {progress.message}  {figures}".rstrip(), flush=True)


if __name__ == "__main__":
    sys.exit(main())
