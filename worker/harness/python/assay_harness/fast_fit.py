"""Whether a suite's syntax tree shows only what the fast path (fast_path.py) does exactly as pytest does.

The rule is one of exclusion by doubt: a name, a decorator, an argument that is not known to be alike means pytest. Nothing of
the program is looked at, so that it has no say in how it is judged.
"""

import ast
import sys

from .plan import FUNCTIONS, is_main_guard, last_name
from .facts import MEANINGFUL
from .syntax import yields

# Of pytest's own names: what does its work wherever it is called.
PYTEST_NAMES = {"raises", "approx", "fail", "warns"}
# Words by which a suite does to itself, or to pytest, what its text does not show.
REFLECTIVE = {"globals", "locals", "vars", "exec", "eval", "setattr", "delattr", "__dict__", "__import__", "__builtins__", "modules", "reload",
              "import_module", "_getframe", "settrace", "setprofile", "__test__", "PYTEST_CURRENT_TEST", "__code__", "__closure__", "__globals__",
              "load_tests", "subTest", "IsolatedAsyncioTestCase", "FunctionTestCase", "TestSuite", "TestLoader", "TextTestRunner", "setUpModule",
              "tearDownModule", "addModuleCleanup", "addClassCleanup", "enterClassContext", "defaultTestResult", "excepthook", "unraisablehook",
              "lastResort", "setrecursionlimit", "getrecursionlimit", "RecursionError"}
# Modules that look at who calls, or make tests in ways of their own.
UNKNOWN_MODULES = {"_pytest", "pluggy", "nose", "ddt", "parameterized", "hypothesis", "inspect", "gc", "trace", "doctest", "test"}
# Methods of a plain test class that pytest calls, beyond those that are done here; and of old for nose.
CLASS_SET_UPS = {"setup_class", "teardown_class", "setup", "teardown", "setup_module", "teardown_module", "__new__", "__init__",
                 "__init_subclass__", "__getattribute__", "__getattr__", "__set_name__", "pytestmark", "__del__", "__call__"}
TEST_CASE_SET_UPS = {"run", "runTest", "__init__", "__new__", "__call__", "debug", "shortDescription", "id", "countTestCases", "failureException",
                     "__getattribute__", "__getattr__", "__init_subclass__", "doCleanups", "doClassCleanups", "_callTestMethod", "_callSetUp", "_callTearDown",
                     "skipTest", "setup_method", "teardown_method", "setup_class", "teardown_class", "setup", "teardown", "pytestmark"}
SET_UPS = {"setup_method", "teardown_method", "setUp", "tearDown", "setUpClass", "tearDownClass"}
MODULE_SET_UPS = set(MEANINGFUL) | {"setup", "teardown", "collect_ignore", "__all__", "__path__", "__file__", "__getattr__", "__dir__"}
# An exception handler of these sees an assertion's text, which pytest writes and a plain assert does not.
BROAD = {"AssertionError", "Exception", "BaseException"}
ORDERING = {ast.Lt, ast.LtE, ast.Gt, ast.GtE}
CATCHING = {"raises", "assertRaises", "assertRaisesRegex", "suppress"}


class Unfit(Exception):
    """Why the suite needs pytest."""


class FastTest:
    """A test as the suite's text has it: its Test of the plan, and the argnames of its parametrize decorators, from the function
    outwards. While the suite is being read: `calls`, the nodes of those decorators, and its own."""

    __slots__ = ("test", "node", "parametrized", "calls", "class_name")

    def __init__(self, test, parametrized, class_name, node=None, calls=()):
        self.test, self.node, self.parametrized, self.calls, self.class_name = test, node, parametrized, calls, class_name


class Fit:
    """`tests` in the order of collection; `test_cases`: names of the classes that are unittest's; `uses_pytest`: the suite
    calls something of pytest; `star`: it takes all names of the program."""

    def __init__(self, tests, test_cases, uses_pytest, parametrizes, star):
        self.tests, self.test_cases, self.uses_pytest, self.parametrizes, self.star = tests, test_cases, uses_pytest, parametrizes, star

    def values(self):
        """What restore() makes the same of."""
        tests = [(found.test.name, found.parametrized, found.class_name) for found in self.tests]
        return tests, self.test_cases, self.uses_pytest, self.parametrizes, self.star


def restore(values, plan):
    tests, *rest = values
    return Fit([FastTest(plan.tests[name], parametrized, class_name) for name, parametrized, class_name in tests], *rest)


