/* producer/detect.h: what language a snippet is told to be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/mem.h"
#include "producer/detect.h"

struct snippet {
    enum language language;
    const char *text;
};

#define PY   LANGUAGE_PYTHON
#define JS   LANGUAGE_NODE
#define C    LANGUAGE_C
#define CPP  LANGUAGE_CPP
#define BASH LANGUAGE_BASH

static const struct snippet snippets[] = {
    {PY, "def f(x):\n    return x + 1\n"},
    {PY, "def f(x): return x"},
    {PY, "from typing import List\n\ndef f(xs: List[int]) -> int:\n    return sum(xs)\n"},
    {PY, "import sys\nfor line in sys.stdin:\n    print(line.strip())\n"},
    {PY, "n = int(input())\nprint(n * 2)\n"},
    {PY, "print(sum(map(int, open(0).read().split())))"},
    {PY, "class Stack:\n    def __init__(self):\n        self.items = []\n"},
    {PY, "f = lambda x: x * 2\n"},
    {PY, "if __name__ == '__main__':\n    main()\n"},
    {PY, "async def f():\n    await g()\n"},
    {PY, "try:\n    x = 1\nexcept ValueError:\n    pass\n"},
    {PY, "def f():\n    \"\"\"\n    const x = 5;\n    console.log(x);\n    #include <stdio.h>\n    \"\"\"\n  "
         "  return None\n"},
    {PY, "# function f() {\ndef f():\n    s = \"function g() { return x; }\"\n    return s\n"},
    {PY, "a, b = map(int, input().split())\nwhile b:\n    a, b = b, a % b\nprint(a)\n"},
    {PY, "@dataclass\nclass Point:\n    x: int\n    y: int\n"},
    {PY, "with open('x') as f:\n    data = f.read()\n"},
    {PY, "import numpy as np\nresult = np.zeros(3)\n"},
    {PY, "assert add(2, 3) == 5\nassert add(0, 0) == 0\n"},

    {JS, "function add(a, b) {\n  return a + b;\n}\nmodule.exports = { add };\n"},
    {JS, "const add = (a, b) => a + b;\nexports.add = add;\n"},
    {JS, "console.log('hello');\n"},
    {JS, "const fs = require('fs');\nconst data = fs.readFileSync(0, 'utf8');\n"},
    {JS, "'use strict';\nlet x = 1;\nx += 1;\n"},
    {JS, "export default class Foo {\n  constructor(x) { this.x = x; }\n}\n"},
    {JS, "import { f } from './f.js';\nf();\n"},
    {JS, "for (let i = 0; i < 10; i++) {\n  console.log(i);\n}\n"},
    {JS, "var x = [1, 2, 3];\nx.forEach(function (y) { process.stdout.write(String(y)); });\n"},
    {JS, "class A extends B {\n  constructor() {\n    super();\n  }\n}\n"},
    {JS, "async function f() {\n  await g();\n}\n"},
    {JS, "function main() {\n  const x = 1;\n  if (x === 1) return undefined;\n}\nmain();\n"},
    {JS, "const s = `\ndef f(x):\n    return x\nimport os\n`;\nconsole.log(s);\n"},
    {JS, "// def f(x):\n/*\n#include <stdio.h>\nint main(void) {\n*/\nlet a = 5;\nlet b = a * 2;\n"},
    {JS, "exports.f = function (x) { return x; };\n"},
    {JS, "const { f } = require('./implementation.js');\ntest('f', () => assert.strictEqual(f(1), 2));\n"},
    {JS, "let total = 0;\nwhile (total < 10) {\n  total++;\n}\n"},

    {C, "#include <stdio.h>\nint main(void) {\n    printf(\"hello\\n\");\n    return 0;\n}\n"},
    {C, "int add(int a, int b)\n{\n    return a + b;\n}\n"},
    {C, "#include \"implementation.h\"\n#include <assert.h>\nint main(void) { assert(add(1, 2) == 3); }\n"},
    {C, "typedef struct node {\n    int value;\n    struct node *next;\n} node;\n"},
    {C, "char *copy(const char *s) {\n    char *p = malloc(strlen(s) + 1);\n    return strcpy(p, s);\n}\n"},
    {C, "#define MAX(a, b) ((a) > (b) ? (a) : (b))\nint top(int *xs, size_t n);\n"},
    {C, "unsigned long factorial(unsigned n) {\n    return n < 2 ? 1 : n * factorial(n - 1);\n}\n"},
    {C, "static double mean(const double *xs, size_t n) {\n    double sum = 0;\n    for (size_t i = 0; i < "
        "n; i++)\n        "
        "sum += xs[i];\n    return sum / n;\n}\n"},
    {C, "#include <stdbool.h>\nbool is_even(int n) { return n % 2 == 0; }\n"},
    {C, "void swap(int *a, int *b) { int t = *a; *a = *b; *b = t; }\n"},
    {C, "int main() { int n; scanf(\"%d\", &n); printf(\"%d\\n\", n * 2); }\n"},

    {CPP, "#include <iostream>\nint main() {\n    std::cout << \"hello\" << std::endl;\n}\n"},
    {CPP, "#include <vector>\nint sum(const std::vector<int> &xs) {\n    int s = 0;\n    for (auto x : xs) s "
          "+= x;\n    "
          "return s;\n}\n"},
    {CPP, "#include <bits/stdc++.h>\nusing namespace std;\nint main() { int n; cin >> n; cout << n; }\n"},
    {CPP, "template <typename T>\nT add(T a, T b) { return a + b; }\n"},
    {CPP, "class Stack {\npublic:\n    void push(int x);\nprivate:\n    int size;\n};\n"},
    {CPP, "namespace a {\nint f() { return 1; }\n}\n"},
    {CPP, "#include <string>\nstd::string f(std::string s) { return s + s; }\n"},
    {CPP, "#include <cstdio>\nint main() { printf(\"x\"); return 0; }\n"},
    {CPP, "int *p = nullptr;\nint main() { return p == nullptr; }\n"},
    {CPP, "vector<int> f(vector<int> a) {\n    sort(a.begin(), a.end());\n    return a;\n}\n"},
    {CPP, "struct A {\n    virtual int f() { return 1; }\n};\nstruct B : A {\n    int f() override { return "
          "2; }\n};\n"},

    {BASH, "echo hello\n"},
    {BASH, "echo \"hello $name\"\n"},
    {BASH, "#!/bin/bash\nread n\necho $((n * 2))\n"},
    {BASH, "set -euo pipefail\nfor f in *.txt; do\n  wc -l \"$f\"\ndone\n"},
    {BASH, "if [ \"$1\" = x ]; then\n  echo yes\nfi\n"},
    {BASH, "while read -r line; do\n  echo \"$line\"\ndone\n"},
    {BASH, "add() {\n  echo $(($1 + $2))\n}\n"},
    {BASH, "function add {\n  local a=$1\n  echo \"$a\"\n}\n"},
    {BASH, "case $1 in\n  a) echo 1 ;;\n  *) echo 2 ;;\nesac\n"},
    {BASH, "sort | uniq -c | sort -rn\n"},
    {BASH, "cat <<EOF\ndef f(x):\n    return x\nimport os\nEOF\necho done\n"},
    {BASH, "x=$(date)\nprintf '%s\\n' \"$x\"\n"},
    {BASH, "grep -c foo file.txt\nexit 1\n"},
    {BASH, "tr a-z A-Z 2>/dev/null\n"},
    {BASH, "#!/bin/sh\ntrue\n"},
    {PY, "#!/usr/bin/env python3\n"},
    {PY, "#!/usr/bin/env -S python3 -u\nx = 1\n"},
    {JS, "#!/usr/bin/env node\nx = 1\n"},
};

