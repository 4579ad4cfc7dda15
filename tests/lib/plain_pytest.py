"""What plain pytest says of a suite, test for test."""
import pathlib
import re
import subprocess

PYTHON = "/usr/bin/python3"
LINE = re.compile(r"^test_implementation\.py::(.+?) (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)\b")
OUTCOMES = {"PASSED": "passed", "FAILED": "failed", "ERROR": "error", "SKIPPED": "skipped", "XFAIL": "xfailed", "XPASS": "xpassed"}


def outcomes(folder, program, suite, test_files, python=PYTHON):
    """By pytest's own verbose output. An ERROR behind PASSED (its teardown) is what counts."""
    for path, content in {"implementation.py": program, "test_implementation.py": suite, **test_files}.items():
        target = pathlib.Path(folder) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
    command = [python, "-m", "pytest", "-v", "-p", "no:cacheprovider", "--color=no", "-c", "/dev/null", "--rootdir", ".", "test_implementation.py"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False,
                         env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "TMPDIR": str(folder), "LC_ALL": "C.UTF-8", "COLUMNS": "400",
                              "PYTHONHASHSEED": "0", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"})
    found = {}
    for line in ran.stdout.splitlines():
        match = LINE.match(line)
        if match and found.get(match[1]) != "failed":
            found[match[1]] = OUTCOMES[match[2]]
    # The program's own tests, which a star import brings in, are the one difference that is meant.
    found.pop("test_of_the_program", None)
    assert found, ran.stdout + ran.stderr
    return found
