#include "common/runtimes_read.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/text.h"

#define COMMAND_WORD_MAX 4096

bool runtimes_out_of_memory(struct err *err)
{
    return err_set(err, ERR_NO_MEMORY, "not enough memory to read the runtimes");
}

/* Puts what `group` (may be NULL) says over `limits`. */
bool runtimes_read_limits(const struct config_node *group, struct limits *limits, struct err *err)
{
    if (group == NULL)
        return true;
    const char *allowed[LIMIT_KEY_COUNT + 1] = {NULL};
    for (size_t i = 0; i < LIMIT_KEY_COUNT; i++)
        allowed[i] = limit_keys[i].name;
    if (!config_node_expect(group, CONFIG_NODE_GROUP, err) || !config_node_check_members(group, allowed, err))
        return false;
    for (size_t i = 0; i < LIMIT_KEY_COUNT; i++) {
        const struct limit_key *key = &limit_keys[i];
        const struct config_node *node = config_node_member(group, key->name);
        int64_t highest = key->highest_maximum / key->unit;
        int64_t whole;
        double value;
        if (node == NULL)
            continue;
        if (key->fractional) {
            if (!config_node_float(node, 0.001, (double)highest, &value, err))
                return false;
        } else {
            if (!config_node_integer(node, 1, highest, &whole, err))
                return false;
            value = (double)whole;
        }
        limits_set(limits, key, limits_from_unit(key, value));
    }
    return true;
}

/* What a task gets without asking, in either profile, must be enough. */
static bool check_minimum(const struct config_node *stanza, const struct runtime *runtime,
                          const struct limit_key *key, struct err *err)
{
    int64_t minimum = limits_get(&runtime->minimum, key);
    int64_t least = limits_get(&runtime->defaults, key);
    if (key->strict > 0 && key->strict < least)
        least = key->strict;
    if (minimum == 0 || least == 0 || minimum <= least)
        return true;
    const struct config_node *said = config_node_member(config_node_member(stanza, "minimum"), key->name);
    return config_node_error(said, err, "is above the %g that a task has by default or in the strict profile",
                             (double)least / (double)key->unit);
}

/* A default that the stanza itself says must be within its maximum; one from further out is lowered to it. */
bool runtimes_settle_limits(const struct config_node *stanza, struct runtime *runtime, struct err *err)
{
    const struct config_node *own = config_node_member(stanza, "defaults");
    for (size_t i = 0; i < LIMIT_KEY_COUNT; i++) {
        const struct limit_key *key = &limit_keys[i];
        int64_t maximum = limits_get(&runtime->maximum, key);
        if (limits_get(&runtime->defaults, key) <= maximum) {
            if (!check_minimum(stanza, runtime, key, err))
                return false;
            continue;
        }
        const struct config_node *said = own != NULL ? config_node_member(own, key->name) : NULL;
        if (said != NULL)
            return config_node_error(said, err, "is above the maximum %g; raise maximum.%s or lower this",
                                     (double)maximum / (double)key->unit, key->name);
        limits_set(&runtime->defaults, key, maximum);
        if (!check_minimum(stanza, runtime, key, err))
            return false;
    }
    if (runtime->maximum.task_wall_ms < runtime->maximum.wall_ms)
        return config_node_error(
            stanza, err, "maximum.task_wall_s %g is below maximum.wall_s %g: a task caps its cases",
            (double)runtime->maximum.task_wall_ms / 1000.0, (double)runtime->maximum.wall_ms / 1000.0);
    return true;
}

/* Leaves *value NULL when the stanza does not have the key. */
bool runtimes_read_string(const struct config_node *group, const char *name, char **value, struct err *err)
{
    const struct config_node *node = config_node_member(group, name);
    const char *text;
    if (node == NULL)
        return true;
    if (!config_node_string(node, &text, err))
        return false;
    if (text[0] == '\0')
        return config_node_error(node, err, "must not be empty; leave it out");
    *value = strdup(text);
    return *value != NULL || runtimes_out_of_memory(err);
}

