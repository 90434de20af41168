"""Hand-written scripts for CP-1 to CP-8: encoding, handshake, operations, paths, ACLs, multi.

Besides the comparison every test states a few facts of Apache's trace, which show that the script
reaches what it is written for.
"""

from differential.runner import ROOT_LENGTH
from differential.sequence import Builder, request
from lib.records import Err, Op, connect_request, create_request, digest_id
from lib.zkwire import MAX_FRAME, frame

OK = Err.OK
BOB = [31, "digest", digest_id("bob:pw")]
WORLD = [31, "world", "anyone"]
READ = [1, "world", "anyone"]


def auth(credentials: str) -> dict:
    """A digest auth packet."""
    return request("auth", scheme="digest", auth=credentials, xid=-4)


def test_cp_1_encoding(pair, same):
    """CP-1.1 to CP-1.6, CP-1.14: booleans, null, bad lengths and counts, surplus bytes."""
    script = Builder("encoding")
    script.open("s1", "s2")
    script.each(
        "s1",
        request("create", "~/null", data=None),
        request("create", "~/empty", data=""),
        request("getData", "~/null"),
        request("getData", "~/empty"),
        request("exists", "~/null", watch=7),
        request("getData", "~/null", body="fffffffb"),
        request("getData", "~/null", body="000003e72f61"),
        request("getData", "~/null", cut=1),
        request("getData", "~/null", extra="surplus"),
        request("create", "~/c", acl=None),
        request("create", "~/c", body=_with_acl_count(-2).hex()),
        request("create", "~/c", body=_with_acl_count(-3).hex()),
        request("create", "~/\udcff"),
        request("setData", "~/null", data=None, extra="\x00\x00"),
    )
    script.send("s2", request("create", "~/a", cut=1))
    script.send("s2", request("multi", elements=[request("create", "~/a")], cut=2))
    script.send("s2", request("create", "~/a"))
    trace = same(pair, script)
    assert trace.errors("s1")[5:13] == [-5, -5, -5, OK, -114, -114, -114, -8]
    assert trace.errors("s2") == [-5, -5, OK]
    assert trace.events("s1") == [(3, "~/null")]


def _with_acl_count(count: int) -> bytes:
    """A create of "/never" whose ACL vector has only a count."""
    body = create_request("/never", b"", None)
    return body[:-8] + count.to_bytes(4, "big", signed=True) + body[-4:]


def test_cp_1_frame_limits(pair, same):
    """CP-1.7 to CP-1.9, CP-1.13: the largest frame, one byte more, negative, empty, short."""
    script = Builder("frame limits")
    script.open("s1")
    overhead = 8 + 4 + ROOT_LENGTH + len("/big") + 4 + 4
    script.each(
        "s1",
        request("create", "~/big"),
        request("setData", "~/big", data="x" * (MAX_FRAME - overhead)),
        request("exists", "~/big"),
        request("setData", "~/big", data=""),
    )
    for data in ("00100000", "ffffffff", "80000000", "00000000", "0000000400000001", "72756f6b"):
        script.raw("s1", bytes.fromhex(data))
        script.reconnect("s1", with_=[request("exists", "~/big")])
    trace = same(pair, script)
    assert trace.errors("s1") == [OK] * 10
    assert trace.ends("s1") == ["closed"] * 6


def test_cp_1_before_the_handshake(pair, same):
    """CP-1.10, CP-1.12, CP-2.16, CP-13.3: four-letter words, nonsense, a request, half a handshake.
    """
    script = Builder("before the handshake")
    handshake = connect_request()
    inputs = [b"ruok", b"ruok\r\n", b"isro", b"abcd", b"GET / HTTP/1.0\r\n\r\n", bytes(4)]
    inputs += [frame(handshake[:-5]), frame(handshake[:20]), bytes.fromhex("ffffffff")]
    inputs += [frame(bytes.fromhex("000000010000000300000002") + b"/a\x00" + bytes(30))]
    for number, data in enumerate(inputs):
        script.add("connect", f"c{number}")
        script.raw(f"c{number}", data)
    trace = same(pair, script)
    assert [entry.get("text") for entry in trace.entries("c0")] == ["imok", None]


