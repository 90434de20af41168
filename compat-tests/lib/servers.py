"""Server processes for tests: Lockkeeper and Apache ZooKeeper behind one interface.

    with start_server() as server:      # kind from COMPAT_SERVER: lockkeeper (default) or apache
        ... server.host, server.port ...
        server.kill(); server.start()           # same port, same data

`config` are keys of zoo.cfg; a value of None removes a default. Everything lives in one temporary
directory that is removed by `close()`, by leaving the `with` block, and at interpreter exit; a
`data_dir` given by the caller belongs to the caller and is left alone.
"""

import atexit
import collections
import ctypes
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import weakref
from pathlib import Path
from typing import Optional

DEFAULT_CONFIG = {
    "tickTime": 2000,
    "maxClientCnxns": 0,
    "4lw.commands.whitelist": "*",
    "admin.enableServer": "false",
}

# Java reads these only as system properties, never from zoo.cfg.
_SYSTEM_PROPERTIES = ("jute.maxbuffer", "znode.container.", "readonlymode.enabled", "java.")

_LOG4J_PROPERTIES = """\
log4j.rootLogger=INFO, OUT
log4j.appender.OUT=org.apache.log4j.ConsoleAppender
log4j.appender.OUT.layout=org.apache.log4j.PatternLayout
log4j.appender.OUT.layout.ConversionPattern=%d{ISO8601} - %-5p [%t:%C{1}@%L] - %m%n
"""

_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1
_RUNNING: "weakref.WeakSet" = weakref.WeakSet()
_GIVEN_PORTS: collections.deque = collections.deque(maxlen=1000)


def server_kind() -> str:
    """The kind of server under test: "lockkeeper" unless COMPAT_SERVER says "apache"."""
    kind = os.environ.get("COMPAT_SERVER", "lockkeeper")
    if kind not in ("lockkeeper", "apache"):
        raise ValueError(f"COMPAT_SERVER={kind}: expected lockkeeper or apache")
    return kind


def lockkeeper_binary() -> Path:
    """LOCKKEEPER_BINARY, or the release build of this repository."""
    default = Path(__file__).resolve().parents[2] / "build" / "release" / "lockkeeper"
    return Path(os.environ.get("LOCKKEEPER_BINARY", default))


