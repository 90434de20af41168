import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.WatcherRemoveCuratorFramework;
import org.apache.curator.framework.api.transaction.CuratorTransactionResult;
import org.apache.curator.framework.api.transaction.OperationType;
import org.apache.curator.framework.recipes.nodes.GroupMember;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.framework.recipes.nodes.PersistentTtlNode;
import org.apache.curator.x.discovery.ServiceCache;
import org.apache.curator.x.discovery.ServiceDiscovery;
import org.apache.curator.x.discovery.ServiceDiscoveryBuilder;
import org.apache.curator.x.discovery.ServiceInstance;
import org.apache.curator.x.discovery.ServiceProvider;
import org.apache.curator.x.discovery.strategies.RoundRobinStrategy;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.Watcher.Event.EventType;

/** Curator's own kinds of nodes, groups, service discovery, transactions and creation helpers. */
final class CuratorNodeCases {
  private static final int SOON_MS = 8_000;

  private CuratorNodeCases() {}

  @Case(proves = {"C7", "S2"}, seconds = 40)
  static void persistentNodeComesBackAfterItsSessionEnds(CaseContext context) throws Exception {
    CuratorFramework doomed = context.curator();
    CuratorFramework observer = context.curator();
    String path = context.path("n");
    PersistentNode node = context.closeLater(
        new PersistentNode(doomed, CreateMode.EPHEMERAL, false, path, CaseContext.bytes("d")));
    node.start();
    Checks.check(node.waitForInitialCreate(SOON_MS, TimeUnit.MILLISECONDS), "not created at first");
    long firstOwner = observer.checkExists().forPath(path).getEphemeralOwner();
    context.killSession(doomed);
    Checks.eventually("the node of a new session", SOON_MS, () -> {
      var stat = observer.checkExists().forPath(path);
      return stat != null && stat.getEphemeralOwner() != firstOwner;
    });
    observer.delete().forPath(path);
    Checks.eventually(
        "the node after a deletion", SOON_MS, () -> observer.checkExists().forPath(path) != null);
    node.close();
    Checks.check(observer.checkExists().forPath(path) == null, "the node outlives its close");
  }

  @Case(proves = {"CP-5.9", "CP-5.10"}, seconds = 30)
  static void persistentTtlNodeLivesAsLongAsItIsTouched(CaseContext context) throws Exception {
    CuratorFramework observer = context.curator();
    String path = context.path("ttl");
    PersistentTtlNode node = context.closeLater(
        new PersistentTtlNode(context.curator(), path, 1_000, CaseContext.bytes("d")));
    node.start();
    Checks.check(node.waitForInitialCreate(SOON_MS, TimeUnit.MILLISECONDS), "not created");
    String touched = path + "/" + PersistentTtlNode.DEFAULT_CHILD_NODE_NAME;
    Checks.eventually("the child is touched several times", SOON_MS, () -> {
      var stat = observer.checkExists().forPath(touched);
      return stat != null && stat.getMtime() - stat.getCtime() > 1_500;
    });
    Checks.check(observer.checkExists().forPath(path) != null, "removed although touched");
    node.close();
    Checks.eventually("removed when no longer touched", SOON_MS,
        () -> observer.checkExists().forPath(path) == null);
  }

  @Case(proves = {"C7", "S2"}, seconds = 40)
  static void groupMembersSeeEachOtherComeAndGo(CaseContext context) throws Exception {
    CuratorFramework doomed = context.curator();
    GroupMember a = member(context, context.curator(), "a");
    GroupMember b = member(context, context.curator(), "b");
    GroupMember c = member(context, doomed, "c");
    expectMembers(a, Set.of("a", "b", "c"));
    b.close();
    expectMembers(a, Set.of("a", "c"));
    a.setThisData(CaseContext.bytes("news"));
    Checks.eventually("news of a", SOON_MS,
        () -> "news".equals(CaseContext.text(c.getCurrentMembers().get("a"))));
    doomed.close();
    expectMembers(a, Set.of("a"));
  }

