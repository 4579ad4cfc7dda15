"""Each fuzzing harness over its corpus, and some seconds of mutation. ASSAY_FUZZ_SECONDS makes that longer, ASSAY_FUZZ_SEED repeats a run."""
import os
import pathlib
import random
import re
import subprocess

import pytest

FOLDER = pathlib.Path(__file__).resolve().parent
HARNESSES = sorted(path.stem for path in FOLDER.glob("fuzz_*.c"))
SECONDS = int(os.environ.get("ASSAY_FUZZ_SECONDS", "3"))


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
    runs = re.search(r"Done (\d+) runs", text)
    assert runs and int(runs[1]) > 100, text[-2000:]
    assert any(found.iterdir()), "the mutations reach nothing new: the coverage does not work"


def test_the_driver_finds_a_bug(tmp_path):
    """The fuzzer itself: a parser with a bug behind three right bytes is caught, and the input saved."""
    source = tmp_path / "fuzz_bug.c"
    source.write_text('#include "fuzz.h"\n'
                      "int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)\n"
                      "{\n    if (size > 2 && data[0] == 'B')\n        if (data[1] == 'U')\n            if (data[2] == 'G')\n"
                      "                FUZZ_REQUIRE(size < 3);\n    return 0;\n}\n")
    objects = [tmp_path / "bug.o", tmp_path / "driver.o"]
    flags = ["-g", "-D_GNU_SOURCE", f"-I{FOLDER}", "-fsanitize=address", "-c"]
    subprocess.run(["gcc", *flags, "-fsanitize-coverage=trace-pc", source, "-o", objects[0]], check=True, timeout=60)
    subprocess.run(["gcc", *flags, FOLDER / "driver.c", "-o", objects[1]], check=True, timeout=60)
    subprocess.run(["gcc", "-fsanitize=address", *objects, "-o", tmp_path / "bug"], check=True, timeout=60)
    done = subprocess.run([tmp_path / "bug", "-seed=1", "-max_total_time=60", f"-artifact_prefix={tmp_path}/"], capture_output=True,
                          text=True, timeout=120, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode != 0 and "broken promise" in done.stderr
    assert next(tmp_path.glob("crash-*")).read_bytes()[:3] == b"BUG"
