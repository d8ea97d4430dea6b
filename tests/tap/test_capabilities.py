"""What a TAP service tells registries and clients of its limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from lxml import etree

from tap.capabilities import tap_capabilities
from tap.service import TapService
from uws.limits import JobLimits

URL = "http://archive.example/tap"


def limits_of(service: TapService, name: str) -> list[tuple[str, str | None]]:
    access = etree.fromstring(tap_capabilities(service, URL)).find("capability[@standardID='ivo://ivoa.net/std/TAP']")
    return [(limit.tag, limit.text) for found in access.findall(name) for limit in found]


@pytest.mark.testdata
def test_times_are_those_of_jobs_where_there_are_jobs(service: TapService, check_xml: Callable[[bytes], None]) -> None:
    assert limits_of(service, "executionDuration") == [("default", "60"), ("hard", "60")]
    assert limits_of(service, "retentionPeriod") == []
    with_jobs = replace(service, job_limits=JobLimits(100, 200, timedelta(days=1), timedelta(days=2)))
    assert limits_of(with_jobs, "executionDuration") == [("default", "100"), ("hard", "200")]
    assert limits_of(with_jobs, "retentionPeriod") == [("default", "86400"), ("hard", "172800")]
    check_xml(tap_capabilities(with_jobs, URL))


def test_a_service_for_anybody_names_no_way_to_sign_in(service: TapService) -> None:
    document = etree.fromstring(tap_capabilities(service, URL))
    assert document.findall(".//{*}securityMethod") == []