def free_port() -> int:
    """A TCP port that nobody listens on, outside the range from which outgoing connections are
    given. Workers of one test run draw from ranges of their own, so that none takes a port whose
    server is being restarted by another; and a worker does not give a port again while the server
    that it is meant for may not have opened it yet.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    first = 12000 + int(worker.removeprefix("gw")) % 8 * 2500
    for _ in range(1000):
        port = random.SystemRandom().randrange(first, first + 2500)
        if port in _GIVEN_PORTS:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("0.0.0.0", port))
                _GIVEN_PORTS.append(port)
                return port
            except OSError:
                continue
    raise OSError("no free port found")


def four_letter(
    host: str, port: int, word: str, timeout: float = 10, source: Optional[str] = None
) -> bytes:
    """Sends a four-letter word, from the address `source` if given, and returns all bytes up to
    EOF; OSError when nobody answers.
    """
    bound = (source, 0) if source else None
    with socket.create_connection((host, port), timeout, bound) as sock:
        sock.sendall(word.encode())
        answer = b""
        while chunk := sock.recv(65536):
            answer += chunk
        return answer


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class ServerProcess:
    """One server: its configuration, its directory and, while started, its process."""

    def __init__(self, config: Optional[dict] = None, data_dir=None) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="compat-server-"))
        self.host = "127.0.0.1"
        self.data_dir = Path(data_dir) if data_dir else self.home / "data"
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.config_path = self.home / "zoo.cfg"
        self.log_path = self.home / "server.log"
        merged = {**DEFAULT_CONFIG, "dataDir": self.data_dir, "clientPort": None, **(config or {})}
        merged["clientPort"] = merged["clientPort"] or free_port()
        self.port = int(merged["clientPort"])
        self.config = {key: str(value) for key, value in merged.items() if value is not None}
        self.prefix: list[str] = []  # words in front of the command, which must end in an exec
        self.environment: dict[str, str] = {}  # variables that only this server gets
        self._process: Optional[subprocess.Popen] = None
        _RUNNING.add(self)

    def __enter__(self):
        if not self.running:
            self.start()
        return self

    def __exit__(self, *_exc) -> None:
        self.close()

    @property
    def pid(self) -> Optional[int]:
        """Process id, None when not running."""
        return self._process.pid if self.running else None

    @property
    def running(self) -> bool:
        """True while the process lives."""
        return self._process is not None and self._process.poll() is None

    def command(self) -> list:
        """Command line; the configuration is in `config_path`."""
        raise NotImplementedError

    def file_config(self) -> dict:
        """The keys that go into the configuration file."""
        return self.config

    def start(self, timeout: float = 30):
        """Starts the process and waits until it serves clients; RuntimeError with the log if it
        does not.
        """
        self.launch()
        deadline = time.monotonic() + timeout
        while not self.serving():
            if not self.running:
                status = self._process.returncode
                raise RuntimeError(f"the server ended with {status}:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"not serving within {timeout} s:\n{self.log_tail()}")
            time.sleep(0.02)
        return self

    def launch(self) -> None:
        """Starts the process without waiting: for configurations that must be refused."""
        assert not self.running, "already running"
        lines = [f"{key}={value}\n" for key, value in self.file_config().items()]
        self.config_path.write_text("".join(lines), encoding="utf-8")
        # The kernel ends the child with us. That setting belongs to the starting thread, so it is
        # used only where that thread lives as long as the process.
        in_main_thread = threading.current_thread() is threading.main_thread()
        with open(self.log_path, "ab") as log:
            self._process = subprocess.Popen(  # pylint: disable=subprocess-popen-preexec-fn
                [*self.prefix, *self.command()],
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.home,
                preexec_fn=_die_with_parent if in_main_thread else None,
            )

    def serving(self) -> bool:
        """True once `srvr`, which every configuration allows, reports a mode."""
        try:
            return b"Mode:" in four_letter(self.host, self.port, "srvr", 5)
        except OSError:
            return False

    def four_letter(self, word: str, timeout: float = 10) -> bytes:
        """The answer to a four-letter word."""
        return four_letter(self.host, self.port, word, timeout)

    def wait(self, timeout: float = 30) -> int:
        """Waits for the process to end by itself; returns its exit status (negative = signal)."""
        return self._process.wait(timeout)

    def stop(self, timeout: float = 30) -> int:
        """SIGTERM and wait; returns the exit status. A server that does not obey is killed and
        reported.
        """
        if not self.running:
            return self._process.returncode if self._process else 0
        self._process.terminate()
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RuntimeError(f"SIGTERM was ignored for {timeout} s:\n{self.log_tail()}") from None

    def kill(self) -> None:
        """SIGKILL and wait."""
        if self.running:
            self._process.kill()
            self._process.wait()

    def signal(self, number: int) -> None:
        """Sends a signal if it runs."""
        if self.running:
            self._process.send_signal(number)

    def restart(self, timeout: float = 30):
        """stop, then start with the same port and data."""
        self.stop()
        return self.start(timeout)

    def close(self) -> None:
        """Ends the process and removes the temporary directory; may be called twice."""
        try:
            self.kill()
        finally:
            shutil.rmtree(self.home, ignore_errors=True)
            _RUNNING.discard(self)

    def log_tail(self, lines: int = 40) -> str:
        """The last lines of what the server printed."""
        if not self.log_path.exists():
            return "(no log)"
        return "\n".join(self.log_path.read_text("utf-8", "replace").splitlines()[-lines:])


class LockkeeperServer(ServerProcess):
    """`lockkeeper server zoo.cfg`; on few cores it would choose one I/O thread, and tests want more."""

    own_config = {"lockkeeper.ioThreads": 2}

    def file_config(self) -> dict:
        return {**self.own_config, **self.config}

    def command(self) -> list:
        return [str(lockkeeper_binary()), "server", str(self.config_path)]


class ApacheServer(ServerProcess):
    """The installed Apache ZooKeeper, standalone."""

    def file_config(self) -> dict:
        items = self.config.items()
        return {key: value for key, value in items if not key.startswith(_SYSTEM_PROPERTIES)}

    def command(self) -> list:
        log4j = self.home / "log4j.properties"
        log4j.write_text(_LOG4J_PROPERTIES, encoding="utf-8")
        in_file = self.file_config()
        as_property = {key: value for key, value in self.config.items() if key not in in_file}
        properties = [f"-D{key}={value}" for key, value in as_property.items()]
        jars = ("zookeeper.jar", "slf4j-log4j12.jar", "log4j-1.2.jar")
        class_path = ":".join(["/etc/zookeeper/conf", *(f"/usr/share/java/{jar}" for jar in jars)])
        # Serial collector and one compiler: short tests on small machines want a quick start.
        options = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        options += [f"-Dlog4j.configuration=file:{log4j}", *properties, "-cp", class_path]
        main = "org.apache.zookeeper.server.ZooKeeperServerMain"
        return ["java", *options, main, str(self.config_path)]


def make_server(
    kind: Optional[str] = None, config: Optional[dict] = None, data_dir=None
) -> ServerProcess:
    """A server that is not started yet; kind "lockkeeper" or "apache", None = COMPAT_SERVER, and with
    COMPAT_ENSEMBLE=3 an ensemble of that kind that looks like one server (lib/spread.py).
    """
    if kind is None and data_dir is None and "COMPAT_ENSEMBLE" in os.environ:
        from lib.spread import SpreadServer  # pylint: disable=import-outside-toplevel,cyclic-import

        return SpreadServer(server_kind(), config, int(os.environ["COMPAT_ENSEMBLE"]))
    kinds = {"lockkeeper": LockkeeperServer, "apache": ApacheServer}
    return kinds[kind or server_kind()](config, data_dir)


def start_server(
    kind: Optional[str] = None, config: Optional[dict] = None, data_dir=None
) -> ServerProcess:
    """A started server; the caller closes it (`with`, or `close()`)."""
    server = make_server(kind, config, data_dir)
    try:
        return server.start()
    except BaseException:
        server.close()
        raise


@atexit.register
def _close_leftovers() -> None:
    for server in list(_RUNNING):
        server.close()
