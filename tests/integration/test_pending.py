"""`assay-producer pending`: rows of `reconstructions` become tasks, each once, however many producers run or die."""
import collections
import contextlib
import http.server
import json
import re
import signal
import threading
import time
import urllib.error
import urllib.request

import psycopg2
import pytest

from lib.answers import FAILED, Answers, result
from lib.ports import free_port
from lib.waiting import wait_until

SUITES = {
    "python": ("suite.py", "from implementation import f\n\n\ndef test_one():\n    assert f() == 1\n\n\ndef test_true():\n    assert f\n"),
    "node": ("suite.js", "const test = require('node:test');\nconst assert = require('node:assert');\n"
             "const { f } = require('./implementation.js');\ntest('one', () => assert.equal(f(), 1));\n"
             "test('true', () => assert.ok(f));\n"),
    "c": ("suite.c", "int f(void);\nint main(void)\n{\n    return f() == 1 ? 0 : 1;\n}\n"),
}
PROGRAMS = {
    "python": "def f():\n    return {}\n",
    "node": "exports.f = () => {};\n",
    "c": "int f(void)\n{{\n    return {};\n}}\n",
}


def application(site, name, suite, language):
    return site.value("INSERT INTO applications (name, source_path, test_suite_path, language, split) "
                      "VALUES (%s, '/src', %s, %s, 'train') RETURNING id", name, str(suite), language)


def reconstruction(site, application_id, code="echo hi", model="m-1"):
    requirement = site.value("INSERT INTO requirements (application_id, cet_model_version, requirement_text, phase) "
                             "VALUES (%s, 'v', 'r', 1) RETURNING id", application_id)
    return site.value("INSERT INTO reconstructions (application_id, requirement_id, llm_model, implementation_code) "
                      "VALUES (%s, %s, %s, %s) RETURNING id", application_id, requirement, model, code)


def python_application(site, suite=None, name="app"):
    path = site.folder / "suite.py"
    path.write_text(SUITES["python"][1])
    return application(site, name, suite or path, "python")


def rows(site, count, code="def f():\n    return 1\n"):
    """`count` rows of one application, inserted at once: their ids."""
    app = python_application(site)
    return [row[0] for row in site.sql("INSERT INTO reconstructions (application_id, llm_model, implementation_code) "
                                       "SELECT %s, 'm', %s FROM generate_series(1, %s) RETURNING id", app, code, count)]


def taken(site, queue="assay.tasks.python"):
    channel = site.pika().channel()
    found = []
    while True:
        method, properties, body = channel.basic_get(queue, auto_ack=True)
        if method is None:
            return found
        found.append((properties, json.loads(body)))


def claims(site):
    """(claimed, of these published) rows."""
    return site.sql("SELECT count(*) FILTER (WHERE claimed_until > now()), "
                    "count(*) FILTER (WHERE claimed_until > now() + interval '1 hour') FROM reconstructions")[0]


