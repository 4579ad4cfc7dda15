"""Migrations, retention, prune."""
import threading

from collecting import result

from lib.waiting import wait_until


def test_migrations_at_once_and_again(site):
    site.sql("DROP SCHEMA public CASCADE")
    site.sql("CREATE SCHEMA public AUTHORIZATION assay_collector")
    refused = site.run("assay-collector", "run")
    assert refused.returncode == 2 and "assay-collector migrate" in refused.stderr
    done = []
    threads = [threading.Thread(target=lambda: done.append(site.run("assay-collector", "migrate"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [run.returncode for run in done] == [0] * 4, [run.stderr for run in done]
    assert sum("applied 001" in run.stdout for run in done) == 1
    assert sum("up to date" in run.stdout for run in done) == 3
    assert site.value("SELECT count(*) FROM schema_migrations") == site.value("SELECT max(version) FROM schema_migrations")
    kind = site.value("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'conversations'::regclass"
                      " AND attname = 'embedding'")
    available = site.value("SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'")
    assert kind == ("vector(384)" if available else "real[]")


def test_changed_migration_is_an_error(site):
    site.sql("UPDATE schema_migrations SET checksum = 'x' WHERE version = 2")
    done = site.run("assay-collector", "migrate")
    assert done.returncode == 2
    assert "002_fleet.sql was changed after it had been applied" in done.stderr


def test_failed_migration_leaves_nothing_behind(site, tmp_path):
    home = tmp_path / "home"
    folder = home / "conf/schema"
    folder.mkdir(parents=True)
    (folder / "001_a.sql").write_text("CREATE TABLE a (x int); CREATE TABLE b (x int);")
    (folder / "002_b.sql").write_text("CREATE TABLE c (x int);\nCREATE TABLE nonsense (;")
    site.sql("DROP SCHEMA public CASCADE")
    site.sql("CREATE SCHEMA public AUTHORIZATION assay_collector")
    done = site.run("assay-collector", "migrate", env={"ASSAY_HOME": home})
    assert done.returncode == 4 and "002_b.sql" in done.stderr and "syntax error" in done.stderr
    tables = {row[0] for row in site.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
    assert tables == {"a", "b", "schema_migrations"}


def test_retention_while_storing(site, publisher):
    site.sql("INSERT INTO executions (job_id, task_id, status, reason, test_pass_rate, stored_at)"
             " SELECT 'old', 't' || n, 'pass', 'ok', 1, now() - interval '31 days' FROM generate_series(1, 230) n")
    site.sql("INSERT INTO executions (job_id, task_id, status, reason, test_pass_rate, stored_at)"
             " SELECT 'young', 't' || n, 'pass', 'ok', 1, now() - interval '29 days' FROM generate_series(1, 50) n")
    collector = site.start_collector(ASSAY_RETENTION_BATCH=50, ASSAY_RETENTION_INTERVAL_S=1)
    publisher.results([result(f"t{i}") for i in range(100)])
    wait_until(lambda: site.sql("SELECT job_id, count(*) FROM executions GROUP BY job_id ORDER BY job_id") ==
               [("j", 100), ("young", 50)], what="the old rows to go and the others to stay")
    collector.wait_for_log("deleted 230 verdicts")
    site.sql("UPDATE executions SET stored_at = now() - interval '40 days' WHERE job_id = 'young'")
    wait_until(lambda: site.value("SELECT count(*) FROM executions") == 100, what="the next look")


def test_retention_of_jobs_dead_letters_and_workers(site, publisher):
    site.sql("INSERT INTO jobs (job_id, created_at) VALUES ('old', now() - interval '40 days'), ('kept', now() - interval '40 days')")
    site.sql("INSERT INTO job_parts VALUES ('old', 'p', 1, now() - interval '40 days'), ('kept', 'p', 1, now())")
    for age in (40, 20):
        site.sql("INSERT INTO dead_letters (kind, job_id, task_id, body, reason, died_at) VALUES ('task', 'j', 't', %s, 'r',"
                 " now() - %s * interval '1 day')", str(age).encode(), age)
        site.sql("INSERT INTO workers VALUES (%s, 'h', 1, 'v', 1, 0, true, '{}', 0, 0, 10, now(), now() - %s * interval '1 day')",
                 f"w{age}", age)
    site.start_collector(ASSAY_RETENTION_BATCH=1)
    wait_until(lambda: site.sql("SELECT worker FROM workers") == [("w20",)], what="the old worker to go, last of all")
    assert site.sql("SELECT job_id FROM jobs") == site.sql("SELECT job_id FROM job_parts") == [("kept",)]
    assert [bytes(row[0]) for row in site.sql("SELECT body FROM dead_letters")] == [b"20"]


def test_retention_zero_keeps_for_ever(site, publisher):
    site.sql("INSERT INTO executions (job_id, task_id, status, reason, test_pass_rate, stored_at)"
             " VALUES ('old', 't', 'pass', 'ok', 1, now() - interval '3000 days')")
    site.start_collector(ASSAY_RETENTION_DAYS=0, ASSAY_RETENTION_INTERVAL_S=1)
    publisher.result(result("t1"))
    site.wait_for_rows(1, "j")
    assert site.value("SELECT count(*) FROM executions") == 2
    done = site.run("assay-collector", "prune", env={"ASSAY_RETENTION_DAYS": "0"})
    assert done.returncode == 2 and "--older-than" in done.stderr


def test_prune_by_hand(site):
    site.sql("INSERT INTO executions (job_id, task_id, status, reason, test_pass_rate, stored_at)"
             " SELECT 'old', 't' || n, 'pass', 'ok', 1, now() - n * interval '1 day' FROM generate_series(0, 19) n")
    dry = site.run("assay-collector", "prune", "--older-than", "9", "--dry-run")
    assert dry.returncode == 0 and dry.stdout.startswith("11 verdicts"), dry.stdout + dry.stderr
    assert site.value("SELECT count(*) FROM executions") == 20
    done = site.run("assay-collector", "prune", "--older-than", "9", env={"ASSAY_RETENTION_BATCH": "3"})
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "deleted 11 verdicts older than 9 days")
    assert [line.rsplit(" older")[0] for line in done.stdout.splitlines()[1:]] == \
        ["deleted 0 dead letters", "deleted 0 jobs", "deleted 0 parts of jobs", "deleted 0 workers"]
    assert site.value("SELECT count(*) FROM executions") == 9
