"""Suites in Python: Assay in its full sandbox, beside harnesses that start Python for each, and beside the floors of forking."""
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

from core.context import ROOT
from core.docker import Docker
from core.local import rate, run_local
from core.measure import Group, Missing, Ratio, Variant, say
from lib.waiting import wait_until

RIVALS = ROOT / "tests/bench/rivals"
PYTHON = "/usr/bin/python3"
BWRAP = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--ro-bind", "/usr", "/usr", "--symlink", "usr/bin",
         "/bin", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64", "--ro-bind", "/etc", "/etc", "--proc", "/proc", "--dev", "/dev",
         "--tmpfs", "/tmp", "--ro-bind", RIVALS, "/bench"]

PROGRAM = "def add(a, b):\n    return a + b\n\n\ndef words(text):\n    return sorted(set(text.split()))\n"
PLAIN = {"runtime": "python", "implementation_code": PROGRAM,
         "test_suite_code": "from implementation import add, words\n\n\n" + "\n\n".join(
             f"def test_add_{n}():\n    assert add({n}, {n + 1}) == {2 * n + 1}\n" for n in range(5)) + "\n\n" + "\n\n".join(
             f"def test_words_{n}():\n    assert words('b a {n} a') == ['{n}', 'a', 'b']\n" for n in range(3))}
FULL = {"runtime": "python", "implementation_code": PROGRAM, "test_suite_code": """\
import pytest
from implementation import add, words


@pytest.fixture(params=["a b", "b a a"])
def text(request, tmp_path):
    file = tmp_path / "text"
    file.write_text(request.param)
    return file.read_text()


@pytest.fixture
def doubled(monkeypatch):
    monkeypatch.setenv("DOUBLED", "2")
    yield lambda number: add(number, number)


def test_words(text):
    assert words(text) == ["a", "b"]


@pytest.mark.parametrize("number", range(4))
def test_doubled(doubled, number):
    assert doubled(number) == 2 * number


def test_output(capsys):
    print(add(1, 2))
    assert capsys.readouterr().out == "3\\n"


class TestAdd:
    @pytest.fixture(autouse=True)
    def prepare(self):
        self.one = 1

    def test_one(self):
        assert add(self.one, 1) == 2
"""}