  @Case(proves = {"C6"}, seconds = 30)
  static void servicesAreRegisteredFoundAndForgotten(CaseContext context) throws Exception {
    ServiceDiscovery<String> provider = discovery(context, context.curator());
    ServiceDiscovery<String> consumer = discovery(context, context.curator());
    ServiceInstance<String> first = instance("one", 1001);
    ServiceInstance<String> second = instance("two", 1002);
    provider.registerService(first);
    provider.registerService(second);
    Checks.checkEquals("names", List.of("shop"), new ArrayList<>(consumer.queryForNames()));
    Checks.checkEquals("instances", Set.of("one", "two"), ids(consumer.queryForInstances("shop")));
    Checks.checkEquals(
        "payload", "payload of one", consumer.queryForInstance("shop", "one").getPayload());
    provider.unregisterService(first);
    Checks.checkEquals("instances", Set.of("two"), ids(consumer.queryForInstances("shop")));
    provider.close();
    Checks.eventually(
        "nobody is left", SOON_MS, () -> consumer.queryForInstances("shop").isEmpty());
  }

  @Case(proves = {"C6", "S2"}, seconds = 40)
  static void serviceCacheAndProviderFollowAKilledInstanceAndItsReturn(CaseContext context)
      throws Exception {
    CuratorFramework doomed = context.curator();
    ServiceDiscovery<String> unlucky = discovery(context, doomed);
    ServiceDiscovery<String> lucky = discovery(context, context.curator());
    ServiceDiscovery<String> consumer = discovery(context, context.curator());
    unlucky.registerService(instance("one", 1001));
    lucky.registerService(instance("two", 1002));
    ServiceCache<String> cache =
        context.closeLater(consumer.serviceCacheBuilder().name("shop").build());
    cache.start();
    ServiceProvider<String> provider =
        context.closeLater(consumer.serviceProviderBuilder()
                               .serviceName("shop")
                               .providerStrategy(new RoundRobinStrategy<>())
                               .build());
    provider.start();
    Checks.eventually("two instances", SOON_MS, () -> cache.getInstances().size() == 2);
    Set<String> turns = new TreeSet<>();
    for (int i = 0; i < 4; i++) {
      turns.add(provider.getInstance().getId());
    }
    Checks.checkEquals("round robin", Set.of("one", "two"), turns);
    String node = context.path("services/shop/one");
    CuratorFramework observer = context.curator();
    long firstCreation = observer.checkExists().forPath(node).getCzxid();
    context.killSession(doomed);
    Checks.eventually("registered again by a new session", SOON_MS, () -> {
      var stat = observer.checkExists().forPath(node);
      return stat != null && stat.getCzxid() != firstCreation;
    });
    Checks.eventually(
        "both are listed", SOON_MS, () -> ids(cache.getInstances()).equals(Set.of("one", "two")));
    unlucky.close();
    Checks.eventually(
        "one is gone", SOON_MS, () -> ids(cache.getInstances()).equals(Set.of("two")));
  }

  @Case(proves = {"CP-8.2", "CP-8.4"})
  @SuppressWarnings("deprecation") // the older of two ways to the same request
  static void transactionAppliesAllItsOperations(CaseContext context) throws Exception {
    CuratorFramework client = context.curator();
    String a = context.path("a");
    Collection<CuratorTransactionResult> results = client.inTransaction()
                                                       .create()
                                                       .forPath(a, CaseContext.bytes("1"))
                                                       .and()
                                                       .create()
                                                       .withMode(CreateMode.PERSISTENT_SEQUENTIAL)
                                                       .forPath(a + "/s-")
                                                       .and()
                                                       .setData()
                                                       .withVersion(0)
                                                       .forPath(a, CaseContext.bytes("2"))
                                                       .and()
                                                       .check()
                                                       .withVersion(1)
                                                       .forPath(a)
                                                       .and()
                                                       .commit();
    Checks.checkEquals("types",
        List.of(OperationType.CREATE, OperationType.CREATE, OperationType.SET_DATA,
            OperationType.CHECK),
        results.stream().map(CuratorTransactionResult::getType).collect(Collectors.toList()));
    Checks.check(results.stream().anyMatch(r -> (a + "/s-0000000000").equals(r.getResultPath())),
        "no sequential path");
    Checks.checkEquals("data", "2", CaseContext.text(client.getData().forPath(a)));
  }

  @Case(proves = {"CP-8.3"})
  static void failingTransactionAppliesNothing(CaseContext context) throws Exception {
    CuratorFramework client = context.curator();
    Checks.checkFails(Code.NONODE, "transaction",
        ()
            -> client.transaction().forOperations(
                client.transactionOp().create().forPath(context.path("a")),
                client.transactionOp().delete().forPath(context.path("missing"))));
    Checks.checkEquals("children", List.of(), client.getChildren().forPath(context.root()));
  }