static struct blob blob_of(const char *text)
{
    return (struct blob){text, text != NULL ? strlen(text) : 0};
}

static void test_each_snippet_is_told(void **state)
{
    (void)state;
    size_t wrong = 0;
    assert_true(ARRAY_SIZE(snippets) >= 60);
    for (size_t i = 0; i < ARRAY_SIZE(snippets); i++) {
        struct task_texts texts = {.program = blob_of(snippets[i].text)};
        enum language told = LANGUAGE_COUNT;
        struct err err = ERR_INIT;
        bool ok = detect_language(&texts, &told, &err);
        if (ok && told == snippets[i].language)
            continue;
        wrong++;
        print_error("%s told as %s (%s):\n%s\n", detect_name(snippets[i].language),
                    ok ? detect_name(told) : "nothing", err.text, snippets[i].text);
    }
    assert_int_equal(wrong, 0);
}

static void test_what_cannot_be_told_is_refused(void **state)
{
    (void)state;
    static const char *const texts_of[] = {NULL,
                                           "",
                                           "\n\n  \n",
                                           "x\n",
                                           "Hello, this is prose.\nIt goes on.\n",
                                           "1 2 3\n",
                                           "{\"a\": 1}\n",
                                           "x = 1\n",
                                           "return x;\n",
                                           "<html></html>\n",
                                           "// only a comment\n",
                                           "\"\"\"an open doc string\ndef f():\n"};
    for (size_t i = 0; i < ARRAY_SIZE(texts_of); i++) {
        struct task_texts texts = {.program = blob_of(texts_of[i])};
        enum language told;
        struct err err = ERR_INIT;
        if (detect_language(&texts, &told, &err))
            fail_msg("told as %s: %s", detect_name(told), texts_of[i] != NULL ? texts_of[i] : "(nothing)");
        assert_int_equal(err.code, ERR_INPUT);
        assert_non_null(strstr(err.text, "Name the runtime"));
        assert_non_null(strstr(err.text, "python"));
    }
}

