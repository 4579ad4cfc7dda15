"""Which tests must report, from the suite's syntax tree alone (docs/harness.md says which, and why not more).

The rules follow pytest's collection with its default naming: functions test*, classes Test* without __init__,
and test methods of TestCase classes.
"""

import ast

from . import facts, syntax

TEST_CASES = {"TestCase", "IsolatedAsyncioTestCase"}
# Decorators that replace a test by others with names of their own.
GENERATING = {"parameterized", "parameterized_class", "expand", "ddt", "data", "idata", "file_data", "unpack"}
# Decorators of a class that write its __init__.
MAKING_INIT = {"dataclass", "attrs", "define", "attr"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPOUND = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try) + tuple(
    getattr(ast, name) for name in ("Match", "TryStar") if hasattr(ast, name)
)


class Test:
    """One test: `path` in the module, and the function that the suite wrote for it."""

    __slots__ = ("path", "defined_at", "first_line", "decorated", "may_skip", "yields")

    def __init__(self, path, defined_at, first_line, decorated, may_skip, yields):
        self.path = path
        self.defined_at = defined_at
        self.first_line = first_line
        self.decorated = decorated
        self.may_skip = may_skip
        self.yields = yields  # pytest expects such a test to fail, unasked

    @property
    def name(self):
        return "::".join(self.path)

    def values(self):
        return tuple(getattr(self, name) for name in self.__slots__)


def _test_of(path, defined_at, node, may_skip):
    decorated = bool(node.decorator_list)
    first_line = min([node.lineno] + [decorator.lineno for decorator in node.decorator_list])
    may_skip = may_skip or decorated or isinstance(node, ast.AsyncFunctionDef)
    return Test(path, defined_at, first_line, decorated, may_skip, syntax.yields(node))


class Plan:
    """tests: name -> Test, in the order of the text; facts: facts.Facts. While the suite is being read: `nodes`, syntax.Nodes of the
    tree, and the words of the text."""

    def __init__(self, source, filename, tests, tree=None, known_facts=None):
        self.tests = tests
        self._source, self._filename, self._tree = source, filename, tree
        self.facts = known_facts
        if known_facts is None:
            self.nodes = nodes = syntax.Nodes(tree)
            self.names_used = {node.id for node in nodes.of(ast.Name)}
            self.identifiers = self.names_used | {node.attr for node in nodes.of(ast.Attribute)}
            imports = nodes.of(ast.Import, ast.ImportFrom)
            self.imported = {word for node in imports for word in _words_of(node)}  # what import statements name, and call it
            self.facts = facts.read(self)

    @property
    def tree(self):
        if self._tree is None:
            self._tree = parse(self._source, self._filename)
        return self._tree

    def names(self):
        return list(self.tests)

    def values(self):
        """What restore() makes the same plan of, but for what it has only while the suite is being read."""
        return [test.values() for test in self.tests.values()], self.facts.values()


def restore(values, source, filename):
    tests, known_facts = values
    tests = [Test(*test) for test in tests]
    return Plan(source, filename, {test.name: test for test in tests}, known_facts=facts.restore(known_facts))


def parse(source, filename, make=compile, flag=ast.PyCF_ONLY_AST):
    """As ast.parse: by what these names stood for before the program was loaded."""
    return make(source, filename, "exec", flag)


def _words_of(node):
    found = [getattr(node, "module", None) or ""]
    for alias in node.names:
        found += [alias.name, alias.asname or ""]
    return found


class _Class:
    """A class as far as its text tells: `members` maps a name to (function, defining path), _Class, a constant, or None
    when the text does not say what the name is bound to."""

    def __init__(self, node, path, bases):
        self.node = node
        self.path = path
        self.is_test_case = any(base.is_test_case for base in bases if isinstance(base, _Class)) or any(
            last_name(base) in TEST_CASES for base in node.bases
        )
        self.members = {}
        for base in reversed(bases):
            if isinstance(base, _Class):
                self.members.update(base.members)
        self.may_skip = bool(node.decorator_list) or any(
            base.may_skip for base in bases if isinstance(base, _Class)
        )
        self.not_as_written = bool(_identifiers(node.decorator_list) & (GENERATING | MAKING_INIT))


