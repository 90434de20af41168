"""The table in compat-tests/README.md: which tests prove which line of the checklists.

Run as a program it rewrites the table; `tables_differ` is what the test asks. A line is proved by
every test whose name holds it (`test_cp_7_3_...`, `test_qp_5_6_...`) or, in C++, by every TEST whose
name, line or the comment above it names it (`// CP-7.3`).
"""

import collections
import pathlib
import re
import sys

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_README = _ROOT / "compat-tests" / "README.md"
_BEGIN = "<!-- table: begin -->"
_END = "<!-- table: end -->"
_SHOWN_PER_LINE = 3

# Lines of each checklist that this version must prove: section -> last number. CP: the client
# protocol, SO: storage and operations, QP: the protocol between servers.
CP_LINES = {1: 14, 2: 23, 3: 9, 4: 10, 5: 14, 6: 13, 7: 21, 8: 13, 9: 25, 10: 11, 11: 11, 13: 6}
SO_LINES = {1: 7, 2: 22, 3: 19, 4: 13, 5: 14, 12: 7}
QP_LINES = {1: 28, 2: 12, 3: 23, 4: 12, 5: 14, 6: 10, 7: 4, 10: 1}
OPEN = {
    "CP-10.11": "local sessions",
    "CP-11.7": "SASL",
    "CP-11.8": "SASL",
    "CP-11.10": "SASL",
    "CP-11.11": "SASL",
    "QP-1.24": "dynamic reconfiguration (there is one configuration)",
    "QP-3.20": "dynamic reconfiguration",
    "QP-4.7": "local sessions",
    "SO-4.10": "dynamic reconfiguration",
    "SO-5.3": "read-only mode (the word itself is tested)",
    "SO-5.14": "TLS",
}


def _sort_key(line):
    kind, section, number = re.match(r"([A-Z]+)-(\d+)\.(\d+)", line).groups()
    return kind, int(section), int(number)


def _python_tests():
    for path in sorted((_ROOT / "compat-tests").rglob("test_*.py")):
        for match in re.finditer(r"^\s*def (test_(cp|so|qp)_(\d+)_(\d+)_\w+)", path.read_text(), re.M):
            name, kind, section, number = match.groups()
            where = path.relative_to(_ROOT / "compat-tests")
            yield f"{kind.upper()}-{section}.{number}", f"{where}::{name}"


def _cpp_tests():
    pattern = re.compile(r"(?:TEST|TEST_F|TEST_P|TYPED_TEST)\(\s*(\w+),\s*(\w+)\)")
    for path in sorted((_ROOT / "tests").rglob("*_test.cc")):
        lines = path.read_text().splitlines()
        for index, line in enumerate(lines):
            match = pattern.search(line)
            if not match:
                continue
            nearby = " ".join(lines[max(0, index - 2) : index + 2])
            named_lines = re.findall(r"(CP|SO|QP)[-_](\d+)[._](\d+)", nearby)
            for kind, section, number in named_lines:
                yield f"{kind}-{section}.{number}", f"{path.relative_to(_ROOT)}: {match.group(1)}.{match.group(2)}"


def proofs():
    """Line -> names of the tests that prove it."""
    found = collections.defaultdict(list)
    for line, test in [*_python_tests(), *_cpp_tests()]:
        if test not in found[line]:
            found[line].append(test)
    return found


def expected_lines():
    for kind, lines in (("CP", CP_LINES), ("SO", SO_LINES), ("QP", QP_LINES)):
        for section, last in lines.items():
            for number in range(1, last + 1):
                yield f"{kind}-{section}.{number}"


def unproved_lines():
    """Lines that are neither proved nor listed as open."""
    found = proofs()
    return [line for line in expected_lines() if not found[line] and line not in OPEN]


def render():
    found = proofs()
    rows = ["| line | proved by |", "|---|---|"]
    for line in sorted(set(expected_lines()), key=_sort_key):
        if line in OPEN:
            rows.append(f"| {line} | open: {OPEN[line]} |")
            continue
        tests = found[line]
        shown = "<br>".join(f"`{test}`" for test in tests[:_SHOWN_PER_LINE])
        more = f" and {len(tests) - _SHOWN_PER_LINE} more" if len(tests) > _SHOWN_PER_LINE else ""
        rows.append(f"| {line} | {shown}{more} |")
    return "\n".join(rows)


def _readme_with_table():
    text = _README.read_text()
    head, rest = text.split(_BEGIN)
    tail = rest.split(_END)[1]
    return f"{head}{_BEGIN}\n{render()}\n{_END}{tail}"


def tables_differ():
    return _README.read_text() != _readme_with_table()


if __name__ == "__main__":
    _README.write_text(_readme_with_table())
    missing = unproved_lines()
    print("unproved:", ", ".join(missing) or "none")
    sys.exit(1 if missing else 0)
