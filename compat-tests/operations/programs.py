"""Servers with a configuration file written by hand, or with plain arguments, and refused starts.

The texts may hold `{data}` (the data directory), `{home}` (its parent) and `{port}` (a free one);
they are replaced literally, other braces and backslashes stay.
"""

import os
import subprocess
from typing import NamedTuple, Optional, Sequence

from lib.servers import ApacheServer, LockkeeperServer, server_kind

SECONDS = 20
BASE = "dataDir={data}\nclientPort={port}\nadmin.enableServer=false\n"
WORDS = "4lw.commands.whitelist=*\n"
_NOBODY = 65534


class _TextConfig:
    """Mix-in: the configuration file holds exactly `text`."""

    text = ""

    def command(self) -> list:
        """Called when the base class has written its own keys: ours replace them."""
        text = self.text
        values = {"{data}": self.data_dir, "{home}": self.home, "{port}": self.port}
        for name, value in values.items():
            text = text.replace(name, str(value))
        self.config_path.write_bytes(text.encode("latin-1"))
        return super().command()


class _Arguments:
    """Mix-in: `arguments` instead of a configuration file."""

    arguments: Sequence[str] = ()

    def command(self) -> list:
        """The base class puts the file last."""
        return [*super().command()[:-1], *self.arguments]


class _LockkeeperText(_TextConfig, LockkeeperServer):
    pass


class _ApacheText(_TextConfig, ApacheServer):
    pass


class _LockkeeperArguments(_Arguments, LockkeeperServer):
    pass


class _ApacheArguments(_Arguments, ApacheServer):
    pass


class Refusal(NamedTuple):
    """How a start ended."""

    code: int
    stderr: str
    said: str  # stdout and stderr
    config_path: str


def with_text(text: str, name: str = "zoo.cfg", data_dir=None):
    """A server, not started, whose configuration file `name` is `text`."""
    kinds = {"lockkeeper": _LockkeeperText, "apache": _ApacheText}
    server = kinds[server_kind()](data_dir=data_dir)
    server.text = text
    server.config_path = server.home / name
    return server


def with_arguments(arguments: Sequence[str], data_dir=None, port: Optional[int] = None):
    """A server, not started, with these arguments; `port` is where it is expected to serve."""
    kinds = {"lockkeeper": _LockkeeperArguments, "apache": _ApacheArguments}
    server = kinds[server_kind()](config={"clientPort": port}, data_dir=data_dir)
    server.arguments = list(arguments)
    return server


def run_refused(server, as_nobody: bool = False) -> Refusal:
    """Runs a server that must end by itself within SECONDS.

    `as_nobody`: without the rights of the superuser, who may write everywhere.
    """
    user = _NOBODY if as_nobody and os.geteuid() == 0 else None
    done = subprocess.run(
        server.command(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        cwd=server.home,
        user=user,
    )
    return Refusal(done.returncode, done.stderr, done.stdout + done.stderr, str(server.config_path))


def refused(text: str, name: str = "zoo.cfg", data_dir=None) -> Refusal:
    """`run_refused` of a server with this configuration text; everything is removed again."""
    server = with_text(text, name, data_dir)
    try:
        return run_refused(server)
    finally:
        server.close()


def conf_of(server) -> dict:
    """The lines of the word conf."""
    return dict(line.split("=", 1) for line in server.four_letter("conf").decode().splitlines())
