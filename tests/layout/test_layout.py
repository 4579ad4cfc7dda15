"""The rules of the source tree: who may include whom, and where third-party headers stay."""
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = ("producer", "worker", "collector")
FOLDERS = ("common", *PROGRAMS)

# Each third-party library stays behind an interface of ours: a file, or a folder whose only way to it is one private header.
QUARANTINE = {
    r"amqp(_\w+)?\.h": ("common/broker/internal.h", "common/broker/open.c", "common/broker/tls.c"),
    r"libpq-fe\.h": ("common/pg/internal.h",),
    r"libconfig\.h": ("common/config_file.c",),
    r"microhttpd\.h": ("common/http_server.c",),
    r"openssl/.+": ("common/digest.c", "common/broker/tls.c", "common/pg/certificate.c"),
    r"seccomp\.h": ("worker/sandbox/syscall_filter.c",),
}
# Allowed in one file, whichever; jansson in the modules that speak JSON.
ONE_FILE = (r"curl/.+",)
JANSSON = re.compile(r"^(common/message/\w+|\w+/\w*json\w*)\.[ch]$")


def sources():
    """(path from the root, its include lines) of each C file of the programs."""
    found = []
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.[ch]")):
            relative = str(path.relative_to(ROOT))
            if "/harness/" not in relative:
                found.append((relative, re.findall(r'^\s*#\s*include\s+([<"][^>"]+)[>"]', path.read_text(), re.MULTILINE)))
    assert len(found) > 50, "the sources are not where this test looks"
    return found


SOURCES = sources()


def includers(pattern):
    return sorted(path for path, includes in SOURCES if any(re.fullmatch(pattern, include[1:]) for include in includes))


def test_common_includes_no_program():
    wrong = [(path, include) for path, includes in SOURCES if path.startswith("common/")
             for include in includes if include[1:].startswith(tuple(p + "/" for p in PROGRAMS))]
    assert not wrong


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_include_only_themselves_and_common(program):
    others = tuple(p + "/" for p in (*PROGRAMS, "tests") if p != program)
    wrong = [(path, include) for path, includes in SOURCES if path.startswith(program + "/")
             for include in includes if include[1:].startswith(others)]
    assert not wrong


def test_own_headers_are_named_from_the_root():
    wrong = [(path, include) for path, includes in SOURCES for include in includes
             if include[0] == '"' and not (ROOT / include[1:]).is_file()]
    assert not wrong


@pytest.mark.parametrize("pattern", QUARANTINE)
def test_third_party_header_stays_where_it_belongs(pattern):
    found = includers(pattern)
    assert found, f"nobody includes {pattern}: drop the rule"
    assert set(found) <= set(QUARANTINE[pattern])


def test_the_brokers_private_header_is_private():
    assert all(path.startswith("common/broker/") for path in includers(r"common/broker/internal\.h"))


@pytest.mark.parametrize("pattern", ONE_FILE)
def test_third_party_header_is_in_one_file(pattern):
    assert len(includers(pattern)) <= 1


def test_jansson_stays_in_modules_that_speak_json():
    assert not [path for path in includers(r"jansson\.h") if not JANSSON.match(path)]


def test_json_becomes_text_by_json_memory_text_alone():
    """What json_dumps returns is not malloc's, but only where no sanitizer is built in."""
    assert not [path for path, _ in SOURCES if "json_dumps(" in (ROOT / path).read_text()]


def test_headers_have_a_guard_of_their_own():
    guards = {}
    for path, _ in SOURCES:
        if path.endswith(".h"):
            guard = re.search(r"^#ifndef (ASSAY_\w+_H)\n#define \1$", (ROOT / path).read_text(), re.MULTILINE)
            assert guard, f"{path}: no include guard ASSAY_..._H"
            assert guard.group(1) not in guards, f"{path} has the guard of {guards[guard.group(1)]}"
            guards[guard.group(1)] = path


def test_headers_stand_alone(tmp_path):
    """A header includes what it needs: each compiles as the first include of a file."""
    flags = subprocess.run(["pkg-config", "--cflags", "librabbitmq", "libpq", "jansson", "libcurl", "libseccomp"], check=True,
                           capture_output=True, text=True, timeout=60).stdout.split()
    wrong = []
    for path, _ in SOURCES:
        if path.endswith(".h"):
            file = tmp_path / "alone.c"
            file.write_text(f'#include "{path}"\n')
            done = subprocess.run(["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-fsyntax-only", f"-I{ROOT}", *flags, file],
                                  capture_output=True, text=True, timeout=60, check=False)
            if done.returncode != 0:
                wrong.append((path, done.stderr[:300]))
    assert not wrong


def test_the_top_level_is_what_the_readme_says():
    """No program, script or dump lies about at the top."""
    expected = {"producer", "worker", "collector", "common", "conf", "tests", "compose", "docs", ".ci", "README.md", "LICENSE",
                "CMakeLists.txt", "CMakePresets.json", ".clang-format", ".gitignore"}
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True, timeout=60).stdout.split("\n")
    assert {path.split("/")[0] for path in tracked if path} - {"CHANGELOG.md", "tools", ".dockerignore", ".editorconfig"} == expected


def test_files_stay_readable():
    """One thing a file: 550 lines at the very most, nearly all under 400."""
    sizes = {path: (ROOT / path).read_text().count("\n") for path, _ in SOURCES}
    assert not {path: lines for path, lines in sizes.items() if lines > 550}
    assert sum(lines > 400 for lines in sizes.values()) <= len(sizes) // 25
