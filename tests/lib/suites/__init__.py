"""Suites by topic, each run by Assay and by plain pytest, which must agree test for test. All work on pytest_suites.PROGRAM.

ALL: {name: (suite, further test files)}
"""
from . import assertions, classes, fixtures, parameters, surroundings, unit_tests

TOPICS = (assertions, classes, fixtures, parameters, surroundings, unit_tests)
ALL = {f"{topic.__name__.rsplit('.', 1)[1]}/{name}": entry if isinstance(entry, tuple) else (entry, {})
       for topic in TOPICS for name, entry in topic.SUITES.items()}
