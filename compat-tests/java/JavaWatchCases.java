import static org.apache.zookeeper.Watcher.Event.EventType.ChildWatchRemoved;
import static org.apache.zookeeper.Watcher.Event.EventType.DataWatchRemoved;
import static org.apache.zookeeper.Watcher.Event.EventType.NodeChildrenChanged;
import static org.apache.zookeeper.Watcher.Event.EventType.NodeCreated;
import static org.apache.zookeeper.Watcher.Event.EventType.NodeDataChanged;
import static org.apache.zookeeper.Watcher.Event.EventType.NodeDeleted;
import static org.apache.zookeeper.Watcher.Event.EventType.PersistentWatchRemoved;
import static org.apache.zookeeper.ZooDefs.Ids.OPEN_ACL_UNSAFE;

import java.util.List;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.Watcher.WatcherType;
import org.apache.zookeeper.ZooKeeper;

/**
 * Apache's Java client: one-shot, persistent and recursive watches, their removal and their
 * survival.
 */
final class JavaWatchCases {
  private JavaWatchCases() {}

  @Case(proves = {"CP-9.2", "CP-9.3", "CP-9.7"})
  static void dataAndExistsWatchesFireOnce(CaseContext context) throws Exception {
    ZooKeeper client = context.client();
    EventLog events = new EventLog();
    String node = context.path("n");
    Checks.check(client.exists(node, events) == null, "the node exists already");
    create(client, node);
    events.expect(NodeCreated, node);
    client.getData(node, events, null);
    client.setData(node, null, -1);
    events.expect(NodeDataChanged, node);
    client.setData(node, null, -1);
    events.expectNothingMore(client);
    Checks.checkFails(Code.NONODE, "getData", () -> client.getData(node + "/x", events, null));
    create(client, node + "/x");
    events.expectNothingMore(client);
  }

  @Case(proves = {"CP-9.5", "CP-9.8"})
  static void childWatchSeesChildrenComeAndGoAndTheNodesEnd(CaseContext context) throws Exception {
    ZooKeeper client = context.client();
    EventLog events = new EventLog();
    String node = context.path("n");
    create(client, node);
    client.getChildren(node, events);
    client.setData(node, null, -1);
    client.setACL(node, OPEN_ACL_UNSAFE, -1);
    events.expectNothingMore(client);
    create(client, node + "/a");
    events.expect(NodeChildrenChanged, node);
    client.getChildren(node, events);
    client.setData(node + "/a", null, -1);
    client.delete(node + "/a", -1);
    events.expect(NodeChildrenChanged, node);
    client.getChildren(node, events);
    client.delete(node, -1);
    events.expect(NodeDeleted, node);
    events.expectNothingMore(client);
  }

  @Case(proves = {"CP-9.4", "CP-9.6"})
  static void deletionIsToldOnceAndBeforeTheParents(CaseContext context) throws Exception {
    ZooKeeper client = context.client();
    EventLog events = new EventLog();
    String node = context.path("n");
    create(client, node);
    client.getData(node, events, null);
    client.exists(node, events);
    client.getChildren(node, events);
    client.getChildren(context.root(), events);
    client.delete(node, -1);
    events.expect(NodeDeleted, node);
    events.expect(NodeChildrenChanged, context.root());
    events.expectNothingMore(client);
  }

  @Case(proves = {"CP-9.1", "S5"})
  static void watchOnAnotherConnectionFiresBeforeItSeesTheChange(CaseContext context)
      throws Exception {
    ZooKeeper writer = context.client();
    ZooKeeper reader = context.client();
    String node = context.path("n");
    create(writer, node);
    for (int round = 0; round < 50; round++) {
      EventLog events = new EventLog();
      reader.getData(node, events, null);
      String value = "v" + round;
      writer.setData(node, CaseContext.bytes(value), -1);
      Checks.eventually("the reader sees " + value, 5_000,
          () -> value.equals(CaseContext.text(reader.getData(node, false, null))));
      // The event has come before the answer that shows the new value, so it must be queued by now.
      events.expect(NodeDataChanged, node);
    }
  }

  @Case(proves = {"CP-9.9", "CP-4.4"})
  static void persistentWatchKeepsFiringForItsNodeOnly(CaseContext context) throws Exception {
    ZooKeeper client = context.client();
    EventLog events = new EventLog();
    String node = context.path("n");
    client.addWatch(node, events, AddWatchMode.PERSISTENT);
    for (int round = 0; round < 3; round++) {
      create(client, node);
      events.expect(NodeCreated, node);
      client.setData(node, null, -1);
      events.expect(NodeDataChanged, node);
      create(client, node + "/a");
      events.expect(NodeChildrenChanged, node);
      client.setData(node + "/a", null, -1);
      create(client, node + "/a/b");
      client.delete(node + "/a/b", -1);
      events.expectNothingMore(client);
      client.delete(node + "/a", -1);
      events.expect(NodeChildrenChanged, node);
      client.delete(node, -1);
      events.expect(NodeDeleted, node);
    }
    events.expectNothingMore(client);
  }

