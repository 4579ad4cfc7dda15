"""The fleet that compose.yaml describes: it works, holds what it promises about its containers, and can be scaled under load."""
import json
import socket
import urllib.parse
import urllib.request

import pytest
from engine import ROOT
from fleet import GRAFANA, assert_reached, port_opens, run_demo

from lib.skipping import skip
from lib.waiting import wait_until

WORKERS = ("worker-python", "worker-node", "worker-native")
SERVERS = ("rabbitmq", "postgres", "prometheus", "collector")


def test_the_demo_job_has_its_documented_verdicts(fleet):
    run_demo(fleet, "demo")


# --- what containers are -------------------------------------------------------------------------------------------------------------

def assert_hardened(host, allowed):
    assert host["CapDrop"] == ["ALL"] and {name.removeprefix("CAP_") for name in host["CapAdd"] or []} == allowed
    assert "no-new-privileges:true" in host["SecurityOpt"] and not [word for word in host["SecurityOpt"] if "unconfined" in word]
    assert host["ReadonlyRootfs"] and not host["Privileged"] and host["PidsLimit"] > 0
    assert not host["Devices"] and host["NetworkMode"] != "host" and host["PidMode"] == "" and host["IpcMode"] in ("private", "")
    assert not [bind for bind in host["Binds"] or [] if "docker.sock" in bind]


@pytest.mark.parametrize("service", [*WORKERS, *SERVERS, "grafana"])
def test_every_container_is_hardened(fleet, service):
    if service == "grafana" and not fleet.images.grafana():
        skip("grafana", f"{GRAFANA} cannot be pulled, and Debian has no package of it")
    containers = fleet.containers(service)
    assert containers
    for container in containers:
        host = fleet.inspect(container)["HostConfig"]
        assert_hardened(host, {"SETUID", "SETGID", "KILL"} if service in WORKERS else set())
        assert host["RestartPolicy"]["Name"] == "unless-stopped"


def test_the_producers_container_is_hardened(fleet):
    """Which comes and goes: here it has ended already."""
    container = fleet.compose("run", "-d", "producer", "--version").stdout.split()[-1]
    try:
        found = fleet.inspect(container)
        assert_hardened(found["HostConfig"], set())
        assert found["Config"]["User"] == "assay" and [mount["RW"] for mount in found["Mounts"] if mount["Destination"] == "/tasks"] == [False]
    finally:
        fleet.engine.docker("rm", "--force", container)


@pytest.mark.parametrize("service", WORKERS)
def test_every_executor_has_its_limits(fleet, service):
    found = fleet.inspect(fleet.containers(service)[0])
    host = found["HostConfig"]
    assert host["Memory"] == host["MemorySwap"] == 2 << 30
    assert host["NanoCpus"] == int(fleet.env["ASSAY_EXECUTOR_CPUS"]) * 10**9 and host["PidsLimit"] == 512 and host["Init"]
    assert {name: "nr_inodes" in options for name, options in host["Tmpfs"].items()} == {
        "/work": True, "/tmp": True, "/dev/shm": True, "/run/assay": False}
    assert [mount["RW"] for mount in found["Mounts"] if mount["Destination"] == "/shared"] == [False]
    assert found["Config"]["StopTimeout"] == 90 and found["State"]["Health"]["Status"] in ("healthy", "starting")
    wait_until(lambda: fleet.inspect(found["Id"])["State"]["Health"]["Status"] == "healthy", 90, f"{service} to be healthy")


def test_only_uis_and_amqp_are_published_and_on_loopback(fleet):
    published = {}
    for container in fleet.all_containers():
        found = fleet.inspect(container)
        for port, places in (found["NetworkSettings"]["Ports"] or {}).items():
            for place in places or []:
                assert place["HostIp"] == "127.0.0.1"
                published.setdefault(found["Config"]["Labels"]["com.docker.compose.service"], set()).add(port)
    assert published.pop("grafana", {"3000/tcp"}) == {"3000/tcp"}
    assert published == {"rabbitmq": {"5672/tcp", "15672/tcp"}, "prometheus": {"9090/tcp"}}


def test_no_secret_can_be_seen_from_outside(fleet):
    """Not by docker inspect, nor in command lines, logs, or the environment of any process of a container."""
    hidden = {name: text for name, text in fleet.secrets().items() if name != "broker-definitions"}
    assert len(hidden) >= 12
    for container in fleet.all_containers():
        shown = json.dumps(fleet.inspect(container)) + fleet.engine.docker("top", container, "-eo", "pid,args").stdout
        shown += fleet.execute(container, "sh", "-c", "cat /proc/[0-9]*/environ | tr '\\0' '\\n'").stdout
        logs = fleet.engine.docker("logs", container)
        shown += logs.stdout + logs.stderr
        assert not [name for name, text in hidden.items() if text.strip() in shown], container


