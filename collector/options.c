#include "collector/options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "collector/config.h"
#include "common/mem.h"
#include "common/text.h"

#define DAYS_MAX 36500

static const char usage[] =
    "usage: assay-collector [--config FILE] COMMAND\n"
    "\n"
    "Takes verdicts from the broker and stores them in PostgreSQL.\n"
    "\n"
    "Commands\n"
    "  migrate        bring the database's schema up to date (conf/schema)\n"
    "  run            consume until SIGTERM or SIGINT\n"
    "  prune          delete old verdicts now\n"
    "      --older-than DAYS   (default: retention_days)\n"
    "      --dry-run           only say how many\n"
    "\n"
    "Options\n"
    "  --config FILE  configuration file (libconfig; default: $ASSAY_COLLECTOR_CONFIG, else none)\n"
    "  --print-config print every setting with its default and meaning: a file that --config takes\n"
    "  --version      print the version\n"
    "  --help         print this\n"
    "\n"
    "Exit status: 0 done; 2 usage, configuration, or a schema that does not fit; 3 broker or database "
    "unreachable;\n"
    "4 anything else.\n"
    "\n";

void collector_options_print_help(void)
{
    (void)fputs(usage, stdout);
    config_print_help(&collector_config_table, stdout);
}

enum {
    OPTION_CONFIG = 256,
    OPTION_PRINT_CONFIG,
    OPTION_VERSION,
    OPTION_HELP,
    OPTION_OLDER_THAN,
    OPTION_DRY_RUN
};

static const struct option long_options[] = {
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"print-config", no_argument, NULL, OPTION_PRINT_CONFIG},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"help", no_argument, NULL, OPTION_HELP},
    {"older-than", required_argument, NULL, OPTION_OLDER_THAN},
    {"dry-run", no_argument, NULL, OPTION_DRY_RUN},
    {NULL, 0, NULL, 0},
};

static bool usage_error(struct err *err, const char *what, const char *word)
{
    return err_set(err, ERR_USAGE, "%s%s; assay-collector --help lists what there is", what, word);
}

static bool take_option(int option, struct collector_options *options, bool *done, struct err *err)
{
    uint64_t days;
    switch (option) {
    case OPTION_CONFIG:
        options->config_file = optarg;
        return true;
    case OPTION_OLDER_THAN:
        if (!text_parse_u64(optarg, &days) || days < 1 || days > DAYS_MAX)
            return err_set(err, ERR_USAGE, "--older-than %s: want a number of days from 1 to %d", optarg,
                           DAYS_MAX);
        options->older_than_days = (int64_t)days;
        return true;
    case OPTION_DRY_RUN:
        options->dry_run = true;
        return true;
    case OPTION_PRINT_CONFIG:
    case OPTION_VERSION:
    case OPTION_HELP:
        options->command = option == OPTION_HELP      ? COMMAND_HELP
                           : option == OPTION_VERSION ? COMMAND_VERSION
                                                      : COMMAND_PRINT_CONFIG;
        *done = true;
        return true;
    default:
        return false;
    }
}

static bool take_command(const char *word, struct collector_options *options, struct err *err)
{
    static const struct {
        const char *name;
        enum collector_command command;
    } commands[] = {{"run", COMMAND_RUN}, {"migrate", COMMAND_MIGRATE}, {"prune", COMMAND_PRUNE}};
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (strcmp(word, commands[i].name) == 0) {
            options->command = commands[i].command;
            return true;
        }
    }
    return usage_error(err, "unknown command ", word);
}

bool collector_options_parse(int argc, char **argv, struct collector_options *options, struct err *err)
{
    *options = (struct collector_options){.command = COMMAND_HELP};
    bool done = false;
    opterr = 0;
    optind = 0;
    for (int option = getopt_long(argc, argv, "", long_options, NULL); option != -1;
         option = getopt_long(argc, argv, "", long_options, NULL)) {
        if (option == '?')
            return usage_error(err, "unknown option, or an option without its value: ", argv[optind - 1]);
        if (!take_option(option, options, &done, err))
            return false;
        if (done)
            return true;
    }
    if (optind >= argc)
        return usage_error(err, "no command given", "");
    if (optind + 1 < argc)
        return usage_error(err, "too many words: ", argv[optind + 1]);
    if (!take_command(argv[optind], options, err))
        return false;
    if (options->command != COMMAND_PRUNE && (options->dry_run || options->older_than_days != 0))
        return usage_error(err, "--older-than and --dry-run belong to prune, not to ", argv[optind]);
    return true;
}
