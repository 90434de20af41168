"""SO-5: the four-letter words of a running server, byte by byte; numbers by what caused them."""

import re
import socket
import threading
import time
from pathlib import Path

import pytest
from kazoo.client import KazooClient

from lib.marks import apache_differs
from lib.servers import server_kind
from lib.waiting import wait_until
from lib.zkwire import Flags, open_connection, open_session

LOCKKEEPER = server_kind() == "lockkeeper"
TELNET_CLOSE = b"\xff\xf4\xff\xfd"
TEXT_WORDS = (
    "ruok isro gtmk crst srst srvr stat cons conf dump wchs wchc wchp dirs hash envi mntr".split()
)
_VERSION = r"Zookeeper version: (\d+\.\d+\.\d+-\S+), built on (\d{4}-\d\d-\d\d \d\d:\d\d \w+)\n"
_STATISTICS = (
    r"Latency min/avg/max: (\d+)/(\d+\.\d{1,4})/(\d+)\n"
    r"Received: (\d+)\nSent: (\d+)\nConnections: (\d+)\nOutstanding: (\d+)\n"
    r"Zxid: 0x([0-9a-f]+)\nMode: (\w+)\nNode count: (\d+)\n"
)
_DATE = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d \S+ \d{4}"


def ask(server, data: bytes, half_close: bool = False) -> bytes:
    """Everything that comes back for the first bytes of a connection."""
    with open_connection(server) as connection:
        connection.send_raw(data)
        if half_close:
            connection.shutdown_write()
        return connection.recv_until_closed()


def text_of(server, word: str) -> str:
    return ask(server, word.encode()).decode()


def statistics(server) -> re.Match:
    """The parts of srvr: 3 to 5 latency, 6 received, 7 sent, 8 connections, 10 zxid, 12 nodes."""
    found = re.fullmatch(_VERSION + _STATISTICS, text_of(server, "srvr"))
    assert found, text_of(server, "srvr")
    return found


def hexadecimal(session) -> str:
    """A session id as the words print it."""
    return f"0x{session.session_id & (1 << 64) - 1:x}"


@pytest.fixture
def fresh(make_server):
    """A server of this test alone."""
    return make_server()


# --- SO-5.1: transport ---


@pytest.mark.parametrize("rest", [b"", b"\n", b"\r\n", b" and more words", bytes(5000)])
@pytest.mark.parametrize("half_close", [False, True])
def test_so_5_1_bytes_behind_a_word_and_a_half_close_change_nothing(server, rest, half_close):
    assert ask(server, b"ruok" + rest, half_close) == b"imok"


def shapes(text: str) -> set:
    """The lines without their numbers, which change from one answer to the next."""
    lines = text.splitlines(keepends=True)
    return {re.sub(r"0x[0-9a-f]+|-?\d[\d.:]*(E-?\d+)?", "N", line) for line in lines}


def test_so_5_1_every_word_byte_by_byte_and_half_closed(fresh):
    """The answer is that to the word in one piece."""
    for word in TEXT_WORDS:
        with open_connection(fresh) as connection:
            for letter in word.encode():
                connection.send_raw(bytes([letter]))
                time.sleep(0.002)  # makes separate segments likely; nothing depends on it
            connection.shutdown_write()
            pieces = connection.recv_until_closed().decode()
        assert shapes(pieces) == shapes(text_of(fresh, word))


def test_so_5_1_a_word_is_only_a_word_before_the_handshake(server, new_session):
    """Behind it the same bytes are a length, and too large."""
    session = new_session()
    session.send_raw(b"ruok")
    session.expect_closed()


def test_so_5_1_three_letters_wait_for_the_fourth(server):
    with open_connection(server) as connection:
        connection.send_raw(b"ruo")
        with pytest.raises(TimeoutError):
            connection.recv_raw(1, 0.2)
        connection.send_raw(b"k")
        assert connection.recv_until_closed() == b"imok"


def test_so_5_1_long_answers_arrive_whole(fresh):
    """wchp of 5000 paths: many times what a socket takes at once from a slow reader."""
    paths = sorted(f"/{'x' * 200}-{number:05}" for number in range(5000))
    with open_session(fresh) as session:
        for path in paths:
            session.exists(path, watch=True)
        with open_connection(fresh) as connection:
            connection.send_raw(b"wchp")
            connection.shutdown_write()
            text = connection.recv_until_closed().decode()
        sid = hexadecimal(session)
    assert text.endswith(f"\t{sid}\n\n")
    assert sorted(text[:-1].split(f"\n\t{sid}\n")[:-1]) == paths