def test_cp_2_handshake(pair, same):
    """CP-2.1 to CP-2.7, CP-2.15, CP-2.19: fields of the handshake and what follows it at once."""
    script = Builder("handshake")
    script.open("old", read_only=None)
    script.open("readonly", read_only=True)
    script.open("version", protocol=77)
    for name, timeout in (("tiny", 1), ("negative", -5), ("huge", 10**9), ("exact", 23456)):
        script.open(name, timeout=timeout)
        script.add("close", name)
    script.open("null", passwd="null")
    script.open("empty", passwd="empty")
    script.open("seen", last_zxid="last")
    script.open("past", last_zxid=-7)
    script.open("future", last_zxid=["ahead", 1])
    followers = [
        auth("bob:pw"),
        request("setWatches", zxid=0, exist=["~/a"], xid=-8),
        request("create", "~/a", acl=[[31, "auth", ""]], flags=1),
        request("getACL", "~/a"),
        request("ping"),
    ]
    script.open("quick", with_=followers)
    script.send("quick", request("whoAmI"))
    trace = same(pair, script)
    timeouts = [trace.entries(name)[0]["timeout"] for name in ("tiny", "negative", "huge", "exact")]
    assert timeouts == [400, 400, 60000, 23456]
    assert trace.entries("old")[0]["read_only"] is None
    assert [entry["kind"] for entry in trace.entries("future")] == ["closed"]
    assert trace.errors("quick") == [OK] * 6 and trace.events("quick") == [(1, "~/a")]


def test_cp_2_reconnect(pair, same):
    """CP-2.9 to CP-2.14, CP-2.18, CP-2.19: what a reconnect keeps, what it does not, refusals."""
    script = Builder("reconnect")
    script.open("s1", "s2", with_=[auth("bob:pw")])
    script.send("s1", request("create", "~/e", flags=1), request("create", "~/w", acl=[BOB]))
    script.send("s1", request("getData", "~/e", watch=1), request("addWatch", "~", mode=1))
    script.reconnect("s1", timeout=20000)
    script.send("s1", request("whoAmI"), request("getData", "~/w"), request("getEphemerals", ""))
    script.send("s2", request("setData", "~/e", data="x"))
    script.reconnect("s1", last_zxid="last", read_only=None, with_=[request("exists", "~/e")])
    script.add("drop", "s1", abort=True)
    for passwd in ("wrong", "short", "null"):
        script.reconnect("s1", passwd=passwd)
    script.reconnect("s1", last_zxid=["ahead", 3])
    script.reconnect("s1", with_=[request("exists", "~/e")])
    script.add("close", "s1")
    script.reconnect("s1", with_=[request("exists", "~/e")])
    script.send("s2", request("exists", "~/e"))
    script.raw("s2", frame(connect_request()), replies=[[0, 0]])
    trace = same(pair, script)
    shakes = [entry for entry in trace.entries("s1") if entry["kind"] == "handshake"]
    names = [shake["session"] for shake in shakes]
    assert names == ["s1"] * 3 + ["nobody"] * 3 + ["s1", "nobody"]
    assert trace.events("s1") == []
    assert trace.errors("s2")[-2:] == [-101, -6]


def test_cp_3_headers(pair, same):
    """CP-3.1 to CP-3.9: xids, zxids of all kinds of replies, bodies of errors, closeSession."""
    script = Builder("headers")
    script.open("s1", "s2")
    for xid in (0, -3, -5, -8, -(2**31), 2**31 - 1, 5, 5):
        script.send(
            "s1",
            request("create", f"~/n{xid}", xid=xid),
            request("getData", "~/missing", xid=xid),
            request("ping", xid=xid),
            request("delete", "~/missing", xid=xid),
        )
    script.each(
        "s2",
        request("create2", "~/a"),
        request("create", "~/a"),
        request("setData", "~/a", data="1"),
        request("setData", "~/a", data="2", version=9),
        request("setACL", "~/a", version=4),
        request("multi", elements=[request("check", "~/a", version=3)]),
        request("delete", "~", version=3),
        request("sync", "~/a"),
        request("exists", "~/a"),
        request("setWatches", zxid="last", data=["~/a"], xid=-8),
        auth("a:b"),
        request("sasl", token="x"),
        request("reconfig"),
        request("unknown", type=50),
    )
    script.reconnect("s2")
    script.send("s2", request("closeSession", xid=77))
    trace = same(pair, script)
    again = [-110, -101, OK, -101]
    assert trace.errors("s1") == [OK, -101, OK, -101] * 7 + again
    assert trace.errors("s2")[-2:] == [-6, OK]
    assert [step.consumed for step in trace.steps[-6:]] == [0, 0, 1, 0, 0, 1]


