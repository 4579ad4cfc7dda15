#include "producer/language.h"

#include <strings.h>

#include "common/mem.h"

static const struct {
    const char *language, *runtime;
} aliases[] = {
    {"py", "python"},    {"python3", "python"}, {"js", "node"}, {"javascript", "node"}, {"nodejs", "node"},
    {"node.js", "node"}, {"c++", "cpp"},        {"cxx", "cpp"}, {"sh", "bash"},         {"shell", "bash"},
};

static const struct runtime *find(const struct runtimes *runtimes, const char *name)
{
    for (size_t i = 0; i < runtimes->count; i++) {
        if (strcasecmp(runtimes->items[i].name, name) == 0)
            return &runtimes->items[i];
    }
    return NULL;
}

const struct runtime *language_runtime(const struct runtimes *runtimes, const char *language)
{
    const struct runtime *runtime = find(runtimes, language);
    for (size_t i = 0; runtime == NULL && i < ARRAY_SIZE(aliases); i++) {
        if (strcasecmp(aliases[i].language, language) == 0)
            runtime = find(runtimes, aliases[i].runtime);
    }
    return runtime;
}
