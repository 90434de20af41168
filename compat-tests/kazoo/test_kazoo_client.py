"""kazoo's client interface: znodes, versions, sequences, asynchronous calls, transactions, retries.

Names say what kazoo's users rely on; the docstrings name the checklist lines of the protocol that carry it.
"""

import pytest
from kazoo.exceptions import (
    BadArgumentsError,
    BadVersionError,
    NoChildrenForEphemeralsError,
    NodeExistsError,
    NoNodeError,
    NotEmptyError,
    RolledBackError,
    RuntimeInconsistency,
)
from kazoo.protocol.states import KazooState, KeeperState
from kazoo.retry import KazooRetry, RetryFailedError


def test_start_connects_and_reports_it(zk):
    """CP-2.1."""
    assert zk.connected
    assert zk.state == KazooState.CONNECTED
    assert zk.client_state == KeeperState.CONNECTED
    session_id, passwd = zk.client_id
    assert session_id != 0
    assert len(passwd) == 16


def test_create_then_get_returns_value_and_stat(zk, root):
    """CP-4.1, CP-7.9."""
    assert zk.create(f"{root}/a", b"value") == f"{root}/a"
    data, stat = zk.get(f"{root}/a")
    assert data == b"value"
    assert (stat.version, stat.data_length, stat.numChildren, stat.ephemeralOwner) == (0, 5, 0, 0)
    assert stat.czxid == stat.mzxid == stat.pzxid > 0


def test_create_of_an_existing_node_is_refused(zk, root):
    """CP-7.1."""
    zk.create(f"{root}/a")
    with pytest.raises(NodeExistsError):
        zk.create(f"{root}/a")


def test_create_under_a_missing_parent_is_refused(zk, root):
    """CP-7.1."""
    with pytest.raises(NoNodeError):
        zk.create(f"{root}/missing/a")


def test_create_with_makepath_creates_the_parents(zk, root):
    """CP-7.1: kazoo reacts to the missing parent."""
    assert zk.create(f"{root}/x/y/z", b"deep", makepath=True) == f"{root}/x/y/z"
    assert zk.get(f"{root}/x/y/z")[0] == b"deep"
    assert zk.get_children(f"{root}/x") == ["y"]


def test_create_with_data_includes_the_stat(zk, root):
    """CP-4.1: create2."""
    path, stat = zk.create(f"{root}/a", b"abc", include_data=True)
    assert path == f"{root}/a"
    assert stat == zk.exists(f"{root}/a")


def test_sequence_nodes_are_numbered_by_the_parents_creations(zk, root):
    """CP-5.2, CP-5.3."""
    assert zk.create(f"{root}/s-", sequence=True) == f"{root}/s-0000000000"
    zk.create(f"{root}/other")
    zk.delete(f"{root}/other")
    assert zk.create(f"{root}/s-", sequence=True) == f"{root}/s-0000000002"
    assert zk.create(f"{root}/e-", sequence=True, ephemeral=True) == f"{root}/e-0000000003"


def test_ephemeral_node_goes_with_its_client(connect, zk, root):
    """CP-5.14, CP-10.4."""
    owner = connect()
    owner.create(f"{root}/e", b"", ephemeral=True)
    assert zk.exists(f"{root}/e").ephemeralOwner == owner.client_id[0]
    owner.stop()
    assert zk.exists(f"{root}/e") is None


def test_ephemeral_nodes_have_no_children(zk, root):
    """CP-5.13."""
    zk.create(f"{root}/e", ephemeral=True)
    with pytest.raises(NoChildrenForEphemeralsError):
        zk.create(f"{root}/e/child")


def test_ensure_path_is_idempotent(zk, root):
    """CP-4.2, CP-7.1."""
    zk.ensure_path(f"{root}/a/b/c")
    zk.ensure_path(f"{root}/a/b/c")
    assert zk.exists(f"{root}/a/b/c").version == 0


def test_exists_of_a_missing_node_is_none(zk, root):
    """CP-4.2."""
    assert zk.exists(f"{root}/missing") is None


def test_get_of_a_missing_node_raises(zk, root):
    """CP-7.1."""
    with pytest.raises(NoNodeError):
        zk.get(f"{root}/missing")
    with pytest.raises(NoNodeError):
        zk.get_children(f"{root}/missing")


