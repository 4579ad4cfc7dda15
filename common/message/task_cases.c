#include "common/message/task_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What the kernel takes: one argument at most 128 KiB (MAX_ARG_STRLEN, execve(2)); kept far below the 1 MiB
 * that all may have, so that a task with too much is refused here and not by exec. */
#define ARGS_MAX       1000
#define ARG_BYTES_MAX  131071
#define ARGS_BYTES_MAX ((size_t)512 * 1024)

static bool read_name(const struct reader *reader, size_t index, struct task_case *item, struct err *err)
{
    const char *name = NULL;
    if (!reader_string(reader, "name", &name, err))
        return false;
    if (name == NULL) {
        (void)snprintf(item->name, sizeof(item->name), "case_%zu", index + 1);
        return true;
    }
    size_t size = strlen(name);
    if (size < 1 || size > TEXT_ID_MAX)
        return reader_error(reader, "name", err, "has %zu bytes, must have 1 to %d", size, TEXT_ID_MAX);
    for (const char *c = name; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return reader_error(reader, "name", err, "holds a control character");
    memcpy(item->name, name, size + 1);
    return true;
}

static bool read_args(const struct reader *reader, struct task *task, struct task_case *item, struct err *err)
{
    const json_t *args = NULL;
    size_t total = 0;
    if (!reader_array(reader, "args", ARGS_MAX, &args, err))
        return false;
    size_t count = args != NULL ? json_array_size(args) : 0;
    item->args = task_allocate(task, count + 1, sizeof(*item->args), err);
    if (item->args == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        char name[32];
        struct blob text;
        (void)snprintf(name, sizeof(name), "args[%zu]", i);
        if (!reader_text_value(reader, name, json_array_get(args, i), &text, err))
            return false;
        if (text.size > ARG_BYTES_MAX)
            return reader_error(reader, name, err, "has %zu bytes, at most %d are allowed", text.size,
                                ARG_BYTES_MAX);
        total += text.size + 1;
        item->args[i] = text.data;
    }
    if (total > ARGS_BYTES_MAX)
        return reader_error(reader, "args", err, "take %zu bytes in all, at most %zu are allowed", total,
                            ARGS_BYTES_MAX);
    item->arg_count = count;
    return true;
}

/* "exact" | "trim" | "tokens" | {"float": tolerance} */
static bool read_compare(const struct reader *reader, struct task_case *item, struct err *err)
{
    static const char *const fields[] = {"float", NULL};
    const json_t *value = reader_get(reader, "compare");
    char quoted[READER_QUOTE_SIZE];
    item->compare = COMPARE_TRIM;
    if (value == NULL)
        return true;
    if (json_is_object(value)) {
        struct reader inner;
        bool present = false;
        if (!reader_enter(&inner, reader, "compare", value, err) ||
            !reader_check_fields(&inner, fields, err) ||
            !reader_number(&inner, "float", &present, &item->tolerance, err))
            return false;
        if (!present)
            return reader_error(reader, "compare", err, "needs \"float\": the tolerance");
        if (item->tolerance < 0)
            return reader_error(&inner, "float", err, "must be at least 0, is %g", item->tolerance);
        item->compare = COMPARE_FLOAT;
        return true;
    }
    const char *name = json_string_value(value);
    if (name != NULL && strcmp(name, "exact") == 0)
        item->compare = COMPARE_EXACT;
    else if (name != NULL && strcmp(name, "tokens") == 0)
        item->compare = COMPARE_TOKENS;
    else if (name != NULL && strcmp(name, "trim") != 0)
        return reader_error(reader, "compare", err,
                            "'%s' is unknown; known are \"exact\", \"trim\", \"tokens\" and {\"float\": "
                            "tolerance}",
                            reader_quote(name, strlen(name), quoted));
    else if (name == NULL)
        return reader_error(reader, "compare", err,
                            "must be \"exact\", \"trim\", \"tokens\" or {\"float\": tolerance}, is %s",
                            reader_type_name(value));
    return true;
}

static bool read_case(const struct reader *root, struct task *task, size_t index, const json_t *value,
                      struct err *err)
{
    static const char *const fields[] = {"name",      "stdin",   "args", "expected_stdout",
                                         "exit_code", "compare", NULL};
    struct task_case *item = &task->cases[index];
    struct reader reader;
    char name[32];
    int64_t exit_code = 0;
    (void)snprintf(name, sizeof(name), "cases[%zu]", index);
    if (!reader_enter(&reader, root, name, value, err) || !reader_check_fields(&reader, fields, err) ||
        !read_name(&reader, index, item, err) || !reader_text(&reader, "stdin", &item->input, err) ||
        !read_args(&reader, task, item, err) ||
        !reader_text(&reader, "expected_stdout", &item->expected_stdout, err) ||
        !reader_integer(&reader, "exit_code", 0, 255, NULL, &exit_code, err) ||
        !read_compare(&reader, item, err))
        return false;
    if (item->expected_stdout.data == NULL)
        return reader_error(root, name, err, "needs expected_stdout (\"\" where nothing is to be written)");
    if (item->input.data == NULL)
        item->input.data = "";
    item->exit_code = (int)exit_code;
    return true;
}

/* Results are told apart by name, so that no two cases may share one. */
static bool check_names(const struct reader *root, const struct task *task, struct err *err)
{
    json_t *seen = json_object();
    bool ok = seen != NULL || err_set(err, ERR_NO_MEMORY, "not enough memory for the cases of a task");
    for (size_t i = 0; ok && i < task->case_count; i++) {
        const char *name = task->cases[i].name;
        const json_t *other = json_object_get(seen, name);
        if (other != NULL) {
            char field[40];
            (void)snprintf(field, sizeof(field), "cases[%zu].name", i);
            ok = reader_error(root, field, err, "'%s' is the name of cases[%lld] too; names must differ",
                              name, (long long)json_integer_value(other));
        } else if (json_object_set_new(seen, name, json_integer((json_int_t)i)) != 0) {
            ok = err_set(err, ERR_NO_MEMORY, "not enough memory for the cases of a task");
        }
    }
    json_decref(seen);
    return ok;
}

bool task_read_cases(const struct reader *root, struct task *task, struct err *err)
{
    const json_t *cases = NULL;
    if (!reader_array(root, "cases", TASK_CASES_MAX, &cases, err))
        return false;
    if (cases == NULL)
        return true;
    size_t count = json_array_size(cases);
    if (count == 0)
        return reader_error(root, "cases", err, "is empty; leave it out or give at least one case");
    task->cases = task_allocate(task, count, sizeof(*task->cases), err);
    if (task->cases == NULL)
        return false;
    task->case_count = count;
    for (size_t i = 0; i < count; i++)
        if (!read_case(root, task, i, json_array_get(cases, i), err))
            return false;
    return check_names(root, task, err);
}