  @Case(proves = {"CP-9.10"})
  static void recursiveWatchSeesTheSubtreeWithoutChildEvents(CaseContext context) throws Exception {
    ZooKeeper client = context.client();
    EventLog events = new EventLog();
    String node = context.path("n");
    client.addWatch(node, events, AddWatchMode.PERSISTENT_RECURSIVE);
    create(client, node);
    events.expect(NodeCreated, node);
    create(client, node + "/a");
    events.expect(NodeCreated, node + "/a");
    create(client, node + "/a/b");
    events.expect(NodeCreated, node + "/a/b");
    client.setData(node + "/a/b", null, -1);
    events.expect(NodeDataChanged, node + "/a/b");
    create(client, context.path("neighbour"));
    create(client, node + "x");
    client.delete(node + "/a/b", -1);
    events.expect(NodeDeleted, node + "/a/b");
    client.delete(node + "/a", -1);
    events.expect(NodeDeleted, node + "/a");
    client.delete(node, -1);
    events.expect(NodeDeleted, node);
    events.expectNothingMore(client);
  }

  @Case(proves = {"CP-9.9", "CP-9.10", "S5"})
  static void addedWatchTellsNothingFromBeforeItWasSet(CaseContext context) throws Exception {
    ZooKeeper other = context.client();
    for (AddWatchMode mode : AddWatchMode.values()) {
      // A session without watches, on which a server may be late with changes that concern nobody.
      ZooKeeper client = context.client();
      EventLog events = new EventLog();
      String node = context.path(mode.name());
      create(other, node);
      other.setData(node, null, -1);
      client.addWatch(node, events, mode);
      other.delete(node, -1);
      events.expect(NodeDeleted, node);
      events.expectNothingMore(client);
    }
  }

  @Case(proves = {"CP-9.13"})
  static void recursiveAndChildWatchOnOneNodeBothFire(CaseContext context) throws Exception {
    ZooKeeper client = context.client();
    // One log for both: this client hands a child event to the recursive watcher above it, too.
    EventLog events = new EventLog();
    client.addWatch(context.root(), events, AddWatchMode.PERSISTENT_RECURSIVE);
    create(client, context.path("p"));
    events.expect(NodeCreated, context.path("p"));
    client.getChildren(context.path("p"), events);
    create(client, context.path("p/c"));
    events.expect(NodeCreated, context.path("p/c"));
    events.expect(NodeChildrenChanged, context.path("p"));
    create(client, context.path("p/d"));
    events.expect(NodeCreated, context.path("p/d"));
    events.expectNothingMore(client);
  }

  @Case(proves = {"CP-9.23", "CP-8.6"})
  static void multiFiresItsElementsInOrderOrNothing(CaseContext context) throws Exception {
    ZooKeeper client = context.client();
    EventLog events = new EventLog();
    String node = context.path("n");
    client.addWatch(context.root(), events, AddWatchMode.PERSISTENT_RECURSIVE);
    client.multi(List.of(Op.create(node, null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT),
        Op.setData(node, null, -1), Op.delete(node, -1)));
    Checks.checkFails(Code.NONODE, "multi",
        ()
            -> client.multi(List.of(Op.create(node, null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT),
                Op.delete(context.path("missing"), -1))));
    events.expect(NodeCreated, node);
    events.expect(NodeDataChanged, node);
    events.expect(NodeDeleted, node);
    events.expectNothingMore(client);
  }

  @Case(proves = {"CP-9.15"})
  static void removedOneShotWatchesStaySilent(CaseContext context) throws Exception {
    ZooKeeper client = context.client();
    EventLog data = new EventLog();
    EventLog children = new EventLog();
    String node = context.path("n");
    create(client, node);
    Checks.checkFails(Code.NOWATCHER, "nothing to remove",
        () -> client.removeWatches(node, data, WatcherType.Data, false));
    client.getData(node, data, null);
    client.getChildren(node, children);
    client.removeWatches(node, data, WatcherType.Data, false);
    data.expect(DataWatchRemoved, node);
    client.setData(node, null, -1);
    data.expectNothingMore(client);
    create(client, node + "/a");
    children.expect(NodeChildrenChanged, node);
    client.getChildren(node, children);
    client.removeAllWatches(node, WatcherType.Children, false);
    children.expect(ChildWatchRemoved, node);
    create(client, node + "/b");
    children.expectNothingMore(client);
  }

