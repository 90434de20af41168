import static org.apache.zookeeper.ZooDefs.Ids.OPEN_ACL_UNSAFE;

import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooDefs.Perms;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.ClientInfo;
import org.apache.zookeeper.data.Id;
import org.apache.zookeeper.data.Stat;
import org.apache.zookeeper.server.auth.DigestAuthenticationProvider;

/** Apache's Java client: access control lists, logins and identities. */
final class JavaAccessCases {
  private JavaAccessCases() {}

  @Case(proves = {"CP-7.16", "CP-11.1", "CP-11.2", "CP-7.1"})
  static void nodeOfItsCreatorIsClosedToOthers(CaseContext context) throws Exception {
    ZooKeeper owner = context.client();
    ZooKeeper stranger = context.client();
    String node = context.path("n");
    Checks.checkFails(Code.INVALIDACL, "auth without identity",
        () -> owner.create(node, null, Ids.CREATOR_ALL_ACL, CreateMode.PERSISTENT));
    owner.addAuthInfo("digest", CaseContext.bytes("bob:pw"));
    owner.create(node, CaseContext.bytes("d"), Ids.CREATOR_ALL_ACL, CreateMode.PERSISTENT);
    Id bob = new Id("digest", DigestAuthenticationProvider.generateDigest("bob:pw"));
    Checks.checkEquals(
        "stored ACL", List.of(new ACL(Perms.ALL, bob)), owner.getACL(node, new Stat()));
    Checks.checkFails(Code.NOAUTH, "getData", () -> stranger.getData(node, false, null));
    Checks.checkFails(Code.NOAUTH, "setData", () -> stranger.setData(node, null, -1));
    Checks.checkFails(Code.NOAUTH, "getChildren", () -> stranger.getChildren(node, false));
    Checks.checkFails(Code.NOAUTH, "create", () -> create(stranger, node + "/x"));
    Checks.checkFails(Code.NOAUTH, "getACL", () -> stranger.getACL(node, new Stat()));
    Checks.checkFails(Code.NOAUTH, "setACL", () -> stranger.setACL(node, OPEN_ACL_UNSAFE, -1));
    stranger.addAuthInfo("digest", CaseContext.bytes("bob:wrong"));
    Checks.checkFails(Code.NOAUTH, "wrong password", () -> stranger.getData(node, false, null));
    stranger.addAuthInfo("digest", CaseContext.bytes("bob:pw"));
    Checks.checkEquals("data", "d", CaseContext.text(stranger.getData(node, false, null)));
  }

  @Case(proves = {"CP-7.6", "CP-7.8", "CP-7.15", "CP-7.18", "SO-8.13"})
  static void permissionsAreCheckedOneByOne(CaseContext context) throws Exception {
    ZooKeeper client = context.client();
    Id bob = new Id("digest", DigestAuthenticationProvider.generateDigest("bob:pw"));
    List<ACL> acl = Arrays.asList(
        new ACL(Perms.READ | Perms.CREATE, Ids.ANYONE_ID_UNSAFE), new ACL(Perms.ALL, bob));
    String node = context.path("n");
    client.create(node, null, acl, CreateMode.PERSISTENT);
    create(client, node + "/x");
    Checks.checkFails(Code.NOAUTH, "delete a child", () -> client.delete(node + "/x", -1));
    Checks.checkFails(Code.NOAUTH, "write", () -> client.setData(node, null, -1));
    Checks.checkFails(Code.NOAUTH, "administer", () -> client.setACL(node, acl, -1));
    Checks.checkEquals(
        "digest is hidden", "bob:x", client.getACL(node, new Stat()).get(1).getId().getId());
    String local = context.path("local");
    List<ACL> ofThisHost = only(new Id("ip", "127.0.0.0/8"));
    List<ACL> ofAnother = only(new Id("ip", "10.1.2.3"));
    client.create(local, null, ofThisHost, CreateMode.PERSISTENT);
    client.setACL(local, ofAnother, 0);
    Checks.checkFails(Code.NOAUTH, "other address", () -> client.getData(local, false, null));
    for (Id nonsense :
        List.of(new Id("ip", "1.2.3"), new Id("digest", "abc"), new Id("what", "x"))) {
      Checks.checkFails(Code.INVALIDACL, nonsense.toString(),
          () -> client.create(context.path("z"), null, only(nonsense), CreateMode.PERSISTENT));
    }
  }

  @Case(proves = {"CP-4.8"})
  static void whoAmIListsAddressAndUser(CaseContext context) throws Exception {
    ZooKeeper client = context.client();
    Checks.checkEquals("before", List.of(new ClientInfo("ip", "127.0.0.1")), client.whoAmI());
    client.addAuthInfo("digest", CaseContext.bytes("bob:pw"));
    Checks.checkEquals(
        "after", new TreeSet<>(List.of("digest bob", "ip 127.0.0.1")), identitiesOf(client));
  }

  private static void create(ZooKeeper client, String path) throws Exception {
    client.create(path, null, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
  }

  /**
   * All permissions for {@code id}. The client looks for null in the list, which List.of would not
   * survive.
   */
  private static List<ACL> only(Id id) {
    return Arrays.asList(new ACL(Perms.ALL, id));
  }

  private static TreeSet<String> identitiesOf(ZooKeeper client) throws Exception {
    TreeSet<String> identities = new TreeSet<>();
    for (ClientInfo info : client.whoAmI()) {
      identities.add(info.getAuthScheme() + " " + info.getUser());
    }
    return identities;
  }
}
