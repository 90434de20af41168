"""Adds up JUnit XML files: prints what failed and was skipped, and last the totals.

Usage: sum_results.py DIRECTORY STEPS_PASSED STEPS_FAILED
Exit status: 0 if at least one test ran and none failed.
"""
import pathlib
import sys
import xml.etree.ElementTree as ElementTree


def outcome(case):
    """'failed', 'skipped' or 'passed' for one testcase element."""
    for child in case:
        if child.tag in ("failure", "error"):
            return "failed"
        if child.tag == "skipped":
            return "skipped"
    not_run = case.get("status") == "notrun" or case.get("result") in ("skipped", "suppressed")
    return "skipped" if not_run else "passed"


def reason(case):
    """The end of what a failed testcase says, short enough for a log."""
    for child in case:
        if child.tag in ("failure", "error"):
            lines = (child.text or child.get("message") or "").strip().splitlines()
            return "".join(f"\n    {line[:300]}" for line in lines[-25:])
    return ""


def main(directory, steps_passed, steps_failed):
    totals = {"passed": int(steps_passed), "failed": int(steps_failed), "skipped": 0}
    for path in sorted(pathlib.Path(directory).glob("*.xml")):
        for case in ElementTree.parse(path).iter("testcase"):
            result = outcome(case)
            totals[result] += 1
            if result != "passed":
                print(f"{result}: {path.stem}: {case.get('classname')}.{case.get('name')}{reason(case)}")
    print(f"{totals['skipped']} skipped")
    print(f"{totals['passed']} passed, {totals['failed']} failed")
    return 1 if totals["failed"] or not totals["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
