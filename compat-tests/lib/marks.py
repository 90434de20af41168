"""Marks for expectations on which Lockkeeper and the installed Apache ZooKeeper 3.8 differ."""

import pytest

from lib.servers import server_kind


def apache_differs(reason: str):
    """The test states 3.9 (client-protocol 14) or recommended (15) behaviour, which 3.8 fails.

    Only with COMPAT_SERVER=apache, and strict: a test that passes there must lose the mark.
    """
    return pytest.mark.xfail(server_kind() == "apache", reason=reason, strict=True)


def open_in_lockkeeper(reason: str):
    """The line is still open in Lockkeeper (compat-tests/README.md lists them); strict as above."""
    return pytest.mark.xfail(server_kind() == "lockkeeper", reason=reason, strict=True)
