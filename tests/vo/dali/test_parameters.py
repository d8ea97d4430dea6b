from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vo.dali.errors import MultiValuedParamNotSupported, UsageFault
from vo.dali.parameters import Parameters, quoted, read_choice, read_maxrec


@pytest.mark.parametrize("name", ["QUERY", "query", "Query"])
def test_names_are_read_without_regard_to_case(name: str) -> None:
    assert Parameters([(name, "SELECT")]).one("QUERY") == "SELECT"


def test_values_keep_their_case_and_their_order() -> None:
    assert Parameters([("ID", "b"), ("id", "A"), ("Id", "")]).all("ID") == ("b", "A")


@pytest.mark.parametrize("pairs", [[], [("QUERY", "")], [("QUERY", " \t")], [("OTHER", "x")]], ids=str)
def test_absent_and_empty_parameters_are_the_same(pairs: list[tuple[str, str]]) -> None:
    assert Parameters(pairs).one("QUERY") is None


def test_a_repeated_parameter_is_refused_by_name() -> None:
    with pytest.raises(MultiValuedParamNotSupported, match=r"^MAXREC is given 3 times; give it once\.$"):
        Parameters([("MAXREC", "1"), ("maxrec", "1"), ("MaxRec", "2")]).one("MAXREC")


@given(st.integers(0, 10**40))
def test_maxrec_is_the_smaller_of_wish_and_hard_limit(wish: int) -> None:
    assert read_maxrec(str(wish), default=5, hard=1_000_000) == min(wish, 1_000_000)


def test_maxrec_has_a_default() -> None:
    assert read_maxrec(None, default=5, hard=10) == 5


@pytest.mark.parametrize("text", ["-1", "1.0", "1e3", "ten", "0x10", "1_000", "NaN", "inf", "1 2", "٣", "--1", "+-1"])
def test_what_is_no_whole_number_is_refused(text: str) -> None:
    with pytest.raises(UsageFault, match="MAXREC must be a whole number of zero or more"):
        read_maxrec(text, default=5, hard=10)


@pytest.mark.parametrize(("text", "value"), [("0", 0), (" 7 ", 7), ("+7", 7), ("007", 7), ("000", 0)])
def test_whole_numbers_have_several_spellings(text: str, value: int) -> None:
    assert read_maxrec(text, default=5, hard=10) == value


def test_choices_come_back_in_their_own_spelling() -> None:
    assert read_choice("LANG", " adql ", ["ADQL"], default="x") == "ADQL"
    assert read_choice("LANG", None, ["ADQL"], default="x") == "x"
    with pytest.raises(UsageFault, match=r"LANG='PQL' is not known here; known: ADQL, ADQL-2\.1\."):
        read_choice("LANG", "PQL", ["ADQL", "ADQL-2.1"], default="x")


def test_quoted_text_is_one_short_line() -> None:
    text = quoted("a\nb\t" + "x" * 1000)
    assert text.startswith("'a b xx")
    assert text.endswith("…'")
    assert len(text) < 70