def test_cp_4_operations(pair, same):
    """CP-4.1 to CP-4.10: the answer of every operation."""
    script = Builder("operations")
    script.open("s1", "s2")
    script.each(
        "s1",
        request("create", "~/a", data="1"),
        request("create2", "~/a/b", data="22"),
        request("createContainer", "~/c", flags=4),
        request("create", "~/a/e", flags=1),
        request("create", "~/a/f", flags=3),
        request("exists", "~/missing"),
        request("getChildren", "~/a"),
        request("getChildren2", "~/a"),
        request("exists", "~/a"),
        request("getAllChildrenNumber", "~"),
        request("getAllChildrenNumber", "~/a/e"),
        request("getAllChildrenNumber", "~/missing"),
        request("getACL", "~/a"),
        request("addWatch", "~/a", mode=0),
        request("whoAmI"),
        auth("super:differential"),
        auth("bob:pw"),
        request("whoAmI"),
        request("reconfig", joining="server.3=h:1:2", config_id=7),
        request("multiRead", elements=[request("getData", "~/a"), request("getChildren", "~")]),
    )
    script.send("s2", request("create", "~/mine", flags=1))
    for prefix in (None, "", "  ", "/", "~", "~/a", "~/a/f", "~/zz", " ~/a"):
        script.send("s1", request("getEphemerals", prefix))
        script.send("s2", request("getEphemerals", prefix))
    for path in (None, "", "/", "nonsense", "~//", "~/a\x00"):
        script.send("s1", request("sync", path))
    trace = same(pair, script)
    numbers = [e["value"] for e in trace.entries("s1") if e.get("op") == 104 and not e["err"]]
    assert numbers == [5, 0]
    users = [entry["value"] for entry in trace.entries("s1") if entry.get("op") == Op.WHO_AM_I]
    assert users[1] == [["digest", "bob"], ["digest", "super"], ["ip", "127.0.0.1"], ["super", ""]]


def test_cp_5_create_modes(pair, same):
    """CP-5.1 to CP-5.5, CP-5.12 to CP-5.14: flags, numbers, ephemerals, TTL switched off."""
    script = Builder("create modes")
    script.open("s1", "s2")
    for op in ("create", "create2", "createContainer"):
        for flags in (-1, 0, 1, 2, 3, 4, 5, 6, 7, 99):
            script.send("s1", request(op, f"~/{op}{flags}", flags=flags))
    for flags, ttl in ((5, 1000), (6, 0), (5, -1), (0, 0), (3, 9), (7, 1)):
        script.send("s1", request("createTTL", "~/ttl", flags=flags, ttl=ttl))
    script.send("s1", request("create", "~/p"))
    numbered = [
        request("create", "~/p/", flags=2),
        request("create", "~/p/x-"),
        request("create", "~/p/x-", flags=2),
        request("create", "~/p/x-", flags=0),
        request("delete", "~/p/x-"),
        request("create", "~/p/x-", flags=3),
        request("create", "~/p/.", flags=2),
        request("create", "~/p/..", flags=3),
        request("create", "foo", flags=2),
        request("getChildren2", "~/p"),
    ]
    script.each("s1", *numbered)
    script.send("s2", *numbered)
    script.each(
        "s2",
        request("create", "~/e", flags=1, data="x"),
        request("create", "~/e/child"),
        request("create", "~/e", flags=1),
        request("exists", "~/e"),
        request("delete", "~/p"),
        request("createContainer", "~/c", flags=4),
        request("create", "~/c/child"),
        request("delete", "~/c/child"),
        request("exists", "~/c"),
    )
    script.add("drop", "s2")
    script.send("s1", request("exists", "~/e"))
    trace = same(pair, script)
    assert trace.errors("s1")[:6] == [-8, OK, OK, OK, OK, OK]
    assert trace.errors("s1")[30:36] == [-6, -6, -6, -8, -8, -8]
    paths = [entry.get("value") for entry in trace.entries("s1") if entry.get("op") == Op.CREATE]
    assert "~/p/x-0000000002" in paths and "~/p/.0000000004" in paths
    assert trace.errors("s2")[10:13] == [OK, -108, -110]


