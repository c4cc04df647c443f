"""The process in which an encoder is tried before a run is queued: ``python -m icssn.nets.encoder_child CONFIG``.

Whoever asks need not load torch. CONFIG is an `EncoderConfig` as JSON. Prints one JSON object: ``{}``, or
``{"setting": …}`` or ``{"checkpoint": …}`` with the parts of the refusal.
"""

from __future__ import annotations

import json
import sys

from icssn.config import EncoderConfig
from icssn.errors import CheckpointRefusedError, ConfigError
from icssn.nets.encoder import build_encoder


def main(config: str) -> None:
    """Build the encoder with its starting weights, and print why it cannot be built."""
    answer: dict[str, object] = {}
    try:
        build_encoder(EncoderConfig.model_validate_json(config))
    except ConfigError as err:
        answer = {"setting": err.parts}
    except CheckpointRefusedError as err:
        answer = {"checkpoint": err.parts}
    print(json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1])
