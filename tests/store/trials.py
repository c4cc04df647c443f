"""Hard trials of the label store: short in the tests, long in ``benchmarks/store.py``."""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerContext, SpawnContext
from typing import Any

from hypothesis import strategies as st

from icssn.records import Edits, LabelChange, LabelDeletion, NewLabel
from icssn.store import history, labels, scenes
from icssn.store.database import Database, open_database
from tests.store import children
from tests.store.samples import a_scene, drawn, square

Context = ForkServerContext | SpawnContext
Verb = tuple[str, int, int]  # what to do, with which of six labels, and a number to draw or to choose with

SAVES: st.SearchStrategy[list[list[Verb]]] = st.lists(
    st.lists(
        st.tuples(
            st.sampled_from(["create", "update", "delete", "restore", "undo"]), st.integers(0, 5), st.integers(0, 99)
        ),
        min_size=1,
        max_size=4,
    ),
    min_size=1,
    max_size=8,
)
"""Up to eight saves of up to four verbs each."""


def replay(db: Database, saves: list[list[Verb]]) -> None:
    """Make the saves on a fresh scene, and check that the history alone gives every state that the table had."""
    scene_id = scenes.add(db, a_scene()).id
    seen = {0: labels.current(db, scene_id)}

    def look(revision: int) -> None:
        assert revision == labels.revision(db, scene_id) == max(seen) + 1
        seen[revision] = labels.current(db, scene_id)

    for save in saves:
        there = {label.uid: label.version for label in labels.current(db, scene_id)}
        edits: dict[str, LabelChange | LabelDeletion | NewLabel] = {}
        for verb, which, number in save:
            uid = f"{scene_id}-{which}"
            if verb in ("restore", "undo") and uid not in edits:
                shapes = [v.version for v in labels.history(db, uid) if v.geometry_lonlat is not None]
                # To undo is to append the version before this one; that of a deletion is the last with a shape.
                older = [version for version in shapes if version < there.get(uid, 0)] if uid in there else shapes
                if chosen := (shapes[number % len(shapes) :] if verb == "restore" and shapes else older[-1:]):
                    there[uid] = labels.restore(db, uid, version=chosen[0], actor="ann").version
                    look(labels.revision(db, scene_id))
            elif verb == "create" and uid not in there:
                edits[uid] = NewLabel(uid=uid, geometry_lonlat=square(number), attributes={"n": number})
            elif verb == "update" and uid in there:
                edits[uid] = LabelChange(
                    uid=uid, expected_version=there[uid], geometry_lonlat=square(number), attributes={"n": number}
                )
            elif verb == "delete" and uid in there:
                edits[uid] = LabelDeletion(uid=uid, expected_version=there[uid])
        if edits:
            whole = Edits(
                created=tuple(edit for edit in edits.values() if isinstance(edit, NewLabel)),
                changed=tuple(edit for edit in edits.values() if isinstance(edit, LabelChange)),
                deleted=tuple(edit for edit in edits.values() if isinstance(edit, LabelDeletion)),
            )
            look(labels.save(db, scene_id, whole, actor="ann").revision)
    for revision, state in seen.items():
        assert labels.at_revision(db, scene_id, revision) == state


@dataclass
class Together:
    """What came of several processes that edited the same labels."""

    lost: int  # edits that were acknowledged, but are not in the table or not in the history
    conflicts: int
    seconds: list[float] = field(default_factory=list)  # of each acknowledged save


def write_together(url: str, context: Context, *, writers: int, times: int, hot: int) -> Together:
    """Let so many processes each add one, so many times, to counters on the same few labels."""
    db = open_database(url)
    scene_id = scenes.add(db, a_scene()).id
    uids = [label.uid for label in drawn(db, scene_id, hot, attributes={"count": 0})]
    pipes, running = [], []
    start = time.monotonic() + 2
    for _ in range(writers):
        here, there = context.Pipe()
        wishes = {"times": times, "start": start, "answers": there}
        running.append(context.Process(target=children.counts, args=(url, scene_id, uids), kwargs=wishes))
        running[-1].start()
        pipes.append(here)
    conflicts, seconds = 0, []
    for pipe, writer in zip(pipes, running, strict=True):
        assert pipe.poll(300)
        theirs = pipe.recv()
        conflicts, seconds = conflicts + theirs[0], seconds + theirs[1]
        writer.join()
    wanted = writers * times
    counted = sum(label.attributes["count"] for label in labels.current(db, scene_id))
    written = sum(version.operation == "update" for uid in uids for version in labels.history(db, uid))
    db.close()
    return Together(lost=max(wanted - counted, wanted - written), conflicts=conflicts, seconds=seconds)


@dataclass
class Killed:
    """What became of the saves of a process that was killed over and over."""

    acknowledged: int
    lost: int  # acknowledged saves of which anything is missing
    torn: int  # saves that are there by half, acknowledged or not
    unasked: int  # saves beyond the acknowledged and the one that each kill may have cut short


def kill_while_editing(url: str, context: Context, *, kills: int, seed: int = 0) -> Killed:
    """Kill an editing process (SIGKILL) so many times at random moments, and look for what it had been promised."""
    db = open_database(url)
    scene_id = scenes.add(db, a_scene()).id
    promised: dict[int, Any] = {}
    moments = random.Random(seed)
    for _ in range(kills):
        here, there = context.Pipe(duplex=False)
        writer = context.Process(target=children.edits_for_ever, args=(url, scene_id, there))
        writer.start()
        there.close()
        assert here.poll(60)
        time.sleep(moments.uniform(0.0, 0.15))
        writer.kill()
        writer.join()
        while here.poll():
            try:
                revision, touched = here.recv()
            except EOFError:
                break
            promised[revision] = touched
    revision = labels.revision(db, scene_id)
    found = {
        number: {
            (step.after.uid, step.after.version, step.after.operation) for step in history.steps(db, scene_id, number)
        }
        for number in range(1, revision + 1)
    }
    whole = {(3, 0, 0), (3, 1, 1)}  # created, changed, deleted by one save
    counts = [Counter(operation for _, _, operation in touched) for touched in found.values()]
    torn = sum((count["create"], count["update"], count["delete"]) not in whole for count in counts)
    torn += labels.current(db, scene_id) != labels.at_revision(db, scene_id, revision)
    db.close()
    return Killed(
        acknowledged=len(promised),
        lost=sum(found.get(number) != touched for number, touched in promised.items()),
        torn=torn,
        unasked=max(0, revision - len(promised) - kills),
    )
