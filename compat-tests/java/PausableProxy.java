import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;

/**
 * A TCP relay between a client and the server that can stop carrying bytes, which is how a client
 * dies or a network breaks without anybody closing a socket. Listens on a free port of the loopback
 * address.
 */
final class PausableProxy implements AutoCloseable {
  private final InetSocketAddress target;
  private final ServerSocket listener;
  private final List<Socket> sockets = new ArrayList<>(); // guarded by this
  private boolean paused; // guarded by this
  private boolean closed; // guarded by this

  PausableProxy(String hostPort) throws IOException {
    int colon = hostPort.lastIndexOf(':');
    target = new InetSocketAddress(
        hostPort.substring(0, colon), Integer.parseInt(hostPort.substring(colon + 1)));
    listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    start("proxy-accept", this::acceptConnections);
  }

  String address() {
    return "127.0.0.1:" + listener.getLocalPort();
  }

  /**
   * Bytes in both directions wait from now on; connections stay open, new ones are accepted and
   * wait too.
   */
  synchronized void pause() {
    paused = true;
  }

  /** Carries the bytes that waited, and all later ones. */
  synchronized void resume() {
    paused = false;
    notifyAll();
  }

  /** Closes every connection there is now. */
  synchronized void cutConnections() {
    sockets.forEach(PausableProxy::closeQuietly);
    sockets.clear();
  }

  @Override
  public synchronized void close() throws IOException {
    closed = true;
    notifyAll();
    cutConnections();
    listener.close();
  }

  private void acceptConnections() {
    try {
      while (true) {
        Socket client = listener.accept();
        Socket server = new Socket();
        server.connect(target, 5_000);
        client.setTcpNoDelay(true);
        server.setTcpNoDelay(true);
        register(client, server);
        start("proxy-up", () -> relay(client, server));
        start("proxy-down", () -> relay(server, client));
      }
    } catch (IOException endOfListening) {
      cutConnections();
    }
  }

  private synchronized void register(Socket client, Socket server) {
    sockets.add(client);
    sockets.add(server);
  }

  private void relay(Socket from, Socket to) {
    try {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      byte[] buffer = new byte[64 * 1024];
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        awaitResumed();
        out.write(buffer, 0, n);
      }
    } catch (IOException | InterruptedException endOfConnection) {
      // Both directions end together, below.
    }
    closeQuietly(from);
    closeQuietly(to);
  }

  private synchronized void awaitResumed() throws InterruptedException {
    while (paused && !closed) {
      wait();
    }
  }

  private static void start(String name, Runnable body) {
    Thread thread = new Thread(body, name);
    thread.setDaemon(true);
    thread.start();
  }

  private static void closeQuietly(Socket socket) {
    try {
      socket.close();
    } catch (IOException alreadyGone) {
      // Nothing is left to release.
    }
  }
}
