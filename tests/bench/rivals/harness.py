#!/usr/bin/python3
"""The harness that Assay is compared with, as many have one: a task as JSON on standard input, two files, pytest as a subprocess
with a limit of 60 seconds, the verdict as JSON on standard output. No sandbox."""
import json
import pathlib
import re
import subprocess
import sys
import tempfile


def main():
    task = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        (place / "implementation.py").write_text(task["implementation_code"])
        (place / "test_implementation.py").write_text(task["test_suite_code"])
        try:
            ran = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_implementation.py"], cwd=folder,
                                 capture_output=True, text=True, timeout=task.get("timeout", 60), check=False)
        except subprocess.TimeoutExpired:
            print(json.dumps({"status": "timeout", "test_pass_rate": 0.0}))
            return
    passed, failed = (sum(int(n) for n in re.findall(rf"(\d+) {word}", ran.stdout)) for word in ("passed", "(?:failed|error)"))
    print(json.dumps({"status": "pass" if ran.returncode == 0 else "fail", "passed": passed, "failed": failed,
                      "test_pass_rate": passed / max(1, passed + failed), "stdout": ran.stdout, "stderr": ran.stderr}))


main()
