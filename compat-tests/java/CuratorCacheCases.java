import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.cache.ChildData;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.cache.CuratorCacheListener;
import org.apache.curator.framework.recipes.cache.NodeCache;
import org.apache.curator.framework.recipes.cache.PathChildrenCache;
import org.apache.curator.framework.recipes.cache.TreeCache;
import org.apache.curator.framework.recipes.watch.PersistentWatcher;
import org.apache.zookeeper.CreateMode;

/**
 * Curator's caches, which build on every kind of watch, and what they do about lost connections
 * and sessions.
 */
@SuppressWarnings("deprecation") // the older caches are what most programs still use
final class CuratorCacheCases {
  private static final int SOON_MS = 8_000;

  private CuratorCacheCases() {}

  @Case(proves = {"CP-9.10", "C5"}, seconds = 30)
  static void curatorCacheFollowsATree(CaseContext context) throws Exception {
    CuratorFramework writer = context.curator();
    create(writer, context.path("old"), "0");
    CuratorCache cache = context.closeLater(CuratorCache.build(context.curator(), context.root()));
    Events events = new Events();
    CountDownLatch initialized = new CountDownLatch(1);
    cache.listenable().addListener(CuratorCacheListener.builder()
                                       .forCreates(node -> events.add("created", node))
                                       .forChanges((before, node) -> events.add("changed", node))
                                       .forDeletes(node -> events.add("deleted", node))
                                       .forInitialized(initialized::countDown)
                                       .afterInitialized()
                                       .build());
    cache.start();
    Checks.check(initialized.await(SOON_MS, TimeUnit.MILLISECONDS), "not initialized");
    Checks.checkEquals("initial size", 2, cache.size());
    create(writer, context.path("a"), "1");
    events.expect("created " + context.path("a") + " 1");
    create(writer, context.path("a/b"), "2");
    events.expect("created " + context.path("a/b") + " 2");
    writer.setData().forPath(context.path("a/b"), CaseContext.bytes("3"));
    events.expect("changed " + context.path("a/b") + " 3");
    writer.delete().forPath(context.path("a/b"));
    events.expect("deleted " + context.path("a/b") + " 3");
    Checks.checkEquals("size", 3, cache.size());
    Checks.checkEquals(
        "data", "1", CaseContext.text(cache.get(context.path("a")).orElseThrow().getData()));
  }

  @Case(proves = {"CP-9.9", "C5"})
  static void curatorCacheOfOneNodeIgnoresItsChildren(CaseContext context) throws Exception {
    CuratorFramework writer = context.curator();
    String node = context.path("n");
    create(writer, node, "0");
    CuratorCache cache = context.closeLater(
        CuratorCache.build(context.curator(), node, CuratorCache.Options.SINGLE_NODE_CACHE));
    cache.start();
    Checks.eventually("initial data", SOON_MS, () -> cache.size() == 1);
    create(writer, node + "/child", "x");
    writer.setData().forPath(node, CaseContext.bytes("1"));
    Checks.eventually("data 1", SOON_MS,
        ()
            -> cache.get(node)
                   .map(data -> CaseContext.text(data.getData()).equals("1"))
                   .orElse(false));
    Checks.checkEquals("size", 1, cache.size());
  }

  @Case(proves = {"CP-9.19", "CP-2.13", "C5"}, seconds = 40)
  static void curatorCacheCatchesUpAfterItsSessionEnds(CaseContext context) throws Exception {
    CuratorFramework writer = context.curator();
    CuratorFramework doomed = context.curator();
    create(writer, context.path("gone"), "0");
    CuratorCache cache = context.closeLater(CuratorCache.build(doomed, context.root()));
    cache.start();
    Checks.eventually("initial data", SOON_MS, () -> cache.size() == 2);
    context.killSession(doomed);
    writer.delete().forPath(context.path("gone"));
    create(writer, context.path("new"), "1");
    Checks.eventually("the new state", SOON_MS,
        ()
            -> cache.get(context.path("new")).isPresent()
            && cache.get(context.path("gone")).isEmpty());
    create(writer, context.path("later"), "2");
    Checks.eventually(
        "a later change", SOON_MS, () -> cache.get(context.path("later")).isPresent());
  }

  @Case(proves = {"CP-9.2", "CP-9.3", "C5"})
  static void nodeCacheFollowsItsNode(CaseContext context) throws Exception {
    CuratorFramework writer = context.curator();
    String node = context.path("n");
    NodeCache cache = context.closeLater(new NodeCache(context.curator(), node));
    Events events = new Events();
    cache.getListenable().addListener(() -> events.add("now", cache.getCurrentData()));
    cache.start(true);
    Checks.check(cache.getCurrentData() == null, "data of a missing node");
    create(writer, node, "1");
    events.expect("now " + node + " 1");
    writer.setData().forPath(node, CaseContext.bytes("2"));
    events.expect("now " + node + " 2");
    writer.delete().forPath(node);
    events.expect("now null");
    create(writer, node, "3");
    events.expect("now " + node + " 3");
  }

