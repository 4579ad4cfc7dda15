#include "common/mem.h"
#include "producer/commands.h"
#include "producer/publish.h"

#define AT(member) offsetof(struct publish_options, member)

static const struct option_entry options[] = {
    {"job", OPTION_TEXT, AT(job), "ID", 0, 0, NULL, NULL,
     "job of the tasks that name none; a task that names another one is an error (default: \"default\")"},
    {"wait", OPTION_FLAG, AT(wait), NULL, 0, 0, NULL, NULL,
     "wait for the verdicts, print each as it comes, then a summary"},
    {"timeout", OPTION_SECONDS, AT(timeout_ms), "S", 1, 31536000000, NULL, NULL,
     "with --wait: end after S seconds, exit 5; what is queued stays queued"},
    {"results", OPTION_TEXT, AT(results), "FILE", 0, 0, NULL, NULL,
     "with --wait: write the result messages to FILE, one JSON object a line"},
    {"rate", OPTION_INTEGER, AT(rate), "N", 1, 1000000, NULL, NULL, "publish at most N tasks a second"},
    {"label", OPTION_LIST, AT(labels), "NAME=VALUE", 0, 0, NULL, NULL,
     "label of the job in the table jobs; may be given several times"},
    {"journal", OPTION_TEXT, AT(journal), "FILE", 0, 0, NULL, NULL,
     "note in FILE what the broker confirms, and leave out what is noted there already"},
    {"dry-run", OPTION_FLAG, AT(dry_run), NULL, 0, 0, NULL, NULL, "only judge the file; needs no broker"},
    {"format", OPTION_CHOICE, AT(format), NULL, 0, 0, "text|json", "text",
     "text, or JSON lines: the verdicts, then one object of type assay.summary.v1"},
};

static int run(const struct subcommand_context *context, const void *values, struct err *err)
{
    struct publish_request request = {
        .config = context->config, .options = values, .path = context->operands[0]};
    return publish_file(&request, err);
}

const struct subcommand command_publish = {
    .name = "publish",
    .operands = "FILE.jsonl|-",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "Publishes tasks, one JSON object a line (docs/messages.md), and can wait for their verdicts.",
    .details =
        "A file is judged whole before the first task goes out: errors name file and line, and nothing is\n"
        "published. A pipe or - is judged and published window by window. Every task is confirmed by the\n"
        "broker; after a lost connection the unconfirmed ones are sent again. "
        "\n"
        "A publish that was cut short goes on when the same file is published under the same job again: "
        "tasks "
        "whose\n"
        "verdict stands in the database (pg_url) are left out, with --wait their verdicts are told from "
        "there. "
        "What\n"
        "is queued and has no verdict yet goes out once more and is stored once, unless a --journal tells "
        "that "
        "the\n"
        "broker has it. Without pg_url and journal all goes out again.\n"
        "\n"
        "exit status: 0 published (with --wait: all pass), 1 some task did not pass, 2 wrong usage,\n"
        "configuration or file, 3 broker unreachable, 4 a task came back because no queue takes its "
        "runtime,\n"
        "or the results file could not be written, 5 --timeout is over, 128+N ended by signal N\n",
    .options = options,
    .option_count = ARRAY_SIZE(options),
    .options_size = sizeof(struct publish_options),
    .run = run,
};