# --- SO-5.2: whitelist ---


def refusal(name: str) -> bytes:
    return f"{name} is not executed because it is not in the whitelist.\n".encode()


def test_so_5_2_only_srvr_by_default(make_server):
    """Also refused words do nothing: the trace mask stays."""
    server = make_server({"4lw.commands.whitelist": None})
    statistics(server)
    for word in TEXT_WORDS:
        if word != "srvr":
            assert ask(server, word.encode()) == refusal(word)
    assert ask(server, b"stmk" + bytes(8)) == refusal("stmk")
    assert ask(server, b"stmk") == refusal("stmk")
    assert ask(server, TELNET_CLOSE) == refusal("telnet close")


def test_so_5_2_items_are_trimmed_and_srvr_stays(make_server):
    server = make_server({"4lw.commands.whitelist": " ruok ,, isro\t, nonsense,RUOK"})
    assert ask(server, b"ruok") == b"imok"
    assert ask(server, b"isro") == b"rw"
    statistics(server)
    assert ask(server, b"mntr") == refusal("mntr")
    assert ask(server, b"RUOK") == b""


# --- SO-5.5: answers without newline; the trace mask ---


def test_so_5_5_answers_without_newline(server):
    assert [ask(server, word) for word in (b"ruok", b"isro", b"gtmk")] == [b"imok", b"rw", b"306"]


def test_so_5_5_stmk_takes_eight_bytes(fresh):
    """The mask is a signed long, and stays for gtmk."""
    for mask in (0, 307, -1, (1 << 63) - 1):
        encoded = mask.to_bytes(8, "big", signed=True)
        assert ask(fresh, b"stmk" + encoded) == str(mask).encode()
        assert ask(fresh, b"gtmk") == str(mask).encode()
    assert ask(fresh, b"stmk" + (5).to_bytes(8, "big") + b"surplus") == b"5"


def test_so_5_5_stmk_without_its_bytes_changes_nothing(fresh):
    ask(fresh, b"stmk", half_close=True)
    ask(fresh, b"stmk" + bytes(7), half_close=True)
    assert ask(fresh, b"gtmk") == b"306"
    assert ask(fresh, b"ruok") == b"imok"


# --- SO-5.6: srvr and stat ---


def test_so_5_6_srvr_format(fresh):
    """A fresh server: nothing happened but the words that wait for it, 5 nodes, zxid 0."""
    parts = statistics(fresh)
    assert parts[1].split("-")[0] >= "3.8"
    assert (parts[3], parts[4], parts[5]) == ("0", "0.0", "0")
    assert (parts[8], parts[9], parts[10], parts[11]) == ("1", "0", "0", "standalone")
    assert parts[12] == "5"
    if LOCKKEEPER:
        assert re.fullmatch(r"3\.9\.5-[0-9a-f]{40}", parts[1])


def test_so_5_6_srvr_counts(fresh):
    """One word is one packet received, its answer none sent; a create is a node and a zxid."""
    with open_session(fresh) as session:
        before = statistics(fresh)
        assert session.create("/a").ok and session.exists("/a").ok
        after = statistics(fresh)
        assert int(after[6]) - int(before[6]) == 3
        assert int(after[12]) - int(before[12]) == 1
        assert int(after[10], 16) - int(before[10], 16) == 1
        assert (after[8], after[10]) == ("2", f"{session.last_zxid():x}")


def test_so_5_6_zxid_is_in_lower_case_hexadecimal(fresh):
    with open_session(fresh) as session:
        for number in range(10):
            session.create(f"/{number}")
        assert statistics(fresh)[10] == "b"


def test_so_5_6_stat_lists_its_clients(fresh):
    """srvr with a list of connections behind the version: ours, and the word's own."""
    with open_session(fresh) as session, open_connection(fresh):
        session.exists("/")
        client = r" /127\.0\.0\.1:\d+\[[\da-f]\]\(queued=\d+,recved=\d+,sent=\d+\)\n"
        text = text_of(fresh, "stat")
        assert re.fullmatch(_VERSION + f"Clients:\n(?:{client}){{3}}\n" + _STATISTICS, text)
        assert re.search(r":\d+\[1\]\(queued=0,recved=2,sent=2\)\n", text)
        assert re.search(r":\d+\[1\]\(queued=0,recved=0,sent=0\)\n", text)
        assert re.search(r":\d+\[0\]\(queued=0,recved=1,sent=0\)\n", text)


