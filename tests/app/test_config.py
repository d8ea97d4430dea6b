"""Settings: one file, the environment before it, and a sentence for each mistake."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from app.config import Config, ConfigError, config_template, read_config, settings, with_values


def written(directory: Path, text: str) -> Path:
    (directory / "quipu.toml").write_text(text)
    return directory


def test_an_archive_without_a_file_has_the_defaults(tmp_path: Path) -> None:
    assert read_config(tmp_path, {}) == Config(directory=tmp_path)


def test_the_environment_goes_before_the_file_and_the_file_before_the_defaults(tmp_path: Path) -> None:
    written(tmp_path, 'authority = "obs.example"\n[server]\nport = 9000\nthreads = 8\n')
    config = read_config(tmp_path, {"QUIPU_SERVER_PORT": "9001"})
    assert (config.authority, config.server.port, config.server.threads) == ("obs.example", 9001, 8)


def test_the_template_with_every_line_in_force_is_the_defaults(tmp_path: Path) -> None:
    in_force = "\n".join(
        line.removeprefix("# ") if " = " in line and "(QUIPU_" not in line else line
        for line in config_template().splitlines()
    )
    assert len(tomllib.loads(in_force)) >= 6
    assert read_config(written(tmp_path, in_force), {}) == Config(directory=tmp_path)


def test_clients_see_the_address_of_the_server_unless_another_is_set(tmp_path: Path) -> None:
    config = read_config(tmp_path, {"QUIPU_SERVER_PORT": "8081"})
    assert config.url == "http://127.0.0.1:8081"
    assert with_values(config, base_url="https://archive.example/vo").url == "https://archive.example/vo"


def test_given_values_replace_and_none_keeps(tmp_path: Path) -> None:
    config = with_values(read_config(tmp_path, {}), server__port=1234, server__host=None)
    assert (config.server.port, config.server.host) == (1234, "127.0.0.1")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("port = 1", "unknown setting port"),
        ("[server]\nport = '80'", "server.port"),
        ("[server]\nport = 70000", "server.port"),
        ("[server]\nthreads = 0", "server.threads"),
        ("engine = 'sqlite'", "engine"),
        ("authority = 'a'", "authority"),
        ("authority = 'has space'", "authority"),
        ("base_url = 'http://x/'", "base_url"),
        ("base_url = 'ftp://x'", "base_url"),
        ("[ingest]\nproprietary_days = nan", "proprietary_days"),
        ("= 1", "not TOML"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        read_config(written(tmp_path, text), {})


def test_a_mistake_in_the_environment_names_the_variable(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="QUIPU_SERVER_PORT='eighty'"):
        read_config(tmp_path, {"QUIPU_SERVER_PORT": "eighty"})


def test_every_setting_has_a_meaning_and_a_variable() -> None:
    for setting in settings():
        assert setting.help.endswith(".")
        assert setting.variable.startswith("QUIPU_")
