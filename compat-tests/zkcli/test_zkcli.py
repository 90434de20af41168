"""Every command of zkCli.sh 3.8 (storage-and-operations 11.2, SO-11.2): what it prints, and its exit status.

Outputs are those observed from Apache ZooKeeper 3.8.0.
"""

import re
import socket
import time

import pytest

import zkcli
from lib import servers

CONFIG = {"tickTime": 500, "extendedTypesEnabled": "true"}

COMMANDS = (
    "addWatch addauth close config connect create delete deleteall delquota get getAcl getAllChildrenNumber "
    "getEphemerals history listquota ls printwatches quit reconfig redo removewatches set setAcl setquota stat sync "
    "version whoami"
).split()


@pytest.fixture(name="server", scope="module")
def _server():
    with servers.start_server(config=CONFIG) as process:
        yield process


@pytest.fixture(name="shared", scope="module")
def _shared(server):
    with zkcli.Session(server) as session:
        yield session


@pytest.fixture(name="cli")
def _cli(shared):
    """The session that most tests share; nothing in it may be left that another test could notice."""
    yield shared
    assert shared.forget_events() == []


@pytest.fixture(name="own_cli")
def _own_cli(server):
    """A session of the test's own, for what changes the session itself."""
    with zkcli.Session(server) as session:
        yield session


def changed(kind: str, path: str) -> str:
    """The printed form of a watch event."""
    return f"state:SyncConnected type:{kind} path:{path}"


def test_create_makes_every_kind_of_node(cli, root):
    """SO-11.2, CP-5.2, CP-5.8, CP-5.14: create with -s, -e, -c and -t, with and without data."""
    assert cli(f"create {root}/plain data") == [f"Created {root}/plain"]
    assert cli(f"create {root}/bare") == [f"Created {root}/bare"]
    assert cli(f"create -s {root}/s- x") == [f"Created {root}/s-0000000002"]
    assert cli(f"create -e {root}/e x") == [f"Created {root}/e"]
    assert cli(f"create -e -s {root}/es- x") == [f"Created {root}/es-0000000004"]
    assert cli(f"create -c {root}/box") == [f"Created {root}/box"]
    assert cli(f"create -t 60000 {root}/t x") == [f"Created {root}/t"]
    assert cli(f"create -s -t 60000 {root}/st- x") == [f"Created {root}/st-0000000007"]
    assert cli(f"get {root}/plain") == ["data"]
    assert cli(f"get {root}/bare") == ["null"]
    assert zkcli.stat_of(cli(f"stat {root}/e"))["ephemeralOwner"] != "0x0"
    for name in ("plain", "box", "t"):
        assert zkcli.stat_of(cli(f"stat {root}/{name}"))["ephemeralOwner"] == "0x0"


def test_create_that_cannot_be_says_why(cli, root):
    """SO-11.2, CP-5.13, CP-7.1: missing parent, existing node, child of an ephemeral, wrong combinations."""
    cli(f"create -e {root}/e")
    assert cli(f"create {root}/no/child") == [f"Node does not exist: {root}/no/child"]
    assert cli(f"create {root}") == [f"Node already exists: {root}"]
    assert cli(f"create {root}/e/child") == [f"Ephemerals cannot have children: {root}/e/child"]
    assert cli(f"create -c -e {root}/x") == [
        "-c cannot be combined with -s or -e. Containers cannot be ephemeral or sequential."
    ]
    assert cli(f"create -e -t 5 {root}/x") == ["TTLs cannot be used with Ephemeral znodes"]
    assert cli(f"create -t -5 {root}/x") == ["ttl must be positive and cannot be larger than: 1099511627775"]
    assert cli(f"ls {root}") == ["[e]"]


