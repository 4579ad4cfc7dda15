#include "worker/plan.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

static void add_compile_steps(struct plan *plan, enum phase phase, const struct compile_step *steps,
                              size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!steps[i].after_failure)
            plan->steps[plan->count++] =
                (struct plan_step){.kind = STEP_COMPILE, .phase = phase, .compile = &steps[i]};
}

bool plan_init(struct plan *plan, const struct task *task, struct err *err)
{
    const struct runtime *runtime = task->runtime;
    bool has_suite = task->test_suite_code.data != NULL;
    *plan = (struct plan){.task = task};

    if (has_suite && (runtime->suite_protocol == SUITE_NONE || runtime->run_suite.argc == 0))
        return err_set(err, ERR_INPUT, "test_suite_code: runtime %s takes cases only", runtime->name);
    if (task->case_count > 0 && runtime->run_case.argc == 0)
        return err_set(err, ERR_INPUT, "cases: runtime %s takes suites only", runtime->name);
    if (!has_suite && task->case_count == 0)
        return err_set(err, ERR_INPUT, "the task has neither test_suite_code nor cases");

    size_t most = runtime->compile_cases_count + task->case_count + runtime->compile_suite_count + 1;
    plan->steps = calloc(most, sizeof(*plan->steps));
    if (plan->steps == NULL)
        return err_set(err, ERR_NO_MEMORY, "no memory for the plan of %zu steps", most);

    if (task->case_count > 0) {
        add_compile_steps(plan, PHASE_CASES, runtime->compile_cases, runtime->compile_cases_count);
        for (size_t i = 0; i < task->case_count; i++)
            plan->steps[plan->count++] =
                (struct plan_step){.kind = STEP_CASE, .phase = PHASE_CASES, .test_case = &task->cases[i]};
    }
    if (has_suite) {
        add_compile_steps(plan, PHASE_SUITE, runtime->compile_suite, runtime->compile_suite_count);
        plan->steps[plan->count++] = (struct plan_step){.kind = STEP_SUITE, .phase = PHASE_SUITE};
    }
    return true;
}

void plan_free(struct plan *plan)
{
    free(plan->steps);
    *plan = (struct plan){.task = NULL};
}

/* One word of a command, with its NUL. */
static void append_word(struct buf *out, const struct runtime *runtime, const char *word)
{
    const struct {
        const char *name, *value;
    } placeholders[] = {
        {"{program}", runtime->program_file},
        {"{suite}", runtime->suite_file},
        {"{harness}", SANDBOX_HARNESS_DIR},
        {"{{", "{"},
        {"}}", "}"},
    };
    while (*word != '\0') {
        size_t taken = 0;
        for (size_t i = 0; i < sizeof(placeholders) / sizeof(placeholders[0]) && taken == 0; i++) {
            size_t length = strlen(placeholders[i].name);
            if (placeholders[i].value != NULL && strncmp(word, placeholders[i].name, length) == 0) {
                buf_append_text(out, placeholders[i].value);
                taken = length;
            }
        }
        if (taken == 0) {
            buf_append_char(out, *word);
            taken = 1;
        }
        word += taken;
    }
    buf_append_char(out, '\0');
}

/* How many: {test_files} is one for each that the task has. */
static size_t append_words(struct buf *out, const struct task *task, const char *word)
{
    if (strcmp(word, "{test_files}") != 0) {
        append_word(out, task->runtime, word);
        return 1;
    }
    size_t count = 0;
    for (size_t i = 0; i < task->file_count; i++) {
        if (!task->files[i].trusted)
            continue;
        buf_append(out, task->files[i].path, strlen(task->files[i].path) + 1);
        count++;
    }
    return count;
}

static const struct command *step_command(const struct plan *plan, const struct plan_step *step)
{
    switch (step->kind) {
    case STEP_COMPILE:
        return &step->compile->command;
    case STEP_CASE:
        return &plan->task->runtime->run_case;
    case STEP_SUITE:
        break;
    }
    return &plan->task->runtime->run_suite;
}

/* The vector, and the words behind it: `words` holds `argc` strings. */
static char **make_vector(const struct buf *words, size_t argc)
{
    size_t vector_size = (argc + 1) * sizeof(char *);
    char **argv = words->failed ? NULL : malloc(vector_size + words->size + 1);
    if (argv == NULL)
        return NULL;
    char *word = (char *)argv + vector_size;
    if (words->size > 0)
        memcpy(word, words->data, words->size);
    for (size_t i = 0; i < argc; i++) {
        argv[i] = word;
        word += strlen(word) + 1;
    }
    argv[argc] = NULL;
    return argv;
}

