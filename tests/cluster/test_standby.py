"""PostgreSQL with a synchronous standby: the primary is killed in mid-job, the standby promoted; nothing acknowledged is lost."""
import signal

import pytest
from standby import Standby

from lib.servers import Servers
from lib.site import Site, make_template
from lib.waiting import wait_until

TASKS = 200


@pytest.fixture(name="pair")
def running_pair():
    """Servers and the standby; the primary does not come back."""
    servers = Servers()
    standby = None
    try:
        servers.up()
        standby = Standby(servers)
        yield servers, standby
    finally:
        if standby is not None:
            standby.down()
        servers.down()


class PairSite(Site):
    """A site whose programs know both servers; the test asks whichever can write."""

    standby = None

    def env(self, program, **more):
        env = super().env(program)
        for name, role in (("assay-producer", "assay_producer"), ("assay-collector", "assay_collector")):
            if name == program:
                env["ASSAY_PG_URL"] = self.standby.urls(role, self.database)
        env.update({name: str(value) for name, value in more.items()})
        return env


def read(standby, port, site):
    return dict(standby.ask(port, "SELECT task_id, status::text FROM executions", site.database))


def test_every_acknowledged_result_is_in_the_new_primary(pair, build, tmp_path):
    servers, standby = pair
    site = PairSite(servers, tmp_path, "bash", make_template(servers, build, "assay_test_template"))
    site.standby = standby
    collector = site.start_collector()
    site.start_worker("bash", slots=2)
    path = site.write_tasks([{"task_id": f"t{n}", "job_id": "j", "runtime": "bash", "implementation_code": "echo hi",
                              "cases": [{"expected_stdout": "hi"}]} for n in range(TASKS)])
    producer = site.start("assay-producer", "publish", path, "--wait", "--rate", "10")
    primary = servers.port("postgresql")
    wait_until(lambda: len(read(standby, primary, site)) > TASKS // 4, 120, "a quarter of the rows")
    seen = read(standby, primary, site)
    servers.stop_database(signal.SIGKILL)
    collector.wait_for_log("connection was lost", 60)
    standby.promote()
    assert producer.wait(180) == 0, producer.errors()
    wait_until(lambda: len(read(standby, standby.port, site)) == TASKS, 120, "all rows")
    stored = read(standby, standby.port, site)
    assert seen.items() <= stored.items() and len(seen) < TASKS
    assert set(stored.values()) == {"pass"}
    assert standby.ask(standby.port, "SELECT state::text, total, done, passed FROM jobs WHERE job_id = 'j'", site.database) == [
        ("complete", TASKS, TASKS, TASKS)]
    assert site.depth("assay.results") == 0 and site.depth("assay.dead.results") == 0
    for process in site.processes:
        assert process.stop() == 0, process.errors()
