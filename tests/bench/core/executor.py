"""A worker in the container setting: the container is that of compose/executor.yaml, the languages in it are the machine's own."""
import pathlib

from core import context
from core.docker import Image, start_engine
from lib.servers import ROOT

IMAGE = "assay-bench-worker"
PROGRAMS = ("assay-worker", "assay-slot-init", "assay-warm.so", "assay-probe")
# /usr/local is the image's, with Assay in it as it is installed, and so is /etc, of which programs may read little.
MACHINE = [f"/usr/{name}" for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32", "libexec", "include", "share")]
ETC = ("alternatives", "group", "ld.so.cache", "nsswitch.conf", "passwd")


def load_image(engine):
    image = Image()
    for name in ("work", "dev/shm"):
        image.folder(name, 0o1777)
    image.link("assay/harness", "/usr/local/share/assay/worker/harness")
    for name in ETC:
        image.copy(f"/etc/{name}", f"etc/{name}")
    for name in PROGRAMS:
        image.copy(context.binary(name), f"usr/local/bin/{name}")
    for name in ("conf", "worker/harness"):
        image.copy(ROOT / name, f"usr/local/share/assay/{name}")
    image.load(engine, IMAGE)


class Executor:
    """One container, in which one worker runs after the other."""

    def __init__(self, folder):
        self.folder, self.engine, self.made = folder, None, None

    def start(self):
        """Raises Missing without an engine."""
        self.engine = start_engine(self.folder)
        from executors import Executor as Made  # pylint: disable=import-outside-toplevel
        load_image(self.engine)
        volumes = [f"{place}:{place}:ro" for place in MACHINE if pathlib.Path(place).exists()]
        self.made = Made(self.engine, IMAGE, context.BUILD, self.folder, {"volumes": volumes}, {})
        self.made.start()

    def words(self, environment):
        """To start assay-worker in the container, with these variables."""
        variables = [word for name, value in environment.items() for word in ("-e", f"{name}={value}")]
        return ["docker", "exec", "-i", "-e", "ASAN_OPTIONS=detect_leaks=0", *variables, self.made.container, "/usr/local/bin/assay-worker"]

    @property
    def env(self):
        return self.engine.env

    def stop(self):
        if self.made is not None:
            self.made.remove()
        if self.engine is not None:
            self.engine.stop()
