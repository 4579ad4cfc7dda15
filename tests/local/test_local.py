"""compose/local as a person uses it: demo, again, scale, crash, down, reset. Each test leaves the fleet running for the next."""
import os
import pathlib
import signal
import subprocess

import pytest

from lib.local import Local
from lib.processes import Process
from lib.servers import ROOT
from lib.waiting import wait_until


@pytest.fixture(scope="module")
def local():
    fleet = Local.new()
    yield fleet
    fleet.remove()


def test_demo_shows_every_verdict_as_documented(local):
    done = local("demo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "DIFFERS" not in done.stdout
    for status in ("pass/", "fail/", "timeout/", "error/"):
        assert status in done.stdout
    assert "management UI" in done.stdout


def test_demo_again(local):
    done = local("demo")
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_listens_beyond_loopback(local):
    inodes = set()
    for pid, _ in local.processes():
        for descriptor in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            target = os.readlink(descriptor)
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    listening = []
    for table, loopback in (("tcp", "0100007F"), ("tcp6", "00000000000000000000000001000000")):
        for line in pathlib.Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            cells = line.split()
            if cells[3] == "0A" and cells[9] in inodes:
                listening.append((cells[1], cells[1].split(":")[0] == loopback))
    assert len(listening) >= 3, "broker, management and database should be listening"
    assert all(is_loopback for _, is_loopback in listening), listening


def test_scale_up_and_down(local):
    done = local("scale", "bash=2")
    assert done.returncode == 0, done.stderr
    assert {"worker-bash-1", "worker-bash-2"} <= set(local.workers())
    done = local("scale", "bash=0")
    assert done.returncode == 0, done.stderr
    assert not [name for name in local.workers() if name.startswith("worker-bash")]


@pytest.mark.parametrize("argument, says", [("python", "is not GROUP=N"), ("python=-1", "is not GROUP=N"), ("python=999", "from 0 to 256"),
                                            ("cobol=1", "no group or runtime 'cobol'")])
def test_scale_refuses(local, argument, says):
    done = local("scale", argument)
    assert done.returncode == 2
    assert says in done.stderr


def test_status_names_servers_and_workers(local):
    done = local("status")
    assert done.returncode == 0, done.stderr
    for name in ("rabbitmq", "postgresql", "collector", "worker-python-1"):
        assert name in done.stdout
    # Further down the fleet's own table rightly tells of workers that were stopped.
    processes = done.stdout.split("\n\n")[0]
    assert "running" in processes and "stopped" not in processes


def test_up_after_a_crash_of_everything(local, tmp_path):
    """Beside it autoscale, which outlives the broker and touches nothing while it is away."""
    scaler = Process([ROOT / "compose/local", "autoscale", "node=1-1", "--every", "1"], local.env, tmp_path / "autoscale.log")
    try:
        scaler.wait_for_log("now 1")
        workers = local.workers()
        for name in ["rabbitmq", "postgresql", "collector", *workers]:
            os.kill(local.pid(name), signal.SIGKILL)
        scaler.wait_for_log("the queues cannot be seen, the workers stay as they are", 60)
        done = local("demo")
        assert done.returncode == 0, done.stdout + done.stderr
        scaler.wait_for_log("the queues can be seen again", 60)
        assert local.workers() == workers
        scaler.signal(signal.SIGINT)
        assert scaler.wait(30) == 0
    finally:
        if scaler.alive():
            scaler.kill()


def test_logs(local):
    assert local("logs", "collector").returncode == 0
    done = local("logs", "nothing")
    assert done.returncode == 2
    assert "no log 'nothing'; there are:" in done.stderr


def test_environment_has_no_worker_or_collector_secret(local):
    text = (local.state / "env" / "env").read_text()
    for name in ("assay-worker", "assay-collector", "assay-admin", "pg-postgres", "pg-assay_collector"):
        assert (local.state / "secrets" / name).read_text().strip() not in text


def test_no_secret_in_process_list_or_logs(local):
    secrets = {path.name: path.read_text().strip() for path in (local.state / "secrets").iterdir()}
    lines = [(entry / "cmdline") for entry in pathlib.Path("/proc").iterdir() if entry.name.isdigit()]
    texts = []
    for path in lines:
        try:
            texts.append((str(path), path.read_bytes()))
        except OSError:
            continue
    texts += [(str(path), path.read_bytes()) for path in (local.state / "logs").glob("*.log")]
    for name, secret in secrets.items():
        found = [where for where, text in texts if secret.encode() in text]
        assert not found, f"the secret {name} shows in {found}"


def test_backup_and_restore_into_an_empty_fleet(local, tmp_path):
    kept = tmp_path / "kept"
    verdicts = "SELECT job_id, task_id, status, reason, worker FROM executions ORDER BY 1, 2"
    before = local.sql(verdicts)
    assert len(before) == 27
    assert local("restore", tmp_path).returncode == 2
    done = local("backup", kept)
    assert done.returncode == 0, done.stderr
    assert kept.stat().st_mode & 0o077 == 0
    for name in ("definitions.json", "database.dump"):
        for secret in (local.state / "secrets").iterdir():
            assert secret.read_text().strip().encode() not in (kept / name).read_bytes()
    assert local("backup", kept).returncode == 2, "it exists already"
    refused = local("restore", kept)
    assert refused.returncode == 2 and "empty fleet" in refused.stderr
    assert local("reset", "--yes").returncode == 0
    assert local("up").returncode == 0
    assert local.sql(verdicts) == []
    done = local("restore", kept)
    assert done.returncode == 0, done.stderr
    assert local.sql(verdicts) == before
    # The producer's rights came back too, and the fleet works on.
    again = local.program("assay-producer", "publish", "-", "--job", "after", "--wait", stdin=(
        '{"task_id": "t", "runtime": "bash", "implementation_code": "echo 1", "cases": [{"expected_stdout": "1"}]}\n'))
    assert again.returncode == 0, again.stderr


def test_reset_asks_first(local):
    done = local("reset")
    assert done.returncode == 2
    assert "reset --yes" in done.stderr
    assert (local.state / "secrets").exists()


def test_down_leaves_no_process(local):
    assert local.processes()
    done = local("down")
    assert done.returncode == 0, done.stderr

    def all_gone():
        return not local.processes()
    wait_until(all_gone, 20)
    assert local("down").returncode == 0, "down twice is fine"


def test_usage():
    done = subprocess.run([ROOT / "compose/local", "frobnicate"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "usage:" in done.stderr
