"""A campaign: a job of known verdicts runs while a schedule of faults happens; then the books are checked.

The schedule comes from a seed: the same seed gives the same faults in the same order and at the same distances, with the same choice
among what runs. All kinds come once, in an order drawn from the seed, before the weights decide. What the machine makes of them is not
repeatable to the millisecond, but a lost or doubled verdict has come back so far.
"""
import heapq
import json
import random
import time

import books
import psycopg2
import tasks as truth
from fleet import Fleet

from lib.waiting import wait_until

JOB = "campaign"


class Campaign:
    """`count` tasks of a mix (tasks.py) under faults drawn from `seed`, one every `gap_s` seconds on average until every task has its
    verdict, or `faults_s` seconds are over; then the fleet is left alone to finish. A fault that lasts does so for up to `longest_s`.
    `rate`: tasks published a second, so that a quick fleet is not done before the faults come; None: as fast as they go. `chunk`: tasks
    in a file; None: one file. `publish_s`: no further file after that many seconds and all kinds of faults, the campaign is then a
    smaller one. `tell` takes lines for a person. Further words go to Fleet."""

    def __init__(self, site, count, seed, gap_s=3.0, faults_s=60.0, longest_s=8.0, rate=None, chunk=None, publish_s=None, mix=truth.MIXED, tell=print, **fleet):
        self.site, self.seed, self.gap_s, self.faults_s, self.longest_s, self.tell = site, seed, gap_s, faults_s, longest_s, tell
        self.random = random.Random(seed)
        made, self.expected = truth.make(mix, count, JOB)
        self.publish_s = publish_s
        self.deck = []  # kinds of faults that have not happened yet
        self.chunk = chunk = chunk or count
        self.files = [site.write_tasks(made[at:at + chunk], f"campaign{at // chunk}.jsonl") for at in range(0, count, chunk)]
        self.log = open(site.folder / "schedule.jsonl", "w", encoding="utf-8")
        self.start = time.monotonic()
        self.fleet = Fleet(site, self.files, ["--rate", rate] if rate else [], **fleet)
        self.undo = []  # heap of (time, number, name, function)
        self.number = 0
        self.counted = {}

    # -- for faults --------------------------------------------------------------------------------------------------------

    def later(self, seconds, name, function):
        """The end of a fault that lasts; `name` for the schedule, "" to keep silent."""
        self.number += 1
        heapq.heappush(self.undo, (time.monotonic() + seconds, self.number, name, function))

    def lasting(self, rng):
        """How long a fault lasts, in seconds."""
        return rng.uniform(0.1, 1) * self.longest_s

    # -- the way through ---------------------------------------------------------------------------------------------------

    def _note(self, fault, target=""):
        at = time.monotonic() - self.start
        self.counted[fault] = self.counted.get(fault, 0) + 1
        self.log.write(json.dumps({"at_s": round(at, 2), "fault": fault, "target": str(target), "seed": self.seed}) + "\n")
        self.log.flush()
        self.tell(f"{at:7.1f} s  {fault} {target}")

    def _undo_due(self, everything=False):
        while self.undo and (everything or self.undo[0][0] <= time.monotonic()):
            _, _, name, function = heapq.heappop(self.undo)
            function()
            if name:
                self._note(name)

    def _strike(self, faults):
        """The next of the deck, while it lasts; one that found nobody to meet goes under it."""
        fault = self.deck.pop(0) if self.deck else self.random.choices([one for _, one in faults], [weight for weight, _ in faults])[0]
        # A generator of its own: what a fault draws does not change the faults after it.
        target = fault(self, random.Random(self.random.random()))
        if target is not None:
            self._note(fault.__name__, target)
        elif fault.__name__ not in self.counted:
            self.deck.append(fault)

    def _wreck(self, faults):
        self.deck = [fault for _, fault in faults]
        self.random.shuffle(self.deck)
        due = time.monotonic() + self.random.uniform(0.5, 1.5) * self.gap_s
        try:
            while (self.deck or time.monotonic() - self.start < self.faults_s) and not self.fleet.keep_up():
                self._undo_due()
                self._enough()
                if time.monotonic() >= due:
                    self._strike(faults)
                    due = time.monotonic() + self.random.uniform(0.5, 1.5) * self.gap_s
                time.sleep(0.05)
        finally:
            self.deck = []
            self._undo_due(everything=True)
        self._note("end of faults")

    def _settle(self, seconds):
        """No more faults: until the publisher has all verdicts and the books are right, or the time is over. What is wrong, as lines."""
        deadline = time.monotonic() + seconds
        wrong, complete = ["the publisher does not end"], False
        while wrong and time.monotonic() < deadline:
            self._enough()
            try:
                if self.fleet.keep_up() and books.complete(self.site, JOB, len(self.expected)):
                    wrong = books.wrong(self.site, JOB, self.expected)
                    if not complete:  # what is wrong now can still be on its way, but not for long
                        complete, deadline = True, min(deadline, time.monotonic() + 120)
            except psycopg2.Error as problem:
                wrong = [str(problem)]
            time.sleep(0.2)
        return wrong

    def _enough(self):
        """After `publish_s`: what has not been begun is no part of the campaign."""
        if self.publish_s is None or time.monotonic() - self.start < self.publish_s or self.deck or not self.fleet.files:
            return
        self.files = self.files[:len(self.files) - len(self.fleet.files)]
        self.fleet.files.clear()
        self.expected = dict(list(self.expected.items())[:len(self.files) * self.chunk])
        self._note("no further file")

    def _connections_gone(self):
        lines = []

        def gone():
            lines[:] = books.left_connections(self.site)
            return not lines
        try:
            wait_until(gone, 60, "the end of all connections", every=0.5)
        except AssertionError:
            pass
        return lines

    def run(self, faults, workers=2, collectors=1, producers=1, settle_s=300):
        """`faults`: list of (weight, function(campaign, random) -> what it met, or None when it could not). What was wrong, as lines."""
        self.tell(f"{len(self.expected)} tasks, seed {self.seed}, schedule in {self.log.name}")
        try:
            for role in [f"worker{n}" for n in range(workers)] + [f"collector{n}" for n in range(collectors)]:
                self.fleet.start(role)
            for number in range(producers):
                self.fleet.start_producer(f"producer{number}")
            self._wreck(faults)
            wrong = self._settle(settle_s)
            if self.fleet.disk is not None:
                wrong += books.wrong_results([self.fleet.results_of(file) for file in self.files], JOB, self.expected)
            wrong += self.fleet.bloated() + self.fleet.stop()
            return wrong + self._connections_gone()
        finally:
            self.log.close()
            self.fleet.close()


