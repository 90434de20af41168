"""zkCli.sh, the command line client of the distribution, driven by tests: interactively, or one command a run."""

import os
import queue
import re
import subprocess
import threading
import time
from typing import List, NamedTuple

ZKCLI = "/usr/share/zookeeper/bin/zkCli.sh"

# Fast on small machines: one compiler, one collector.
_ENVIRONMENT = {**os.environ, "LC_ALL": "C.UTF-8", "JVMFLAGS": "-Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1"}

_PATIENCE_S = 20

# Lines that say nothing about a command: the logging library's, the banner, and the frame of watch events.
_NOISE = re.compile(r"SLF4J: |Connecting to |Welcome to ZooKeeper!$|JLine support is |WATCHER::$|WatchedEvent |\s*$")

# Asked after each command: it answers without the server, so it shows where the command's output ends.
_END_COMMAND = "printwatches"
_END_OUTPUT = re.compile(r"printwatches is (on|off)$")


class Run(NamedTuple):
    """A zkCli.sh process that has ended."""

    status: int
    lines: List[str]  # standard output and error, without the noise


def run(server, *arguments, options=(), address=None, stdin="") -> Run:
    """`zkCli.sh -server … options arguments` to its end."""
    command = [ZKCLI, "-server", address or f"{server.host}:{server.port}", *options, *arguments]
    process = subprocess.run(
        command,
        input=stdin.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=_ENVIRONMENT,
        timeout=_PATIENCE_S,
        check=False,
    )
    lines = process.stdout.decode().splitlines()
    return Run(process.returncode, [line for line in lines if not _NOISE.match(line)])


def stat_of(lines: List[str]) -> dict:
    """The values of a printed stat by name, as text."""
    pairs = (line.split(" = ", 1) for line in lines if " = " in line)
    return {name: value for name, value in pairs}


class Session:
    """An interactive session; a context manager that ends the process."""

    def __init__(self, server, options=()) -> None:
        self._lines = queue.Queue()
        self._events = []
        self._seen = 0
        self.commands = 0  # numbered by the client from 0, for `redo` and `history`
        self._process = subprocess.Popen(
            [ZKCLI, "-server", f"{server.host}:{server.port}", "-waitforconnection", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=_ENVIRONMENT,
            text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()
        self.expect_event("state:SyncConnected type:None path:null")

    def __enter__(self):
        return self

    def __exit__(self, *_exc) -> None:
        self._process.kill()
        self._process.wait()

    def __call__(self, command: str) -> List[str]:
        """The lines that `command` prints, without watch events."""
        self._send(command)
        self._send(_END_COMMAND)
        output = []
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            line = self._next_line(deadline, f"after `{command}`: {output}")
            end = _END_OUTPUT.search(line)
            if end:
                # Some messages end without a newline.
                rest = line[: end.start()]
                return output + ([rest] if rest else [])
            if not _NOISE.match(line):
                output.append(line)

    def expect_event(self, event: str) -> None:
        """The next watch event is this one, "state:… type:… path:…"; waits for it."""
        deadline = time.monotonic() + _PATIENCE_S
        while len(self._events) <= self._seen:
            self._next_line(deadline, f"waiting for {event}")
        actual = self._events[self._seen]
        self._seen += 1
        assert actual == event, f"event {actual}, expected {event}"

    def forget_events(self) -> List[str]:
        """The events that were printed and not expected so far; later calls start after them."""
        unexpected = self._events[self._seen :]
        self._seen = len(self._events)
        return unexpected

    def quit(self) -> int:
        """Sends `quit`; the exit status."""
        self._send("quit")
        return self._process.wait(_PATIENCE_S)

    def _send(self, command: str) -> None:
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        self.commands += 1

    def _read(self) -> None:
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def _next_line(self, deadline: float, doing: str) -> str:
        try:
            line = self._lines.get(timeout=max(0.01, deadline - time.monotonic()))
        except queue.Empty:
            raise AssertionError(f"zkCli.sh says nothing more, {doing}") from None
        assert line is not None, f"zkCli.sh ended, {doing}"
        if line.startswith("WatchedEvent "):
            self._events.append(line.split(" ", 1)[1])
        return line
