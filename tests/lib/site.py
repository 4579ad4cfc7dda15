"""A site: a virtual host and a database of one test, and what a test does with them."""
import json
import os
import pathlib
import signal
import subprocess
import urllib.request
import uuid

import pika
import psycopg2

from lib.ports import free_port
from lib.processes import Process
from lib.servers import ROOT
from lib.waiting import wait_until

# User ids of the workers' sandboxes: no two workers of a machine may share one.
FIRST_UID = 500000
# Answers "pass" to every task without running it (tests/tools/noop_worker.c).
NOOP_WORKER = "tool_noop_worker"


def make_template(servers, build, name):
    """A migrated database of that name, of which each site's is a copy."""
    servers.superuser(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    servers.superuser(f"CREATE DATABASE {name} OWNER assay_collector")
    env = {**os.environ, "ASSAY_NO_LOCAL_ENV": "1", "ASSAY_PG_URL": servers.pg_url("assay_collector", name)}
    done = subprocess.run([build / "bin/assay-collector", "migrate"], env=env, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return name


class Site:
    def __init__(self, servers, folder, runtimes, template=None):
        self.servers = servers
        self.folder = pathlib.Path(folder)
        self.name = "test_" + uuid.uuid4().hex[:12]
        self.vhost = self.database = self.name
        self.build = pathlib.Path(os.environ.get("ASSAY_BUILD", ROOT / "build/asan"))
        self.processes = []
        self._connections = []
        self._workers = 0
        servers.make_vhost(self.vhost, runtimes)
        if template:
            servers.superuser(f"CREATE DATABASE {self.database} OWNER assay_collector TEMPLATE {template}")

    def close(self):
        for connection in self._connections:
            try:
                connection.close()
            except Exception:  # pylint: disable=broad-except
                pass  # the test may have broken it on purpose
        for process in self.processes:
            process.signal(signal.SIGCONT)  # a test may have stopped it
            process.signal(signal.SIGTERM)
        for process in self.processes:
            if process.alive():
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
        self.servers.delete_vhost(self.vhost)
        self.servers.superuser(f"DROP DATABASE IF EXISTS {self.database} WITH (FORCE)")

    # -- addresses ---------------------------------------------------------------------------------------------------------

    def amqp_url(self, user="assay-admin", password=None, port=None):
        return f"amqp://{user}:{password or self.servers.secret(user)}@127.0.0.1:{port or self.servers.port('amqp')}/{self.vhost}"

    def pg_url(self, role="assay_collector"):
        return self.servers.pg_url(role, self.database)

    def env(self, program, **more):
        """The environment of one of our programs, with the least rights, as compose/local gives it."""
        env = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
        env.update(ASSAY_NO_LOCAL_ENV="1", ASSAY_LOG="json",
                   ASAN_OPTIONS=env.get("ASAN_OPTIONS", "detect_leaks=1"), UBSAN_OPTIONS="print_stacktrace=1")
        if program == "assay-producer":
            env.update(ASSAY_AMQP_URL=self.amqp_url("assay-producer"), ASSAY_PG_URL=self.pg_url("assay_producer"),
                       ASSAY_MANAGEMENT_URL=f"http://127.0.0.1:{self.servers.port('management')}",
                       ASSAY_MANAGEMENT_USER="assay-monitor", ASSAY_MANAGEMENT_PASSWORD=self.servers.secret("assay-monitor"))
        elif program in ("assay-worker", NOOP_WORKER):
            env.update(ASSAY_AMQP_URL=self.amqp_url("assay-worker"), ASSAY_REPLY_AMQP_URL=self.amqp_url("assay-replier"))
        elif program == "assay-collector":
            env.update(ASSAY_AMQP_URL=self.amqp_url("assay-collector"), ASSAY_PG_URL=self.pg_url("assay_collector"),
                       ASSAY_REPLY_AMQP_URL=self.amqp_url("assay-replier"))
        env.update({name: str(value) for name, value in more.items()})
        return env

    # -- programs ----------------------------------------------------------------------------------------------------------

    def run(self, program, *words, stdin=None, seconds=120, env=None):
        """Runs a program to its end: CompletedProcess with text. `env`: variables over those of env()."""
        return subprocess.run([self.build / "bin" / program, *map(str, words)], env=self.env(program, **(env or {})), input=stdin,
                              stdin=subprocess.DEVNULL if stdin is None else None, capture_output=True, text=True,
                              errors="replace", timeout=seconds, check=False, cwd=self.folder)

    def start(self, program, *words, env=None, before=()):
        """Starts a program in the background: a Process, stopped at the end of the test at the latest. `before`: words that run it, e.g. nsenter."""
        log = self.folder / f"{program}-{len(self.processes)}.log"
        process = Process([*before, self.build / "bin" / program, *map(str, words)], self.env(program, **(env or {})), log, self.folder)
        self.processes.append(process)
        return process

    def start_worker(self, runtimes="python", slots=1, name=None, wait=True, noop=False, before=(), **env):
        """A worker that consumes already, when this returns (unless wait=False). Further variables as keywords. With `noop` it
        runs nothing and answers at once, or after the milliseconds that a task's label noop_ms says."""
        self._workers += 1
        address = f"127.0.0.1:{free_port()}"
        uid_base = FIRST_UID + 64 * (os.getpid() % 1000 * 16 + self._workers)
        settings = {"ASSAY_WORKER_RUNTIMES": runtimes, "ASSAY_WORKER_SLOTS": slots, "ASSAY_HTTP_LISTEN": address,
                    "ASSAY_WORKER_NAME": name or f"worker-{self._workers}",
                    "ASSAY_WORKER_UID_BASE": uid_base, **env}
        worker = self.start(NOOP_WORKER if noop else "assay-worker", env=settings, before=before)
        worker.address, worker.uid_base = settings["ASSAY_HTTP_LISTEN"], int(settings["ASSAY_WORKER_UID_BASE"])
        if wait:
            def consuming():
                assert worker.alive(), "it ended"
                return self.status(worker)["consuming"]
            try:
                wait_until(consuming, 60, "the worker to consume")
            except AssertionError as problem:
                raise AssertionError(f"{problem}\n{worker.errors()[-4000:]}") from None
        return worker

    @staticmethod
    def status(worker):
        """What a worker says of itself: the JSON of its /status."""
        with urllib.request.urlopen(f"http://{worker.address}/status", timeout=10) as answer:
            return json.load(answer)

    def wait_busy(self, worker, slots=1, seconds=30):
        """Waits until that many slots of a worker run tasks."""
        wait_until(lambda: self.status(worker)["busy"] == slots, seconds, f"{slots} busy slots", every=0.02)

    def start_collector(self, wait=True, before=(), **env):
        """A collector that consumes already, when this returns (unless wait=False)."""
        collector = self.start("assay-collector", "run", env=env, before=before)
        if wait:
            collector.wait_for_log("; consuming", 60)
        return collector

    def producer(self, *words, stdin=None, seconds=300, env=None):
        """Runs assay-producer to its end."""
        return self.run("assay-producer", *words, stdin=stdin, seconds=seconds, env=env)

    def write_tasks(self, tasks, name="tasks.jsonl"):
        """A JSONL file of these dicts: its path."""
        path = self.folder / name
        path.write_text("".join(json.dumps(task) + "\n" for task in tasks))
        return path

    # -- broker ------------------------------------------------------------------------------------------------------------

    def pika(self, user="assay-admin"):
        """A pika BlockingConnection, closed at the end of the test."""
        parameters = pika.URLParameters(self.amqp_url(user))
        parameters.heartbeat = 0
        connection = pika.BlockingConnection(parameters)
        self._connections.append(connection)
        return connection

    def _inspect(self, queue):
        """RabbitMQ tells 0 and 0 of a quorum queue whose leader has not answered within 250 ms (rabbit_fifo_client:stat): that is asked again."""
        connection = pika.BlockingConnection(pika.URLParameters(self.amqp_url()))
        try:
            channel = connection.channel()
            for _ in range(3):
                found = channel.queue_declare(queue, passive=True).method
                if found.message_count or found.consumer_count:
                    break
            return found
        finally:
            connection.close()

    def depth(self, queue):
        """Messages ready in a queue, now (the management API's numbers are seconds old)."""
        return self._inspect(queue).message_count

    def consumers(self, queue):
        return self._inspect(queue).consumer_count

    def publish(self, body, runtime="python", exchange="assay.tasks", properties=None, user="assay-producer"):
        """Publishes one message by pika, confirmed and mandatory. `body`: a dict (JSON), text or bytes."""
        connection = self.pika(user)
        channel = connection.channel()
        channel.confirm_delivery()
        body = json.dumps(body) if isinstance(body, dict) else body
        task_properties = properties or pika.BasicProperties(content_type="application/json", delivery_mode=2, type="assay.task.v1")
        channel.basic_publish(exchange, runtime, body, task_properties, mandatory=True)
        connection.close()

    def get(self, queue, seconds=30):
        """The next message of a queue as (properties, decoded JSON), acknowledged."""
        channel = self.pika().channel()

        def message():
            method, properties, body = channel.basic_get(queue)
            return method and (method, properties, body)
        method, properties, body = wait_until(message, seconds, f"a message in {queue}")
        channel.basic_ack(method.delivery_tag)
        return properties, json.loads(body)

    def management(self, method, path, body=None):
        """Management API; `{vhost}` in the path stands for this site's."""
        return self.servers.management(method, path.replace("{vhost}", self.vhost), body)

    # -- database ----------------------------------------------------------------------------------------------------------

    def sql(self, statement, *parameters, role="postgres"):
        """Runs one statement (psycopg2's %s) and commits: the rows as tuples, [] without any."""
        connection = psycopg2.connect(self.servers.pg_url(role, self.database))
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement, parameters or None)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def value(self, statement, *parameters):
        """The only value of the only row."""
        rows = self.sql(statement, *parameters)
        if len(rows) != 1:
            raise LookupError(f"{len(rows)} rows instead of one: {statement}")
        return rows[0][0]

    def wait_for_rows(self, count, job="default", seconds=60):
        """Waits until `executions` holds `count` rows of a job; their (task_id, status, reason), by task_id."""
        def stored():
            rows = self.sql("SELECT task_id, status::text, reason::text FROM executions WHERE job_id = %s ORDER BY task_id", job)
            assert len(rows) <= count, f"{len(rows)} rows, more than {count}"
            return rows if len(rows) == count else None
        return wait_until(stored, seconds, f"{count} rows of job {job}")