def test_so_5_6_latency_is_measured(make_server):
    """min/avg/max in ms; the average has at most four decimals and lies between the others."""
    server = make_server()
    with open_session(server) as session:
        for number in range(50):
            session.create(f"/{number}")
    low, average, high = (float(statistics(server)[part]) for part in (3, 4, 5))
    assert low <= average <= high


# --- SO-5.7: cons ---

_CONS = (
    r" /127\.0\.0\.1:{port}\[1\]\(queued=0,recved={recved},sent={recved},sid={sid},lop={lop},"
    r"est=(?P<est>\d+),to={timeout},lcxid=0x{cxid:x},lzxid=0x{zxid:x},lresp=(?P<lresp>\d+),"
    r"llat=\d+,minlat=\d+,avglat=\d+,maxlat=\d+\)"
)


def port_of(session) -> int:
    return session._socket.getsockname()[1]  # pylint: disable=protected-access


def test_so_5_7_cons_tells_what_a_session_did_last(fresh):
    """After the handshake and 2 requests; lresp is in ms of a monotonic clock, est of the epoch."""
    with open_session(fresh, timeout_ms=7000) as session:
        assert session.create("/a").ok
        zxid = session.exists("/a").zxid
        text = text_of(fresh, "cons")
        pattern = _CONS.format(
            port=port_of(session), recved=3, sid=hexadecimal(session), lop="EXIS",
            timeout=7000, cxid=2, zxid=zxid,
        )
        lines = text.splitlines()
        assert text.endswith(")\n\n") and lines[-1] == ""
        found = [re.fullmatch(pattern, line) for line in lines if hexadecimal(session) in line]
        assert len(found) == 1 and found[0], text
        assert abs(int(found[0]["est"]) / 1000 - time.time()) < 60
        own = [line for line in lines if line and hexadecimal(session) not in line]
        assert len(own) == 1
        assert re.fullmatch(r" /127\.0\.0\.1:\d+\[0\]\(queued=0,recved=1,sent=0\)", own[0])


def last_operation(server, session) -> str:
    line = next(row for row in text_of(server, "cons").splitlines() if hexadecimal(session) in row)
    return re.search(r",lop=(\w+),", line)[1]


def test_so_5_7_cons_names_operations(fresh):
    """Each of the names that a client can cause with little."""
    with open_session(fresh) as session:
        assert last_operation(fresh, session) == "SESS"
        steps = [
            ("CREA", lambda: session.create("/a")),
            ("CREA", lambda: session.create2("/b")),
            ("GETD", lambda: session.get("/a")),
            ("SETD", lambda: session.set("/a", b"x")),
            ("GETA", lambda: session.get_acl("/a")),
            ("SETA", lambda: session.set_acl("/a", [(31, "world", "anyone")])),
            ("GETC", lambda: session.children("/")),
            ("GETC", lambda: session.children2("/")),
            ("SYNC", lambda: session.sync("/")),
            ("MULT", lambda: session.multi([])),
            ("MLTR", lambda: session.multi_read([])),
            ("PING", session.ping),
            ("GETE", lambda: session.get_ephemerals("/")),
            ("GETACN", lambda: session.all_children_number("/")),
            ("ADDW", lambda: session.add_watch("/a", 0)),
            ("CHKW", lambda: session.check_watches("/a", 3)),
            ("REMW", lambda: session.remove_watches("/a", 3)),
            ("SETW", lambda: session.set_watches(0)),
            ("STW2", lambda: session.set_watches2(0)),
            ("HOMI", session.whoami),
            ("DELE", lambda: session.delete("/a")),
        ]
        seen = []
        for _, step in steps:
            step()
            seen.append(last_operation(fresh, session))
        assert seen == [name for name, _ in steps]


def test_so_5_7_ipv6_addresses_are_written_out(make_server):
    server = make_server()
    with socket.create_connection(("::1", server.port), timeout=10) as sock:
        sock.sendall(b"cons")
        line = sock.makefile("rb").readline().decode()
    assert re.fullmatch(r" /\[?0:0:0:0:0:0:0:1(%\w+)?\]?:\d+\[0\]\(queued=0,recved=1,sent=0\)\n", line)


# --- SO-5.8: conf ---


