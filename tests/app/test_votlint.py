"""Every kind of answer of the simple access protocols before the validator of the field."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from observed import Observed

ANSWERS = {
    "cone": "/scs/ivoa.obscore?RA=83.6&DEC=-5.4&SR=2&VERB=3",
    "cone refused": "/scs/ivoa.obscore?RA=83.6",
    "sia2": "/sia2/query?POS=CIRCLE+83.6+-5.4+2",
    "sia2 described": "/sia2/query?MAXREC=0",
    "sia2 refused": "/sia2/query?BAND=x",
    "sia1": "/sia?POS=83.6,-5.4&SIZE=2&VERB=3",
    "sia1 described": "/sia?FORMAT=METADATA",
    "ssa": "/ssap?REQUEST=queryData&POS=83.6,-5.4&SIZE=4",
    "ssa described": "/ssap?REQUEST=queryData&FORMAT=METADATA",
    "ssa refused": "/ssap?REQUEST=x",
}


@pytest.mark.parametrize("path", ANSWERS.values(), ids=ANSWERS)
def test_votlint_finds_nothing(observed: Observed, path: str, tmp_path: Path) -> None:
    if shutil.which("stilts") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("stilts is not installed.")
        pytest.skip("stilts is not installed: nothing to judge by.")
    file = tmp_path / "answer.vot"
    file.write_bytes(observed.client.get(path).data)
    done = subprocess.run(
        ["stilts", "votlint", f"votable={file}", "ucd=true", "unit=true"], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
