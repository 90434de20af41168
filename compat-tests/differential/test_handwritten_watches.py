"""Hand-written scripts for CP-9 to CP-11 and CP-13: watches, sessions, authentication, edge cases.

Besides the comparison every test states a few facts of Apache's trace, which show that the script
reaches what it is written for.
"""

from differential.operations import UNKNOWN_TYPES
from differential.sequence import Builder, request
from lib.records import Err, Op, Writer, digest_id
from lib.zkwire import frame

OK = Err.OK
CREATED, DELETED, CHANGED, CHILDREN = 1, 2, 3, 4
BOB = [31, "digest", digest_id("bob:pw")]
READ = [1, "world", "anyone"]


def auth(credentials: str) -> dict:
    """A digest auth packet."""
    return request("auth", scheme="digest", auth=credentials, xid=-4)


def changes_of(path: str) -> list:
    """Requests that create, change and delete a node and a child of it."""
    child = path + "/child"
    return [
        request("create", path),
        request("setData", path, data="1"),
        request("create", child),
        request("setData", child, data="2"),
        request("setACL", path),
        request("delete", child),
        request("delete", path),
        request("create", path, flags=1),
        request("delete", path),
    ]


def test_cp_9_one_shot(pair, same):
    """CP-9.1 to CP-9.8: standard watches, alone and together, own and others' writes."""
    script = Builder("one shot watches")
    sessions = {
        "data": [request("getData", "~/n", watch=1)],
        "exists": [request("exists", "~/n", watch=1)],
        "child": [request("getChildren", "~/n", watch=1)],
        "child2": [request("getChildren2", "~/n", watch=1)],
        "parent": [request("getChildren", "~", watch=1)],
    }
    sessions["all"] = [watch for watches in sessions.values() for watch in watches]
    script.open("s1", *sessions)
    for change in changes_of("~/n"):
        for session, watches in sessions.items():
            script.send(session, *watches)
        script.send("all", change)
    for change in changes_of("~/n"):
        script.send("s1", *sessions["all"], change)
    trace = same(pair, script)
    assert trace.events("exists")[:2] == [(CREATED, "~/n"), (CHANGED, "~/n")]
    assert (CHANGED, "~/n") not in trace.events("child")
    assert trace.events("all")[:2] == [(CREATED, "~/n"), (CHILDREN, "~")]
    kinds = [entry["kind"] for entry in trace.entries("s1")]
    assert kinds.index("event") < kinds.index("reply", kinds.index("event"))


def test_cp_9_persistent(pair, same):
    """CP-9.9, CP-9.10, CP-9.12 to CP-9.14: persistent and recursive watches, alone and with others.
    """
    script = Builder("persistent watches")
    persistent = request("addWatch", "~/n", mode=0)
    recursive = request("addWatch", "~", mode=1)
    script.open("s1", "p", "r", "both", "mixed", "deep")
    script.send("p", persistent, persistent)
    script.send("r", recursive)
    script.send("both", persistent, recursive)
    script.send("deep", request("addWatch", "~/n/child", mode=1))
    for mode in (2, -1):
        script.send("s1", request("addWatch", "~/n", mode=mode))
    for path in ("", "nonsense", "~/n/"):
        script.send("s1", request("addWatch", path, mode=0), request("addWatch", path, mode=1))
    for change in changes_of("~/n") + changes_of("~/n"):
        script.send("mixed", recursive, request("exists", "~/n", watch=1))
        script.send("mixed", request("getChildren", "~/n", watch=1))
        script.send("s1", change)
    script.send("s1", *changes_of("~/n"))
    trace = same(pair, script)
    assert (CHILDREN, "~/n") in trace.events("p")
    assert not [event for event in trace.events("r") if event[0] == CHILDREN]
    assert (CREATED, "~/n/child") in trace.events("deep")
    assert trace.events("both").count((CHANGED, "~/n")) == trace.events("r").count((CHANGED, "~/n"))
    assert trace.errors("s1")[:2] == [-5, -5]


