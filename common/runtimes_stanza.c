#include "common/runtimes_read.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/text.h"

#define RUNTIME_NAME_MAX 64

static const char *const default_environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/work",
                                                  "TMPDIR=/work", "LC_ALL=C.UTF-8", NULL};

static bool check_name(const struct config_node *stanza, const char *name, struct err *err)
{
    bool good = islower((unsigned char)name[0]) && strlen(name) <= RUNTIME_NAME_MAX &&
                name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-")] == '\0';
    if (!good)
        return config_node_error(stanza, err,
                                 "a runtime's name is 1 to %d of a-z 0-9 _ - and starts with a letter",
                                 RUNTIME_NAME_MAX);
    if (strcmp(name, "auto") == 0 || strcmp(name, "interactive") == 0 || strcmp(name, "bulk") == 0)
        return config_node_error(stanza, err, "this name is taken; choose another");
    return true;
}

static bool check_file_name(const struct config_node *stanza, const char *key, const char *path,
                            struct err *err)
{
    const char *problem = path != NULL ? text_path_problem(path, strlen(path)) : NULL;
    if (problem != NULL)
        return config_node_error(config_node_member(stanza, key), err, "the path \"%s\" %s", path, problem);
    return true;
}

/* What belongs to a suite comes together or not at all. */
static bool check_suite(const struct config_node *stanza, const struct runtime *runtime, const char *protocol,
                        struct err *err)
{
    bool has_suite = runtime->run_suite.argc > 0;
    if (has_suite && runtime->suite_file == NULL)
        return config_node_error(stanza, err, "run_suite needs suite_file");
    if (has_suite && protocol == NULL)
        return config_node_error(
            stanza, err, "run_suite needs suite_protocol = \"report\" or \"token\" (docs/harness.md)");
    if (!has_suite && (runtime->suite_file != NULL || protocol != NULL || runtime->compile_suite_count > 0))
        return config_node_error(
            stanza, err, "suite_file, suite_protocol and compile_suite have a meaning only with run_suite");
    if (runtime->warm_suite.argc > 0 &&
        (runtime->suite_protocol != SUITE_REPORT || runtime->warm_suite.argv[0][0] != '/'))
        return config_node_error(
            config_node_member(stanza, "warm_suite"), err,
            "a warm server runs suites with suite_protocol = \"report\", and its command "
            "begins with an absolute path");
    if (has_suite && strcmp(runtime->suite_file, runtime->program_file) == 0)
        return config_node_error(stanza, err, "suite_file and program_file must differ");
    if (runtime->coverage && runtime->suite_protocol != SUITE_REPORT)
        return config_node_error(config_node_member(stanza, "coverage"), err,
                                 "coverage comes with the report of a suite: it needs suite_protocol = "
                                 "\"report\"");
    return true;
}

static bool read_suite(const struct config_node *stanza, struct runtime *runtime, struct err *err)
{
    autofree char *protocol = NULL;
    const struct config_node *coverage = config_node_member(stanza, "coverage");
    if (!runtimes_read_string(stanza, "suite_file", &runtime->suite_file, err) ||
        !check_file_name(stanza, "suite_file", runtime->suite_file, err) ||
        !runtimes_read_steps(stanza, "compile_suite", true, &runtime->compile_suite,
                             &runtime->compile_suite_count, err) ||
        !runtimes_read_command(stanza, "run_suite", PLACEHOLDERS_SUITE, &runtime->run_suite, err) ||
        !runtimes_read_command(stanza, "warm_suite", PLACEHOLDERS_SUITE, &runtime->warm_suite, err) ||
        !runtimes_read_string(stanza, "suite_protocol", &protocol, err) ||
        (coverage != NULL && !config_node_bool(coverage, &runtime->coverage, err)))
        return false;
    if (protocol == NULL)
        runtime->suite_protocol = SUITE_NONE;
    else if (strcmp(protocol, "report") == 0)
        runtime->suite_protocol = SUITE_REPORT;
    else if (strcmp(protocol, "token") == 0)
        runtime->suite_protocol = SUITE_TOKEN;
    else
        return config_node_error(config_node_member(stanza, "suite_protocol"), err,
                                 "must be \"report\" or \"token\"");
    return check_suite(stanza, runtime, protocol, err);
}

