"""C and C++ suites: the token is handed over when the suite's main returned, and by nothing else."""
import drive
import pytest

SUITE = "#include <assert.h>\nint add(int a, int b);\nint main(void)\n{\n    assert(add(1, 2) == 3);\n    return 0;\n}\n"
GOOD = "int add(int a, int b) { return a + b; }\n"
WRONG = "int add(int a, int b) { return a - b; }\n"


def passed(ran):
    return ran.done and ran.outcomes == {"main": "passed"}


HONEST = {
    "plain": (GOOD, SUITE),
    "a main of its own": (GOOD + "#include <stdio.h>\nint main(void) { puts(\"program\"); return 3; }\n", SUITE),
    "the suite includes the program": (GOOD, '#include "implementation.c"\n' + SUITE),
    "main without return": (GOOD, "int add(int, int);\nint main(int argc, char **argv) { (void)argv; if (argc != 1 || add(1, 1) != 2) return 1; }\n"),
    "a constructor and atexit": (GOOD + "#include <stdlib.h>\nstatic void bye(void) {}\n__attribute__((constructor)) static void hi(void) { atexit(bye); }\n", SUITE),
    "its own write": (GOOD + "long write(int fd, const void *data, unsigned long size) { (void)fd; (void)data; return (long)size; }\n", SUITE),
    "a child that exits": (GOOD, "#include <stdlib.h>\n#include <sys/wait.h>\n#include <unistd.h>\nint main(void) { if (fork() == 0) exit(4); int s; wait(&s);"
                           " return WEXITSTATUS(s) != 4; }\n"),
    "mathematics and threads": (
        "#include <math.h>\n#include <pthread.h>\ndouble root(double x) { return sqrt(x); }\n",
        "#include <pthread.h>\ndouble root(double);\nstatic void *run(void *x) { return x; }\nint main(void) { pthread_t t; volatile double four = 4;"
        " if (pthread_create(&t, 0, run, 0)) return 1; pthread_join(t, 0); return root(four) != 2; }\n"),
}


@pytest.mark.parametrize("name", HONEST)
def test_honest(name, tmp_path):
    ran = drive.c(tmp_path, *HONEST[name])
    assert passed(ran) and ran.exit_code == 0, (ran.lines, ran.stderr)


def test_further_sources_and_headers(tmp_path):
    ran = drive.c(tmp_path, '#include "parts.h"\nint add(int a, int b) { return plus(a, b); }\n', SUITE,
                  files={"parts.h": "int plus(int, int);\n", "parts.c": '#include "parts.h"\nint plus(int a, int b) { return a + b; }\n'})
    assert passed(ran)


def test_assert_in_the_suite_is_a_failed_test(tmp_path):
    ran = drive.c(tmp_path, WRONG, SUITE)
    assert ran.outcomes == {"main": "failed"} and ran.done
    assert ran.test("main")["message"] == "test_implementation.c:5: main: Assertion `add(1, 2) == 3' failed."
    assert "Assertion `add(1, 2) == 3' failed." in ran.stderr


@pytest.mark.parametrize("file", ["implementation.c", "parts.h"])
def test_assert_in_the_program_is_a_crash(file, tmp_path):
    text = "#include <assert.h>\nstatic int check(int a) { assert(a > 5); return a; }\n"
    program = 'int add(int a, int b) { return check(a) + b; }\n'
    files = {"parts.h": text} if file == "parts.h" else {}
    ran = drive.c(tmp_path, ('#include "parts.h"\n' if files else text) + program, SUITE, files=files)
    assert ran.exit_code == -6 and not ran.lines and "Assertion `a > 5' failed." in ran.stderr


@pytest.mark.parametrize("body, message", [("return 7;", "main returned 7"), ("exit(2);", "exit(2) was called"), ("add(0, 0); return -1;", "main returned -1")])
def test_other_ways_to_fail(body, message, tmp_path):
    ran = drive.c(tmp_path, GOOD, "#include <stdlib.h>\nint add(int, int);\nint main(void) { %s }\n" % body)
    assert ran.outcomes == {"main": "failed"} and ran.test("main")["message"] == message and ran.done


def test_text_that_is_not_utf8(tmp_path):
    ran = drive.c(tmp_path, GOOD, '#include <assert.h>\nint main(void) { assert(0 && "\udcff\\"\\\\ ä\\n"); }\n'.encode("utf-8", "surrogateescape").decode("latin-1"))
    assert ran.outcomes == {"main": "failed"}


