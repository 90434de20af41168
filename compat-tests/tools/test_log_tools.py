"""`lockkeeper log dump`, `log check`, `snapshot dump` on files that Apache ZooKeeper 3.8 wrote.

What they show is compared with what Apache's own tools show of the same files; what `--cut` leaves
is loaded by both servers. Both take part in every test, so there is nothing to run with
COMPAT_SERVER=apache.
"""

import base64
import json
import os
import re
import shutil
import subprocess
from datetime import datetime, timezone

import pytest

from lib import servers
from lib.elements import check, create, delete, set_data
from lib.records import OPEN_ACL, READ_ACL, Acl, Flags, Op, Perms, create_ttl_request
from lib.scenery import DAY_MS, QUICK_REMOVAL_CONFIG, wait_until_gone
from lib.servers import lockkeeper_binary, server_kind
from lib.txn_log import records_of
from lib.zkwire import open_session

pytestmark = pytest.mark.skipif(
    server_kind() == "apache", reason="both servers take part; run without COMPAT_SERVER=apache"
)

CONFIG = {**QUICK_REMOVAL_CONFIG, "preAllocSize": 64}
COUNT = 10  # nodes /n0 ... of the first start, one record each
BAD = 5  # the one whose record is damaged
BIG = bytes(range(256)) * 400

_JARS = ("zookeeper", "slf4j-log4j12", "slf4j-api", "log4j-1.2", "commons-cli")
_CLASS_PATH = ":".join(f"/usr/share/java/{jar}.jar" for jar in _JARS)
_FACTS = re.compile(r"^(\S.*?) session (0x[0-9a-f]+) cxid (0x[0-9a-f]+) zxid (0x[0-9a-f]+) (\S+)", re.M)


def run(*arguments) -> subprocess.CompletedProcess:
    """`lockkeeper ARGUMENTS...`, as it ended."""
    command = [str(lockkeeper_binary()), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def run_java(main: str, *arguments) -> str:
    """What one of Apache's tools prints; times are UTC."""
    command = ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8"]
    command += ["-Duser.timezone=UTC", "-cp", _CLASS_PATH, f"org.apache.zookeeper.server.{main}"]
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [*command, *map(str, arguments)],
        capture_output=True, timeout=120, check=False, env=environment,
    )  # fmt: skip
    text = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, text[-1000:] + done.stderr.decode("utf-8", "replace")[-1000:]
    return text


