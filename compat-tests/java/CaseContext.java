import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.retry.ExponentialBackoffRetry;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.ZooKeeper;

/**
 * What one case works with: the server, a node of its own, clients that are closed when the case
 * ends.
 *
 * <p>Used by the threads of one case; {@link #close} is called once, by the driver.
 */
final class CaseContext implements AutoCloseable {
  /** Long enough that a busy machine does not expire a session which the case wants to keep. */
  static final int SESSION_TIMEOUT_MS = 10_000;

  private static final int CONNECT_PATIENCE_MS = 10_000;

  private final String hostPort;
  private final String root;
  private final PrintStream controlOut;
  private final BufferedReader controlIn;
  private final Deque<AutoCloseable> resources = new ArrayDeque<>(); // guarded by itself

  /** {@code root} names a node that does not exist yet, under "/"; it is created here. */
  CaseContext(String hostPort, String root, PrintStream controlOut, BufferedReader controlIn)
      throws Exception {
    this.hostPort = hostPort;
    this.root = root;
    this.controlOut = controlOut;
    this.controlIn = controlIn;
    try (ZooKeeper client = connect(hostPort, SESSION_TIMEOUT_MS, event -> {}, 0, null)) {
      client.create(root, null, ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
    }
  }

  String hostPort() {
    return hostPort;
  }

  /** This case's own node, persistent and without children at first. */
  String root() {
    return root;
  }

  String path(String name) {
    return root + "/" + name;
  }

  /** Closes {@code resource} at the end of the case, in the reverse order of these calls. */
  <T extends AutoCloseable> T closeLater(T resource) {
    synchronized (resources) {
      resources.push(resource);
    }
    return resource;
  }

  /** A new session, connected. */
  ZooKeeper client() throws Exception {
    return client(hostPort);
  }

  /**
   * A new session at another address (a proxy), or below a chroot ("host:port/chroot"); connected.
   */
  ZooKeeper client(String connectString) throws Exception {
    return client(connectString, SESSION_TIMEOUT_MS, event -> {});
  }

  ZooKeeper client(String connectString, int timeoutMs, Watcher watcher) throws Exception {
    return closeLater(connect(connectString, timeoutMs, watcher, 0, null));
  }

  /** A started Curator client, connected. */
  CuratorFramework curator() throws Exception {
    CuratorFramework client = CuratorFrameworkFactory.builder()
                                  .connectString(hostPort)
                                  .sessionTimeoutMs(SESSION_TIMEOUT_MS)
                                  .connectionTimeoutMs(CONNECT_PATIENCE_MS)
                                  .retryPolicy(new ExponentialBackoffRetry(50, 5))
                                  .build();
    closeLater(client);
    // Not blockUntilConnected: it returns before the listeners are told, and a cache that is built
    // in between takes the first connection for a reconnection.
    CountDownLatch told = new CountDownLatch(1);
    client.getConnectionStateListenable().addListener((same, state) -> {
      if (state.isConnected()) {
        told.countDown();
      }
    });
    client.start();
    Checks.check(
        told.await(CONNECT_PATIENCE_MS, TimeUnit.MILLISECONDS), "Curator did not connect");
    return client;
  }

  /**
   * Ends the session of {@code victim} at the server as if it had expired: a second client takes it
   * over by id and password and closes it. Returns once the server refuses the session.
   */
  void killSession(ZooKeeper victim) throws Exception {
    long id = victim.getSessionId();
    byte[] password = victim.getSessionPasswd();
    // The victim may take its session back before the close gets through; then it is tried again.
    Checks.eventually("session 0x" + Long.toHexString(id) + " killed", CONNECT_PATIENCE_MS, () -> {
      ZooKeeper usurper = tryTakeOver(id, password);
      if (usurper == null) {
        return true;
      }
      usurper.close();
      return false;
    });
  }

  void killSession(CuratorFramework victim) throws Exception {
    killSession(victim.getZookeeperClient().getZooKeeper());
  }

  /**
   * A client that has taken over the session, or null if the server says that there is no such
   * session.
   */
  ZooKeeper tryTakeOver(long id, byte[] password) throws Exception {
    try {
      return closeLater(connect(hostPort, SESSION_TIMEOUT_MS, event -> {}, id, password));
    } catch (KeeperException.SessionExpiredException gone) {
      return null;
    }
  }

  /** Asks whoever started the driver to stop and start the server; returns when it serves again. */
  void restartServer() throws IOException {
    controlOut.println("CONTROL restart-server");
    controlOut.flush();
    String answer = controlIn.readLine();
    Checks.checkEquals("answer to restart-server", "done", answer);
  }

  /** False while the connection of {@code client} is lost. */
  static boolean answers(ZooKeeper client) throws Exception {
    try {
      client.exists("/", false);
      return true;
    } catch (KeeperException.ConnectionLossException notYet) {
      return false;
    }
  }

  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  static String text(byte[] data) {
    return data == null ? null : new String(data, StandardCharsets.UTF_8);
  }

  @Override
  public void close() throws Exception {
    while (true) {
      AutoCloseable next;
      synchronized (resources) {
        next = resources.poll();
      }
      if (next == null) {
        return;
      }
      try {
        next.close();
      } catch (IllegalStateException alreadyClosed) {
        // Curator's recipes refuse a second close; the case has closed this one itself.
      }
    }
  }

  private static ZooKeeper connect(String connectString, int timeoutMs, Watcher watcher, long id,
      byte[] password) throws Exception {
    CountDownLatch decided = new CountDownLatch(1);
    Watcher both = (WatchedEvent event) -> {
      boolean first = decided.getCount() > 0;
      boolean connected = event.getState() == Watcher.Event.KeeperState.SyncConnected;
      boolean refused = event.getState() == Watcher.Event.KeeperState.Expired;
      if (connected || refused) {
        decided.countDown();
      }
      if (!first) {
        watcher.process(event);
      }
    };
    ZooKeeper client = password == null
        ? new ZooKeeper(connectString, timeoutMs, both)
        : new ZooKeeper(connectString, timeoutMs, both, id, password);
    boolean answered = decided.await(CONNECT_PATIENCE_MS, TimeUnit.MILLISECONDS);
    if (!answered || !client.getState().isAlive()) {
      client.close();
      Checks.check(
          answered, "no session at " + connectString + " within " + CONNECT_PATIENCE_MS + " ms");
      throw new KeeperException.SessionExpiredException();
    }
    return client;
  }
}