GAMES = {
    "exit(0) from a constructor": "#include <stdlib.h>\n__attribute__((constructor)) static void go(void) { exit(0); }\n",
    "_exit(0) from a constructor": "#include <unistd.h>\n__attribute__((constructor)) static void go(void) { _exit(0); }\n",
    "quick_exit": "#include <stdlib.h>\n__attribute__((constructor)) static void go(void) { quick_exit(0); }\n",
    "a system call": "#include <sys/syscall.h>\n#include <unistd.h>\n__attribute__((constructor)) static void go(void) { syscall(SYS_exit_group, 0); }\n",
    "another program": "#include <unistd.h>\n__attribute__((constructor)) static void go(void) { execl(\"/bin/true\", \"true\", (char *)0); }\n",
    "a signal handler": "#include <signal.h>\n#include <unistd.h>\nstatic void leave(int s) { (void)s; _exit(0); }\n"
                        "__attribute__((constructor)) static void go(void) { signal(SIGABRT, leave); raise(SIGABRT); }\n",
    "reads the control": "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\n"
                         "__attribute__((constructor(101))) static void go(void) { char b[4096] = {0}; char o[4200]; if (read(4, b, 4095) <= 0) return;\n"
                         "char *k = strstr(b, \"secret\"); if (!k) return; k[42] = 0; snprintf(o, sizeof o, \"{\\\"k\\\":\\\"%s\\\",\\\"t\\\":\\\"done\\\"}\\n\", k + 10);"
                         " write(3, o, strlen(o)); _exit(0); }\n",
}


@pytest.mark.parametrize("name", GAMES)
def test_gaming(name, tmp_path):
    ran = drive.c(tmp_path, GAMES[name] + WRONG, SUITE)
    if name == "reads the control":
        assert ran.outcomes == {"main": "failed"}  # it found nothing, and the suite went on
    else:
        assert ran.lines == []


@pytest.mark.parametrize("call", ["exit(0)", "_exit(0)"])
def test_leaving_while_main_runs(call, tmp_path):
    ran = drive.c(tmp_path, "#include <stdlib.h>\n#include <unistd.h>\nint add(int a, int b) { %s; return a + b; }\n" % call, SUITE)
    assert ran.lines == [] and ran.exit_code == 0


def test_a_symbol_of_ours_is_a_link_error(tmp_path):
    drive.write(tmp_path, {"implementation.c": GOOD + "int __wrap_main(void) { return 0; }\n", "test_implementation.c": SUITE})
    assert drive.build_c(tmp_path, "main").returncode == 0
    assert drive.build_c(tmp_path, "program").returncode == 0
    built = drive.build_c(tmp_path, "suite")
    assert built.returncode != 0 and "assay: the suite" not in built.stderr


FAULTS = {
    "suite does not parse": (GOOD, "int main(void) { int x = ; return 0; }\n", True),
    "suite ends early": (GOOD, "int main(void) { return 0;\n", True),
    "suite without main": (GOOD, "int check(void) { return 0; }\n", True),
    "suite wants a header of the system": (GOOD, "#include <no_such_header.h>\nint main(void) { return 0; }\n", True),
    "program lacks the function": ("int sub(void) { return 0; }\n", SUITE, False),
    "program lacks the header": (GOOD, '#include "add.h"\nint main(void) { return 0; }\n', False),
    # It includes nothing: no program could help.
    "suite names a type that nobody has": (GOOD, "int main(void) { struct point p = {1}; Point q; return 0; }\n", True),
    "program's type is not there": (GOOD, '#include "parts.h"\nint main(void) { struct point p = {1}; Point q; return 0; }\n', False),
    "program's macro is not there": (GOOD, '#include "parts.h"\nCHECK(add) { return 0; }\n', False),
    "program's macro for a value is not there": (GOOD, '#include "parts.h"\nint main(void)\n{\n    return CHECK(1, 2) 3;\n}\n', False),
    "suite does not parse, with a header": (GOOD, '#include "parts.h"\nint main(void)\n{\n    int x = ;\n    return 0;\n}\n', True),
    "suite holds half a text, with a header": (GOOD, '#include "parts.h"\nint main(void)\n{\n    char *x = "abc;\n    return 0;\n}\n', True),
    "suite includes the program and does not parse": (GOOD, '#include "implementation.c"\nint main(void) { int x = ; return 0; }\n', True),
    "suite without main, with a header": (GOOD, '#include "parts.h"\nint check(void) { return 0; }\n', True),
    "header that does not parse, under the suite's name": (GOOD, '#include "line.h"\nint main(void) { return 0; }\n', False),
    "header that wants a header, under the suite's name": (GOOD, '#include "wants.h"\n/* #include <no_such_header.h> */\nint main(void) { return 0; }\n', False),
    "header that spoils a word of the suite": (GOOD, '#include "spoils.h"\nint main(void)\n{\n    int sum = 3;\n    return sum - 3;\n}\n', False),
    "header that poisons a word of the suite": (GOOD, '#include "poison.h"\nint main(void) { int sum = 3; return sum - 3; }\n', False),
    "header that ends in half a comment": (GOOD, '#include "comment.h"\nint main(void) { return 0; }\n', False),
    "header that gives main another name": (GOOD, '#include "name.h"\nint main(void) { return 0; }\n', False),
    "program that wants a main by assembler": (GOOD + '__asm__(".globl go\\ngo: call main@PLT\\n");\nint other(void);\nint add2(void) { return other(); }\n',
                                               "int add2(void);\nint main(void) { return add2(); }\n", False),
    "the suite's marker in the program's message": (GOOD, '#include "evil.h"\nint main(void) { return 0; }\n', False),
}


