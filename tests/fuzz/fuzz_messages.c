/* The parsers of job, control and event messages; the first byte of the input chooses one. */
#include "fuzz.h"

#include <string.h>

#include "common/message/job.h"

static bool job_again(const char *body, size_t size, struct buf *out, struct err *err)
{
    struct job_message message;
    bool ok = job_message_parse(body, size, &message, err);
    if (ok)
        job_message_to_json(&message, out);
    job_message_free(&message);
    return ok;
}

static bool control_again(const char *body, size_t size, struct buf *out, struct err *err)
{
    struct control_message message;
    bool ok = control_message_parse(body, size, &message, err);
    if (ok)
        control_message_to_json(&message, out);
    control_message_free(&message);
    return ok;
}

static bool event_again(const char *body, size_t size, struct buf *out, struct err *err)
{
    struct worker_event event;
    bool ok = worker_event_parse(body, size, &event, err);
    if (ok)
        worker_event_to_json(&event, out);
    return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool (*const readers[])(const char *, size_t, struct buf *,
                                   struct err *) = {job_again, control_again, event_again};
    if (size == 0)
        return 0;
    char *body = fuzz_copy(data + 1, size - 1);
    struct err err = ERR_INIT;
    autobuf struct buf first = BUF_INIT, second = BUF_INIT;
    bool ok = readers[data[0] % 3](body, size - 1, &first, &err);
    free(body);
    FUZZ_REQUIRE(ok ? !first.failed : err.code == ERR_INPUT && strpbrk(err.text, "\r\n") == NULL);
    if (ok) {
        FUZZ_REQUIRE(readers[data[0] % 3](first.data, first.size, &second, &err));
        FUZZ_REQUIRE(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    }
    return 0;
}
