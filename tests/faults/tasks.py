"""Tasks whose verdicts are known beforehand: the ground truth of a campaign."""

PYTHON = ("from implementation import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n\n\n"
          "def test_zero():\n    assert add(0, 0) == 0\n")


def bash(code, expected="hi", **limits):
    return {"runtime": "bash", "implementation_code": code, "cases": [{"expected_stdout": expected}], "limits": {"wall_s": 60, **limits}}


def python(code):
    return {"runtime": "python", "implementation_code": code, "test_suite_code": PYTHON, "timeout": 60}


# (how many of a hundred, task, status, reason)
KINDS = [
    (50, bash("echo hi"), "pass", "ok"),
    (10, bash("sleep 0.3; echo hi"), "pass", "ok"),
    (2, bash("sleep 4; echo hi"), "pass", "ok"),
    (10, bash("echo ho"), "fail", "wrong_output"),
    (4, bash("kill -SEGV $$"), "fail", "crash"),
    (3, bash("sleep 100", wall_s=1), "timeout", "wall_time"),
    (3, bash("while :; do :; done", cpu_s=1), "timeout", "cpu_time"),
    (3, bash("yes", output_kb=64), "fail", "output"),
    (1, {**bash("echo hi"), "expires_at": "2020-01-01T00:00:00Z"}, "error", "expired"),
    (1, {**python("x = 1\n"), "test_suite_code": "import implementation\n"}, "error", "no_tests"),
    (6, python("def add(a, b):\n    return a + b\n"), "pass", "ok"),
    (3, python("def add(a, b):\n    return a - b\n"), "fail", "assertion"),
    (2, python("import os\nos._exit(0)\n"), "fail", "tampered"),
    (2, python("def add(a, b:\n"), "fail", "compile"),
]


def make(count, job):
    """`count` tasks, the kinds mixed, and for each task_id the (status, reason) that it has to get."""
    kinds = [kind for kind in KINDS for _ in range(kind[0])]
    # 37 has no divisor in common with the hundred kinds: every stretch of the file holds all sorts.
    chosen = [kinds[number * 37 % len(kinds)] for number in range(count)]
    tasks = [{"task_id": f"t{number}", "job_id": job, **kind[1]} for number, kind in enumerate(chosen)]
    return tasks, {f"t{number}": kind[2:] for number, kind in enumerate(chosen)}
