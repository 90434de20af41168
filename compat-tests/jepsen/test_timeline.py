"""The picture of a run, and the names on the command line."""

import xml.dom.minidom

import pytest

from jepsen import nemesis, timeline
from jepsen.history import History
from jepsen.nemesis import Injected


def _history():
    moments = iter([0.0, 1.0, 1.5, 2.0, 9.0])
    history = History(lambda: next(moments))
    history.finish(history.begin("a", 1, "write", "/<&>"), 0, 7)
    history.begin("a", 1, "write", "/b")
    history.violation('lost & "found"')
    return history


def test_a_timeline_shows_faults_roles_operations_and_violations():
    """Well-formed, everything inside the picture, every row named."""
    faults = [Injected("kill-leader", "kill -9 [1]", 2.0, 4.0, 5.5), Injected("slow-disk", "never healed", 7.0)]
    states = {1: [(0.0, "leader"), (2.0, "down")], 2: [(0.0, "follower"), (2.5, "leader")], 3: []}
    text = timeline.draw("three & more", 10.0, faults, states, [("register", _history(), 0.5)])
    document = xml.dom.minidom.parseString(text)
    root = document.documentElement
    width, height = float(root.getAttribute("width")), float(root.getAttribute("height"))
    for bar in root.getElementsByTagName("rect"):
        if bar.getAttribute("width") == "100%":
            continue
        x, y, right, down = (float(bar.getAttribute(name)) for name in ("x", "y", "width", "height"))
        assert 0 <= x and x + right <= width and 0 <= y and y + down <= height, bar.toxml()
    titles = [title.firstChild.data for title in root.getElementsByTagName("title")]
    for expected in ("kill-leader: kill -9 [1]", "served again after 1.50 s", "down from 2.00 to 10.00", "1 unknown"):
        assert expected in titles
    assert 'lost & "found"' in titles
    labels = [label.firstChild.data for label in root.getElementsByTagName("text")]
    for expected in ("three & more", "faults", "server 1", "server 3", "register"):
        assert expected in labels


def test_names_of_nemeses():
    """Faults, mixes, both, and none; a wrong name is refused."""
    assert nemesis.names_of("kill-leader,slow-disk") == ["kill-leader", "slow-disk"]
    assert nemesis.names_of("none") == []
    assert set(nemesis.names_of("mixed")) == set(nemesis.FAULTS)
    with pytest.raises(ValueError, match="no such nemesis: kill-nobody"):
        nemesis.names_of("kill-nobody")