def examine(plan, files, request):
    """A Fit. Raises Unfit."""
    if request.coverage or request.untrusted_files and files.shadowing() is not None:
        raise Unfit("coverage or a file in place of the suite's")
    if any(path.endswith((".py", ".so", ".pyc")) for path in request.trusted_files):
        raise Unfit("modules beside the suite")
    if not plan.tests:
        raise Unfit("no test")
    if plan.facts.mentions_skip or plan.facts.mentions_xfail or plan.facts.marks_itself:
        raise Unfit("skips or expected failures")
    return _Examination(plan, files).fit()


class _Examination:
    def __init__(self, plan, files):
        self._plan = plan
        self._program = files.program_modules()
        self._library = getattr(sys, "stdlib_module_names", frozenset(sys.builtin_module_names))
        self._tests = []
        self._test_cases = set()
        self._marks = set()  # ids of the nodes `pytest.mark` and `mark` that are decorators we know
        self._unused = set()  # ids of the nodes that never run
        self._imported_of_pytest = set()
        self._bound = {}
        self._star = False

    def fit(self):
        self._module(self._plan.tree.body)
        if [found.test.name for found in self._tests] != list(self._plan.tests):
            raise Unfit("tests that are not where they seem")
        self._words()
        self._assertions()
        parametrizes = any(found.parametrized for found in self._tests)
        uses_pytest = "pytest" in self._plan.names_used or bool(self._imported_of_pytest)
        return Fit(self._sorted(), self._test_cases, uses_pytest, parametrizes, self._star)

    def _sorted(self):
        """unittest sorts the tests of a class by name."""
        found = []
        for number, one in enumerate(self._tests):
            first = next(at for at, other in enumerate(self._tests) if other.class_name == one.class_name) if one.class_name in self._test_cases else number
            found.append((first, one.test.path[-1] if one.class_name in self._test_cases else "", number, one))
        return [one for *_, one in sorted(found, key=lambda entry: entry[:3])]

    # -- statements of the module

    def _module(self, body):
        for statement in body:
            if isinstance(statement, FUNCTIONS):
                self._bind(statement.name)
                if statement.name.startswith("test"):
                    self._test(statement, (), None)
            elif isinstance(statement, ast.ClassDef):
                self._bind(statement.name)
                self._class(statement)
            elif is_main_guard(statement):
                if not _never_runs(statement):
                    raise Unfit("what depends on __name__")
                self._unused.update(id(node) for node in ast.walk(statement))
            else:
                for name in _scope_names(statement):
                    self._bind(name)
                    if name.startswith(("test", "Test")) and name != "TestCase":
                        raise Unfit("%s is bound otherwise" % name)
        for name, times in self._bound.items():
            if name in MODULE_SET_UPS or name == "pytest" and times > 1:
                raise Unfit(name)
            if times > 1 and (name.startswith(("test", "Test")) or name in self._test_cases):
                raise Unfit("%s is bound twice" % name)

    def _bind(self, name):
        self._bound[name] = self._bound.get(name, 0) + 1

    def _class(self, node):
        if node.decorator_list or node.keywords:
            if node.name.startswith("Test") or node.bases:
                raise Unfit("a decorated class")
            return
        kind = "plain" if not node.bases or _is_name(node.bases, "object") else "other"
        if len(node.bases) == 1 and _dotted(node.bases[0]) in ("unittest.TestCase", "TestCase"):
            kind = "test case"
        if kind == "other" and not node.name.startswith("Test"):
            if any(_dotted(base) is None or "Test" in _dotted(base) for base in node.bases):
                raise Unfit("a class of an unknown base")
            base_names = {_dotted(base) for base in node.bases}
            if base_names & self._test_cases:
                raise Unfit("a class of a test class")
            return
        if kind == "plain" and not node.name.startswith("Test"):
            return
        if kind == "other":
            raise Unfit("a test class with bases")
        if kind == "test case":
            self._test_cases.add(node.name)
        self._class_body(node, TEST_CASE_SET_UPS if kind == "test case" else CLASS_SET_UPS, kind)

    def _class_body(self, node, forbidden, kind):
        bound = {}
        for statement in node.body:
            names = [statement.name] if isinstance(statement, FUNCTIONS + (ast.ClassDef,)) else list(_scope_names(statement))
            for name in names:
                bound[name] = bound.get(name, 0) + 1
                if name in forbidden:
                    raise Unfit("%s.%s" % (node.name, name))
                is_test = name.startswith("test") or name.startswith("Test") and kind == "plain"
                if is_test and (bound[name] > 1 or not isinstance(statement, ast.FunctionDef)):
                    raise Unfit("%s.%s is no plain method" % (node.name, name))
            if isinstance(statement, FUNCTIONS):
                if statement.name.startswith("test"):
                    self._test(statement, (node.name,), node.name, kind == "test case")
                elif statement.name in SET_UPS and not _is_plain_set_up(statement):
                    raise Unfit("%s.%s" % (node.name, statement.name))

    # -- one test

    def _test(self, node, path, class_name, of_test_case=False):
        test = self._plan.tests.get("::".join(path + (node.name,)))
        if test is None or not isinstance(node, ast.FunctionDef) or yields(node):
            raise Unfit("%s is no plain test" % node.name)
        if of_test_case and node.decorator_list:
            raise Unfit("%s is decorated" % node.name)
        parametrized = [self._parametrize(decorator) for decorator in reversed(node.decorator_list)]
        arguments = node.args
        if arguments.vararg or arguments.kwarg or arguments.posonlyargs:
            raise Unfit("arguments of %s" % node.name)
        positional = [argument.arg for argument in arguments.args]
        needed = positional[: len(positional) - len(arguments.defaults)] if arguments.defaults else positional
        needed = needed + [argument.arg for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults) if default is None]
        if class_name is not None:
            if not needed:
                raise Unfit("%s without self" % node.name)
            needed = needed[1:]
        given = [name for names, _ in parametrized for name in names]
        if sorted(given) != sorted(needed) or len(set(given)) != len(given) or "request" in given:
            raise Unfit("%s needs fixtures" % node.name)
        self._tests.append(FastTest(test, [names for names, _ in parametrized], class_name, node, [call for _, call in parametrized]))

    def _parametrize(self, decorator):
        """(argnames, call) of one whose names stand in the text."""
        known = isinstance(decorator, ast.Call) and _dotted(decorator.func) in ("pytest.mark.parametrize", "mark.parametrize")
        if not known or len(decorator.args) > 2 or any(isinstance(part, ast.Starred) for part in decorator.args):
            raise Unfit("a decorator")
        options = {keyword.arg: keyword.value for keyword in decorator.keywords}
        options.update(zip(("argnames", "argvalues"), decorator.args))
        if len(options) != len(decorator.args) + len(decorator.keywords) or not {"argnames", "argvalues"} <= set(options) <= {"argnames", "argvalues", "ids"}:
            raise Unfit("arguments of parametrize")
        names = _names_of(options["argnames"])
        if "ids" in options and not _is_texts(options["ids"]):
            raise Unfit("ids of parametrize")
        self._marks.add(id(decorator.func.value))
        return names, decorator

    # -- words

    def _words(self):
        found = (self._plan.identifiers | self._plan.imported) & REFLECTIVE
        if found:
            raise Unfit(sorted(found)[0])
        if "compile" in self._plan.names_used:
            raise Unfit("compile")
        looks = {ast.ImportFrom: self._import_from, ast.Import: self._import,
                 ast.keyword: self._keyword, ast.Global: self._global, ast.NamedExpr: self._named, ast.ExceptHandler: self._handler,
                 ast.Call: self._call, ast.Compare: self._compare, ast.Try: self._catching, ast.With: self._catching}
        if "pytest" in self._plan.imported:
            looks.update({ast.Attribute: self._attribute, ast.Name: self._name})
        self._uses = 0  # of the name `pytest`, that are not understood
        self._handles = False  # an assertion
        self._blocks = []
        unused = self._unused
        for kind, look in looks.items():
            for node in self._plan.nodes.of(kind):
                if not unused or id(node) not in unused:
                    look(node)
        if self._uses != 0:
            raise Unfit("a name of pytest")

    def _attribute(self, node):
        if not _is_pytest(node.value):
            return
        if node.attr in PYTEST_NAMES or node.attr == "param" or node.attr == "mark" and id(node) in self._marks:
            self._uses -= 1
        else:
            raise Unfit("pytest." + node.attr)

    def _name(self, node):
        if node.id == "pytest":
            self._uses += 1
        elif node.id == "mark" and id(node) not in self._marks and "mark" in self._plan.imported:
            raise Unfit("a mark")

    @staticmethod
    def _keyword(node):
        if node.arg in ("marks", "indirect"):
            raise Unfit(node.arg)

    @staticmethod
    def _global(node):
        if any(name.startswith(("test", "Test")) for name in node.names):
            raise Unfit("a global test")

    @staticmethod
    def _named(_node):
        raise Unfit("an assignment in an expression")

    def _handler(self, node):
        self._handles = self._handles or _is_broad(node.type)

    @staticmethod
    def _compare(node):
        """pytest's rewriting takes a chain apart, and each of its comparisons is then asked again."""
        if len(node.ops) > 1 and not {type(operator) for operator in node.ops} <= ORDERING:
            raise Unfit("a chain of comparisons")

    def _call(self, node):
        if last_name(node.func) in CATCHING:
            self._handles = self._handles or any(_is_broad(argument) for argument in node.args)

    def _catching(self, node):
        if isinstance(node, ast.Try) and node.handlers or isinstance(node, ast.With) and any(_is_catching(item.context_expr) for item in node.items):
            self._blocks.append(node)

    def _import(self, node):
        for alias in node.names:
            top = alias.name.split(".")[0]
            if top == "pytest" and (alias.name != "pytest" or alias.asname):
                raise Unfit("pytest by another name")
            if top in ("unittest",) and alias.asname:
                raise Unfit("unittest by another name")
            if (alias.asname or "") == "pytest" or top in UNKNOWN_MODULES:
                raise Unfit(alias.name)

    def _import_from(self, node):
        top = (node.module or "").split(".")[0]
        names = {alias.name for alias in node.names}
        if top == "pytest":
            if node.module != "pytest" or not names <= PYTEST_NAMES | {"mark", "param"} or any(alias.asname for alias in node.names):
                raise Unfit("names of pytest")
            self._imported_of_pytest |= names
        elif node.level > 0 or not (top in self._program or top in self._library) or top in UNKNOWN_MODULES:
            raise Unfit("names from %s" % (node.module or "."))
        elif "*" in names:
            if top not in self._program:
                raise Unfit("all names of %s" % node.module)
            self._star = True

    # -- assertions whose text somebody reads

    def _assertions(self):
        tests = {id(found.node) for found in self._tests}
        if self._handles:
            self._blocks += [node for node in self._plan.nodes.of(*FUNCTIONS) if id(node) not in tests]
        if any(_asserts(block) for block in self._blocks):
            raise Unfit("an assertion that the suite may catch")


