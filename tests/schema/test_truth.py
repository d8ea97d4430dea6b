from __future__ import annotations

from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from schema.embedded import TruthError
from schema.truth import Truth, open_external


def test_a_truth_that_others_run_is_opened_by_its_address(truth: Truth) -> None:
    with open_external(truth.url) as opened, opened.engine.connect() as connection:
        assert connection.execute(sa.text("SHOW timezone")).scalar_one() == "UTC"
        assert make_url(opened.url).database == make_url(truth.url).database


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg2"])
def test_the_usual_spellings_of_the_scheme_are_taken(truth: Truth, scheme: str) -> None:
    _, rest = truth.url.split("://", 1)
    with open_external(f"{scheme}://{rest}") as opened:
        assert opened.url.startswith("postgresql://")


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("", "must look like postgresql://"),
        ("my database", "must look like postgresql://"),
        ("postgresql://host:port/x", "must look like postgresql://"),
        ("mysql://host/x", "must begin with postgresql://, not mysql://"),
        ("sqlite:///x", "must begin with postgresql://, not sqlite://"),
        ("postgresql://quipu:secret@127.0.0.1:1/x", "cannot be opened: .*refused"),
    ],
)
def test_an_address_that_leads_nowhere_is_told_in_one_sentence(address: str, sentence: str) -> None:
    with pytest.raises(TruthError, match=sentence) as caught:
        open_external(address)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_database_that_does_not_exist_is_told(truth: Truth) -> None:
    address = make_url(truth.url).set(database="nothing").render_as_string(hide_password=False)
    with pytest.raises(TruthError, match=r'cannot be opened: .*"nothing" does not exist'):
        open_external(address)


def test_a_database_in_another_encoding_is_refused(truth: Truth) -> None:
    name = f"quipu_latin_{uuid4().hex}"
    with truth.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        version = int(connection.execute(sa.text("SHOW server_version_num")).scalar_one())
        provider = "LOCALE_PROVIDER libc" if version >= 150_000 else ""
        connection.execute(
            sa.text(
                f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' {provider}"
            )
        )
        try:
            address = make_url(truth.url).set(database=name).render_as_string(hide_password=False)
            with pytest.raises(TruthError, match="has the encoding LATIN1"):
                open_external(address)
        finally:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
