"""The Python of docs/publishing.md is run as it stands there, with the rights of a publisher."""
import os
import re
import subprocess

import pytest

from lib.servers import ROOT

PAGE = (ROOT / "docs/publishing.md").read_text(encoding="utf-8")
SNIPPETS = dict(re.findall(r"```python (\w+)\n(.*?)```", PAGE, re.DOTALL))


def run(site, name):
    env = {**os.environ, "ASSAY_AMQP_URL": site.amqp_url("assay-producer")}
    done = subprocess.run(["/usr/bin/python3", "-c", SNIPPETS[name]], env=env, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_all_snippets_are_run():
    assert set(SNIPPETS) == {"publish", "ask"}
    assert PAGE.count("```python") == len(SNIPPETS)


def test_publishing_takes_15_lines():
    assert len([line for line in SNIPPETS["publish"].splitlines() if line.strip()]) <= 15


def test_publish(site):
    site.start_collector()
    site.start_worker("python")
    run(site, "publish")
    assert site.wait_for_rows(1, "from-pika") == [("add-1", "pass", "ok")]


def test_publish_to_a_runtime_that_is_not_there(vhost):
    vhost.management("DELETE", "queues/{vhost}/assay.tasks.python")
    with pytest.raises(AssertionError, match="UnroutableError"):
        run(vhost, "publish")


def test_ask(site):
    site.start_collector()
    site.start_worker("bash")
    assert run(site, "ask") == "question-1 pass ok\n"
    assert site.wait_for_rows(1, "from-pika") == [("answer-1", "pass", "ok")]
