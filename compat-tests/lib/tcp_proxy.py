"""A TCP proxy in front of a server, for tests that lose the connection while the server goes on.

    with TcpProxy(server) as proxy:     # clients connect to proxy.host, proxy.port
        proxy.cut()                     # drops all connections, refuses new ones (accepts and closes)
        proxy.mend()                    # lets new ones through
"""

import selectors
import socket
import threading


class TcpProxy:
    """Forwards bytes in both directions, in one thread of its own."""

    def __init__(self, server) -> None:
        self._target = (server.host, server.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host, self.port = self._listener.getsockname()
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._lock = threading.Lock()
        self._open = True
        self._closing = False
        self._peers: dict = {}  # socket -> the socket its bytes go to; both directions
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._wake_reader, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="tcp-proxy", daemon=True)
        self._thread.start()

    def __enter__(self) -> "TcpProxy":
        return self

    def __exit__(self, *_exc) -> None:
        self.close()

    def cut(self) -> None:
        """Drops every connection now; later ones are closed at once until `mend`."""
        with self._lock:
            self._open = False
            for sock in list(self._peers):
                self._drop(sock)

    def mend(self) -> None:
        """Ends a `cut`."""
        with self._lock:
            self._open = True

    def close(self) -> None:
        """Stops the thread and closes everything; may be called twice."""
        if self._closing:
            return
        self._closing = True
        self._wake_writer.send(b"x")
        self._thread.join()
        self.cut()
        for sock in (self._listener, self._wake_reader, self._wake_writer):
            sock.close()
        self._selector.close()

    def _run(self) -> None:
        while not self._closing:
            for key, _ in self._selector.select():
                with self._lock:
                    if key.fileobj is self._listener:
                        self._accept()
                    elif key.fileobj in self._peers:
                        self._forward(key.fileobj)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        if not self._open:
            client.close()
            return
        try:
            upstream = socket.create_connection(self._target, timeout=5)
        except OSError:
            client.close()
            return
        for sock, peer in ((client, upstream), (upstream, client)):
            sock.settimeout(5)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._peers[sock] = peer
            self._selector.register(sock, selectors.EVENT_READ)

    def _forward(self, sock: socket.socket) -> None:
        try:
            data = sock.recv(65536)
            if data:
                self._peers[sock].sendall(data)
                return
        except OSError:
            pass
        self._drop(sock)

    def _drop(self, sock: socket.socket) -> None:
        """Closes a connection of the proxy: both its halves."""
        peer = self._peers.pop(sock, None)
        if peer is None:
            return
        del self._peers[peer]
        for half in (sock, peer):
            self._selector.unregister(half)
            half.close()
