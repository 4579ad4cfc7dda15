"""One task on an idle fleet, from its publishing to the answer by reply_to."""
import json
import statistics
import time

import pika

from core.measure import Group, Ratio, Variant
from groups.native import NODE
from groups.python import PLAIN


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


class Client:
    """Asks and waits, by direct reply-to."""

    def __init__(self, site):
        self.channel = site.pika().channel()
        self.answers = self.channel.consume("amq.rabbitmq.reply-to", auto_ack=True, inactivity_timeout=60)
        next(self.channel.consume("amq.rabbitmq.reply-to", auto_ack=True, inactivity_timeout=0.01))

    def ask(self, task, key):
        """(ms until the answer, ms of them that the task ran)"""
        body = json.dumps(task)
        began = time.monotonic()
        self.channel.basic_publish("assay.tasks", key, body, pika.BasicProperties(
            content_type="application/json", delivery_mode=2, type="assay.task.v1", reply_to="amq.rabbitmq.reply-to"))
        _, _, answer = next(self.answers)
        took = (time.monotonic() - began) * 1000
        result = json.loads(answer)
        assert (result["task_id"], result["status"]) == (task["task_id"], "pass"), answer[:500]
        timing = result["timing_ms"]
        return took, timing["setup"] + timing["compile"] + timing["run"]


REST_SECONDS = 0.5  # between two tasks that come now and then


class Latency(Group):
    name = "latency"
    title = "One task at a time on an idle fleet, from publishing to the answer by reply_to"
    COLD = (("a suite of node, its process {}: median", NODE, {}),
            ("a cold start of Python, its process {}: median", {"runtime": "python", **PLAIN}, {"ASSAY_WARM_ENABLED": "false"}))

    def __init__(self, bench):
        super().__init__(bench)
        self.samples = []

    def run(self, noop):
        """Of one round; what the percentiles below are made of."""
        with self.bench.site() as site:
            site.start_collector()
            site.start_worker("python", noop=noop)
            client = Client(site)
            count = self.bench.size(150, 5)
            samples = [client.ask({**PLAIN, "task_id": f"t{n}"}, "python") for n in range(count + 3)][3:]
        if not noop:
            self.samples = samples
        return statistics.median(took for took, _ in samples)

    def cold(self, task, **settings):
        """Milliseconds to the answer, of suites that no warm server runs and that come now and then."""
        runtime = task["runtime"]
        with self.bench.site() as site:
            site.start_collector()
            site.start_worker(runtime, **settings)
            client = Client(site)
            samples = []
            for number in range(self.bench.size(15, 1) + 3):
                time.sleep(REST_SECONDS)
                samples.append(client.ask({**task, "task_id": f"t{number}"}, runtime)[0])
            return statistics.median(samples[3:])

    def beyond(self, part):
        return percentile([took - ran for took, ran in self.samples], part)

    def variants(self):
        return [Variant("a suite of 8 tests: median", "ms", lambda: self.run(False), own=True),
                Variant("beyond the task's own run time: median", "ms", lambda: self.beyond(0.5), own=True),
                Variant("beyond the task's own run time: 99th percentile", "ms", lambda: self.beyond(0.99), own=True),
                Variant("a task that takes no time: median", "ms", lambda: self.run(True), own=True),
                *(Variant(label.format(how), "ms", lambda task=task, settings={**settings, "ASSAY_WARM_PARK": park}: self.cold(task, **settings), own=True)
                  for label, task, settings in self.COLD for how, park in (("parked", "true"), ("made when its task comes", "false")))]

    def ratios(self):
        return [Ratio("ms, median, beyond the run time", "beyond the task's own run time: median", None, at_most=15),
                Ratio("ms, 99th percentile, beyond the run time", "beyond the task's own run time: 99th percentile", None, at_most=40),
                *(Ratio(label.format("parked").removesuffix(": median") + ", by one made when its task comes", label.format("parked"),
                        label.format("made when its task comes"), at_most=1) for label, _, _ in self.COLD)]


GROUPS = [Latency]