def test_setting_up_again_changes_nothing(fleet):
    before = fleet.secrets()
    fleet.setup()
    assert fleet.secrets() == before
    assert (fleet.folder / "secrets").stat().st_mode & 0o777 == 0o700


# --- who reaches whom ----------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("service", WORKERS)
def test_an_executor_reaches_the_broker_and_nothing_else(fleet, service):
    worker, broker = fleet.containers(service)[0], fleet.containers("rabbitmq")[0]
    assert_reached(fleet, worker, fleet.address(broker, "executors"), 5672)
    reachable = {"postgres": (fleet.address(fleet.postgres(), "store"), 5432),
                 "collector": (fleet.address(fleet.containers("collector")[0], "watching"), 9102),
                 "prometheus": (fleet.address(fleet.containers("prometheus")[0], "watching"), 9090)}
    assert_reached(fleet, fleet.containers("collector")[0], *reachable["postgres"])
    assert_reached(fleet, fleet.containers("rabbitmq")[0], *reachable["collector"])
    for name, place in reachable.items():
        assert not port_opens(fleet, worker, *place), name
    assert fleet.execute(worker, "getent", "hosts", "rabbitmq").returncode == 0
    assert fleet.execute(worker, "getent", "hosts", "postgres").returncode != 0


def outside_address():
    """Of a server beyond this machine: where the packages come from."""
    try:
        address = socket.gethostbyname("deb.debian.org")
        socket.create_connection((address, 80), 10).close()
        return address
    except OSError as problem:
        return skip("internet", f"nothing outside of this machine can be reached: {problem}")


def test_an_executor_does_not_reach_the_internet(fleet):
    address = outside_address()
    assert_reached(fleet, fleet.containers("rabbitmq")[0], address, 80)
    for service in WORKERS:
        assert not port_opens(fleet, fleet.containers(service)[0], address, 80)
        assert fleet.execute(fleet.containers(service)[0], "timeout", "8", "getent", "hosts", "deb.debian.org").returncode != 0


CONNECT = "import socket\ntry:\n    socket.create_connection(('{address}', 5672), 3)\n    print('reached')\nexcept OSError as e:\n    print(e.errno)\n"