static bool read_environment(const struct config_node *stanza, struct runtime *runtime, struct err *err)
{
    const struct config_node *node = config_node_member(stanza, "environment");
    if (!runtimes_read_strings(stanza, "environment", &runtime->environment, err))
        return false;
    for (char **item = runtime->environment; *item != NULL; item++) {
        size_t name = strspn(*item, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
        if (name == 0 || isdigit((unsigned char)(*item)[0]) || (*item)[name] != '=')
            return config_node_error(node, err, "\"%.100s\" is not NAME=value", *item);
    }
    if (node != NULL)
        return true;
    runtimes_free_strings(runtime->environment);
    runtime->environment = calloc(ARRAY_SIZE(default_environment), sizeof(char *));
    for (size_t i = 0; runtime->environment != NULL && default_environment[i] != NULL; i++) {
        runtime->environment[i] = strdup(default_environment[i]);
        if (runtime->environment[i] == NULL)
            return runtimes_out_of_memory(err);
    }
    return runtime->environment != NULL || runtimes_out_of_memory(err);
}

static bool check_preload(const struct config_node *stanza, const struct runtime *runtime, struct err *err)
{
    if (runtime->preload[0] != NULL && runtime->warm_suite.argc == 0)
        return config_node_error(config_node_member(stanza, "preload"), err,
                                 "modules are loaded by a warm server: it needs warm_suite");
    return true;
}

/* Its server is started by run_case, with a library preloaded, and waits where it opens the program. */
static bool read_warm_case(const struct config_node *stanza, struct runtime *runtime, struct err *err)
{
    const struct config_node *node = config_node_member(stanza, "warm_case");
    bool opens_program = false;
    if (node == NULL)
        return true;
    if (!config_node_bool(node, &runtime->warm_case, err))
        return false;
    for (size_t i = 1; i < runtime->run_case.argc; i++)
        opens_program = opens_program || strcmp(runtime->run_case.argv[i], "{program}") == 0;
    if (runtime->warm_case && (runtime->run_case.argv[0][0] != '/' || !opens_program))
        return config_node_error(node, err,
                                 "cases are forks of an interpreter: run_case begins with its absolute path "
                                 "and has {program} as a word of its own");
    for (char **item = runtime->environment; runtime->warm_case && *item != NULL; item++)
        if (strncmp(*item, "LD_PRELOAD=", strlen("LD_PRELOAD=")) == 0)
            return config_node_error(node, err, "needs LD_PRELOAD for itself, which environment sets");
    return true;
}

/* A process that waits for its control object, which only harnesses of our protocol read. */
static bool read_park_suite(const struct config_node *stanza, struct runtime *runtime, struct err *err)
{
    const struct config_node *node = config_node_member(stanza, "park_suite");
    if (node == NULL)
        return true;
    if (!config_node_bool(node, &runtime->park_suite, err))
        return false;
    if (runtime->park_suite && (runtime->suite_protocol != SUITE_REPORT || runtime->compile_suite_count > 0 ||
                                runtime->run_suite.argv[0][0] != '/'))
        return config_node_error(
            node, err,
            "a suite's process can wait for its task where suite_protocol is \"report\", "
            "run_suite begins with an absolute path, and nothing is compiled before it");
    return true;
}

static bool has_outputs(const struct compile_step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (steps[i].outputs[0] != NULL)
            return true;
    return false;
}

static bool read_compiler(const struct config_node *stanza, struct runtime *runtime, struct err *err)
{
    if (!runtimes_read_strings(stanza, "compiler", &runtime->compiler, err))
        return false;
    for (char **path = runtime->compiler; *path != NULL; path++)
        if ((*path)[0] != '/' && strncmp(*path, "{harness}/", strlen("{harness}/")) != 0)
            return config_node_error(config_node_member(stanza, "compiler"), err,
                                     "\"%.100s\" is neither an absolute path nor below {harness}/", *path);
    if (runtime->compiler[0] == NULL && (has_outputs(runtime->compile_cases, runtime->compile_cases_count) ||
                                         has_outputs(runtime->compile_suite, runtime->compile_suite_count)))
        return config_node_error(
            stanza, err, "outputs of a step need compiler: the files by whose change they grow stale");
    return true;
}

static bool read_read_only_paths(const struct config_node *stanza, struct runtime *runtime, struct err *err)
{
    if (!runtimes_read_strings(stanza, "read_only_paths", &runtime->read_only_paths, err))
        return false;
    for (char **path = runtime->read_only_paths; *path != NULL; path++)
        if ((*path)[0] != '/' || strstr(*path, "/../") != NULL)
            return config_node_error(config_node_member(stanza, "read_only_paths"), err,
                                     "\"%.100s\" is not an absolute path without \"..\"", *path);
    return true;
}

bool runtimes_read_stanza(const struct config_node *stanza, const struct limits *defaults,
                          const struct limits *maximum, struct runtime *runtime, struct err *err)
{
    static const char *const allowed[] = {"description",
                                          "program_file",
                                          "suite_file",
                                          "compile_cases",
                                          "compile_suite",
                                          "run_case",
                                          "run_suite",
                                          "suite_protocol",
                                          "coverage",
                                          "environment",
                                          "read_only_paths",
                                          "compiler",
                                          "preload",
                                          "warm_suite",
                                          "warm_case",
                                          "park_suite",
                                          "memory_pattern",
                                          "address_space_limit",
                                          "defaults",
                                          "maximum",
                                          "minimum",
                                          "self_test",
                                          NULL};
    const struct config_node *space = config_node_member(stanza, "address_space_limit");
    if (!config_node_expect(stanza, CONFIG_NODE_GROUP, err) ||
        !check_name(stanza, config_node_name(stanza), err) ||
        !config_node_check_members(stanza, allowed, err))
        return false;
    runtime->name = strdup(config_node_name(stanza));
    if (runtime->name == NULL)
        return runtimes_out_of_memory(err);
    if (config_node_member(stanza, "program_file") == NULL || config_node_member(stanza, "run_case") == NULL)
        return config_node_error(stanza, err, "a runtime needs program_file and run_case");
    runtime->defaults = *defaults;
    runtime->maximum = *maximum;
    if (!runtimes_read_string(stanza, "description", &runtime->description, err) ||
        !runtimes_read_string(stanza, "program_file", &runtime->program_file, err) ||
        !check_file_name(stanza, "program_file", runtime->program_file, err) ||
        !runtimes_read_steps(stanza, "compile_cases", false, &runtime->compile_cases,
                             &runtime->compile_cases_count, err) ||
        !runtimes_read_command(stanza, "run_case", PLACEHOLDERS_ALWAYS, &runtime->run_case, err) ||
        !read_suite(stanza, runtime, err) || !read_environment(stanza, runtime, err) ||
        !read_read_only_paths(stanza, runtime, err) || !read_compiler(stanza, runtime, err) ||
        !runtimes_read_strings(stanza, "preload", &runtime->preload, err) ||
        !check_preload(stanza, runtime, err) || !read_warm_case(stanza, runtime, err) ||
        !read_park_suite(stanza, runtime, err) ||
        !runtimes_read_string(stanza, "memory_pattern", &runtime->memory_pattern, err) ||
        !runtimes_check_pattern(stanza, "memory_pattern", runtime->memory_pattern, err) ||
        (space != NULL && !config_node_bool(space, &runtime->address_space_limit, err)) ||
        !runtimes_read_limits(config_node_member(stanza, "defaults"), &runtime->defaults, err) ||
        !runtimes_read_limits(config_node_member(stanza, "maximum"), &runtime->maximum, err) ||
        !runtimes_read_limits(config_node_member(stanza, "minimum"), &runtime->minimum, err) ||
        !runtimes_settle_limits(stanza, runtime, err) || !runtimes_read_self_test(stanza, runtime, err))
        return false;
    if (runtime->description == NULL && (runtime->description = strdup(runtime->name)) == NULL)
        return runtimes_out_of_memory(err);
    return true;
}
