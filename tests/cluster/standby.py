"""A synchronous standby of the PostgreSQL of lib/servers.py, on this machine."""
import glob
import os
import pathlib
import shutil
import subprocess

import psycopg2

from lib.ports import free_port
from lib.waiting import wait_until


def _as_postgres(*words, **more):
    drop = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"] if os.geteuid() == 0 else []
    return subprocess.Popen([*drop, *map(str, words)], stdin=subprocess.DEVNULL, start_new_session=True, **more)


class Standby:
    """Runs, and every commit of the primary waits for it, when this is made."""

    def __init__(self, servers):
        self.servers, self.port = servers, free_port()
        self.folder = pathlib.Path(servers.state) / "standby"
        self.folder.mkdir()
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        programs = pathlib.Path(sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1])
        with open(servers.state / "logs/standby.log", "ab") as log:
            copied = _as_postgres(programs / "pg_basebackup", "-d", servers.pg_url("postgres", "postgres"), "-D", self.folder / "data", "-R", "-X", "stream",
                                  "--checkpoint=fast", stdout=log, stderr=log, cwd="/")
            if copied.wait(120) != 0:
                raise AssertionError((servers.state / "logs/standby.log").read_text())
            self.process = _as_postgres(programs / "postgres", "-D", self.folder / "data", "-p", self.port, "-c", "listen_addresses=127.0.0.1",
                                        "-c", "unix_socket_directories=", "-c", "timezone=UTC", "-c", "max_connections=200", stdout=log, stderr=log, cwd="/")
        servers.superuser("ALTER SYSTEM SET synchronous_standby_names = '*'")
        servers.superuser("SELECT pg_reload_conf()")
        try:
            wait_until(lambda: self.ask(servers.port("postgresql"), "SELECT sync_state FROM pg_stat_replication") == [("sync",)], 60,
                       "a synchronous standby")
        except AssertionError:
            self.down()
            raise AssertionError((servers.state / "logs/standby.log").read_text()) from None

    def ask(self, port, statement, database="postgres"):
        connection = psycopg2.connect(self.url("postgres", database, port))
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall()
        finally:
            connection.close()

    def url(self, role, database, port):
        return f"postgresql://{role}:{self.servers.secret('pg-' + role)}@127.0.0.1:{port}/{database}"

    def urls(self, role, database):
        """Of both, for whoever writes."""
        hosts = f"127.0.0.1:{self.servers.port('postgresql')},127.0.0.1:{self.port}"
        return f"postgresql://{role}:{self.servers.secret('pg-' + role)}@{hosts}/{database}?target_session_attrs=read-write"

    def promote(self):
        assert self.ask(self.port, "SELECT pg_promote(true, 60)") == [(True,)]

    def down(self):
        self.process.terminate()
        self.process.wait(60)
