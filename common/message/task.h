/*
 * The task message, `assay.task.v1` (docs/messages.md, conf/messages/task.schema.json). Pure: no broker, no
 * clock.
 *
 * task_parse is the one place where a task is judged: the producer calls it for each line before anything is
 * sent, the worker for each delivery. An unknown field, a wrong type, a limit above the allowed, a path that
 * leaves the workspace ... is an ERR_INPUT whose message names the field, the rule and the remedy.
 */
#ifndef ASSAY_COMMON_MESSAGE_TASK_H
#define ASSAY_COMMON_MESSAGE_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/runtimes.h"
#include "common/text.h"

/* Bytes with a length; text is valid UTF-8 without NUL, and NUL-terminated behind `size`. */
struct blob {
    const char *data; /* NULL = absent */
    size_t size;
};

enum compare_kind { COMPARE_TRIM, COMPARE_EXACT, COMPARE_TOKENS, COMPARE_FLOAT };

struct task_case {
    char name[TEXT_ID_MAX + 1]; /* as given, or "case_1", ... */
    struct blob input;          /* stdin; empty when absent */
    const char **args;          /* NULL-terminated */
    size_t arg_count;
    struct blob expected_stdout;
    int exit_code; /* 0 unless the case says otherwise */
    enum compare_kind compare;
    double tolerance; /* COMPARE_FLOAT: absolute or relative, whichever is larger */
};

struct task_file {
    const char *path; /* relative, checked by text_path_problem, unique over all files of the task */
    struct blob content;
    bool trusted; /* from test_files */
};

enum task_lane { LANE_NORMAL, LANE_INTERACTIVE, LANE_BULK };

struct task_label {
    const char *name, *value;
};

/* What a body does not say of a task itself. */
enum task_lack {
    TASK_LACKS_TASK_ID = 1,
    TASK_LACKS_JOB_ID = 2,
    TASK_LACKS_RUNTIME = 4, /* it says "auto" */
};

struct task {
    char task_id[TEXT_ID_MAX + 1];
    char job_id[TEXT_ID_MAX + 1]; /* "default" when absent */
    const struct runtime *runtime;
    struct blob implementation_code; /* data NULL = absent */
    struct blob test_suite_code;     /* data NULL = absent */
    struct task_case *cases;
    size_t case_count;
    struct task_file
        *files; /* `files` and `test_files`; where both have a path only the trusted one is here */
    size_t file_count;
    struct limits limits; /* resolved: profile and stanza defaults with the task's own values over them; every
                             member > 0 */
    bool stop_on_first_failure;
    bool coverage;
    struct task_label *labels;
    size_t label_count;
    bool has_reconstruction_id;
    int64_t reconstruction_id;
    bool has_expires_at;
    int64_t expires_at_ms; /* Unix epoch */
    unsigned lacks;        /* enum task_lack, or'ed */
    enum task_profile profile;
    enum task_lane lane;
    struct json_t *root; /* owns every pointer above */
    void *memory;        /* what does not lie in `root` (decoded base64, arrays) */
};

/* What a bad task is stored under: filled as far as the body can be read, also when parsing fails. */
struct task_identity {
    char task_id[TEXT_ID_MAX +
                 1]; /* the body's, else the AMQP message_id, else unidentified/<sha256 of the body> */
    char job_id[TEXT_ID_MAX + 1];
    char runtime[TEXT_ID_MAX + 1]; /* "" when unknown */
    bool has_reconstruction_id;
    int64_t reconstruction_id;
};

/* What a task's language can be told from; texts that are absent have data NULL. */
struct task_texts {
    struct blob program, suite;
    const char *const *names; /* of `files` and `test_files` */
    size_t name_count;
};

/* The runtime of a task that says "auto"; NULL with ERR_INPUT when it cannot be told. */
typedef const struct runtime *task_resolve_fn(const struct task_texts *texts, const struct runtimes *runtimes,
                                              struct err *err);

struct task_rules {
    const struct runtimes *runtimes;
    task_resolve_fn *resolve_auto;   /* NULL: "auto" is no runtime (the worker). The producer's is
                                        detect_runtime; task_to_json then writes what it resolved to */
    const char *routing_key_runtime; /* the queue's runtime, which the task's must equal; NULL: not checked
                                        (the producer) */
    const char *message_id;          /* AMQP message_id, NULL when absent */
    bool content_id;                 /* a body without any id gets task_content_id (the producer, --local) */
    const char *default_job_id;      /* NULL: "default" */
};

#define TASK_FILES_MAX  1000
#define TASK_CASES_MAX  10000
#define TASK_LABELS_MAX 64

/* NULL with `err` (ERR_INPUT) when the body breaks a rule. `identity` (may be NULL) is always filled. */
struct task *task_parse(const char *body, size_t size, const struct task_rules *rules,
                        struct task_identity *identity, struct err *err);
/* The identity alone, of a body that may be anything; `rules->runtimes` is not used. */
void task_identify(const char *body, size_t size, const struct task_rules *rules,
                   struct task_identity *identity);
/* Each label of a body that may be anything (a task's or a result's) that a task may have, TASK_LABELS_MAX at
 * most. The texts are valid during the call. */
typedef void task_label_fn(void *context, const char *name, const char *value);
void task_each_label(const char *body, size_t size, task_label_fn *visit, void *context);
void task_free(struct task *task); /* NULL is fine */

/* The producer's side: the task as a compact JSON body with task_id and job_id filled in. malloc'ed, owned by
 * the caller. */
char *task_to_json(const struct task *task, size_t *size);
/* The same for a valid body that does not lack its runtime: its own bytes, with the ids that it lacks in
 * front. NULL without memory. */
char *task_complete(const char *body, size_t size, unsigned lacks, const char *task_id, const char *job_id,
                    size_t *message_size);
/* A stable id from the content: for lines without one ("sha256-<32 hex digits>"). */
void task_content_id(const char *body, size_t size, char out[TEXT_ID_MAX + 1]);
/* "python", "python.interactive", "python.bulk". */
void task_routing_key(const struct task *task, struct buf *out);

const char *task_lane_name(enum task_lane lane);
const char *task_profile_name(enum task_profile profile);

#endif
