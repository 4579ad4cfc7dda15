"""What a group of measurements is, and how its variants take turns."""
import contextlib
import dataclasses
import signal
import statistics
import sys
import time
import traceback

TAKE_SECONDS = 300  # one measurement at most


class Missing(Exception):
    """What the machine lacks for a variant: told in the table, no failure."""


@dataclasses.dataclass
class Variant:
    """`take` measures once and returns the figure in `unit`. `own`: it is Assay's, not a rival or a floor."""
    label: str
    unit: str
    take: object
    own: bool = False
    once: bool = False  # slow, and of no ratio that needs more: the first round alone


@dataclasses.dataclass
class Ratio:
    """The figure of one variant by that of another (None: the figure itself), with what it must reach."""
    name: str
    of: str
    to: str = None
    at_least: float = None
    at_most: float = None


class Group:
    """A subclass in tests/bench/groups/ makes one: its variants are measured in turns, round by round. `bench` is the Bench of
    core/context.py. What open() raises keeps the whole group from being measured, by name; other groups are not touched."""
    name = title = ""

    def __init__(self, bench):
        self.bench = bench

    def open(self):
        """Before the first round."""

    def close(self):
        """After the last, also when open() failed."""

    def variants(self):
        raise NotImplementedError

    def ratios(self):
        return []


@contextlib.contextmanager
def deadline(seconds):
    def over(number, frame):
        raise TimeoutError(f"not done within {seconds} s")
    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def say(text):
    print(text, file=sys.stderr, flush=True)


def _take(group, variant, row):
    try:
        with deadline(TAKE_SECONDS):
            figure = float(variant.take())
        row["rounds"].append(figure)
        say(f"{group.name}: {variant.label}: {figure:.2f} {variant.unit}")
    except Missing as lacking:
        row["missing"] = str(lacking)
    except Exception as error:  # pylint: disable=broad-except
        row["failed"] = f"{type(error).__name__}: {error}"[:500]
        say(f"{group.name}: {variant.label}: {traceback.format_exc()}")
    if "missing" in row:
        say(f"{group.name}: {variant.label}: missing: {row['missing']}")


def _figures(ratio, rows):
    """Round by round, where both have one: the machine drifts."""
    of = next(row for row in rows if row["label"] == ratio.of)
    if ratio.to is None:
        return of["rounds"]
    to = next(row for row in rows if row["label"] == ratio.to)
    pairs = [(a, b) for a, b in zip(of["rounds"], to["rounds"]) if b]
    if not pairs and of["rounds"] and to["rounds"]:
        pairs = [(statistics.median(of["rounds"]), statistics.median(to["rounds"]))]
    return [a / b for a, b in pairs]


def _judge(ratio, rows):
    found = {"name": ratio.name, "of": ratio.of, "to": ratio.to, "at_least": ratio.at_least, "at_most": ratio.at_most}
    values = _figures(ratio, rows)
    if values:
        median = statistics.median(values)
        reached = (ratio.at_least is None or median >= ratio.at_least) and (ratio.at_most is None or median <= ratio.at_most)
        found.update(median=median, min=min(values), max=max(values), reached=reached)
    return found


def run_group(group, rounds):
    """The group's figures as a dict that JSON takes. Raises nothing but an interrupt."""
    began = time.monotonic()
    found = {"group": group.name, "title": group.title, "rows": [], "ratios": []}
    try:
        with deadline(TAKE_SECONDS):
            group.open()
        variants = group.variants()
        found["rows"] = rows = [{"label": v.label, "unit": v.unit, "own": v.own, "rounds": []} for v in variants]
        for number in range(rounds):
            for variant, row in zip(variants, rows):
                if "failed" not in row and "missing" not in row and not (variant.once and number > 0):
                    _take(group, variant, row)
        for row in rows:
            if row["rounds"]:
                row.update(median=statistics.median(row["rounds"]), min=min(row["rounds"]), max=max(row["rounds"]))
        found["ratios"] = [_judge(ratio, rows) for ratio in group.ratios()]
    except Missing as lacking:
        found["missing"] = str(lacking)
    except Exception as error:  # pylint: disable=broad-except
        found["failed"] = f"{type(error).__name__}: {error}"[:500]
        say(f"{group.name}: {traceback.format_exc()}")
    try:
        group.close()
    except Exception:  # pylint: disable=broad-except
        say(f"{group.name}: closing: {traceback.format_exc()}")
    found["seconds"] = round(time.monotonic() - began, 1)
    return found