def test_set_raises_the_version(zk, root):
    """CP-7.11."""
    zk.create(f"{root}/a", b"one")
    stat = zk.set(f"{root}/a", b"two")
    assert stat.version == 1
    assert stat.mzxid > stat.czxid
    assert zk.get(f"{root}/a") == (b"two", stat)


def test_set_with_a_stale_version_is_refused(zk, root):
    """CP-7.3, CP-7.5."""
    zk.create(f"{root}/a", b"one")
    zk.set(f"{root}/a", b"two", version=0)
    with pytest.raises(BadVersionError):
        zk.set(f"{root}/a", b"three", version=0)
    assert zk.get(f"{root}/a")[0] == b"two"


def test_set_of_a_missing_node_is_refused(zk, root):
    """CP-7.3."""
    with pytest.raises(NoNodeError):
        zk.set(f"{root}/missing", b"x")


def test_delete_checks_the_version(zk, root):
    """CP-7.2."""
    zk.create(f"{root}/a")
    with pytest.raises(BadVersionError):
        zk.delete(f"{root}/a", version=3)
    zk.delete(f"{root}/a", version=0)
    with pytest.raises(NoNodeError):
        zk.delete(f"{root}/a")


def test_delete_refuses_a_node_with_children(zk, root):
    """CP-7.2."""
    zk.ensure_path(f"{root}/a/b")
    with pytest.raises(NotEmptyError):
        zk.delete(f"{root}/a")


def test_delete_recursive_removes_the_subtree(zk, root):
    """CP-7.2."""
    for leaf in ("a/b/c", "a/b/d", "a/e"):
        zk.ensure_path(f"{root}/{leaf}")
    zk.delete(f"{root}/a", recursive=True)
    assert zk.get_children(root) == []
    assert zk.delete(f"{root}/never-there", recursive=True) is True


def test_get_children_lists_names(zk, root):
    """CP-4.10."""
    for name in ("b", "a", "c"):
        zk.create(f"{root}/{name}")
    assert sorted(zk.get_children(root)) == ["a", "b", "c"]
    names, stat = zk.get_children(root, include_data=True)
    assert sorted(names) == ["a", "b", "c"]
    assert stat == zk.exists(root)
    assert (stat.numChildren, stat.cversion) == (3, 3)


def test_paths_of_any_script_are_kept(zk, root):
    """CP-6.3: names beyond ASCII."""
    for name in ("straße", "ключ", "鍵", "a b"):
        zk.create(f"{root}/{name}", name.encode())
        assert zk.get(f"{root}/{name}")[0] == name.encode()
    assert sorted(zk.get_children(root)) == sorted(["straße", "ключ", "鍵", "a b"])


def test_half_a_megabyte_goes_in_and_out_unchanged(zk, root):
    """CP-1.7."""
    value = bytes(range(256)) * 2048
    zk.create(f"{root}/large", value)
    assert zk.get(f"{root}/large")[0] == value


def test_reserved_nodes_cannot_be_deleted(zk):
    """CP-6.7."""
    with pytest.raises(BadArgumentsError):
        zk.delete("/zookeeper/quota")


def test_sync_returns_the_path(zk, root):
    """CP-4.3."""
    assert zk.sync(root) == root


def test_four_letter_words_answer_through_the_client(zk):
    """CP-1.10."""
    assert zk.command(b"ruok") == "imok"
    assert zk.server_version() >= (3, 5)


def test_asynchronous_calls_deliver_results_and_errors(zk, root):
    """CP-10.6."""
    created = zk.create_async(f"{root}/a", b"x")
    read = zk.get_async(f"{root}/a")
    missing = zk.get_async(f"{root}/missing")
    stale = zk.set_async(f"{root}/a", b"y", version=9)
    children = zk.get_children_async(root)
    deleted = zk.delete_async(f"{root}/a")
    gone = zk.exists_async(f"{root}/a")
    assert created.get(timeout=20) == f"{root}/a"
    assert read.get(timeout=20)[0] == b"x"
    assert isinstance(_error(missing), NoNodeError)
    assert isinstance(_error(stale), BadVersionError)
    assert children.get(timeout=20) == ["a"]
    assert deleted.get(timeout=20) is True
    assert gone.get(timeout=20) is None