def test_reads_show_data_children_and_stat(cli, root):
    """SO-11.2, CP-4.10, CP-7.13: get -s, ls, ls -s, ls -R, stat, getAllChildrenNumber, and a missing node."""
    cli(f"create {root}/b 123")
    cli(f"create {root}/a")
    cli(f"create {root}/b/c")
    assert cli(f"ls {root}") == ["[a, b]"]
    assert cli(f"ls -R {root}") == [root, f"{root}/a", f"{root}/b", f"{root}/b/c"]
    with_stat = cli(f"get -s {root}/b")
    assert with_stat[0] == "123"
    assert with_stat[1:] == cli(f"stat {root}/b")
    listed = cli(f"ls -s {root}/b")
    assert listed[0] == "[c]"
    assert [line for line in listed[1:] if line] == with_stat[1:]
    stat = zkcli.stat_of(with_stat)
    fields = "cZxid ctime mZxid mtime pZxid cversion dataVersion aclVersion ephemeralOwner dataLength numChildren"
    assert list(stat) == fields.split()
    assert stat["cZxid"] == stat["mZxid"] < stat["pZxid"]
    assert (stat["cversion"], stat["dataVersion"], stat["dataLength"], stat["numChildren"]) == ("1", "0", "3", "1")
    assert cli(f"getAllChildrenNumber {root}") == ["3"]
    for command in ("get", "ls", "stat", "ls -R", "getAcl", "getAllChildrenNumber", "delete", "set -v 0"):
        data = " x" if command.startswith("set") else ""
        assert cli(f"{command} {root}/no{data}") == [f"Node does not exist: {root}/no"], command


def test_set_and_delete_compare_versions(cli, root):
    """SO-11.2, CP-7.2, CP-7.3, CP-7.11: set, set -s, set -v, delete -v, delete of a parent."""
    cli(f"create {root}/n 0")
    assert cli(f"set {root}/n one") == []
    assert cli(f"set -v 1 {root}/n two") == []
    assert cli(f"set -v 1 {root}/n three") == [f"version No is not valid : {root}/n"]
    stat = zkcli.stat_of(cli(f"set -s {root}/n four"))
    assert (stat["dataVersion"], stat["dataLength"]) == ("3", "4")
    cli(f"create {root}/n/child")
    assert cli(f"delete {root}/n") == [f"Node not empty: {root}/n"]
    assert cli(f"delete -v 7 {root}/n/child") == [f"version No is not valid : {root}/n/child"]
    assert cli(f"delete -v 0 {root}/n/child") == []
    assert cli(f"delete {root}/n") == []
    assert cli(f"ls {root}") == ["[]"]


@pytest.mark.parametrize("batch", ["", " -b 2"])
def test_deleteall_removes_a_tree(cli, root, batch):
    """SO-11.2, CP-8.13: deleteall, in one batch and in several."""
    for path in ("t", "t/a", "t/a/b", "t/a/b/c", "t/d", "t/e"):
        cli(f"create {root}/{path} x")
    assert cli(f"deleteall {root}/t{batch}") == []
    assert cli(f"ls {root}") == ["[]"]
    assert cli(f"deleteall {root}/t{batch}") == [f"Node does not exist: {root}/t"]


def test_one_shot_watches_of_get_ls_and_stat(cli, root):
    """SO-11.2, CP-9.2, CP-9.5: get -w, ls -w and stat -w print one event each."""
    cli(f"create {root}/n 0")
    assert cli(f"get -w {root}/n") == ["0"]
    cli(f"set {root}/n 1")
    cli.expect_event(changed("NodeDataChanged", f"{root}/n"))
    cli(f"set {root}/n 2")
    cli(f"stat -w {root}/n")
    cli(f"set {root}/n 3")
    cli.expect_event(changed("NodeDataChanged", f"{root}/n"))
    assert cli(f"ls -w {root}") == ["[n]"]
    cli(f"create {root}/m")
    cli.expect_event(changed("NodeChildrenChanged", root))
    cli(f"stat -w {root}/n")
    cli(f"delete {root}/n")
    cli.expect_event(changed("NodeDeleted", f"{root}/n"))