def test_cp_9_remove_watches(pair, same):
    """CP-9.15: removeWatches and checkWatches of one-shot and of persistent watches."""
    script = Builder("remove watches")
    script.open("s1", "s2")
    script.send("s1", request("create", "~/n"))
    data, child = request("getData", "~/n", watch=1), request("getChildren", "~/n", watch=1)
    for op in ("checkWatches", "removeWatches"):
        for kind in (0, 6, -1, 1, 2, 3):
            script.send("s1", request(op, "~/n", type=kind))
            for watches in ([data], [child], [data, child]):
                script.send("s1", *watches)
                script.send("s1", request(op, "~/n", type=kind))
                script.send("s1", request(op, "~/n", type=kind))
                script.send("s1", request("removeWatches", "~/n", type=3))
    for mode in (0, 1):
        script.send("s2", request("addWatch", "~/n", mode=mode))
        script.send("s1", request("setData", "~/n"), request("create", f"~/n/{mode}"))
        script.send("s2", request("removeWatches", "~/n/0", type=3))
        script.send("s2", request("removeWatches", "~/n", type=3))
        script.send("s2", request("removeWatches", "~/n", type=3))
        script.send("s1", request("setData", "~/n"), request("delete", f"~/n/{mode}"))
    script.send("s1", data)
    script.send("s1", request("removeWatches", "~/n", type=2), request("setData", "~/n"))
    trace = same(pair, script)
    assert trace.errors("s1")[1:4] == [-5, OK, -5]
    assert trace.events("s1") == []
    assert trace.errors("s2") == [OK, -121, OK, -121] * 2
    assert trace.events("s2") == [(CHANGED, "~/n"), (CHILDREN, "~/n")] + [
        (CHANGED, "~/n"),
        (CREATED, "~/n/1"),
    ]


def test_cp_9_set_watches(pair, same):
    """CP-9.17 to CP-9.20: every list against every state of a node, null lists, short records."""
    script = Builder("set watches")
    script.open("s1", "s2")
    paths = ["~/same", "~/changed", "~/child", "~/again", "~/gone", "~/never"]
    script.each("s2", *[request("create", path) for path in paths[:5]])
    script.send("s1", request("sync", "/"))
    before = script.send("s2", request("exists", "~"))
    script.each(
        "s2",
        request("setData", "~/changed", data="x"),
        request("create", "~/child/c"),
        request("delete", "~/again"),
        request("create", "~/again"),
        request("delete", "~/gone"),
    )
    for zxid in (["after", before], "last", 0):
        for op in ("setWatches", "setWatches2"):
            script.reconnect("s1")
            lists = {"data": paths, "exist": paths, "child": paths}
            for name in lists:
                script.send("s1", request(op, zxid=zxid, xid=-8, **{name: paths}))
            script.send("s1", request(op, zxid=zxid, xid=5, **lists))
            script.send("s2", *[request("setData", path) for path in paths])
            script.send("s2", *[request("create", path + "/n") for path in paths])
            script.send("s2", *[request("delete", path + "/n") for path in paths])
    script.reconnect("s1")
    persistent = {"persistent": ["~/never", "~/same"], "recursive": ["~/child"]}
    script.send("s1", request("setWatches2", zxid=0, **persistent))
    script.send("s2", request("create", "~/never"), request("setData", "~/child/c"))
    script.send("s2", request("create", "~/same/x"), request("delete", "~/never"))
    script.send("s1", request("setWatches", zxid=0, data=["~/gone"], child=None))
    script.send("s1", request("setWatches2", zxid=0, data=["~/gone"], recursive=None))
    script.send("s1", request("setWatches", zxid=0, data=["~/gone"], cut=1))
    script.send("s1", request("setWatches", zxid=0, data=["nonsense", "", "~/a/"], exist=[""]))
    trace = same(pair, script)
    assert [error for error in trace.errors("s1") if error] == [-5, -5, -5]
    assert trace.events("s1")[:6] == [
        (CHANGED, "~/changed"),
        (CHANGED, "~/again"),
        (DELETED, "~/gone"),
        (DELETED, "~/never"),
        (CREATED, "~/same"),
        (CREATED, "~/changed"),
    ]
    assert (CREATED, "~/never") in trace.events("s1")


def test_cp_9_acl_filter(pair, same):
    """CP-9.21, CP-9.22: events of unreadable nodes are dropped, and one-shot watches with them."""
    script = Builder("event filter")
    script.open("bob", "s1", with_=[auth("bob:pw")])
    script.reconnect("s1")
    watches = [request("getData", "~/n", watch=1), request("getChildren", "~/n", watch=1)]
    script.each("bob", request("create", "~/n"), request("addWatch", "~", mode=1))
    for session in ("bob", "s1"):
        script.send(session, request("exists", "~/new", watch=1), *watches)
    script.send("s1", request("addWatch", "~/n/c", mode=0), request("addWatch", "~/n/d", mode=1))
    script.send("bob", request("create", "~/new", acl=[BOB]))
    script.send("bob", request("setACL", "~/n", acl=[BOB]))
    script.send("bob", request("setData", "~/n"), request("create", "~/n/c"))
    script.send("bob", request("create", "~/n/d", acl=[BOB, READ]))
    script.send("bob", request("setACL", "~/n", acl=[BOB, READ]))
    script.send("bob", request("setData", "~/n"), request("setData", "~/n/c"))
    script.send("s1", *watches)
    script.send("bob", request("setACL", "~/n/c", acl=[BOB]))
    script.send("bob", request("setData", "~/n/c"), request("delete", "~/n/c"))
    script.send("bob", request("setData", "~/n"))
    trace = same(pair, script)
    assert trace.events("s1") == [
        (CREATED, "~/n/c"),
        (CREATED, "~/n/d"),
        (CHANGED, "~/n/c"),
        (CHILDREN, "~/n"),
        (CHANGED, "~/n"),
    ]
    assert (CREATED, "~/new") in trace.events("bob")


