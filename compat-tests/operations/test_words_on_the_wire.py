"""The four-letter words of a running server, byte for byte where the bytes are known (SO-5)."""

import re
import socket

import pytest
from kazoo.client import KazooClient

from lib.servers import server_kind
from lib.zkwire import Flags, open_session


def ask(server, data):
    """What the server answers to the first bytes of a connection."""
    with socket.create_connection((server.host, server.port), timeout=10) as sock:
        sock.sendall(data)
        return sock.makefile("rb").read().decode()


def test_so_5_1_a_word_is_answered_then_closed_also_with_bytes_behind_it(server):
    """SO-5.1."""
    assert ask(server, b"ruok") == "imok"
    assert ask(server, b"ruok\n") == "imok"
    assert ask(server, b"ruok" + bytes(100)) == "imok"
    with socket.create_connection((server.host, server.port), timeout=10) as sock:
        sock.sendall(b"srvr")
        sock.shutdown(socket.SHUT_WR)
        assert sock.makefile("rb").read().startswith(b"Zookeeper version: ")


def test_so_5_2_only_srvr_is_allowed_by_default(make_server):
    """SO-5.2."""
    server = make_server({"4lw.commands.whitelist": "srvr"})
    assert ask(server, b"srvr").startswith("Zookeeper version: ")
    refusal = "mntr is not executed because it is not in the whitelist.\n"
    assert ask(server, b"mntr") == refusal


def test_so_5_5_texts_without_newline_and_the_trace_mask(make_server):
    """SO-5.5."""
    server = make_server()
    assert ask(server, b"isro") == "rw"
    assert ask(server, b"gtmk") == "306"
    assert ask(server, b"stmk" + (307).to_bytes(8, "big")) == "307"
    assert ask(server, b"gtmk") == "307"


SRVR = re.compile(
    r"Zookeeper version: \d+\.\d+\.\d+-[\w.+-]+, built on [^\n]+\n"
    r"Latency min/avg/max: \d+/[\d.]+/\d+\n"
    r"Received: \d+\nSent: \d+\nConnections: \d+\nOutstanding: \d+\n"
    r"Zxid: 0x[0-9a-f]+\nMode: standalone\nNode count: \d+\n"
)


def test_so_5_6_srvr_and_stat_have_zookeepers_lines(server):
    """SO-5.6."""
    assert SRVR.fullmatch(ask(server, b"srvr"))
    session = open_session(server)
    text = ask(server, b"stat")
    client = r" /127\.0\.0\.1:\d+\[\d\]\(queued=\d+,recved=\d+,sent=\d+\)\n"
    assert re.search(r"\nClients:\n(" + client + r"){2,}\nLatency min/avg/max: ", text)
    session.close_session()


def test_so_5_6_a_fresh_server_has_five_nodes(make_server):
    """SO-5.6: the root counts twice, as in ZooKeeper."""
    assert "\nNode count: 5\n" in ask(make_server(), b"srvr")


def test_so_5_7_cons_tells_the_last_operation_of_each_session(server, root):
    """SO-5.7."""
    session = open_session(server)
    session.create(root)
    session.exists(root)
    text = ask(server, b"cons")
    line = next(row for row in text.splitlines() if f"sid=0x{session.session_id:x}" in row)
    assert re.fullmatch(
        r" /127\.0\.0\.1:\d+\[1\]\(queued=0,recved=3,sent=3,sid=0x[0-9a-f]+,lop=EXIS,est=\d+,"
        r"to=\d+,lcxid=0x[0-9a-f]+,lzxid=0x[0-9a-f]+,lresp=\d+,llat=\d+,minlat=\d+,avglat=\d+,"
        r"maxlat=\d+\)",
        line,
    )
    assert text.endswith("\n\n")
    session.close_session()


def test_so_5_8_conf_shows_the_directories_and_limits(server):
    """SO-5.8."""
    lines = dict(row.split("=", 1) for row in ask(server, b"conf").splitlines())
    assert lines["clientPort"] == str(server.port)
    assert lines["dataDir"].endswith("/version-2")
    assert (lines["tickTime"], lines["minSessionTimeout"]) == ("2000", "4000")
    assert lines["serverId"] == "0"


def test_so_5_9_dump_lists_sessions_and_their_ephemerals(server, root):
    """SO-5.9."""
    session = open_session(server)
    session.create(root)
    session.create(f"{root}/e", flags=Flags.EPHEMERAL)
    text = ask(server, b"dump")
    assert text.startswith("SessionTracker dump:\nSession Sets (")
    assert f"\t0x{session.session_id:x}\n" in text
    assert f"0x{session.session_id:x}:\n\t{root}/e\n" in text
    session.close_session()


def test_so_5_10_watch_words_show_data_watches(make_server):
    """SO-5.10: child watches are not shown."""
    server = make_server()
    session = open_session(server)
    session.exists("/a", watch=True)
    session.children("/", watch=True)
    sid = f"0x{session.session_id:x}"
    assert ask(server, b"wchs") == "1 connections watching 1 paths\nTotal watches:1\n"
    assert ask(server, b"wchc") == f"{sid}\n\t/a\n\n"
    assert ask(server, b"wchp") == f"/a\n\t{sid}\n\n"
    session.close_session()


def test_so_5_11_resets_directories_and_environment(server):
    """SO-5.11."""
    assert ask(server, b"crst") == "Connection stats reset.\n"
    assert ask(server, b"srst") == "Server stats reset.\n"
    assert re.fullmatch(r"datadir_size: \d+\nlogdir_size: \d+\n", ask(server, b"dirs"))
    assert ask(server, b"envi").startswith("Environment:\nzookeeper.version=")


def test_so_5_12_mntr_begins_with_version_and_state(server):
    """SO-5.12."""
    rows = [row.split("\t") for row in ask(server, b"mntr").splitlines()]
    assert rows[0][0] == "zk_version"
    assert rows[1] == ["zk_server_state", "standalone"]
    names = {name for name, _ in rows}
    for name in ("zk_znode_count", "zk_watch_count", "zk_ephemerals_count", "zk_avg_latency",
                 "zk_p99_readlatency", "zk_cnt_fsynctime", "zk_approximate_data_size"):
        assert name in names


def test_so_5_13_unknown_words_close_without_an_answer(server):
    """SO-5.13."""
    for word in (b"lead", b"RUOK", b"quit", b"\xff\xf4\xff\xfd"):
        assert ask(server, word) == ""


@pytest.mark.skipif(server_kind() != "lockkeeper", reason="about the version we claim")
def test_kazoo_understands_the_version(server):
    """Tools decide by it which features to use."""
    client = KazooClient(f"{server.host}:{server.port}")
    client.start(10)
    try:
        assert client.server_version()[:2] == (3, 9)
        assert client.command(b"ruok") == "imok"
    finally:
        client.stop()
        client.close()