def test_add_watch_is_recursive_by_default(cli, root):
    """SO-11.2, CP-9.10: addWatch, and removewatches of it."""
    assert cli(f"addWatch {root}") == []
    cli(f"create {root}/a")
    cli.expect_event(changed("NodeCreated", f"{root}/a"))
    cli(f"create {root}/a/b")
    cli.expect_event(changed("NodeCreated", f"{root}/a/b"))
    cli(f"set {root}/a/b 1")
    cli.expect_event(changed("NodeDataChanged", f"{root}/a/b"))
    cli(f"delete {root}/a/b")
    cli.expect_event(changed("NodeDeleted", f"{root}/a/b"))
    assert cli(f"removewatches {root}") == []
    cli.expect_event(changed("PersistentWatchRemoved", root))
    cli(f"set {root}/a 1")
    assert cli(f"removewatches {root}") == [f"KeeperErrorCode = No such watcher for {root}"]


def test_add_watch_persistent_sees_its_node_again_and_again(cli, root):
    """SO-11.2, CP-9.9: addWatch -m PERSISTENT."""
    assert cli(f"addWatch -m PERSISTENT {root}/n") == []
    for _ in range(2):
        cli(f"create {root}/n")
        cli.expect_event(changed("NodeCreated", f"{root}/n"))
        cli(f"create {root}/n/a")
        cli.expect_event(changed("NodeChildrenChanged", f"{root}/n"))
        cli(f"create {root}/n/a/deep")
        cli(f"delete {root}/n/a/deep")
        cli(f"delete {root}/n/a")
        cli.expect_event(changed("NodeChildrenChanged", f"{root}/n"))
        cli(f"delete {root}/n")
        cli.expect_event(changed("NodeDeleted", f"{root}/n"))
    assert cli(f"removewatches {root}/n") == []
    cli.expect_event(changed("PersistentWatchRemoved", f"{root}/n"))
    usage = "addWatch [-m mode] path # optional mode is one of [PERSISTENT, PERSISTENT_RECURSIVE]"
    assert cli(f"addWatch -m SOMETIMES {root}")[0].startswith(usage)


def test_removewatches_by_kind(cli, root):
    """SO-11.2, CP-9.15: removewatches -d and -c remove their kind, and fail where there is none."""
    cli(f"get -w {root}")
    assert cli(f"removewatches {root} -c") == [f"KeeperErrorCode = No such watcher for {root}"]
    assert cli(f"removewatches {root} -d") == []
    cli.expect_event(changed("DataWatchRemoved", root))
    cli(f"ls -w {root}")
    assert cli(f"removewatches {root} -c") == []
    cli.expect_event(changed("ChildWatchRemoved", root))
    cli(f"ls -w {root}")
    assert cli(f"removewatches {root} -a") == []
    cli.expect_event(changed("ChildWatchRemoved", root))
    cli(f"set {root} 1")
    cli(f"create {root}/a")


def test_acls_are_shown_and_set(cli, root):
    """SO-11.2, CP-7.4, CP-7.12: create with an ACL, getAcl, getAcl -s, setAcl -s -v -R."""
    assert cli(f"create {root}/a data world:anyone:cra") == [f"Created {root}/a"]
    assert cli(f"getAcl {root}/a") == ["'world,'anyone", ": cra"]
    assert cli(f"set {root}/a x") == [f"Insufficient permission : {root}/a"]
    cli(f"create {root}/a/b")
    assert cli(f"setAcl -R {root}/a world:anyone:cdrwa,ip:127.0.0.1:r") == []
    for node in (f"{root}/a", f"{root}/a/b"):
        assert cli(f"getAcl {node}") == ["'world,'anyone", ": cdrwa", "'ip,'127.0.0.1", ": r"]
    assert zkcli.stat_of(cli(f"setAcl -s -v 1 {root}/a world:anyone:cdrwa"))["aclVersion"] == "2"
    assert cli(f"setAcl -v 1 {root}/a world:anyone:cdrwa") == [f"version No is not valid : {root}/a"]
    with_stat = cli(f"getAcl -s {root}/a")
    assert with_stat[:2] == ["'world,'anyone", ": cdrwa"]
    assert with_stat[2:] == cli(f"stat {root}/a")
    assert cli(f"setAcl {root}/a ip:256.1.1.1:r")[-1].startswith("Acl is not valid : ")


