"""Random work on one server, the other takes over, goes on with the same script, and gives back.

    TAKEOVER_SEEDS   number of seeds (default 6)
    TAKEOVER_SEED    the first seed (default 0)
    TAKEOVER_STEPS   steps of each script (default 240)
"""

import os

import pytest

from differential.random_sequences import script_of
from lib.scenery import open_super
from takeover import files, rich
from takeover.player import Player
from takeover.state import expect_no_digest_mismatch, expect_state, whole_state

SEEDS = int(os.environ.get("TAKEOVER_SEEDS", "6"))
FIRST_SEED = int(os.environ.get("TAKEOVER_SEED", "0"))
STEPS = int(os.environ.get("TAKEOVER_STEPS", "240"))
ROOT = "/random"
ORDERS = [
    ("apache", "lockkeeper", "apache", "lockkeeper"),
    ("lockkeeper", "apache", "lockkeeper", "apache"),
]
CONFIGS = [{}, {"snapCount": 10}, {"snapshot_compression_method": "gz"}]


@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + SEEDS))
def test_so_12_7_random_work_on_both_servers(apache, lockkeeper, tmp_path, seed):
    """SO-12.7: every path, data, stat, ACL, session, ephemeral, zxid and digest, at each change."""
    order = ORDERS[seed % 2]
    config = CONFIGS[seed % 3]
    export = seed % 4 >= 2  # else Apache goes on in the same directory
    factories = {"apache": apache, "lockkeeper": lockkeeper}
    server = factories[order[0]](**config)
    with open_super(server) as conn:
        rich.ok(conn.create(ROOT))
        conn.close_session()
    player = Player(script_of(seed, STEPS), ROOT, apache_replays=not export)
    for part, kind in enumerate(order):
        if part:
            server.kill() if seed % 5 else server.stop()
            directory = server.data_dir
            if kind == "apache" and export:
                directory = files.export(server, tmp_path / f"export-{part}")
            server = factories[kind](directory, **config)
            expect_state(server, state)
        player.play(server, part, len(order))
        state = whole_state(server)
        expect_no_digest_mismatch(server)
    assert player.replies > STEPS // 2
    assert player.replies - player.refused > STEPS // 5
    server.kill()
    expect_state(server.start(), state)