def test_cp_5_removal(pair_with_removal, same):
    """CP-5.6 to CP-5.11: TTL nodes, and what watchers see when containers and TTL nodes go."""
    script = Builder("removal")
    script.open("s1", "s2")
    script.each("s2", request("addWatch", "~", mode=0), request("addWatch", "~", mode=1))
    script.reconnect("s2", with_=[request("addWatch", "~", mode=1)])
    for flags, ttl in ((5, 0), (5, -1), (5, 2**40), (5, 2**40 - 1), (6, 2**40 - 1), (0, 5), (7, 5)):
        script.send("s1", request("createTTL", f"~/t{flags}", flags=flags, ttl=ttl))
    script.send("s1", request("create", "~/x", flags=5), request("create2", "~/x", flags=6))
    script.send(
        "s1",
        request("createContainer", "~/c", flags=4),
        request("exists", "~/c", watch=1),
        request("create", "~/c/child"),
        request("getChildren", "~", watch=1),
        request("delete", "~/c/child"),
        zxids=4,
    )
    script.send("s1", request("createTTL", "~/short", flags=5, ttl=1, data="x"), zxids=2)
    script.send("s1", request("getChildren2", "~"), request("createContainer", "~/never", flags=4))
    trace = same(pair_with_removal, script)
    assert trace.errors("s1")[:9] == [-8, -8, -8, OK, OK, -8, -8, -8, -8]
    assert (2, "~/c") in trace.events("s1") and (4, "~") in trace.events("s1")
    assert trace.events("s2")[-2:] == [(2, "~/short"), (1, "~/never")]


VALID_NAMES = ["...", ".x", "x.", "..x", " ", "\u00a0", "\ud7ff", "\uf900", "\uffef", "zookeeper"]
INVALID_NAMES = ["\x01", "\x1f", "\x7f", "\x9f", "\ue000", "\uf8ff", "\ufff0", "\ufffd"]
INVALID_NAMES += ["\U0001f600"]
MALFORMED = ["foo", "~/p/", "//p", "~/p/.", "~/p/..", "/.", "/..", "~/q//r", "~/./x", "~/../x"]
MALFORMED += ["~/p\x00", "~/p//"]


def test_cp_6_paths(pair, same):
    """CP-6.1 to CP-6.8: valid and malformed paths in every operation that looks at them."""
    script = Builder("paths")
    script.open("s1")
    script.send("s1", request("create", "~/p"))
    for name in VALID_NAMES + INVALID_NAMES:
        script.send("s1", request("create", f"~/p/{name}"))
    for path in MALFORMED:
        script.each(
            "s1",
            request("create", path),
            request("delete", path),
            request("setData", path),
            request("setACL", path),
            request("exists", path),
            request("getData", path),
            request("getACL", path),
            request("getChildren2", path),
        )
        script.send("s1", request("multi", elements=[request("check", path)]))
    for path in ("/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"):
        script.send("s1", request("delete", path), request("create", path))
    trace = same(pair, script)
    assert trace.errors("s1")[1 : 1 + len(VALID_NAMES)] == [OK] * len(VALID_NAMES)
    invalid = trace.errors("s1")[1 + len(VALID_NAMES) :][: len(INVALID_NAMES)]
    assert invalid == [-8] * len(INVALID_NAMES)
    assert trace.errors("s1")[-8:] == [-8, -110] * 4


