"""The queue: each job is given once, ends once, and a dead worker's job is found."""

from __future__ import annotations

import threading
from multiprocessing.context import ForkServerContext

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from icssn.errors import BusyError, LostJobError, NotFoundError, QueueFullError
from icssn.records import Job, JobKind, JobState, Progress
from icssn.store import jobs
from icssn.store.database import Database
from tests.store import children


def _queued(db: Database, kind: JobKind = JobKind.train) -> Job:
    return jobs.add(db, Job(kind=kind, params={"scene_ids": ["a", "b"], "quick": True}))


def _claimed(db: Database, worker: str = "w") -> Job:
    claimed = jobs.claim(db, worker=worker)
    assert claimed is not None
    return claimed


def test_a_job_survives_the_table(db: Database) -> None:
    job = _queued(db)
    assert jobs.get(db, job.id) == job
    with pytest.raises(NotFoundError, match="no job 'x'"):
        jobs.get(db, "x")


def test_some_jobs_are_given_newest_first(db: Database) -> None:
    first, _, last = _queued(db), _queued(db), _queued(db)
    assert jobs.among(db, [first.id, "x", last.id]) == [last, first]
    assert jobs.among(db, []) == []


def test_jobs_are_claimed_oldest_first(db: Database) -> None:
    first, second = _queued(db), _queued(db)
    claimed = jobs.claim(db, worker="w1")
    assert claimed is not None
    assert (claimed.id, claimed.state, claimed.worker, claimed.attempts) == (first.id, JobState.running, "w1", 1)
    assert claimed.started_at is not None
    assert claimed.heartbeat_at is not None
    assert jobs.get(db, first.id) == claimed
    assert [job.id for job in jobs.active(db)] == [first.id, second.id]
    again = jobs.claim(db, worker="w2")
    assert again is not None
    assert again.id == second.id
    assert jobs.claim(db, worker="w3") is None


def test_four_processes_never_claim_a_job_twice(db: Database, url: str, processes: ForkServerContext) -> None:
    queued = [_queued(db).id for _ in range(48)]
    pipes, workers = [], []
    for number in range(4):
        here, there = processes.Pipe()
        workers.append(processes.Process(target=children.claims, args=(url, f"w{number}", there)))
        workers[-1].start()
        pipes.append(here)
    claimed = [pipe.recv() for pipe in pipes if pipe.poll(60)]
    for worker in workers:
        worker.join()
    assert sorted(job_id for share in claimed for job_id in share) == sorted(queued)
    assert {job.attempts for job in jobs.active(db)} == {1}


def test_a_second_job_of_a_kind_is_refused_while_one_is_alive(db: Database) -> None:
    job = jobs.add_unless_busy(db, Job(kind=JobKind.train))
    with pytest.raises(BusyError, match=f"train job is already queued \\(job {job.id}\\)"):
        jobs.add_unless_busy(db, Job(kind=JobKind.train))
    jobs.add_unless_busy(db, Job(kind=JobKind.predict))
    ticket = _claimed(db)
    with pytest.raises(BusyError, match="already running"):
        jobs.add_unless_busy(db, Job(kind=JobKind.train))
    jobs.finish(db, ticket, JobState.failed, error="No.")
    jobs.add_unless_busy(db, Job(kind=JobKind.train))