@contextlib.contextmanager
def held(site, table, waiting):
    """Keeps everybody off a table until so many wait for it: they go on at once, side by side."""
    connection = psycopg2.connect(site.pg_url("postgres"))
    with connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {table}")
    yield
    wait_until(lambda: site.value("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                                  "AND wait_event_type = 'Lock'") == waiting, what=f"{waiting} that wait for {table}")
    connection.close()


# -- the way of a row ------------------------------------------------------------------------------------------------------


def test_500_rows_of_three_languages_and_two_producers(site):
    apps = {}
    for language, (name, text) in SUITES.items():
        (site.folder / name).write_text(text)
        apps[language] = application(site, language, site.folder / name, language)
    expected = {}
    for number in range(500):
        language = list(SUITES)[number % 3]
        answer = 1 if number % 5 else 2
        expected[reconstruction(site, apps[language], PROGRAMS[language].format(answer))] = (language, answer == 1)
    site.start_collector()
    with held(site, "reconstructions", 2):
        producers = [site.start("assay-producer", "pending", env={"ASSAY_PUBLISH_WINDOW": 20}) for _ in range(2)]
    for producer in producers:
        assert producer.wait(120) == 0, producer.errors()
    published = [int(re.search(r"(\d+) rows published", producer.output()).group(1)) for producer in producers]
    assert sum(published) == 500 and all(published), published
    assert sum(site.depth("assay.tasks." + language) for language in SUITES) == 500
    assert claims(site) == (500, 500)
    site.start_worker("python,node,c", slots=2, wait=False)
    site.wait_for_rows(500, "reconstructions", 1200)
    counted = collections.Counter()
    for row in site.sql("SELECT r.id, r.test_results, r.test_pass_rate, r.execution_time, e.status, e.test_pass_rate, "
                        "e.reconstruction_id, e.labels, t.signal_type, t.signal_value, t.requirement_id = r.requirement_id, "
                        "r.claimed_by "
                        "FROM reconstructions r JOIN executions e ON e.task_id = 'reconstruction/' || r.id "
                        "JOIN training_signals t ON t.reconstruction_id = r.id"):
        identity, results, rate, seconds, status, stored_rate, stored_id, labels, kind, value, same, owner = row
        language, good = expected[identity]
        counted[identity] += 1
        assert status == ("pass" if good else "fail"), (language, results)
        assert results["status"] == status and (rate == 1.0) is good
        assert rate == stored_rate == value == results["test_pass_rate"]
        assert seconds > 0 and stored_id == identity and same
        assert labels == {"application": language, "model": "m-1"}
        assert kind == "reconstruction_success"
        assert bool(results["errors"]) is not good
        assert owner is None
    assert counted == {identity: 1 for identity in expected}
    assert "0 rows published" in site.producer("pending").stdout


def test_message_of_a_row(site):
    identity = reconstruction(site, python_application(site, name="shop"), "def f(): return 1", "m-7")
    done = site.producer("pending", "--job", "nightly")
    assert done.returncode == 0, done.stderr
    (properties, body), = taken(site)
    assert properties.message_id == body["task_id"] == f"reconstruction/{identity}"
    assert body["job_id"] == "nightly" and body["reconstruction_id"] == identity
    assert body["labels"] == {"application": "shop", "model": "m-7"}
    assert body["implementation_code"] == "def f(): return 1" and body["test_suite_code"] == SUITES["python"][1]
    properties, job = site.get("assay.results")
    assert (properties.type, job["job_id"], job["total"]) == ("assay.job.v1", "nightly", 1)


def test_a_claimed_row_is_left_alone_until_its_lease_ends(site):
    rows(site, 20)
    assert "20 rows" in site.producer("pending").stdout
    assert "0 rows" in site.producer("pending").stdout
    site.sql("UPDATE reconstructions SET claimed_until = now() - interval '1 s' WHERE id % 2 = 0")
    assert "10 rows" in site.producer("pending").stdout


def test_a_killed_producer_gives_its_claims_back(site):
    identities = rows(site, 200)
    lease = {"ASSAY_PENDING_CLAIM_LEASE_S": 5}
    first = site.start("assay-producer", "pending", "--rate", "50", env=lease)
    wait_until(lambda: site.depth("assay.tasks.python") > 20, 30, "the first tasks")
    first.kill()
    second = site.start("assay-producer", "pending", "--follow", env={**lease, "ASSAY_PENDING_POLL_S": 1})
    wait_until(lambda: claims(site) == (200, 200), 60, "all rows to be published")
    assert second.stop() == 0
    published = collections.Counter(body["reconstruction_id"] for _, body in taken(site))
    assert set(published) == set(identities)
    assert sum(published.values()) <= 200 + 100, "more than a window came twice"


def test_a_slow_producer_keeps_its_claims(site):
    rows(site, 40)
    lease = {"ASSAY_PENDING_CLAIM_LEASE_S": 5}
    slow = site.start("assay-producer", "pending", "--rate", "4", env=lease)
    wait_until(lambda: site.depth("assay.tasks.python") > 0, 30, "the first task")
    other = site.start("assay-producer", "pending", "--follow", env={**lease, "ASSAY_PENDING_POLL_S": 1})
    assert slow.wait(60) == 0
    assert other.stop() == 0
    assert "40 rows" in slow.output() and "0 rows" in other.output()
    assert site.depth("assay.tasks.python") == 40


def test_a_terminated_producer_gives_its_claims_back_at_once(site):
    rows(site, 100)
    producer = site.start("assay-producer", "pending", "--rate", "20")
    wait_until(lambda: site.depth("assay.tasks.python") > 3, 30, "the first tasks")
    assert producer.stop() == 143
    depth = site.depth("assay.tasks.python")
    assert claims(site) == (depth, depth)
    assert f"{100 - depth} rows" in site.producer("pending").stdout


def test_follow_takes_new_rows_as_they_come(site):
    producer = site.start("assay-producer", "pending", "--follow", env={"ASSAY_PENDING_POLL_S": 3600})
    wait_until(lambda: site.sql("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN%%' OR query LIKE 'WITH free%%'"), 30,
               "it to listen")
    for count in (1, 2):
        start = time.monotonic()
        reconstruction(site, python_application(site, name=f"app{count}"))
        wait_until(lambda: site.depth("assay.tasks.python") == count, 10, "the row")  # pylint: disable=cell-var-from-loop
        assert time.monotonic() - start < 10
    assert producer.stop() == 0
    assert "2 rows published" in producer.output()


def test_follow_survives_the_database_and_the_broker(site):
    producer = site.start("assay-producer", "pending", "--follow", env={"ASSAY_PENDING_POLL_S": 1})
    reconstruction(site, python_application(site, name="first"))
    wait_until(lambda: claims(site) == (1, 1), 30, "the first row")
    site.servers.restart_database()
    reconstruction(site, python_application(site, name="second"))
    wait_until(lambda: claims(site) == (2, 2), 60, "the second row")
    site.servers.restart_broker()
    reconstruction(site, python_application(site, name="third"))
    wait_until(lambda: claims(site) == (3, 3), 60, "the third row")
    assert producer.stop() == 0, producer.errors()
    assert len({body["task_id"] for _, body in taken(site)}) == 3


# -- what cannot be published ----------------------------------------------------------------------------------------------


class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self):  # pylint: disable=invalid-name
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/suite")
            self.end_headers()
            return
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "file:///etc/passwd")
            self.end_headers()
            return
        if self.path == "/absent":
            self.send_error(404)
            return
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(OSError):
            if self.path == "/endless":
                for _ in range(1000):
                    self.wfile.write(b"#" * 4096)
            elif self.path == "/slow":
                while not self.server.over.wait(0.05):
                    self.wfile.write(b"#")
            else:
                self.wfile.write(SUITES["python"][1].encode())

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


