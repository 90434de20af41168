import static org.apache.zookeeper.Watcher.Event.EventType.NodeChildrenChanged;
import static org.apache.zookeeper.Watcher.Event.EventType.NodeDataChanged;
import static org.apache.zookeeper.Watcher.Event.EventType.NodeDeleted;
import static org.apache.zookeeper.ZooDefs.Ids.OPEN_ACL_UNSAFE;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.Stat;

/**
 * Apache's Java client: sessions that are taken over, expire, reconnect and outlive a restart of
 * the server.
 */
final class JavaSessionCases {
  private JavaSessionCases() {}

  @Case(proves = {"CP-2.1", "CP-2.4"})
  static void timeoutIsNegotiatedIntoTheServersBounds(CaseContext context) throws Exception {
    // The client itself gives up connecting after the wished time, so it cannot be much shorter.
    int shortest = context.client(context.hostPort(), 500, event -> {}).getSessionTimeout();
    int longest = context.client(context.hostPort(), 100_000_000, event -> {}).getSessionTimeout();
    Checks.check(shortest > 500, "less than the minimum was granted: " + shortest);
    // With default bounds of 2 and 20 ticks, whatever the tick is.
    Checks.checkEquals("longest", 10 * shortest, longest);
  }

  @Case(proves = {"CP-2.9", "CP-2.13", "CP-10.4"})
  static void sessionIsTakenOverByIdAndPasswordAndEndsWhenClosed(CaseContext context)
      throws Exception {
    CountDownLatch expired = new CountDownLatch(1);
    ZooKeeper first = context.client(context.hostPort(), CaseContext.SESSION_TIMEOUT_MS, event -> {
      if (event.getState() == KeeperState.Expired) {
        expired.countDown();
      }
    });
    String node = context.path("e");
    first.create(node, null, OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
    long id = first.getSessionId();
    ZooKeeper second = context.tryTakeOver(id, first.getSessionPasswd());
    Checks.checkEquals("id", id, second.getSessionId());
    Checks.check(
        Arrays.equals(first.getSessionPasswd(), second.getSessionPasswd()), "another password");
    context.killSession(first);
    Checks.check(
        expired.await(10, TimeUnit.SECONDS), "the first client did not see its session expire");
    Checks.checkFails(Code.SESSIONEXPIRED, "exists", () -> first.exists("/", false));
    Checks.check(
        context.client().exists(node, false) == null, "the ephemeral outlived its session");
  }

  @Case(proves = {"CP-2.11", "CP-2.12", "CP-2.14"})
  static void wrongPasswordAndUnknownIdAreRefusedAndHarmNobody(CaseContext context)
      throws Exception {
    ZooKeeper owner = context.client();
    byte[] wrong = owner.getSessionPasswd().clone();
    wrong[15] ^= 1;
    Checks.check(
        context.tryTakeOver(owner.getSessionId(), wrong) == null, "a wrong password was accepted");
    Checks.check(context.tryTakeOver(0x5555, owner.getSessionPasswd()) == null,
        "an unknown id was accepted");
    Checks.eventually("the owner is served", 10_000, () -> CaseContext.answers(owner));
    Checks.check(context.tryTakeOver(owner.getSessionId(), owner.getSessionPasswd()) != null,
        "the right password was refused");
  }

  @Case(proves = {"CP-10.1", "CP-10.2", "CP-2.13", "CP-9.24", "S1", "S2"}, seconds = 30)
  static void silentClientExpiresAfterItsTimeout(CaseContext context) throws Exception {
    int wishedMs = 2_000;
    PausableProxy proxy = context.closeLater(new PausableProxy(context.hostPort()));
    CountDownLatch expired = new CountDownLatch(1);
    ZooKeeper silent = context.client(proxy.address(), wishedMs, event -> {
      if (event.getState() == KeeperState.Expired) {
        expired.countDown();
      }
    });
    ZooKeeper witness = context.client();
    String node = context.path("e");
    silent.create(node, null, OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
    EventLog events = new EventLog();
    witness.exists(node, events);
    silent.exists(node, false);
    proxy.pause();
    long start = System.nanoTime();
    events.expect(NodeDeleted, node);
    long elapsedMs = (System.nanoTime() - start) / 1_000_000;
    Checks.check(elapsedMs >= wishedMs - 100, "expired early, after " + elapsedMs + " ms");
    // One tick to the end of the bucket, and room for a busy machine.
    Checks.check(elapsedMs <= wishedMs + 1_500, "expired late, after " + elapsedMs + " ms");
    proxy.resume();
    Checks.check(expired.await(15, TimeUnit.SECONDS), "the client never learned that it expired");
  }

  @Case(proves = {"CP-10.3", "S1"}, seconds = 30)
  static void idleClientStaysAliveByPings(CaseContext context) throws Exception {
    ZooKeeper idle = context.client(context.hostPort(), 1_500, event -> {});
    ZooKeeper witness = context.client();
    String node = context.path("e");
    idle.create(node, null, OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
    EventLog events = new EventLog();
    witness.exists(node, events);
    // Nothing to poll for: the point is that nothing happens for several time-outs.
    Thread.sleep(5_000);
    events.expectNothingMore(witness);
    Checks.check(idle.exists(node, false) != null, "the ephemeral is gone");
  }

  @Case(proves = {"CP-5.14", "CP-2.9", "CP-2.18"})
  static void droppedConnectionKeepsSessionEphemeralsAndLogin(CaseContext context)
      throws Exception {
    PausableProxy proxy = context.closeLater(new PausableProxy(context.hostPort()));
    ZooKeeper client = context.client(proxy.address());
    client.addAuthInfo("digest", CaseContext.bytes("bob:pw"));
    long id = client.getSessionId();
    String node = context.path("e");
    client.create(node, null, Ids.CREATOR_ALL_ACL, CreateMode.EPHEMERAL);
    Stat before = client.exists(node, false);
    proxy.cutConnections();
    Checks.eventually("connected again", 10_000, () -> CaseContext.answers(client));
    Checks.checkEquals("session", id, client.getSessionId());
    Stat after = new Stat();
    client.getData(node, false, after); // refused without the login
    Checks.checkEquals("node", before, after);
  }

  @Case(proves = {"CP-9.1"})
  static void chrootHidesItsPrefix(CaseContext context) throws Exception {
    ZooKeeper whole = context.client();
    ZooKeeper part = context.client(context.hostPort() + context.root());
    EventLog events = new EventLog();
    part.addWatch("/a", events, AddWatchMode.PERSISTENT);
    whole.create(context.path("a"), CaseContext.bytes("1"), OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
    events.expect(EventLog.Event.EventType.NodeCreated, "/a");
    String made = part.create("/a/s-", null, OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL_SEQUENTIAL);
    Checks.checkEquals("path", "/a/s-0000000000", made);
    events.expect(NodeChildrenChanged, "/a");
    Checks.checkEquals("root", List.of("a"), part.getChildren("/", false));
    Checks.check(whole.exists(context.root() + made, false) != null, "not below the chroot");
    ZooKeeper nowhere = context.client(context.hostPort() + context.path("missing"));
    Checks.checkFails(Code.NONODE, "create below a missing chroot",
        () -> nowhere.create("/x", null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
  }

  @Case(proves = {"CP-2.1"})
  static void clientFindsTheLivingServerOfItsList(CaseContext context) throws Exception {
    int dead;
    try (java.net.ServerSocket socket = new java.net.ServerSocket(0)) {
      dead = socket.getLocalPort();
    }
    ZooKeeper client = context.client("127.0.0.1:" + dead + "," + context.hostPort());
    Checks.check(client.exists(context.root(), false) != null, "no answer");
  }

  @Case(proves = {"CP-10.6", "CP-10.10", "R2"}, seconds = 30)
  static void manySessionsIncrementOneVersionedNodeWithoutLoss(CaseContext context)
      throws Exception {
    int sessions = 8;
    int increments = 25;
    String node = context.path("n");
    context.client().create(node, CaseContext.bytes("0"), OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
    ExecutorService pool = Executors.newFixedThreadPool(sessions);
    context.closeLater(pool::shutdownNow);
    List<Future<?>> workers = new ArrayList<>();
    for (int i = 0; i < sessions; i++) {
      ZooKeeper client = context.client();
      workers.add(pool.submit(() -> {
        for (int done = 0; done < increments;) {
          done += incrementedOnce(client, node) ? 1 : 0;
        }
        return null;
      }));
    }
    for (Future<?> worker : workers) {
      worker.get();
    }
    Stat stat = new Stat();
    byte[] total = context.client().getData(node, false, stat);
    Checks.checkEquals("total", "" + sessions * increments, CaseContext.text(total));
    Checks.checkEquals("version", sessions * increments, stat.getVersion());
  }

  @Case(proves = {"CP-2.22", "SO-12.2", "R3"}, seconds = 60, needsServerControl = true)
  static void restartKeepsDataSessionsAndWatches(CaseContext context) throws Exception {
    ZooKeeper client = context.client();
    client.addAuthInfo("digest", CaseContext.bytes("bob:pw"));
    long id = client.getSessionId();
    String node = context.path("n");
    String counted = context.path("s-");
    client.create(node, CaseContext.bytes("d"), Ids.CREATOR_ALL_ACL, CreateMode.PERSISTENT);
    client.create(context.path("e"), null, OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
    client.create(counted, null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL);
    Stat before = client.setData(node, CaseContext.bytes("d2"), 0);
    EventLog events = new EventLog();
    EventLog persistent = new EventLog();
    client.getData(node, events, null);
    client.addWatch(context.root(), persistent, AddWatchMode.PERSISTENT);

    context.restartServer();

    Checks.eventually("connected again", 20_000, () -> CaseContext.answers(client));
    Checks.checkEquals("session", id, client.getSessionId());
    Stat after = new Stat();
    Checks.checkEquals("data", "d2", CaseContext.text(client.getData(node, false, after)));
    Checks.checkEquals("stat", before, after);
    Checks.checkEquals("owner", id, client.exists(context.path("e"), false).getEphemeralOwner());
    events.expectNothingMore(client);
    client.setData(node, null, 1);
    events.expect(NodeDataChanged, node);
    Checks.checkEquals("sequence", counted + "0000000003",
        client.create(counted, null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL));
    persistent.expect(NodeChildrenChanged, context.root());
    Stat newer = client.exists(node, false);
    Checks.check(newer.getMzxid() > before.getMzxid(), "zxids went back");
  }

  private static boolean incrementedOnce(ZooKeeper client, String node) throws Exception {
    Stat stat = new Stat();
    int value = Integer.parseInt(CaseContext.text(client.getData(node, false, stat)));
    try {
      client.setData(node, CaseContext.bytes("" + (value + 1)), stat.getVersion());
      return true;
    } catch (KeeperException.BadVersionException lost) {
      return false;
    }
  }
}