def size_of_data_files(version: Path) -> int:
    """In bytes, as the words count it: Lockkeeper's hidden lock file is no data."""
    files = (path for path in version.rglob("*") if path.is_file())
    return sum(path.stat().st_size for path in files if path.name != ".lockkeeper.lock")


def with_size(server, word: str, expected) -> bool:
    """Whether the answer is `expected(size of the files)`, once the checkpoint of the start is written."""
    version = server.data_dir / "version-2"
    return wait_until(
        lambda: text_of(server, word) == expected(size_of_data_files(version)), f"the sizes in {word}"
    )


def test_so_5_8_conf_of_a_standalone_server(make_server):
    config = {"tickTime": 1234, "minSessionTimeout": 3000, "clientPortListenBacklog": 9}
    server = make_server(config | {"maxSessionTimeout": 45678, "maxClientCnxns": 77})
    with open_session(server) as session:
        session.create("/a")
    version = server.data_dir / "version-2"
    assert with_size(
        server,
        "conf",
        lambda size: f"clientPort={server.port}\nsecureClientPort=-1\n"
        f"dataDir={version}\ndataDirSize={size}\ndataLogDir={version}\ndataLogSize={size}\n"
        "tickTime=1234\nmaxClientCnxns=77\nminSessionTimeout=3000\nmaxSessionTimeout=45678\n"
        "clientPortListenBacklog=9\nserverId=0\n",
    ), text_of(server, "conf")


# --- SO-5.9: dump ---


def test_so_5_9_dump_without_sessions(fresh):
    """The only connection is the one that asks."""
    assert re.fullmatch(
        "SessionTracker dump:\nSession Sets \\(0\\)/\\(0\\):\n"
        "ephemeral nodes dump:\nSessions with Ephemerals \\(0\\):\n"
        "Connections dump:\nConnections Sets \\(1\\)/\\(1\\):\n"
        f"1 expire at {_DATE}:\n\tip: /127\\.0\\.0\\.1:\\d+ sessionId: 0x0\n",
        text_of(fresh, "dump"),
    )


def test_so_5_9_dump_shows_sessions_ephemerals_and_connections(fresh):
    """Two sessions of different length, so in two buckets; one of them has ephemerals."""
    with (
        open_session(fresh, timeout_ms=5000) as short,
        open_session(fresh, timeout_ms=40000) as long,
    ):
        assert short.create("/b", flags=Flags.EPHEMERAL).ok
        assert short.create("/a", flags=Flags.EPHEMERAL).ok
        text = text_of(fresh, "dump")
        sids = [hexadecimal(session) for session in (short, long)]
        ports = [port_of(session) for session in (short, long)]
    sessions, rest = text.split("ephemeral nodes dump:\n")
    ephemerals, connections = rest.split("Connections dump:\n")
    bucket = f"1 expire at {_DATE}:\n\t"
    assert re.fullmatch(
        "SessionTracker dump:\nSession Sets \\(2\\)/\\(2\\):\n"
        f"{bucket}{sids[0]}\n{bucket}{sids[1]}\n",
        sessions,
    )
    header = f"Sessions with Ephemerals (1):\n{sids[0]}:\n"
    assert ephemerals.startswith(header)
    assert sorted(ephemerals[len(header):].splitlines()) == ["\t/a", "\t/b"]
    assert re.match(r"Connections Sets \([23]\)/\(3\):\n", connections)
    for sid, port in zip(sids, ports):
        assert f"\tip: /127.0.0.1:{port} sessionId: {sid}\n" in connections
    counts = [int(count) for count in re.findall(r"^(\d+) expire at", connections, re.M)]
    assert sum(counts) == 3


def test_so_5_9_dump_forgets_closed_sessions(fresh):
    with open_session(fresh) as session:
        session.create("/e", flags=Flags.EPHEMERAL)
        session.close_session()
    text = text_of(fresh, "dump")
    # Apache keeps a bucket that has become empty until it is due.
    assert re.search(r"\nSession Sets \([01]\)/\(0\):\n", text)
    assert "\nSessions with Ephemerals (0):\nConnections dump:\n" in text


# --- SO-5.10: watches ---


def test_so_5_10_without_watches(fresh):
    assert text_of(fresh, "wchs") == "0 connections watching 0 paths\nTotal watches:0\n"
    assert text_of(fresh, "wchc") == "\n"
    assert text_of(fresh, "wchp") == "\n"


