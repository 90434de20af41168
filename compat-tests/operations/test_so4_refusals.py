"""SO-4.5: configurations that must not start: exit code, reason, and the place for an operator.

Apache ZooKeeper gives the reason only. Lockkeeper writes file, line, key and value in front of it,
on stderr.
"""

import socket

import pytest
from programs import BASE, refused, run_refused, with_arguments, with_text

from lib.servers import server_kind

LOCKKEEPER = server_kind() == "lockkeeper"
lockkeeper_only = pytest.mark.skipif(not LOCKKEEPER, reason="what only Lockkeeper promises")

# BASE has three lines: what is added begins with line 4. A case is
#   name: (added lines, the place that Lockkeeper names, what both say)
# A place of None: the whole file is meant.
VALUES = {
    "tick_of_zero": ("tickTime=0", "4: tickTime=0", "tickTime is not set"),
    "tick_with_a_unit": ("tickTime=2s", "4: tickTime=2s", 'For input string: "2s"'),
    "strict_integers_are_decimal": (
        "maxClientCnxns=0x10",
        "4: maxClientCnxns=0x10",
        'For input string: "0x10"',
    ),
    "integer_out_of_range": (
        "a=b\ntickTime=99999999999",
        "5: tickTime=99999999999",
        'For input string: "99999999999"',
    ),
    "port_that_is_no_number": ("clientPort=abc", "4: clientPort=abc", 'For input string: "abc"'),
    "empty_port": ("clientPort=", "4: clientPort=", 'For input string: ""'),
    "port_out_of_range": ("clientPort=99999", "4: clientPort=99999", "port out of range:99999"),
    "negative_port": ("clientPort=-1", "4: clientPort=-1", "port out of range:-1"),
    "session_limits_swapped": (
        "minSessionTimeout=9000\nmaxSessionTimeout=8000",
        "4: minSessionTimeout=9000",
        "minSessionTimeout must not be larger than maxSessionTimeout",
    ),
    "session_limit_below_the_default_minimum": (
        "maxSessionTimeout=5000",
        "4: maxSessionTimeout=5000",
        "minSessionTimeout must not be larger than maxSessionTimeout",
    ),
    "address_without_port": (
        "clientPort=0\nclientPortAddress=127.0.0.1",
        "5: clientPortAddress=127.0.0.1",
        "clientPortAddress is set but clientPort is not set",
    ),
    "secure_address_without_port": (
        "secureClientPortAddress=127.0.0.1",
        "4: secureClientPortAddress=127.0.0.1",
        "secureClientPortAddress is set but secureClientPort is not set",
    ),
    "address_that_does_not_resolve": (
        "clientPortAddress=no-such-host.invalid",
        "4: clientPortAddress=no-such-host.invalid",
        "no-such-host.invalid: ",
    ),
    "strict_boolean": (
        "standaloneEnabled=yes",
        "4: standaloneEnabled=yes",
        "Invalid option yes for standaloneEnabled. Choose 'true' or 'false.'",
    ),
    "strict_boolean_with_a_number": (
        "reconfigEnabled=1",
        "4: reconfigEnabled=1",
        "Invalid option 1 for reconfigEnabled. Choose 'true' or 'false.'",
    ),
    "metrics_provider": (
        "metricsProvider.className=no.such.Provider",
        "4: metricsProvider.className=no.such.Provider",
        "metrics provider class was not found",
    ),
    "enforced_authentication_without_schemes": (
        "enforce.auth.enabled=true",
        "4: enforce.auth.enabled=true",
        "zookeeper.enforce.auth.schemes must be  configured.",
    ),
    "enforced_scheme_that_does_not_exist": (
        "enforce.auth.enabled=true\nenforce.auth.schemes=digest,foo",
        "5: enforce.auth.schemes=digest,foo",
        "Authentication scheme foo is not available.",
    ),
}

