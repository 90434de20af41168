"""Commands of the differential test, run from compat-tests/:

    python3 -m differential replay FILE             runs a saved script, shows the difference
    python3 -m differential show FILE               the script as text
    python3 -m differential random --seed N --count M [--steps K] [--config KEY=VALUE]
    python3 -m differential trace FILE              Apache's trace of a script

The server under test is chosen with COMPAT_SERVER (lockkeeper, the default, or apache).
"""

import argparse
import collections
import sys
import time

from differential import sequence
from differential.compare import show_step
from differential.pair import Pair
from differential.random_sequences import script_of


def _replay(arguments) -> int:
    script = sequence.load(arguments.file)
    with Pair() as pair:
        outcome = pair.compare(script)
        print("rules used:", outcome.rules or "none")
        if outcome.difference is None:
            print("no difference")
            return 0
        print(pair.report(outcome.difference, arguments.shrink))
        return 1


def _show(arguments) -> int:
    print(sequence.load(arguments.file).text())
    return 0


def _trace(arguments) -> int:
    script = sequence.load(arguments.file)
    with Pair("apache") as pair:
        trace = pair.traces(script)[0]
    for step, steps in zip(script.steps, trace.steps):
        print(step.text())
        for line in show_step(steps):
            print("      " + line)
    return 0


def _random(arguments) -> int:
    rules: collections.Counter = collections.Counter()
    differing = 0
    began = time.monotonic()
    config = dict(item.split("=", 1) for item in arguments.config)
    with Pair(config=config) as pair:
        for seed in range(arguments.seed, arguments.seed + arguments.count):
            outcome = pair.compare(script_of(seed, arguments.steps))
            rules.update(outcome.rules)
            if outcome.difference is not None:
                differing += 1
                print(pair.report(outcome.difference, arguments.shrink), flush=True)
    seconds = time.monotonic() - began
    print(f"{arguments.count} scripts, {differing} differ, {seconds:.0f} s, rules: {dict(rules)}")
    return 1 if differing else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m differential", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = parser.add_subparsers(required=True)
    for name, function in (("replay", _replay), ("show", _show), ("trace", _trace)):
        command = commands.add_parser(name)
        command.add_argument("file")
        command.set_defaults(function=function)
        command.add_argument("--shrink", type=float, default=30.0, help="seconds for shrinking")
    command = commands.add_parser("random")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--count", type=int, default=100)
    command.add_argument("--steps", type=int, default=60)
    command.add_argument("--shrink", type=float, default=30.0, help="seconds for shrinking")
    command.add_argument("--config", action="append", default=[], metavar="KEY=VALUE")
    command.set_defaults(function=_random)
    return parser


if __name__ == "__main__":
    options = _parser().parse_args()
    sys.exit(options.function(options))
