#!/usr/bin/python3
"""Prints the demonstration job's verdicts beside what each task documents (labels.expect); exit 1 when one differs."""
import json
import sys

COLOURS = {"pass": "32", "fail": "31", "timeout": "33", "error": "35"}


def read(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def paint(text, status):
    return f"\033[{COLOURS[status]}m{text}\033[0m" if sys.stdout.isatty() and status in COLOURS else text


def row(task, result):
    """The cells of one task, and whether its verdict is the documented one."""
    expected = task["labels"]["expect"]
    if result is None:
        return ["", task["task_id"], task["runtime"], "no verdict", "", "", task["labels"]["shows"]], "error", False
    verdict = f"{result['status']}/{result['reason']}"
    timing = result["timing_ms"]
    took = f"{timing.get('compile', 0) + timing.get('run', 0)} ms"
    tests = f"{result['passed']}/{result['total']}" if result["total"] else ""
    good = verdict == expected
    shows = task["labels"]["shows"] if good else f"EXPECTED {expected}: {'; '.join(result['errors'])[:120]}"
    return ["ok" if good else "DIFFERS", task["task_id"], task["runtime"], verdict, tests, took, shows], result["status"], good


def main():
    tasks = read(sys.argv[1])
    results = {result["task_id"]: result for result in read(sys.argv[2])}
    rows = [row(task, results.get(task["task_id"])) for task in tasks]
    head = ["", "task", "runtime", "verdict", "passed", "time", "what it shows"]
    widths = [max(len(head[i]), *(len(cells[i]) for cells, _, _ in rows)) for i in range(len(head))]
    print("  ".join(text.ljust(width) for text, width in zip(head, widths)).rstrip())
    for cells, status, _ in rows:
        line = [text.ljust(width) for text, width in zip(cells, widths)]
        line[3] = paint(line[3], status)
        print("  ".join(line).rstrip())
    good = sum(1 for _, _, as_documented in rows if as_documented)
    print(f"\n{good} of {len(rows)} verdicts as documented")
    return 0 if good == len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
