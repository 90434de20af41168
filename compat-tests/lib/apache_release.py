"""The released Apache ZooKeeper of mixed/pom.xml, fetched by Maven as any user of Maven would do.

The jars lie in build/apache-zookeeper-<version> afterwards, so that Maven runs once. Where no
registry answers, `class_path` raises `NotAvailable`, and the tests that need it are skipped.
"""

import fcntl
import re
import shutil
import subprocess
import time
from pathlib import Path

_REPOSITORY = Path(__file__).resolve().parents[2]
POM = _REPOSITORY / "compat-tests" / "mixed" / "pom.xml"
VERSION = re.search(r"<version>([^<]+)</version>", POM.read_text("utf-8")).group(1)
_FETCH_S = 240
_TRY_AGAIN_AFTER_S = 600


class NotAvailable(Exception):
    """The jars are not here, and Maven could not bring them."""


def class_path() -> str:
    """The jars of the released server; fetches them when they are missing."""
    directory = _REPOSITORY / "build" / f"apache-zookeeper-{VERSION}"
    if not directory.exists():
        directory.parent.mkdir(parents=True, exist_ok=True)
        with open(directory.with_suffix(".lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # one of several workers fetches
            if not directory.exists():
                _fetch(directory)
    return ":".join(str(jar) for jar in sorted(directory.glob("*.jar")))


def _fetch(directory: Path) -> None:
    failure = directory.with_suffix(".failed")
    if failure.exists() and time.time() - failure.stat().st_mtime < _TRY_AGAIN_AFTER_S:
        raise NotAvailable(failure.read_text("utf-8"))
    partial = directory.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    command = ["mvn", "-q", "-B", "-f", POM, "dependency:copy-dependencies"]
    command += [f"-DoutputDirectory={partial}", "-DincludeScope=runtime"]
    try:
        subprocess.run(command, check=True, timeout=_FETCH_S, capture_output=True, text=True)
    except (OSError, subprocess.SubprocessError) as error:
        reason = f"ZooKeeper {VERSION} could not be fetched: {error}"
        failure.write_text(reason, "utf-8")
        raise NotAvailable(reason) from error
    partial.rename(directory)
