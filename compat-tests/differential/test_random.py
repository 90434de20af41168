"""Random scripts (client protocol as a whole): no answer may differ from Apache's.

DIFF_SEQUENCES is the number of scripts (default 500), DIFF_SEED the first seed (default 0),
DIFF_STEPS their length (default 60). The scripts run in chunks, so that one difference does not
hide all later ones.
"""

import collections
import os

import pytest

from differential.random_sequences import script_of
from differential.sequence import from_json

SEQUENCES = int(os.environ.get("DIFF_SEQUENCES", "500"))
FIRST_SEED = int(os.environ.get("DIFF_SEED", "0"))
STEPS = int(os.environ.get("DIFF_STEPS", "60"))
CHUNK = 50
CHUNKS = [
    range(start, min(start + CHUNK, FIRST_SEED + SEQUENCES))
    for start in range(FIRST_SEED, FIRST_SEED + SEQUENCES, CHUNK)
]


@pytest.mark.parametrize("seeds", CHUNKS, ids=lambda seeds: f"{seeds[0]}-{seeds[-1]}")
def test_random_scripts(pair, seeds, record_property):
    """The same script on both servers: replies, events, their order, stats, final nodes."""
    rules: collections.Counter = collections.Counter()
    for seed in seeds:
        outcome = pair.compare(script_of(seed, STEPS))
        rules.update(outcome.rules)
        if outcome.difference is not None:
            pytest.fail(pair.report(outcome.difference, 30) + "\n" + pair.logs(), False)
    for rule, uses in rules.items():
        record_property(rule, uses)


def test_scripts_are_repeatable_from_seed_and_file():
    """A seed always gives the same script, and a saved script is the script itself."""
    for seed in range(100):
        script = script_of(seed)
        assert script == script_of(seed)
        assert from_json(script.to_json()) == script
        assert len(script.steps) == 60
    assert script_of(1) != script_of(2)


def test_scripts_cover_the_protocol():
    """Every kind of step and request occurs often enough to meet the others."""
    counts: collections.Counter = collections.Counter()
    for seed in range(200):
        for step in script_of(seed).steps:
            counts[step.do] += 1
            counts["pipelined"] += len(step.requests()) > 1
            for request in step.requests():
                counts[request["op"]] += 1
                counts["watch"] += bool(request.get("watch"))
                counts["undecodable"] += request.get("cut", 0) > 0
                counts["ephemeral"] += request.get("flags") in (1, 3)
                counts["sequential"] += request.get("flags") in (2, 3)
                counts["null data"] += request.get("data", "") is None
    wanted = {"create": 1000, "create2": 500, "createContainer": 100, "createTTL": 30}
    wanted.update(delete=500, sasl=1)
    wanted.update(exists=500, getData=500, setData=500, getACL=200, setACL=200, getChildren=300)
    wanted.update(getChildren2=300, sync=50, ping=30, multi=500, multiRead=200, checkWatches=50)
    wanted.update(removeWatches=50, auth=300, setWatches=100, setWatches2=200, getEphemerals=50)
    wanted.update(getAllChildrenNumber=50, addWatch=300, whoAmI=30, closeSession=50, unknown=20)
    wanted.update(open=400, reconnect=300, drop=200, close=50, raw=20, settle=10, pipelined=1000)
    wanted.update({"watch": 800, "undecodable": 200, "ephemeral": 500, "sequential": 500})
    wanted["null data"] = 500
    rare = {name: counts[name] for name, least in wanted.items() if counts[name] < least}
    assert not rare
