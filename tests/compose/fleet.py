"""A whole fleet by the compose file that ships: its images, its containers, what goes in and comes out."""
import concurrent.futures
import json
import os

from engine import DEBIAN, ROOT

from lib.waiting import wait_until

ROLES = ("worker-python", "worker-node", "worker-native", "collector", "producer")
# The servers' images: the public one, or Debian's package under the same name.
SERVERS = {"rabbitmq": "rabbitmq:3.13.7-management", "postgres": "pgvector/pgvector:pg16", "prometheus": "prom/prometheus:v2.55.1"}
GRAFANA = "grafana/grafana-oss:11.2.0"


class Images:
    """All images of a fleet, built by compose/image under names of their own."""

    def __init__(self, engine):
        self.engine = engine
        self.base = engine.base()
        self.env = {"ASSAY_IMAGES": "assaytest", "ASSAY_BASE_IMAGE": self.base, "ASSAY_NODE_IMAGE": engine.pulled("node:20-bookworm-slim") or self.base,
                    "ASSAY_BUILD_OPTIONS": "--network host", "TMPDIR": str(engine.folder)}
        self.servers = {}

    def command(self, *words, root=ROOT, check=True):
        return self.engine.run(root / "compose/image", *words, env=self.env, check=check)

    def build(self):
        """The servers' images beside ours: most of it is waiting for packages."""
        with concurrent.futures.ThreadPoolExecutor() as pool:
            servers = {name: pool.submit(self.server, name, public) for name, public in SERVERS.items()}
            built = self.command("build", check=False)
            self.servers = {f"ASSAY_{name.upper()}_IMAGE": image.result() for name, image in servers.items()}
        assert built.returncode == 0, built.stderr[-3000:]
        return self

    def server(self, name, public):
        return self.engine.pulled(public) or self.engine.build(DEBIAN / f"{name}.Dockerfile", f"assaytest/{name}", self.base, DEBIAN)

    def forget(self):
        """On an engine that was there before; one of our own goes as a whole."""
        if not self.engine.own():
            names = self.engine.docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference=assaytest/*").stdout.split()
            self.engine.docker("image", "rm", "--force", *names, check=False)

    def grafana(self):
        return self.engine.pulled(GRAFANA)


class Fleet:
    def __init__(self, images, folder, workers=1):
        self.engine, self.images = images.engine, images
        self.project = f"assaytest{os.getpid()}"
        self.folder = folder
        self.override = folder / "override.json"
        # Ports that nothing else of the machine has; services without an image here are left out by a profile of their own.
        services = {} if images.grafana() else {"grafana": {"profiles": ["none"]}}
        self.override.write_text(json.dumps({"services": services}))
        self.env = {**images.env, **images.servers, "ASSAY_SECRETS": str(folder / "secrets"), "ASSAY_BIND": "127.0.0.1",
                    "ASSAY_AMQP_PORT": "0", "ASSAY_MANAGEMENT_PORT": "0", "ASSAY_PROMETHEUS_PORT": "0", "ASSAY_GRAFANA_PORT": "0",
                    "ASSAY_WORKERS_PYTHON": str(workers), "ASSAY_TASKS": str(folder / "tasks"), "ASSAY_EXECUTOR_CPUS": str(min(2, os.cpu_count()))}
        (folder / "tasks").mkdir()

    def compose(self, *words, check=True, **more):
        done = self.engine.compose("-p", self.project, "-f", ROOT / "compose/compose.yaml", "-f", self.override, *words, env=self.env, check=False, **more)
        assert not check or done.returncode == 0, f"{words}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
        return done

    def setup(self):
        return self.engine.run(ROOT / "compose/setup", env=self.env)

    def up(self):
        self.setup()
        self.compose("up", "-d")
        return self

    def secrets(self):
        return {path.name: path.read_text() for path in (self.folder / "secrets").iterdir()}

    def containers(self, service):
        return self.engine.docker("ps", "-q", *[word for label in (f"project={self.project}", f"service={service}", "oneoff=False")
                                                for word in ("--filter", f"label=com.docker.compose.{label}")]).stdout.split()

    def all_containers(self):
        return self.engine.docker("ps", "-aq", "--filter", f"label=com.docker.compose.project={self.project}").stdout.split()

    def inspect(self, container):
        return json.loads(self.engine.docker("inspect", container).stdout)[0]

    def execute(self, container, *words, check=False):
        return self.engine.docker("exec", container, *words, check=check, timeout=120)

    def scale(self, service, number):
        self.compose("up", "-d", "--no-recreate", "--scale", f"{service}={number}", service)
        wait_until(lambda: len(self.containers(service)) == number, 120, f"{number} of {service}")

    def write_tasks(self, name, tasks):
        (self.folder / "tasks" / name).write_text("".join(json.dumps(task) + "\n" for task in tasks))
        return f"/tasks/{name}"

    def producer(self, *words, check=True):
        return self.compose("run", "--rm", "-T", "producer", *words, check=check)

    def postgres(self):
        return self.containers("postgres")[0]

    def sql(self, query):
        """Rows of strings."""
        done = self.execute(self.postgres(), "sh", "-c", 'PGPASSWORD=$(cat /run/secrets/pg-postgres) exec psql -X -A -t -F "|" -h 127.0.0.1 '
                            '-U postgres -d assay -v ON_ERROR_STOP=1 -c "$0"', query)
        assert done.returncode == 0, done.stderr
        return [line.split("|") for line in done.stdout.splitlines()]

    def value(self, query):
        return self.sql(query)[0][0]

    def wait_for_rows(self, job, number, seconds=300):
        wait_until(lambda: int(self.value(f"SELECT count(*) FROM executions WHERE job_id = '{job}'")) >= number, seconds, f"{number} rows of {job}")

    def address(self, container, network):
        networks = self.inspect(container)["NetworkSettings"]["Networks"]
        return next(found["IPAddress"] for name, found in networks.items() if name.endswith("_" + network))

    def logs(self):
        return self.compose("logs", "--no-color", "--tail", "40", check=False).stdout

    def down(self):
        self.compose("down", "-t", "20", "-v", "--remove-orphans")


# Here a program that is refused a process cannot be told from one that failed by itself (docs/security.md, container_pids).
NOT_TOLD = {"c-processes": "fail/wrong_output"}


def documented():
    """The demonstration's tasks, and the verdict that each documents."""
    with open(ROOT / "compose/demo/demo.jsonl", encoding="utf-8") as file:
        return {**{task["task_id"]: task["labels"]["expect"] for task in map(json.loads, file)}, **NOT_TOLD}


def run_demo(fleet, job):
    """The demo job through the producer's container: every verdict is the documented one."""
    (fleet.folder / "tasks/demo.jsonl").write_text((ROOT / "compose/demo/demo.jsonl").read_text())
    done = fleet.producer("publish", "/tasks/demo.jsonl", "--job", job, "--wait", "--timeout", "300", check=False)
    rows = fleet.sql(f"SELECT task_id, status || '/' || reason, worker, run_ms, errors FROM executions WHERE job_id = '{job}'")
    found = {row[0]: row[1:] for row in rows}
    differing = [f"{name}: documented {verdict}, found {' '.join(found.get(name, ['no verdict']))}"
                 for name, verdict in documented().items() if found.get(name, [None])[0] != verdict]
    assert not differing, "\n".join(differing) + f"\n{done.stdout[-1000:]}{done.stderr[-1000:]}"
    assert done.returncode == 1, done.stdout + done.stderr  # its tasks are meant to end in every way


def port_opens(fleet, container, address, port):
    """From inside a container, by bash: does a TCP connection open within some seconds?"""
    return fleet.execute(container, "timeout", "6", "bash", "-c", f"exec 3<>/dev/tcp/{address}/{port}").returncode == 0


def assert_reached(fleet, container, address, port):
    """What shows that a refusal elsewhere means something; a busy machine may need several tries."""
    wait_until(lambda: port_opens(fleet, container, address, port), 60, f"{address}:{port} to be reached from {container}")
