"""What groups share: the release build, the servers, a site for each measurement, sizes."""
import contextlib
import os
import pathlib
import subprocess
import time

import pika

from lib.servers import ROOT, Servers
from lib.site import Site, make_template

BUILD = ROOT / "build/bench"
TEMPLATE = "assay_bench_template"
TARGETS = ("assay-producer", "assay-worker", "assay-collector", "tool_noop_worker", "bench_bare_amqp", "bench_insert_forms")


def use_build(folder):
    """A finished build instead of a release of this bench's own."""
    global BUILD  # pylint: disable=global-statement
    BUILD = pathlib.Path(folder).resolve()
    os.environ["ASSAY_BUILD"] = str(BUILD)


def binary(name):
    return BUILD / "bin" / name


def build():
    log = ROOT / "build/bench.log"
    log.parent.mkdir(exist_ok=True)
    with open(log, "w", encoding="utf-8") as file:
        for words in (["-S", ROOT, "-B", BUILD, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DASSAY_TESTS=ON"],
                      ["--build", BUILD, "--target", *TARGETS]):
            done = subprocess.run(["cmake", *words], stdout=file, stderr=file, check=False)
            if done.returncode != 0:
                raise SystemExit(f"the build failed: {log}")
    os.environ["ASSAY_BUILD"] = str(BUILD)


class Bench:
    """`size(full, quick)`: how much of something, by --quick. `folder`: for files, deleted at the end."""

    def __init__(self, folder, quick):
        self.folder, self.quick = pathlib.Path(folder), quick
        self._servers = None
        self._count = 0

    def size(self, full, quick):
        return quick if self.quick else full

    @property
    def servers(self):
        """Started when a group first asks for them."""
        if self._servers is None:
            self._servers = Servers()
            self._servers.up()
            make_template(self._servers, BUILD, TEMPLATE)
        return self._servers

    def close(self):
        if self._servers is not None:
            self._servers.down()

    def new_folder(self):
        self._count += 1
        folder = self.folder / str(self._count)
        folder.mkdir()
        return folder

    @contextlib.contextmanager
    def site(self):
        site = Site(self.servers, self.new_folder(), "python,bash,node,c", TEMPLATE)
        try:
            yield site
        finally:
            site.close()


class Depth:
    """The number of messages in a queue, asked for often over one connection."""

    def __init__(self, site, queue):
        self.queue, self.channel = queue, site.pika().channel()

    def now(self):
        return self.channel.queue_declare(self.queue, passive=True).method.message_count

    def wait(self, count, seconds=120):
        until = time.monotonic() + seconds
        while self.now() < count:
            if time.monotonic() > until:
                raise TimeoutError(f"{self.queue} holds {self.now()} messages, not {count}, after {seconds} s")
            time.sleep(0.02)

    def rate_to(self, count, seconds=120):
        """Messages a second while the queue fills up to `count`, from when the first are there."""
        until = time.monotonic() + seconds
        began = first = None
        while True:
            depth, now = self.now(), time.monotonic()
            if began is None and depth > 0:
                began, first = now, depth
            if depth >= count:
                return (count - first) / (now - began)
            if now > until:
                raise TimeoutError(f"{self.queue} holds {depth} messages, not {count}, after {seconds} s")
            time.sleep(0.01)


def fill(site, exchange, key, bodies, message_type):
    """Publishes by pika, without confirms: the caller waits for the queue's depth."""
    channel = site.pika().channel()
    properties = pika.BasicProperties(content_type="application/json", delivery_mode=2, type=message_type)
    for body in bodies:
        channel.basic_publish(exchange, key, body, properties)