def test_a_task_does_not_reach_the_broker(fleet):
    """Its worker does; EACCES comes from the sandbox, not from the network."""
    address = fleet.address(fleet.containers("rabbitmq")[0], "executors")
    assert_reached(fleet, fleet.containers("worker-python")[0], address, 5672)
    tasks = [{"task_id": "connect", "runtime": "python", "implementation_code": CONNECT.format(address=address),
              "cases": [{"expected_stdout": "13\n"}]},
             {"task_id": "read", "runtime": "bash", "cases": [{"expected_stdout": "refused\nrefused\n"}],
              "implementation_code": "for f in /run/secrets/worker-amqp-url /proc/1/environ; do cat $f 2>/dev/null || echo refused; done"}]
    done = fleet.producer("publish", fleet.write_tasks("hostile.jsonl", tasks), "--job", "hostile", "--wait", check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_shared_volume_is_seen_read_only(fleet):
    """Filled by a container that may; programs of every runtime read it, and none writes."""
    fleet.engine.docker("run", "--rm", "-v", f"{fleet.project}_shared:/shared", fleet.images.base, "sh", "-c", "echo numbers > /shared/table")
    tasks = [{"task_id": "bash", "runtime": "bash", "implementation_code": "cat /shared/table; (echo x >/shared/table) 2>/dev/null || echo refused",
              "cases": [{"expected_stdout": "numbers\nrefused\n"}]},
             {"task_id": "python", "runtime": "python", "cases": [{"expected_stdout": "numbers\n30\n"}],
              "implementation_code": "print(open('/shared/table').read(), end='')\ntry:\n    open('/shared/table', 'w')\nexcept OSError as e:\n    print(e.errno)\n"}]
    done = fleet.producer("publish", fleet.write_tasks("shared.jsonl", tasks), "--job", "shared", "--wait", check=False)
    shown = fleet.producer("results", "shared", "--format", "jsonl", check=False).stdout
    assert done.returncode == 0, shown + done.stderr


SUITES = {"python": ("def double(n):\n    return 2 * n\n", "from implementation import double\n\n\ndef test_it():\n    assert double(2) == 4\n"),
          "node": ("exports.double = (n) => 2 * n;\n",
                   "const test = require('node:test');\nconst { double } = require('./implementation.js');\n"
                   "test('it', () => { if (double(2) !== 4) throw new Error(); });\n")}


@pytest.mark.parametrize("runtime", SUITES)
def test_what_waits_in_a_container(fleet, runtime):
    """One executor; the third task alike finds a sandbox, and where a suite starts cold its process, and is judged as the others. Its files are
    on their way and in its workspace at the same time: with both counted, it would be out of memory."""
    program, suite = SUITES[runtime]
    for number in range(3):
        job = f"{runtime}-{number}"
        task = {"task_id": "t", "runtime": runtime, "implementation_code": program, "test_suite_code": suite, "limits": {"memory_mb": 112, "disk_mb": 64}}
        if number == 2:
            task["files"] = {"large": "#" * (48 << 20)}
        done = fleet.producer("publish", fleet.write_tasks(f"{job}.jsonl", [task]), "--job", job, "--wait", check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    marks = fleet.value(f"SELECT sandbox FROM executions WHERE job_id = '{job}'")
    assert ("parked_process" in marks, "warm_server" in marks) == (runtime == "node", runtime == "python") and "parked" in marks, marks


# --- scaling -------------------------------------------------------------------------------------------------------------------------

def assert_all_stored(fleet, job, number):
    """Each task has one verdict, a pass, and nothing waits anywhere."""
    fleet.wait_for_rows(job, number, 900)
    assert fleet.sql(f"SELECT status, reason, count(*), count(DISTINCT task_id) FROM executions WHERE job_id = '{job}' GROUP BY 1, 2") == [
        ["pass", "ok", str(number), str(number)]]
    assert fleet.sql(f"SELECT total, done, passed FROM jobs WHERE job_id = '{job}'") == [[str(number)] * 3]
    assert fleet.value("SELECT count(*) FROM dead_letters") == "0"


def job_of(number):
    return [{"task_id": f"t{n}", "runtime": "python", "implementation_code": f"print({n} * {n})", "cases": [{"expected_stdout": f"{n * n}\n"}]}
            for n in range(number)]


def scale_during_a_job(fleet):
    """2,000 tasks; workers from 1 to 4 and back in the middle of them."""
    fleet.producer("publish", fleet.write_tasks("many.jsonl", job_of(2000)), "--job", "many")
    fleet.scale("worker-python", 4)
    wait_until(lambda: fleet.value("SELECT count(DISTINCT worker) FROM executions WHERE job_id = 'many'") == "4", 240, "four workers to have verdicts")
    assert int(fleet.value("SELECT count(*) FROM executions WHERE job_id = 'many'")) < 2000
    fleet.scale("worker-python", 1)
    assert_all_stored(fleet, "many", 2000)
    wait_until(lambda: len(fleet.containers("worker-python")) == 1, 120, "one worker to be left")


def test_scaling_during_a_job_loses_nothing(fleet):
    scale_during_a_job(fleet)


# --- watching ------------------------------------------------------------------------------------------------------------------------

def prometheus(fleet, query):
    port = fleet.inspect(fleet.containers("prometheus")[0])["NetworkSettings"]["Ports"]["9090/tcp"][0]["HostPort"]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query?query={urllib.parse.quote(query)}", timeout=10) as answer:
        return json.load(answer)["data"]["result"]


def test_every_panel_of_the_dashboard_has_data(fleet):
    """Its own queries, over what Prometheus has scraped of the jobs before."""
    run_demo(fleet, "watched")
    with open(ROOT / "compose/observe/grafana/dashboards/fleet.json", encoding="utf-8") as file:
        panels = json.load(file)["panels"]
    queries = [target["expr"] for panel in panels for target in panel["targets"]]
    assert len(queries) == 13
    wait_until(lambda: len(prometheus(fleet, "up == 1")) == 3, 60, "three targets to be up")
    for query in queries:
        wait_until(lambda query=query: prometheus(fleet, query), 90, query)


def test_grafana_has_the_dashboard(fleet):
    if not fleet.images.grafana():
        skip("grafana", f"{GRAFANA} cannot be pulled, and Debian has no package of it")
    port = fleet.inspect(fleet.containers("grafana")[0])["NetworkSettings"]["Ports"]["3000/tcp"][0]["HostPort"]
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/dashboards/uid/assay-fleet")
    wait_until(lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/api/health", timeout=5).status == 200, 90, "Grafana")
    manager = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    manager.add_password(None, request.full_url, "admin", fleet.secrets()["grafana-admin"].strip())
    handler = urllib.request.HTTPBasicAuthHandler(manager)
    assert json.load(urllib.request.build_opener(handler).open(request, timeout=10))["dashboard"]["title"] == "Assay fleet"