def test_cp_6_the_empty_path(fresh_pair, same):
    """CP-6.10, CP-6.13 and 6.2: "" is "/" for reads, except in its count; writes refuse it. Fresh
    servers, since everything below "/" shows in the answers.
    """
    script = Builder("the empty path")
    script.open("s1")
    reads = ("exists", "getData", "getACL", "getChildren2", "getAllChildrenNumber")
    for path in ("", "/", "/zookeeper", "/zookeeper/config"):
        script.each("s1", *[request(op, path) for op in reads])
    writes = ("create", "delete", "setData", "setACL")
    script.each("s1", *[request(op, "") for op in writes])
    trace = same(fresh_pair, script)
    assert trace.errors("s1") == [OK] * 20 + [-8] * 4
    numbers = [entry for entry in trace.entries("s1") if entry.get("op") == 104]
    assert [entry["value"] for entry in numbers] == [5, 4, 2, 0]


def test_cp_6_null_paths(pair, same):
    """6.2, last paragraph: null paths, which no client sends; writes may take a zxid or not."""
    script = Builder("null paths")
    script.open("s1")
    reads = ("exists", "getData", "getACL", "getChildren", "getAllChildrenNumber", "sync")
    script.each("s1", *[request(op, None) for op in reads])
    script.each("s1", request("setData", None), request("setACL", None))
    script.each("s1", request("addWatch", None, mode=0), request("getEphemerals", None))
    trace = same(pair, script)
    assert trace.errors("s1") == [-5] * 5 + [OK, -8, -8, OK, OK]


def test_cp_6_reserved_nodes(pair, same):
    """CP-6.7, CP-6.9, CP-6.11, CP-6.12: the configuration node, nodes beside it, quotas."""
    script = Builder("reserved nodes")
    script.open("s1", "super", with_=[auth("bob:pw")])
    script.send("super", auth("super:differential"))
    for session in ("s1", "super"):
        script.each(
            session,
            request("delete", "/zookeeper/config"),
            request("delete", "/zookeeper"),
            request("getACL", "/zookeeper/config"),
            request("setData", "/zookeeper/config", data="x", version=99),
            request("setACL", "/zookeeper/config", version=99),
            request("create", "/zookeeper/quota~"),
            request("delete", "/zookeeper/quota~"),
        )
    script.send("s1", request("create", "/zookeeper/config/child"))
    quota = "/zookeeper/quota~"
    script.each(
        "s1",
        request("create", quota),
        request("create", "~/a", data="four"),
        request("create", quota + "/zookeeper_limits", data="count=3,bytes=9"),
        request("create", quota + "/zookeeper_stats", data="anything"),
        request("getData", quota + "/zookeeper_stats", watch=1),
        request("create", "~/a/b", data="xx"),
        request("setData", "~/a", data="more than nine bytes"),
        request("create", "~/a/c"),
        request("getData", quota + "/zookeeper_stats"),
        request("delete", "~/a/b"),
        request("multi", elements=[request("setData", "~/a"), request("create", "~/m", data="1")]),
        request("getData", quota + "/zookeeper_stats"),
        request("delete", quota + "/zookeeper_limits"),
        request("create", "~/a/d"),
        request("getData", quota + "/zookeeper_stats"),
    )
    trace = same(pair, script)
    assert trace.errors("s1")[1:9] == [-8, -8, OK, -102, -102, OK, OK, -102]
    assert trace.errors("super")[2:9] == [-8, -8, OK, -103, -103, OK, OK]
    data = [e["value"][0] for e in trace.entries("s1") if e.get("op") == Op.GET_DATA]
    assert data[1] == "count=4,bytes=22"


