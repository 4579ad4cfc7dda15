"""A fleet that talks TLS: compose/local's demonstration with certificates that the tests made; and what each of its programs says.

Fixtures
  servers    (session)  as elsewhere, but with TLS on (beside plain listeners on loopback), on a state that a fleet can run on
  authority  (session)  the authority that the fleet knows (lib/certificates.py)
  fleet      (session)  the whole fleet, after `compose/local demo`: fleet.env("assay-worker"), fleet.run("assay-worker", ...)
"""
import os
import pathlib
import re
import subprocess

import pytest

from lib.certificates import Authority
from lib.servers import Servers
from lib.waiting import wait_until


def exported(path):
    """The variables of one of compose/local's files."""
    script = f"set -a; . '{path}'; env -0"
    done = subprocess.run(["/bin/bash", "-c", script], env={}, capture_output=True, check=True)
    pairs = (entry.split("=", 1) for entry in done.stdout.decode().split("\0") if entry)
    return {name: value for name, value in pairs if name.startswith(("ASSAY_", "PG"))}


class Fleet:
    def __init__(self, servers, build):
        self.servers, self.state, self.build = servers, servers.state, build

    def env(self, program, **more):
        name = "env" if program == "assay-producer" else f"{program}.env"
        env = {name: value for name, value in os.environ.items() if not name.startswith(("ASSAY_", "PG"))}
        return {**env, **exported(self.state / "env" / name), "ASSAY_NO_LOCAL_ENV": "1", **more}

    def run(self, program, *words, seconds=120, stdin=None, **more):
        return subprocess.run([self.build / "bin" / program, *map(str, words)], env=self.env(program, **more), input=stdin,
                              stdin=subprocess.DEVNULL if stdin is None else None, capture_output=True, text=True,
                              timeout=seconds, check=False)

    def url(self, program, variable, **change):
        """One of a program's URLs with parts changed: host, port, password, scheme, query."""
        scheme, user, password, host, port, path, query = re.fullmatch(
            r"(\w+)://([^:]+):([^@]+)@([^:]+):(\d+)/([^?]*)(?:\?(.*))?", self.env(program)[variable]).groups()
        parts = {"scheme": scheme, "password": password, "host": host, "port": port, "query": query, **change}
        tail = f"?{parts['query']}" if parts["query"] else ""
        return f"{parts['scheme']}://{user}:{parts['password']}@{parts['host']}:{parts['port']}/{path}{tail}"

    def present(self, user, certificate):
        """Lets a server (its user: rabbitmq or postgres) answer with another certificate from now on."""
        folder = self.state / "tls" / user
        (folder / "server.pem").write_bytes(certificate.read_bytes())
        (folder / "server.key").write_bytes(certificate.with_suffix(".key").read_bytes())
        if user == "rabbitmq":
            self.servers.rabbitmqctl("eval", "ssl:clear_pem_cache().")
        else:
            self.servers.superuser("SELECT pg_reload_conf()")
        serial = _serial(certificate.read_bytes())
        place = ("amqps", None) if user == "rabbitmq" else ("postgresql", "postgres")
        wait_until(lambda: _serial(self._served(*place)) == serial, 30, f"{user} to present the certificate")

    def _served(self, port, starttls):
        words = ["openssl", "s_client", "-connect", f"localhost:{self.servers.port(port)}", "-servername", "localhost"]
        done = subprocess.run([*words, *(["-starttls", starttls] if starttls else [])], stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=30, check=False)
        return done.stdout


def _serial(pem):
    return subprocess.run(["openssl", "x509", "-noout", "-serial"], input=pem, capture_output=True, timeout=30, check=True).stdout


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    made = Authority(tmp_path_factory.mktemp("authority"))
    made.issue("server")
    return made


@pytest.fixture(scope="session")
def servers(authority):
    running = Servers()
    try:
        running.local("servers", env={"ASSAY_TLS": str(authority.folder)})
        yield running
    finally:
        running.down()


@pytest.fixture(scope="session")
def fleet(servers, build):
    made = Fleet(servers, build)
    # 1: a verdict differs, as on a machine so loaded that a limit of wall time comes before one of CPU time.
    made.said = servers.local("demo", env={"ASSAY_BUILD": str(build)}, codes=(0, 1))
    return made
