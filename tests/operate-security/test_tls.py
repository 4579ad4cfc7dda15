"""All three programs over TLS to a real RabbitMQ and PostgreSQL: what they accept, and what they refuse with its cause."""
import json
import re
import socket
import ssl
import threading

import psycopg2
import pytest

from lib.ports import free_port
from lib.processes import Process
from lib.waiting import wait_until

TASK = json.dumps({"task_id": "t", "runtime": "bash", "implementation_code": "true", "cases": [{"expected_stdout": ""}]}) + "\n"


def connections(servers):
    return [c for c in servers.management("GET", "connections") if "user" in c]


def test_every_connection_of_every_program_is_tls(fleet, tmp_path):
    # One that stays: the management API is some seconds late.
    producer = Process([fleet.build / "bin/assay-producer", "pending", "--follow"], fleet.env("assay-producer"), tmp_path / "producer.log")
    try:
        def all_there():
            found = connections(fleet.servers)
            users = {c["user"] for c in found}
            return found if users >= {"assay-producer", "assay-worker", "assay-replier", "assay-collector"} else None
        found = wait_until(all_there, 60, "connections of all four users")
        assert all(c["ssl"] for c in found), [c["client_properties"] for c in found if not c["ssl"]]
        assert {c["ssl_protocol"] for c in found} <= {"tlsv1.2", "tlsv1.3"}
        with psycopg2.connect(fleet.servers.pg_url("postgres", "assay")) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT usename, ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename LIKE 'assay%'")
            sessions = cursor.fetchall()
        assert {user for user, _ in sessions} == {"assay_producer", "assay_collector"} and all(encrypted for _, encrypted in sessions)
    finally:
        assert producer.stop() == 0, producer.errors()
    done = fleet.run("assay-producer", "publish", "-", "--job", "tls", "--wait", stdin=TASK)
    assert done.returncode == 0, done.stderr


def test_answers_to_reply_to_go_over_tls(fleet):
    """The worker's second connection, opened with the first answer."""
    names = {c["client_properties"]["connection_name"]: c["ssl"] for c in connections(fleet.servers)}
    replies = {name: encrypted for name, encrypted in names.items() if name.endswith(" replies")}
    assert any("worker" in name for name in replies) and all(replies.values()), names


def test_status_asks_the_management_api_over_https(fleet):
    assert fleet.env("assay-producer")["ASSAY_MANAGEMENT_URL"].startswith("https://localhost:")
    done = fleet.run("assay-producer", "status")
    assert done.returncode == 0 and "assay.tasks.python" in done.stdout, done.stderr


# What each program says when the broker, or the database, cannot be trusted: (program, words, which URL).
BROKER = [("assay-producer", ("publish", "-"), "ASSAY_AMQP_URL"), ("assay-worker", (), "ASSAY_AMQP_URL"),
          ("assay-collector", ("run",), "ASSAY_AMQP_URL")]
DATABASE = [("assay-producer", ("results", "demo"), "ASSAY_PG_URL"), ("assay-collector", ("run",), "ASSAY_PG_URL"),
            ("assay-collector", ("migrate",), "ASSAY_PG_URL")]


def ask(fleet, program, words, **env):
    """A program that has to end by itself; a worker of a light runtime, so that it comes to its connections soon."""
    more = {"ASSAY_WORKER_RUNTIMES": "bash", "ASSAY_WORKER_NAME": "refused", "ASSAY_WORKER_UID_BASE": "490000"}
    return fleet.run(program, *words, stdin=TASK, **{**(more if program == "assay-worker" else {}), **env})


def check_refused(done, *says):
    assert done.returncode == 3, (done.returncode, done.stdout, done.stderr)
    for text in says:
        assert text in done.stderr, done.stderr


CERTIFICATES = {
    "expired": (lambda a: a.issue("expired", days=-1), "certificate has expired", "renew it"),
    "not_signed": (lambda a: a.self_signed("alone"), "self-signed certificate", "cacertfile=FILE"),
    "wrong_host": (lambda a: a.issue("elsewhere", host="elsewhere.example"), "not made for the host localhost", "name that it has"),
}
DATABASE_SAYS = {
    "expired": ("certificate has expired", "renew it"),
    "not_signed": ("self-signed certificate", "sslrootcert=FILE"),
    "wrong_host": ('does not match host name', "a name that the certificate has"),
}


@pytest.mark.parametrize("kind", CERTIFICATES)
def test_a_certificate_that_proves_nothing_is_refused(fleet, authority, kind):
    make, cause, remedy = CERTIFICATES[kind]
    bad, good = make(authority), authority.folder / "server.pem"
    try:
        fleet.present("rabbitmq", bad)
        for program, words, _ in BROKER:
            check_refused(ask(fleet, program, words), "TLS: the server's certificate is refused", cause, remedy)
        check_refused(fleet.run("assay-producer", "status"), "ASSAY_MANAGEMENT_CA_FILE")
        fleet.present("rabbitmq", good)
        fleet.present("postgres", bad)
        for program, words, _ in DATABASE:
            check_refused(ask(fleet, program, words), *DATABASE_SAYS[kind])
    finally:
        fleet.present("rabbitmq", good)
        fleet.present("postgres", good)
    # A renewed certificate is taken up without a restart of anything.
    assert fleet.run("assay-producer", "results", "demo").returncode == 0
    assert fleet.run("assay-producer", "status").returncode == 0


