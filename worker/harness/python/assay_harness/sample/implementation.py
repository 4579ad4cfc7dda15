"""The program of the sample (fast_rehearsal.py)."""


def work(values, key=None):
    if values == 1:
        raise ValueError("x")
    return sorted(values, key=key)


class Thing:
    value = 2