def test_cp_7_precedence(pair, same):
    """CP-7.1 to CP-7.8: of two things wrong the first in the order of checks decides."""
    script = Builder("precedence")
    script.open("bob", with_=[auth("bob:pw")])
    script.open("s1")
    script.each(
        "bob",
        request("create", "~/shut", acl=[BOB]),
        request("create", "~/shut/in", acl=[WORLD]),
        request("create", "~/e", flags=1),
    )
    no_acl: dict = {"acl": []}
    script.each(
        "s1",
        request("create", "foo", flags=9),
        request("create", "foo", **no_acl),
        request("create", "~/shut/x", **no_acl),
        request("create", "~/shut/x/y", acl=[WORLD]),
        request("create", "~/shut/.", acl=[WORLD]),
        request("create", "~/shut/in"),
        request("create", "~/e/x"),
        request("create", "~/e"),
        request("delete", "~/missing/x"),
        request("delete", "~/shut/missing"),
        request("delete", "~/shut/in"),
        request("delete", "~/e", version=3),
        request("delete", "~", version=3),
        request("delete", "~"),
        request("setData", "~/.", version=3),
        request("setData", "~/missing"),
        request("setData", "~/shut", version=9),
        request("setData", "~/shut/in", version=9),
        request("setData", "~/shut/in", version=-2),
        request("setACL", "~/.", **no_acl),
        request("setACL", "~/missing", **no_acl),
        request("setACL", "~/shut", version=9),
        request("setACL", "~/shut/in", version=9),
        request("getACL", "~/shut"),
        request("getData", "~/shut"),
        request("getChildren", "~/shut"),
        request("getAllChildrenNumber", "~/shut"),
        request("multi", elements=[request("check", "~/shut", version=9)]),
    )
    trace = same(pair, script)
    expected = [-8, -8, -114, -101, -102, -102, -108, -110, -101, -102, -102, -103, -103, -111]
    expected += [-8, -101, -102, -103, -103, -8, -114, -102, -103, -102, -102, -102, -102, OK]
    assert trace.errors("s1") == expected
    assert trace.multi_errors("s1") == [[-102]]


def test_cp_7_stats(pair, same):
    """CP-7.9 to CP-7.13: what each write changes in the stats of a node and of its parent."""
    script = Builder("stats")
    script.open("s1")
    writes = [
        request("create2", "~/p"),
        request("create2", "~/p/a", data="1"),
        request("create2", "~/p/s", flags=2),
        request("setData", "~/p/a", data="22"),
        request("setData", "~/p/a", data="22"),
        request("setACL", "~/p/a"),
        request("create", "~/p/e", flags=1),
        request("delete", "~/p/e"),
        request("delete", "~/p/a"),
        request("create2", "~/p/a"),
        request("create", "~/p/t", flags=2),
    ]
    for write in writes:
        script.send("s1", write)
        script.send("s1", *[request("exists", path) for path in ("~", "~/p", "~/p/a")])
    script.send("s1", *writes[1:], request("getChildren2", "~/p"))
    trace = same(pair, script)
    assert [node["path"] for node in trace.tree][-2:] == ["~/p/t0000000004", "~/p/t0000000008"]


ACLS: list = [
    [WORLD, WORLD, [1, "world", "anyone"], BOB, WORLD, [2, *BOB[1:]]],
    [[31, "auth", "ignored"]],
    [[5, "auth", ""], READ],
    [[0, "world", "anyone"]],
    [[255, "world", "anyone"]],
    [[-1, "world", "anyone"]],
    [[31, "digest", "a:b"], [31, "digest", ":b"], [31, "digest", "a:b:"]],
    [[31, "digest", "abc"]],
    [[31, "digest", "a:"]],
    [[31, "digest", "a:b:c"]],
    [[31, "digest", ""]],
    [[31, "world", "nobody"]],
    [[31, "super", ""]],
    [[31, "sasl", "bob"]],
    [[31, "", ""]],
    [[31, None, "anyone"]],
    [[31, "auth", None], READ],
    *[[[31, "ip", text]] for text in ("1.2.3.4", "1.2.3.4/0", "1.2.3.4/32", "127.0.0.0/8")],
    *[[[31, "ip", text]] for text in ("1.2.3.4/33", "1.2.3.4/", "1.2.3.4/-1", "1.2.3")],
    *[[[31, "ip", text]] for text in ("256.1.1.1", "host", "", "1.2.3.4/x", "+1.02.3.4")],
]


