"""The three programs spell what they have in common alike, and take what they print."""
import os
import re
import subprocess

import pytest

PROGRAMS = ["assay-producer", "assay-worker", "assay-collector"]
EVERYWHERE = {"amqp_url", "heartbeat_s", "log.level"}
SHARED = {  # key: environment variable, wherever the key is
    "amqp_url": "ASSAY_AMQP_URL", "reply_amqp_url": "ASSAY_REPLY_AMQP_URL", "pg_url": "ASSAY_PG_URL",
    "management_url": "ASSAY_MANAGEMENT_URL", "management_user": "ASSAY_MANAGEMENT_USER",
    "management_password": "ASSAY_MANAGEMENT_PASSWORD", "runtimes_file": "ASSAY_RUNTIMES_FILE", "log.level": "ASSAY_LOG_LEVEL",
}


def run(build, program, *words):
    bare = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
    return subprocess.run([build / "bin" / program, *map(str, words)], env={**bare, "ASSAY_NO_LOCAL_ENV": "1"}, capture_output=True,
                          text=True, stdin=subprocess.DEVNULL, timeout=60, check=False)


def settings(build, program):
    """{key with its group: environment variable} of a printed configuration."""
    found, group, variable = {}, "", None
    for line in run(build, program, "--print-config").stdout.splitlines():
        if match := re.match(r"(\w+):$", line):
            group = match[1] + "."
        elif line == "};":
            group = ""
        elif match := re.search(r"environment (ASSAY_\w+)", line):
            variable = match[1]
        elif match := re.match(r" *(\w+) = ", line):
            found[group + match[1]] = variable
    return found


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_is_shared_has_one_name(build, program):
    found = settings(build, program)
    assert EVERYWHERE <= set(found)
    assert [(key, name) for key, name in found.items() if SHARED.get(key, name) != name] == []
    taken = {name: key for key, name in SHARED.items()}
    assert [(key, name) for key, name in found.items() if taken.get(name, key) != key] == [], "one variable, two spellings of the key"


@pytest.mark.parametrize("program, words, says", [
    ("assay-producer", ["status"], "no broker is configured"),
    ("assay-worker", [], "no broker: set amqp_url"),
    ("assay-collector", ["run"], "no database URL"),
])
def test_what_is_printed_is_taken(build, tmp_path, program, words, says):
    """The defaults name no server: that, and nothing in the file, is what the program complains of."""
    path = tmp_path / "printed.cfg"
    path.write_text(run(build, program, "--print-config").stdout)
    done = run(build, program, *words, "--config", path)
    assert done.returncode == 2, done.stderr
    assert says in done.stderr and str(path) not in done.stderr
