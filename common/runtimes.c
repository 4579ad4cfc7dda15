#include "common/runtimes.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"
#include "common/runtimes_read.h"

/* `listed` is what the caller sees; it comes first, so that its pointer is the registry's. */
struct registry {
    struct runtimes listed;
    char *names;
};

static void free_steps(struct compile_step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        runtimes_free_strings(steps[i].command.argv);
        free(steps[i].suite_fault_pattern);
        runtimes_free_strings(steps[i].outputs);
    }
    free(steps);
}

static void free_runtime(struct runtime *runtime)
{
    free(runtime->name);
    free(runtime->description);
    free(runtime->program_file);
    free(runtime->suite_file);
    free_steps(runtime->compile_cases, runtime->compile_cases_count);
    free_steps(runtime->compile_suite, runtime->compile_suite_count);
    runtimes_free_strings(runtime->run_case.argv);
    runtimes_free_strings(runtime->run_suite.argv);
    runtimes_free_strings(runtime->warm_suite.argv);
    runtimes_free_strings(runtime->environment);
    runtimes_free_strings(runtime->read_only_paths);
    runtimes_free_strings(runtime->compiler);
    runtimes_free_strings(runtime->preload);
    free(runtime->memory_pattern);
    free(runtime->self_test);
}

void runtimes_free(struct runtimes *runtimes)
{
    struct registry *registry = (struct registry *)runtimes;
    if (registry == NULL)
        return;
    for (size_t i = 0; i < runtimes->count; i++)
        free_runtime(&runtimes->items[i]);
    free(runtimes->items);
    free(registry->names);
    free(registry);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct runtime *)a)->name, ((const struct runtime *)b)->name);
}

static bool make_names(struct registry *registry)
{
    autobuf struct buf names = BUF_INIT;
    for (size_t i = 0; i < registry->listed.count; i++) {
        buf_append_text(&names, i > 0 ? ", " : "");
        buf_append_text(&names, registry->listed.items[i].name);
    }
    registry->names = buf_steal(&names, NULL);
    return registry->names != NULL;
}

/* The built-in limits, and what the top of the file says over them. */
static bool read_common_limits(const struct config_node *root, struct limits *defaults,
                               struct limits *maximum, struct err *err)
{
    for (size_t i = 0; i < LIMIT_KEY_COUNT; i++) {
        limits_set(defaults, &limit_keys[i], limit_keys[i].standard);
        limits_set(maximum, &limit_keys[i], limit_keys[i].maximum);
    }
    return runtimes_read_limits(config_node_member(root, "defaults"), defaults, err) &&
           runtimes_read_limits(config_node_member(root, "maximum"), maximum, err);
}

static bool read_file(const struct config_node *root, struct registry *registry, struct err *err)
{
    static const char *const allowed[] = {"defaults", "maximum", "runtimes", NULL};
    struct limits defaults, maximum;
    const struct config_node *group = config_node_member(root, "runtimes");
    if (!config_node_check_members(root, allowed, err) || !read_common_limits(root, &defaults, &maximum, err))
        return false;
    if (group == NULL)
        return config_node_error(root, err, "there is no group \"runtimes\" in this file");
    if (!config_node_expect(group, CONFIG_NODE_GROUP, err))
        return false;
    size_t count = config_node_count(group);
    if (count == 0)
        return config_node_error(group, err, "must hold at least one runtime");
    registry->listed.items = calloc(count, sizeof(struct runtime));
    if (registry->listed.items == NULL)
        return runtimes_out_of_memory(err);
    for (size_t i = 0; i < count; i++) {
        registry->listed.count++;
        if (!runtimes_read_stanza(config_node_at(group, i), &defaults, &maximum, &registry->listed.items[i],
                                  err))
            return false;
    }
    qsort(registry->listed.items, count, sizeof(struct runtime), compare_names);
    return make_names(registry) || runtimes_out_of_memory(err);
}

struct runtimes *runtimes_load(const char *file, struct err *err)
{
    struct registry *registry = calloc(1, sizeof(*registry));
    if (registry == NULL) {
        (void)runtimes_out_of_memory(err);
        return NULL;
    }
    struct config_file *config = config_file_open(file, err);
    bool ok = config != NULL && read_file(config_file_root(config), registry, err);
    config_file_close(config);
    if (!ok) {
        runtimes_free(&registry->listed);
        return NULL;
    }
    return &registry->listed;
}

const struct runtime *runtimes_find(const struct runtimes *runtimes, const char *name)
{
    for (size_t i = 0; i < runtimes->count; i++)
        if (strcmp(runtimes->items[i].name, name) == 0)
            return &runtimes->items[i];
    return NULL;
}

const char *runtimes_names(const struct runtimes *runtimes)
{
    return ((const struct registry *)runtimes)->names;
}
