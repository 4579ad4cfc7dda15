"""docs/messages.md names exactly what the schemas of conf/messages/ have, and those are what the programs speak."""
import json
import re

import jsonschema
import pytest
from message_tables import BLOCK, PAGE, ROOT, rendered, schema, table

SCHEMAS = ("task", "result", "job", "control", "event")


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schema_is_one(name):
    jsonschema.Draft202012Validator.check_schema(schema(name))
    assert schema(name)["title"] == f"assay.{name}.v1"


def test_the_page_is_up_to_date():
    assert rendered() == PAGE.read_text(), "run: /usr/bin/python3 tests/docs/message_tables.py --write"


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_page_has_every_field_of_every_message(name):
    places = [match[2] for match in BLOCK.finditer(PAGE.read_text())]
    assert name in places
    assert set(re.findall(r"^\| `(\w+)` \|", table(name), re.MULTILINE)) == set(schema(name)["properties"])


def test_the_page_has_every_reason_and_status():
    text = PAGE.read_text()
    result = schema("result")["properties"]
    for name in (*result["status"]["enum"], *result["reason"]["enum"]):
        assert f"`{name}`" in text


def test_the_examples_of_the_page_are_valid():
    examples = re.findall(r"```json (\w+)\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert {name for name, _ in examples} >= {"task", "result"}
    for name, text in examples:
        jsonschema.Draft202012Validator(schema(name)).validate(json.loads(text))


def known_to_the_source(file, array):
    """The names in a `static const char *const array[] = {...}` of the sources."""
    text = (ROOT / file).read_text()
    return re.findall(r'"(\w+)"', re.search(rf"{array}\[\w*\] = {{(.*?)}};", text, re.DOTALL)[1])


def test_the_source_knows_the_same_fields():
    task = schema("task")
    assert set(known_to_the_source("common/message/task.c", "task_fields")) == set(task["properties"])
    assert set(known_to_the_source("common/limits.c", "limit_keys")) == set(task["$defs"]["limits"]["properties"])
    result = schema("result")["properties"]
    assert known_to_the_source("common/message/result.c", "status_names") == result["status"]["enum"]
    assert known_to_the_source("common/message/result.c", "reason_names") == result["reason"]["enum"]
    outcomes = schema("result")["$defs"]["test"]["properties"]["outcome"]["enum"]
    assert known_to_the_source("common/message/result.c", "outcome_names") == outcomes
