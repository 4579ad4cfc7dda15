"""What compilers made is used again for equal tasks of one job, and for nothing else; no program gets into it."""
import json
import os
import subprocess

import pytest

ADD = ('#include <stdio.h>\nint main(void)\n{\n    int a, b;\n    if (scanf("%d %d", &a, &b) != 2)\n        return 1;\n    printf("%d\\n", a + b);\n'
       '    return 0;\n}\n')
CASES = [{"stdin": "20 22", "expected_stdout": "42"}]
TWICE = "int twice(int number) { return 2 * number; }\n"
SUITE = "#include <assert.h>\nint twice(int);\nint main(void) { assert(twice(21) == 42); return 0; }\n"


def run(build, tasks, **environment):
    lines = "".join(json.dumps({"runtime": "c", "task_id": str(n), **task}) + "\n" for n, task in enumerate(tasks))
    done = subprocess.run([build / "bin/assay-worker", "--slots", "1", "--local", "-"], input=lines, capture_output=True, text=True, timeout=300,
                          check=False, env={**os.environ, "ASSAY_WORKER_RUNTIMES": "c", **environment})
    results = sorted((json.loads(line) for line in done.stdout.splitlines()), key=lambda r: int(r["task_id"]))
    assert len(results) == len(tasks), done.stderr[-3000:]
    return results


def seen(results):
    return [(r["status"], r["cached"]) for r in results]


def case(source=ADD, **more):
    return {"implementation_code": source, "cases": CASES, **more}


def suite(source=TWICE, **more):
    return {"implementation_code": source, "test_suite_code": SUITE, **more}


def test_an_equal_task_is_not_compiled_again(build):
    first, second, third, fourth = run(build, [case(), case(), suite(), suite()])
    assert seen([first, second, third, fourth]) == [("pass", False), ("pass", True), ("pass", False), ("pass", True)]
    assert first["timing_ms"]["compile"] > 0 and second["timing_ms"]["compile"] == 0
    assert fourth["timing_ms"]["compile"] == 0 and fourth["tests"][0]["outcome"] == "passed"


def test_any_difference_compiles(build):
    different = [case(), case(ADD + "\n"), case(job_id="another"), case(files={"x.h": ""}), case(limits={"memory_mb": 600}),
                 suite(), suite(TWICE + "\n"), {**suite(), "test_suite_code": SUITE + "\n"}]
    assert seen(run(build, different)) == [("pass", False)] * len(different)


def test_the_time_of_day_is_not_kept(build):
    timed = case(ADD.replace("return 0;", "return __TIME__[0] == 0;"))
    assert seen(run(build, [timed, timed])) == [("pass", False)] * 2


def test_it_can_be_switched_off(build):
    assert seen(run(build, [case(), case()], ASSAY_WORKER_COMPILE_CACHE_MB="0")) == [("pass", False)] * 2


def test_a_failure_is_found_each_time(build):
    wrong = case("int main(void) { return x; }\n")
    results = run(build, [wrong, wrong])
    assert [(r["status"], r["reason"], r["cached"]) for r in results] == [("fail", "compile", False)] * 2
    assert all("undeclared" in r["errors"][0] for r in results)


# Each takes the place of what was built, while it runs. Its own further cases may suffer; nobody else's may.
TAKE_OVER = {
    "a file in its place": 'rename("assay_program", "old"); FILE *f = fopen("assay_program", "w"); fputs("#!/bin/sh\\necho 42\\n", f); fclose(f);'
                           ' chmod("assay_program", 0755);',
    "a link in its place": 'unlink("assay_program"); symlink("/bin/true", "assay_program");',
    "nothing in its place": 'unlink("assay_program");',
}


@pytest.mark.parametrize("how", TAKE_OVER)
def test_a_program_does_not_get_into_it(how, build):
    source = ("#include <stdio.h>\n#include <sys/stat.h>\n#include <unistd.h>\nint main(void)\n{\n    puts(access(\"old\", F_OK) ? \"built\" : \"old\");\n"
              "    fflush(stdout);\n    " + TAKE_OVER[how] + "\n    return 0;\n}\n")
    task = {"implementation_code": source, "cases": [{"expected_stdout": "built"}]}
    assert seen(run(build, [task, task, task])) == [("pass", False), ("pass", True), ("pass", True)]


def test_a_file_in_the_place_of_an_output(build):
    """A task's file by the name of the harness's own part, which is known by then, does not replace it; one by the name of what would
    be put there is compiled over, each time."""
    tasks = [suite(), *[suite(files={name: "not an object"}) for name in ("assay_main.o", "assay_program", "assay_suite")],
             case(files={"assay_program": "#!/bin/sh\necho 42\n"})]
    results = seen(run(build, tasks * 2))
    assert results[:5] == [("pass", False)] * 5
    assert results[5:] == [("pass", True)] * 3 + [("pass", False)] * 2


def test_a_wrong_program_stays_wrong(build):
    wrong = suite("int twice(int number) { return number; }\n")
    results = run(build, [suite(), wrong, wrong])
    assert [(r["status"], r["reason"], r["cached"]) for r in results] == [("pass", "ok", False), ("fail", "assertion", False), ("fail", "assertion", True)]