char **plan_argv(const struct plan *plan, size_t index)
{
    const struct plan_step *step = &plan->steps[index];
    const struct command *command = step_command(plan, step);
    size_t extra = step->kind == STEP_CASE ? step->test_case->arg_count : 0, argc = extra;

    autobuf struct buf words = BUF_INIT;
    for (size_t i = 0; i < command->argc; i++)
        argc += append_words(&words, plan->task, command->argv[i]);
    for (size_t i = 0; i < extra; i++)
        buf_append(&words, step->test_case->args[i], strlen(step->test_case->args[i]) + 1);
    return make_vector(&words, argc);
}

char **plan_server_argv(const struct runtime *runtime, enum step_kind kind)
{
    autobuf struct buf words = BUF_INIT;
    const struct command *command = kind == STEP_CASE ? &runtime->run_case : &runtime->warm_suite;
    size_t argc = command->argc;
    for (size_t i = 0; i < argc; i++)
        append_word(&words, runtime, command->argv[i]);
    char **preload = kind == STEP_CASE ? NULL : runtime->preload;
    for (char **module = preload; module != NULL && *module != NULL; module++, argc++) {
        buf_printf(&words, "--preload=%s", *module);
        buf_append_char(&words, '\0');
    }
    return make_vector(&words, argc);
}

/* plan_init left room for them. */
bool plan_insert_checks(struct plan *plan, size_t index, bool last)
{
    const struct runtime *runtime = plan->task->runtime;
    size_t at = index + 1;
    if (plan->checked)
        return false;
    plan->checked = true;
    for (size_t i = 0; i < runtime->compile_cases_count; i++) {
        if (!runtime->compile_cases[i].after_failure)
            continue;
        memmove(plan->steps + at + 1, plan->steps + at, (plan->count - at) * sizeof(*plan->steps));
        plan->steps[at++] = (struct plan_step){
            .kind = STEP_COMPILE, .phase = PHASE_CASES, .compile = &runtime->compile_cases[i]};
        plan->count++;
    }
    if (at > index + 1)
        plan->steps[at - 1].last = last;
    return at > index + 1;
}

size_t plan_next(const struct plan *plan, size_t step, enum step_end end)
{
    switch (end) {
    case STEP_END_PASSED:
        return plan->steps[step].last ? plan->count : step + 1;
    case STEP_END_FAILED:
        if (plan->steps[step].kind == STEP_COMPILE || plan->task->stop_on_first_failure)
            return plan->count;
        return step + 1;
    case STEP_END_FATAL:
        break;
    }
    return plan->count;
}

int64_t plan_wall_ms(const struct plan *plan, size_t step, int64_t used_ms, bool *by_task)
{
    const struct limits *limits = &plan->task->limits;
    *by_task = false;
    if (plan->steps[step].kind == STEP_COMPILE)
        return limits->compile_wall_ms;
    int64_t left_ms = limits->task_wall_ms - used_ms;
    if (left_ms >= limits->wall_ms)
        return limits->wall_ms;
    *by_task = true;
    return left_ms > 0 ? left_ms : 0;
}

int64_t plan_cpu_ms(const struct limits *limits, enum step_kind kind)
{
    return kind == STEP_COMPILE ? 2 * limits->compile_wall_ms : limits->cpu_ms;
}

static void add_file(struct sandbox_file *files, size_t *count, const char *path, struct blob content)
{
    files[(*count)++] = (struct sandbox_file){.path = path, .data = content.data, .size = content.size};
}

struct sandbox_file *plan_files(const struct plan *plan, enum phase phase, size_t *count)
{
    const struct task *task = plan->task;
    struct sandbox_file *files = calloc(task->file_count + 2, sizeof(*files));
    *count = 0;
    if (files == NULL)
        return NULL;
    if (task->implementation_code.data != NULL)
        add_file(files, count, task->runtime->program_file, task->implementation_code);
    if (phase == PHASE_SUITE)
        add_file(files, count, task->runtime->suite_file, task->test_suite_code);
    for (size_t i = 0; i < task->file_count; i++)
        add_file(files, count, task->files[i].path, task->files[i].content);
    return files;
}
