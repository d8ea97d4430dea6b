from __future__ import annotations

from schema.jobs import PHASES
from uws.phases import FINAL, LEGAL_CHANGES, Phase


def test_the_table_has_every_phase_of_the_standard() -> None:
    assert set(LEGAL_CHANGES) == set(Phase)
    assert {phase.value for phase in Phase} == set(PHASES)


def test_a_job_that_has_ended_can_only_be_archived() -> None:
    for phase in FINAL:
        assert LEGAL_CHANGES[phase] <= {Phase.ARCHIVED}


def test_a_job_that_may_still_run_can_be_aborted() -> None:
    for phase in set(Phase) - FINAL:
        assert Phase.ABORTED in LEGAL_CHANGES[phase]


def test_no_phase_follows_itself() -> None:
    assert [phase for phase in Phase if phase in LEGAL_CHANGES[phase]] == []
