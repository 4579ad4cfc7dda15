"""Each fuzzing harness over its corpus, and half a minute of mutation for all of them. ASSAY_FUZZ_SECONDS makes that longer for each,
ASSAY_FUZZ_SEED repeats a run; millions of executions: tests/fuzz/run."""
import os
import pathlib
import random
import re
import subprocess

import pytest

FOLDER = pathlib.Path(__file__).resolve().parent
HARNESSES = sorted(path.stem for path in FOLDER.glob("fuzz_*.c"))
SECONDS = int(os.environ.get("ASSAY_FUZZ_SECONDS", "4"))


def fuzz(build, name, folder, *words):
    """Runs a harness; a crash shows its text and the input that did it."""
    env = {**os.environ, "ASAN_OPTIONS": "detect_leaks=1:allocator_may_return_null=1", "UBSAN_OPTIONS": "print_stacktrace=1"}
    done = subprocess.run([build / "bin" / name, f"-artifact_prefix={folder}/", *map(str, words)], env=env, cwd=folder,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=SECONDS + 240,
                          check=False)
    crashes = [repr(path.read_bytes()[:2000]) for path in folder.glob("crash-*")]
    assert done.returncode == 0, done.stderr[-6000:] + "\n" + "\n".join(crashes)
    return done.stderr


@pytest.mark.parametrize("name", HARNESSES)
def test_corpus(build, name, tmp_path):
    files = sorted((FOLDER / "corpus" / name.removeprefix("fuzz_")).iterdir())
    assert files, "every harness has a corpus"
    fuzz(build, name, tmp_path, *files)


@pytest.mark.parametrize("name", HARNESSES)
def test_mutations(build, name, tmp_path):
    seed = os.environ.get("ASSAY_FUZZ_SEED") or random.randrange(1, 2 ** 31)
    found = tmp_path / "found"
    found.mkdir()
    print(f"ASSAY_FUZZ_SEED={seed}")
    text = fuzz(build, name, tmp_path, f"-max_total_time={SECONDS}", f"-seed={seed}", f"-dict={FOLDER}/json.dict", found,
                FOLDER / "corpus" / name.removeprefix("fuzz_"))
    # Whether mutations reach what the corpus does not is luck, and less so the better the corpus is.
    told = re.search(r"Done (\d+) runs .*; blocks: (\d+)", text)
    assert told and int(told[1]) > 100, text[-2000:]
    assert int(told[2]) > 20, "next to no blocks are seen: the coverage does not work"


@pytest.fixture(scope="module")
def buggy(tmp_path_factory):
    """A parser with a bug behind three right bytes, under the driver."""
    folder = tmp_path_factory.mktemp("buggy")
    source = folder / "fuzz_bug.c"
    source.write_text('#include "fuzz.h"\n'
                      "int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)\n"
                      "{\n    if (size > 2 && data[0] == 'B')\n        if (data[1] == 'U')\n            if (data[2] == 'G')\n"
                      "                FUZZ_REQUIRE(size < 3);\n    return 0;\n}\n")
    flags = ["-g", "-O1", "-D_GNU_SOURCE", f"-I{FOLDER}", "-c"]

    def run(*words):
        subprocess.run(words, check=True, timeout=60, cwd=folder)

    run("gcc", *flags, "-fsanitize=address", "-fsanitize-coverage=trace-pc", source, "-o", "bug.o")
    for name in ("driver", "mutate"):
        run("gcc", *flags, FOLDER / f"{name}.c", "-o", f"{name}.o")
    run("gcc", "-fsanitize=address", "bug.o", "driver.o", "mutate.o", "-o", "bug")
    return folder / "bug"


def test_the_driver_finds_a_bug(buggy, tmp_path):
    """The fuzzer itself: the bug is caught, and the input saved."""
    done = subprocess.run([buggy, "-seed=1", "-max_total_time=60", f"-artifact_prefix={tmp_path}/"], capture_output=True,
                          text=True, timeout=120, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode != 0 and "broken promise" in done.stderr
    assert next(tmp_path.glob("crash-*")).read_bytes()[:3] == b"BUG"


def test_the_driver_merges_what_is_new(buggy, tmp_path):
    """Of what another folder holds the smallest that reach something new are taken over, and no more."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for folder, inputs in ((ours, ["xyz"]), (theirs, ["abc", "Bxxxxx", "Bxx", "BUx"])):
        folder.mkdir()
        for number, text in enumerate(inputs):
            (folder / str(number)).write_text(text)
    done = subprocess.run([buggy, "-merge=1", ours, theirs], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 and "Merged 2 of 4 inputs" in done.stderr
    assert sorted(path.read_text() for path in ours.iterdir()) == ["BUx", "Bxx", "xyz"]
