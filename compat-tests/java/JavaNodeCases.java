import static org.apache.zookeeper.ZooDefs.Ids.OPEN_ACL_UNSAFE;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.OpResult;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.admin.ZooKeeperAdmin;
import org.apache.zookeeper.data.Stat;

/**
 * Apache's Java client: znodes, their stats, errors, synchronous and asynchronous calls,
 * transactions.
 */
final class JavaNodeCases {
  private JavaNodeCases() {}

  @Case(proves = {"CP-4.1", "CP-5.2", "CP-5.14", "CP-7.9"})
  static void everyCreateModeMakesItsKindOfNode(CaseContext context) throws Exception {
    ZooKeeper client = context.client();
    for (CreateMode mode : CreateMode.values()) {
      String parent = context.path(mode.name());
      client.create(parent, null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
      Stat stat = new Stat();
      long ttl = mode.isTTL() ? 60_000 : -1;
      String name = client.create(parent + "/n-", new byte[] {1}, OPEN_ACL_UNSAFE, mode, stat, ttl);
      String suffix = mode.isSequential() ? "0000000000" : "";
      Checks.checkEquals(mode + " path", parent + "/n-" + suffix, name);
      long owner = mode.isEphemeral() ? client.getSessionId() : 0;
      Checks.checkEquals(mode + " owner", owner, stat.getEphemeralOwner());
      Checks.checkEquals(mode + " mzxid", stat.getCzxid(), stat.getMzxid());
      Checks.checkEquals(mode + " pzxid", stat.getCzxid(), stat.getPzxid());
      Checks.checkEquals(mode + " dataLength", 1, stat.getDataLength());
      Checks.checkEquals(mode + " stat of exists", stat, client.exists(name, false));
    }
  }

  @Case(proves = {"CP-5.2", "CP-5.3"})
  static void sequenceNumbersCountEveryCreationUnderTheParent(CaseContext context)
      throws Exception {
    ZooKeeper client = context.client();
    String prefix = context.path("s-");
    create(client, context.path("plain"));
    client.delete(context.path("plain"), -1);
    Checks.checkFails(
        Code.NONODE, "create under a missing node", () -> create(client, context.path("no/no")));
    String first = client.create(prefix, null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL);
    String second = client.create(prefix, null, OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL_SEQUENTIAL);
    Checks.checkEquals("first", prefix + "0000000001", first);
    Checks.checkEquals("second", prefix + "0000000002", second);
  }

  @Case(proves = {"CP-5.10", "CP-5.11", "SO-10.8"})
  static void containerGoesAfterItsLastChildButNotBeforeItsFirst(CaseContext context)
      throws Exception {
    ZooKeeper client = context.client();
    client.create(context.path("unused"), null, OPEN_ACL_UNSAFE, CreateMode.CONTAINER);
    client.create(context.path("used"), null, OPEN_ACL_UNSAFE, CreateMode.CONTAINER);
    create(client, context.path("used/child"));
    EventLog events = new EventLog();
    client.exists(context.path("used"), events);
    client.delete(context.path("used/child"), -1);
    events.expect(EventLog.Event.EventType.NodeDeleted, context.path("used"));
    Checks.checkEquals(
        "what is left", List.of("unused"), client.getChildren(context.root(), false));
  }

  @Case(proves = {"CP-5.9", "CP-5.11", "SO-10.8"})
  static void ttlNodeGoesWhenOldAndChildless(CaseContext context) throws Exception {
    ZooKeeper client = context.client();
    createTtl(client, context.path("parent"), 300);
    create(client, context.path("parent/child"));
    createTtl(client, context.path("long-lived"), 600_000);
    createTtl(client, context.path("alone"), 300);
    EventLog events = new EventLog();
    client.exists(context.path("alone"), events);
    events.expect(EventLog.Event.EventType.NodeDeleted, context.path("alone"));
    Checks.check(client.exists(context.path("parent"), false) != null,
        "a TTL node with a child was removed");
    client.exists(context.path("parent"), events);
    client.delete(context.path("parent/child"), -1);
    events.expect(EventLog.Event.EventType.NodeDeleted, context.path("parent"));
    Checks.checkEquals(
        "what is left", List.of("long-lived"), client.getChildren(context.root(), false));
  }

  @Case(proves = {"CP-7.10", "CP-7.11", "CP-7.12", "CP-7.13", "CP-4.10"})
  static void statCountsChangesOfDataAclAndChildren(CaseContext context) throws Exception {
    ZooKeeper client = context.client();
    String node = context.path("n");
    create(client, node);
    create(client, node + "/a");
    create(client, node + "/b");
    client.delete(node + "/a", 0);
    Stat set = client.setData(node, CaseContext.bytes("12345"), 0);
    Stat guarded = client.setACL(node, OPEN_ACL_UNSAFE, 0);
    Checks.checkEquals("cversion", 3, guarded.getCversion());
    Checks.checkEquals("numChildren", 1, guarded.getNumChildren());
    Checks.checkEquals("version", 1, guarded.getVersion());
    Checks.checkEquals("aversion", 1, guarded.getAversion());
    Checks.checkEquals("dataLength", 5, guarded.getDataLength());
    Checks.checkEquals("mzxid after setACL", set.getMzxid(), guarded.getMzxid());
    Checks.check(set.getMzxid() > set.getPzxid(), "setData must not touch pzxid");
    Stat listed = new Stat();
    Checks.checkEquals("children", List.of("b"), client.getChildren(node, false, listed));
    Checks.checkEquals("stat of getChildren", client.exists(node, false), listed);
  }

  @Case(proves = {"CP-1.2", "CP-7.11"})
  static void nullEmptyAndLargeDataComeBackAsTheyWere(CaseContext context) throws Exception {
    ZooKeeper client = context.client();
    String node = context.path("n");
    create(client, node);
    byte[] large = new byte[1_000_000];
    Arrays.fill(large, (byte) 0xa5);
    for (byte[] data : Arrays.asList(new byte[0], large, null)) {
      client.setData(node, data, -1);
      Checks.check(Arrays.equals(data, client.getData(node, false, null)), "data changed");
    }
  }

  @Case(proves = {"CP-1.7", "SO-10.2"})
  static void requestAboveMaxbufferLosesTheConnectionAndNothingElse(CaseContext context)
      throws Exception {
    ZooKeeper client = context.client();
    long session = client.getSessionId();
    String node = context.path("n");
    Checks.checkFails(Code.CONNECTIONLOSS, "create with 1.2 MB",
        () -> client.create(node, new byte[1_200_000], OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
    Checks.eventually("connected again", 10_000, () -> CaseContext.answers(client));
    Checks.check(client.exists(node, false) == null, "the refused node exists");
    Checks.checkEquals("session", session, client.getSessionId());
  }

  @Case(proves = {"CP-5.13", "CP-7.1", "CP-7.2", "CP-7.3", "CP-7.5", "CP-4.2"})
  static void wrongRequestsFailWithTheirError(CaseContext context) throws Exception {
    ZooKeeper client = context.client();
    String node = context.path("n");
    String child = node + "/child";
    String ephemeral = context.path("e");
    create(client, node);
    create(client, child);
    client.create(ephemeral, null, OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
    String missing = context.path("missing");
    Checks.checkFails(Code.NODEEXISTS, "create twice", () -> create(client, node));
    Checks.checkFails(Code.NONODE, "orphan", () -> create(client, missing + "/x"));
    Checks.checkFails(
        Code.NOCHILDRENFOREPHEMERALS, "below an ephemeral", () -> create(client, ephemeral + "/x"));
    Checks.checkFails(Code.NOTEMPTY, "delete a parent", () -> client.delete(node, -1));
    Checks.checkFails(Code.BADVERSION, "delete", () -> client.delete(child, 7));
    Checks.checkFails(Code.NONODE, "delete nothing", () -> client.delete(missing, -1));
    Checks.checkFails(Code.BADVERSION, "setData", () -> client.setData(node, null, 1));
    Checks.checkFails(Code.NONODE, "setData nothing", () -> client.setData(missing, null, -1));
    Checks.checkFails(Code.NONODE, "getData", () -> client.getData(missing, false, null));
    Checks.checkFails(Code.NONODE, "getChildren", () -> client.getChildren(missing, false));
    Checks.checkFails(Code.BADVERSION, "setACL", () -> client.setACL(node, OPEN_ACL_UNSAFE, 3));
    Checks.checkFails(
        Code.BADARGUMENTS, "delete a reserved node", () -> client.delete("/zookeeper/quota", -1));
    Checks.check(client.exists(missing, false) == null, "a missing node exists");
  }

  @Case(proves = {"CP-10.6", "CP-3.1", "S5"})
  static void pipelinedAsyncCallsAnswerInOrderAsIfSequential(CaseContext context) throws Exception {
    int nodes = 300;
    ZooKeeper client = context.client();
    List<String> answers = new ArrayList<>(); // only the event thread adds, until done
    CountDownLatch done = new CountDownLatch(4 * nodes);
    List<String> expected = new ArrayList<>();
    for (int i = 0; i < nodes; i++) {
      String node = context.path("n" + i);
      byte[] data = CaseContext.bytes("d" + i);
      client.create(node, null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT,
          (code, path, ctx, name) -> record(answers, done, "create " + code + " " + name), null);
      client.setData(node, data, 0,
          (code, path, ctx, stat)
              -> record(answers, done, "set " + code + " " + path + " v" + stat.getVersion()),
          null);
      client.getData(node, false,
          (code, path, ctx, read, stat)
              -> record(answers, done, "get " + code + " " + CaseContext.text(read)),
          null);
      client.delete(
          node, 1, (code, path, ctx) -> record(answers, done, "delete " + code + " " + path), null);
      expected.add("create 0 " + node);
      expected.add("set 0 " + node + " v1");
      expected.add("get 0 d" + i);
      expected.add("delete 0 " + node);
    }
    Checks.check(done.await(15, TimeUnit.SECONDS), done.getCount() + " answers are missing");
    Checks.checkEquals("answers", expected, answers);
  }

  @Case(proves = {"CP-4.3"})
  static void asyncReadsAndSyncAnswer(CaseContext context) throws Exception {
    ZooKeeper client = context.client();
    create(client, context.path("a"));
    List<String> answers = new ArrayList<>();
    CountDownLatch done = new CountDownLatch(6);
    String root = context.root();
    client.sync(root, (code, path, ctx) -> record(answers, done, "sync " + code + path), null);
    client.exists(
        root, false, (code, path, ctx, s) -> record(answers, done, "exists " + code), null);
    client.getChildren(
        root, false, (code, path, ctx, list) -> record(answers, done, "children " + list), null);
    client.getACL(
        root, new Stat(), (code, path, ctx, acl, s) -> record(answers, done, "acl " + acl), null);
    client.getAllChildrenNumber(
        root, (code, path, ctx, number) -> record(answers, done, "number " + number), null);
    client.getData(
        root + "/no", false, (code, p, c, d, s) -> record(answers, done, "data " + code), null);
    Checks.check(done.await(10, TimeUnit.SECONDS), "answers so far: " + answers);
    Checks.checkEquals("answers",
        List.of("sync 0" + root, "exists 0", "children [a]", "acl " + OPEN_ACL_UNSAFE, "number 1",
            "data " + Code.NONODE.intValue()),
        answers);
  }

  @Case(proves = {"CP-8.2", "CP-8.4", "CP-8.5", "CP-8.13"})
  static void multiAppliesAllAndEachSeesTheEarlierOnes(CaseContext context) throws Exception {
    ZooKeeper client = context.client();
    String node = context.path("n");
    List<OpResult> results =
        client.multi(List.of(Op.create(node, null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT),
            Op.setData(node, CaseContext.bytes("x"), 0), Op.check(node, 1),
            Op.create(node + "/s-", null, OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL_SEQUENTIAL),
            Op.create(node + "/c", null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT),
            Op.delete(node + "/c", 0),
            Op.create(context.path("box"), null, OPEN_ACL_UNSAFE, CreateMode.CONTAINER),
            Op.create(context.path("t"), null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL,
                600_000)));
    Checks.checkEquals("results", 8, results.size());
    Checks.checkEquals("path", node, ((OpResult.CreateResult) results.get(0)).getPath());
    Checks.checkEquals(
        "version", 1, ((OpResult.SetDataResult) results.get(1)).getStat().getVersion());
    Checks.check(results.get(2) instanceof OpResult.CheckResult, "no check result");
    Checks.checkEquals(
        "sequence", node + "/s-0000000000", ((OpResult.CreateResult) results.get(3)).getPath());
    Checks.check(results.get(5) instanceof OpResult.DeleteResult, "no delete result");
    Checks.checkEquals(
        "children", new TreeSet<>(List.of("n", "box", "t")), childrenOf(client, context.root()));
    Stat stat = client.exists(node, false);
    Checks.checkEquals("mzxid", stat.getCzxid(), stat.getMzxid());
    Checks.checkEquals(
        "zxid of another", stat.getCzxid(), client.exists(context.path("t"), false).getCzxid());
  }

  @Case(proves = {"CP-8.3", "CP-8.6", "CP-8.7"})
  static void failedMultiAppliesNothingAndTellsWhichFailed(CaseContext context) throws Exception {
    ZooKeeper client = context.client();
    String node = context.path("n");
    KeeperException failure = null;
    try {
      client.transaction()
          .create(node, null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL)
          .check(context.root(), 5)
          .delete(context.path("later"), -1)
          .commit();
    } catch (KeeperException error) {
      failure = error;
    }
    Checks.check(failure != null, "the transaction succeeded");
    Checks.checkEquals("error", Code.BADVERSION, failure.code());
    List<Integer> codes = new ArrayList<>();
    for (OpResult result : failure.getResults()) {
      codes.add(((OpResult.ErrorResult) result).getErr());
    }
    Checks.checkEquals("codes",
        List.of(0, Code.BADVERSION.intValue(), Code.RUNTIMEINCONSISTENCY.intValue()), codes);
    Checks.checkEquals("children", List.of(), client.getChildren(context.root(), false));
    Checks.checkEquals("sequence was not used up", node + "0000000000",
        client.create(node, null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL));
  }

  @Case(proves = {"CP-8.11"})
  static void multiReadAnswersEachElementByItself(CaseContext context) throws Exception {
    ZooKeeper client = context.client();
    client.create(
        context.path("n"), CaseContext.bytes("d"), OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
    List<OpResult> results = client.multi(List.of(Op.getData(context.path("n")),
        Op.getData(context.path("missing")), Op.getChildren(context.root())));
    Checks.checkEquals(
        "data", "d", CaseContext.text(((OpResult.GetDataResult) results.get(0)).getData()));
    Checks.checkEquals(
        "error", Code.NONODE.intValue(), ((OpResult.ErrorResult) results.get(1)).getErr());
    Checks.checkEquals(
        "children", List.of("n"), ((OpResult.GetChildrenResult) results.get(2)).getChildren());
  }

  @Case(proves = {"CP-4.6", "CP-4.7"})
  static void ephemeralsAndDescendantsAreListed(CaseContext context) throws Exception {
    ZooKeeper client = context.client();
    ZooKeeper other = context.client();
    create(client, context.path("a"));
    String mine = context.path("a/mine");
    client.create(mine, null, OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
    client.create(context.path("mine"), null, OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
    other.create(context.path("others"), null, OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
    Checks.checkEquals("all", new TreeSet<>(List.of(mine, context.path("mine"))),
        new TreeSet<>(client.getEphemerals()));
    Checks.checkEquals("below a", List.of(mine), client.getEphemerals(context.path("a")));
    Checks.checkEquals("descendants", 4, client.getAllChildrenNumber(context.root()));
    Checks.checkFails(
        Code.NONODE, "missing", () -> client.getAllChildrenNumber(context.path("no")));
  }

  @Case(proves = {"CP-4.10", "SO-10.2"})
  static void longListOfChildrenArrivesWhole(CaseContext context) throws Exception {
    int children = 3_000;
    ZooKeeper client = context.client();
    TreeSet<String> expected = new TreeSet<>();
    for (int start = 0; start < children; start += 500) {
      List<Op> batch = new ArrayList<>();
      for (int i = start; i < start + 500; i++) {
        String name = String.format("a-rather-long-name-of-a-child-%06d", i);
        expected.add(name);
        batch.add(Op.create(context.path(name), null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
      }
      client.multi(batch);
    }
    Checks.checkEquals("children", expected, childrenOf(client, context.root()));
  }

  @Case(proves = {"CP-4.9"})
  static void configIsReadableAndReconfigIsOff(CaseContext context) throws Exception {
    try (ZooKeeperAdmin client =
             new ZooKeeperAdmin(context.hostPort(), CaseContext.SESSION_TIMEOUT_MS, event -> {})) {
      Stat stat = new Stat();
      Checks.checkEquals("config", 0, client.getConfig(false, stat).length);
      Checks.checkEquals("aversion", -1, stat.getAversion());
      Checks.checkFails(Code.RECONFIGDISABLED, "reconfigure",
          () -> client.reconfigure(null, "2", null, -1, new Stat()));
    }
  }

  private static void create(ZooKeeper client, String path) throws Exception {
    client.create(path, null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
  }

  private static void createTtl(ZooKeeper client, String path, long ttlMs) throws Exception {
    client.create(path, null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL, new Stat(), ttlMs);
  }

  private static TreeSet<String> childrenOf(ZooKeeper client, String path) throws Exception {
    return new TreeSet<>(client.getChildren(path, false));
  }

  private static void record(List<String> answers, CountDownLatch done, String answer) {
    answers.add(answer);
    done.countDown();
  }
}
