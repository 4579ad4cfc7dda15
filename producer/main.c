/*
 * assay-producer: puts tasks on the broker, waits for verdicts, and answers questions about both.
 *
 * Theory of operation. One process, one thread, no privileges, no files of its own. A sub-command (the table
 * below) is picked by name; its options come from its table (options.c), its settings from the one table in
 * config.c. Two families:
 *
 *   publish, run, rerun, pending   run the engine in dispatch.c: one event loop (common/loop.h) that takes
 * tasks from a source (task_file.c: a JSONL file or a pipe; command_run.c: two files; rows.c: the database),
 *        hands them to the publisher, and with --wait counts the verdicts that come back.
 *
 *        source --> dispatch.c --> publisher.c --> exchange assay.tasks      (confirms, mandatory; window.c
 *                       ^                                                     keeps what is unconfirmed)
 *                       +------ wait.c <-- queue assay.wait.<random> <-- exchange assay.results
 *
 *        The publisher and the waiter each have a connection of their own that comes back after a loss
 *        (common/broker_link.h): a broker that blocks publishers does not stop the verdicts. What was not
 *        confirmed is sent again; the store is idempotent on (job_id, task_id), so a duplicate is harmless.
 *        Order matters in one place: the waiting queue is bound before the first task goes out.
 *
 *   status, results, show, dead    ask RabbitMQ's management API (management.c) and PostgreSQL (common/pg.h),
 *   cancel                         send a few messages where need be (post.c), print and end.
 *
 * Descriptors: both AMQP sockets, the database's, the task file, the results file; all close-on-exec. SIGINT
 * and SIGTERM end the loop after what is on its way is confirmed (5 s at most); a second one at once. Data
 * from tasks reaches a terminal only through screen.c, which lets no control character pass.
 *
 * Exit status: 0 done, 1 some task not pass, 2 usage, configuration or input, 3 broker or database
 * unreachable, 4 anything else that failed, 5 --timeout is over, 128+N ended by signal N.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "common/message/json_memory.h"
#include "common/paths.h"
#include "producer/commands.h"
#include "producer/config.h"

static const struct subcommand *const commands[] = {
    &command_publish, &command_run,   &command_pending, &command_status, &command_results,
    &command_show,    &command_rerun, &command_cancel,  &command_dead,
};

static void print_help(FILE *out)
{
    fputs("usage: assay-producer COMMAND [options] [arguments]\n\ncommands:\n", out);
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        fprintf(out, "  %-9s %s\n", commands[i]->name, commands[i]->summary);
    fputs("\nassay-producer COMMAND --help tells the options of a command, assay-producer --print-config "
          "prints a "
          "sample\nconfiguration file. --config FILE names one; each setting has an environment variable as "
          "well:\n\n",
          out);
    config_print_help(&producer_config_table, out);
    fputs(
        "\nexit status: 0 done, 1 some task not pass, 2 usage, configuration or input, 3 broker or database\n"
        "unreachable, 4 anything else that failed, 5 --timeout is over, 128+N ended by signal N\n",
        out);
}

static const struct subcommand *find_command(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    }
    return NULL;
}

static int complain(const struct err *err, int status)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "assay-producer: %s\n", err->text);
    return status;
}

static int run_command(const struct subcommand *command, const struct common_options *common,
                       const void *options, char **operands, int operand_count)
{
    struct err err = ERR_INIT;
    struct producer_config config = {0};
    const char *file = common->config_file != NULL ? common->config_file : getenv("ASSAY_PRODUCER_CONFIG");
    if (!config_load(&producer_config_table, file, &config, &err))
        return complain(&err, err_exit_status(err.code));
    log_set_level(config.log_level);
    struct subcommand_context context = {&config, operands, operand_count};
    int status = command->run(&context, options, &err);
    config_free(&producer_config_table, &config);
    if (err.code != ERR_NONE)
        return complain(&err, status);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        err_set_errno(&err, ERR_IO, "write standard output");
        return complain(&err, 4);
    }
    return status;
}

/* What is asked of a command instead of running it; -1 when nothing is. */
static int answer_common(const struct subcommand *command, const struct common_options *common)
{
    if (common->help)
        options_print_help(command, stdout);
    else if (common->version)
        (void)puts("assay-producer " ASSAY_VERSION);
    else if (common->print_config)
        config_print_sample(&producer_config_table, stdout);
    else
        return -1;
    return 0;
}

static int parse_and_run(const struct subcommand *command, int argc, char **argv, const char *config_file)
{
    struct err err = ERR_INIT;
    struct common_options common = {.config_file = config_file};
    int first = 0;
    autofree void *options = calloc(1, command->options_size);
    if (options == NULL) {
        err_set(&err, ERR_NO_MEMORY, "no memory");
        return complain(&err, 4);
    }
    if (!options_parse(command, argc, argv, options, &common, &first, &err))
        return complain(&err, 2);
    int status = answer_common(command, &common);
    return status >= 0 ? status : run_command(command, &common, options, argv + first, argc - first);
}

int main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN); /* a closed pipe is a failed write, reported like any other */
    log_open("assay-producer");
    json_memory_use();
    paths_load_local_env();
    const char *config_file = NULL;
    int at = 1;
    if (argc > 3 && strcmp(argv[1], "--config") == 0) {
        config_file = argv[2];
        at = 3;
    }
    const char *word = argc > at ? argv[at] : "";
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
        print_help(stdout);
        return 0;
    }
    if (strcmp(word, "--version") == 0) {
        (void)puts("assay-producer " ASSAY_VERSION);
        return 0;
    }
    if (strcmp(word, "--print-config") == 0) {
        config_print_sample(&producer_config_table, stdout);
        return 0;
    }
    const struct subcommand *command = find_command(word);
    if (command == NULL) {
        struct err err = ERR_INIT;
        err_set(
            &err, ERR_USAGE,
            "%s%s%s; the commands are publish, run, pending, status, results, show, rerun, cancel, dead; see "
            "assay-producer --help",
            word[0] == '\0' ? "no command" : "unknown command '", word, word[0] == '\0' ? "" : "'");
        return complain(&err, 2);
    }
    return parse_and_run(command, argc - at, argv + at, config_file);
}
