"""A failing campaign is met again: its seed draws the same schedule, and its schedule.jsonl can be replayed."""
import json

import faults
import pytest
from schedule import Drawn, Recorded, record

KINDS = faults.ALL + faults.NETWORK + faults.CLOCK + faults.DISK


def drawn(seed, count=200, missed=()):
    """The first strikes of a seed. `missed`: numbers of those that find nobody to meet."""
    schedule, strikes = Drawn(seed, KINDS, 3.0), []
    for _ in range(count):
        strikes.append(schedule.next())
        schedule.happened(strikes[-1], strikes[-1].number not in missed)
    return strikes


def choices(strikes):
    return [(strike.number, strike.wait_s, strike.name, strike.random().random()) for strike in strikes]


def test_a_seed_draws_one_schedule():
    assert choices(drawn(7)) == choices(drawn(7))
    assert choices(drawn(7)) != choices(drawn(8))


def test_all_kinds_come_before_the_weights_decide():
    strikes = drawn(7)
    assert {strike.name for strike in strikes[:len(KINDS)]} == {function.__name__ for _, function in KINDS}


def test_one_that_meets_nobody_comes_again_and_changes_nothing_else():
    plain, missed = drawn(7), drawn(7, missed=(3, 5))
    # After the deck come the two that are owed; all the others are what they were.
    owed = slice(len(KINDS), len(KINDS) + 2)
    assert [strike.name for strike in missed[owed]] == [plain[2].name, plain[4].name]
    assert choices(missed[:owed.start]) == choices(plain[:owed.start])
    assert choices(missed[owed.stop:]) == choices(plain[owed.stop:])


def test_due_until_each_kind_has_met_somebody():
    schedule = Drawn(7, faults.some("worker_killed", "slot_killed"), 1.0)
    for met in (False, True, False, True):
        assert schedule.is_due()
        schedule.happened(schedule.next(), met)
    assert not schedule.is_due()
    schedule.next()
    assert not schedule.is_due()


def test_a_recorded_schedule_is_replayed(tmp_path):
    strikes = drawn(7, 40)
    lines = [{"at_s": 1.0, "fault": strike.name, "target": "worker0", **record(strike, strike.wait_s)} for strike in strikes]
    lines.insert(3, {"at_s": 2.0, "fault": "network healed", "target": ""})
    file = tmp_path / "schedule.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    replayed = Recorded(file, KINDS)
    again = []
    while replayed.is_due():
        again.append(replayed.next())
        replayed.happened(again[-1], True)
    assert replayed.next() is None
    assert [(number, name, choice) for number, _, name, choice in choices(again)] == [(number, name, choice) for number, _, name, choice in choices(strikes)]
    assert all(abs(one.wait_s - other.wait_s) < 0.01 for one, other in zip(again, strikes))


def test_a_fault_that_this_machine_cannot_make_is_named(tmp_path):
    file = tmp_path / "schedule.jsonl"
    file.write_text(json.dumps({"at_s": 1, "fault": "network_cut", "target": "", "number": 1, "waited_s": 1, "seed": 7}) + "\n")
    with pytest.raises(ValueError, match="network_cut is no fault that this machine can make; it can: .*worker_killed"):
        Recorded(file, faults.ALL)