/* A NULL-terminated copy, owned by the caller; empty when the group does not have the key. */
bool runtimes_read_strings(const struct config_node *group, const char *name, char ***out, struct err *err)
{
    const struct config_node *node = config_node_member(group, name);
    struct config_list list = {NULL, 0};
    if (node != NULL && !config_node_strings(node, &list, err))
        return false;
    char **items = calloc(list.count + 1, sizeof(*items));
    if (items == NULL) {
        config_list_free(&list);
        return runtimes_out_of_memory(err);
    }
    for (size_t i = 0; i < list.count; i++) {
        items[i] = list.items[i];
        list.items[i] = NULL;
    }
    config_list_free(&list);
    *out = items;
    return true;
}

void runtimes_free_strings(char **items)
{
    for (size_t i = 0; items != NULL && items[i] != NULL; i++)
        free(items[i]);
    free(items);
}

/* A {word} must be a placeholder. */
static bool check_placeholders(const struct config_node *node, const char *word, enum placeholders allowed,
                               struct err *err)
{
    static const struct {
        const char *name;
        enum placeholders kind;
        const char *otherwise;
    } known[] = {
        {"{program}", PLACEHOLDERS_ALWAYS, NULL},
        {"{harness}", PLACEHOLDERS_ALWAYS, NULL},
        {"{suite}", PLACEHOLDERS_SUITE, "{suite} has no meaning here: cases have no suite"},
        {"{test_files}", PLACEHOLDERS_TEST_FILES,
         "{test_files} has a meaning only in compile_suite, as a word of its own"},
    };
    for (const char *p = strchr(word, '{'); p != NULL; p = strchr(p + 1, '{')) {
        size_t size = strspn(p + 1, "abcdefghijklmnopqrstuvwxyz_"), i = 0;
        if (size == 0 || p[1 + size] != '}')
            continue; /* a brace of the command's own */
        while (i < ARRAY_SIZE(known) && strncmp(p, known[i].name, size + 2) != 0)
            i++;
        if (i == ARRAY_SIZE(known))
            return config_node_error(
                node, err, "unknown placeholder %.*s; known: {program}, {suite}, {harness}, {test_files}",
                (int)(size + 2 < 40 ? size + 2 : 40), p);
        bool alone = known[i].kind != PLACEHOLDERS_TEST_FILES || strcmp(word, known[i].name) == 0;
        if (known[i].kind > allowed || !alone)
            return config_node_error(node, err, "%s", known[i].otherwise);
    }
    return true;
}

bool runtimes_read_command(const struct config_node *group, const char *name, enum placeholders allowed,
                           struct command *command, struct err *err)
{
    const struct config_node *node = config_node_member(group, name);
    if (!runtimes_read_strings(group, name, &command->argv, err))
        return false;
    while (command->argv[command->argc] != NULL)
        command->argc++;
    if (node == NULL)
        return true;
    if (command->argc == 0)
        return config_node_error(node, err, "must hold at least the program to start");
    for (size_t i = 0; i < command->argc; i++) {
        const char *word = command->argv[i];
        if (strlen(word) > COMMAND_WORD_MAX)
            return config_node_error(node, err, "word %zu is longer than %d bytes", i + 1, COMMAND_WORD_MAX);
        if (!check_placeholders(node, word, allowed, err))
            return false;
    }
    const char *first = command->argv[0];
    if (first[0] == '\0' ||
        (strchr(first, '/') != NULL && first[0] != '/' && first[0] != '{' && strncmp(first, "./", 2) != 0))
        return config_node_error(node, err,
                                 "the first word must be an absolute path, a path that starts with ./, or a "
                                 "name to look for in PATH");
    return true;
}

bool runtimes_check_pattern(const struct config_node *group, const char *name, const char *pattern,
                            struct err *err)
{
    regex_t regex;
    char why[128];
    if (pattern == NULL)
        return true;
    int code = regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB);
    if (code != 0) {
        regerror(code, &regex, why, sizeof(why));
        return config_node_error(config_node_member(group, name), err,
                                 "is not a POSIX extended regular expression: %s", why);
    }
    regfree(&regex);
    return true;
}

