#include "common/runtimes_read.h"

#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/text.h"

static void append_member(struct buf *out, const char *name, const char *value)
{
    if (value == NULL)
        return;
    if (out->size > 0 && out->data[out->size - 1] != '{')
        buf_append_char(out, ',');
    text_append_json(out, name, strlen(name));
    buf_append_char(out, ':');
    text_append_json(out, value, strlen(value));
}

/* NULL when the group does not have it. An empty text is a value here: an empty output is expected. */
static bool read_text(const struct config_node *group, const char *name, const char **text, struct err *err)
{
    const struct config_node *node = config_node_member(group, name);
    *text = NULL;
    return node == NULL || config_node_string(node, text, err);
}

bool runtimes_read_self_test(const struct config_node *stanza, struct runtime *runtime, struct err *err)
{
    static const char *const allowed[] = {"program", "suite", "stdin", "expected_stdout", NULL};
    const struct config_node *group = config_node_member(stanza, "self_test");
    const char *program, *suite, *input, *expected;
    if (group == NULL)
        return config_node_error(stanza, err, "a runtime needs self_test, so that a broken one is noticed");
    if (!config_node_expect(group, CONFIG_NODE_GROUP, err) ||
        !config_node_check_members(group, allowed, err) || !read_text(group, "program", &program, err) ||
        !read_text(group, "suite", &suite, err) || !read_text(group, "stdin", &input, err) ||
        !read_text(group, "expected_stdout", &expected, err))
        return false;
    if (program == NULL || (suite == NULL && expected == NULL))
        return config_node_error(group, err, "needs program, and suite or expected_stdout or both");
    if (suite != NULL && runtime->suite_protocol == SUITE_NONE)
        return config_node_error(config_node_member(group, "suite"), err,
                                 "the runtime has no run_suite, so its self-test has no suite");
    if (input != NULL && expected == NULL)
        return config_node_error(group, err, "stdin needs expected_stdout");

    autobuf struct buf out = BUF_INIT;
    char id[TEXT_ID_MAX + 1];
    (void)snprintf(id, sizeof(id), "self-test/%s", runtime->name);
    buf_append_char(&out, '{');
    append_member(&out, "task_id", id);
    append_member(&out, "runtime", runtime->name);
    append_member(&out, "implementation_code", program);
    append_member(&out, "test_suite_code", suite);
    if (expected != NULL) {
        buf_append_text(&out, ",\"cases\":[{");
        append_member(&out, "stdin", input);
        append_member(&out, "expected_stdout", expected);
        buf_append_text(&out, "}]");
    }
    buf_append_char(&out, '}');
    runtime->self_test = buf_steal(&out, NULL);
    return runtime->self_test != NULL || runtimes_out_of_memory(err);
}
