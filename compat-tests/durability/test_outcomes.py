"""The tables of docs/disk-format.md say what each fault comes to, and which test proves it."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEADING = "## What happens when the disk is not as it should be"
PROOFS = re.compile(r"`(?:([\w/]+\.py)::)?(test_\w+)`|`(\w+)\.(\w+)`")


def rows() -> list:
    """(fault, outcome, proofs) of every row."""
    text = (ROOT / "docs" / "disk-format.md").read_text("utf-8").split(HEADING)[1]
    cells = [re.split(r" ?\| ?", line.strip("| ")) for line in text.splitlines() if line.startswith("| ")]
    return [row for row in cells if row[0] != "fault"]


def sources(pattern: str) -> dict:
    """Path below the root -> text."""
    return {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in ROOT.glob(pattern)}


def test_every_outcome_is_proved_by_a_test_that_exists():
    """SO-12.3, SO-12.4 and the rest: no row without a proof, no proof that is only a name."""
    python = sources("compat-tests/*/test_*.py")
    cpp = "\n".join(sources("tests/**/*_test.cc").values())
    table = rows()
    assert len(table) > 30
    for row in table:
        assert len(row) == 3, row
        fault, outcome, proofs = row
        assert re.search("goes on|refuses|ends|serves", outcome), row
        found = PROOFS.findall(proofs)
        assert found or "these four rows" in proofs, f"no proof of: {fault}"
        for path, function, suite, name in found:
            if function:
                text = python[f"compat-tests/{path}" if path else _file_of(python, function)]
                assert f"def {function}(" in text, f"{function} is not in {path}"
            else:
                assert re.search(rf"TEST(_[FP])?\({suite},\s+{name}\)", cpp), f"there is no {suite}.{name}"


def _file_of(python: dict, function: str) -> str:
    """The one file of this directory with a test."""
    files = [path for path, text in python.items() if "/durability/" in path and f"def {function}(" in text]
    assert len(files) == 1, f"{function} is in {files}"
    return files[0]
