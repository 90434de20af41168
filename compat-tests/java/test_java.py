"""Unchanged Java clients (Apache's own and Curator, from the distribution's packages) against the server.

The cases are static methods marked with `@Case` in `*Cases.java`; here each becomes one test, named after the
checklist lines and requirements that it proves. The driver is compiled once; all selected cases of a class run in one
JVM, when the first of them is asked for.
"""

import re
import subprocess
import threading
from pathlib import Path
from typing import NamedTuple

import pytest

from lib import servers

HERE = Path(__file__).resolve().parent

# Each jar names what it needs in its manifest, so these few are the whole class path.
JARS = ("zookeeper", "curator-client", "curator-framework", "curator-recipes", "curator-x-discovery", "slf4j-simple")

# Fast on small machines: one compiler, one collector.
JVM_OPTIONS = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")

# A tick short enough for tests of expiry and removal; Java clients still get sessions of up to 20 ticks = 10 s.
CONFIG = {
    "tickTime": 500,
    "extendedTypesEnabled": "true",
    "znode.container.checkIntervalMs": 500,
}

_CASE = re.compile(
    r"@Case\((?P<arguments>[^)]*)\)\s+(?:@SuppressWarnings[^\n]*\s+)?static void (?P<name>\w+)\(CaseContext context\)"
)


class Case(NamedTuple):
    """One `@Case` method."""

    area: str
    name: str
    proves: str
    seconds: int

    @property
    def full_name(self) -> str:
        """The name that the driver uses."""
        return f"{self.area}.{self.name}"


def cases_in_sources() -> list:
    """All cases, read from the annotations in the sources, in the order of the files."""
    cases = []
    for source in sorted(HERE.glob("*Cases.java")):
        for match in _CASE.finditer(source.read_text("utf-8")):
            arguments = match["arguments"]
            proves = ",".join(re.findall(r'"([^"]+)"', arguments))
            seconds = re.search(r"seconds = (\d+)", arguments)
            cases.append(Case(source.stem, match["name"], proves, int(seconds[1]) if seconds else 20))
    return cases


CASES = cases_in_sources()


class Driver:
    """The compiled driver, and the results of the areas that have run."""

    def __init__(self, directory: Path) -> None:
        self._classes = directory / "classes"
        self._log = directory / "clients.log"
        class_path = ":".join(f"/usr/share/java/{jar}.jar" for jar in JARS)
        sources = [str(path) for path in HERE.glob("*.java")]
        lint = ["-Xlint:all,-processing,-try,-path", "-Werror"]
        subprocess.run(
            ["javac", *lint, "-encoding", "UTF-8", "-d", self._classes, "-cp", class_path, *sources],
            check=True,
            timeout=120,
        )
        self._java = [
            "java",
            *JVM_OPTIONS,
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
            f"-Dorg.slf4j.simpleLogger.logFile={self._log}",
            "-cp",
            f"{self._classes}:{class_path}",
            "Driver",
        ]
        self._results = {}

    def names(self) -> list:
        """The cases that the driver knows."""
        listing = subprocess.run([*self._java, "--list"], check=True, timeout=60, stdout=subprocess.PIPE)
        return listing.stdout.decode().split()

    def result(self, case: Case, selected: list, server) -> str:
        """The driver's line for `case`; runs all `selected` cases of its area if they have not run yet."""
        if case.full_name not in self._results:
            self._run([other for other in selected if other.area == case.area], server)
        return self._results[case.full_name]

    def client_log(self) -> str:
        """What the client libraries complained about last."""
        return "\n".join(self._log.read_text("utf-8", "replace").splitlines()[-40:]) if self._log.exists() else ""

    def _run(self, cases: list, server) -> None:
        if not server.running:  # ended during another area, where that was reported
            server.start()
        command = [*self._java, "--control", f"{server.host}:{server.port}", *(case.full_name for case in cases)]
        # The driver bounds each case by itself; this is for a driver that hangs.
        limit = 60 + sum(case.seconds for case in cases)
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            timer = threading.Timer(limit, process.kill)
            timer.start()
            try:
                for line in process.stdout:
                    self._obey(line.strip(), process, server)
                    if not server.running:
                        break
            finally:
                timer.cancel()
                process.kill()
                reason = f"the driver ended within {limit} s" if server.running else "the server ended"
                for case in cases:
                    self._results.setdefault(case.full_name, f"no result: {reason}")

    def _obey(self, line: str, process, server) -> None:
        if line == "CONTROL restart-server":
            server.restart()
            process.stdin.write("done\n")
            process.stdin.flush()
            return
        verdict = re.match(r"(?:PASS|FAIL) (?P<name>\S+) \d+", line)
        if verdict:
            self._results[verdict["name"].rstrip(":")] = line


@pytest.fixture(name="driver", scope="module")
def _driver(tmp_path_factory):
    return Driver(tmp_path_factory.mktemp("java"))


@pytest.fixture(name="server", scope="module")
def _server():
    with servers.start_server(config=CONFIG) as process:
        yield process


def test_every_case_of_the_driver_is_a_test_here(driver):
    """A case that the pattern above misses in the sources would never run."""
    assert sorted(driver.names()) == sorted(case.full_name for case in CASES)


def _parameter(case: Case):
    """An ensemble's configuration is not empty."""
    marks = [pytest.mark.one_server] if case.name == "configIsReadableAndReconfigIsOff" else []
    return pytest.param(case, id=f"{case.full_name}-{case.proves}", marks=marks)


@pytest.mark.parametrize("case", [_parameter(case) for case in CASES])
def test_java_client(case, driver, server, request):
    """Proves the checklist lines (CP-, SO-) and requirements in its name."""
    selected = [
        item.callspec.params["case"]
        for item in request.session.items
        if getattr(item, "originalname", None) == "test_java_client"
    ]
    line = driver.result(case, selected, server)
    assert line.startswith("PASS "), f"{line}\n--- the clients' log ends with\n{driver.client_log()}"
