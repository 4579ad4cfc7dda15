#include "worker/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"

enum {
    OPTION_CHECK = 256,
    OPTION_LOCAL,
    OPTION_SLOTS,
    OPTION_NAME,
    OPTION_PRINT_CONFIG,
    OPTION_VERSION,
    OPTION_FORMAT
};

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"check", no_argument, NULL, OPTION_CHECK},
    {"format", required_argument, NULL, OPTION_FORMAT},
    {"local", required_argument, NULL, OPTION_LOCAL},
    {"slots", required_argument, NULL, OPTION_SLOTS},
    {"name", required_argument, NULL, OPTION_NAME},
    {"print-config", no_argument, NULL, OPTION_PRINT_CONFIG},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static bool set_mode(struct worker_command_line *command_line, enum worker_mode mode, struct err *err)
{
    if (command_line->mode != MODE_SERVE && command_line->mode != mode)
        return err_set(err, ERR_USAGE,
                       "only one of --check, --local, --print-config, --version and --help goes");
    command_line->mode = mode;
    return true;
}

static bool take_option(int option, char **argv, struct worker_command_line *command_line, struct err *err)
{
    uint64_t number;
    switch (option) {
    case 'c':
        command_line->config_file = optarg;
        return true;
    case OPTION_CHECK:
        return set_mode(command_line, MODE_CHECK, err);
    case OPTION_LOCAL:
        command_line->local_file = optarg;
        return set_mode(command_line, MODE_LOCAL, err);
    case OPTION_SLOTS:
        if (!text_parse_u64(optarg, &number) || number < 1 || number > INT64_MAX)
            return err_set(err, ERR_USAGE, "--slots %s: a number from 1 on is needed", optarg);
        command_line->overrides.slots = (int64_t)number;
        return true;
    case OPTION_NAME:
        if (optarg[0] == '\0')
            return err_set(err, ERR_USAGE, "--name: the name is empty");
        command_line->overrides.name = optarg;
        return true;
    case OPTION_FORMAT:
        command_line->json = strcmp(optarg, "json") == 0;
        return command_line->json || strcmp(optarg, "text") == 0 ||
               err_set(err, ERR_USAGE, "--format %s: text or json", optarg);
    case OPTION_PRINT_CONFIG:
        return set_mode(command_line, MODE_PRINT_CONFIG, err);
    case OPTION_VERSION:
        return set_mode(command_line, MODE_VERSION, err);
    case 'h':
        return set_mode(command_line, MODE_HELP, err);
    case ':':
        return err_set(err, ERR_USAGE, "%s needs a value; try --help", argv[optind - 1]);
    default:
        return err_set(err, ERR_USAGE, "unknown option %s; try --help", argv[optind - 1]);
    }
}

bool options_parse(int argc, char **argv, struct worker_command_line *command_line, struct err *err)
{
    *command_line = (struct worker_command_line){.mode = MODE_SERVE};
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":c:h", long_options, NULL)) != -1)
        if (!take_option(option, argv, command_line, err))
            return false;
    if (command_line->json && command_line->mode != MODE_CHECK)
        return err_set(err, ERR_USAGE, "--format goes with --check");
    if (optind < argc)
        return err_set(err, ERR_USAGE, "unexpected argument \"%s\"; try --help", argv[optind]);
    return true;
}

void options_print_help(void)
{
    (void)printf(
        "Usage: assay-worker [options]\n"
        "Runs tasks in sandboxes: takes them from RabbitMQ, publishes a result for each.\n"
        "\n"
        "  -c, --config FILE      configuration file (libconfig)\n"
        "      --check            attack the sandbox, run the self-tests, print what held and what passed\n"
        "      --format FORMAT    of --check: text or json\n"
        "      --local FILE       no broker: tasks from FILE (JSONL; - = standard input), results on "
        "standard\n"
        "                         output as they come\n"
        "      --slots N          tasks side by side (over the configuration)\n"
        "      --name NAME        the worker's name (over the configuration)\n"
        "      --print-config     print a sample configuration file\n"
        "      --version          print the version\n"
        "  -h, --help             print this\n"
        "\n"
        "Signals: SIGTERM and SIGINT drain (finish what runs within drain_s, give the rest back); a second "
        "one\n"
        "ends at once.\n"
        "\n"
        "Exit status: 0 done (--local: every task passed); 1 --check: a layer of the sandbox or a runtime "
        "failed, --local: a task did "
        "not\n"
        "pass; 2 wrong usage or configuration, unreadable file; 3 broker unreachable or access denied; 4 "
        "the\n"
        "sandbox or the machine failed.\n"
        "\n");
    config_print_help(&worker_config_table, stdout);
}
