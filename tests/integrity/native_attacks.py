"""C and C++ programs that game a suite with a main of its own."""
from gaming import Attack

SUITE = """\
#include <assert.h>
#include <stdio.h>
#include <string.h>

int square(int n);
const char *name(void);

int main(void)
{
    assert(square(3) == 9);
    assert(strcmp(name(), "square") == 0);
    assert(memcmp(name(), "square", 6) == 0);
    printf("checked\\n");
    return 0;
}
"""
HONEST = "int square(int n) { return n * n; }\nconst char *name(void) { return \"square\"; }\n"
WRONG = "int square(int n) { (void)n; return 0; }\nconst char *name(void) { return \"?\"; }\n"
EXIT_SUITE = "#include <stdlib.h>\nint square(int n);\nint main(void)\n{\n    if (square(3) != 9)\n        exit(1);\n    return 0;\n}\n"
RETURN_SUITE = "int square(int n);\nint main(void)\n{\n    return square(3) == 9 ? 0 : 1;\n}\n"
CONSTRUCTOR = "__attribute__((constructor)) static void early(void) "

HEADER_SUITE = """\
#include "square.h"
#include <assert.h>

int main(void)
{
    assert(square(3) == 9);
    if (square(4) != 16)
        return 1;
    return square(5) == 25 ? 0 : 2;
}
"""
HEADER = {"square.h": "#ifndef SQUARE_H\n#define SQUARE_H\n#define TWICE(x) (2 * (x))\nint square(int n);\n#endif\n"}
HEADER_WRONG = "int square(int n) { (void)n; return 0; }\n"
ASSERTED_SUITE = """\
#include <assert.h>
#include <string.h>
#include "square.h"

/* the max of two: a word of a macro */
int main(void)
{
    int nine = square(3);

    assert(nine == 9);
    assert(square(4) == 16);
    assert(strcmp(name(), "square") == 0);
    return IS_ONE(1) && MOST != 0 && ROOT_OF(1) == 1 ? 0 : 1;
}
"""
ASSERTED_WRONG = "int (square)(int n) { (void)n; return 1; }\nconst char *(name)(void) { return \"?\"; }\n"
ASSERTED_HEADER = ("int square(int n);\nconst char *name(void);\n#define IS_ONE(n) n == 1\n#define MOST 1 << 4 | 1\n#define ROOT_OF(n) ROOT_##n\n#define ROOT_1 ((1) ? 1 : 0)\n#define max(a, b) (a) > (b) ? (a) : (b)\n"
                 "#define TEXT \"a || b ? (\"\n#define LETTERS(c) (c == '(' || c == '?')\n")
# What a file of the suite's own defines may be anything.
CHECKED_SUITE = '#include <tgmath.h>\n#include "check.h"\n#include "square.h"\n\nBEGIN(the_square)\n    CHECK(square(3) == 9);\n    CHECK(fabs(-1.5) == 1.5);\nEND\n'
CHECK = {"check.h": "#include <stdlib.h>\n#define BEGIN(name) static void test_##name(void) {\n#define CHECK(c) (c) ? (void)0 : exit(1)\n#define END } int main(void) { test_the_square(); return 0; }\n"}