def blocks(text: str) -> dict:
    """{first line: set of indented lines} of wchc and wchp, which end with an empty line."""
    assert text.endswith("\n\n")
    result: dict = {}
    for line in text[:-1].splitlines():
        if line.startswith("\t"):
            result[head].add(line[1:])
        else:
            head = line
            assert head not in result
            result[head] = set()
    return result


def test_so_5_10_data_exists_and_persistent_watches_are_shown(fresh):
    """Child watches are not. A path that does not exist can be watched."""
    with open_session(fresh) as one, open_session(fresh) as two:
        one.get("/", watch=True)
        one.exists("/none", watch=True)
        two.exists("/none", watch=True)
        two.add_watch("/p", 0)
        two.add_watch("/r", 1)
        one.children("/zookeeper", watch=True)
        sids = (hexadecimal(one), hexadecimal(two))
        assert text_of(fresh, "wchs") == "2 connections watching 4 paths\nTotal watches:5\n"
        by_session = {sids[0]: {"/", "/none"}, sids[1]: {"/none", "/p", "/r"}}
        assert blocks(text_of(fresh, "wchc")) == by_session
        by_path = {"/": {sids[0]}, "/none": set(sids), "/p": {sids[1]}, "/r": {sids[1]}}
        assert blocks(text_of(fresh, "wchp")) == by_path


def test_so_5_10_watches_go_when_they_fire_and_with_their_connection(fresh):
    one, two = open_session(fresh), open_session(fresh)
    one.exists("/a", watch=True)
    two.exists("/b", watch=True)
    assert two.create("/a").ok
    assert text_of(fresh, "wchs").endswith(" connections watching 1 paths\nTotal watches:1\n")
    assert blocks(text_of(fresh, "wchp")) == {"/b": {hexadecimal(two)}}
    two.close()
    wait_until(
        lambda: text_of(fresh, "wchs").endswith(" connections watching 0 paths\nTotal watches:0\n"),
        "the watches of a closed connection are gone",
    )
    one.close()


@apache_differs("3.8 counts and lists connections all of whose watches have fired")
def test_so_5_10_a_connection_without_a_watch_left_is_not_counted(fresh):
    with open_session(fresh) as session:
        session.exists("/a", watch=True)
        assert session.create("/a").ok
        assert text_of(fresh, "wchs") == "0 connections watching 0 paths\nTotal watches:0\n"
        assert text_of(fresh, "wchc") == "\n"


# --- SO-5.11: dirs, hash, envi, crst, srst ---


def test_so_5_11_dirs(fresh):
    """Sizes are those of the files, padding included."""
    with open_session(fresh) as session:
        session.create("/a")
    assert size_of_data_files(fresh.data_dir / "version-2") >= 67108880
    assert with_size(fresh, "dirs", lambda size: f"datadir_size: {size}\nlogdir_size: {size}\n")


def test_so_5_11_hash_after_128_transactions(fresh):
    """One line for every 128 zxids, oldest first; empty before."""
    with open_session(fresh) as session:
        while (zxid := session.create("/n", flags=Flags.SEQUENTIAL).zxid) < 127:
            pass
        assert zxid == 127 and text_of(fresh, "hash") == ""
        while session.create("/n", flags=Flags.SEQUENTIAL).zxid < 384:
            pass
    text = text_of(fresh, "hash")
    assert re.fullmatch(r"80: \d+\n100: \d+\n180: \d+\n", text)
    assert len(set(re.findall(r": (\d+)", text))) == 3


def test_so_5_11_envi(fresh):
    """Keys and their order; the version is that of srvr."""
    first, *lines = text_of(fresh, "envi").splitlines()
    assert first == "Environment:"
    pairs = dict(line.split("=", 1) for line in lines)
    assert list(pairs) == (
        "zookeeper.version host.name java.version java.vendor java.home java.class.path "
        "java.library.path java.io.tmpdir java.compiler os.name os.arch os.version user.name "
        "user.home user.dir os.memory.free os.memory.max os.memory.total"
    ).split()
    version = statistics(fresh)
    assert pairs["zookeeper.version"] == f"{version[1]}, built on {version[2]}"
    assert pairs["user.dir"] == str(fresh.home)
    for key in ("os.memory.free", "os.memory.max", "os.memory.total"):
        assert re.fullmatch(r"\d+MB", pairs[key])


