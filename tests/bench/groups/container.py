"""The container setting of the sandbox, beside the namespaces and beside the same programs outside of any."""
from core.executor import Executor
from core.measure import Group, Ratio, Variant
from groups.native import CCases, Node
from groups.python import FULL, PLAIN, harness, ours

CONTAINER, NAMESPACES, NONE = "container", "namespaces", "no sandbox"


class Container(Group):
    name = "container"
    title = "An executor in the container of compose/executor.yaml, by --local, beside a worker with namespaces, 1 slot each"

    def __init__(self, bench):
        super().__init__(bench)
        self.executor = Executor(bench.new_folder())

    def open(self):
        self.executor.start()

    def close(self):
        self.executor.stop()

    def plain(self, executor=None):
        return ours(self.bench, PLAIN, self.bench.size(400, 2), executor=executor)

    def full(self, executor=None):
        return ours(self.bench, FULL, self.bench.size(200, 2), executor=executor)

    def opened(self, kind, method, *arguments):
        """Node and C by their own groups: each says itself what it lacks."""
        group = kind(self.bench)
        group.open()
        return getattr(group, method)(*arguments)

    def kinds(self):
        """(what, unit, in a sandbox of ours, outside)"""
        harnesses = self.bench.size(10, 1)
        return [("plain suites", "suites/s", self.plain, lambda: harness(PLAIN, harnesses)),
                ("pytest suites", "suites/s", self.full, lambda: harness(FULL, harnesses)),
                ("node suites", "suites/s", lambda *where: self.opened(Node, "ours", *where), lambda: self.opened(Node, "direct")),
                ("C cases", "cases/s", lambda *where: 1000 / self.opened(CCases, "ours", *where), lambda: 1000 / self.opened(CCases, "direct"))]

    def variants(self):
        return [variant for what, unit, inside, outside in self.kinds() for variant in (
            Variant(f"{what}, {CONTAINER}", unit, lambda inside=inside: inside(self.executor), own=True),
            Variant(f"{what}, {NAMESPACES}", unit, inside, own=True),
            Variant(f"{what}, {NONE}", unit, outside))]

    def ratios(self):
        return [Ratio(f"{what}, {CONTAINER} by {other}", f"{what}, {CONTAINER}", f"{what}, {other}")
                for what, *_ in self.kinds() for other in (NAMESPACES, NONE)]


GROUPS = [Container]