def _is_plain_set_up(function):
    of_class = function.name.endswith("Class")
    decorators_fit = _is_name(function.decorator_list, "classmethod") if of_class else not function.decorator_list
    return isinstance(function, ast.FunctionDef) and decorators_fit and not yields(function)


def _is_name(nodes, name):
    return len(nodes) == 1 and isinstance(nodes[0], ast.Name) and nodes[0].id == name


def _is_pytest(node):
    return isinstance(node, ast.Name) and node.id == "pytest"


def _dotted(node):
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value)
        return before + "." + node.attr if before is not None else None
    return None


def _names_of(node):
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        names = [name.strip() for name in node.value.split(",")]
        found = [name for name in names if name]
    elif isinstance(node, (ast.List, ast.Tuple)) and all(isinstance(part, ast.Constant) and isinstance(part.value, str) for part in node.elts):
        found = [part.value for part in node.elts]
    else:
        raise Unfit("names of parametrize")
    if not found or not all(name.isidentifier() for name in found):
        raise Unfit("names of parametrize")
    return found


def _is_texts(node):
    return isinstance(node, (ast.List, ast.Tuple)) and all(isinstance(part, ast.Constant) and isinstance(part.value, str) for part in node.elts)


def _scope_names(statement):
    """What a statement binds in its own scope; also what the definitions under it are called."""
    waiting = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, FUNCTIONS + (ast.ClassDef,)):
            yield node.name
            continue
        if isinstance(node, (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            continue
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).split(".")[0]
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name
        waiting += ast.iter_child_nodes(node)


def _is_catching(node):
    return isinstance(node, ast.Call) and last_name(node.func) in CATCHING


def _never_runs(statement):
    """`if __name__ == "__main__":` and nothing else."""
    test = statement.test
    return (not statement.orelse and isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq)
            and {ast.dump(test.left), ast.dump(test.comparators[0])} == {ast.dump(ast.Name("__name__", ast.Load())), ast.dump(ast.Constant("__main__"))})


def _is_broad(node):
    """True when it may be a class of BROAD."""
    if isinstance(node, ast.Tuple):
        return any(_is_broad(part) for part in node.elts)
    name = last_name(node) if node is not None else None
    return name is None and not isinstance(node, ast.Constant) or name in BROAD


def _asserts(node):
    return any(isinstance(part, ast.Assert) for part in ast.walk(node))
