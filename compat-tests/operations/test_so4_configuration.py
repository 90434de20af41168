"""SO-4: what a running server makes of its configuration: syntax, defaults, values, arguments."""

import pytest
from programs import BASE, WORDS, conf_of, refused, run_refused, with_arguments, with_text

from lib.marks import apache_differs
from lib.records import Err, Flags, Op, path_watch_request
from lib.servers import free_port, server_kind
from lib.waiting import wait_until
from lib.zkwire import ConnectionClosed, open_session

lockkeeper_only = pytest.mark.skipif(
    server_kind() != "lockkeeper", reason="what only Lockkeeper has or promises"
)
FAR = 10_000_000  # ms; longer than any limit on session timeouts here


@pytest.fixture
def serve(request):
    """`serve(text, name="zoo.cfg", data_dir=None)`: a started server with this configuration."""

    def start(text, name="zoo.cfg", data_dir=None):
        server = with_text(text, name, data_dir)
        request.addfinalizer(server.close)
        return server.start()

    return start


def session_limits(server) -> tuple:
    """The shortest and the longest session timeout that a handshake gives, in ms."""
    limits = []
    for wanted in (1, FAR):
        with open_session(server, timeout_ms=wanted) as session:
            limits.append(session.timeout_ms)
            session.close_session()
    return tuple(limits)


# --- SO-4.1: the syntax of properties files ---

SYNTAX = {
    "colon": "tickTime: 700\n",
    "blank": "tickTime 700\n",
    "tab": "tickTime\t700\n",
    "blanks_around_the_separator": " \t tickTime \t = \t 700\n",
    "trailing_blanks": "tickTime=700 \t\n",
    "comments": "# tickTime=1\n  ! tickTime=2\ntickTime=700\n#tickTime=3\n\n   \n",
    "backslash_in_a_comment_continues_nothing": "# a \\\ntickTime=700\n",
    "value_on_the_next_line": "tickTime=\\\n    700\n",
    "value_in_two_lines": "tickTime=7\\\n  \t 00\n",
    "key_in_two_lines": "tick\\\n   Time=700\n",
    "unicode_escape": "tick\\u0054ime=7\\u00300\n",
    "needless_backslash": "\\tickTime=1\ntickTim\\e=70\\0\n",
    "last_duplicate": "tickTime=1\ntickTime=900\ntickTime=700\n",
    "crlf": "tickTime=700\r\n",
    "cr_alone": "tickTime=700\rmaxClientCnxns=5\r",
    "no_newline_at_the_end": "tickTime=700",
    "latin_1_bytes": "b\xe4r=\xff\ntickTime=700\n",
    "separator_inside_the_value": "x=a=b:c d\ntickTime=700\n",
    "key_without_value": "lonely\ntickTime=700\n",
}


@pytest.mark.parametrize("text", SYNTAX.values(), ids=SYNTAX)
def test_so_4_1_properties_syntax_reaches_the_server(serve, text):
    server = serve(BASE + WORDS + text)
    assert conf_of(server)["tickTime"] == "700"
    assert session_limits(server) == (1400, 14000)


def test_so_4_1_backslashes_of_paths_vanish_and_escaped_blanks_stay(serve):
    """A Windows path loses its backslashes; `#` and `!` inside a value are ordinary."""
    server = serve(
        "dataDir={home}/a\\ b\\\\c\\z#!\\u0041\nclientPort={port}\nadmin.enableServer=false\n"
        + WORDS
    )
    expected = server.home / "a b\\cz#!A" / "version-2"
    assert conf_of(server)["dataDir"] == str(expected)
    assert expected.is_dir()


def test_so_4_1_a_malformed_unicode_escape_is_refused(tmp_path):
    end = refused(BASE + "a=\\u12\n", data_dir=tmp_path / "data")
    assert end.code == 2
    assert "Malformed \\uxxxx encoding." in end.said


# --- SO-4.2: unknown keys, properties with and without prefix ---


def test_so_4_2_unknown_keys_are_accepted(serve):
    server = serve(BASE + WORDS + "fooBar=1\nzookeeper.dataDir=/nowhere\nmultiAddress=x\n")
    assert conf_of(server)["dataDir"] == f"{server.data_dir}/version-2"


@lockkeeper_only
def test_so_4_2_unknown_keys_are_named_with_their_line_in_the_log(serve):
    log = serve(BASE + "fooBar=1\nzookeeper.dataDir=/nowhere\n").log_tail(1000)
    assert "fooBar (line 4): unknown key, it has no effect" in log
    assert "zookeeper.dataDir (line 5): unknown key, it has no effect" in log


