#!/usr/bin/python3
"""Sums JUnit XML reports (pytest's and CTest's) into "N passed, N failed[, N skipped]" and names what failed or was skipped.

usage: tally.py REPORT...     exit status 1 when anything failed. A report that is missing or broken counts as one failure.
"""
import os
import sys
import xml.etree.ElementTree


def outcome(case):
    """A test case's outcome and, for a skip, its reason."""
    if case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail":
        return "failed", ""
    skip = case.find("skipped")
    if skip is not None:
        return "skipped", skip.get("message") or ""
    return "passed", ""


def name_of(case):
    where, name = case.get("classname") or "", case.get("name")
    return name if where in ("", name) else f"{where}::{name}"


def main(reports):
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for report in reports:
        part = os.path.basename(report).removesuffix(".xml")
        try:
            cases = list(xml.etree.ElementTree.parse(report).iter("testcase"))
        except (OSError, xml.etree.ElementTree.ParseError) as problem:
            counts["failed"] += 1
            print(f"FAILED {part}: no report: {problem}")
            continue
        if not cases:
            counts["failed"] += 1
            print(f"FAILED {part}: no test ran")
        for case in cases:
            how, why = outcome(case)
            counts[how] += 1
            if how != "passed":
                print(f"{how.upper()} {part}: {name_of(case)}" + (f" ({why})" if why else ""))
    line = f"{counts['passed']} passed, {counts['failed']} failed"
    print(line + (f", {counts['skipped']} skipped" if counts["skipped"] else ""))
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
