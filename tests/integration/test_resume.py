"""A publish that was cut short and is started again."""
import json
import signal

import pytest

from lib.answers import FAILED, Answers, result
from lib.waiting import wait_until

QUEUE = "assay.tasks.bash"


def task(number):
    return {"task_id": f"t/{number:05}", "runtime": "bash", "implementation_code": "echo hi", "cases": [{"expected_stdout": "hi\n"}]}


def write(site, count):
    return site.write_tasks([task(number) for number in range(count)])


def rows(site):
    return site.value("SELECT count(*) FROM executions WHERE job_id = 'j'")


def kill_after(site, count, progress, *words):
    """A publish that is killed once progress() is so far."""
    producer = site.start("assay-producer", "publish", *words, "--job", "j", "--rate", 400)
    wait_until(lambda: progress() >= count, 30, f"{count} tasks to go out", every=0.01)
    producer.signal(signal.SIGKILL)
    producer.wait(10)


def test_a_killed_publish_goes_on_and_nothing_runs_twice(site):
    count = 3000
    path = write(site, count)
    site.start_collector()
    with Answers(site) as answers:
        for already in (100, 400, 800):
            kill_after(site, already, lambda: len(answers.tasks), path)
            wait_until(lambda: site.depth(QUEUE) == 0 and rows(site) == len(answers.tasks), 60, "the tasks that went out to be stored")
        before = len(answers.tasks)
        assert 0 < before < count
        done = site.producer("publish", path, "--job", "j", "--wait", "--format", "json")
        assert done.returncode == 0, done.stderr
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert {line["task_id"] for line in lines[:-1]} == {task(number)["task_id"] for number in range(count)}
        assert (lines[-1]["known"], lines[-1]["confirmed"]) == (before, count - before)
        assert lines[-1]["verdicts"]["pass"] == count
        assert len(answers.tasks) == count, "some ran twice"
    assert rows(site) == count
    assert site.sql("SELECT state, total, done, passed FROM jobs") == [("complete", count, count, count)]


def test_what_tells_of_the_machinery_goes_out_again(site):
    path = write(site, 3)
    site.start_collector()
    sick = {"status": "error", "reason": "infra", "test_pass_rate": None}
    verdicts = {"t/00000": sick, "t/00001": FAILED}
    with Answers(site, verdicts=lambda task: [result(task, **verdicts.get(task["task_id"], {}))]) as answers:
        assert site.producer("publish", path, "--job", "j", "--wait", "--journal", site.folder / "journal").returncode == 1
        site.wait_for_rows(3, "j")
        verdicts.pop("t/00000")
        done = site.producer("publish", path, "--job", "j", "--wait", "--journal", site.folder / "journal")
        assert done.returncode == 1 and "1 tasks confirmed by the broker, 2 left out (published before)" in done.stdout
        assert [task["task_id"] for task in answers.tasks][3:] == ["t/00000"]
    wait_until(lambda: [row[1] for row in site.wait_for_rows(3, "j")] == ["pass", "fail", "pass"], what="the real verdict")
    done = site.producer("publish", path, "--job", "j")
    assert done.returncode == 0 and "0 tasks confirmed by the broker, 3 left out" in done.stdout


def test_a_journal_spares_what_is_queued(site):
    """No worker runs: all that goes out stays in the queue."""
    count, window = 2000, 100
    path, journal = write(site, count), site.folder / "journal"

    def noted_so_far():
        return len(journal.read_text().splitlines()) - 1 if journal.exists() else 0
    for already in (200, 500):
        kill_after(site, already, noted_so_far, path, "--journal", journal)
    noted = noted_so_far()
    assert 500 <= noted < count
    with journal.open("a") as file:
        file.write("j t/000")  # cut by a kill
    done = site.producer("publish", path, "--job", "j", "--journal", journal)
    assert done.returncode == 0 and f"{count - noted} tasks confirmed by the broker, {noted} left out" in done.stdout
    assert len(journal.read_text().splitlines()) == count + 1
    wait_until(lambda: count <= site.depth(QUEUE) <= count + 2 * window, 10, "each task in the queue, and few of them twice")
    done = site.producer("publish", path, "--job", "j", "--journal", journal)
    assert done.returncode == 0 and f"0 tasks confirmed by the broker, {count} left out" in done.stdout


def test_without_a_database_all_goes_out_again(vhost):
    path = write(vhost, 3)
    for url in ("", "postgresql://assay_producer:x@127.0.0.1:1/none"):
        done = vhost.producer("publish", path, "--job", "j", env={"ASSAY_PG_URL": url})
        assert done.returncode == 0 and "3 tasks confirmed by the broker;" in done.stdout
        assert ("without a look into the database" in done.stderr) == bool(url)


@pytest.mark.parametrize("content", ["hello", "hello\n", "assay.journal.v1\nno entry at all\n", "assay.journal.v1\n" + "x" * 400 + "\n",
                                     "\0", "\0\0 figures of somebody", "assay\0 figures"])
def test_what_is_no_journal_is_left_as_it_is(vhost, content):
    path, journal = write(vhost, 3), vhost.folder / "other"
    journal.write_text(content)
    done = vhost.producer("publish", path, "--journal", journal)
    assert done.returncode == 2 and "no journal of assay-producer" in done.stderr
    assert journal.read_text() == content
    assert vhost.depth(QUEUE) == 0


def test_a_journal_belongs_to_one_producer(vhost):
    path, journal = write(vhost, 300), vhost.folder / "journal"
    first = vhost.start("assay-producer", "publish", path, "--journal", journal, "--rate", 20)
    wait_until(lambda: journal.exists() and len(journal.read_text().splitlines()) > 3, 30, "the journal")
    done = vhost.producer("publish", path, "--journal", journal)
    assert done.returncode == 2 and "another producer holds it" in done.stderr
    assert first.alive()
    done = vhost.producer("publish", path, "--journal", "/dev/full")
    assert done.returncode == 2 and "no regular file" in done.stderr
    done = vhost.producer("publish", path, "--journal", "j", "--wait", env={"ASSAY_PG_URL": ""})
    assert done.returncode == 2 and "--journal with --wait needs pg_url" in done.stderr
    done = vhost.producer("publish", "-", "--journal", "j", stdin=path.read_text())
    assert done.returncode == 2 and "--journal needs a file" in done.stderr


def test_a_journal_that_ends_in_zeros_is_one(site):
    """As the end of power leaves it."""
    path = site.folder / "journal"
    path.write_bytes(b"assay.journal.v1\nj t/00000\n" + bytes(5000))
    with Answers(site) as answers:
        assert site.producer("publish", write(site, 2), "--job", "j", "--journal", path).returncode == 0
        wait_until(lambda: len(answers.tasks) == 1, 30, "the task that is not in the journal")
    assert path.read_bytes() == b"assay.journal.v1\nj t/00000\nj t/00001\n"
