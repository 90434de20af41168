"""A running ensemble changes its servers one by one (QP-11.2): Apache to ours, on the same directories, and back again,
while clients write. Nothing that was acknowledged is lost and no session ends.
"""

import pytest

from lib.waiting import wait_until
from lib.zkwire import open_session
from mixed import complaints, trees
from mixed import compositions
from mixed.compositions import START_S, Composition
from mixed.load import Load


class Replacements:
    """Changes members of an ensemble; servers that were replaced are kept until the end, for what they say."""

    def __init__(self, ensemble) -> None:
        self.ensemble = ensemble
        self.gone: list = []

    def replace(self, number: int, kind: str, how: str = "stop") -> None:
        """Ends a member and starts another kind on its directory."""
        old = self.ensemble.members[number]
        getattr(old, how)()
        self.gone.append(old)
        self.ensemble.replace(number, kind, old.data_dir)
        self.ensemble.members[number].launch()
        self.ensemble.wait_serving([number], START_S)

    def expect_no_complaints(self) -> None:
        """Neither of those that run nor of those that were replaced."""
        complaints.expect_none(self.ensemble, servers_die=True)
        for server in self.gone:
            assert not complaints.of_server(server, True)

    def close(self) -> None:
        """Removes what the replaced ones left."""
        for server in self.gone:
            server.close()


@pytest.fixture(name="replacements")
def _replacements():
    made = []

    def make(ensemble):
        made.append(Replacements(ensemble))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize(
    "theirs, how",
    [
        pytest.param("apache", "stop", id="apache"),
        pytest.param("apache39", "stop", id="apache39", marks=pytest.mark.long),
        pytest.param("apache", "kill", id="apache-killed", marks=pytest.mark.long),
        pytest.param("apache39", "kill", id="apache39-killed", marks=pytest.mark.long),
    ],
)
def test_qp_11_2_one_by_one_to_ours_and_back_under_load(ensembles, replacements, theirs, how):
    """QP-11.2, QP-9.1: at every step the clients go on, and in the end all members agree."""
    ensemble = ensembles(Composition((theirs,) * 3, 3))
    rolling = replacements(ensemble)
    compositions.start_led_by(ensemble, 3)
    with Load(ensemble.hosts()) as load:
        load.goes_on(START_S)
        for kind in (compositions.kind_of("ours"), theirs):
            for number in (1, 2, 3):
                rolling.replace(number, kind, how)
                load.goes_on(START_S)
        load.finish()
        trees.wait_level(ensemble)
        trees.expect_equal(ensemble)
        trees.expect_equal_digests(ensemble)
        for server in ensemble.members.values():
            with open_session(server, timeout=START_S) as conn:
                load.verify(lambda path: conn.children(path).value, lambda path: conn.get(path).value)
                assert conn.close_session().ok
    rolling.expect_no_complaints()


def test_qp_3_18_a_directory_that_a_snapshot_was_received_into_is_not_mixed_up(ensembles, replacements):
    """QP-3.18, SO-12.7: Apache on the directory of ours that lagged, received a snapshot and logged more: either it
    refuses to start, or it has everything. It must never serve old nodes with newer ones on top and a hole between.
    """
    config = {"snapshotSizeFactor": -1}
    ensemble = ensembles(Composition(("apache", "ours", "apache"), 3), config)
    rolling = replacements(ensemble)
    compositions.start_led_by(ensemble, 3)
    for step in range(30):
        _create(ensemble.members[3], f"/before{step}")
    rolling.replace(1, compositions.kind_of("ours"))
    ensemble.members[1].kill()
    for step in range(60):
        _create(ensemble.members[3], f"/missed{step}", pad=10)
    ensemble.members[1].launch()
    ensemble.wait_serving([1], START_S)
    for step in range(5):
        _create(ensemble.members[3], f"/after{step}")
    trees.wait_level(ensemble)
    old = ensemble.members[1]
    old.kill()
    rolling.gone.append(old)
    java = ensemble.replace(1, "apache", old.data_dir)
    java.launch()
    wait_until(lambda: not java.running or java.serving(), "Apache serves or refuses", START_S)
    if java.running:
        trees.wait_level(ensemble)
        trees.expect_equal(ensemble)


def _create(server, path: str, pad: int = 0) -> None:
    with open_session(server, timeout=START_S) as conn:
        assert conn.create(path).ok
        for _ in range(pad):
            assert conn.set(path, b"x").ok
        assert conn.close_session().ok