def test_addauth_opens_what_is_closed(own_cli, cli, root):
    """SO-11.2, CP-4.8, CP-7.16, SO-8.13: addauth digest, whoami before and after, auth ACL, hidden digests."""
    assert own_cli("whoami") == ["Auth scheme: User", "ip: 127.0.0.1"]
    assert own_cli(f"create {root}/n data auth::cdrwa")[-1].startswith("Acl is not valid : ")
    assert own_cli("addauth digest bob:pw") == []
    assert sorted(own_cli("whoami")) == ["Auth scheme: User", "digest: bob", "ip: 127.0.0.1"]
    assert own_cli(f"create {root}/n data auth::cdrwa") == [f"Created {root}/n"]
    assert own_cli(f"getAcl {root}/n") == ["'digest,'bob:ikIaKsbtGweaHnb/jKn7OHqbunM=", ": cdrwa"]
    assert cli(f"get {root}/n") == [f"Insufficient permission : {root}/n"]
    assert own_cli(f"setAcl {root}/n world:anyone:r,auth:bob:cdrwa") == []
    assert cli(f"get {root}/n") == ["data"]
    assert cli(f"getAcl {root}/n") == ["'world,'anyone", ": r", "'digest,'bob:x", ": cdrwa"]


def test_quotas_are_set_listed_and_deleted(cli, root):
    """SO-11.2, SO-9.1, SO-9.3, CP-6.12: setquota, listquota, delquota; the server counts nodes and bytes."""
    cli(f"create {root}/q 1234")
    cli(f"create {root}/q/a 56")
    limits = f"absolute path is /zookeeper/quota{root}/q/zookeeper_limits"

    def listed(quota):
        return [limits, f"Output quota for {root}/q {quota}", f"Output stat for {root}/q count=2,bytes=6"]

    assert cli(f"setquota -n 5 {root}/q") == []
    assert cli(f"listquota {root}/q") == listed("count=5,bytes=-1=;byteHardLimit=-1;countHardLimit=-1")
    assert cli(f"setquota -b 100 {root}/q") == []
    assert cli(f"setquota -N 6 {root}/q") == []
    assert cli(f"setquota -B 200 {root}/q") == []
    assert cli(f"listquota {root}/q") == listed("count=5,bytes=100=;byteHardLimit=200;countHardLimit=6")
    assert cli(f"setquota -n 1 {root}/q/a") == [f"{root}/q/a has a parent {root}/q which has a quota"]
    cli(f"create {root}/q/b 789")
    assert cli(f"listquota {root}/q")[-1] == f"Output stat for {root}/q count=3,bytes=9"
    cli(f"delete {root}/q/b")
    assert cli(f"delquota -n {root}/q") == []
    assert cli(f"listquota {root}/q") == listed("count=-1,bytes=100=;byteHardLimit=200;countHardLimit=6")
    assert cli(f"delquota {root}/q") == []
    assert cli(f"listquota {root}/q") == [limits, f"quota for {root}/q does not exist."]
    assert cli(f"delquota {root}/q") == [f"Quota does not exist for {root}/q"]


def test_quota_below_the_usage_warns_but_does_not_reject(cli, root):
    """SO-11.2, SO-9.2: without enforceQuota even a hard limit rejects nothing."""
    cli(f"create {root}/q 1234")
    cli(f"create {root}/q/a")
    warning = "[Warning]: the count quota you create is less than the existing count:2"
    assert warning in cli(f"setquota -N 1 {root}/q")
    assert cli(f"create {root}/q/b") == [f"Created {root}/q/b"]
    cli(f"delquota {root}/q")


def test_ephemerals_of_the_session_are_listed(own_cli, cli, root):
    """SO-11.2, CP-4.6: getEphemerals with and without a path."""
    cli(f"create -e {root}/others")
    assert own_cli("getEphemerals") == ["[]"]
    own_cli(f"create {root}/p")
    own_cli(f"create -e {root}/p/e")
    own_cli(f"create -e {root}/e")
    assert own_cli(f"getEphemerals {root}/p") == [f"[{root}/p/e]"]
    assert sorted(own_cli("getEphemerals")[0].strip("[]").split(", ")) == [f"{root}/e", f"{root}/p/e"]


