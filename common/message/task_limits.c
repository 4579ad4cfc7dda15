#include "common/message/task_parts.h"

#include <math.h>
#include <string.h>

static const struct limit_key *const wall_key = &limit_keys[0];

static bool check_limit(const struct reader *reader, const char *name, const struct limit_key *key,
                        double value, const struct runtime *runtime, int64_t *out, struct err *err)
{
    double maximum = (double)limits_get(&runtime->maximum, key) / (double)key->unit;
    if (!key->fractional && floor(value) < value)
        return reader_error(reader, name, err, "must be a whole number, is %g", value);
    if (value <= 0)
        return reader_error(reader, name, err, "must be more than 0, is %g", value);
    int64_t scaled = limits_from_unit(key, value);
    if (scaled == 0)
        return reader_error(reader, name, err, "must be at least 0.001, is %g", value);
    if (scaled > limits_get(&runtime->maximum, key))
        return reader_error(reader, name, err,
                            "%.15g is above the %.15g that runtime %s allows; ask for less, or raise "
                            "runtimes.%s.maximum.%s in runtimes.cfg",
                            value, maximum, runtime->name, runtime->name, key->name);
    if (scaled < limits_get(&runtime->minimum, key))
        return reader_error(reader, name, err,
                            "%.15g is below the %.15g that runtime %s needs to start; ask for more, or lower "
                            "runtimes.%s.minimum.%s in runtimes.cfg",
                            value, (double)limits_get(&runtime->minimum, key) / (double)key->unit,
                            runtime->name, runtime->name, key->name);
    *out = scaled;
    return true;
}

static bool read_limit(const struct reader *reader, const char *name, const struct limit_key *key,
                       const struct runtime *runtime, int64_t *out, struct err *err)
{
    bool present = false;
    double value = 0;
    if (!reader_number(reader, name, &present, &value, err))
        return false;
    return !present || check_limit(reader, name, key, value, runtime, out, err);
}

static bool read_limits_group(const struct reader *root, const struct runtime *runtime, struct limits *asked,
                              struct err *err)
{
    const json_t *group = reader_get(root, "limits");
    const char *known[LIMIT_KEY_COUNT + 1] = {NULL};
    struct reader reader;
    if (group == NULL)
        return true;
    for (size_t i = 0; i < LIMIT_KEY_COUNT; i++)
        known[i] = limit_keys[i].name;
    if (!reader_enter(&reader, root, "limits", group, err) || !reader_check_fields(&reader, known, err))
        return false;
    for (size_t i = 0; i < LIMIT_KEY_COUNT; i++) {
        int64_t value = 0;
        if (!read_limit(&reader, limit_keys[i].name, &limit_keys[i], runtime, &value, err))
            return false;
        limits_set(asked, &limit_keys[i], value);
    }
    return true;
}

/* timeout is the short way to say limits.wall_s. */
static bool read_timeout(const struct reader *root, const struct runtime *runtime, struct limits *asked,
                         struct err *err)
{
    int64_t timeout_ms = 0;
    if (!read_limit(root, "timeout", wall_key, runtime, &timeout_ms, err))
        return false;
    if (timeout_ms > 0 && asked->wall_ms > 0 && timeout_ms != asked->wall_ms)
        return reader_error(root, "timeout", err,
                            "(%g s) and limits.wall_s (%g s) differ; they mean the same, give one",
                            (double)timeout_ms / 1000.0, (double)asked->wall_ms / 1000.0);
    if (timeout_ms > 0)
        asked->wall_ms = timeout_ms;
    return true;
}

static bool read_profile(const struct reader *root, enum task_profile *profile, struct err *err)
{
    const char *name = NULL;
    char quoted[READER_QUOTE_SIZE];
    if (!reader_string(root, "profile", &name, err))
        return false;
    if (name == NULL || strcmp(name, "standard") == 0)
        *profile = PROFILE_STANDARD;
    else if (strcmp(name, "strict") == 0)
        *profile = PROFILE_STRICT;
    else
        return reader_error(root, "profile", err, "'%s' is unknown; known are standard and strict",
                            reader_quote(name, strlen(name), quoted));
    return true;
}

bool task_read_limits(const struct reader *root, struct task *task, struct err *err)
{
    struct limits asked = {0};
    if (!read_profile(root, &task->profile, err) || !read_limits_group(root, task->runtime, &asked, err) ||
        !read_timeout(root, task->runtime, &asked, err))
        return false;
    limits_resolve(&task->runtime->defaults, &task->runtime->maximum, task->profile, &asked, &task->limits);
    return true;
}
