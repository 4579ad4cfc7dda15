"""What the harness asks of a suite's text beside its tests. Plain values, so that they can be kept (kept.py): nothing asks the
syntax tree once the program is loaded, but to blame an exception."""

import ast

# Names that pytest and unittest give a meaning in a test module; the program has no say in them.
MEANINGFUL = ("pytestmark", "pytest_plugins", "pytest_generate_tests", "setup_module", "teardown_module", "setup_function",
              "teardown_function", "setUpModule", "tearDownModule", "load_tests", "__test__")
# By these a suite may bind its own names again.
REBINDING = {"setattr", "globals", "vars", "locals", "patch", "modules", "exec", "reload", "import_module", "__dict__", "setitem"}

# By these it looks at a table.
LOOKING = {"enumerate", "len", "sorted", "zip", "reversed", "list", "tuple", "set", "dict", "sum", "min", "max"}
LOOKING_METHODS = {"items", "keys", "values"}
# They only say how long a text is.
SETTINGS = {"maxDiff", "longMessage", "_diffThreshold", "FILTER_DIR"}


class Facts:
    __slots__ = (
        "imports",  # dotted names of the modules that the suite imports, wherever it does
        "mentioned",  # of MEANINGFUL, what its text uses
        "uses_unittest",
        # Where a skip has no traceback (unittest before Python 3.11): does the suite skip anywhere?
        "mentions_skip",
        "imports_skip",
        "marks_itself",
        # An expected failure that the suite does not expect is the program's.
        "mentions_xfail",
        "mentions_mocks",
        "rebinds",  # it may bind its own names again
        "speaks_of_builtins",  # as to replace one
        "speaks_of_settings",  # of unittest's that anybody may set
        "global_names",  # of its `global` statements
        "attributes_set",  # that its text sets, of whatever
        "written_once",  # names that the module binds once, by a plain assignment, and that nothing in its text can bind again
        "iterated_tables",  # names of module-level lists, tuples, sets and dicts that it does nothing with but go through them, and look
    )

    def values(self):
        return tuple(getattr(self, name) for name in self.__slots__)


def restore(values):
    made = Facts()
    for name, value in zip(Facts.__slots__, values):
        setattr(made, name, value)
    return made


def read(plan):
    """Of a plan that has its nodes."""
    made, words = Facts(), plan.identifiers
    made.imports = _imports(plan.nodes)
    made.mentioned = frozenset(MEANINGFUL) & plan.names_used
    made.uses_unittest = "unittest" in plan.names_used or any("unittest" in word for word in plan.imported)
    made.mentions_skip = any("skip" in name.lower() for name in words)
    made.imports_skip = any("skip" in word.lower() for word in plan.imported)
    made.marks_itself = bool({"add_marker", "applymarker", "own_markers"} & words)
    made.mentions_xfail = any("xfail" in name.lower() or "expectedfailure" in name.lower() for name in words)
    made.mentions_mocks = bool({"mock", "ANY", "Mock", "MagicMock"} & words) or any("mock" in word for word in plan.imported)
    made.rebinds = bool(words & REBINDING)
    made.speaks_of_builtins = _speaks_of_builtins(plan)
    made.speaks_of_settings = bool(words & SETTINGS)
    made.global_names = {name for node in plan.nodes.of(ast.Global) for name in node.names}
    made.attributes_set = {node.attr for node in plan.nodes.of(ast.Attribute) if not isinstance(node.ctx, ast.Load)}
    made.written_once = set() if made.rebinds else _written_once(plan, made.global_names)
    made.iterated_tables = _iterated_tables(plan)
    return made


def _imports(nodes):
    found = set()
    for node in nodes.of(ast.Import):
        found.update(alias.name for alias in node.names)
    for node in nodes.of(ast.ImportFrom):
        if node.level == 0 and node.module:
            found.add(node.module)
            found.update(node.module + "." + alias.name for alias in node.names)
    return found


def _speaks_of_builtins(plan):
    texts = (node.value for node in plan.nodes.of(ast.Constant) if type(node.value) is str)
    return bool(plan.identifiers & {"builtins", "__builtins__"} or plan.imported & {"builtins", "gettext"}) or any("builtins" in text for text in texts)


def _written_once(plan, global_names):
    assigned = {target.id for statement in plan.tree.body if isinstance(statement, ast.Assign) for target in statement.targets
                if isinstance(target, ast.Name)}
    bound = [node.id for node in plan.nodes.of(ast.Name) if node.id in assigned and not isinstance(node.ctx, ast.Load)]
    return {name for name in assigned if bound.count(name) == 1 and name not in global_names}


def _looked_at(nodes):
    """ids of the nodes of what is gone through, or looked at, and neither changed nor handed on."""
    found = {id(node.iter) for node in nodes.of(ast.For, ast.comprehension)}
    found.update(id(node.value) for node in nodes.of(ast.Subscript) if isinstance(node.ctx, ast.Load))
    for node in nodes.of(ast.Call):
        if isinstance(node.func, ast.Attribute) and node.func.attr in LOOKING_METHODS:
            found.add(id(node.func.value))
        elif isinstance(node.func, ast.Name) and node.func.id in LOOKING or isinstance(node.func, ast.Attribute) and node.func.attr == "parametrize":
            found.update(map(id, node.args))
    return found


def _iterated_tables(plan):
    tables = set()
    for statement in plan.tree.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, (ast.List, ast.Tuple, ast.Set, ast.Dict)):
            tables.update(target.id for target in statement.targets if isinstance(target, ast.Name))
    if not tables:
        return tables
    iterated = _looked_at(plan.nodes)
    stored = {}
    for node in plan.nodes.of(ast.Name):
        if node.id in tables:
            if isinstance(node.ctx, ast.Store):
                stored[node.id] = stored.get(node.id, 0) + 1
            elif id(node) not in iterated:
                tables.discard(node.id)
    return {name for name in tables if stored.get(name) == 1}