def test_so_5_11_srst_resets_the_server(fresh):
    """Packets and latency start again; tree and connections stay."""
    with open_session(fresh) as session:
        for number in range(20):
            session.create(f"/{number}")
        before = statistics(fresh)
        assert int(before[6]) > 20 and int(before[7]) > 20
        assert text_of(fresh, "srst") == "Server stats reset.\n"
        after = statistics(fresh)
        assert int(after[6]) <= 2 and int(after[7]) <= 1
        assert (after[3], after[4], after[5]) == ("0", "0.0", "0")
        assert (after[10], after[12]) == (before[10], before[12])
        metrics = metrics_of(fresh)
        assert metrics["zk_cnt_updatelatency"] == "0"
        assert int(metrics["zk_znode_count"]) == int(before[12])
        assert "recved=21,sent=21,sid=" in text_of(fresh, "cons")


def test_so_5_11_crst_resets_connections(fresh):
    with open_session(fresh) as session:
        session.exists("/")
        assert "recved=2,sent=2,sid=" in text_of(fresh, "cons")
        received = int(statistics(fresh)[6])
        assert text_of(fresh, "crst") == "Connection stats reset.\n"
        assert "recved=0,sent=0,sid=" in text_of(fresh, "cons")
        assert "lop=NA," in text_of(fresh, "cons")
        assert int(statistics(fresh)[6]) > received
        session.exists("/")
        assert re.search(r"recved=1,sent=1,sid=\w+,lop=EXIS,", text_of(fresh, "cons"))


# --- SO-5.12: mntr ---

_CAPTURE = Path(__file__).resolve().parents[2] / "tests/server/admin/captures/standalone_mntr"
_DOUBLE = re.compile(r"-?\d+\.\d+(E-?\d+)?")


def metrics_of(server) -> dict:
    """name -> value as printed; each name once, tabs between, zk_ in front."""
    text = text_of(server, "mntr")
    assert text.endswith("\n") and not text.endswith("\n\n")
    pairs = [line.split("\t") for line in text.splitlines()]
    assert all(len(pair) == 2 and pair[0].startswith("zk_") for pair in pairs)
    assert len({name for name, _ in pairs}) == len(pairs)
    return dict(pairs)


def captured_metrics() -> dict:
    """What Apache 3.8 printed, without the sets whose keys were named after its nodes."""
    lines = _CAPTURE.read_text(encoding="ascii").splitlines()
    pairs = dict(line.split("\t") for line in lines)
    return {name: value for name, value in pairs.items() if "_per_namespace" not in name}


NEW_IN_3_9 = {
    f"zk_{name}"
    for name in (
        "snapshot_error_count snapshot_rate_limited_count restore_error_count "
        "restore_rate_limited_count avg_restore_time min_restore_time max_restore_time "
        "cnt_restore_time sum_restore_time"
    ).split()
}


def test_so_5_12_mntr_has_every_name_with_its_kind_of_number(fresh):
    """Version and state first. Integers stay integers, averages are doubles."""
    names = captured_metrics()
    metrics = metrics_of(fresh)
    assert list(metrics)[:2] == ["zk_version", "zk_server_state"]
    assert metrics["zk_server_state"] == "standalone"
    assert sorted(set(names) - set(metrics)) == []
    wrong = {
        name: metrics[name]
        for name, captured in names.items()
        if _DOUBLE.fullmatch(captured) and not _DOUBLE.fullmatch(metrics[name])
        or re.fullmatch(r"-?\d+", captured) and not re.fullmatch(r"-?\d+", metrics[name])
    }
    assert wrong == {}


@apache_differs("3.8 has no snapshot and restore commands, so no metrics of them")
def test_so_5_12_mntr_has_the_names_of_3_9(fresh):
    assert sorted(NEW_IN_3_9 - set(metrics_of(fresh))) == []


def test_so_5_12_mntr_invents_no_names(fresh):
    """Dashboards are made from ZooKeeper's list: what we print beyond it would be a mistake."""
    known = set(captured_metrics()) | NEW_IN_3_9
    extra = [name for name in metrics_of(fresh) if name not in known]
    assert [name for name in extra if "_per_namespace" not in name] == []