def test_cp_7_acls(pair, same):
    """CP-7.8, CP-7.14 to CP-7.20: validity and expansion of ACLs, redaction, super."""
    script = Builder("acls")
    script.open("bob", with_=[auth("bob:pw"), auth("ann:pw")])
    script.open("s1", "super")
    script.send("super", auth("super:differential"))
    for number, acl in enumerate(ACLS):
        path = f"~/n{number}"
        script.send("bob", request("create", path, acl=acl), request("getACL", path))
        script.send("s1", request("create", path, acl=acl), request("getACL", path))
        script.send("s1", request("getData", path), request("setData", path))
        script.send("super", request("getACL", path), request("getData", path))
    for session in ("s1", "bob"):
        script.send(session, request("setACL", "~/n0", acl=[BOB]), request("getACL", "~/n0"))
        script.send(session, request("setACL", "~/n2", acl=[READ]), request("getACL", "~/n2"))
    trace = same(pair, script)
    acls = [e for e in trace.entries("s1") if e.get("op") == Op.GET_ACL and not e["err"]]
    assert any(part[2] == "bob:x" for entry in acls for part in entry["value"][0])
    assert trace.errors("s1").count(-114) > 10


def test_cp_8_multi(pair, same):
    """CP-8.1 to CP-8.7, CP-8.13: empty, successful and failed multis, with watchers."""
    script = Builder("multi")
    script.open("s1", "s2")
    script.each("s2", request("addWatch", "~", mode=1), request("getChildren", "~/p", watch=1))

    def multi(*elements: dict, **fields) -> None:
        script.send("s1", request("multi", elements=list(elements), **fields))

    multi()
    multi(request("create", "~/p", data="x"), request("create2", "~/p/a"), request("check", "~/p"))
    script.send("s2", request("getChildren", "~/p", watch=1), request("addWatch", "~/p/b", mode=0))
    multi(
        request("create", "~/p/b"),
        request("setData", "~/p/b", data="1", version=0),
        request("check", "~/p/b", version=1),
        request("delete", "~/p/b", version=1),
        request("create", "~/p/s", flags=2),
        request("create", "~/p/s", flags=2),
        request("create", "~/p/e", flags=1),
    )
    multi(request("create", "~/p/f", flags=2), request("delete", "~/no"), request("create", "~/x"))
    multi(request("create", "~/p/f", flags=2))
    multi(request("delete", "~/p"), request("delete", "~/p/a"))
    multi(request("delete", "~/p/a"), request("setData", "~/p", data="y"), request("check", "~/q"))
    multi(request("check", "~/p", version=7))
    multi(request("check", "~/p", version=-1), request("setData", "~/p", version=0), extra="more")
    multi(request("createContainer", "~/c", flags=4), request("create", "~/c/x", flags=3))
    multi(request("createTTL", "~/t", flags=5, ttl=5), request("create", "~/u"))
    multi(request("create", "~/e"), request("create", "~/e"))
    multi(request("create", "~/p/e/x"), request("create", "~/e"))
    multi(request("create", "~/e", acl=[]), request("create", "~/e"))
    multi(request("delete", "/zookeeper"), request("create", "~/e"))
    trace = same(pair, script)
    failed = [codes for codes in trace.multi_errors("s1") if any(codes)]
    assert failed[0] == [0, -101, -2] and failed[1] == [-111, -2]
    assert len(failed) == 9


def test_cp_8_refused_multi(pair, same):
    """CP-8.8, CP-8.10, CP-8.11: element types that are not allowed, no end header, multiRead."""
    script = Builder("refused multi")
    script.open("s1")
    script.send("s1", request("create", "~/p", data="x"), request("create", "~/p/c"))
    for op in ("getData", "setACL", "exists", "sync"):
        script.send("s1", request("multi", elements=[request(op, "~/p")]))
    script.send("s1", request("multi", elements=[request("create", "~/q")], cut=9))
    script.send("s1", request("multi", body="000000ff01000000000f"))
    elements = [
        request("getData", "~/p", watch=1),
        request("getData", "~/no"),
        request("getChildren", "~/p", watch=1),
        request("getChildren", "~/no"),
    ]
    script.send("s1", request("multiRead", elements=elements))
    script.send("s1", request("multiRead", elements=[]))
    script.send("s1", request("setData", "~/p"), request("delete", "~/p/c"))
    trace = same(pair, script)
    assert trace.errors("s1") == [OK, OK, -5, -5, -5, -5, -5, OK, OK, OK, OK, OK]
    assert trace.multi_errors("s1") == [[], [0, -101, 0, -101], []]
    assert trace.events("s1") == []