@pytest.fixture
def pages():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        server.over = threading.Event()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.over.set()
        server.shutdown()


@pytest.mark.parametrize("page", ["/suite", "/moved"])
def test_a_suite_from_the_web(site, pages, page):
    reconstruction(site, python_application(site, pages + page))
    assert site.producer("pending").returncode == 0
    assert taken(site)[0][1]["test_suite_code"] == SUITES["python"][1]


@pytest.mark.parametrize("suite, says", [
    ("{pages}/endless", "larger than 65536 bytes (suite.max_bytes)"),
    ("{pages}/slow", "took longer than 1.0 s (suite.timeout_s)"),
    ("{pages}/absent", "HTTP 404"),
    ("{pages}/away", "not an http or https URL"),
    ("http://127.0.0.1:1/suite", "onnect"),
    ("ftp://127.0.0.1/suite", "a file path or an http or https URL"),
    ("/absent/suite.py", "No such file"),
    ("/proc", "it is a folder"),
    ("/dev/zero", "larger than 65536 bytes (suite.max_bytes)"),
    ("{folder}/empty-is-fine-but-not-utf8", "UTF-8"),
    ("", "test_suite_path is empty"),
])
def test_a_suite_that_cannot_be_had_is_refused_by_name(site, pages, suite, says):
    (site.folder / "empty-is-fine-but-not-utf8").write_bytes(b"\xff\xfe")
    bad = reconstruction(site, application(site, "bad", suite.format(pages=pages, folder=site.folder), "python"))
    good = reconstruction(site, python_application(site))
    done = site.producer("pending", env={"ASSAY_SUITE_MAX_BYTES": 65536, "ASSAY_SUITE_TIMEOUT_S": 1})
    assert done.returncode == 4
    assert f"reconstruction {bad} (application 'bad') is not published" in done.stderr
    assert says in done.stderr
    assert "1 rows published" in done.stdout and "1 could not be published" in done.stdout
    assert [body["reconstruction_id"] for _, body in taken(site)] == [good]
    assert site.sql("SELECT id FROM reconstructions WHERE claimed_until IS NULL") == [(bad,)]


def test_a_language_without_a_runtime(site):
    reconstruction(site, application(site, "old", site.folder, "fortran"))
    done = site.producer("pending")
    assert done.returncode == 4
    assert "'fortran' is no runtime; known are" in done.stderr


