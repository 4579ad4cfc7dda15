"""How many workers a group should have: the decision of `compose/local autoscale`. Pure: no clock, no broker, no process.

Each look at the queues makes a wish: as many workers as work off what is there within backlog_s, by the rate that one worker
was seen to have. The number goes up when the last two looks both wish it, to the lesser of the two wishes, and down when for
idle_s (and as long since the last step down) three quarters of what there are were enough: for each look's wish, and for the
work done in that time, which a steady load that leaves no backlog shows. So a burst that the workers are through with already starts none, the pause between two bursts stops none, and a
load between two numbers does not go back and forth.
"""
import dataclasses
import math

UP_LOOKS = 2
LATEST_WEIGHT = 0.5
ENOUGH = 0.75


@dataclasses.dataclass(frozen=True)
class Settings:
    minimum: int
    maximum: int
    backlog_s: float
    idle_s: float


@dataclasses.dataclass(frozen=True)
class Look:
    """At the queues of a group, all lanes together."""
    at_s: float       # on a monotonic clock
    waiting: int      # messages ready
    running: int      # messages with workers: they run, or were taken ahead
    consumers: int    # workers that consume
    done_rate: float  # acknowledged a second


@dataclasses.dataclass(frozen=True)
class Memory:
    """What one decision leaves to the next."""
    rate: float = 0.0   # tasks a second of one worker; 0: not seen yet
    wishes: tuple = ()  # (at_s, workers, done_rate), the oldest first: those of the last idle_s, and the one before them


def _rate(before, look):
    """Only workers that have enough to do show what they can."""
    if look.waiting == 0 or look.consumers == 0 or look.done_rate <= 0:
        return before
    seen = look.done_rate / look.consumers
    return seen if before == 0 else before + LATEST_WEIGHT * (seen - before)


def _wish(settings, look, rate, workers):
    backlog = look.waiting + look.running
    if backlog == 0:
        wish = 0
    elif rate > 0:
        wish = math.ceil(backlog / (rate * settings.backlog_s))
    else:  # unknown still: twice as many will show
        wish = max(1, 2 * workers if look.waiting > 0 else workers)
    return min(settings.maximum, max(settings.minimum, wish))


def _enough(wishes, rate):
    """The workers that would have done for all of these looks."""
    busy = sum(done for _, _, done in wishes) / len(wishes) / rate if rate > 0 else 0
    return max(math.ceil(busy), *(number for _, number, _ in wishes))


def _remember(settings, wishes, look, wish):
    """Of what is older than idle_s, the latest: it tells that all of idle_s was looked at."""
    kept = [*wishes, (look.at_s, wish, look.done_rate)]
    while len(kept) > 1 and kept[1][0] <= look.at_s - settings.idle_s:
        kept.pop(0)
    return tuple(kept)


def decide(settings, memory, look, workers):
    """(how many workers there should be, the memory for the next look), with `workers` wanted until now."""
    rate = _rate(memory.rate, look)
    wish = _wish(settings, look, rate, workers)
    wishes = _remember(settings, memory.wishes, look, wish)
    memory = Memory(rate, wishes)
    bounded = min(settings.maximum, max(settings.minimum, workers))
    if bounded != workers or (workers == 0 and wish > 0):
        return max(bounded, min(wish, 1)), memory
    latest = [number for _, number, _ in wishes[-UP_LOOKS:]]
    if len(latest) == UP_LOOKS and min(latest) > workers:
        return min(latest), memory
    enough = _enough(wishes, rate)
    if wishes[0][0] <= look.at_s - settings.idle_s and enough <= ENOUGH * workers:
        return enough, Memory(rate, wishes[-1:])
    return workers, memory