def test_of_many_threads_that_press_the_button_one_succeeds(db: Database) -> None:
    outcomes: list[str] = []

    def press() -> None:
        try:
            jobs.add_unless_busy(db, Job(kind=JobKind.train))
            outcomes.append("queued")
        except BusyError:
            outcomes.append("busy")

    threads = [threading.Thread(target=press) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["busy"] * 7 + ["queued"]


def test_progress_is_written_while_a_job_runs_only(db: Database) -> None:
    job = _queued(db)
    progress = Progress(fraction=0.5, message="Round 1", remaining_s=12.5, figures={"loss": float("inf")})
    assert not jobs.report(db, job, progress)
    assert jobs.get(db, job.id).progress.fraction == 0.0
    ticket = _claimed(db)
    assert jobs.report(db, ticket, progress)
    assert jobs.get(db, job.id).progress == progress
    done = jobs.finish(db, ticket, JobState.done, result={"run_id": "r"})
    assert (done.progress.fraction, done.progress.message, done.result) == (1.0, "Round 1", {"run_id": "r"})
    assert not jobs.report(db, ticket, progress)
    assert jobs.get(db, job.id) == done


def test_the_first_end_of_a_job_stands(db: Database) -> None:
    job = _queued(db)
    ticket = _claimed(db)
    failed = jobs.finish(db, ticket, JobState.failed, error="The disk is full.")
    assert failed.ended_at is not None
    assert jobs.finish(db, ticket, JobState.done) == failed == jobs.get(db, job.id)
    assert jobs.requeue(db, ticket) == failed
    assert jobs.request_cancel(db, job.id) == failed
    with pytest.raises(ValueError, match="cannot end as running"):
        jobs.finish(db, ticket, JobState.running)


def test_a_queued_job_is_cancelled_at_once_and_a_running_one_is_asked(db: Database) -> None:
    running, queued = _queued(db), _queued(db)
    jobs.claim(db, worker="w")
    assert jobs.request_cancel(db, queued.id).state is JobState.cancelled
    assert not jobs.cancel_requested(db, running.id)
    assert jobs.request_cancel(db, running.id).state is JobState.running
    assert jobs.cancel_requested(db, running.id)
    assert jobs.claim(db, worker="w") is None


def test_a_dead_workers_job_is_found_and_goes_back_to_its_place(db: Database) -> None:
    dead, waiting = _queued(db), _queued(db)
    ticket = _claimed(db, "w1")
    assert jobs.stale(db, older_than_s=60) == []
    assert [job.id for job in jobs.stale(db, older_than_s=-1)] == [dead.id]
    assert jobs.beat(db, ticket)
    assert jobs.requeue(db, ticket).state is JobState.queued
    assert jobs.stale(db, older_than_s=-1) == []
    claimed = jobs.claim(db, worker="w2")
    assert claimed is not None
    assert (claimed.id, claimed.attempts, claimed.worker) == (dead.id, 2, "w2")
    assert jobs.requeue(db, waiting).state is JobState.queued


def test_a_worker_that_was_taken_for_dead_and_returns_can_neither_report_nor_end_nor_publish(db: Database) -> None:
    job = _queued(db)
    slept = _claimed(db, "machine-a:1")
    jobs.report(db, slept, Progress(fraction=0.4))
    jobs.requeue(db, slept)
    holder = _claimed(db, "machine-b:1")
    assert holder.deaths == (0.4,)
    assert not jobs.report(db, slept, Progress(fraction=0.9))
    assert not jobs.beat(db, slept)
    assert jobs.finish(db, slept, JobState.done).state is JobState.running
    assert jobs.requeue(db, slept).worker == "machine-b:1"
    with pytest.raises(LostJobError, match=f"{job.id} was taken over"), db.write() as connection:
        jobs.require_held(connection, slept)
    with db.write() as connection:
        jobs.require_held(connection, holder)
    assert jobs.finish(db, holder, JobState.done).state is JobState.done


def test_a_queue_that_is_full_says_so_and_takes_more_when_there_is_room(db: Database) -> None:
    for _ in range(jobs.MAX_WAITING):
        _queued(db, JobKind.predict)
    with pytest.raises(QueueFullError, match="50 jobs wait already"):
        _queued(db, JobKind.predict)
    _claimed(db)
    _queued(db, JobKind.predict)


def test_a_dead_workers_job_that_should_stop_is_cancelled(db: Database) -> None:
    job = _queued(db)
    ticket = _claimed(db)
    jobs.request_cancel(db, job.id)
    assert jobs.requeue(db, ticket).state is JobState.cancelled


def test_recent_jobs_come_newest_first(db: Database) -> None:
    train, predict = _queued(db), _queued(db, JobKind.predict)
    assert [job.id for job in jobs.recent(db)] == [predict.id, train.id]
    assert [job.id for job in jobs.recent(db, kind=JobKind.train)] == [train.id]
    assert [job.id for job in jobs.recent(db, limit=1)] == [predict.id]


_ALLOWED = {
    JobState.queued: {JobState.queued, JobState.running, JobState.cancelled, JobState.done, JobState.failed},
    JobState.running: set(JobState),
    JobState.done: {JobState.done},
    JobState.failed: {JobState.failed},
    JobState.cancelled: {JobState.cancelled},
}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(verbs=st.lists(st.sampled_from(["claim", "cancel", "requeue", "done", "failed", "report"]), max_size=8))
def test_no_sequence_of_calls_revives_a_job_that_is_over(db: Database, verbs: list[str]) -> None:
    job = _queued(db)
    for verb in verbs:
        before = jobs.get(db, job.id)
        match verb:
            case "claim":
                jobs.claim(db, worker="w")
            case "cancel":
                jobs.request_cancel(db, job.id)
            case "requeue":
                jobs.requeue(db, before)
            case "report":
                jobs.report(db, before, Progress(fraction=0.3))
            case state:
                jobs.finish(db, before, JobState(state))
        after = jobs.get(db, job.id)
        assert after.state in _ALLOWED[before.state]
        assert (after.ended_at is not None) == after.state.is_over
        assert after == before or not before.state.is_over
    jobs.finish(db, jobs.get(db, job.id), JobState.cancelled)