@pytest.mark.parametrize("name", FAULTS)
def test_whose_fault_a_build_is(name, tmp_path):
    program, suite, of_suite = FAULTS[name]
    drive.write(tmp_path, {"implementation.c": program, "test_implementation.c": suite,
                           "parts.h": "", "line.h": '#line 2 "test_implementation.c"\nint x = ;\n', "spoils.h": "#define sum = =\n",
                           "wants.h": '#line 2 "test_implementation.c"\n#include <no_such_header.h>\n', "poison.h": "#pragma GCC poison sum\n",
                           "comment.h": "/* and so on\n", "name.h": 'int main(void) __asm__("other_main");\n',
                           "assay_alone/errors.txt": "test_implementation.c:1:1: error: expected\n", "assay_alone/needs.txt": "x: test_implementation.c\n",
                           "evil.h": '#pragma message "x\\nassay: the suite does not compile"\n#error "assay: the suite does not compile"\n'})
    assert drive.build_c(tmp_path, "main").returncode == 0
    assert drive.build_c(tmp_path, "program").returncode == 0
    built = drive.build_c(tmp_path, "suite")
    assert built.returncode == 1
    assert built.stderr.startswith("assay: the suite does not compile\n") == of_suite, built.stderr
    assert of_suite or "\nassay: the suite" not in built.stderr


def test_a_program_that_does_not_compile(tmp_path):
    drive.write(tmp_path, {"implementation.c": "int add(\n", "test_implementation.c": SUITE})
    assert drive.build_c(tmp_path, "program").returncode != 0
    assert drive.build_c(tmp_path, "cases").returncode != 0


@pytest.mark.parametrize("suite, outcome, text", [
    ("#include <cassert>\nint add(int, int);\nint main() { assert(add(1, 2) == 3); }\n", "passed", None),
    ("#include <cassert>\nint add(int, int);\nint main() { assert(add(1, 2) == 4); }\n", "failed", "Assertion `add(1, 2) == 4' failed."),
    ("#include <stdexcept>\nint main() { throw std::runtime_error(\"not equal\"); }\n", "failed", "an exception left main: not equal"),
    ("int main() { throw 5; }\n", "failed", "an exception left main"),
    ("#include <cstdlib>\nint main() { std::exit(3); }\n", "failed", "exit(3) was called"),
])
def test_cpp(suite, outcome, text, tmp_path):
    ran = drive.c(tmp_path, GOOD + "int main() { return 9; }\n", suite, language="cpp")
    assert ran.outcomes == {"main": outcome} and ran.done
    assert text is None or text in ran.test("main")["message"]


def test_cpp_exit_from_a_constructor(tmp_path):
    program = "#include <cstdlib>\nstruct Early { Early() { std::exit(0); } } early;\nint add(int a, int b) { return a - b; }\n"
    ran = drive.c(tmp_path, program, "int add(int, int);\nint main() { return add(1, 2) != 3; }\n", language="cpp")
    assert ran.lines == []