def test_so_5_12_mntr_gauges_follow_what_happens(fresh):
    with open_session(fresh) as session, open_session(fresh):
        empty = metrics_of(fresh)
        session.create("/a", b"12345")
        session.create("/a/e", flags=Flags.EPHEMERAL)
        session.get("/a", watch=True)
        session.children("/a", watch=True)
        session.exists("/none", watch=True)
        full = metrics_of(fresh)
    changes = {
        "zk_znode_count": 2, "zk_ephemerals_count": 1, "zk_watch_count": 3,
        "zk_approximate_data_size": len("/a") + 5 + len("/a/e"),
        "zk_cnt_updatelatency": 2, "zk_cnt_readlatency": 3,
        "zk_global_sessions": 0, "zk_num_alive_connections": 0,
    }
    seen = {name: int(full[name]) - int(empty[name]) for name in changes}
    assert seen == changes
    assert (full["zk_global_sessions"], full["zk_num_alive_connections"]) == ("2", "3")
    assert int(full["zk_uptime"]) > 0
    assert int(full["zk_max_file_descriptor_count"]) >= int(full["zk_open_file_descriptor_count"])
    assert float(full["zk_avg_latency"]) <= float(full["zk_max_latency"])


# --- SO-5.13: other bytes ---


@pytest.mark.parametrize("word", [b"lead", b"icfg", b"RUOK", b"Ruok", b"quit", b"GET ", b"\xff" * 4])
def test_so_5_13_unknown_words_close_without_a_byte(server, word):
    assert ask(server, word) == b""
    assert ask(server, word + b"\r\n\r\n") == b""


def test_so_5_13_telnet_close_is_closed_without_a_byte(server):
    assert ask(server, TELNET_CLOSE) == b""
    assert ask(server, TELNET_CLOSE + b"\x06") == b""


# --- words, clients and tools together ---


def test_so_5_1_twenty_askers_do_not_disturb_clients(fresh):
    """Every answer is whole while two clients write; no write fails or is lost."""
    ends = {"srvr": r"Node count: \d+\n", "mntr": r"zk_\w+\t\S+\n", "cons": r"\)\n\n",
            "stat": r"Node count: \d+\n", "dump": r"sessionId: 0x[0-9a-f]+\n", "ruok": "imok",
            "wchp": r"\n", "conf": r"serverId=0\n", "dirs": r"logdir_size: \d+\n", "isro": "rw"}
    failures: list = []
    written = [0, 0]
    stop = threading.Event()

    def guarded(work, *arguments):
        try:
            work(*arguments)
        except Exception as error:  # pylint: disable=broad-except
            failures.append(f"{work.__name__}{arguments}: {error!r}")

    def asker(word):
        for _ in range(5):
            text = text_of(fresh, word)
            if not re.search(f"(?:{ends[word]})\\Z", text):
                failures.append(f"{word}: {text[-200:]!r}")

    def writer(number):
        with open_session(fresh) as session:
            while not stop.is_set():
                path = f"/w/{number}-{written[number]}"
                assert session.create(path).ok
                assert session.exists(path, watch=True).ok
                written[number] += 1

    with open_session(fresh) as session:
        assert session.create("/w").ok
        session.close_session()
    writers = [threading.Thread(target=guarded, args=(writer, number)) for number in (0, 1)]
    askers = [threading.Thread(target=guarded, args=(asker, word)) for word in 2 * list(ends)]
    for thread in writers + askers:
        thread.start()
    for thread in askers:
        thread.join(60)
    wait_until(lambda: failures or min(written) > 0, "both clients could write")
    stop.set()
    for thread in writers:
        thread.join(60)
    assert not any(thread.is_alive() for thread in writers + askers)
    assert failures == []
    assert len(askers) == 20
    with open_session(fresh) as session:
        names = session.children("/w").value
        for number in (0, 1):
            assert sum(name.startswith(f"{number}-") for name in names) == written[number]


def test_so_5_6_kazoo_parses_the_words(fresh):
    client = KazooClient(f"{fresh.host}:{fresh.port}")
    client.start(15)
    try:
        assert client.server_version() >= (3, 8, 0)
        assert client.command(b"ruok") == "imok"
        assert client.command(b"srvr").startswith("Zookeeper version: ")
        # kazoo reads at most 8192 bytes of an answer.
        assert client.command(b"mntr").startswith("zk_version\t")
        assert client.command(b"conf").endswith("serverId=0\n")
    finally:
        client.stop()
        client.close()


def test_so_5_6_zkserver_status_finds_the_mode(fresh):
    """zkServer.sh runs FourLetterWordMain for srvr and greps the line that begins with Mode."""
    lines = [line for line in text_of(fresh, "srvr").splitlines() if re.match("Mode", line)]
    assert lines == ["Mode: standalone"]
