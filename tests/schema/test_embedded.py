from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg2
import pytest
import sqlalchemy as sa

from schema.embedded import EmbeddedServer, TruthError, binaries
from schema.truth import open_embedded

ROOT = Path(__file__).parent.parent.parent
USER = """
import sys
from pathlib import Path
from schema.truth import open_embedded
truth = open_embedded(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.read()
truth.close()
"""


STARTED: list[subprocess.Popen[bytes]] = []
"""Processes that a test has started and may leave running when it fails."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Place for a database; whatever a test leaves running there is stopped."""
    # Not below pytest's own folder, which the account of the server cannot enter where we are root.
    above = Path(tempfile.mkdtemp(prefix="quipu-test-"))
    try:
        yield above / "database"
        for user in STARTED:
            user.kill()
            user.communicate()
        STARTED.clear()
        if (above / "database" / "data" / "postmaster.pid").exists():
            EmbeddedServer(above / "database").close()
    finally:
        shutil.rmtree(above)


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A database that was made and stopped, to be copied."""
    above = Path(tempfile.mkdtemp(prefix="quipu-test-"))
    open_embedded(above / "database").close()
    yield above / "database"
    shutil.rmtree(above)


@pytest.fixture
def database(folder: Path, made: Path) -> Path:
    """Folder of a database that was made and stopped."""
    subprocess.run(["cp", "-a", made, folder], check=True)
    return folder


def start_user(folder: Path) -> subprocess.Popen[bytes]:
    user = subprocess.Popen(
        [sys.executable, "-c", USER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        process_group=0,
    )
    STARTED.append(user)
    assert user.stdout is not None
    assert b"open\n" in iter(user.stdout.readline, b"")
    return user


def end_user(user: subprocess.Popen[bytes]) -> None:
    user.communicate()
    assert user.returncode == 0


def server_pid(folder: Path) -> int | None:
    try:
        return int((folder / "data" / "postmaster.pid").read_text().split()[0])
    except FileNotFoundError:
        return None


def is_gone(pid: int) -> bool:
    """Whether a process has ended; what was started by others needs a moment to be taken away."""
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_a_new_database_speaks_utf8_and_sorts_by_code_points_and_tells_utc(folder: Path) -> None:
    with open_embedded(folder) as truth, truth.engine.connect() as connection:
        assert connection.execute(sa.text("SHOW server_encoding")).scalar_one() == "UTF8"
        assert connection.execute(sa.text("SHOW timezone")).scalar_one() == "UTC"
        assert connection.execute(sa.text("SELECT 'a' < 'B'")).scalar_one() is False
        assert connection.execute(sa.text("SELECT upper('é') = 'É'")).scalar_one() is True


def test_what_was_written_is_there_when_opened_again(database: Path) -> None:
    with open_embedded(database) as truth, truth.engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE kept AS SELECT 42 AS answer"))
    with open_embedded(database) as truth, truth.engine.connect() as connection:
        assert connection.execute(sa.text("SELECT answer FROM kept")).scalar_one() == 42


def test_nobody_else_can_reach_the_server(database: Path) -> None:
    with open_embedded(database) as truth, truth.engine.connect() as connection:
        assert connection.execute(sa.text("SHOW listen_addresses")).scalar_one() == ""
        assert (database / "data").stat().st_mode & 0o077 == 0
        assert (database / "data" / ".s.PGSQL.5432").stat().st_mode & 0o077 == 0


def test_the_last_user_stops_the_server(database: Path) -> None:
    first, second = open_embedded(database), open_embedded(database)
    pid = server_pid(database)
    assert pid is not None
    first.close()
    first.close()
    with second.engine.connect() as connection:
        assert connection.execute(sa.text("SELECT 1")).scalar_one() == 1
    second.close()
    assert is_gone(pid)
    assert server_pid(database) is None


def test_processes_share_one_server(database: Path) -> None:
    user = start_user(database)
    pid = server_pid(database)
    assert pid is not None
    with open_embedded(database):
        assert server_pid(database) == pid
    assert server_pid(database) == pid
    end_user(user)
    assert is_gone(pid)


def test_a_process_that_ends_without_closing_does_not_keep_the_server(database: Path) -> None:
    program = "import sys, pathlib; from schema.truth import open_embedded; open_embedded(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", program, str(database)], cwd=ROOT, check=True, capture_output=True)
    assert server_pid(database) is None


def test_a_user_that_was_killed_does_not_keep_the_server(database: Path) -> None:
    user = start_user(database)
    pid = server_pid(database)
    assert pid is not None
    user.kill()
    user.communicate()
    with open_embedded(database):
        assert server_pid(database) == pid
    assert is_gone(pid)


def test_an_interrupt_from_the_keyboard_does_not_reach_the_server(database: Path) -> None:
    user = start_user(database)
    pid = server_pid(database)
    with open_embedded(database) as truth:
        os.killpg(user.pid, signal.SIGINT)
        user.communicate()
        with truth.engine.connect() as connection:
            assert connection.execute(sa.text("SELECT 1")).scalar_one() == 1
        assert server_pid(database) == pid is not None


def test_a_server_that_was_killed_comes_back_with_what_was_committed(database: Path) -> None:
    truth = open_embedded(database)
    with truth.engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE kept AS SELECT 42 AS answer"))
    pid = server_pid(database)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert is_gone(pid)
    with open_embedded(database) as again, again.engine.connect() as connection:
        assert connection.execute(sa.text("SELECT answer FROM kept")).scalar_one() == 42
    truth.close()


def test_many_that_open_at_once_meet_in_one_server(folder: Path) -> None:
    with ThreadPoolExecutor(6) as pool:
        truths = list(pool.map(open_embedded, [folder] * 6))
    for truth in truths:
        with truth.engine.connect() as connection:
            assert connection.execute(sa.text("SELECT count(*) FROM pg_database WHERE datname = 'quipu'")).scalar() == 1
        truth.close()
    assert server_pid(folder) is None


def test_a_child_that_was_forked_does_not_stop_the_server(database: Path) -> None:
    truth = open_embedded(database)
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        truth.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    truth.engine.dispose(close=False)
    with truth.engine.connect() as connection:
        assert connection.execute(sa.text("SELECT 1")).scalar_one() == 1
    truth.close()
    assert server_pid(database) is None


@pytest.mark.parametrize("name", ["d" * 120, "it's here", "données à 50 %"])
def test_any_name_of_a_folder_will_do(database: Path, name: str) -> None:
    place = database.parent / name
    database.rename(place)
    with open_embedded(place) as truth:
        with truth.engine.connect() as connection:
            assert connection.execute(sa.text("SELECT 1")).scalar_one() == 1
        psycopg2.connect(truth.url).close()
    assert server_pid(place) is None


@pytest.mark.parametrize("name", ['quo"te', "$(touch here)", "`touch here`", "back\\slash"])
def test_names_that_a_shell_would_read_are_refused(folder: Path, name: str) -> None:
    with pytest.raises(TruthError, match="must not have the characters"):
        open_embedded(folder / name)


def test_an_interrupted_first_start_leaves_nothing_that_hinders_the_next(folder: Path) -> None:
    (folder / "data.making").mkdir(parents=True)
    (folder / "data.making" / "PG_VERSION").write_text("18\n")
    with open_embedded(folder) as truth, truth.engine.connect() as connection:
        assert connection.execute(sa.text("SELECT 1")).scalar_one() == 1
    assert not (folder / "data.making").exists()


def test_a_database_of_another_version_is_refused_with_the_way_out(folder: Path) -> None:
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "PG_VERSION").write_text("16\n")
    with pytest.raises(TruthError, match=r"made by PostgreSQL 16 .*quipu backup.*quipu restore"):
        open_embedded(folder)
    assert [path.name for path in (folder / "data").iterdir()] == ["PG_VERSION"]


def test_a_folder_of_other_things_is_refused_and_left_alone(folder: Path) -> None:
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "thesis.tex").write_text("precious")
    with pytest.raises(TruthError, match="is not empty and holds no database"):
        open_embedded(folder)
    assert (folder / "data" / "thesis.tex").read_text() == "precious"


def test_settings_that_postgresql_does_not_take_are_told_in_one_sentence(database: Path) -> None:
    with (database / "data" / "postgresql.conf").open("a") as settings:
        settings.write("shared_buffers = plenty\n")
    with pytest.raises(TruthError, match=r"does not start: .*postgresql\.conf.*contains errors") as caught:
        open_embedded(database)
    assert "\n" not in str(caught.value)


def test_a_file_in_the_place_of_the_folder_is_told(folder: Path) -> None:
    folder.write_text("")
    with pytest.raises(TruthError, match="cannot be made"):
        open_embedded(folder)


def test_variables_meant_for_other_servers_do_not_matter(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", "6000")
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("PGHOST", "elsewhere")
    monkeypatch.setenv("PGOPTIONS", "-c timezone=Asia/Tokyo")
    with open_embedded(database) as truth, truth.engine.connect() as connection:
        assert connection.execute(sa.text("SHOW timezone")).scalar_one() == "UTC"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another")
def test_an_ordinary_account_runs_the_server_itself(folder: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    folder.parent.chmod(0o755)
    folder.mkdir()
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(nobody.pw_gid)
        os.setuid(nobody.pw_uid)
        try:
            open_embedded(folder).close()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert (folder / "data").stat().st_uid == nobody.pw_uid
    with open_embedded(folder) as truth, truth.engine.connect() as connection:
        assert connection.execute(sa.text("SELECT 1")).scalar_one() == 1
    assert (folder / "data").stat().st_uid == nobody.pw_uid


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another")
def test_folders_above_are_opened_for_passing_only(database: Path) -> None:
    database.parent.chmod(0o700)
    with open_embedded(database):
        assert database.parent.stat().st_mode & 0o777 == 0o701


def test_programs_of_the_right_version_come_along() -> None:
    said = subprocess.run([binaries() / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    assert said.startswith("postgres (PostgreSQL) 18.")
