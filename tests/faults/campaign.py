"""A campaign: a job of known verdicts runs while a schedule of faults happens; then the books are checked.

The schedule comes from a seed (schedule.py): the same seed gives the same faults in the same order and at the same distances, with the
same choice among what runs. All kinds come once, in an order drawn from the seed, before the weights decide. What happened is written to
schedule.jsonl, from which a campaign can be run again at the same times. What the machine makes of it is not repeatable to the
millisecond, but a lost or doubled verdict has come back so far.
"""
import heapq
import json
import time

import books
import psycopg2
import tasks as truth
from fleet import Fleet
from schedule import Drawn, Recorded, record

from lib.waiting import wait_until

JOB = "campaign"


class Campaign:
    """`count` tasks of a mix (tasks.py) under faults drawn from `seed`, one every `gap_s` seconds on average until every task has its
    verdict, or `faults_s` seconds are over; then the fleet is left alone to finish. A fault that lasts does so for up to `longest_s`.
    `rate`: tasks published a second, so that a quick fleet is not done before the faults come; None: as fast as they go. `chunk`: tasks
    in a file; None: one file. `publish_s`: no further file after that many seconds and all kinds of faults, the campaign is then a
    smaller one. `replay`: the schedule.jsonl of an earlier campaign, whose faults are met again instead of drawn ones. `tell` takes
    lines for a person. Further words go to Fleet."""

    def __init__(self, site, count, seed, gap_s=3.0, faults_s=60.0, longest_s=8.0, rate=None, chunk=None, publish_s=None, mix=truth.MIXED, replay=None,
                 tell=print, **fleet):
        self.site, self.seed, self.gap_s, self.faults_s, self.longest_s, self.tell = site, seed, gap_s, faults_s, longest_s, tell
        self.replay, self.schedule = replay, None
        made, self.expected = truth.make(mix, count, JOB)
        self.publish_s = publish_s
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

    def _note(self, fault, target="", **strike):
        at = time.monotonic() - self.start
        self.counted[fault] = self.counted.get(fault, 0) + 1
        self.log.write(json.dumps({"at_s": round(at, 2), "fault": fault, "target": str(target), **strike}) + "\n")
        self.log.flush()
        self.tell(f"{at:7.1f} s  {fault} {target}")

    def _undo_due(self, everything=False):
        while self.undo and (everything or self.undo[0][0] <= time.monotonic()):
            _, _, name, function = heapq.heappop(self.undo)
            function()
            if name:
                self._note(name)

    def _strike(self, strike, waited_s):
        """Whether it met anyone."""
        target = strike.function(self, strike.random())
        if target is not None:
            self._note(strike.name, target, **record(strike, waited_s))
        self.schedule.happened(strike, target is not None)
        return target is not None

    def _wreck(self, faults):
        self.schedule = Drawn(self.seed, faults, self.gap_s) if self.replay is None else Recorded(self.replay, faults)
        strike, noted = self.schedule.next(), time.monotonic()
        due = noted + strike.wait_s if strike else noted
        try:
            while strike and (self.schedule.is_due() or time.monotonic() - self.start < self.faults_s) and not self.fleet.keep_up():
                self._undo_due()
                self._enough()
                if time.monotonic() >= due:
                    if self._strike(strike, time.monotonic() - noted):
                        noted = time.monotonic()
                    strike = self.schedule.next()
                    due = time.monotonic() + (strike.wait_s if strike else 0)
                time.sleep(0.05)
        finally:
            self._undo_due(everything=True)
            self.schedule = None
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
        if self.publish_s is None or time.monotonic() - self.start < self.publish_s or not self.fleet.files:
            return
        if self.schedule is not None and self.schedule.is_due():
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