@pytest.mark.one_server(reason="an ensemble's configuration names its members")
def test_sync_version_config_and_reconfig(cli, root):
    """SO-11.2, CP-4.3, CP-4.9, CP-6.10: a standalone server has an empty configuration and no reconfig."""
    assert cli(f"sync {root}") == ["Sync is OK"]
    assert cli(f"sync {root}/missing") == ["Sync is OK"]
    assert cli("version")[0].startswith("ZooKeeper CLI version: 3.8.0")
    assert cli("config") == []
    assert cli("config -c") == []
    stat = zkcli.stat_of(cli("config -s"))
    assert (stat["cZxid"], stat["aclVersion"], stat["dataLength"]) == ("0x0", "-1", "0")
    assert cli("reconfig -remove 2") == ["KeeperErrorCode = Reconfig is disabled"]
    assert cli("reconfig -add server.2=127.0.0.1:1:2;3") == ["KeeperErrorCode = Reconfig is disabled"]
    assert cli("reconfig")[0].startswith("reconfig [-s] [-v version] ")


def test_history_and_redo(own_cli, root):
    """SO-11.2: history lists the last commands by number, redo repeats one."""
    number = own_cli.commands
    assert own_cli(f"create -s {root}/s-") == [f"Created {root}/s-0000000000"]
    assert f"{number} - create -s {root}/s-" in own_cli("history")
    assert own_cli(f"redo {number}") == [f"Created {root}/s-0000000001"]
    assert own_cli("redo 999") == ["Command index out of range"]


def test_printwatches_is_switched(own_cli):
    """SO-11.2: printwatches on and off; asked without a word, it tells the state."""
    assert own_cli("printwatches off") == []
    assert own_cli("ls /zookeeper") == ["[config, quota]"]
    assert own_cli("printwatches on") == []


def test_close_connect_and_quit(own_cli, cli, server, root):
    """SO-11.2, CP-10.4: close ends the session and its ephemerals, connect opens a new one, quit exits with 0."""
    own_cli(f"create -e {root}/e")
    own_cli("close")
    own_cli.expect_event("state:Closed type:None path:null")
    assert cli(f"ls {root}") == ["[]"]
    # More than once: without a connection the client says so after its local commands, too.
    assert set(own_cli("ls /")) == {"Not connected"}
    own_cli(f"connect {server.host}:{server.port}")
    own_cli.expect_event("state:SyncConnected type:None path:null")
    assert own_cli("getEphemerals") == ["[]"]
    assert own_cli(f"create -e {root}/e") == [f"Created {root}/e"]
    assert own_cli.quit() == 0
    assert cli(f"ls {root}") == ["[]"]


def test_unknown_command_prints_the_list_and_a_bare_one_its_usage(cli):
    """SO-11.2: the commands are those of the reference."""
    lines = cli("nonsense")
    assert lines[-1] == "Command not found: Command not found nonsense"
    assert [line.split()[0] for line in lines if line.startswith("\t")] == COMMANDS
    assert cli("set") == ["set [-s] [-v version] path data"]
    assert cli("get") == ["get [-s] [-w] path"]
    assert cli("ls") == ["ls [-s] [-w] [-R] path"]
    assert cli("get nopath") == ["Path must start with / character"]