static bool read_outputs(const struct config_node *node, struct compile_step *step, struct err *err)
{
    const struct config_node *reads_task = config_node_member(node, "reads_task");
    step->reads_task = true;
    if (!runtimes_read_strings(node, "outputs", &step->outputs, err) ||
        (reads_task != NULL && !config_node_bool(reads_task, &step->reads_task, err)))
        return false;
    for (char **name = step->outputs; *name != NULL; name++) {
        if (name - step->outputs == RUNTIME_OUTPUTS_MAX)
            return config_node_error(config_node_member(node, "outputs"), err, "at most %d files",
                                     RUNTIME_OUTPUTS_MAX);
        if (strchr(*name, '/') != NULL || text_path_problem(*name, strlen(*name)) != NULL)
            return config_node_error(config_node_member(node, "outputs"), err,
                                     "\"%.100s\" is not the name of a file in the workspace itself", *name);
    }
    if (!step->reads_task && step->outputs[0] == NULL)
        return config_node_error(reads_task, err,
                                 "reads_task = false tells what outputs depend on: it needs outputs");
    return true;
}

static bool read_after_failure(const struct config_node *node, bool with_suite, struct compile_step *step,
                               struct err *err)
{
    const struct config_node *after_failure = config_node_member(node, "after_failure");
    if (after_failure == NULL)
        return true;
    if (!config_node_bool(after_failure, &step->after_failure, err))
        return false;
    if (step->after_failure && (with_suite || step->outputs[0] != NULL))
        return config_node_error(after_failure, err,
                                 "is for a check in compile_cases, which makes nothing that a case needs");
    return true;
}

static bool read_step(const struct config_node *node, bool with_suite, struct compile_step *step,
                      struct err *err)
{
    static const char *const allowed[] = {"command",    "blame",         "suite_fault", "outputs",
                                          "reads_task", "after_failure", NULL};
    if (!config_node_expect(node, CONFIG_NODE_GROUP, err) || !config_node_check_members(node, allowed, err))
        return false;
    if (config_node_member(node, "command") == NULL)
        return config_node_error(node, err, "a compile step needs command");
    autofree char *blame = NULL;
    if (!runtimes_read_command(node, "command", with_suite ? PLACEHOLDERS_TEST_FILES : PLACEHOLDERS_ALWAYS,
                               &step->command, err) ||
        !runtimes_read_string(node, "blame", &blame, err) ||
        !runtimes_read_string(node, "suite_fault", &step->suite_fault_pattern, err) ||
        !runtimes_check_pattern(node, "suite_fault", step->suite_fault_pattern, err) ||
        !read_outputs(node, step, err) || !read_after_failure(node, with_suite, step, err))
        return false;
    if (blame != NULL && strcmp(blame, "program") != 0 && strcmp(blame, "suite") != 0)
        return config_node_error(config_node_member(node, "blame"), err, "must be \"program\" or \"suite\"");
    step->blame = blame != NULL && strcmp(blame, "suite") == 0 ? BLAME_SUITE : BLAME_PROGRAM;
    if (step->suite_fault_pattern != NULL && (!with_suite || step->blame == BLAME_SUITE))
        return config_node_error(config_node_member(node, "suite_fault"), err,
                                 "has a meaning only in compile_suite with blame = \"program\"");
    return true;
}

bool runtimes_read_steps(const struct config_node *stanza, const char *name, bool with_suite,
                         struct compile_step **steps, size_t *count, struct err *err)
{
    const struct config_node *node = config_node_member(stanza, name);
    if (node == NULL)
        return true;
    if (!config_node_expect(node, CONFIG_NODE_LIST, err))
        return false;
    size_t most = config_node_count(node);
    *steps = calloc(most + 1, sizeof(**steps));
    if (*steps == NULL)
        return runtimes_out_of_memory(err);
    for (; *count < most; (*count)++) {
        /* Count first: a step that fails half-way is freed with the others. */
        size_t index = *count;
        if (!read_step(config_node_at(node, index), with_suite, &(*steps)[index], err)) {
            (*count)++;
            return false;
        }
    }
    return true;
}