TWO_SERVERS = "server.1=a:1:2\nserver.2=b:1:2"
MEMBERSHIP = {
    "election_algorithm": (
        "electionAlg=1",
        "4: electionAlg=1",
        "Invalid electionAlg value. Only 3 is supported.",
    ),
    "peer_type": ("peerType=boss", "4: peerType=boss", "Unrecognised peertype: boss"),
    "malformed_server": (
        "server.1=host",
        "4: server.1=host",
        "does not have the form server_config or server_config;client_config",
    ),
    "server_id": ("server.X=h:1:2", "4: server.X=h:1:2", 'For input string: "X"'),
    "one_port_for_two_purposes": (
        "server.1=h:1:1",
        "4: server.1=h:1:1",
        "Client and election port must be different! Please update the configuration file on "
        "server.1",
    ),
    "several_addresses": (
        "server.1=h1:1:2|h2:1:2",
        "4: server.1=h1:1:2|h2:1:2",
        "Multiple address feature is disabled, but multiple addresses were specified for sid 1",
    ),
    "no_init_limit": (TWO_SERVERS, None, "initLimit is not set"),
    "no_sync_limit": (TWO_SERVERS + "\ninitLimit=5", None, "syncLimit is not set"),
    "no_myid": (TWO_SERVERS + "\ninitLimit=5\nsyncLimit=2", None, "myid file is missing"),
    "no_participant": (
        "standaloneEnabled=false",
        "4: standaloneEnabled=false",
        "standaloneEnabled = false then number of participants should be >0",
    ),
    "only_observers": (
        "server.1=a:1:2:observer",
        "4: server.1=a:1:2:observer",
        "Observers w/o participants is an invalid configuration",
    ),
    "one_participant_with_observers": (
        "server.1=a:1:2\nserver.2=b:1:2:observer",
        "4: server.1=a:1:2",
        "Observers w/o quorum is an invalid configuration",
    ),
    "participant_without_group": (
        TWO_SERVERS + "\ngroup.1=1",
        None,
        "Server 2is not in a group",
    ),
    "participant_in_two_groups": (
        "server.1=a:1:2\ngroup.1=1\ngroup.2=1",
        "6: group.2=1",
        "Server 1is in multiple groups",
    ),
    "learner_sasl_without_sasl": (
        "quorum.auth.learnerRequireSasl=true",
        "4: quorum.auth.learnerRequireSasl=true",
        "quorum.auth.enableSasl is disabled, so cannot enable quorum.auth.learnerRequireSasl",
    ),
    "server_sasl_without_learner_sasl": (
        "quorum.auth.enableSasl=true\nquorum.auth.serverRequireSasl=true",
        "5: quorum.auth.serverRequireSasl=true",
        "quorum.auth.learnerRequireSasl is disabled, so cannot enable "
        "quorum.auth.serverRequireSasl",
    ),
    "server_list_beside_a_dynamic_file": (
        "server.1=a:1:2\ndynamicConfigFile=/x",
        "4: server.1=a:1:2",
        "parameter: server.1 must be in a separate dynamic config file",
    ),
}


def assert_refused(end, code, place, reason):
    """`place` counts for Lockkeeper only."""
    assert end.code == code, end.said
    assert reason in end.said
    if LOCKKEEPER:
        where = end.config_path + (f":{place}" if place else "")
        assert f"{where}: " in end.stderr
        errors = [line for line in end.stderr.splitlines() if where in line]
        assert len(errors) == 1 and reason in errors[0]


def assert_nothing_is_created(data):
    """Apache has made an empty version-2 by the time it looks at enforce.auth."""
    assert not [path for path in data.rglob("*") if LOCKKEEPER or path.is_file()]


@pytest.mark.parametrize("lines, place, reason", VALUES.values(), ids=VALUES)
def test_so_4_5_bad_values_exit_with_2(tmp_path, lines, place, reason):
    assert_refused(refused(BASE + lines + "\n", data_dir=tmp_path), 2, place, reason)
    assert_nothing_is_created(tmp_path)


@pytest.mark.parametrize("lines, place, reason", MEMBERSHIP.values(), ids=MEMBERSHIP)
def test_so_4_5_bad_memberships_exit_with_2(tmp_path, lines, place, reason):
    """SO-4.8 too. Nothing is created."""
    assert_refused(refused(BASE + lines + "\n", data_dir=tmp_path), 2, place, reason)
    assert_nothing_is_created(tmp_path)


def test_so_4_5_an_unknown_digest_algorithm_exits_with_1():
    line = "DigestAuthenticationProvider.digestAlg=FOO"
    reason = "don't support this ACL digest algorithm: FOO in the current environment"
    assert_refused(refused(BASE + line + "\n"), 1, f"4: {line}", reason)


def test_so_4_5_without_a_data_directory():
    end = refused("clientPort={port}\n")
    assert end.code == 2
    assert "dataDir is not set" in end.said


def test_so_4_5_a_missing_file_is_named():
    """SO-4.12."""
    server = with_arguments(["/no/such/zoo.cfg"])
    try:
        end = run_refused(server)
    finally:
        server.close()
    assert end.code == 2
    assert "/no/such/zoo.cfg file is missing" in end.said


def test_so_4_5_the_first_wrong_line_is_named():
    end = refused(BASE + "tickTime=x\nmaxClientCnxns=y\n")
    assert end.code == 2
    if LOCKKEEPER:
        assert f'{end.config_path}:4: tickTime=x: For input string: "x"' in end.stderr


# --- dynamic configuration files ---


def refused_with_dynamic_file(content):
    """The end of a start, and the path of the dynamic file; None: there is no such file."""
    server = with_text(BASE + "dynamicConfigFile={home}/members\n")
    try:
        path = server.home / "members"
        if content is not None:
            path.write_text(content, encoding="ascii")
        return run_refused(server), str(path)
    finally:
        server.close()