def exists_of_frame_length(session, length: int):
    """The reply to a request whose frame has this length; surplus bytes are ignored (CP-1.6)."""
    body = path_watch_request("/", False)
    return session.request(Op.EXISTS, body + bytes(length - 8 - len(body)))


def assert_frame_limit(server, limit: int):
    with open_session(server) as session:
        assert exists_of_frame_length(session, limit).ok
        with pytest.raises(ConnectionClosed):
            exists_of_frame_length(session, limit + 1)


@pytest.mark.parametrize(
    "value, limit",
    [("4096", 4096), ("0x1000", 4096), ("#1000", 4096), ("010000", 4096), ("lots", 0xFFFFF)],
)
def test_so_4_4_jute_maxbuffer_is_the_frame_limit_whatever_its_spelling(make_server, value, limit):
    """Property integers: decimal, hexadecimal, octal; malformed ones are the default."""
    assert_frame_limit(make_server({"jute.maxbuffer": value}), limit)


@apache_differs("3.8 reads jute.maxbuffer only as a system property of Java, never from the file")
@pytest.mark.parametrize("key", ["jute.maxbuffer", "zookeeper.jute.maxbuffer"])
def test_so_4_2_jute_maxbuffer_may_stand_in_the_file(serve, key):
    assert_frame_limit(serve(BASE + f"{key}=4096\n"), 4096)


def test_so_4_2_the_frame_limit_without_configuration(serve):
    assert_frame_limit(serve(BASE), 0xFFFFF)


NO_RIGHTS = [(0, "world", "anyone")]


def acl_is_obeyed(server) -> bool:
    """Whether a node that grants nothing to anybody can be read."""
    with open_session(server) as session:
        assert session.create("/closed", acl=NO_RIGHTS).ok
        error = session.get("/closed").err
        session.close_session()
    assert error in (0, Err.NO_AUTH)
    return error == Err.NO_AUTH


@pytest.mark.parametrize(
    "line, obeyed", [("skipACL=yes", False), ("skipACL=true", True), ("skipACL=Yes", True)]
)
def test_so_4_4_yes_and_no_are_exact_words(serve, line, obeyed):
    assert acl_is_obeyed(serve(BASE + line + "\n")) == obeyed


@apache_differs("3.8 makes zookeeper.zookeeper.skipACL of it, which nothing reads")
def test_so_4_2_properties_may_have_their_prefix(serve):
    assert not acl_is_obeyed(serve(BASE + "zookeeper.skipACL=yes\n"))


def ttl_nodes_exist(server) -> bool:
    with open_session(server) as session:
        error = session.create_ttl("/ttl", 1000, flags=Flags.TTL).err
        session.close_session()
    assert error in (0, Err.UNIMPLEMENTED)
    return error == 0


@pytest.mark.parametrize(
    "value, on", [("true", True), ("TRUE", True), ("yes", False), ("1", False), ("", False)]
)
def test_so_4_4_property_booleans_know_only_true(serve, value, on):
    assert ttl_nodes_exist(serve(BASE + f"extendedTypesEnabled={value}\n")) == on


def test_so_4_4_malformed_property_integers_start_with_the_default(serve):
    """preAllocSize decides the size of the log file: 64 MiB behind the header."""
    server = serve(BASE + "preAllocSize=big\nsnapCount=many\nglobalOutstandingLimit=99999999999\n")
    with open_session(server) as session:
        session.close_session()
    log = server.data_dir / "version-2" / "log.1"
    assert log.stat().st_size == 67108880


def test_so_4_4_parser_booleans_may_have_any_case(serve):
    serve(BASE + "reconfigEnabled=FALSE\nstandaloneEnabled=True\nlocalSessionsEnabled=fAlse\n")


# --- SO-4.3: defaults ---


def test_so_4_3_without_any_times_a_tick_is_3000_ms(serve):
    server = serve(BASE + WORDS)
    conf = conf_of(server)
    assert (conf["tickTime"], conf["minSessionTimeout"]) == ("3000", "6000")
    assert (conf["maxSessionTimeout"], conf["maxClientCnxns"]) == ("60000", "60")
    assert session_limits(server) == (6000, 60000)


@pytest.mark.parametrize(
    "lines, limits",
    [
        ("tickTime=500\n", (1000, 10000)),
        ("tickTime=500\nminSessionTimeout=-1\nmaxSessionTimeout=-1\n", (1000, 10000)),
        ("tickTime=500\nminSessionTimeout=700\n", (700, 10000)),
        ("tickTime=500\nmaxSessionTimeout=77777\n", (1000, 77777)),
        ("tickTime=500\nminSessionTimeout=5000\nmaxSessionTimeout=5000\n", (5000, 5000)),
    ],
)
def test_so_4_3_session_limits_follow_the_tick_or_their_keys(serve, lines, limits):
    server = serve(BASE + WORDS + lines)
    conf = conf_of(server)
    assert (int(conf["minSessionTimeout"]), int(conf["maxSessionTimeout"])) == limits
    assert session_limits(server) == limits