def test_another_authority_is_refused(fleet, tmp_path_factory):
    from lib.certificates import Authority  # pylint: disable=import-outside-toplevel
    other = Authority(tmp_path_factory.mktemp("other"), "Somebody else")
    query = f"cacertfile={other.file}"
    for program, words, variable in BROKER:
        check_refused(ask(fleet, program, words, ASSAY_AMQP_URL=fleet.url(program, variable, query=query)), "the server's certificate is refused",
                      "name the file of the authority that signed it")
    query = f"sslmode=verify-full&sslrootcert={other.file}"
    for program, words, variable in DATABASE:
        check_refused(ask(fleet, program, words, ASSAY_PG_URL=fleet.url(program, variable, query=query)), "sslrootcert=FILE")


def test_files_that_cannot_be_read_are_named(fleet):
    url = fleet.url("assay-producer", "ASSAY_AMQP_URL", query="cacertfile=/nowhere.pem")
    done = ask(fleet, "assay-producer", ("publish", "-"), ASSAY_AMQP_URL=url)
    assert done.returncode == 2 and "/nowhere.pem" in done.stderr, done.stderr
    url = fleet.url("assay-producer", "ASSAY_PG_URL", query="sslmode=verify-full&sslrootcert=/nowhere.pem")
    check_refused(fleet.run("assay-producer", "results", "demo", ASSAY_PG_URL=url), "/nowhere.pem", "sslrootcert=FILE")


def test_the_database_takes_no_connection_without_tls(fleet):
    url = fleet.url("assay-producer", "ASSAY_PG_URL", query="sslmode=disable")
    check_refused(fleet.run("assay-producer", "results", "demo", ASSAY_PG_URL=url), "no encryption", "sslmode")


def test_tls_to_a_listener_without_it_and_the_other_way_round(fleet):
    plain, encrypted = fleet.servers.port("amqp"), fleet.servers.port("amqps")
    url = fleet.url("assay-producer", "ASSAY_AMQP_URL", port=plain)
    check_refused(ask(fleet, "assay-producer", ("publish", "-"), ASSAY_AMQP_URL=url), "is this the TLS port")
    url = fleet.url("assay-producer", "ASSAY_AMQP_URL", scheme="amqp", port=encrypted, query=None)
    check_refused(ask(fleet, "assay-producer", ("publish", "-"), ASSAY_AMQP_URL=url), "amqps://")


class AsksForCertificate:
    """A TLS server that wants a certificate of the client, before the broker's plain listener."""

    def __init__(self, authority, target):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(authority.folder / "server.pem", authority.folder / "server.key")
        self.context.load_verify_locations(authority.file)
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.target, self.port, self.clients = target, free_port(), []
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                plain, _ = self.listener.accept()
                client = self.context.wrap_socket(plain, server_side=True)
            except ssl.SSLError:
                continue
            except OSError:
                return
            self.clients.append(dict(part[0] for part in client.getpeercert()["subject"]))
            server = socket.create_connection(("127.0.0.1", self.target))
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    @staticmethod
    def _copy(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def test_a_certificate_of_our_own(fleet, authority):
    mine = authority.issue("producer", host="producer.example")
    asks = AsksForCertificate(authority, fleet.servers.port("amqp"))
    query = f"cacertfile={authority.file}"
    url = fleet.url("assay-producer", "ASSAY_AMQP_URL", port=asks.port, query=query)
    check_refused(ask(fleet, "assay-producer", ("publish", "-"), ASSAY_AMQP_URL=url), "certfile=FILE&keyfile=FILE")
    assert not asks.clients
    url = fleet.url("assay-producer", "ASSAY_AMQP_URL", port=asks.port, query=f"{query}&certfile={mine}&keyfile={mine.with_suffix('.key')}")
    done = ask(fleet, "assay-producer", ("publish", "-"), ASSAY_AMQP_URL=url)
    assert done.returncode == 0, done.stderr
    assert asks.clients == [{"commonName": "producer"}]
    asks.listener.close()


def test_passwords_are_stored_and_asked_for_by_scram_alone(fleet):
    servers = fleet.servers
    with psycopg2.connect(servers.pg_url("postgres", "assay")) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT auth_method FROM pg_hba_file_rules WHERE error IS NULL")
        assert cursor.fetchall() == [("scram-sha-256",)]
        cursor.execute("SELECT rolname, rolpassword ~ '^SCRAM-SHA-256\\$' FROM pg_authid WHERE rolcanlogin")
        stored = dict(cursor.fetchall())
        assert stored == {"postgres": True, "assay_collector": True, "assay_producer": True}
        cursor.execute("SHOW password_encryption")
        assert cursor.fetchone() == ("scram-sha-256",)
    for url in (re.sub(":[^:@]+@", "@", servers.pg_url("postgres", "assay")), servers.pg_url("postgres", "assay").replace("@", "x@")):
        with pytest.raises(psycopg2.OperationalError, match="password"):
            psycopg2.connect(url)


def test_an_md5_password_does_not_log_in(fleet):
    servers = fleet.servers
    servers.superuser("ALTER ROLE assay_producer PASSWORD 'md5" + "0" * 32 + "'")
    try:
        done = fleet.run("assay-producer", "results", "demo")
        check_refused(done, "28P01")
    finally:
        servers.superuser(f"ALTER ROLE assay_producer PASSWORD '{servers.secret('pg-assay_producer')}'")
    assert fleet.run("assay-producer", "results", "demo").returncode == 0