def last_name(node):
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None


def _identifiers(nodes):
    found = set()
    for node in nodes:
        for part in ast.walk(node):
            name = last_name(part)
            if name is not None:
                found.add(name)
    return found


def is_main_guard(statement):
    return isinstance(statement, ast.If) and "__name__" in _identifiers([statement.test])


def _bound_names(statement):
    """Names that a statement binds or deletes in its own scope (nested functions' are included: harmless)."""
    for node in ast.walk(statement):
        if isinstance(node, FUNCTIONS + (ast.ClassDef,)):
            yield node.name
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).split(".")[0]


def _attribute_targets(statement):
    """`X.name = ...` and `del X.name`: (X, name)."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load) and isinstance(node.value, ast.Name):
            yield node.value.id, node.attr


def _constant(statement):
    if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant):
        return statement.value.value
    return None


def _read_body(body, path, scope, outer):
    """Follows the statements of a module or class and leaves in `scope` what each name means at the end."""
    for statement in body:
        if isinstance(statement, FUNCTIONS):
            scope[statement.name] = (statement, path)
        elif isinstance(statement, ast.ClassDef):
            bases = [scope.get(base.id, outer.get(base.id)) if isinstance(base, ast.Name) else None
                     for base in statement.bases]
            class_ = _Class(statement, path + (statement.name,), bases)
            _read_body(statement.body, class_.path, class_.members, outer or scope)
            scope[statement.name] = class_
        elif is_main_guard(statement):
            continue
        elif isinstance(statement, COMPOUND) or not isinstance(statement, ast.Expr):
            for name in _bound_names(statement):
                scope[name] = _constant(statement)
            for owner, attribute in _attribute_targets(statement):
                target = scope.get(owner)
                if attribute == "__test__":
                    scope[owner] = None
                elif isinstance(target, _Class):
                    target.members[attribute] = None


def _is_test(function):
    names = {last_name(d.func if isinstance(d, ast.Call) else d) for d in function.decorator_list}
    if names & {"fixture", "yield_fixture", "property", "classmethod", "overload"}:
        return False
    return function.name.startswith("test") and not _identifiers(function.decorator_list) & GENERATING


def _functions(members):
    return {name: value for name, value in members.items() if isinstance(value, tuple) and _is_test(value[0])}


def _collect(path, scope, tests, may_skip):
    if scope.get("__test__", True) is not True:
        return
    may_skip = may_skip or "pytestmark" in scope
    for name, value in scope.items():
        if isinstance(value, tuple) and _is_test(value[0]):
            node, defined_at = value
            test = _test_of(path + (name,), defined_at + (node.name,), node, may_skip)
            tests[test.name] = test
        elif isinstance(value, _Class):
            _collect_class(path + (name,), value, tests, may_skip)


def _collect_class(path, class_, tests, may_skip):
    members = class_.members
    may_skip = may_skip or class_.may_skip
    if class_.not_as_written:
        return
    if class_.is_test_case:
        methods = _functions(members)
        if not methods and isinstance(members.get("runTest"), tuple):
            methods = {"runTest": members["runTest"]}
        if members.get("__test__", True) is not True:
            return
        for name, (node, defined_at) in methods.items():
            test = _test_of(path + (name,), defined_at + (node.name,), node, may_skip or "pytestmark" in members)
            tests[test.name] = test
    elif path[-1].startswith("Test") and not {"__init__", "__new__"} & set(members):
        _collect(path, members, tests, may_skip)


def build(source, filename):
    """SyntaxError, ValueError or RecursionError when the suite does not parse."""
    tree = ast.parse(source, filename)
    scope, tests = {}, {}
    _read_body(tree.body, (), scope, {})
    _collect((), scope, tests, False)
    return Plan(source, filename, tests, tree)