# --- SO-4.6, SO-4.9, SO-4.11, SO-4.13: accepted with a message ---

ACCEPTED = {
    "one_server": (
        "server.1=127.0.0.1:2888:3888\n",
        "Invalid configuration, only one server specified (ignoring)",
    ),
    "snap_retain_count": (
        "autopurge.snapRetainCount=1\n",
        "Invalid autopurge.snapRetainCount: 1. Defaulting to 3",
    ),
    "peer_type": (
        "server.1=127.0.0.1:2888:3888\npeerType=observer\n",
        "Peer type from servers list (PARTICIPANT) doesn't match peerType (OBSERVER).",
    ),
}


@pytest.mark.parametrize("lines, message", ACCEPTED.values(), ids=ACCEPTED)
def test_so_4_6_accepted_with_a_warning(serve, lines, message):
    """SO-4.9, SO-4.13 too: it runs standalone, and says what it made of the line.

    peerType counts where there is a myid: only then is a line of the list our own.
    """
    server = with_text(BASE + lines)
    with_myid(server, "1\n")
    with server:
        assert b"\nMode: standalone\n" in server.four_letter("srvr")
        assert message in server.log_tail(1000)


@lockkeeper_only
def test_so_4_6_a_server_may_have_no_client_port():
    """It runs, says so, and ends in an orderly way."""
    server = with_text("dataDir={data}\nadmin.enableServer=false\n")
    try:
        server.launch()
        wait_until(lambda: "no client can connect" in server.log_tail(1000), "the warning")
        assert server.running
        assert server.stop() == 0
    finally:
        server.close()


def test_so_4_9_the_port_may_come_from_the_server_line():
    """With a myid, the client part of this server's line is the address that is served."""
    text = "dataDir={data}\nserver.5=127.0.0.1:2888:3888;127.0.0.1:{port}\n"
    server = with_text(text + "admin.enableServer=false\n" + WORDS)
    with_myid(server, "5\n")
    with server:
        conf = conf_of(server)
        assert (conf["clientPort"], conf["serverId"]) == (str(server.port), "0")


def test_so_4_11_no_configuration_file_is_written(serve):
    """The file stays as it is, comments included, and nothing appears beside it."""
    text = "# kept\nserver.1=127.0.0.1:2888:3888\nreconfigEnabled=false\n"
    server = serve(BASE + text)
    with open_session(server) as session:
        session.close_session()
    server.stop()
    assert server.config_path.read_text(encoding="ascii").endswith(text)
    assert [path.name for path in server.home.glob("zoo.cfg*")] == ["zoo.cfg"]


# --- SO-4.7: myid ---


def with_myid(server, content: str):
    """Writes the file myid of a server that is not started yet."""
    (server.data_dir / "myid").write_text(content, encoding="ascii", newline="")


@pytest.mark.parametrize("content", ["1\n", "1", "7\nsecond line\n", "-3\n", "300\r\n", "+2\n"])
def test_so_4_7_the_first_line_of_myid_is_a_number(content):
    """Standalone servers check it but report id 0."""
    server = with_text(BASE + WORDS)
    with_myid(server, content)
    with server:
        assert conf_of(server)["serverId"] == "0"


@pytest.mark.parametrize("content", ["one\n", "1 \n", " 1\n", "\n1\n", "0x1\n", "1.0\n"])
def test_so_4_7_other_myids_are_refused_also_standalone(content):
    server = with_text(BASE)
    with_myid(server, content)
    try:
        end = run_refused(server)
        first_line = content.split("\n")[0]
        assert end.code == 2
        assert f"serverid {first_line} is not a number" in end.said
        if server_kind() == "lockkeeper":
            assert f"{server.data_dir}/myid: " in end.stderr
        assert not (server.data_dir / "version-2").exists()
    finally:
        server.close()


# --- SO-4.12: arguments ---


def test_so_4_12_port_and_directory(tmp_path):
    port = free_port()
    with with_arguments([str(port), str(tmp_path / "data")], port=port) as server:
        assert session_limits(server) == (6000, 60000)
        assert (tmp_path / "data" / "version-2").is_dir()
        assert b"is not executed" in server.four_letter("conf")


def test_so_4_12_third_argument_is_the_tick(tmp_path):
    port = free_port()
    with with_arguments([str(port), str(tmp_path), "500"], port=port) as server:
        assert session_limits(server) == (1000, 10000)


