from __future__ import annotations

import errno
import hashlib
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from storage.local import LocalStore, stage, stage_path
from storage.store import ChangedWhileReadError, MissingBytesError, NoSpaceError, StorageError

HELLO = hashlib.sha256(b"hello").hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def files_of(store: LocalStore) -> list[Path]:
    return [path for path in store.root.rglob("*") if path.is_file()]


def test_bytes_lie_under_their_checksum_and_come_back(store: LocalStore) -> None:
    staged = store.put(io.BytesIO(b"hello"))
    assert (staged.sha256, staged.size) == (HELLO, 5)
    assert (store.root / HELLO[:2] / HELLO[2:4] / HELLO).read_bytes() == b"hello"
    assert store.locate(HELLO) == f"{HELLO[:2]}/{HELLO[2:4]}/{HELLO}"
    with store.open(HELLO) as held:
        assert held.read() == b"hello"
    assert store.size(HELLO) == 5
    assert list(store) == [HELLO]


def test_the_same_bytes_twice_are_held_once(store: LocalStore) -> None:
    store.put(io.BytesIO(b"hello"))
    store.put(io.BytesIO(b"hello"))
    assert len(files_of(store)) == 1


def test_a_cut_file_is_mended_when_the_bytes_come_again(store: LocalStore) -> None:
    store.put(io.BytesIO(b"hello"))
    place = store.root / store.locate(HELLO)
    place.chmod(0o644)
    place.write_bytes(b"hel")
    store.put(io.BytesIO(b"hello"))
    assert place.read_bytes() == b"hello"


def test_bytes_not_held_are_named_in_a_sentence(store: LocalStore) -> None:
    assert not store.exists(HELLO)
    with pytest.raises(MissingBytesError, match=HELLO):
        store.open(HELLO)
    with pytest.raises(MissingBytesError, match=HELLO):
        store.size(HELLO)


@pytest.mark.parametrize("text", ["", "../../etc/passwd", HELLO.upper(), HELLO + "0"])
def test_what_is_not_a_checksum_is_never_a_path(store: LocalStore, text: str) -> None:
    with pytest.raises(MissingBytesError):
        store.open(text)


def test_deleted_bytes_are_gone_and_deleting_again_is_no_error(store: LocalStore) -> None:
    store.put(io.BytesIO(b"hello"))
    store.delete(HELLO)
    store.delete(HELLO)
    assert not store.exists(HELLO)
    assert list(store) == []


def test_held_files_cannot_be_written(store: LocalStore) -> None:
    store.put(io.BytesIO(b"hello"))
    assert (store.root / store.locate(HELLO)).stat().st_mode & 0o222 == 0


def test_a_staging_folder_goes_away_with_what_is_left_in_it(store: LocalStore) -> None:
    with store.staging() as folder:
        stage(io.BytesIO(b"left"), folder)
    assert files_of(store) == []


def test_the_folder_of_a_living_process_is_not_swept_and_that_of_a_killed_one_is(store: LocalStore) -> None:
    program = (
        "import io, os, signal, sys\nfrom pathlib import Path\nfrom storage.local import LocalStore, stage\n"
        "with LocalStore(Path(sys.argv[1])).staging() as folder:\n"
        "    print(stage(io.BytesIO(b'mine'), folder).path, flush=True)\n"
        "    sys.stdin.readline()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(store.root)],
        cwd=Path(__file__).parent.parent.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        staged = Path(process.stdout.readline().strip())
        with store.staging():
            assert staged.read_bytes() == b"mine"
        process.communicate("\n")
        assert process.returncode == -9
    assert staged.exists()
    with store.staging():
        assert not staged.exists()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_one_sentence_and_leaves_nothing(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def full(handle: int) -> None:
        raise OSError(code, os.strerror(code))

    with store.staging() as folder:
        before = set(folder.iterdir())
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(NoSpaceError, match=r"^The disk that holds .* is full\.$"):
            stage(io.BytesIO(b"hello"), folder)
        monkeypatch.undo()
        assert set(folder.iterdir()) == before


def test_a_store_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StorageError, match="cannot be written"):
        LocalStore(tmp_path / "file" / "store").put(io.BytesIO(b"hello"))


def test_a_file_written_to_while_it_is_read_is_not_taken(
    store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "growing.fits"
    source.write_bytes(b"x" * 5000)
    sync = os.fsync

    def growing(handle: int) -> None:
        sync(handle)
        with source.open("ab") as more:
            more.write(b"y")

    with store.staging() as folder:
        monkeypatch.setattr(os, "fsync", growing)
        with pytest.raises(ChangedWhileReadError, match=r"growing\.fits"):
            stage_path(source, folder)
        monkeypatch.undo()
        assert [path.name for path in folder.iterdir()] == ["lock"]


def test_reading_errors_of_the_source_stay_what_they_are(store: LocalStore, tmp_path: Path) -> None:
    with store.staging() as folder, pytest.raises(FileNotFoundError):
        stage_path(tmp_path / "nowhere", folder)
