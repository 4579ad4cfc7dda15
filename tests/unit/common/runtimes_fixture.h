/* Runtimes for tests of tasks: one of each kind, with limits that tests can step over. */
#ifndef ASSAY_TESTS_RUNTIMES_FIXTURE_H
#define ASSAY_TESTS_RUNTIMES_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/runtimes.h"

static const char fixture_text[] =
    "maximum = { memory_mb = 4096; };\n"
    "runtimes = {\n"
    "  python = {\n"
    "    description = \"Python 3 (pytest)\";\n"
    "    program_file = \"implementation.py\"; suite_file = \"test_implementation.py\";\n"
    "    run_case = [\"python3\", \"{program}\"]; run_suite = [\"python3\", \"{harness}/pytest/run.py\"];\n"
    "    suite_protocol = \"report\"; coverage = true;\n"
    "    maximum = { wall_s = 120.0; disk_mb = 256; };\n"
    "    minimum = { memory_mb = 16; wall_s = 0.01; };\n"
    "    self_test = { program = \"print(1)\"; suite = \"def test_a():\\n    pass\\n\";\n"
    "                  expected_stdout = \"1\\n\"; };\n"
    "  };\n"
    "  c = {\n"
    "    program_file = \"program.c\"; suite_file = \"suite.c\";\n"
    "    compile_cases = ( { command = [\"gcc\", \"-o\", \"program\", \"{program}\"]; } );\n"
    "    compile_suite = (\n"
    "      { command = [\"gcc\", \"-fsyntax-only\", \"{suite}\"]; blame = \"suite\"; },\n"
    "      { command = [\"gcc\", \"{program}\", \"{suite}\"]; suite_fault = \"^suite[.]c:\"; } );\n"
    "    run_case = [\"./program\"]; run_suite = [\"./suite\"]; suite_protocol = \"token\";\n"
    "    address_space_limit = true;\n"
    "    self_test = { program = \"int main(void) { return 0; }\"; expected_stdout = \"\"; };\n"
    "  };\n"
    "  bash = {\n"
    "    program_file = \"program.sh\"; run_case = [\"bash\", \"{program}\"];\n"
    "    defaults = { wall_s = 20; cpu_s = 7.5; memory_mb = 256; };\n"
    "    self_test = { program = \"cat\"; stdin = \"x\\\"\\n\"; expected_stdout = \"x\\\"\\n\"; };\n"
    "  };\n"
    "};\n";

/* Loads a runtimes.cfg of this text; `path_out` (may be NULL, else 64 bytes) is what errors call it. */
static inline struct runtimes *fixture_load(const char *text, char *path_out, struct err *err)
{
    char path[64] = "/tmp/assay_runtimes_XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        abort();
    (void)close(fd);
    struct runtimes *runtimes = runtimes_load(path, err);
    (void)unlink(path);
    if (path_out != NULL)
        memcpy(path_out, path, sizeof(path));
    return runtimes;
}

static inline struct runtimes *fixture_runtimes(void)
{
    struct err err = ERR_INIT;
    struct runtimes *runtimes = fixture_load(fixture_text, NULL, &err);
    if (runtimes == NULL) {
        (void)fprintf(stderr, "fixture: %s\n", err.text);
        abort();
    }
    return runtimes;
}

#endif