def harness(task, count, words=(), script=RIVALS / "harness.py", env=None):
    """Tasks a second of the harness, started once for each, one after the other."""
    text = json.dumps(task)
    began = time.monotonic()
    for _ in range(count):
        done = subprocess.run([*words, PYTHON, script], input=text, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0 and json.loads(done.stdout)["status"] == "pass", done.stderr[-500:] + done.stdout[-1500:]
    return count / (time.monotonic() - began)


def floor(mode, task, count):
    if os.geteuid() != 0:
        raise Missing("root, for the floors' namespaces")
    done = subprocess.run([PYTHON, RIVALS / "forks.py", mode, str(count)], input=json.dumps(task), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-1500:]
    return float(done.stdout.split()[-1])


def ours(bench, task, count, slots=1, executor=None):
    return rate(run_local(bench, [{**task, "task_id": f"t{n}"} for n in range(count)], slots, task["runtime"], executor)[0])


class Suites(Group):
    name = "suites"
    title = "Plain pytest suites of 8 small tests"

    def __init__(self, bench):
        super().__init__(bench)
        self.docker = None

    def open(self):
        self.docker = Docker(self.bench.new_folder(), RIVALS)
        try:
            self.docker.start()
        except Missing as lacking:
            say(f"suites: missing: {lacking}")

    def close(self):
        if self.docker is not None:
            self.docker.stop()

    def bubblewrap(self):
        if not shutil.which("bwrap"):
            raise Missing("bubblewrap")
        return harness(PLAIN, self.bench.size(10, 1), BWRAP, "/bench/harness.py")

    def celery(self):
        if importlib.util.find_spec("celery") is None:
            raise Missing("python3-celery")
        count = self.bench.size(30, 2)
        with self.bench.site() as site:
            env = {**os.environ, "BENCH_AMQP_URL": site.amqp_url(), "PYTHONPATH": str(RIVALS)}
            with open(site.folder / "celery.log", "wb") as log:
                worker = subprocess.Popen([PYTHON, "-m", "celery", "-A", "celery_app", "worker", "--pool", "prefork", "--concurrency", "2",
                                           "--without-gossip", "--without-mingle", "--loglevel", "INFO"], env=env, cwd=site.folder, stdout=log, stderr=log)
            try:
                os.environ["BENCH_AMQP_URL"] = env["BENCH_AMQP_URL"]
                sys.path.insert(0, str(RIVALS))
                sys.modules.pop("celery_app", None)
                app = importlib.import_module("celery_app")
                wait_until(lambda: "ready." in pathlib.Path(site.folder / "celery.log").read_text(), 60, "celery's worker")
                task = json.dumps(PLAIN)
                began = time.monotonic()
                for answer in [app.judge.delay(task) for _ in range(count)]:
                    assert json.loads(answer.get(timeout=120))["status"] == "pass"
                return count / (time.monotonic() - began)
            finally:
                worker.terminate()
                worker.wait(60)

    def variants(self):
        size = self.bench.size
        return [Variant("assay-worker --local, 1 slot", "suites/s", lambda: ours(self.bench, PLAIN, size(400, 10)), own=True),
                Variant("assay-worker --local, 2 slots", "suites/s", lambda: ours(self.bench, PLAIN, size(800, 10), 2), own=True),
                Variant("floor: bare loop in an isolated fork", "suites/s", lambda: floor("loop", PLAIN, size(300, 5))),
                Variant("floor: empty isolated fork", "forks/s", lambda: floor("empty", PLAIN, size(300, 5))),
                Variant("harness, no sandbox", "suites/s", lambda: harness(PLAIN, size(12, 1))),
                Variant("harness under bubblewrap", "suites/s", self.bubblewrap),
                Variant("harness by docker exec in a warm container", "suites/s",
                        lambda: harness(PLAIN, size(10, 1), self.docker.exec_words(), "/bench/harness.py", self.docker.engine.env)),
                Variant("harness by docker run for each", "suites/s",
                        lambda: harness(PLAIN, size(3, 1), self.docker.run_words(), "/bench/harness.py", self.docker.engine.env), once=True),
                Variant("Celery prefork with 2 processes, harness", "suites/s", self.celery, once=True)]

    def ratios(self):
        one, two = "assay-worker --local, 1 slot", "assay-worker --local, 2 slots"
        return [Ratio("1 slot by the harness", one, "harness, no sandbox", at_least=25),
                Ratio("time of 1 slot by that of the bare loop", "floor: bare loop in an isolated fork", one, at_most=1.6),
                Ratio("2 slots by 1 slot", two, one, at_least=1.85),
                Ratio("1 slot by docker exec", one, "harness by docker exec in a warm container"),
                Ratio("2 slots by Celery with 2 processes", two, "Celery prefork with 2 processes, harness")]


class Pytest(Group):
    name = "pytest"
    title = "Suites that need all of pytest: fixtures, parametrize, tmp_path, monkeypatch, capsys"

    def variants(self):
        size = self.bench.size
        return [Variant("assay-worker --local, 1 slot", "suites/s", lambda: ours(self.bench, FULL, size(200, 5)), own=True),
                Variant("floor: prepared session in an isolated fork", "suites/s", lambda: floor("session", FULL, size(100, 5))),
                Variant("harness, no sandbox", "suites/s", lambda: harness(FULL, size(10, 1)))]

    def ratios(self):
        one = "assay-worker --local, 1 slot"
        return [Ratio("1 slot by the harness", one, "harness, no sandbox", at_least=10),
                Ratio("time of 1 slot by that of the prepared session", "floor: prepared session in an isolated fork", one, at_most=1.2)]


GROUPS = [Suites, Pytest]