def test_cp_9_multi_and_close(pair, same):
    """CP-9.23 to CP-9.25: events of a multi, of a closed session's ephemerals, of lost connections.
    """
    script = Builder("events of multi and close")
    script.open("s1", "s2", "s3")
    script.send("s2", request("addWatch", "~", mode=1), request("getChildren", "~", watch=1))
    script.send("s3", request("addWatch", "~/p", mode=0), request("exists", "~/p/a", watch=1))
    elements = [
        request("create", "~/p"),
        request("create", "~/p/a"),
        request("setData", "~/p", data="x"),
        request("delete", "~/p/a"),
        request("create", "~/p/e", flags=1),
    ]
    script.send("s1", request("multi", elements=elements), request("exists", "~/p"))
    script.send("s1", request("multi", elements=[*elements[2:3], request("delete", "~/no")]))
    script.send("s1", request("getData", "~/p/e", watch=1), request("closeSession"))
    script.open("s4")
    script.send("s4", *[request("create", f"~/p/e{n}", flags=1) for n in range(4)])
    script.send("s4", *[request("exists", f"~/p/e{n}", watch=1) for n in range(4)])
    script.send("s3", request("exists", "~/p/e2", watch=1))
    script.add("close", "s4")
    script.add("drop", "s2")
    script.send("s3", request("create", "~/late", flags=1))
    script.reconnect("s2")
    script.send("s3", request("setData", "~/late"), request("closeSession"))
    trace = same(pair, script)
    expected = [(CREATED, "~/p"), (CHILDREN, "~"), (CREATED, "~/p/a"), (CHANGED, "~/p")]
    assert trace.events("s2")[:4] == expected
    assert trace.events("s1") == [(DELETED, "~/p/e")]
    assert len(trace.events("s4")) == 4
    assert [event for event in trace.events("s2") if event[1] == "~/late"] == []


def test_cp_10_expiry(pair, same):
    """CP-10.1 to CP-10.3, CP-2.13: a session expires without and with a connection."""
    script = Builder("expiry")
    script.open("s1")
    for session in ("gone", "idle"):
        script.open(session, timeout=400)
        script.send("s1", request("create", f"~/{session}"), request("addWatch", "~", mode=1))
        script.send(session, request("create", f"~/{session}/e", flags=1))
        script.send("s1", request("getChildren", f"~/{session}", watch=1))
        if session == "gone":
            script.add("drop", session, zxids=1)
        else:
            script.add("settle", session, zxids=1)
        script.reconnect(session)
        script.send("s1", request("exists", f"~/{session}"))
    trace = same(pair, script)
    for session in ("gone", "idle"):
        assert (DELETED, f"~/{session}/e") in trace.events("s1")
        assert trace.entries(session)[-2]["session"] == "nobody"
    assert trace.ends("idle") == ["closed", "closed"]


def test_cp_10_pipelines(pair, same):
    """CP-10.4, CP-10.6, CP-10.7: one segment as if one by one, with closeSession at its end."""
    script = Builder("pipelines")
    script.open("s1", "s2")
    script.send("s2", request("addWatch", "~", mode=1))
    script.send(
        "s1",
        request("create", "~/n", data="0"),
        request("exists", "~/n", watch=1),
        request("setData", "~/n", data="1", version=0),
        request("ping"),
        request("getData", "~/n"),
        request("create", "~/n/c"),
        request("delete", "~/n"),
        request("delete", "~/n/c"),
        request("delete", "~/n", version=1),
        request("exists", "~/n"),
        request("create", "~/n", flags=2),
        request("create", "~/n", flags=2),
        request("getChildren2", "~"),
    )
    script.send("s1", *[request("setData", "~", data=str(n), version=n) for n in range(200)])
    script.send("s1", *[request("setData", "~", version=n) for n in (199, 200, 200, 201)])
    script.send("s2", *[request("create", "~/many-", flags=3) for _ in range(50)])
    script.send(
        "s2",
        request("create", "~/e", flags=1),
        request("delete", "~/e"),
        request("create", "~/f", flags=1),
        request("closeSession"),
    )
    script.send("s1", request("getChildren2", "~"))
    trace = same(pair, script)
    errors = trace.errors("s1")
    assert errors[:13] == [OK, OK, OK, OK, OK, OK, -111, OK, OK, -101, OK, OK, OK]
    assert errors[13:217] == [OK] * 200 + [-103, OK, -103, OK]
    assert trace.errors("s2")[-1] == OK and trace.ends("s2") == ["closed"]