def _error(result):
    """The exception an asynchronous result ended with."""
    with pytest.raises(Exception) as caught:
        result.get(timeout=20)
    return caught.value


def test_a_thousand_pipelined_writes_apply_in_order(zk, root):
    """CP-10.6, CP-3.3: the last of a pipeline of setData wins, zxids rise."""
    zk.create(f"{root}/a")
    results = [zk.set_async(f"{root}/a", str(i).encode()) for i in range(1000)]
    stats = [result.get(timeout=60) for result in results]
    assert [stat.version for stat in stats] == list(range(1, 1001))
    assert all(earlier.mzxid < later.mzxid for earlier, later in zip(stats, stats[1:]))
    assert zk.get(f"{root}/a")[0] == b"999"


def test_asynchronous_results_call_back(zk, root, in_thread):
    """rawlink runs on the handler's thread, after the result is there."""
    seen = []
    zk.create_async(f"{root}/a").rawlink(lambda result: seen.append(result.get()))

    def wait():
        while not seen:
            zk.sync(root)

    in_thread(wait).result()
    assert seen == [f"{root}/a"]


def test_transaction_applies_all_operations(zk, root):
    """CP-8.2, CP-8.5."""
    zk.create(f"{root}/old")
    transaction = zk.transaction()
    transaction.check(f"{root}/old", version=0)
    transaction.create(f"{root}/a", b"1")
    transaction.set_data(f"{root}/a", b"2", version=0)
    transaction.create(f"{root}/s-", sequence=True, ephemeral=True)
    transaction.delete(f"{root}/old")
    results = transaction.commit()
    assert results[0] is True
    assert results[1] == f"{root}/a"
    assert results[2].version == 1
    assert results[3] == f"{root}/s-0000000002"
    assert results[4] is True
    assert sorted(zk.get_children(root)) == ["a", "s-0000000002"]
    stat = zk.exists(f"{root}/a")
    assert stat.czxid == stat.mzxid == zk.exists(f"{root}/s-0000000002").czxid


def test_failed_transaction_applies_nothing(zk, root):
    """CP-8.3."""
    transaction = zk.transaction()
    transaction.create(f"{root}/a", b"1")
    transaction.delete(f"{root}/missing")
    transaction.create(f"{root}/b", b"1")
    results = transaction.commit()
    assert [type(result) for result in results] == [RolledBackError, NoNodeError, RuntimeInconsistency]
    assert zk.get_children(root) == []


def test_transaction_as_context_commits_at_its_end(zk, root):
    """CP-8.2."""
    with zk.transaction() as transaction:
        transaction.create(f"{root}/a")
        transaction.create(f"{root}/a/b")
    assert zk.get_children(f"{root}/a") == ["b"]


def test_retry_repeats_until_it_works(zk, root):
    """KazooRetry around a real operation that first fails."""
    attempts = []

    def flaky():
        attempts.append(1)
        if len(attempts) < 3:
            raise zk.handler.timeout_exception("not yet")
        return zk.create(f"{root}/a")

    retry = KazooRetry(max_tries=5, delay=0.01)
    retry.retry_exceptions += (zk.handler.timeout_exception,)
    assert retry(flaky) == f"{root}/a"
    assert len(attempts) == 3


def test_retry_gives_up_after_its_tries(zk):
    """KazooRetry stops; what is not a connection problem is not retried at all."""
    retry = KazooRetry(max_tries=2, delay=0.01)
    retry.retry_exceptions += (zk.handler.timeout_exception,)

    def always():
        raise zk.handler.timeout_exception("never")

    with pytest.raises(RetryFailedError):
        retry(always)
    with pytest.raises(NoNodeError):
        retry(zk.get, "/no-such-node-anywhere")


def test_restart_of_the_client_opens_a_new_session(connect, root):
    """CP-10.4: restart() closes the session and makes a new one."""
    client = connect()
    before = client.client_id[0]
    client.create(f"{root}/e", ephemeral=True)
    client.restart()
    assert client.client_id[0] != before
    assert client.exists(f"{root}/e") is None
