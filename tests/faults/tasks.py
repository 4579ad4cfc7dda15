"""Tasks whose verdicts are known beforehand: the ground truth of a campaign."""

PYTHON = ("from implementation import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n\n\n"
          "def test_zero():\n    assert add(0, 0) == 0\n")


def bash(code, expected="hi", **limits):
    return {"runtime": "bash", "implementation_code": code, "cases": [{"expected_stdout": expected}], "limits": {"wall_s": 60, **limits}}


def python(code):
    return {"runtime": "python", "implementation_code": code, "test_suite_code": PYTHON, "timeout": 40}


def compiled(code):
    return {"runtime": "c", "implementation_code": code, "timeout": 60,
            "cases": [{"stdin": f"{n} {n + 1}", "expected_stdout": str(2 * n + 1)} for n in range(3)]}


SUM = '#include <stdio.h>\nint main(void) { int a, b; return scanf("%d %d", &a, &b) == 2 ? printf("%d\\n", a + b) < 0 : 1; }\n'

# (task, status, reason)
KINDS = {
    "noop": (bash("echo hi"), "pass", "ok"),
    "tomorrow": ({**bash("echo hi"), "expires_at": "2100-01-01T00:00:00Z"}, "pass", "ok"),
    "short": (bash("sleep 0.3; echo hi"), "pass", "ok"),
    "long": (bash("sleep 4; echo hi"), "pass", "ok"),
    "wrong": (bash("echo ho"), "fail", "wrong_output"),
    "crash": (bash("kill -SEGV $$"), "fail", "crash"),
    "wall": (bash("sleep 100", wall_s=1), "timeout", "wall_time"),
    "cpu": (bash("while :; do :; done", cpu_s=1), "timeout", "cpu_time"),
    "output": (bash("yes", output_kb=64), "fail", "output"),
    "disk": (bash("head -c 8000000 /dev/zero > file || exit 1; echo hi", disk_mb=4), "fail", "disk"),
    "expired": ({**bash("echo hi"), "expires_at": "2020-01-01T00:00:00Z"}, "error", "expired"),
    "no_tests": ({**python("x = 1\n"), "test_suite_code": "import implementation\n"}, "error", "no_tests"),
    "suite": (python("def add(a, b):\n    return a + b\n"), "pass", "ok"),
    "failing": (python("def add(a, b):\n    return a - b\n"), "fail", "assertion"),
    "gaming": (python("import os\nos._exit(0)\n"), "fail", "tampered"),
    "broken": (python("def add(a, b:\n"), "fail", "compile"),
    "compiled": (compiled(SUM), "pass", "ok"),
    "uncompiled": (compiled("int main(void) { return x; }\n"), "fail", "compile"),
}

# How many of each kind come in a round. For minutes: many that run long, so that faults meet tasks in their middle.
MIXED = {"noop": 48, "tomorrow": 2, "short": 10, "long": 2, "wrong": 8, "crash": 4, "wall": 3, "cpu": 3, "output": 3, "disk": 1, "expired": 1,
         "no_tests": 1, "suite": 6, "failing": 3, "gaming": 2, "broken": 2, "compiled": 1, "uncompiled": 1}
# For a hundred thousand: nearly all as short as they come, the real suites among them.
MANY = {"noop": 650, "tomorrow": 50, "short": 20, "long": 1, "wrong": 150, "crash": 30, "wall": 3, "cpu": 1, "output": 5, "disk": 4, "expired": 10,
        "no_tests": 5, "suite": 35, "failing": 15, "gaming": 5, "broken": 6, "compiled": 5, "uncompiled": 5}


def make(mix, count, job):
    """`count` tasks, the kinds of a mix spread over the file, and for each task_id the (status, reason) that it has to get."""
    kinds = [KINDS[name] for name, share in mix.items() for _ in range(share)]
    # 37 is a divisor of no round: every stretch of the file holds all sorts.
    assert len(kinds) % 37 != 0
    chosen = [kinds[number * 37 % len(kinds)] for number in range(count)]
    tasks = [{"task_id": f"t{number}", "job_id": job, **kind[0]} for number, kind in enumerate(chosen)]
    return tasks, {f"t{number}": kind[1:] for number, kind in enumerate(chosen)}