def test_relative_suites_start_at_the_configured_root(site):
    (site.folder / "tree").mkdir()
    (site.folder / "tree/suite.py").write_text("def test(): pass\n")
    reconstruction(site, application(site, "relative", "suite.py", "python"))
    done = site.producer("pending", env={"ASSAY_SUITE_ROOT": site.folder / "tree"})
    assert done.returncode == 0, done.stderr
    assert taken(site)[0][1]["test_suite_code"] == "def test(): pass\n"


# -- verdicts without a rate -----------------------------------------------------------------------------------------------


def stored(site, identity, status, reason):
    site.sql("INSERT INTO executions (job_id, task_id, status, reason) VALUES ('reconstructions', %s, %s, %s)",
             f"reconstruction/{identity}", status, reason)


def test_an_error_that_stands_is_not_published_for_ever(site):
    first, second = rows(site, 2)
    stored(site, first, "error", "no_tests")
    stored(site, second, "error", "infra")
    done = site.producer("pending")
    assert [body["reconstruction_id"] for _, body in taken(site)] == [second]
    assert "1 rows have no result and an error verdict that stands" in done.stdout
    assert "1 rows published" in site.producer("pending", "--job", "again").stdout
    assert [body["reconstruction_id"] for _, body in taken(site)] == [first]


def test_a_sick_machinery_is_not_asked_in_a_circle(site):
    identity, = rows(site, 1)
    producer = site.start("assay-producer", "pending", "--follow", env={"ASSAY_PENDING_POLL_S": 1})
    wait_until(lambda: claims(site) == (1, 1), 30, "the row to be published")
    for _ in range(3):
        site.sql("UPDATE reconstructions SET claimed_by = NULL, claimed_until = NULL WHERE id = %s", identity)
        wait_until(lambda: claims(site)[0] == 1, 30, "the row to be claimed again")
    assert producer.stop() == 0
    assert site.depth("assay.tasks.python") == 1


def test_a_verdict_by_another_client_reaches_the_row(site):
    """The collector stores what any worker answers: here a client in its place."""
    good, bad = rows(site, 2)
    site.start_collector()

    def verdicts(task):
        more = {"reconstruction_id": task["reconstruction_id"]}
        return [result(task, **more, **(FAILED if task["reconstruction_id"] == bad else {}))]
    with Answers(site, "python", verdicts):
        assert site.producer("pending").returncode == 0
        site.wait_for_rows(2, "reconstructions")
    found = dict(site.sql("SELECT id, test_pass_rate FROM reconstructions"))
    assert found == {good: 1.0, bad: 0.0}


def test_a_follower_serves_its_state(site):
    port = free_port()

    def page(path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
    producer = site.start("assay-producer", "pending", "--follow",
                          env={"ASSAY_PENDING_POLL_S": 1, "ASSAY_PRODUCER_HTTP_LISTEN": f"127.0.0.1:{port}"})
    wait_until(lambda: page("/readyz")[0] == 200, 30, "the follower to be ready")
    rows(site, 1)
    wait_until(lambda: json.loads(page("/status")[1])["confirmed"] == 1, 30, "a published row in /status")
    metrics = page("/metrics")[1]
    assert "assay_producer_tasks_confirmed_total 1\n" in metrics and "assay_producer_broker_up 1\n" in metrics
    assert page("/healthz") == (200, "ok\n")
    producer.signal(signal.SIGTERM)
    assert producer.wait() == 0
    taken = site.run("assay-producer", "pending", "--follow", env={"ASSAY_PRODUCER_HTTP_LISTEN": "nowhere"})
    assert taken.returncode == 2 and "http.listen nowhere" in taken.stderr


def test_a_follower_ends_also_while_the_database_is_silent(site):
    rows(site, 1)
    with contextlib.closing(psycopg2.connect(site.pg_url())) as lock:
        lock.cursor().execute("LOCK TABLE reconstructions")
        producer = site.start("assay-producer", "pending", "--follow", env={"ASSAY_PRODUCER_STATEMENT_TIMEOUT_S": 3600})
        wait_until(lambda: site.sql("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'WITH free%%'"), 30,
                   "it to wait for the table")
        producer.signal(signal.SIGTERM)
        assert producer.wait(60) == 0, producer.errors()
    assert "0 rows" in producer.output()


def test_an_interrupted_follower_ends_with_0(site):
    producer = site.start("assay-producer", "pending", "--follow")
    wait_until(lambda: site.sql("SELECT 1 FROM pg_stat_activity WHERE application_name = 'assay-producer'"), 30, "it to connect")
    producer.signal(signal.SIGINT)
    assert producer.wait(30) == 0