  @Case(proves = {"CP-9.15"})
  static void removedPersistentWatchesStaySilent(CaseContext context) throws Exception {
    ZooKeeper client = context.client();
    for (AddWatchMode mode : AddWatchMode.values()) {
      EventLog events = new EventLog();
      String node = context.path(mode.name());
      client.addWatch(node, events, mode);
      create(client, node);
      events.expect(NodeCreated, node);
      client.removeWatches(node, events, WatcherType.Any, false);
      events.expect(PersistentWatchRemoved, node);
      client.setData(node, null, -1);
      create(client, node + "/a");
      events.expectNothingMore(client);
      Checks.checkFails(Code.NOWATCHER, "second removal",
          () -> client.removeWatches(node, events, WatcherType.Any, false));
    }
  }

  @Case(proves = {"CP-9.24", "CP-10.4", "S2"})
  static void closedSessionsEphemeralsGoAndOthersAreTold(CaseContext context) throws Exception {
    ZooKeeper watcher = context.client();
    ZooKeeper owner = context.client();
    EventLog events = new EventLog();
    String node = context.path("e");
    owner.create(node, null, OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
    watcher.exists(node, events);
    watcher.getChildren(context.root(), events);
    owner.close();
    events.expect(NodeDeleted, node);
    events.expect(NodeChildrenChanged, context.root());
    events.expectNothingMore(watcher);
  }

  @Case(proves = {"CP-9.17", "CP-9.18", "CP-2.18", "S5"}, seconds = 30)
  static void oneShotWatchesCatchUpAfterAReconnect(CaseContext context) throws Exception {
    PausableProxy proxy = context.closeLater(new PausableProxy(context.hostPort()));
    ZooKeeper client = context.client(proxy.address());
    ZooKeeper other = context.client();
    for (String name : List.of("changed", "deleted", "parent", "quiet")) {
      create(other, context.path(name));
    }
    EventLog events = new EventLog();
    EventLog quiet = new EventLog();
    client.getData(context.path("changed"), events, null);
    client.getData(context.path("quiet"), quiet, null);
    dropConnection(proxy, client);
    other.setData(context.path("changed"), null, -1);
    reconnect(proxy, client);
    events.expect(NodeDataChanged, context.path("changed"));
    client.exists(context.path("deleted"), events);
    dropConnection(proxy, client);
    other.delete(context.path("deleted"), -1);
    reconnect(proxy, client);
    events.expect(NodeDeleted, context.path("deleted"));
    client.getChildren(context.path("parent"), events);
    dropConnection(proxy, client);
    create(other, context.path("parent/child"));
    reconnect(proxy, client);
    events.expect(NodeChildrenChanged, context.path("parent"));
    client.exists(context.path("created"), events);
    dropConnection(proxy, client);
    create(other, context.path("created"));
    reconnect(proxy, client);
    events.expect(NodeCreated, context.path("created"));
    events.expectNothingMore(client);
    quiet.expectNothingMore(client);
    other.setData(context.path("quiet"), null, -1);
    quiet.expect(NodeDataChanged, context.path("quiet"));
  }

  @Case(proves = {"CP-9.19"})
  static void persistentWatchesGoOnAfterAReconnect(CaseContext context) throws Exception {
    PausableProxy proxy = context.closeLater(new PausableProxy(context.hostPort()));
    ZooKeeper client = context.client(proxy.address());
    ZooKeeper other = context.client();
    EventLog events = new EventLog();
    EventLog recursive = new EventLog();
    String node = context.path("n");
    client.addWatch(node, events, AddWatchMode.PERSISTENT);
    client.addWatch(context.path("tree"), recursive, AddWatchMode.PERSISTENT_RECURSIVE);
    dropConnection(proxy, client);
    create(other, context.path("tree"));
    reconnect(proxy, client);
    create(other, node);
    events.expect(NodeCreated, node);
    create(other, context.path("tree/leaf"));
    recursive.expect(NodeCreated, context.path("tree/leaf"));
    events.expectNothingMore(client);
    recursive.expectNothingMore(client);
  }

  private static void create(ZooKeeper client, String path) throws Exception {
    client.create(path, null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
  }

  /** Cuts the client's connection; its attempts to reconnect hang until {@link #reconnect}. */
  private static void dropConnection(PausableProxy proxy, ZooKeeper client) throws Exception {
    proxy.pause();
    proxy.cutConnections();
    Checks.eventually("disconnected", 5_000, () -> !client.getState().isConnected());
  }

  private static void reconnect(PausableProxy proxy, ZooKeeper client) throws Exception {
    proxy.resume();
    Checks.eventually("connected again", 10_000, () -> client.getState().isConnected());
  }
}
