"""The collector as a program: command line, start, pages."""
import json
import signal

from collecting import page, result, settle

from lib.ports import free_port
from lib.waiting import wait_until


def test_usage(site, tmp_path):
    for words in ([], ["walk"], ["run", "walk"], ["run", "--dry-run"], ["prune", "--older-than", "0"], ["prune", "--older-than", "x"],
                  ["--bogus"], ["--config"], ["--config", "/nonexistent", "run"]):
        done = site.run("assay-collector", *words)
        assert done.returncode == 2, (words, done.stderr)
        assert done.stderr.count("\n") == 1, done.stderr
    named = site.run("assay-collector", "migrate", env={"ASSAY_COLLECTOR_CONFIG": "/nonexistent/c.cfg"})
    assert named.returncode == 2 and "/nonexistent/c.cfg" in named.stderr
    for word in ("--help", "--version"):
        done = site.run("assay-collector", word)
        assert done.returncode == 0 and "assay-collector" in done.stdout
    sample = tmp_path / "sample.cfg"
    sample.write_text(site.run("assay-collector", "--print-config").stdout)
    assert site.run("assay-collector", "--config", sample, "migrate").returncode == 0
    sample.write_text("batch: { rows = 10; };\nretension_days = 3;\n")
    done = site.run("assay-collector", "--config", sample, "migrate")
    assert done.returncode == 2 and f"{sample}:2: retension_days" in done.stderr and "retention_days" in done.stderr


def test_unreachable_and_denied(site):
    cases = [({"ASSAY_PG_URL": "postgresql://a:secret@127.0.0.1:1/x"}, "run"), ({"ASSAY_PG_URL": "postgresql://a:secret@127.0.0.1:1/x"},
             "migrate"), ({"ASSAY_AMQP_URL": "amqp://a:secret@127.0.0.1:1/x"}, "run"),
             ({"ASSAY_AMQP_URL": site.amqp_url("assay-collector", "secret")}, "run"),
             ({"ASSAY_PG_URL": site.pg_url().replace(site.servers.secret("pg-assay_collector"), "secret")}, "run")]
    for env, command in cases:
        done = site.run("assay-collector", command, env=env)
        assert done.returncode == 3, (env, done.stderr)
        assert "secret" not in done.stderr


def test_secret_from_a_file(site, tmp_path):
    secret = tmp_path / "pg_url"
    secret.write_text(site.pg_url() + "\n")
    env = site.env("assay-collector")
    env.pop("ASSAY_PG_URL")
    assert "ASSAY_PG_URL" not in env
    done = site.run("assay-collector", "migrate", env={"ASSAY_PG_URL_FILE": secret})
    assert done.returncode == 0
    collector = site.start("assay-collector", "migrate", env={"ASSAY_PG_URL_FILE": "/nonexistent"})
    assert collector.wait() in (0, 2)


def test_pages(site, publisher):
    port = free_port()
    collector = site.start_collector(ASSAY_COLLECTOR_HTTP_LISTEN=f"127.0.0.1:{port}", ASSAY_COLLECTOR_NAME="c1")
    publisher.results([result("t1"), result("t1"), result("t2", status="fail", reason="assertion")])
    site.wait_for_rows(2, "j")
    settle(site, publisher)
    assert page(port, "/healthz") == page(port, "/health") == (200, "ok\n")
    assert page(port, "/readyz") == (200, "ready\n")
    status = json.loads(page(port, "/status")[1])
    assert (status["name"], status["broker"], status["database"]) == ("c1", True, True)
    assert (status["inserted"], status["duplicates"], status["held"]) == (3, 1, 0)  # one is the barrier
    metrics = page(port, "/metrics")[1]
    values = {}
    for line in metrics.splitlines():
        if not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            values[name] = float(value)
    assert values["assay_collector_rows_inserted_total"] == 3
    assert values["assay_collector_broker_up"] == values["assay_collector_database_up"] == 1
    assert values['assay_collector_commit_seconds_bucket{le="+Inf"}'] == values["assay_collector_commit_seconds_count"] >= 1
    assert all(f"# TYPE {name.split('{')[0]} " in metrics for name in values if "_bucket" not in name and not
               name.endswith(("_sum", "_count")))
    collector.signal(signal.SIGTERM)
    assert collector.wait() == 0


def test_ready_follows_the_database(site, servers):
    port = free_port()
    site.start_collector(ASSAY_COLLECTOR_HTTP_LISTEN=f"127.0.0.1:{port}")
    assert page(port, "/readyz")[0] == 200
    servers.stop_database()
    try:
        wait_until(lambda: page(port, "/readyz")[0] == 503, what="not ready")
        assert page(port, "/healthz")[0] == 200
    finally:
        servers.up()
    wait_until(lambda: page(port, "/readyz")[0] == 200, what="ready again")
