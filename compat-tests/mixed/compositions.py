"""Who is in a mixed ensemble, and who leads it from the start.

Members are "ours", "apache" (Debian's 3.8.0) or "apache39" (the release of pom.xml); "ours" becomes Apache in a run
with COMPAT_SERVER=apache, which shows what an ensemble of Apache alone does in the same tests.
"""

from dataclasses import dataclass
from typing import Optional, Sequence

import pytest

from lib import apache_release, servers
from lib.ensemble import Ensemble

START_S = 150  # JVMs on a machine that does other things too


@dataclass(frozen=True)
class Composition:
    """`members`: kinds for the numbers from 1; `leader`: the number of the first leader."""

    members: tuple
    leader: int
    observers: tuple = ()

    @property
    def name(self) -> str:
        """For people: `ours+apache-led-by-apache39`; an observer's kind stands behind `~`."""
        voters = [kind for n, kind in self.numbered() if n not in self.observers and n != self.leader]
        observers = "".join(f"~{self.members[n - 1]}" for n in self.observers)
        return f"{'+'.join(voters)}{observers}-led-by-{self.members[self.leader - 1]}"

    def numbered(self) -> list:
        """(number, kind) of each member."""
        return list(enumerate(self.members, 1))

    def voters(self) -> list:
        """Numbers of those who vote."""
        return [number for number, _ in self.numbered() if number not in self.observers]

    def parameter(self, *marks):
        """As a parameter of a test; those of one composition run in one worker."""
        return pytest.param(self, id=self.name, marks=[pytest.mark.xdist_group(self.name), *marks])


def kind_of(member: str) -> str:
    """The kind of server that plays a member."""
    return servers.server_kind() if member == "ours" else member


def require(*members: str) -> None:
    """Skips the test where the released Apache is needed and cannot be had."""
    if "apache39" in members:
        try:
            apache_release.class_path()
        except apache_release.NotAvailable as error:
            pytest.skip(str(error))


def make(composition: Composition, config: Optional[dict] = None) -> Ensemble:
    """The ensemble, not started."""
    require(*composition.members)
    kinds = [kind_of(member) for member in composition.members]
    return Ensemble(kinds, composition.observers, config)


def start_led_by(ensemble: Ensemble, leader: int, numbers: Sequence[int] = ()) -> None:
    """Starts `numbers` (default: all) so that `leader` leads: it and one other voter, whose vote must not beat its own,
    form the first quorum.
    """
    numbers = list(numbers or ensemble.members)
    voters = [number for number in numbers if number not in ensemble.observers and number != leader]
    for number in (leader, voters[0]):
        ensemble.members[number].launch()
    ensemble.wait_serving([leader], timeout=START_S)
    for number in numbers:
        if not ensemble.members[number].running:
            ensemble.members[number].launch()
    ensemble.wait_serving(numbers, timeout=START_S)
    assert ensemble.mode(leader) == "leader", [(number, ensemble.mode(number)) for number in numbers]