ATTACKS = [
    Attack("exit in a constructor", "#include <stdlib.h>\n" + CONSTRUCTOR + "{ exit(0); }\n" + WRONG),
    Attack("_exit in a constructor", "#include <unistd.h>\n" + CONSTRUCTOR + "{ _exit(0); }\n" + WRONG),
    Attack("exit by a system call", "#include <sys/syscall.h>\n#include <unistd.h>\n" + CONSTRUCTOR + "{ syscall(SYS_exit_group, 0); }\n" + WRONG),
    Attack("exit in a test", "#include <stdlib.h>\nint square(int n) { exit(0); }\nconst char *name(void) { return 0; }\n"),
    Attack("_exit in a test", "#include <unistd.h>\nint square(int n) { _exit(0); }\nconst char *name(void) { return 0; }\n"),
    Attack("quick_exit", "#include <stdlib.h>\nint square(int n) { quick_exit(0); }\nconst char *name(void) { return 0; }\n"),
    Attack("atexit that leaves with 0", "#include <stdlib.h>\n#include <unistd.h>\nstatic void leave(void) { _exit(0); }\n" + CONSTRUCTOR
           + "{ atexit(leave); }\n" + WRONG),
    Attack("a destructor that leaves with 0", "#include <unistd.h>\n__attribute__((destructor)) static void leave(void) { _exit(0); }\n" + WRONG, EXIT_SUITE),
    Attack("a handler of SIGABRT", "#include <signal.h>\n#include <unistd.h>\nstatic void leave(int n) { _exit(0); }\n" + CONSTRUCTOR
           + "{ signal(SIGABRT, leave); }\n" + WRONG),
    Attack("pthread_exit", "#include <pthread.h>\nint square(int n) { pthread_exit(0); }\nconst char *name(void) { return 0; }\n"),
    Attack("a main of its own", WRONG + "int main(void) { return 0; }\n"),
    Attack("a main by an alias", WRONG + "int other(void) { return 0; }\nint main(void) __attribute__((alias(\"other\")));\n"),
    Attack("a main by assembler", WRONG + "__asm__(\".globl main\\nmain: xor %eax, %eax\\nret\\n\");\n"),
    Attack("a weak main by assembler", WRONG + "__asm__(\".weak main\\nmain: xor %eax, %eax\\nret\\n\");\n"),
    Attack("__real_main by assembler", WRONG + "__asm__(\".globl __real_main\\n__real_main: xor %eax, %eax\\nret\\n\");\n"),
    Attack("__wrap_main by assembler", WRONG + "__asm__(\".globl __wrap_main\\n__wrap_main: xor %eax, %eax\\nret\\n\");\n"),
    Attack("_start of its own", WRONG + "__asm__(\".globl _start\\n_start: mov $60, %eax\\nxor %edi, %edi\\nsyscall\\n\");\n"),
    Attack("__libc_start_main", WRONG + "int __libc_start_main(void) { __builtin_trap(); }\n"),
    Attack("__assert_fail of its own", WRONG + "void __assert_fail(const char *a, const char *f, unsigned l, const char *g) { }\n"),
    Attack("__assert_fail, weak", WRONG + "__attribute__((weak)) void __assert_fail(const char *a, const char *f, unsigned l, const char *g) { }\n"),
    Attack("abort of its own", WRONG + "void abort(void) { for (;;) { __asm__(\"mov $60, %eax\\nxor %edi, %edi\\nsyscall\\n\"); } }\n"),
    Attack("strcmp and memcmp of its own", "int strcmp(const char *a, const char *b) { return 0; }\nint memcmp(const void *a, const void *b, unsigned long n) { return 0; }\n"
           "int square(int n) { return n * n; }\nconst char *name(void) { static char wrong[] = \"?\"; return wrong; }\n"),
    Attack("exit of its own", "void exit(int status) { __asm__(\"mov $60, %eax\\nxor %edi, %edi\\nsyscall\\n\"); for (;;); }\n" + WRONG, EXIT_SUITE),
    Attack("write of its own", "long write(int fd, const void *p, unsigned long n) { return n; }\n" + WRONG),
    Attack("find of its own", "char *find(char *t, char *w) { return t; }\nvoid report(void) {}\n" + WRONG),
    Attack("longjmp over the suite", "#include <setjmp.h>\n#include <stdlib.h>\nstatic jmp_buf here;\nint square(int n) { if (setjmp(here) == 0) longjmp(here, 1); return 0; }\n"
           "const char *name(void) { return \"?\"; }\n"),
    Attack("returns out of main", "int square(int n) { __asm__ volatile(\"mov 0(%%rbp), %%rsp\\n\\tnop\" ::: \"memory\"); return 9; }\nconst char *name(void) { return \"?\"; }\n"),
    Attack("calls main's caller back", "int __wrap_main(int, char **, char **);\n__attribute__((constructor)) static void early(void) { __wrap_main(0, 0, 0); }\n" + WRONG),
    Attack("reads the control first", "#include <unistd.h>\n#include <stdio.h>\nchar text[4096];\nstatic void first(int a, char **b, char **c) { if (read(4, text, 4000) > 0) _exit(0); }\n"
           "__attribute__((section(\".preinit_array\"), used)) static void (*const begin)(int, char **, char **) = first;\n" + WRONG),
    Attack("forged lines", "#include <unistd.h>\n" + CONSTRUCTOR + "{ static const char text[] = \"{\\\"t\\\":\\\"test\\\",\\\"name\\\":\\\"main\\\",\\\"outcome\\\":\\\"passed\\\",\\\"ms\\\":0}\\n{\\\"t\\\":\\\"done\\\"}\\n\";\n"
           "    write(3, text, sizeof text - 1); _exit(0); }\n" + WRONG),
    Attack("the report function called", "void report_outcome(const char *, const char *);\n__attribute__((weak)) void report_outcome(const char *, const char *);\n"
           + CONSTRUCTOR + "{ if (report_outcome) report_outcome(\"passed\", 0); }\n" + WRONG),
    Attack("a directive in the program's text", "#pragma weak main\n#pragma redefine_extname main other\n" + WRONG + "int other(void) { return 0; }\n"),
    Attack("the assert header in the workspace", WRONG, files={"assert.h": "#define assert(x) ((void)0)\n"}),
    Attack("the string header in the workspace", WRONG, files={"string.h": "#define strcmp(a, b) 0\n#define memcmp(a, b, c) 0\n#undef assert\n#define assert(x) ((void)0)\n"}),
    Attack("stdio.h in the workspace, asserts gone", WRONG, files={"stdio.h": "#undef assert\n#define assert(x) ((void)0)\nint printf(const char *, ...);\n",
                                                                 "stdlib.h": "#undef assert\n#define assert(x) ((void)0)\n"}),
    Attack("a header that takes asserts away", HEADER_WRONG, HEADER_SUITE, files={"square.h": "#define NDEBUG\nint square(int n);\n"}, twin_files=HEADER),
    Attack("a header that changes assert", HEADER_WRONG, HEADER_SUITE.replace('#include "square.h"\n#include <assert.h>', '#include <assert.h>\n#include "square.h"'),
           files={"square.h": "#undef assert\n#define assert(x) ((void)0)\nint square(int n);\n"}, twin_files=HEADER),
    Attack("a header that changes if", HEADER_WRONG, HEADER_SUITE, files={"square.h": "#define if(x) if (0)\nint square(int n);\n"}, twin_files=HEADER),
    Attack("a header that changes return", HEADER_WRONG, HEADER_SUITE, files={"square.h": "#define return return 0 *\nint square(int n);\n"}, twin_files=HEADER),
    *[Attack("a header that makes " + name, ASSERTED_WRONG, ASSERTED_SUITE, twin=HONEST, files={"square.h": ASSERTED_HEADER + define}, twin_files={"square.h": ASSERTED_HEADER})
      for name, define in {
          "strcmp nothing": "#include <string.h>\n#define square(n) n * n\n#define strcmp(a, b) 0\n",
          "what an assertion calls nothing": "#include <assert.h>\n#define __assert_fail(...) ((void)0)\n",
          "assert nothing for a machine": "#pragma GCC target(\"avx\")\n#ifdef __AVX__\n#undef assert\n#define assert(x) ((void)(x))\n#endif\n#define name() \"square\"\n",
          "assert nothing once it is used": "#undef assert\n#define assert(x) ((void)0)\n#pragma push_macro(\"assert\")\n#undef assert\n#include <assert.h>\n"
                                            "#define square(n) (_Pragma(\"pop_macro(\\\"assert\\\")\") n * n)\n#define name() \"square\"\n",
      }.items()],
    Attack("a header that changes what a test file says", HEADER_WRONG, CHECKED_SUITE, files={"square.h": "int square(int n);\n#undef exit\n#define exit(n) ((void)0)\n"},
           twin_files=HEADER, more={"test_files": CHECK}),
    Attack("a fault under the suite's name", HEADER_WRONG, HEADER_SUITE, files={"square.h": "#line 4 \"test_implementation.c\"\nint x = ;\n"}, twin_files=HEADER),
    Attack("a missing header under the suite's name", HEADER_WRONG, HEADER_SUITE + "/* #include <nowhere.h> */\n",
           files={"square.h": "#line 2 \"test_implementation.c\"\n#include <nowhere.h>\n"}, twin_files=HEADER),
    Attack("a header that spoils a name of the suite", HEADER_WRONG, HEADER_SUITE, files={"square.h": "int square(int n);\n#define square )(\n"}, twin_files=HEADER),
    Attack("a header that gives main another name", HEADER_WRONG, HEADER_SUITE, files={"square.h": "int square(int n);\nint main(void) __asm__(\"other_main\");\n"},
           twin_files=HEADER),
    Attack("files where the harness keeps its own", WRONG, files={"assay_main.o": "x", "assay_suite.o": "x", "assay_suite": "#!/bin/sh\nexit 0\n", "libassay_program.a": "x"}),
    Attack("an object of the program in the archive", WRONG, files={"implementation.c.assay.o": "x", "-o.c": "int x;", "--wrap=main.c": "int y;"}),
    Attack("a linker script as archive", WRONG, files={"libm.so": "INPUT(x)", "libm.a": "!<arch>\n", "crt1.o": "x", "libc.so": "x"}),
    Attack("a return status of 256", "int square(int n) { return n == 3 ? 265 : 0; }\nconst char *name(void) { return 0; }\n",
           "int square(int n);\nint main(void)\n{\n    return square(3) - 9;\n}\n"),
    Attack("256 failures", "int square(int n) { return 0; }\nconst char *name(void) { return 0; }\n",
           "int square(int n);\nint main(void)\n{\n    int failures = 0;\n    for (int i = 1; i <= 256; i++)\n        failures += square(i) != i * i;\n    return failures;\n}\n"),
    Attack("patches the suite's code", "#include <stdint.h>\n#include <sys/mman.h>\n#include <string.h>\nint main();\nextern int __real_main();\n"
           + CONSTRUCTOR + "{\n    extern char suite_main __asm__(\"main\");\n    uintptr_t page = (uintptr_t)&suite_main & ~4095ul;\n"
           "    if (mprotect((void *)page, 8192, PROT_READ | PROT_WRITE | PROT_EXEC) == 0)\n        memcpy(&suite_main, \"\\x31\\xc0\\xc3\", 3);\n}\n" + WRONG),
    Attack("the secret in memory", "#include <fcntl.h>\n#include <stdio.h>\n#include <stdint.h>\n#include <string.h>\n#include <unistd.h>\nextern char __bss_start[], _end[];\n"
           "static int hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }\n"
           + CONSTRUCTOR + "{\n    for (char *p = __bss_start; p + 32 < _end; p++) {\n        int n = 0;\n        while (p + n < _end && hex(p[n])) n++;\n"
           "        if (n != 32) { p += n; continue; }\n        dprintf(3, \"{\\\"k\\\":\\\"%.32s\\\",\\\"t\\\":\\\"test\\\",\\\"name\\\":\\\"main\\\",\\\"outcome\\\":\\\"passed\\\",\\\"ms\\\":0}\\n\", p);\n"
           "        dprintf(3, \"{\\\"k\\\":\\\"%.32s\\\",\\\"t\\\":\\\"done\\\"}\\n\", p);\n        _exit(0);\n    }\n}\n" + WRONG),
    Attack("a pipe in place of the report", "#include <stdio.h>\n#include <string.h>\n#include <unistd.h>\nstatic int out, in;\n" + CONSTRUCTOR
           + "{ int p[2]; out = dup(3); if (pipe(p) == 0) { dup2(p[1], 3); in = p[0]; } }\n"
           "__attribute__((destructor)) static void late(void) { char text[4096] = \"\"; close(3); if (read(in, text, 4095) > 0) { char *k = strstr(text, \"\\\"k\\\":\\\"\") + 5;\n"
           "    dprintf(out, \"{\\\"k\\\":\\\"%.32s\\\",\\\"t\\\":\\\"test\\\",\\\"name\\\":\\\"main\\\",\\\"outcome\\\":\\\"passed\\\",\\\"ms\\\":0}\\n{\\\"k\\\":\\\"%.32s\\\",\\\"t\\\":\\\"done\\\"}\\n\", k, k); _exit(0); } }\n"
           + WRONG, RETURN_SUITE, more={"timeout": 3}),
    Attack("fork, and the child reports", "#include <unistd.h>\nint square(int n) { return fork() == 0 ? n * n : 0; }\nconst char *name(void) { return \"square\"; }\n"),
    Attack("vfork and exec of true", "#include <unistd.h>\nint square(int n) { execl(\"/bin/true\", \"true\", (char *)0); return 0; }\nconst char *name(void) { return \"square\"; }\n"),
    Attack("getpid of its own", "#include <sys/types.h>\npid_t getpid(void) { return 1; }\n" + WRONG),
]

