"""Ensembles on loopback, of our servers, of Apache's, or of both."""

import time
from typing import Optional, Sequence

from lib import apache_release
from lib.servers import ApacheServer, LockkeeperServer, ServerProcess, free_port

TIMING = {"tickTime": 500, "initLimit": 20, "syncLimit": 10}


class ApacheMember(ApacheServer):
    """Apache as a member: another main class decides by the configuration."""

    def command(self) -> list:
        alone = "org.apache.zookeeper.server.ZooKeeperServerMain"
        member = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
        return [member if item == alone else item for item in super().command()]


class ReleasedApacheMember(ApacheMember):
    """The released Apache of mixed/pom.xml; the caller sees to it that it can be had."""

    def command(self) -> list:
        command = super().command()
        position = command.index("-cp")
        command[position + 1] = apache_release.class_path()
        log = ["logFile=System.out", "showDateTime=true", "dateTimeFormat=yyyy-MM-dd HH:mm:ss,SSS"]
        command[position:position] = [f"-Dorg.slf4j.simpleLogger.{key}" for key in log]
        return command


_KINDS = {
    "lockkeeper": LockkeeperServer,
    "apache": ApacheMember,
    "apache39": ReleasedApacheMember,
}


class Ensemble:
    """Members with numbers from 1. `kinds`: a name or a class for each; `observers`: numbers that do not vote;
    `hosts`: addresses by number where they are not 127.0.0.1.
    """

    def __init__(
        self,
        kinds: Sequence,
        observers: Sequence[int] = (),
        config: Optional[dict] = None,
        hosts: Optional[dict] = None,
    ) -> None:
        self._hosts = hosts or {}
        self.observers = set(observers)
        self.config = {**TIMING, **(config or {})}
        numbers = range(1, len(kinds) + 1)
        self._ports = {number: (free_port(), free_port(), free_port()) for number in numbers}
        self.members: dict[int, ServerProcess] = {}
        for number, kind in zip(numbers, kinds):
            self.members[number] = self._make(number, kind)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_exc) -> None:
        self.close()

    def _make(self, number: int, kind, data_dir=None) -> ServerProcess:
        lines = dict(self.config)
        for other, (quorum, election, _client) in self._ports.items():
            role = "observer" if other in self.observers else "participant"
            lines[f"server.{other}"] = f"{self._host(other)}:{quorum}:{election}:{role}"
        if number in self.observers:
            lines["peerType"] = "observer"
        lines["clientPort"] = self._ports[number][2]
        server = _KINDS.get(kind, kind)(lines, data_dir)
        server.host = self._host(number)
        (server.data_dir / "myid").write_text(str(number), encoding="ascii")
        return server

    def _host(self, number: int) -> str:
        return self._hosts.get(number, "127.0.0.1")

    def replace(self, number: int, kind: str, data_dir=None) -> ServerProcess:
        """Another kind of server takes the place of a stopped one, empty or on its directory."""
        self.members[number] = self._make(number, kind, data_dir)
        return self.members[number]

    def start(self, timeout: float = 60):
        """Starts all and waits until all serve."""
        for server in self.members.values():
            if not server.running:
                server.launch()
        self.wait_serving(timeout=timeout)
        return self

    def wait_serving(self, numbers: Optional[Sequence[int]] = None, timeout: float = 60) -> None:
        """Until each of `numbers` (all that run) serves clients."""
        deadline = time.monotonic() + timeout
        wanted = [n for n, s in self.members.items() if s.running] if numbers is None else numbers
        while waiting := [n for n in wanted if not self.members[n].serving()]:
            dead = [n for n in waiting if not self.members[n].running]
            if dead or time.monotonic() > deadline:
                tails = "\n".join(f"-- {n}\n{self.members[n].log_tail(25)}" for n in waiting)
                raise RuntimeError(f"not serving: {waiting}, ended: {dead}\n{tails}")
            time.sleep(0.02)

    def mode(self, number: int) -> str:
        """leader, follower, observer, or "" while it does not serve."""
        try:
            for line in self.members[number].four_letter("srvr", 5).decode().splitlines():
                if line.startswith("Mode: "):
                    return line.removeprefix("Mode: ")
        except OSError:
            pass
        return ""

    def leader(self, timeout: float = 60) -> int:
        """The number of the leader, as soon as there is one."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            for number, server in self.members.items():
                if server.running and self.mode(number) == "leader":
                    return number
            time.sleep(0.02)
        raise RuntimeError("no leader")

    def hosts(self, numbers: Optional[Sequence[int]] = None) -> str:
        """A connect string of `numbers` (all members)."""
        chosen = self.members if numbers is None else numbers
        return ",".join(f"{self._host(n)}:{self._ports[n][2]}" for n in chosen)

    def close(self) -> None:
        """Ends every process and removes every directory."""
        for server in self.members.values():
            server.close()