  @Case(proves = {"CP-9.5", "C6"}, seconds = 30)
  static void pathChildrenCacheFollowsChildren(CaseContext context) throws Exception {
    CuratorFramework writer = context.curator();
    create(writer, context.path("first"), "0");
    PathChildrenCache cache =
        context.closeLater(new PathChildrenCache(context.curator(), context.root(), true));
    Events events = new Events();
    cache.getListenable().addListener(
        (client, event) -> events.add(event.getType().name(), event.getData()));
    cache.start(PathChildrenCache.StartMode.POST_INITIALIZED_EVENT);
    events.expect("CHILD_ADDED " + context.path("first") + " 0");
    events.expect("INITIALIZED null");
    create(writer, context.path("a"), "1");
    events.expect("CHILD_ADDED " + context.path("a") + " 1");
    writer.setData().forPath(context.path("a"), CaseContext.bytes("2"));
    events.expect("CHILD_UPDATED " + context.path("a") + " 2");
    writer.delete().forPath(context.path("a"));
    events.expect("CHILD_REMOVED " + context.path("a") + " 2");
    Checks.checkEquals("children", 1, cache.getCurrentData().size());
  }

  @Case(proves = {"CP-2.13", "S2"}, seconds = 40)
  static void pathChildrenCacheSeesTheEphemeralsOfAKilledSessionGo(CaseContext context)
      throws Exception {
    CuratorFramework doomed = context.curator();
    PathChildrenCache cache =
        context.closeLater(new PathChildrenCache(context.curator(), context.root(), true));
    cache.start(PathChildrenCache.StartMode.BUILD_INITIAL_CACHE);
    for (int i = 0; i < 20; i++) {
      doomed.create().withMode(CreateMode.EPHEMERAL).forPath(context.path("e" + i));
    }
    Checks.eventually("20 children", SOON_MS, () -> cache.getCurrentData().size() == 20);
    context.killSession(doomed);
    Checks.eventually("no children", SOON_MS, () -> cache.getCurrentData().isEmpty());
  }

  @Case(proves = {"CP-9.2", "CP-9.5", "CP-9.6", "C5"}, seconds = 30)
  static void treeCacheFollowsATree(CaseContext context) throws Exception {
    CuratorFramework writer = context.curator();
    create(writer, context.path("a"), "1");
    TreeCache cache = context.closeLater(new TreeCache(context.curator(), context.root()));
    Events events = new Events();
    cache.getListenable().addListener(
        (client, event) -> events.add(event.getType().name(), event.getData()));
    cache.start();
    events.expect("NODE_ADDED " + context.root() + " null");
    events.expect("NODE_ADDED " + context.path("a") + " 1");
    events.expect("INITIALIZED null");
    create(writer, context.path("a/b"), "2");
    events.expect("NODE_ADDED " + context.path("a/b") + " 2");
    create(writer, context.path("a/b/c"), "3");
    events.expect("NODE_ADDED " + context.path("a/b/c") + " 3");
    writer.setData().forPath(context.path("a/b/c"), CaseContext.bytes("4"));
    events.expect("NODE_UPDATED " + context.path("a/b/c") + " 4");
    Checks.checkEquals("size", 4, cache.size());
    writer.delete().forPath(context.path("a/b/c"));
    events.expect("NODE_REMOVED " + context.path("a/b/c") + " 4");
    Checks.checkEquals("children", 0, cache.getCurrentChildren(context.path("a/b")).size());
  }

  @Case(proves = {"CP-9.10", "CP-9.19"}, seconds = 40)
  static void persistentWatcherIsSetAgainInANewSession(CaseContext context) throws Exception {
    CuratorFramework doomed = context.curator();
    CuratorFramework writer = context.curator();
    EventLog events = new EventLog();
    PersistentWatcher watcher =
        context.closeLater(new PersistentWatcher(doomed, context.path("tree"), true));
    CountDownLatch twice = new CountDownLatch(2);
    watcher.getResetListenable().addListener(twice::countDown);
    watcher.getListenable().addListener(events);
    watcher.start();
    Checks.eventually("the watch is set", SOON_MS, () -> twice.getCount() == 1);
    create(writer, context.path("tree"), "0");
    events.expect(EventLog.Event.EventType.NodeCreated, context.path("tree"));
    context.killSession(doomed);
    Checks.check(twice.await(SOON_MS, TimeUnit.MILLISECONDS), "the watch was not set again");
    create(writer, context.path("tree/leaf"), "1");
    events.expect(EventLog.Event.EventType.NodeCreated, context.path("tree/leaf"));
  }

  private static void create(CuratorFramework client, String path, String data) throws Exception {
    client.create().forPath(path, CaseContext.bytes(data));
  }

  /** What a cache has told of nodes (not of its connection), as "kind path data", in order. */
  private static final class Events {
    private final BlockingQueue<String> told = new LinkedBlockingQueue<>();

    void add(String kind, ChildData node) {
      if (kind.startsWith("CONNECTION_")) {
        return;
      }
      told.add(kind + " "
          + (node == null ? "null" : node.getPath() + " " + CaseContext.text(node.getData())));
    }

    void expect(String event) throws InterruptedException {
      Checks.checkEquals("event", event, told.poll(SOON_MS, TimeUnit.MILLISECONDS));
    }
  }
}