def write_every_kind(server) -> None:
    """Every type of transaction that a standalone server logs; then /n0 to /n9, one after another."""
    with open_session(server) as conn:
        assert conn.create("/a", b"first").ok
        assert conn.create2("/a/b", bytes(700)).ok
        assert conn.set("/a", b"second").ok
        assert not conn.set("/a", b"never", version=77).ok
        assert conn.create("/null", None).ok
        assert conn.create("/e", b"", flags=Flags.EPHEMERAL).ok
        assert conn.set_acl("/a/b", READ_ACL).ok
        acls = [Acl(Perms.ALL, "world", "anyone"), Acl(Perms.READ, "ip", "127.0.0.1")]
        assert conn.create("/grüße und mehr", "日本".encode(), acls).ok
        assert conn.create_container("/box").ok
        assert conn.create("/box/in").ok
        assert conn.delete("/box/in").ok
        wait_until_gone(conn, "/box")
        body = create_ttl_request("/ttl", b"t", OPEN_ACL, Flags.TTL, DAY_MS)
        assert conn.request(Op.CREATE_TTL, body).ok
        assert conn.multi([create("/m"), set_data("/m", b"1"), check("/m", 1), delete("/m")]).ok
        conn.multi([create("/m"), delete("/nope")])  # aborted as a whole
        assert not conn.delete("/nope").ok
        assert conn.create("/big", BIG).ok
        assert conn.close_session().ok
    with open_session(server) as conn:
        for number in range(COUNT):
            assert conn.create(f"/n{number}", f"value {number}".encode()).ok


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The data directory of an Apache server that was started three times; its newest log has
    /later2, the one before /later1, and the oldest everything else."""
    data_dir = tmp_path_factory.mktemp("written")
    with servers.start_server("apache", CONFIG, data_dir) as server:
        write_every_kind(server)
        for number in (1, 2):
            server.kill()
            server.start()
            with open_session(server) as conn:
                assert conn.create(f"/later{number}").ok
                assert conn.close_session().ok
        server.kill()
    return data_dir


def logs_of(data_dir) -> list:
    """The log files, oldest first."""
    return sorted((data_dir / "version-2").glob("log.*"), key=lambda path: int(path.suffix[1:], 16))


@pytest.fixture
def copy(written, tmp_path):
    """A copy that a test may damage, without the snapshots behind the first: the log carries all.
    """
    data_dir = tmp_path / "data"
    shutil.copytree(written, data_dir)
    for path in (data_dir / "version-2").glob("snapshot.*"):
        if path.name != "snapshot.0":
            path.unlink()
    return data_dir


def contents(data_dir) -> dict:
    """Name -> bytes of all files in version-2."""
    return {path.name: path.read_bytes() for path in (data_dir / "version-2").iterdir()}


# --- dump -------------------------------------------------------------------------------------


def java_facts(path) -> list:
    """(time, session, cxid, zxid, type) of every record as TxnLogToolkit prints it."""
    text = run_java("persistence.TxnLogToolkit", path)
    facts = []
    for when, *rest in _FACTS.findall(text):
        # Newer Java versions put a narrow space before AM.
        moment = datetime.strptime(when.replace("\u202f", " "), "%m/%d/%y, %I:%M:%S %p %Z")
        facts.append((moment.replace(tzinfo=timezone.utc), *rest))
    assert f"EOF reached after {len(facts)} txns." in text
    return facts


def test_dump_tells_what_the_java_toolkit_tells(written):
    """SO-2.3, SO-2.22: the same facts of the same records in the same order, on one line each."""
    kinds = set()
    for path in logs_of(written):
        done = run("log", "dump", path)
        assert done.returncode == 0, done.stderr
        head, *lines, end = done.stdout.splitlines()
        ours = []
        for line in lines:
            (fact,) = _FACTS.findall(line)
            moment = datetime.strptime(fact[0], "%Y-%m-%dT%H:%M:%S.%fZ").replace(microsecond=0)
            ours.append((moment.replace(tzinfo=timezone.utc), *fact[1:]))
        assert ours == java_facts(path)
        assert head.startswith("ZooKeeper Transactional Log File with dbid 0 txnlog format version 2")
        assert end.startswith(f"EOF reached after {len(ours)} txns. The records end at offset ")
        kinds |= {fact[4] for fact in ours}
    assert kinds >= {
        "createSession", "create", "create2", "setData", "error", "setACL", "createContainer",
        "deleteContainer", "createTtl", "multi", "delete", "closeSession",
    }  # fmt: skip


def test_dump_shows_what_the_transactions_say(written):
    """SO-2.3, SO-2.4, SO-2.5: paths, data, ACLs, versions, ttl, elements, errors, digest."""
    text = run("log", "dump", logs_of(written)[0]).stdout
    for expected in (
        r" create /a data=5 \"first\" acl=\[31 world:anyone\] ephemeral=false parentCversion=1 digest 2:0x",
        r" create2 /a/b data=700 .* parentCversion=1 digest",
        r" setData /a data=6 \"second\" version=1 digest",
        r" error -103 BadVersion$",
        r" create /null data=null ",
        r" create /e data=0 \"\" .* ephemeral=true ",
        r" setACL /a/b acl=\[1 world:anyone\] version=1 digest",
        r" create /grüße und mehr data=6 \"日本\" acl=\[31 world:anyone, 1 ip:127\.0\.0\.1\] ",
        rf" createTtl /ttl data=1 \"t\" .* ttlMs={DAY_MS} digest",
        r" deleteContainer /box digest",
        r" multi 4 \{create /m .*; setData /m data=1 \"1\" version=1; check /m version=\d; delete /m\} digest",
        r" multi 2 \{create /m .*; error -101 NoNode\}",
        r" closeSession pathsToDelete=\[/e\] digest",
    ):
        assert re.search(expected, text, re.M), f"{expected} in\n{text}"


def test_json_dump_keeps_everything(written):
    """SO-2.3: one object a line; the offsets are those of the records."""
    (path, *_) = logs_of(written)
    objects = [json.loads(line) for line in run("log", "dump", "--json", path).stdout.splitlines()]
    txns = [entry for entry in objects if entry["kind"] == "txn"]
    records = records_of(path)
    assert [(entry["offset"], int(entry["zxid"], 16)) for entry in txns] == [
        (record.start, record.zxid) for record in records
    ]
    assert objects[-1]["offset"] == records[-1].end
    data = {entry["path"]: entry["data"] for entry in txns if entry["op"] == "create"}
    assert base64.b64decode(data["/big"]) == BIG
    assert data["/null"] is None
    assert data["/e"] == ""


def test_dump_shows_only_the_range_that_is_asked_for(written):
    """--from and --to, hexadecimal or decimal."""
    path = logs_of(written)[0]
    facts = _FACTS.findall(run("log", "dump", "--from", "0x3", "--to", "5", path).stdout)
    assert [fact[3] for fact in facts] == ["0x3", "0x4", "0x5"]
    assert run("log", "dump", "--from", "x", path).returncode == 2


def test_dump_ends_quietly_when_nobody_reads(written):
    """`lockkeeper log dump FILE | head -1`."""
    command = f"'{lockkeeper_binary()}' log dump --json {' '.join(['%s'] * 40)} | head -1"
    command %= tuple([str(logs_of(written)[0])] * 40)  # more than a pipe takes
    done = subprocess.run(
        ["bash", "-c", command + "; exit ${PIPESTATUS[0]}"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 1


# --- check and cut ----------------------------------------------------------------------------


def flip_payload_byte(data: bytearray, record) -> None:
    """A bit rots."""
    data[record.end - 8] ^= 0x10


def break_length(data: bytearray, record) -> None:
    """The length becomes negative."""
    data[record.start + 8] = 0xFF


def drop_end_mark(data: bytearray, record) -> None:
    """Apache takes this for the end of the file."""
    data[record.end - 1] = 0


def zero_head(data: bytearray, record) -> None:
    """And this; there is no whole sector of zeros that a power failure would explain."""
    data[record.start : record.start + 12] = bytes(12)


def bad_record(path):
    """The record that creates /n5."""
    for line in run("log", "dump", "--json", path).stdout.splitlines():
        entry = json.loads(line)
        if entry.get("path") == f"/n{BAD}":
            return next(r for r in records_of(path) if r.start == entry["offset"])
    raise AssertionError("not in the log")


def expect_nodes(server, numbers, later: bool) -> None:
    """Exactly /n<numbers> are there, with their values, and the nodes of later starts or not; the
    server can write."""
    with open_session(server) as conn:
        for number in range(COUNT):
            reply = conn.get(f"/n{number}")
            assert reply.ok == (number in numbers), f"/n{number}: {reply}"
            if reply.ok:
                assert reply.value[0] == f"value {number}".encode()
        assert [conn.exists(f"/later{number}").ok for number in (1, 2)] == [later] * 2
        assert conn.create("/new").ok
        conn.close_session()


def test_check_calls_apaches_logs_clean(written):
    """SO-2.7: file by file and as a whole."""
    for path in (written, written / "version-2", *logs_of(written)):
        done = run("log", "check", path)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "no damage and no gap found" in done.stdout


@pytest.mark.parametrize("how", [flip_payload_byte, break_length, drop_end_mark, zero_head])
def test_check_finds_damage_and_cut_makes_both_servers_start(copy, make_server, tmp_path, how):
    """SO-2.12, SO-2.13, SO-2.15: the offset, what is lost, and a log that ends before it."""
    path, *later = logs_of(copy)
    record = bad_record(path)
    data = bytearray(path.read_bytes())
    how(data, record)
    path.write_bytes(data)
    before = contents(copy)

    done = run("log", "check", copy)
    assert done.returncode == 1
    assert f"DAMAGE in {path} at offset {record.start}: " in done.stdout
    assert f"the last zxid before it is {record.zxid - 1:#x}" in done.stdout
    last = records_of(later[-1])[-1].zxid
    count = last - record.zxid
    assert f"first of these: {count}, zxid {record.zxid + 1:#x} to {last:#x}" in done.stdout
    assert f"zxids missing: {record.zxid:#x}\n" in done.stdout
    assert contents(copy) == before, "check changed something"

    assert run("log", "check", "--cut", copy).returncode == 0
    side = path.parent / f"cut-{path.name}-at-{record.start}"
    assert side.read_bytes() == bytes(data[record.start :])
    assert path.read_bytes() == bytes(data[: record.start])
    for moved in later:
        assert (path.parent / f"cut-{moved.name}-at-0").read_bytes() == before[moved.name]
    assert logs_of(copy) == [path]
    assert run("log", "check", copy).returncode == 0

    for kind in ("apache", "lockkeeper"):
        directory = tmp_path / kind
        shutil.copytree(copy, directory)
        server = make_server(CONFIG, directory, kind)
        expect_nodes(server, range(BAD), later=False)


def test_cut_of_a_missing_file_moves_the_later_ones(copy, make_server):
    """SO-2.16: what a server refuses to start with."""
    first, middle, last = logs_of(copy)
    middle.unlink()
    done = run("log", "check", copy)
    assert done.returncode == 1
    assert f"GAP in {last} at offset 16: " in done.stdout
    assert run("log", "check", "--cut", copy).returncode == 0
    assert logs_of(copy) == [first]
    expect_nodes(make_server(CONFIG, copy, "lockkeeper"), range(COUNT), later=False)


def test_cut_leaves_alone_what_a_start_does_not_read(written, tmp_path, make_server):
    """SO-2.17: the newest snapshot is newer than the damaged file."""
    data_dir = tmp_path / "data"
    shutil.copytree(written, data_dir)
    path = logs_of(data_dir)[0]
    record = bad_record(path)
    data = bytearray(path.read_bytes())
    flip_payload_byte(data, record)
    path.write_bytes(data)
    before = contents(data_dir)
    done = run("log", "check", "--cut", data_dir)
    assert done.returncode == 1
    assert f"at offset {record.start}: " in done.stdout
    assert "nothing was cut" in done.stdout
    assert {**contents(data_dir), ".lockkeeper.lock": b""} == {**before, ".lockkeeper.lock": b""}
    expect_nodes(make_server(CONFIG, data_dir, "lockkeeper"), range(COUNT), later=True)


def test_cut_is_refused_while_a_server_runs(copy, make_server):
    """SO-12.1: nothing is changed under a server."""
    server = make_server(CONFIG, copy, "lockkeeper")
    done = run("log", "check", "--cut", copy)
    assert done.returncode == 3
    assert "stop it" in done.stderr
    server.kill()
    assert run("log", "check", "--cut", copy).returncode == 0


def test_bad_arguments_are_exit_code_2(tmp_path):
    """SO-12.1."""
    for arguments in (["log"], ["log", "check"], ["log", "check", tmp_path],
                      ["log", "check", tmp_path / "no"], ["log", "dump", tmp_path / "no"],
                      ["snapshot", "dump"], ["snapshot", "dump", tmp_path / "no"]):  # fmt: skip
        assert run(*arguments).returncode == 2, arguments


# --- snapshots --------------------------------------------------------------------------------


def formatted(text: str) -> tuple:
    """(path -> {field: text}, the lines after the znodes) of what SnapshotFormatter prints."""
    nodes_text, _, rest = text.partition("Session Details")
    nodes = {}
    for block in nodes_text.split("----\n")[1:]:
        path, *fields = block.splitlines() or [""]
        if path:
            nodes[path] = dict(field[2:].split(" = ", 1) for field in fields if " = " in field)
    return nodes, rest.splitlines()


@pytest.mark.parametrize("option", [[], ["-d"]])
def test_snapshot_dump_tells_what_the_java_formatter_tells(written, option):
    """SO-3.5, SO-3.11: every znode with every field, the sessions, the last zxid."""
    paths = sorted((written / "version-2").glob("snapshot.*"))
    for path in paths:
        done = run("snapshot", "dump", *option, path)
        assert done.returncode == 0, done.stderr
        ours, our_rest = formatted(done.stdout)
        theirs, their_rest = formatted(run_java("SnapshotFormatter", *option, path))
        acls = {name: node.pop("acl") for name, node in ours.items()}
        assert ours == theirs
        assert set(their_rest) <= set(our_rest)
        if "/a/b" in acls:
            assert acls["/a/b"] == "[1 world:anyone]"
    assert len(paths) == 3


def test_json_snapshot_dump_keeps_everything(written):
    """SO-3.5: data, ACLs by key, sessions, the sections behind the znodes."""
    path = max((written / "version-2").glob("snapshot.*"), key=lambda p: int(p.suffix[1:], 16))
    objects = [json.loads(x) for x in run("snapshot", "dump", "--json", path).stdout.splitlines()]
    nodes = {entry["path"]: entry for entry in objects if entry["kind"] == "znode"}
    acls = {entry["key"]: entry["acl"] for entry in objects if entry["kind"] == "acl"}
    assert base64.b64decode(nodes["/big"]["data"]) == BIG
    assert nodes["/null"]["data"] is None
    assert acls[nodes["/a/b"]["aclKey"]] == [{"perms": 1, "scheme": "world", "id": "anyone"}]
    assert objects[-1]["kind"] == "end"
    assert objects[-1]["znodes"] == len(nodes)
    assert int(objects[-1]["zxid"], 16) == int(path.suffix[1:], 16)


def test_a_damaged_snapshot_is_shown_as_far_as_it_goes(written, tmp_path):
    """SO-3.2: exit code 1, and the place on standard error."""
    source = max((written / "version-2").glob("snapshot.*"), key=lambda p: int(p.suffix[1:], 16))
    path = tmp_path / source.name
    path.write_bytes(source.read_bytes()[:-40])
    done = run("snapshot", "dump", path)
    assert done.returncode == 1
    assert str(path) in done.stderr
    assert "/a/b" in formatted(done.stdout)[0]
