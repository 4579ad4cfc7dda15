"""The tables of docs/messages.md, made from conf/messages/*.schema.json. By hand: /usr/bin/python3 tests/docs/message_tables.py --write"""
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/messages.md"
BLOCK = re.compile(r"(<!-- fields of ([\w.$/]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def schema(name):
    return json.loads((ROOT / f"conf/messages/{name}.schema.json").read_text())


def resolve(root, node):
    if "$ref" not in node:
        return node
    target = root
    for part in node["$ref"].removeprefix("#/").split("/"):
        target = target[part]
    return {**target, **{k: v for k, v in node.items() if k != "$ref"}}


def type_of(root, node):
    node = resolve(root, node)
    if "enum" in node:
        return ", ".join(f"`{v}`" for v in node["enum"])
    if "oneOf" in node:
        return " or ".join(type_of(root, n) for n in node["oneOf"])
    if node["type"] == "array":
        return "array" if "items" not in node else f"array of {type_of(root, node['items'])}"
    if node["type"] == "object" and "properties" in node:
        fields = node["properties"]
        return "`{" + ", ".join(fields) + "}`" if len(fields) < 7 else "object, see below"
    if node["type"] == "object" and isinstance(node.get("additionalProperties"), dict):
        return "object of " + type_of(root, node["additionalProperties"])
    kinds = node["type"] if isinstance(node["type"], list) else [node["type"]]
    return " or ".join(kinds)


def table(place):
    """`place`: a schema's name, and after dots the way to an object in it, such as task.$defs.case."""
    name, *way = place.split(".")
    root = node = schema(name)
    for part in way:
        node = node[part]
    lines = ["| field | type | meaning |", "|---|---|---|"]
    required = node.get("required", []) if name not in ("result", "event") else []
    for field, value in node["properties"].items():
        value = resolve(root, value)
        meaning = value["description"]
        if field in required:
            meaning += " Required."
        if "default" in value and value["default"] not in (False, ""):
            meaning += f" Default: `{value['default']}`."
        lines.append(f"| `{field}` | {type_of(root, value)} | {meaning} |")
    return "\n".join(lines) + "\n"


def rendered():
    return BLOCK.sub(lambda match: match[1] + table(match[2]) + match[3], PAGE.read_text())


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit("usage: message_tables.py --write")
    PAGE.write_text(rendered())
