"""Two servers, and scripts run on both of them."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Optional

from differential.compare import Comparison, Difference, compare
from differential.runner import SUPER_DIGEST, RootNames, Runner, Trace
from differential.sequence import Script
from differential.shrink import shrink
from lib import servers

# Sessions of a script must not expire by accident, yet short ones must be possible. Containers must
# not be collected during a run: that takes zxids.
CONFIG = {
    "tickTime": 200,
    "minSessionTimeout": 400,
    "maxSessionTimeout": 60000,
    "znode.container.checkIntervalMs": 3600000,
    "DigestAuthenticationProvider.superDigest": SUPER_DIGEST,
    "forceSync": "no",
}


class Pair:
    """The reference, always Apache ZooKeeper, and the server under test."""

    def __init__(self, subject_kind: Optional[str] = None, config: Optional[dict] = None) -> None:
        self.kinds = ("apache", subject_kind or servers.server_kind())
        self._roots = RootNames()
        self._servers: list = []
        self._runners: list = []
        try:
            for kind in self.kinds:
                server = servers.start_server(kind, {**CONFIG, **(config or {})})
                self._servers.append(server)
                self._runners.append(Runner(server))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Pair":
        return self

    def __exit__(self, *_exc) -> None:
        self.close()

    def close(self) -> None:
        """Ends both servers."""
        for server in self._servers:
            server.close()

    @property
    def same_kind(self) -> bool:
        """True when both are Apache: then nothing may differ."""
        return self.kinds[0] == self.kinds[1]

    def traces(self, script: Script) -> tuple:
        """The traces of one script on both servers, under a new root of the same name."""
        root = self._roots.next()
        return tuple(runner.run(script, root) for runner in self._runners)

    def reference_trace(self, script: Script) -> Trace:
        """The trace of one script on the reference alone."""
        return self._runners[0].run(script, self._roots.next())

    def compare(self, script: Script) -> Comparison:
        """Runs a script on both servers and compares."""
        return self.compare_traces(script)[0]

    def compare_traces(self, script: Script) -> tuple:
        """(the comparison, the traces of the reference and of the server under test)."""
        traces = self.traces(script)
        return compare(script, *traces, same_kind=self.same_kind), traces

    def shrink(self, script: Script, budget_s: float = 60.0) -> Script:
        """A shorter script that still differs."""
        return shrink(script, lambda part: self.compare(part).difference is not None, budget_s)

    def report(self, difference: Difference, shrink_s: float = 60.0) -> str:
        """The difference, a shrunk script and how to replay both, which are saved to files."""
        smaller = self.shrink(difference.script, shrink_s)
        again = self.compare(smaller).difference
        names = (self.kinds[0], self.kinds[1] if not self.same_kind else "second apache")
        full = save(difference.script)
        lines = [difference.text(names), "", f"replay: {replay_command(full)}"]
        if again is None:
            return "\n".join([*lines, "the shrunk script does not differ: not repeatable?"])
        lines += ["", f"shrunk from {len(difference.script.steps)} steps:", smaller.text()]
        lines += [again.text(names), f"replay: {replay_command(save(smaller))}"]
        return "\n".join(lines)

    def logs(self) -> str:
        """The ends of the logs of both servers."""
        pairs = zip(self.kinds, self._servers)
        return "\n".join(f"--- {kind}\n{server.log_tail(15)}" for kind, server in pairs)


def save(script: Script) -> Path:
    """Writes a script to a new temporary file, which is kept for the replay."""
    handle, name = tempfile.mkstemp(prefix=script.name.replace(" ", "-") + "-", suffix=".json")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(script.to_json())
    return Path(name)


def replay_command(path: Path) -> str:
    """The command that runs a saved script again, from the directory compat-tests/."""
    return f"python3 -m differential replay {path}"

