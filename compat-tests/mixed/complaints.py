"""What the members of a mixed ensemble wrote into their logs that they should not have had to.

An Apache server may warn, fail or stop because of its own configuration, of clients, or of a test that kills servers; not
because of what we send. Errors count, and where COMPAT_LONG is set every line of WARN and every stack trace, but for
ALLOWED: those are lines that ensembles of Apache alone write in the same tests (COMPAT_SERVER=apache runs them). Which
warnings about connections come depends on the machine's speed.
"""

import os
import re

from lib.servers import ApacheServer, ServerProcess

_RECORD = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ", re.M)
_ERROR = r"\A[^\n]{0,120}?\b(ERROR|FATAL)\b|[dD]igest mismatch|Digests are not matching|Severe unrecoverable"
_WARNING = r"|\A[^\n]{0,120}?\bWARN\b|^\S*(Exception|Error)\b|^\s+at \S+\("
_SERIOUS = re.compile(_ERROR + (_WARNING if os.environ.get("COMPAT_LONG") else ""), re.M)
_OURS_SERIOUS = re.compile(r"^[EF]\d{8} ")

_DIGEST = re.compile(r"digest mismatch|Digests are not matching")

# (pattern of the first line of a record, reason)
ALLOWED = [
    (r"Could not register connection\njavax.management.InstanceAlreadyExists", "a session has moved away and back"),
    (r"maxCnxns is not configured, using default value 0", "no such key in these configurations"),
    (r"Cannot open channel to \d+ at election address", "a member starts before another"),
    (r"Got zxid 0x\w+ expected 0x1$", "the first proposal of a follower that has just begun to follow"),
    (r"Got zxid 0x\w+0000001 expected 0x\w+$", "the first proposal of an epoch"),
    (r"Unexpected exception\nEndOfStreamException: Unable to read additional data from client", "a client has gone"),
    (r"Connection broken for id \d+, my id = \d+", "two members dialled each other, or one was killed"),
    (r"Interrupting SendWorker thread from RecvWorker", "two members dialled each other, or one was killed"),
    (r"Interrupted while waiting for message on queue", "two members dialled each other, or one was killed"),
    (r"Send worker leaving thread id \d+", "two members dialled each other, or one was killed"),
    (r"Exception when using channel: for id", "two members dialled each other, or one was killed"),
    (r"Failed to send last message. Shutting down thread", "two members dialled each other, or one was killed"),
    (r"Exception reading or writing challenge\njava.io.EOFException", "a dial was given up before its first byte"),
    (r"Quota exceeded: /quota/(soft|hard) ", "a test exceeds them"),
    (r"Unhandled scenario for peer sid: \d+ maxCommittedLog", "how a leader says that it sends a snapshot"),
    (r"Truncating log to get in sync with the leader", "a test wants that"),
    (r"Incorrect password from ", "a test tries a wrong one"),
    (r"Timeout while waiting for epoch from quorum", "a leader whose port opens only after its followers have given up"),
    (r"Unexpected exception, tries=\d, .* connecting to ", "a follower is quicker than its leader"),
]

# Only where a test ends servers or connections.
ALLOWED_WHEN_SERVERS_DIE = [
    (r"Error sending data synchronously", "a client was cut off while it was answered"),
    (
        r"Severe unrecoverable error, from thread : SyncThread:\d+\njava.lang.NullPointerException: .*learner.sock",
        "the leader went while a follower acknowledged: SendAckRequestProcessor looks at a socket that is gone",
    ),
    (
        r"Severe unrecoverable error, from thread : FollowerRequestProcessor:\d+\njava.net.SocketException: Socket closed",
        "the leader went while a follower forwarded a request",
    ),
    (r"Exception when following the leader", "the leader was killed"),
    (r"PeerState set to LOOKING", "the leader was killed"),
    (r"Unexpected exception in LearnerHandler: *\njava.(io.EOFException|net.SocketException)", "a learner was killed"),
    (r"Closing connection to leader, exception during packet send", "the leader was killed"),
    (r"Exception while sending packets in LearnerHandler", "a learner was killed"),
    (r"GOODBYE /", "a learner was killed"),
    (r"Close of session 0x\w+\njava.(io.IOException: ZooKeeperServer not running|net.SocketException)", "no leader"),
    (r"Cannot send TRUNC to peer sid: \d+ peer zxid is from different epoch", "a learner with a history of its own"),
    (r"Unhandled scenario for peer sid: \d+ fall back to use snapshot", "a learner with a history of its own"),
]


def records(text: str) -> list:
    """The records of an Apache log, each with its stack trace."""
    starts = [match.start() for match in _RECORD.finditer(text)] + [len(text)]
    return [text[begin:end] for begin, end in zip(starts, starts[1:])]


def of_server(server: ServerProcess, servers_die: bool) -> list:
    """The records that nothing allows."""
    text = server.log_path.read_text("utf-8", "replace") if server.log_path.exists() else ""
    if not isinstance(server, ApacheServer):
        return [line for line in text.splitlines() if _OURS_SERIOUS.match(line)]
    allowed = ALLOWED + (ALLOWED_WHEN_SERVERS_DIE if servers_die else [])
    patterns = [re.compile(pattern, re.M) for pattern, _ in allowed]
    serious = [record for record in records(text) if _SERIOUS.search(record)]
    return [record for record in serious if not any(pattern.search(record) for pattern in patterns)]


def signature(record: str) -> tuple:
    """What two records of one kind share, whichever release wrote them: the first words of the message, and the
    exception's class.
    """
    lines = record.splitlines()
    if _DIGEST.search(lines[0]):
        return ("digest mismatch", "")
    message = re.split(r"\] - | - ", lines[0], maxsplit=1)[-1]
    words = re.match(r"[A-Za-z ,']*", message).group().strip()
    exception = re.match(r"[\w.$]*", lines[1]).group() if len(lines) > 1 else ""
    return (words, exception)


def expect_none(ensemble, servers_die: bool = False, like=None) -> None:
    """Fails with the first complaints of every member; the processes must still run. What a member of `like`, an
    ensemble of Apache alone in which the same was done, complains about is allowed.
    """
    pure = like.members.values() if like else ()
    known = {signature(record) for server in pure for record in of_server(server, servers_die)}
    found = []
    for number, server in ensemble.members.items():
        name = f"server {number} ({type(server).__name__})"
        if not server.running:
            found.append(f"{name} has ended\n{server.log_tail(15)}")
        by_signature = {signature(record): record for record in of_server(server, servers_die)}
        unknown = [record for kind, record in by_signature.items() if kind not in known]
        found += [f"{name}: {_shortened(record)}" for record in unknown]
    assert not found, "\n".join(found)


def _shortened(record: str) -> str:
    return "\n".join(record.splitlines()[:8])
