"""Where the servers live: all on loopback, or each in a network namespace of its own.

With namespaces, one more is the router between all of them; a cut is a rule there that drops what goes from one address
to another, silently and in one direction, as a broken network does. Only iproute2 is needed. The process that makes
them is in namespaces of its own too (`enter_private_namespaces`), so that everything is gone with the last process,
however it ends, and runs beside each other never meet.

    10.77.N.2    server N                           10.77.100.2  clients (can be cut off)
    10.77.N.1    the router's end of each           10.77.100.3  the suite itself (is never cut off)
"""

import os
import subprocess
import sys
from typing import Iterable, Sequence

_INSIDE = "JEPSEN_IN_NAMESPACE"
_ROUTER = "router"
CLIENTS = 0  # the number of the clients where servers have theirs
_NAMES = "/run/netns"


class CannotMakeNamespaces(Exception):
    """Not root, no iproute2, or a kernel that does not allow it: says which."""


def run(*words: str) -> str:
    """Runs a command of the system; CannotMakeNamespaces with its words when it fails."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    except OSError as error:
        raise CannotMakeNamespaces(f"{words[0]}: {error}") from error
    if done.returncode:
        raise CannotMakeNamespaces(f"{' '.join(words)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def enter_private_namespaces() -> None:
    """Starts this program again in a network and a mount namespace of its own; returns in the new process."""
    if os.environ.get(_INSIDE) != str(os.getpid()):
        probe = ("unshare", "--net", "--mount", "--propagation", "private", "--")
        run(*probe, "true")
        # The process id stays the same: unshare and python replace this process.
        os.environ[_INSIDE] = str(os.getpid())
        os.execvp(probe[0], [*probe, sys.executable, *sys.argv])
    os.makedirs(_NAMES, exist_ok=True)
    run("mount", "-t", "tmpfs", "none", _NAMES)


class Loopback:
    """All servers on 127.0.0.1: nothing can be cut."""

    can_cut = False
    watcher = None  # source address of the suite's own questions

    def __init__(self, numbers: Iterable[int]) -> None:
        del numbers

    def host(self, number: int) -> str:
        """The address of a server."""
        del number
        return "127.0.0.1"

    def prefix(self, number: int) -> list[str]:
        """The words in front of the command that starts a server."""
        del number
        return []

    def mend(self) -> None:
        """Ends all cuts."""


class Namespaces(Loopback):
    """Each server in a namespace; this process must be inside `enter_private_namespaces`."""

    can_cut = True
    watcher = "10.77.100.3"

    def __init__(self, numbers: Iterable[int]) -> None:
        super().__init__(numbers)
        self._cuts: set[tuple[int, int]] = set()
        run("ip", "link", "set", "lo", "up")
        run("ip", "netns", "add", _ROUTER)
        self._in(_ROUTER, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        self._in(_ROUTER, "ip", "link", "set", "lo", "up")
        for number in numbers:
            name = f"server{number}"
            run("ip", "netns", "add", name)
            self._join(number, f"10.77.{number}", ["ip", "-n", name], name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        self._join(100, "10.77.100", ["ip"], None)
        run("ip", "address", "add", f"{self.watcher}/24", "dev", "eth100")

    @staticmethod
    def _in(name: str, *words: str) -> str:
        return run("ip", "netns", "exec", name, *words)

    @staticmethod
    def _join(number: int, network: str, ip_inside: Sequence[str], name) -> None:
        """A cable between a namespace (None: this one) and the router, with a route to all others."""
        inside, outside = f"eth{number}", f"port{number}"
        run("ip", "link", "add", inside, "type", "veth", "peer", "name", outside, "netns", _ROUTER)
        if name is not None:
            run("ip", "link", "set", inside, "netns", name)
        run(*ip_inside, "address", "add", f"{network}.2/24", "dev", inside)
        run(*ip_inside, "link", "set", inside, "up")
        run("ip", "-n", _ROUTER, "address", "add", f"{network}.1/24", "dev", outside)
        run("ip", "-n", _ROUTER, "link", "set", outside, "up")
        run(*ip_inside, "route", "add", "10.77.0.0/16", "via", f"{network}.1")

    def host(self, number: int) -> str:
        return f"10.77.{number or 100}.2"

    def prefix(self, number: int) -> list[str]:
        return ["nsenter", f"--net={_NAMES}/server{number}", "--"]

    def cut(self, source: int, target: int) -> None:
        """Drops what goes from `source` to `target` (server numbers, or CLIENTS)."""
        if (source, target) not in self._cuts:
            run("ip", "-n", _ROUTER, "rule", "add", *self._rule(source, target))
            self._cuts.add((source, target))

    def mend(self) -> None:
        for source, target in sorted(self._cuts):
            run("ip", "-n", _ROUTER, "rule", "delete", *self._rule(source, target))
        self._cuts.clear()

    def _rule(self, source: int, target: int) -> list[str]:
        return ["from", self.host(source), "to", self.host(target), "priority", "10", "blackhole"]

    def separate(self, one: Iterable[int], other: Iterable[int]) -> None:
        """Cuts both directions between all of `one` and all of `other`."""
        other = list(other)
        for left in one:
            for right in other:
                self.cut(left, right)
                self.cut(right, left)

    def delay(self, numbers: Iterable[int], milliseconds: int, jitter: int) -> None:
        """Delays what the router sends to these servers; CannotMakeNamespaces where the kernel has no netem."""
        for number in numbers:
            words = ["qdisc", "replace", "dev", f"port{number}", "root", "netem"]
            words += ["delay", f"{milliseconds}ms", f"{jitter}ms"]
            run("tc", "-n", _ROUTER, *words)

    def undelay(self, numbers: Iterable[int]) -> None:
        """Ends `delay`."""
        for number in numbers:
            run("tc", "-n", _ROUTER, "qdisc", "delete", "dev", f"port{number}", "root")
