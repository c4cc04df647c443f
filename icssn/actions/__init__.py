"""Everything a geologist can do, as one function each; the pages and the command line call nothing else.

Every verb takes the `Workspace` first, checks the actor's role, and either returns a record or raises an
`IcssnError` with nothing changed. Work of more than a second is queued as a job and returns at once.
"""

from icssn.actions.assigning import assign, list_assignments, people
from icssn.actions.catalogue import find_scene, list_scenes, remove_scene, rename_scene, restore_scene
from icssn.actions.crossvalidating import FOLDS, cross_validate, crossval_readiness, latest_cross_validation
from icssn.actions.disputes import disputed_labels
from icssn.actions.drafting import check_in, drafts, drop_draft, keep_draft, present
from icssn.actions.evidence import candidate_history, candidate_terrain, score_calibration
from icssn.actions.exchange import export_labels, import_labels, preview_import, preview_return
from icssn.actions.exporting import (
    export_inventory,
    inventory_file,
    latest_inventory,
    require_inventory_place,
    unpack_inventory,
)
from icssn.actions.labelling import (
    deleted_labels,
    label_history,
    label_revision,
    list_labels,
    restore_version,
    save_edits,
    save_steps,
    scene_history,
)
from icssn.actions.models import (
    IMPORTED,
    active_checkpoint,
    export_model,
    find_checkpoint,
    import_model,
    is_usable,
    list_checkpoints,
    model_card,
    model_experience,
    model_family,
    promote,
    terrain_of,
    track_model,
)
from icssn.actions.projects import back_up, load_demo, open_workspace, restore_backup
from icssn.actions.recording import check_labels, label_records, measure_label, measure_outline
from icssn.actions.rereading import (
    draw_second_reading,
    kept_from,
    read_again,
    reading_outcomes,
    reading_to_do,
    words_so_far,
)
from icssn.actions.returning import Returned
from icssn.actions.reviewing import (
    candidate_statuses,
    evaluate_scene,
    export_prediction,
    find_candidate,
    latest_prediction,
    list_candidates,
    list_predictions,
    predict_scene,
    require_prediction_place,
    review,
    review_queue,
)
from icssn.actions.scenes import (
    add_scene,
    import_dataset,
    map_file,
    register_scene,
    set_elevation,
    set_stretch,
)
from icssn.actions.suggesting import Suggestion, expected_gain, propose_area, suggest_areas
from icssn.actions.training import (
    compare_runs,
    find_run,
    list_rounds,
    list_runs,
    readiness,
    repeat_run,
    resume_run,
    run_journal,
    start_run,
)
from icssn.actions.whereabouts import NO_HEIGHTS, elevation_gone, image_gone, move_scene, prediction_gone
from icssn.actions.work import active_jobs, cancel_job, find_job, job_log, recent_jobs, stand_by, wait_for

__all__ = [
    # a project
    "open_workspace",
    "load_demo",
    "back_up",
    "restore_backup",
    # scenes
    "add_scene",
    "register_scene",
    "import_dataset",
    "set_elevation",
    "set_stretch",
    "rename_scene",
    "remove_scene",
    "restore_scene",
    "move_scene",
    "image_gone",
    "elevation_gone",
    "NO_HEIGHTS",
    "list_scenes",
    "find_scene",
    "map_file",
    # labels
    "list_labels",
    "label_revision",
    "save_edits",
    "label_history",
    "scene_history",
    "save_steps",
    "deleted_labels",
    "restore_version",
    "preview_import",
    "preview_return",
    "Returned",
    "import_labels",
    "export_labels",
    "check_labels",
    "disputed_labels",
    "label_records",
    "measure_label",
    "measure_outline",
    # drafts, and who else is there
    "keep_draft",
    "drafts",
    "drop_draft",
    "check_in",
    "present",
    # training and models
    "readiness",
    "start_run",
    "repeat_run",
    "resume_run",
    "compare_runs",
    "FOLDS",
    "crossval_readiness",
    "cross_validate",
    "latest_cross_validation",
    "list_runs",
    "find_run",
    "list_rounds",
    "run_journal",
    "IMPORTED",
    "list_checkpoints",
    "active_checkpoint",
    "find_checkpoint",
    "model_card",
    "model_experience",
    "model_family",
    "terrain_of",
    "is_usable",
    "promote",
    "export_model",
    "import_model",
    "track_model",
    # predictions and review
    "predict_scene",
    "list_predictions",
    "prediction_gone",
    "latest_prediction",
    "list_candidates",
    "candidate_statuses",
    "review_queue",
    "find_candidate",
    "candidate_terrain",
    "candidate_history",
    "score_calibration",
    "review",
    "Suggestion",
    "suggest_areas",
    "propose_area",
    "expected_gain",
    "require_prediction_place",
    "export_prediction",
    "export_inventory",
    "latest_inventory",
    "inventory_file",
    "require_inventory_place",
    "unpack_inventory",
    "evaluate_scene",
    # review shared between people
    "people",
    "assign",
    "list_assignments",
    "draw_second_reading",
    "reading_to_do",
    "kept_from",
    "words_so_far",
    "read_again",
    "reading_outcomes",
    # jobs
    "find_job",
    "active_jobs",
    "stand_by",
    "recent_jobs",
    "cancel_job",
    "job_log",
    "wait_for",
]
