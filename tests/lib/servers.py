"""A private RabbitMQ and PostgreSQL on free loopback ports, started by `compose/local servers`."""
import base64
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request

import psycopg2

from lib.waiting import wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Servers:
    """One for a test run. With ASSAY_TEST_STATE set, the servers of that state folder are used (and started when they do not
    run), and left running: quicker while developing."""

    def __init__(self):
        kept = os.environ.get("ASSAY_TEST_STATE")
        self.keep = bool(kept)
        # Not below pytest's temporary folder: that one is private, and the servers run under users of their own.
        self.state = pathlib.Path(kept or tempfile.mkdtemp(prefix="assay-tests-", dir="/var/tmp"))
        if not kept:
            os.chmod(self.state, 0o755)

    def local(self, *words, env=None, codes=(0,)):
        """compose/local on this state, with these variables beside: what it printed. `codes`: the exit codes that are fine."""
        done = subprocess.run([ROOT / "compose/local", *words], env={**os.environ, "ASSAY_STATE": str(self.state), **(env or {})},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, check=False)
        assert done.returncode in codes, f"compose/local {' '.join(words)}:\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def up(self):
        self.local("servers")

    def down(self):
        if self.keep:
            return
        self.local("down")
        shutil.rmtree(self.state, ignore_errors=True)

    def port(self, name):
        return int((self.state / "ports" / name).read_text())

    def secret(self, name):
        return (self.state / "secrets" / name).read_text().strip()

    def pid(self, name):
        return int((self.state / "run" / name).read_text().split()[0])

    def _stop(self, name, number, seconds):
        pid = self.pid(name)
        os.kill(pid, number)

        def gone():
            try:
                return "\nState:\tZ" in pathlib.Path(f"/proc/{pid}/status").read_text()
            except FileNotFoundError:
                return True
        wait_until(gone, seconds, f"the end of {name}")

    def stop_broker(self, number=signal.SIGTERM):
        self._stop("rabbitmq", number, 60)

    def stop_database(self, number=signal.SIGINT):
        """SIGINT is PostgreSQL's fast shutdown, SIGQUIT its crash."""
        self._stop("postgresql", number, 60)

    def restart_broker(self):
        self.stop_broker()
        self.up()

    def restart_database(self):
        self.stop_database()
        self.up()

    def rabbitmqctl(self, *words):
        """RabbitMQ's own administration, for what its management API does not do: alarms."""
        script = ". compose/lib/state.sh; . compose/lib/process.sh; . compose/lib/broker.sh; as_user rabbitmq\n" \
                 'mapfile -t environment < <(broker_environment "$ASSAY_STATE/rabbitmq")\n' \
                 '"${as[@]}" env -i "${environment[@]}" "$(rabbitmq_sbin)/rabbitmqctl" "$@"'
        done = subprocess.run(["/bin/bash", "-c", script, "rabbitmqctl", *map(str, words)], env={**os.environ, "ASSAY_STATE": str(self.state)}, cwd=ROOT,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def management(self, method, path, body=None, seconds=60):
        """RabbitMQ's management HTTP API as administrator: the decoded answer, None when it has no content."""
        token = base64.b64encode(f"assay-admin:{self.secret('assay-admin')}".encode()).decode()
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port('management')}/api/{path}", data=data, method=method,
                                         headers={"Authorization": "Basic " + token, "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def make_vhost(self, vhost, runtimes, *words):
        """All of Assay's users, exchanges, queues and policies in a virtual host of their own."""
        made = subprocess.run([ROOT / "conf/broker/definitions", "--vhost", vhost, "--secrets", self.state / "secrets",
                               "--runtimes", runtimes, *words], capture_output=True, text=True, timeout=60, check=True)
        self.management("POST", "definitions", json.loads(made.stdout))

    def delete_vhost(self, vhost):
        with contextlib.suppress(urllib.error.HTTPError):
            self.management("DELETE", "vhosts/" + urllib.parse.quote(vhost, safe=""))

    def pg_url(self, role, database):
        return f"postgresql://{role}:{self.secret('pg-' + role)}@127.0.0.1:{self.port('postgresql')}/{database}"

    def superuser(self, statement, database="postgres"):
        connection = psycopg2.connect(self.pg_url("postgres", database))
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
        finally:
            connection.close()