def test_so_4_12_fourth_argument_limits_connections(tmp_path):
    """One connection for each address: a second is closed, and served when the first has gone."""
    port = free_port()
    with with_arguments([str(port), str(tmp_path), "2000", "1"], port=port) as server:
        first = wait_until(lambda: session_or_none(server), "the only connection is free again")
        assert session_or_none(server) is None
        first.close_session()
        first.close()
        wait_until(lambda: session_or_none(server), "the next one is served").close()


def session_or_none(server):
    """A session, None when the server closes the connection at once."""
    try:
        return open_session(server)
    except (ConnectionClosed, OSError):
        return None


BAD_ARGUMENTS = {
    "none": [],
    "five": ["2181", "/nowhere", "2000", "10", "5"],
    "port_that_is_no_number": ["abc", "/nowhere"],
    "port_out_of_range": ["99999", "/nowhere"],
    "tick_that_is_no_number": ["2181", "/nowhere", "soon"],
    "limit_that_is_no_number": ["2181", "/nowhere", "2000", "few"],
}


@pytest.mark.parametrize("arguments", BAD_ARGUMENTS.values(), ids=BAD_ARGUMENTS)
def test_so_4_12_bad_arguments_exit_with_2_and_the_usage(arguments):
    server = with_arguments(arguments)
    try:
        end = run_refused(server)
    finally:
        server.close()
    assert end.code == 2
    assert " configfile | port datadir [ticktime] [maxcnxns]" in end.said
    assert "Usage: " in end.stderr


# --- YAML: Lockkeeper's other syntax for the same keys ---

IN_PROPERTIES = BASE + (
    "tickTime=700\nmaxSessionTimeout=9000\nmaxClientCnxns=11\nclientPortListenBacklog=17\n"
    "4lw.commands.whitelist=srvr, conf\npreAllocSize=64\nskipACL=yes\nextendedTypesEnabled=true\n"
)
IN_YAML = {
    "flat": """\
# the same, flat
dataDir: {data}
clientPort: {port}
admin.enableServer: false
tickTime: 700
maxSessionTimeout: 9000
maxClientCnxns: 11
clientPortListenBacklog: 17
4lw.commands.whitelist: [srvr, conf]
preAllocSize: 64
skipACL: "yes"
extendedTypesEnabled: true
""",
    "nested": """\
dataDir: "{data}"
clientPort: {port}
admin: {enableServer: false}
tickTime: 700
maxSessionTimeout: 9000
maxClientCnxns: 11
clientPortListenBacklog: 17
4lw:
  commands:
    whitelist:
      - srvr
      - conf
zookeeper:
  preAllocSize: 64
  skipACL: yes
  extendedTypesEnabled: true
""",
}


def behaviour(server) -> dict:
    """What can be seen of the keys above, without what differs from server to server."""
    seen = {key: value for key, value in conf_of(server).items() if "dir" not in key.lower()}
    del seen["clientPort"]
    del seen["dataLogSize"]  # with the first checkpoint or without
    seen["limits"] = session_limits(server)
    seen["acl"] = acl_is_obeyed(server)
    seen["ttl"] = ttl_nodes_exist(server)
    seen["ruok"] = server.four_letter("ruok")
    log = server.data_dir / "version-2" / "log.1"
    seen["log"] = log.stat().st_size
    return seen


@lockkeeper_only
@pytest.mark.parametrize("suffix", ["yaml", "yml"])
@pytest.mark.parametrize("text", IN_YAML.values(), ids=IN_YAML)
def test_so_4_1_a_yaml_file_is_obeyed_as_zoo_cfg_is(serve, text, suffix):
    from_properties = behaviour(serve(IN_PROPERTIES))
    assert from_properties["limits"] == (1400, 9000)
    assert from_properties["maxClientCnxns"] == "11"
    assert not from_properties["acl"] and from_properties["ttl"]
    assert from_properties["log"] < 1 << 20
    assert behaviour(serve(text, f"lockkeeper.{suffix}")) == from_properties


@lockkeeper_only
@pytest.mark.parametrize(
    "text, place",
    [
        ("dataDir: /d\nclientPort: abc\n", ':2: clientPort=abc: For input string: "abc"'),
        ("dataDir: /d\n- x\n", ": line 2: "),
        ("dataDir: /d\ntickTime: [1\n", ": line "),
        ("clientPort: 2181\n", ": dataDir is not set"),
    ],
)
def test_so_4_5_a_bad_yaml_file_is_refused_with_file_and_line(text, place):
    end = refused(text, "lockkeeper.yaml")
    assert end.code == 2
    assert end.config_path + place in end.stderr
