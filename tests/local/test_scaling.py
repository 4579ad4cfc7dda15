"""The decision of compose/local autoscale, alone: figures in, a number of workers out."""
import dataclasses
import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "compose/lib"))

import scaling  # noqa: E402  pylint: disable=wrong-import-position
from scaling import Look, Memory, Settings  # noqa: E402  pylint: disable=wrong-import-position

from lib.servers import ROOT  # noqa: E402  pylint: disable=wrong-import-position
from lib.waiting import wait_until  # noqa: E402  pylint: disable=wrong-import-position

SETTINGS = Settings(minimum=1, maximum=8, backlog_s=30, idle_s=60)
QUIET = Look(0, 0, 0, 1, 0.0)


def after(looks, workers=1, settings=SETTINGS, every_s=5):
    """The numbers of workers after each of these looks, five seconds apart."""
    memory, numbers = Memory(), []
    for i, look in enumerate(looks):
        workers, memory = scaling.decide(settings, memory, dataclasses.replace(look, at_s=i * every_s), workers)
        numbers.append(workers)
    return numbers


def busy(waiting, workers, rate=1.0):
    return Look(0, waiting, 2 * workers, workers, rate * workers)


def test_a_backlog_brings_as_many_as_work_it_off_in_time():
    # 2 + 118 tasks at one a second: four workers in 30 s.
    assert after([busy(118, 1), busy(118, 1)]) == [1, 4]


def test_one_look_is_not_enough():
    assert after([busy(500, 1), QUIET, busy(500, 1), QUIET]) == [1, 1, 1, 1]


def test_of_two_wishes_the_lesser_counts():
    assert after([busy(500, 1), busy(58, 1)])[-1] == 2


def test_an_unknown_rate_doubles_and_waits_for_figures():
    starting = Look(0, 1000, 0, 0, 0.0)
    assert after([starting, starting], workers=2) == [2, 4]


@pytest.mark.parametrize("waiting", [10**3, 10**6, 10**9])
def test_never_above_the_maximum(waiting):
    assert max(after([busy(waiting, 1)] * 10)) == 8


def test_idle_goes_down_to_the_minimum_once_idle_long_enough():
    numbers = after([QUIET] * 14, workers=8)
    assert numbers == [8] * 12 + [1, 1], "60 s, and not before"


def test_a_minimum_of_none_stops_all_and_starts_one_at_once():
    settings = dataclasses.replace(SETTINGS, minimum=0)
    numbers = after([QUIET] * 13 + [Look(0, 1, 0, 0, 0.0)], workers=2, settings=settings)
    assert numbers[12:] == [0, 1]


def test_down_goes_only_as_far_as_was_needed():
    """For 60 s three workers were needed at most."""
    known = [busy(500, 8)]
    assert after(known + [Look(0, 0, 80, 8, 1.0)] * 13, workers=8)[-1] == 3


@pytest.mark.parametrize("workers, expected", [(0, 1), (20, 8)])
def test_what_is_out_of_bounds_is_brought_in_at_once(workers, expected):
    assert after([QUIET], workers=workers) == [expected]


def simulate(arrivals, seconds, settings=SETTINGS, every_s=5, start_s=8, lag_s=5):
    """Workers of one task a second that take a while to start, seen through figures that are some seconds old."""
    memory, wanted, live, queue = Memory(), 1, 1, 0.0
    changes, starting, history = [], [], [(0, 0.0, 1)] * lag_s
    for now in range(seconds):
        queue += arrivals(now)
        live += sum(1 for ready in starting if ready == now)
        done = min(queue, live)
        queue -= done
        history.append((queue, done, live))
        if now % every_s == 0:
            seen_queue, seen_done, seen_live = history[-1 - lag_s]
            look = Look(now, int(seen_queue), 0, seen_live, seen_done)
            number, memory = scaling.decide(settings, memory, look, wanted)
            if number > wanted:
                starting += [now + start_s] * (number - wanted)
            elif number < wanted:
                live = min(live, number)
            if number != wanted:
                changes.append((now, wanted, number))
            wanted = number
    return changes, queue


@pytest.mark.parametrize("period", [20, 40, 55])
def test_bursts_do_not_make_it_flap(period):
    """A burst of 150 tasks each period, for half an hour, then nothing: up in a few steps, down once."""
    changes, left = simulate(lambda now: 150 if now % period == 0 and now < 1800 else 0, 2400)
    assert left == 0
    ups = [change for change in changes if change[2] > change[1]]
    downs = [change for change in changes if change[2] < change[1]]
    assert 1 <= len(ups) <= 4, changes
    assert all(at >= 1800 for at, _, _ in downs) and len(downs) <= 3, changes
    assert changes[-1][2] == 1
    assert all(1 <= number <= 8 for _, _, number in changes)


def test_a_steady_load_without_a_backlog_keeps_its_workers():
    """Seven tasks a second, of which none waits: no backlog asks for the seven workers that do them."""
    assert after([busy(500, 8)] + [Look(0, 0, 8, 8, 7.0)] * 40, workers=8)[-1] == 8


def test_more_than_all_can_do_stays_at_the_maximum():
    changes, left = simulate(lambda now: 12, 1200)
    assert left > 0 and changes[-1][2] == 8 and len(changes) <= 4, changes


def test_the_number_that_is_wanted_is_never_seen_half_written(tmp_path):
    """autoscale reads it without the lock of `scale`: an empty file was no number, and ended it."""
    (tmp_path / "fleet").mkdir()
    script = ". compose/lib/state.sh; . compose/lib/fleet.sh; for ((i = 0; i < 300; i++)); do group_want bash 1; done"
    with subprocess.Popen(["/bin/bash", "-euc", script], cwd=ROOT, env={**os.environ, "ASSAY_STATE": str(tmp_path)}) as writer:
        wait_until((tmp_path / "fleet/bash.count").exists, 30)
        seen = set()
        while writer.poll() is None:
            seen.update((tmp_path / "fleet/bash.count").read_text() for _ in range(100))
    assert writer.returncode == 0 and seen == {"1"}
    assert [path.name for path in (tmp_path / "fleet").iterdir()] == ["bash.count"]
