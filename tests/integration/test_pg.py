"""common/pg.h against a real PostgreSQL, driven through tests/tools/pg_probe.c."""
import socket

import pytest

from lib.probe import Probe


@pytest.fixture
def database(servers):
    servers.superuser("DROP DATABASE IF EXISTS assay_pg_probe WITH (FORCE)")
    servers.superuser("CREATE DATABASE assay_pg_probe OWNER assay_collector")
    yield "assay_pg_probe"
    servers.superuser("DROP DATABASE IF EXISTS assay_pg_probe WITH (FORCE)")


@pytest.fixture
def probe(servers, build, database):
    started = []

    def start(url=None):
        made = Probe(build / "bin/tool_pg_probe", url or servers.pg_url("assay_collector", database))
        started.append(made)
        return made
    yield start
    for made in started:
        made.close()
        assert not [line for line in made.stderr if "Sanitizer" in line], "".join(made.stderr)


def both(probe, statement):
    """The answers of the waiting call and of the event-loop calls, which must be alike."""
    probe.say(statement)
    first, second = probe.next(), probe.next()
    assert first == second
    return first


def test_values_rows_and_affected(probe):
    client = probe()
    assert both(client, "SELECT 'zwölf' UNION ALL SELECT 'x'")["rows"] == 2
    assert both(client, "SELECT NULL::text")["value"] is None
    client.say("wait: CREATE TABLE t (n integer PRIMARY KEY)")
    client.next()
    client.say("wait: INSERT INTO t SELECT generate_series(1, 5)")
    assert client.next()["affected"] == 5
    assert both(client, "SELECT count(*) FROM t")["value"] == "5"
    client.say("loop: SELECT repeat('x', 20000000)")
    assert len(client.next()["value"]) == 20000000


def test_refused_statement_has_its_sqlstate_and_the_connection_lives(probe):
    client = probe()
    answer = both(client, "SELECT nothing")
    assert (answer["code"], answer["sqlstate"], answer["alive"]) == ("protocol", "42703", True)
    assert "\n" not in answer["text"] and "nothing" in answer["text"]
    assert both(client, "SELECT 1")["value"] == "1"


def test_missing_permission_is_denied(probe, servers, database):
    client = probe(servers.pg_url("assay_producer", database))
    assert both(client, "CREATE TABLE t (n integer)")["code"] == "denied"


def test_wrong_password_is_denied_and_not_shown(probe, servers, database):
    url = servers.pg_url("assay_collector", database).replace(servers.secret("pg-assay_collector"), "wr0ng")
    client = probe(url)
    answer = client.next()
    assert answer["code"] == "denied" and "wr0ng" not in answer["text"] and "assay_collector" in answer["text"]
    assert "ASSAY_PG_URL" in answer["text"] and "LOCATION" not in answer["text"]
    assert client.child.wait(10) == 3


def test_unknown_database_is_named(probe, servers):
    answer = probe(servers.pg_url("assay_collector", "nowhere")).next()
    assert answer["code"] == "unreachable" and "nowhere" in answer["text"] and "create the database" in answer["text"]


def test_nobody_listens(probe):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        answer = probe(f"postgresql://u:s3cret@127.0.0.1:{taken.getsockname()[1]}/x").next()
    assert answer["code"] == "unreachable" and "is PostgreSQL running" in answer["text"] and "s3cret" not in answer["text"]


def test_silent_peer_times_out(probe):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        answer = probe(f"postgresql://u:s3cret@127.0.0.1:{silent.getsockname()[1]}/x").next(seconds=20)
    assert answer["code"] == "unreachable" and "within 5 s" in answer["text"]


@pytest.mark.parametrize("words", ["", "?target_session_attrs=read-write"])
def test_a_silent_host_and_a_dead_one_are_passed_over(probe, servers, database, words):
    with socket.socket() as silent, socket.socket() as dead:
        for one in (silent, dead):
            one.bind(("127.0.0.1", 0))
        silent.listen()
        hosts = f"127.0.0.1:{silent.getsockname()[1]},127.0.0.1:{dead.getsockname()[1]},localhost:"
        url = servers.pg_url("assay_collector", database).replace("127.0.0.1:", hosts)
        assert both(probe(url + words), "SELECT 7")["value"] == "7"
        answer = probe(url.replace(str(servers.port("postgresql")), str(dead.getsockname()[1])) + "?connect_timeout=1").next()
        assert answer["code"] == "unreachable" and "within 1 s" in answer["text"] and "is PostgreSQL running" in answer["text"]


@pytest.mark.parametrize("url", ["postgresql://u:s3cret@h:1/x y%zz", "postgresql:/u:s3cret@h/x", "host=h password='s3cret",
                                 "postgresql://u:s3cret@h/x?nonsense=1", ""])
def test_malformed_url_is_a_configuration_error_without_the_secret(probe, url):
    client = probe(url or " ")
    answer = client.next()
    if url:
        assert answer["code"] == "config"
    assert "s3cret" not in answer["text"]


def test_ended_session_is_unreachable(probe):
    for how in ("wait", "loop"):
        client = probe()
        client.say(f"{how}: SELECT pg_terminate_backend(pg_backend_pid())")
        answer = client.next()
        assert (answer["code"], answer["alive"]) == ("unreachable", False), how
        client.say(f"{how}: SELECT 1")
        assert client.next()["code"] == "unreachable", how


def test_notification(probe):
    client = probe()
    client.say("wait: LISTEN assay_probe")
    client.next()
    client.say("notified")
    assert client.next()["channel"] is None
    client.say("wait: NOTIFY assay_probe")
    client.next()
    client.say("notified")
    assert client.next()["channel"] == "assay_probe"
