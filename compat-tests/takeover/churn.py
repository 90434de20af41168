"""Write load made to catch a snapshot in the middle: few paths, created, deleted and created again
with everything below them, while sessions with ephemerals come and go.
"""

import random
import threading

from lib import elements
from lib.records import (
    CREATOR_ACL, Flags, OPEN_ACL, Op, READ_ACL, create_request, create_ttl_request,
    multi_request, path_version_request, set_acl_request, set_data_request,
)  # fmt: skip
from lib.scenery import DAY_MS
from lib.zkwire import ConnectionClosed, ProtocolError, open_session
from takeover import rich

WINDOW = 32
_NAMES = "abcd"
_ACLS = [OPEN_ACL, READ_ACL, CREATOR_ACL, rich.ACLS["several"], rich.ACLS["ip"]]


class Churn:
    """Threads that write below `root` until the server is gone; `acknowledged` counts."""

    def __init__(self, server, seed: int, root: str = "/churn", threads: int = 3) -> None:
        self._server = server
        self._root = root
        self.acknowledged = 0
        self.errors: list = []
        self._threads = [
            threading.Thread(target=self._guarded, args=(seed * 100 + n,), daemon=True)
            for n in range(threads)
        ]

    def start(self) -> "Churn":
        """Creates the root and starts the threads."""
        with open_session(self._server) as conn:
            rich.ok(conn.create(self._root))
        for thread in self._threads:
            thread.start()
        return self

    def join(self) -> None:
        """Waits until all have noticed the end of the server."""
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive(), "a client does not notice the end of the server"
        assert not self.errors, self.errors

    def _guarded(self, seed: int) -> None:
        try:
            self._run(random.Random(seed))
        except (ConnectionClosed, ProtocolError, OSError):
            pass  # the server was killed
        except Exception as error:  # pylint: disable=broad-exception-caught
            self.errors.append(repr(error))

    def _run(self, rng: random.Random) -> None:
        while True:
            with open_session(self._server, timeout_ms=rich.SESSION_MS) as conn:
                rich.ok(conn.auth("digest", b"ann:secret"))
                for _ in range(rng.randrange(2, 12)):
                    requests = [self._request(rng) for _ in range(WINDOW)]
                    conn.send_raw(b"".join(conn.encode(op, body) for op, body in requests))
                    for _ in requests:
                        if conn.next() is None:
                            return
                        self.acknowledged += 1
                if rng.random() < 0.8:
                    conn.close_session()

    def _path(self, rng: random.Random) -> str:
        names = (rng.choice(_NAMES) for _ in range(rng.choice((1, 1, 2, 2, 3))))
        return self._root + "/" + "/".join(names)

    def _request(self, rng: random.Random) -> tuple:
        path = self._path(rng)
        data = rng.choice((None, b"", b"x" * rng.randrange(40)))
        acl = rng.choice(_ACLS)
        choice = rng.random()
        if choice < 0.30:
            flags = rng.choices((0, 1, 2, 3), (6, 3, 1, 1))[0]
            return rng.choice((Op.CREATE, Op.CREATE2)), create_request(path, data, acl, flags)
        if choice < 0.36:
            return Op.CREATE_CONTAINER, create_request(path, data, acl, Flags.CONTAINER)
        if choice < 0.40:
            return Op.CREATE_TTL, create_ttl_request(path, data, acl, Flags.TTL, DAY_MS)
        if choice < 0.68:
            return Op.DELETE, path_version_request(path)
        if choice < 0.80:
            return Op.SET_DATA, set_data_request(path, data)
        if choice < 0.86:
            return Op.SET_ACL, set_acl_request(path, acl)
        return Op.MULTI, multi_request(self._elements(rng))

    def _elements(self, rng: random.Random) -> list:
        """Mostly a subtree that goes or comes as a whole."""
        top = f"{self._root}/{rng.choice(_NAMES)}"
        child = f"{top}/{rng.choice(_NAMES)}"
        return rng.choice(
            (
                [elements.delete(child), elements.delete(top), elements.create(top)],
                [elements.create(top), elements.create(child), elements.set_data(child, b"m")],
                [elements.delete(child), elements.create(child, flags=Flags.EPHEMERAL)],
                [elements.set_data(top, b"t"), elements.check(child), elements.delete(child)],
            )
        )