@pytest.mark.parametrize(
    "command, status, output",
    [
        ("create ROOT/n data", 0, ["Created ROOT/n"]),
        ("create ROOT", 1, ["Node already exists: ROOT"]),
        ("create ROOT/no/n", 1, ["Node does not exist: ROOT/no/n"]),
        ("get ROOT", 0, []),
        ("get ROOT/no", 1, ["Node does not exist: ROOT/no"]),
        ("set ROOT data", 0, []),
        ("set -v 5 ROOT data", 1, ["version No is not valid : ROOT"]),
        ("ls ROOT", 0, ["[]"]),
        ("ls", 1, ["ls [-s] [-w] [-R] path"]),
        ("delete ROOT", 0, []),
        ("delete /zookeeper/quota", 1, ["Arguments are not valid : /zookeeper/quota"]),
        ("deleteall ROOT", 0, []),
        ("deleteall ROOT/no", 1, ["Node does not exist: ROOT/no"]),
        ("getAcl ROOT", 0, ["'world,'anyone", ": cdrwa"]),
        ("setAcl ROOT ip:1.2.3:r", 1, None),
        ("sync ROOT", 0, ["Sync is OK"]),
        ("whoami", 0, ["Auth scheme: User", "ip: 127.0.0.1"]),
        ("getEphemerals", 0, ["[]"]),
        ("getAllChildrenNumber ROOT", 0, ["0"]),
        ("listquota ROOT", 0, None),
        ("removewatches ROOT", 1, ["KeeperErrorCode = No such watcher for ROOT"]),
        ("reconfig -remove 3", 1, ["KeeperErrorCode = Reconfig is disabled"]),
        pytest.param("config", 0, [], marks=pytest.mark.one_server(reason="an ensemble's names its members")),
        ("quit", 0, []),
        ("nonsense", 127, None),
    ],
)
def test_single_command_prints_and_exits(server, root, command, status, output):
    """SO-11.2: 0 for success, 1 for an error, 127 for an unknown command."""
    run = zkcli.run(server, *command.replace("ROOT", root).split())
    assert run.status == status, run.lines
    if output is not None:
        assert run.lines == [line.replace("ROOT", root) for line in output]


def test_options_before_the_command(server, root, tmp_path):
    """SO-11.2: -waitforconnection, -r, -timeout, -client-configuration, and a chroot in the address."""
    properties = tmp_path / "client.properties"
    properties.write_text("zookeeper.disableAutoWatchReset=true\n")
    zkcli.run(server, "create", f"{root}/n")
    every_option = ("-waitforconnection", "-r", "-timeout", "5000", "-client-configuration", str(properties))
    assert zkcli.run(server, "ls", root, options=every_option) == zkcli.Run(0, ["[n]"])
    assert zkcli.run(server, "ls", "/", address=f"{server.host}:{server.port}{root}") == zkcli.Run(0, ["[n]"])


def test_without_a_server_the_connection_is_lost(server):
    """SO-11.2: exit status 1."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        run = zkcli.run(server, "ls", "/", address=address, options=("-timeout", "1000"))
    assert run == zkcli.Run(1, ["KeeperErrorCode = ConnectionLoss for /"])


def test_ephemeral_of_a_single_command_goes_when_its_session_expires(server, cli, root):
    """SO-11.2, CP-10.1: a single command exits without closing its session, which then expires."""
    run = zkcli.run(server, "create", "-e", f"{root}/e", options=("-timeout", "2000"))
    ended = time.monotonic()
    assert run == zkcli.Run(0, [f"Created {root}/e"])
    assert cli(f"ls -w {root}") == ["[e]"]
    cli.expect_event(changed("NodeChildrenChanged", root))
    # Two seconds after its last request, rounded up to a tick; the process needs some time to end, too.
    assert 0.5 < time.monotonic() - ended < 4
    assert cli(f"ls {root}") == ["[]"]


@pytest.mark.parametrize("last, status", [("create ROOT/eof", 0), ("get ROOT/no", 1), ("get ROOT/no\nquit", 1)])
def test_script_on_standard_input_ends_with_it(server, root, last, status):
    """SO-11.2: commands are read to the end of the input; the last one before quit decides the exit status."""
    script = f"create ROOT/n data\nget ROOT/n\n{last}\n".replace("ROOT", root)
    run = zkcli.run(server, stdin=script)
    assert run.status == status, run.lines
    assert [f"Created {root}/n", "data"] == [line for line in run.lines if not re.search(r"/eof$|/no$", line)]
