"""What every test may use. Run by `tests/run`, or by hand: ninja -C build/asan && /usr/bin/python3 -m pytest tests/integration

Fixtures
  servers    (session)  a private RabbitMQ and PostgreSQL (lib/servers.py): stop_broker(), restart_broker(), stop_database(),
                        restart_database(), up(), management(method, path, body). A test that stops one brings it up again.
  site       (test)     a virtual host with all of Assay's queues and a migrated database of the test's own (lib/site.py):
      site.start_worker(runtimes="python", slots=1, name=None, **ENV)   consumes when it returns; a Process (lib/processes.py)
      site.start_worker(..., noop=True)           it runs nothing and answers at once, or after a label noop_ms: for load and measuring
      site.start_collector(**ENV)                                       likewise
      site.status(worker) -> its /status    site.wait_busy(worker, slots=1)
      site.producer("publish", path, "--job", "j", "--wait")            runs to its end: returncode, stdout, stderr
      site.run(program, *words, stdin=, env={})  site.start(program, *words, env={})
      site.write_tasks([dict, ...]) -> path    site.publish(dict, runtime="python", properties=None)  by pika, confirmed
      site.get(queue) -> (properties, dict)    site.depth(queue)  site.consumers(queue)
      site.pika(user="assay-admin") -> BlockingConnection               site.amqp_url(user)  site.pg_url(role)
      site.sql("SELECT ... %s", value) -> rows  site.value(...)  site.wait_for_rows(3, job="j") -> [(task_id, status, reason)]
      site.management("GET", "queues/{vhost}/assay.results")
    Process: pid, alive(), signal(n), stop() -> exit status, kill(), wait(), errors(), output(), wait_for_log(text)
  vhost      (test)     a site without a database
  build      (session)  the folder of the build under test (ASSAY_BUILD, default build/asan): build / "bin" / "assay-worker"
  shared     (session)  ../shared beside the clone; skips, by name, where it is absent

Functions (from lib)
  from lib.waiting import wait_until     wait_until(condition, seconds=30, what="...") -> the condition's value
  from lib.skipping import skip          skip("name", "why"): skipped by name; a failure where ASSAY_REQUIRE lists the name

Environment
  ASSAY_BUILD        the build under test            ASSAY_TEST_STATE   servers to use and to leave running (a state folder)
  ASSAY_REQUIRE      names of skips that are failures here, comma-separated; "all" for each
"""
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from lib.servers import ROOT, Servers  # noqa: E402  pylint: disable=wrong-import-position
from lib.site import Site, make_template  # noqa: E402  pylint: disable=wrong-import-position
from lib.skipping import skip  # noqa: E402  pylint: disable=wrong-import-position

TEMPLATE = "assay_test_template"
RUNTIMES = "python,node,c,cpp,bash"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """A failed test shows the ends of its programs' logs."""
    report = (yield).get_result()
    made = getattr(item, "funcargs", {}).get("site")
    if report.when == "call" and report.failed and made is not None:
        for process in made.processes:
            report.sections.append((process.log.name, process.errors()[-3000:]))


@pytest.fixture(scope="session")
def build():
    folder = pathlib.Path(os.environ.get("ASSAY_BUILD", ROOT / "build/asan"))
    assert (folder / "bin/assay-worker").exists(), f"no build in {folder}: cmake --preset asan && cmake --build --preset asan"
    return folder


@pytest.fixture(scope="session")
def shared():
    folder = ROOT.parent / "shared"
    if not (folder / "data/humaneval.jsonl").exists():
        skip("humaneval", f"{folder}/data/humaneval.jsonl is not there")
    return folder


@pytest.fixture(scope="session")
def servers():
    running = Servers()
    try:
        running.up()
        yield running
    finally:
        running.down()


@pytest.fixture(scope="session")
def template_database(servers, build):
    """Migrated once; each test's database is a copy."""
    return make_template(servers, build, TEMPLATE)


@pytest.fixture
def site(servers, build, template_database, tmp_path):  # pylint: disable=unused-argument
    made = Site(servers, tmp_path, RUNTIMES, template_database)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def vhost(servers, build, tmp_path):  # pylint: disable=unused-argument
    made = Site(servers, tmp_path, RUNTIMES)
    try:
        yield made
    finally:
        made.close()