def test_cp_11_authentication(pair, same):
    """CP-11.1 to CP-11.5, CP-4.8: identities, refused packets, effect within one segment, super."""
    script = Builder("authentication")
    script.open("s1", "s2")
    script.send("s1", request("create", "~/bob", acl=[BOB]), request("getData", "~/bob"))
    script.send("s1", auth("bob:pw"), request("getData", "~/bob"), request("whoAmI"))
    for credentials in ("bob:pw", "nocolon", "", ":", "a:b:c", "\xc3\xa9:x", "super:wrong"):
        script.send("s1", auth(credentials), request("whoAmI"))
        script.send("s1", request("create", "~/made", acl=[[31, "auth", ""]]))
        script.send("s1", request("getACL", "~/made"))
        script.send("s1", request("delete", "~/made"))
    script.send("s1", request("auth", scheme="ip", auth="anything", xid=9), request("whoAmI"))
    script.send("s2", auth("super:differential"), request("getData", "~/bob"), request("whoAmI"))
    refused = [
        request("auth", scheme=scheme, auth="x") for scheme in ("nowhere", "world", "super", None)
    ]
    refused += [request("auth", scheme=scheme, auth="x") for scheme in ("auth", "sasl", "x509", "")]
    refused += [
        request("auth", scheme="digest", auth=None),
        request("auth", scheme="digest", auth="bob:pw", cut=2),
    ]
    for packet in refused:
        script.send("s1", packet)
        script.reconnect("s1", with_=[request("whoAmI")])
    script.send("s1", request("sasl", token="x"))
    script.send("s1", request("sasl", token=None))
    trace = same(pair, script)
    assert trace.errors("s1")[1:4] == [-102, OK, OK]
    assert trace.errors("s2") == [OK, OK, OK]
    assert trace.errors("s1").count(-115) == 9
    assert trace.ends("s1") == ["closed"] * 11


def test_cp_13_edge_cases(pair, same):
    """CP-13.1, CP-13.2, CP-13.4: unknown types, short bodies of every operation, then work goes on.
    """
    script = Builder("edge cases")
    script.open("s1")
    for number in UNKNOWN_TYPES:
        script.send("s1", request("unknown", type=number))
        script.reconnect("s1", with_=[request("exists", "~")])
    reads = "exists getData getACL getChildren getChildren2 sync getEphemerals setWatches "
    reads += "setWatches2 addWatch checkWatches removeWatches getAllChildrenNumber multiRead"
    for op in reads.split():
        script.send("s1", request(op, body="0000"), request("exists", "~"))
    writes = "create create2 createContainer createTTL delete setData setACL multi reconfig"
    for op in writes.split():
        script.send("s1", request(op, undecodable=True, body="0000"))
        script.send("s1", request("create", f"~/{op}"))
    script.send("s1", request("ping", xid=99, extra="surplus"), request("whoAmI", extra="more"))
    script.send("s1", request("closeSession", extra="more"))
    trace = same(pair, script)
    assert trace.errors("s1")[: 2 * len(UNKNOWN_TYPES)] == [-6, OK] * len(UNKNOWN_TYPES)
    assert trace.errors("s1")[2 * len(UNKNOWN_TYPES) :][:28] == [-5, OK] * 14
    assert trace.errors("s1")[-21:-3] == [-5, OK] * 9


def test_cp_13_frames_in_pieces(pair, same):
    """CP-13.27: a frame in pieces, several in one segment, a connection lost inside a frame."""
    script = Builder("frames in pieces")
    script.open("s1", "s2")
    ping = frame(Writer().int(-2).int(Op.PING).encoded())
    exists = frame(Writer().int(7).int(Op.EXISTS).string("/zookeeper").bool(False).encoded())
    answers = {"closes": False, "replies": [[-2, Op.PING], [7, Op.EXISTS]]}
    script.raw("s1", ping + exists + ping[:6], partial=True, **answers)
    script.raw("s1", ping[6:9], partial=True, closes=False)
    script.raw("s1", ping[9:] + exists, **answers)
    script.raw("s1", exists[:3], partial=True, closes=False)
    script.add("drop", "s1", abort=False)
    script.reconnect("s1", with_=[request("create", "~/n", flags=1)])
    script.send("s2", request("exists", "~/n"))
    trace = same(pair, script)
    assert trace.errors("s1") == [OK] * 5 and trace.errors("s2") == [OK]