static void test_a_mixture_names_its_candidates(void **state)
{
    (void)state;
    struct task_texts texts = {.program = blob_of("def f(x):\n    return x\nconst f = (x) => x;\n")};
    enum language told;
    struct err err = ERR_INIT;
    assert_false(detect_language(&texts, &told, &err));
    assert_non_null(strstr(err.text, "looks like python, node."));
}

static void test_names_decide(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum language language;
    } cases[] = {{"main.py", PY},   {"a/b/main.js", JS}, {"main.mjs", JS}, {"main.c", C},
                 {"main.cpp", CPP}, {"main.cc", CPP},    {"run.sh", BASH}, {"MAIN.PY", PY}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *names[] = {"README", "data.json", cases[i].name};
        struct task_texts texts = {.names = names, .name_count = 3};
        enum language told;
        struct err err = ERR_INIT;
        assert_true(detect_language(&texts, &told, &err));
        assert_int_equal(told, cases[i].language);
    }
    const char *names[] = {"main.py"};
    struct task_texts texts = {.program = blob_of("echo hello\n"), .names = names, .name_count = 1};
    enum language told;
    struct err err = ERR_INIT;
    assert_true(detect_language(&texts, &told, &err));
    assert_int_equal(told, PY);
    const char *two[] = {"main.py", "main.js"};
    texts = (struct task_texts){.names = two, .name_count = 2};
    assert_false(detect_language(&texts, &told, &err));
}

static void test_the_suite_helps(void **state)
{
    (void)state;
    struct task_texts texts = {
        .program = blob_of("x = 1\n"),
        .suite = blob_of("from implementation import x\n\ndef test_x():\n    assert x == 1\n")};
    enum language told;
    struct err err = ERR_INIT;
    assert_true(detect_language(&texts, &told, &err));
    assert_int_equal(told, PY);
}

static void test_bytes_that_are_no_text(void **state)
{
    (void)state;
    char noise[5000];
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (char)(i * 131 + i / 7);
    struct task_texts texts = {.program = {noise, sizeof noise}, .suite = {noise, 1}};
    enum language told;
    struct err err = ERR_INIT;
    (void)detect_language(&texts, &told, &err); /* neither crashes nor reads beyond */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_snippet_is_told),
        cmocka_unit_test(test_what_cannot_be_told_is_refused),
        cmocka_unit_test(test_a_mixture_names_its_candidates),
        cmocka_unit_test(test_names_decide),
        cmocka_unit_test(test_the_suite_helps),
        cmocka_unit_test(test_bytes_that_are_no_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
