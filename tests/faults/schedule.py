"""What a seed draws: which fault comes when, and what it draws for itself.

Each draw has a generator of its own, from the seed, its purpose and its number. So nothing that happens to a campaign (a fault that finds
nobody to meet, a restart that takes long) changes what is drawn after it."""
import dataclasses
import json
import random


@dataclasses.dataclass(frozen=True)
class Strike:
    number: int   # of the draw: the same number in the same schedule is the same fault with the same choices
    wait_s: float  # from the end of the one before
    name: str
    function: object = dataclasses.field(compare=False, repr=False)
    seed: object = None

    def random(self):
        """For the fault's own choices."""
        return _generator(self.seed, "choices", self.number)


def _generator(seed, purpose, number=0):
    return random.Random(f"{seed}/{purpose}/{number}")


class Drawn:
    """All kinds once, in an order of the seed's, then by weight, for ever; `faults` is a list of (weight, function)."""

    def __init__(self, seed, faults, gap_s):
        self.seed, self.faults, self.gap_s = seed, faults, gap_s
        self.number = 0
        self.deck = [function for _, function in faults]
        _generator(seed, "deck").shuffle(self.deck)
        self.again = []  # those that met nobody and have not met anyone before
        self.met = set()
        self.drawn = None  # the strike that is on its way

    def next(self):
        self.number += 1
        wait_s = _generator(self.seed, "gap", self.number).uniform(0.5, 1.5) * self.gap_s
        if self.deck:
            function = self.deck.pop(0)
        elif self.again:
            function = self.again.pop(0)
        else:
            weights, functions = zip(*self.faults)
            function = _generator(self.seed, "kind", self.number).choices(functions, weights)[0]
        self.drawn = Strike(self.number, wait_s, function.__name__, function, self.seed)
        return self.drawn

    def happened(self, strike, met):
        self.drawn = None
        if met:
            self.met.add(strike.name)
        elif strike.name not in self.met:
            self.again.append(strike.function)

    def is_due(self):
        """Is there a kind that has not happened yet?"""
        return bool(self.deck or self.again or (self.drawn and self.drawn.name not in self.met))


class Recorded:
    """The strikes that a campaign wrote down (`record`), at the same distances with the same choices; then no more."""

    def __init__(self, file, faults):
        by_name = {function.__name__: function for _, function in faults}
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        self.strikes, self.left = [], 0
        for line in lines:
            if "number" not in line:
                continue  # the end of a fault that lasted: it comes by itself
            if line["fault"] not in by_name:
                raise ValueError(f"{file}: {line['fault']} is no fault that this machine can make; it can: {', '.join(sorted(by_name))}")
            self.strikes.append(Strike(line["number"], line["waited_s"], line["fault"], by_name[line["fault"]], line["seed"]))
        self.left = len(self.strikes)

    def next(self):
        return self.strikes.pop(0) if self.strikes else None

    def happened(self, _strike, _met):
        self.left -= 1

    def is_due(self):
        return self.left > 0


def record(strike, waited_s):
    """What Recorded reads of a strike: for its line in the schedule. `waited_s`: really, since the end of the one before."""
    return {"number": strike.number, "waited_s": round(waited_s, 2), "seed": strike.seed}