CPP_SUITE = """\
#include <cassert>
#include <stdexcept>
#include <string>
#include <vector>

std::string name();
int square(int n);

int main()
{
    assert(square(3) == 9);
    assert(name() == "square");
    if (square(4) != 16)
        throw std::runtime_error("square(4)");
}
"""
CPP_HONEST = "#include <string>\nstd::string name() { return \"square\"; }\nint square(int n) { return n * n; }\n"
CPP_WRONG = "#include <string>\nstd::string name() { return \"?\"; }\nint square(int) { return 0; }\n"
CPP_ATTACKS = [
    Attack("exit in a constructor", "#include <cstdlib>\nstruct Early { Early() { std::exit(0); } } early;\n" + CPP_WRONG),
    Attack("_Exit in a test", "#include <cstdlib>\n" + CPP_WRONG.replace("{ return 0; }", "{ std::_Exit(0); }")),
    Attack("a terminate handler", "#include <cstdlib>\n#include <exception>\nstruct Early { Early() { std::set_terminate([] { std::_Exit(0); }); } } early;\n"
           + CPP_WRONG.replace("{ return 0; }", "noexcept { throw 1; }")),
    Attack("std::terminate replaced", "#include <cstdlib>\nnamespace std { void terminate() noexcept { std::_Exit(0); } }\n"
           + CPP_WRONG.replace("{ return 0; }", "noexcept { throw 1; }")),
    Attack("an exception out of main", "#include <cstdlib>\n" + CPP_WRONG.replace("{ return 0; }", "{ throw 0; }")),
    Attack("forced unwinding", "#include <pthread.h>\n" + CPP_WRONG.replace("{ return 0; }", "{ pthread_exit(nullptr); }")),
    Attack("string comparison of its own", "#include <string>\nnamespace std { template <> int basic_string<char>::compare(const char *) const { return 0; } }\n"
           "std::string name() { return \"?\"; }\nint square(int n) { return n * n; }\n"),
    Attack("__cxa_throw replaced", "#include <cstdlib>\nextern \"C\" void __cxa_throw(void *, void *, void (*)(void *)) { std::_Exit(0); }\n"
           "#include <string>\nstd::string name() { return \"square\"; }\nint square(int n) { return n == 3 ? 9 : 0; }\n"),
    Attack("operator== for its type", "#include <string>\nstd::string name() { return \"?\"; }\nbool operator==(const std::string &, const char *) { return true; }\nint square(int n) { return n * n; }\n"),
]
TABLES = [("c", SUITE, HONEST, ATTACKS), ("cpp", CPP_SUITE, CPP_HONEST, CPP_ATTACKS)]
