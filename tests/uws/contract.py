from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from uws.job import NOBODY, Client, ErrorSummary, Job, Result
from uws.phases import FINAL, LEGAL_CHANGES, Phase
from uws.store import InvalidTextError, JobNotFoundError, JobStore, PhaseConflictError

LATER = datetime(2100, 1, 1)
QUERY = (("LANG", "ADQL"), ("QUERY", "SELECT 'ω Cen'"))

# A way to each phase.
WAYS: dict[Phase, tuple[Phase, ...]] = {
    Phase.PENDING: (),
    Phase.HELD: (Phase.HELD,),
    Phase.QUEUED: (Phase.QUEUED,),
    Phase.EXECUTING: (Phase.QUEUED, Phase.EXECUTING),
    Phase.COMPLETED: (Phase.QUEUED, Phase.EXECUTING, Phase.COMPLETED),
    Phase.ERROR: (Phase.QUEUED, Phase.EXECUTING, Phase.ERROR),
    Phase.ABORTED: (Phase.ABORTED,),
    Phase.SUSPENDED: (Phase.QUEUED, Phase.EXECUTING, Phase.SUSPENDED),
    Phase.UNKNOWN: (Phase.QUEUED, Phase.EXECUTING, Phase.UNKNOWN),
    Phase.ARCHIVED: (Phase.ABORTED, Phase.ARCHIVED),
}


def job_in(store: JobStore, phase: Phase, owner: str | None = None) -> Job:
    job = store.create(QUERY, destruction=LATER, client=Client(owner))
    for after in WAYS[phase]:
        job = store.set_phase(job.job_id, job.phase, after)
    return job


