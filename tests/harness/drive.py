"""Runs a harness as the worker does, without the worker: control on descriptor 4, the report read from descriptor 3."""
import json
import os
import pathlib
import subprocess
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
HARNESS = ROOT / "worker/harness"
SECRET = "0123456789abcdef" * 2
PYTHON = os.environ.get("ASSAY_TEST_PYTHON", "/usr/bin/python3")
NODE = os.environ.get("ASSAY_TEST_NODE", "/usr/bin/node")
DEADLINE = 240  # seconds; a busy machine takes one for a task of thousands of tests


class Run:
    """A finished run: `lines` of the report without the secret, exit code, output."""

    def __init__(self, process, report, stdout, stderr):
        self.exit_code = process.returncode
        self.stdout, self.stderr = stdout, stderr
        self.raw = report
        self.lines = []
        for text in report.decode().splitlines():
            line = json.loads(text)
            assert line.pop("k") == SECRET, f"a line without the secret: {text}"
            assert len(text) < 64 * 1024
            self.lines.append(line)

    def of(self, kind):
        return [line for line in self.lines if line["t"] == kind]

    def names(self, kind):
        return [name for line in self.of(kind) for name in line["tests"]]

    @property
    def outcomes(self):
        tests = self.of("test")
        assert len({test["name"] for test in tests}) == len(tests), "a test reported twice"
        return {test["name"]: test["outcome"] for test in tests}

    def test(self, name):
        return next(test for test in self.of("test") if test["name"] == name)

    @property
    def done(self):
        return self.lines != [] and self.lines[-1]["t"] == "done" and len(self.of("done")) == 1

    @property
    def fault(self):
        errors = self.of("suite_error")
        assert len(errors) <= 1
        return errors[0]["fault"] if errors else None


def write(folder, files):
    for path, content in files.items():
        target = pathlib.Path(folder) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())


def run(folder, command, control, environment=None):
    report_read, report_write = os.pipe()
    control_read, control_write = os.pipe()
    # bash puts the two in place (sh takes no descriptor above 9).
    words = ["/bin/bash", "-c", f'exec "$0" "$@" 3>&{report_write} 4<&{control_read}', *map(str, command)]
    process = subprocess.Popen(
        words, cwd=folder, pass_fds=[report_write, control_read], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), "TMPDIR": str(folder), "LC_ALL": "C.UTF-8",
             "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0", **(environment or {})})
    os.close(report_write)
    os.close(control_read)
    with os.fdopen(control_write, "wb") as pipe:
        pipe.write(json.dumps({"secret": SECRET, "trusted_files": [], "untrusted_files": [],
                               "stop_on_first_failure": False, "coverage": False, **control}).encode())
    parts = []

    def read_report():
        with os.fdopen(report_read, "rb") as pipe:
            parts.append(pipe.read())

    reader = threading.Thread(target=read_report)
    reader.start()
    try:
        stdout, stderr = process.communicate(timeout=DEADLINE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    reader.join(DEADLINE)
    return Run(process, parts[0], stdout.decode(errors="replace"), stderr.decode(errors="replace"))


def python(folder, program, suite, files=None, test_files=None, arguments=(), **control):
    """`program` None: no main file."""
    folder = pathlib.Path(folder)
    write(folder, files or {})
    write(folder, test_files or {})
    if program is not None:
        write(folder, {"implementation.py": program})
    write(folder, {"test_implementation.py": suite})
    command = [PYTHON, "-s", HARNESS / "python/run_suite.py", *arguments]
    return run(folder, command, {"program": "implementation.py", "suite": "test_implementation.py",
                                 "trusted_files": list(test_files or {}), "untrusted_files": list(files or {}), **control})


def node(folder, program, suite, files=None, test_files=None, **control):
    write(folder, files or {})
    write(folder, test_files or {})
    write(folder, {"implementation.js": program, "test_implementation.js": suite})
    command = [NODE, f"--test-reporter={HARNESS}/node/reporter.mjs", "--test-reporter-destination=stdout",
               HARNESS / "node/run_suite.mjs"]
    return run(folder, command, {"program": "implementation.js", "suite": "test_implementation.js",
                                 "trusted_files": list(test_files or {}), "untrusted_files": list(files or {}), **control})


def build_c(folder, step, language="c"):
    return subprocess.run(["/bin/sh", HARNESS / "c/build.sh", step, language, f"implementation.{language}",
                           f"test_implementation.{language}"], cwd=folder, capture_output=True, text=True, timeout=DEADLINE)


def c(folder, program, suite, language="c", files=None):
    """Builds and runs; the build must succeed."""
    write(folder, files or {})
    write(folder, {f"implementation.{language}": program, f"test_implementation.{language}": suite})
    for step in ("main", "program", "suite"):
        built = build_c(folder, step, language)
        assert built.returncode == 0, built.stderr
    return run(folder, ["./assay_suite"], {"program": f"implementation.{language}", "suite": f"test_implementation.{language}",
                                           "untrusted_files": list(files or {})})
