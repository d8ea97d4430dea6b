import json
from pathlib import Path

import pytest
from astropy.io import fits
from click.testing import CliRunner

from simulator.cli import simulate


def test_help_names_every_option() -> None:
    result = CliRunner().invoke(simulate, ["--help"])
    assert result.exit_code == 0
    for option in ("--night", "--out", "--frames", "--seed", "--content", "--overwrite", "--json"):
        assert option in result.output


def test_the_default_night_is_the_tenth_of_march(tmp_path: Path) -> None:
    arguments = ["--out", str(tmp_path), "--frames", "10", "--content", "headers", "--json"]
    result = CliRunner().invoke(simulate, arguments)
    assert result.exit_code == 0
    answer = json.loads(result.stdout)
    assert answer["night"] == "2024-03-10"
    assert sorted(answer["raw_frames"]) == sorted(path.name for path in tmp_path.iterdir())
    assert answer["size"] == sum(path.stat().st_size for path in tmp_path.iterdir())
    assert sum(answer["kinds"].values()) == len(answer["raw_frames"]) == 10
    assert answer["products"] == []


def test_plain_output_is_one_line_and_progress_goes_to_standard_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(simulate, ["--out", str(tmp_path), "--frames", "12", "--content", "headers"])
    assert result.exit_code == 0
    assert result.stdout.startswith("12 raw frames and 0 product files of 1 night from 2024-03-10")
    assert result.stdout.count("\n") == 1
    assert result.stderr.endswith("12 of 12 raw frames\n")


def test_the_night_option_decides_the_dates(tmp_path: Path) -> None:
    arguments = ["--night", "2031-11-02", "--out", str(tmp_path), "--frames", "10", "--content", "headers"]
    assert CliRunner().invoke(simulate, arguments).exit_code == 0
    assert {fits.getheader(path)["DATE-OBS"][:10] for path in tmp_path.iterdir()} <= {"2031-11-02", "2031-11-03"}


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (["--night", "2024-13-10"], 2, "'2024-13-10' does not match the format"),
        (["--night", "yesterday"], 2, "'yesterday' does not match the format"),
        (["--night", "2024-02-30"], 2, "'2024-02-30' does not match the format"),
        (["--night", "1850-01-01"], 1, "the night must lie between 1970-01-01 and 2098-12-31"),
        (["--frames", "9"], 2, "9 is not in the range"),
        (["--frames", "many"], 2, "'many' is not a valid integer range"),
        (["--seed", "-1"], 2, "-1 is not in the range"),
        (["--content", "noise"], 2, "'noise' is not one of 'pixels', 'headers'"),
    ],
    ids=str,
)
def test_a_bad_option_is_refused_in_one_sentence(
    tmp_path: Path, arguments: list[str], exit_code: int, words: str
) -> None:
    result = CliRunner().invoke(simulate, ["--out", str(tmp_path / "out"), *arguments])
    assert result.exit_code == exit_code
    assert words in result.stderr
    assert "Traceback" not in result.output
    assert not (tmp_path / "out").exists()


def test_the_directory_must_be_named() -> None:
    result = CliRunner().invoke(simulate, [])
    assert result.exit_code == 2
    assert "Missing option '--out'" in result.stderr