class JobStoreContract:
    """What every job store must do; a subclass gives the fixtures `store` and `other_store`, of another service."""

    def test_a_new_job_is_pending_and_is_found_again(self, store: JobStore) -> None:
        job = store.create(QUERY, destruction=LATER, execution_duration=60, client=Client("ana"), run_id="run 1")
        assert job.phase is Phase.PENDING
        assert (job.parameters, job.destruction, job.execution_duration) == (QUERY, LATER, 60)
        assert (job.owner, job.run_id) == ("ana", "run 1")
        assert (job.start_time, job.end_time, job.quote, job.results, job.error_summary) == (None, None, None, (), None)
        assert store.get(job.job_id) == job

    def test_parameters_keep_their_order_and_come_more_than_once(self, store: JobStore) -> None:
        parameters = (("ID", "b"), ("ID", "a"), ("CIRCLE", "1 2 3"), ("ID", "b"), ("EMPTY", ""))
        job = store.create(parameters, destruction=LATER)
        assert store.get(job.job_id).parameters == parameters

    def test_long_parameters_are_kept(self, store: JobStore) -> None:
        text = "SELECT 1 -- " + "x" * 2_000_000
        assert store.get(store.create((("QUERY", text),), destruction=LATER).job_id).parameters == (("QUERY", text),)

    @pytest.mark.parametrize("text", ["nul\0", "half \ud800"], ids=["nul", "surrogate"])
    def test_what_is_not_text_is_refused(self, store: JobStore, text: str) -> None:
        with pytest.raises(InvalidTextError):
            store.create((("QUERY", text),), destruction=LATER)
        job = store.create((), destruction=LATER)
        with pytest.raises(InvalidTextError):
            store.update_parameters(job.job_id, (("QUERY", text),))
        assert store.get(job.job_id) == job

    def test_identifiers_cannot_be_guessed(self, store: JobStore) -> None:
        found = {store.create((), destruction=LATER).job_id for _ in range(20)}
        assert len(found) == 20
        assert min(len(job_id) for job_id in found) >= 22

    @pytest.mark.parametrize("job_id", ["", "nothing", "a\0b", "x" * 10_000], ids=["empty", "word", "nul", "long"])
    def test_a_job_that_does_not_exist_is_told(self, store: JobStore, job_id: str) -> None:
        store.create((), destruction=LATER)
        for ask in (
            store.get,
            store.delete,
            lambda name: store.set_phase(name, Phase.PENDING, Phase.QUEUED),
            lambda name: store.update_parameters(name, QUERY),
            lambda name: store.set_destruction(name, LATER),
        ):
            with pytest.raises(JobNotFoundError):
                ask(job_id)

    def test_services_do_not_see_each_others_jobs(self, store: JobStore, other_store: JobStore) -> None:
        job = job_in(store, Phase.QUEUED)
        with pytest.raises(JobNotFoundError):
            other_store.get(job.job_id)
        with pytest.raises(JobNotFoundError):
            other_store.delete(job.job_id)
        assert other_store.list_jobs(NOBODY) == ()
        assert other_store.claim("worker") is None
        assert other_store.recover() == ()
        assert other_store.delete_expired(LATER) == ()
        assert store.get(job.job_id) == job

    @pytest.mark.parametrize("before", Phase)
    def test_phases_change_only_as_the_table_says(self, store: JobStore, before: Phase) -> None:
        for after in Phase:
            job = job_in(store, before)
            if after in LEGAL_CHANGES[before]:
                assert store.set_phase(job.job_id, before, after).phase is after
            else:
                with pytest.raises(ValueError, match=f"is {before} cannot become {after}"):
                    store.set_phase(job.job_id, before, after)
                assert store.get(job.job_id) == job

    def test_a_change_that_starts_from_another_phase_does_nothing(self, store: JobStore) -> None:
        job = job_in(store, Phase.ABORTED)
        with pytest.raises(PhaseConflictError) as caught:
            store.set_phase(job.job_id, {Phase.EXECUTING, Phase.QUEUED}, Phase.ERROR)
        assert caught.value.phase is Phase.ABORTED
        assert store.get(job.job_id) == job

    def test_a_completed_job_has_results_and_times(self, store: JobStore) -> None:
        job = job_in(store, Phase.EXECUTING)
        results = (
            Result("result", "results/result", 12, "application/x-votable+xml"),
            Result("log", "results/log"),
        )
        done = store.set_phase(job.job_id, Phase.EXECUTING, Phase.COMPLETED, results=results)
        assert done.results == results
        assert done.start_time is not None
        assert done.end_time is not None
        assert done.creation_time <= done.start_time <= done.end_time
        assert store.get(job.job_id) == done

    def test_a_failed_job_says_why(self, store: JobStore) -> None:
        job = job_in(store, Phase.EXECUTING)
        summary = ErrorSummary("No column ωra.", "transient", has_detail=True)
        failed = store.set_phase(job.job_id, Phase.EXECUTING, Phase.ERROR, error_summary=summary)
        assert failed.error_summary == summary
        assert failed.end_time is not None
        assert store.get(job.job_id) == failed

    def test_only_one_of_many_changes_wins(self, store: JobStore) -> None:
        job = job_in(store, Phase.EXECUTING)
        ends = [Phase.COMPLETED, Phase.ABORTED, Phase.ERROR] * 4
        begin = threading.Barrier(len(ends))

        def finish(end: Phase) -> Phase | None:
            begin.wait()
            try:
                return store.set_phase(job.job_id, Phase.EXECUTING, end).phase
            except PhaseConflictError:
                return None

        with ThreadPoolExecutor(len(ends)) as pool:
            won = [phase for phase in pool.map(finish, ends) if phase is not None]
        assert won == [store.get(job.job_id).phase]

    def test_parameters_of_a_pending_job_can_be_replaced(self, store: JobStore) -> None:
        job = store.create((("ID", "a"), ("ID", "b"), ("POS", "CIRCLE 1 2 3")), destruction=LATER)
        changed = store.update_parameters(job.job_id, (("id", "c"), ("BAND", "1 2")))
        assert changed.parameters == (("POS", "CIRCLE 1 2 3"), ("id", "c"), ("BAND", "1 2"))
        assert store.get(job.job_id) == changed

    def test_values_of_accumulating_parameters_are_added(self, store: JobStore) -> None:
        job = store.create((("UPLOAD", "a,param:a"), ("QUERY", "SELECT 1")), destruction=LATER, run_id="old")
        given = (("upload", "b,param:b"), ("query", "SELECT 2"))
        changed = store.update_parameters(job.job_id, given, accumulating={"UPLOAD"}, run_id="new")
        assert changed.parameters == (("UPLOAD", "a,param:a"), ("upload", "b,param:b"), ("query", "SELECT 2"))
        assert changed.run_id == "new"
        assert store.update_parameters(job.job_id, ()).run_id == "new"

    def test_parameters_of_other_jobs_stay(self, store: JobStore) -> None:
        for phase in set(Phase) - {Phase.PENDING}:
            job = job_in(store, phase)
            with pytest.raises(PhaseConflictError):
                store.update_parameters(job.job_id, (("QUERY", "SELECT 2"),))
            assert store.get(job.job_id) == job

    def test_parameters_set_at_once_do_not_undo_each_other(self, store: JobStore) -> None:
        job = store.create((), destruction=LATER)
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda n: store.update_parameters(job.job_id, ((f"P{n}", "1"),)), range(20)))
        assert {name for name, _ in store.get(job.job_id).parameters} == {f"P{n}" for n in range(20)}

    def test_destruction_may_be_set_at_any_time(self, store: JobStore) -> None:
        for phase in Phase:
            job = job_in(store, phase)
            assert store.set_destruction(job.job_id, datetime(2050, 1, 1)).destruction == datetime(2050, 1, 1)

    def test_the_longest_time_may_be_set_until_the_job_begins(self, store: JobStore) -> None:
        for phase in (Phase.PENDING, Phase.HELD, Phase.QUEUED):
            assert store.set_execution_duration(job_in(store, phase).job_id, 10).execution_duration == 10
        for phase in {Phase.EXECUTING, *FINAL}:
            with pytest.raises(PhaseConflictError):
                store.set_execution_duration(job_in(store, phase).job_id, 10)

    def test_the_list_holds_the_owners_jobs_the_last_made_first(self, store: JobStore) -> None:
        mine = [job_in(store, Phase.PENDING, "ana") for _ in range(3)]
        job_in(store, Phase.PENDING, "ben")
        nobodys = job_in(store, Phase.PENDING)
        assert store.list_jobs(Client("ana")) == tuple(reversed(mine))
        assert store.list_jobs(NOBODY) == (nobodys,)
        assert store.list_jobs(Client("eve")) == ()

    def test_the_list_can_be_narrowed(self, store: JobStore) -> None:
        jobs = [job_in(store, phase) for phase in Phase]
        newest_first = list(reversed(jobs))
        assert store.list_jobs(NOBODY) == tuple(job for job in newest_first if job.phase is not Phase.ARCHIVED)
        assert store.list_jobs(NOBODY, phases={Phase.ARCHIVED}) == tuple(
            job for job in jobs if job.phase is Phase.ARCHIVED
        )
        assert {job.phase for job in store.list_jobs(NOBODY, phases=[Phase.QUEUED, Phase.HELD])} == {
            Phase.QUEUED,
            Phase.HELD,
        }
        middle = jobs[4]
        assert store.list_jobs(NOBODY, phases=set(Phase), after=middle.creation_time) == tuple(
            job for job in newest_first if job.creation_time > middle.creation_time
        )
        assert store.list_jobs(NOBODY, phases=set(Phase), last=2) == tuple(newest_first[:2])
        assert store.list_jobs(NOBODY, last=0) == ()

    def test_the_job_that_waited_longest_is_claimed_first(self, store: JobStore) -> None:
        first, second = store.create(QUERY, destruction=LATER), store.create(QUERY, destruction=LATER)
        store.set_phase(second.job_id, Phase.PENDING, Phase.QUEUED)
        store.set_phase(first.job_id, Phase.PENDING, Phase.QUEUED)
        job_in(store, Phase.PENDING)
        job_in(store, Phase.HELD)
        claimed = [store.claim("worker"), store.claim("worker"), store.claim("worker")]
        assert [job and job.job_id for job in claimed] == [second.job_id, first.job_id, None]
        assert claimed[0] is not None
        assert claimed[0].phase is Phase.EXECUTING
        assert claimed[0].start_time is not None
        assert store.get(second.job_id) == claimed[0]

    def test_those_who_wait_take_turns(self, store: JobStore) -> None:
        many, few, signed_in = Client(address="192.0.2.1"), Client(address="192.0.2.2"), Client("ana", "192.0.2.1")
        crowd = [many] * 4 + [few] * 2 + [signed_in] * 2
        queued = [store.create((), destruction=LATER, client=who, phase=Phase.QUEUED) for who in crowd]
        begun = [store.claim("worker") for _ in crowd]
        assert [job and (job.owner, job.address) for job in begun] == [
            (None, "192.0.2.1"),
            (None, "192.0.2.2"),
            ("ana", None),
            (None, "192.0.2.1"),
            (None, "192.0.2.2"),
            ("ana", None),
            (None, "192.0.2.1"),
            (None, "192.0.2.1"),
        ]
        assert [job.job_id for job in begun if job and job.address == "192.0.2.1"] == [
            job.job_id for job in queued if job.address == "192.0.2.1"
        ]

    def test_a_job_may_be_made_in_the_queue(self, store: JobStore) -> None:
        first = store.create(QUERY, destruction=LATER, phase=Phase.QUEUED)
        store.create(QUERY, destruction=LATER, phase=Phase.QUEUED)
        claimed = store.claim("worker")
        assert claimed is not None
        assert claimed.job_id == first.job_id

    def test_who_is_signed_in_sees_own_jobs_and_nobody_those_of_the_same_address(self, store: JobStore) -> None:
        here, there = Client(address="192.0.2.1"), Client(address="192.0.2.2")
        ana = Client("ana", "192.0.2.1")
        jobs = {who: store.create((), destruction=LATER, client=who) for who in (here, there, ana)}
        for who, job in jobs.items():
            assert store.list_jobs(who) == (job,)
        assert store.list_jobs(Client("ana", "192.0.2.7")) == (jobs[ana],)
        assert {job.job_id for job in store.list_jobs(None)} == {job.job_id for job in jobs.values()}

    def test_phases_of_many_jobs_are_told_at_once(self, store: JobStore, other_store: JobStore) -> None:
        queued, aborted = job_in(store, Phase.QUEUED), job_in(store, Phase.ABORTED)
        others = job_in(other_store, Phase.QUEUED)
        assert store.phases_of([queued.job_id, aborted.job_id, others.job_id, "nothing"]) == {
            queued.job_id: Phase.QUEUED,
            aborted.job_id: Phase.ABORTED,
        }
        assert store.phases_of([]) == {}

    def test_a_worker_hands_its_jobs_back_as_if_it_had_not_begun_them(self, store: JobStore) -> None:
        jobs = [job_in(store, Phase.QUEUED) for _ in range(3)]
        for worker in ("ending", "ending", "going on"):
            assert store.claim(worker) is not None
        back = store.hand_back("ending")
        assert {job.job_id for job in back} == {jobs[0].job_id, jobs[1].job_id}
        assert {(job.phase, job.attempts, job.start_time) for job in back} == {(Phase.QUEUED, 0, None)}
        assert store.get(jobs[2].job_id).phase is Phase.EXECUTING
        again = [store.claim("new"), store.claim("new")]
        assert [job and job.job_id for job in again] == [jobs[0].job_id, jobs[1].job_id]

    def test_two_workers_never_get_the_same_job(self, store: JobStore) -> None:
        queued = {job_in(store, Phase.QUEUED).job_id for _ in range(60)}

        def work(worker: str) -> list[str]:
            taken = []
            while (job := store.claim(worker)) is not None:
                taken.append(job.job_id)
            return taken

        with ThreadPoolExecutor(8) as pool:
            taken = [job_id for found in pool.map(work, [f"worker {n}" for n in range(8)]) for job_id in found]
        assert len(taken) == 60
        assert set(taken) == queued

    def test_jobs_of_workers_that_are_gone_wait_again(self, store: JobStore) -> None:
        jobs = [job_in(store, Phase.QUEUED) for _ in range(2)]
        assert store.claim("dead") is not None
        assert store.claim("alive") is not None
        (recovered,) = store.recover(alive={"alive"})
        assert (recovered.job_id, recovered.phase) == (jobs[0].job_id, Phase.QUEUED)
        assert store.get(jobs[1].job_id).phase is Phase.EXECUTING
        again = store.claim("new")
        assert again is not None
        assert (again.job_id, again.attempts) == (jobs[0].job_id, 2)

    def test_a_job_that_kills_its_workers_ends_with_an_error(self, store: JobStore) -> None:
        job = job_in(store, Phase.QUEUED)
        for _ in range(2):
            assert store.claim("worker") is not None
            assert [lost.phase for lost in store.recover(most_attempts=3)] == [Phase.QUEUED]
        assert store.claim("worker") is not None
        (ended,) = store.recover(most_attempts=3)
        assert ended.phase is Phase.ERROR
        assert ended.error_summary is not None
        assert "interrupted 3 times" in ended.error_summary.message
        assert ended.end_time is not None
        assert store.get(job.job_id) == ended
        assert store.claim("worker") is None

    def test_recovery_leaves_all_other_jobs_alone(self, store: JobStore) -> None:
        jobs = [job_in(store, phase) for phase in Phase if phase is not Phase.EXECUTING]
        assert store.recover() == ()
        assert [store.get(job.job_id) for job in jobs] == jobs

    def test_a_job_can_be_deleted_in_any_phase_once(self, store: JobStore) -> None:
        for phase in Phase:
            job = job_in(store, phase)
            assert store.delete(job.job_id) == job
            with pytest.raises(JobNotFoundError):
                store.delete(job.job_id)
            with pytest.raises(JobNotFoundError):
                store.set_phase(job.job_id, {Phase.EXECUTING}, Phase.COMPLETED)

    def test_jobs_are_deleted_when_their_time_has_come(self, store: JobStore) -> None:
        now = datetime(2050, 1, 1)
        early, exact, late = (store.create((), destruction=now + timedelta(seconds=seconds)) for seconds in (-1, 0, 1))
        assert {job.job_id for job in store.delete_expired(now)} == {early.job_id, exact.job_id}
        assert store.delete_expired(now) == ()
        assert store.get(late.job_id) == late