  @Case(proves = {"CP-5.10", "CP-5.11"}, seconds = 30)
  static void parentsCreatedAsContainersGoWithTheirLastChild(CaseContext context) throws Exception {
    CuratorFramework client = context.curator();
    String leaf = context.path("a/b/leaf");
    client.create().creatingParentContainersIfNeeded().forPath(leaf);
    client.create().creatingParentsIfNeeded().forPath(context.path("plain/leaf"));
    client.delete().forPath(leaf);
    client.delete().forPath(context.path("plain/leaf"));
    Checks.eventually("the containers are gone", SOON_MS,
        () -> client.getChildren().forPath(context.root()).equals(List.of("plain")));
  }

  @Case(proves = {"CP-9.15"})
  static void watcherRemoveFrameworkTakesItsWatchesBack(CaseContext context) throws Exception {
    CuratorFramework client = context.curator();
    WatcherRemoveCuratorFramework removing = client.newWatcherRemoveCuratorFramework();
    EventLog events = new EventLog();
    String node = context.path("n");
    client.create().forPath(node);
    removing.getData().usingWatcher(events).forPath(node);
    removing.getChildren().usingWatcher(events).forPath(context.root());
    removing.removeWatchers();
    Set<EventType> removed = new TreeSet<>();
    removed.add(events.next().getType());
    removed.add(events.next().getType());
    Checks.checkEquals("removed",
        new TreeSet<>(Set.of(EventType.DataWatchRemoved, EventType.ChildWatchRemoved)), removed);
    client.setData().forPath(node, CaseContext.bytes("1"));
    client.create().forPath(context.path("other"));
    events.expectNothingMore(client.getZookeeperClient().getZooKeeper());
  }

  @Case(proves = {"CP-4.1", "CP-5.2", "CP-7.5"})
  static void createHelpersDoWhatTheyPromise(CaseContext context) throws Exception {
    CuratorFramework client = context.curator();
    String node = context.path("n");
    client.create().orSetData().forPath(node, CaseContext.bytes("1"));
    client.create().orSetData().forPath(node, CaseContext.bytes("2"));
    Checks.checkEquals("data", "2", CaseContext.text(client.getData().forPath(node)));
    String guarded = client.create()
                         .withProtection()
                         .withMode(CreateMode.EPHEMERAL_SEQUENTIAL)
                         .forPath(context.path("p-"));
    Checks.check(
        guarded.matches(".*/_c_[-0-9a-f]{36}-p-0000000001"), "protected name is " + guarded);
    client.create().compressed().forPath(context.path("z"), new byte[10_000]);
    Checks.check(
        Arrays.equals(new byte[10_000], client.getData().decompressed().forPath(context.path("z"))),
        "compressed data changed");
    client.create().creatingParentsIfNeeded().forPath(context.path("x/y/z"));
    client.delete().guaranteed().deletingChildrenIfNeeded().forPath(context.path("x"));
    client.delete().quietly().forPath(context.path("x"));
    Checks.check(client.checkExists().forPath(context.path("x")) == null, "x is still there");
    CuratorFramework inNamespace = client.usingNamespace(context.root().substring(1));
    Checks.checkEquals("namespace", "2", CaseContext.text(inNamespace.getData().forPath("/n")));
  }

  private static GroupMember member(CaseContext context, CuratorFramework client, String id) {
    GroupMember member = context.closeLater(
        new GroupMember(client, context.path("group"), id, CaseContext.bytes("-")));
    member.start();
    return member;
  }

  private static void expectMembers(GroupMember observer, Set<String> ids) throws Exception {
    Checks.eventually(
        "members " + ids, SOON_MS, () -> observer.getCurrentMembers().keySet().equals(ids));
  }

  private static ServiceDiscovery<String> discovery(CaseContext context, CuratorFramework client)
      throws Exception {
    ServiceDiscovery<String> discovery = ServiceDiscoveryBuilder.builder(String.class)
                                             .client(client)
                                             .basePath(context.path("services"))
                                             .build();
    context.closeLater(discovery);
    discovery.start();
    return discovery;
  }

  private static ServiceInstance<String> instance(String id, int port) throws Exception {
    return ServiceInstance.<String>builder()
        .name("shop")
        .id(id)
        .address("127.0.0.1")
        .port(port)
        .payload("payload of " + id)
        .build();
  }

  private static Set<String> ids(Collection<ServiceInstance<String>> instances) {
    return instances.stream().map(ServiceInstance::getId).collect(Collectors.toSet());
  }
}