def test_so_4_5_a_missing_dynamic_file_exits_with_2():
    end, path = refused_with_dynamic_file(None)
    assert end.code == 2
    assert path in end.said
    assert "No such file or directory" in end.said


@pytest.mark.parametrize(
    "content, place, reason",
    [
        ("server.1=a:1:2\nversion=1\n", ":2: version=1", "dynamic file shouldn't have version"),
        ("server.1=a:1:2\ntickTime=1\n", ":2: tickTime=1", "Unrecognised parameter: tickTime"),
        ("server.1=a\n", ":1: server.1=a", "does not have the form server_config"),
    ],
)
def test_so_4_5_bad_dynamic_files_exit_with_2(content, place, reason):
    end, path = refused_with_dynamic_file(content)
    assert end.code == 2
    assert reason in end.said
    if LOCKKEEPER:
        assert path + place in end.stderr


# --- what Lockkeeper cannot do yet is never silently left out ---

_AUTH = "org.apache.zookeeper.server.auth."
_PROMETHEUS = "org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider"
NOT_YET = [
    ("secureClientPort=2281", "TLS is not available yet"),
    ("client.portUnification=true", "TLS is not available yet"),
    ("sessionRequireClientSASLAuth=true", "SASL is not available yet"),
    ("java.security.auth.login.config=/jaas", "SASL is not available yet"),
    (f"authProvider.1={_AUTH}SASLAuthenticationProvider", "SASL is not available yet"),
    (f"authProvider.x509={_AUTH}X509AuthenticationProvider", "TLS is not available yet"),
    ("authProvider.1=com.example.Mine", "unknown class"),
    ("audit.enable=true", "the audit log is not available yet"),
    ("request_throttle_max_requests=10", "the request throttle is not available yet"),
    ("largeRequestThreshold=0x400", "the limit on large requests is not available yet"),
    ("connection_throttle_tokens=5", "the connection throttle is not available yet"),
    (f"metricsProvider.className={_PROMETHEUS}", "the Prometheus provider is not available yet"),
]


@lockkeeper_only
@pytest.mark.parametrize("line, reason", NOT_YET)
def test_so_4_5_what_is_not_available_yet_is_refused_by_name(line, reason):
    assert_refused(refused(BASE + line + "\n"), 2, f"4: {line}", reason)


@lockkeeper_only
@pytest.mark.parametrize(
    "lines, myid, place, reason",
    [
        (TWO_SERVERS, "3", "6: server.1=a:1:2", "3 in the file myid, is not in the list"),
        (TWO_SERVERS + "\nsslQuorum=true", "1", "8: sslQuorum=true", "not available yet"),
        (TWO_SERVERS + "\ngroup.1=1:2", "1", "6: server.1=a:1:2", "weights are not available yet"),
    ],
)
def test_so_4_7_an_ensemble_that_cannot_be_is_refused(lines, myid, place, reason):
    """A number that nobody has, and what the other servers would understand otherwise."""
    server = with_text(BASE + "initLimit=5\nsyncLimit=2\n" + lines + "\n")
    try:
        (server.data_dir / "myid").write_text(myid + "\n", encoding="ascii")
        end = run_refused(server)
    finally:
        server.close()
    assert_refused(end, 2, place, reason)


# --- SO-12.1: ports and addresses ---


@pytest.mark.parametrize("address", ["127.0.0.1", None])
def test_so_12_1_a_port_in_use_exits_with_1(address):
    """It is named, and the data directory is free for the next start."""
    server = with_text(BASE + (f"clientPortAddress={address}\n" if address else ""))
    try:
        with socket.create_server(("127.0.0.1", server.port)):
            end = run_refused(server)
        assert end.code == 1, end.said
        assert "Address already in use" in end.said
        if LOCKKEEPER:
            assert str(server.port) in end.stderr
        server.start()
    finally:
        server.close()


def test_so_12_1_an_address_of_another_machine_exits_with_1():
    """192.0.2.0/24 is reserved for documentation."""
    end = refused(BASE + "clientPortAddress=192.0.2.1\n")
    assert end.code == 1, end.said
    assert "Cannot assign requested address" in end.said


@lockkeeper_only
def test_so_4_6_the_admin_server_is_missed_with_a_warning_only():
    """Its port is taken, too; SO-6.9 (exit 4) comes with the AdminServer."""
    with socket.create_server(("", 0)) as taken:
        text = "dataDir={data}\nclientPort={port}\nadmin.enableServer=true\n"
        port = taken.getsockname()[1]
        with with_text(text + f"admin.serverPort={port}\n") as server:
            assert "the AdminServer (HTTP) is not available yet" in server.log_tail(1000)
