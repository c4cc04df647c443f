"""The label editor on its map. What it saves and asks goes by routes (`label_routes`), so the page never runs again."""

from __future__ import annotations

from icssn import actions, landslide_record
from icssn.records import LabelClass, Scene
from icssn.store.workspace import Workspace
from icssn.ui import map as maps
from icssn.ui import payload, wording

LEGEND = [
    ("landslide", "landslide"),
    ("landslide_point", "landslide_point"),
    ("landslide_moderate", "landslide_moderate"),
    ("landslide_low", "landslide_low"),
    ("hard_negative", "hard_negative"),
    ("label_area", "label_area"),
]
KEYS = [
    ("D", "key_draw"),
    ("T", "key_point"),
    ("E", "key_edit"),
    ("R", "key_reshape"),
    ("K", "key_split"),
    ("O", "key_cut"),
    ("M", "key_merge"),
    ("1 2 3", "key_class"),
    ("A X U", "key_judge"),
    ("N P", "key_beside"),
    ("F", "key_fly"),
    ("Shift", "key_several"),
    ("← → ↑ ↓", "key_nudge"),
    ("Del", "key_delete"),
    ("Enter", "key_finish"),
    ("Backspace", "key_back"),
    ("Esc", "key_escape"),
    ("Shift", "key_trace"),
    ("Space", "key_pan"),
    ("G", "key_snap"),
    ("S", "key_swipe"),
    ("Ctrl+C / V", "key_copy"),
    ("Ctrl+Z / Y", "key_steps"),
    ("Ctrl+S", "save"),
]


def edit(ws: Workspace, scene: Scene) -> None:
    """Show the editor for a scene."""
    maps.show(
        "editor",
        scene,
        key=f"editor_{scene.id}",
        legend=LEGEND,
        keys=KEYS,
        options={
            "lookAlikes": payload.LOOK_ALIKES,
            "me": ws.actor.name,
            "sceneName": scene.name,
            "forms": {cls: landslide_record.form(cls) for cls in LabelClass},
            "warningWords": wording.group("warning"),
            "record": {
                "fields": wording.group("record"),
                "help": wording.group("record_help"),
                "codes": wording.group("record_code"),
                "groups": wording.group("record_group"),
                "groups_order": landslide_record.groups(),
            },
        },
        contents={"revision": actions.label_revision(ws, scene.id)},
    )
