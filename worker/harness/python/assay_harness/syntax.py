"""A syntax tree, walked once: its nodes by type."""

import ast

# What holds no node, or one that says nothing beside its parent.
_SILENT = {"ctx", "op", "ops", "type_comment", "type_ignores", "kind", "id", "attr", "module", "level", "asname", "arg", "conversion", "simple", "is_async"}
_LEAVES = (ast.Constant, ast.Name, ast.Global, ast.Nonlocal, ast.alias, ast.Pass, ast.Break, ast.Continue)


def _fields_of(kind):
    return tuple(field for field in kind._fields if field not in _SILENT) if kind not in _LEAVES else ()


_FIELDS = {kind: _fields_of(kind) for kind in vars(ast).values() if isinstance(kind, type) and issubclass(kind, ast.AST)}


class Nodes:
    """of(types) -> nodes, outer ones before inner ones of a type."""

    def __init__(self, tree):
        node_type, list_type, fields_of = ast.AST, list, _FIELDS
        waiting, by_type = [tree], {}
        for node in waiting:  # which grows
            kind = type(node)
            known = by_type.get(kind)
            if known is None:
                by_type[kind] = [node]
            else:
                known.append(node)
            for field in fields_of[kind]:
                value = getattr(node, field, None)
                if value.__class__ is list_type:
                    for part in value:
                        if isinstance(part, node_type):
                            waiting.append(part)
                elif isinstance(value, node_type):
                    waiting.append(value)
        self._by_type = by_type

    def of(self, *kinds):
        if len(kinds) == 1:
            return self._by_type.get(kinds[0], [])
        return [node for kind in kinds for node in self._by_type.get(kind, ())]


def yields(function):
    """True when it is a generator function."""
    waiting = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            waiting += ast.iter_child_nodes(node)
    return False
