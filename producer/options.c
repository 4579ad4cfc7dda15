#include "producer/options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

static const struct option_entry common_entries[] = {
    {"config", OPTION_TEXT, offsetof(struct common_options, config_file), "FILE", 0, 0, NULL, NULL,
     "configuration file (default: $ASSAY_PRODUCER_CONFIG, else none)"},
    {"print-config", OPTION_FLAG, offsetof(struct common_options, print_config), NULL, 0, 0, NULL, NULL,
     "print every setting with its default and meaning, and end"},
    {"help", OPTION_FLAG, offsetof(struct common_options, help), NULL, 0, 0, NULL, NULL,
     "print this help and end"},
    {"version", OPTION_FLAG, offsetof(struct common_options, version), NULL, 0, 0, NULL, NULL,
     "print the version and end"},
};

#define COMMON_COUNT ARRAY_SIZE(common_entries)

static bool set_integer(const struct option_entry *entry, const char *text, int64_t *target, struct err *err)
{
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < entry->minimum || value > entry->maximum)
        return err_set(err, ERR_USAGE, "--%s %s: a whole number from %lld to %lld is needed", entry->name,
                       text, (long long)entry->minimum, (long long)entry->maximum);
    *target = value;
    return true;
}

static bool set_seconds(const struct option_entry *entry, const char *text, int64_t *target, struct err *err)
{
    char *end = NULL;
    double value = strtod(text, &end);
    double low = (double)entry->minimum / 1000.0;
    double high = (double)entry->maximum / 1000.0;
    if (end == text || *end != '\0' || !isfinite(value) || value < low || value > high)
        return err_set(err, ERR_USAGE, "--%s %s: a number of seconds from %g to %g is needed", entry->name,
                       text, low, high);
    *target = (int64_t)(value * 1000.0 + 0.5);
    return true;
}

static bool is_choice(const char *choices, const char *text)
{
    size_t length = strlen(text);
    for (const char *at = choices; length > 0 && *at != '\0';) {
        size_t part = strcspn(at, "|");
        if (part == length && strncmp(at, text, length) == 0)
            return true;
        at += part;
        at += *at == '|';
    }
    return false;
}

static bool set_list(const struct option_entry *entry, const char *text, struct option_list *list,
                     struct err *err)
{
    if (list->count == OPTION_LIST_MAX)
        return err_set(err, ERR_USAGE, "--%s: given more than %d times", entry->name, OPTION_LIST_MAX);
    list->items[list->count++] = text;
    return true;
}

static bool set_value(const struct option_entry *entry, const char *text, char *base, struct err *err)
{
    void *target = base + entry->offset;
    switch (entry->kind) {
    case OPTION_FLAG:
        *(bool *)target = true;
        return true;
    case OPTION_TEXT:
        *(const char **)target = text;
        return true;
    case OPTION_INTEGER:
        return set_integer(entry, text, target, err);
    case OPTION_SECONDS:
        return set_seconds(entry, text, target, err);
    case OPTION_CHOICE:
        if (!is_choice(entry->choices, text))
            return err_set(err, ERR_USAGE, "--%s %s: must be one of %s", entry->name, text, entry->choices);
        *(const char **)target = text;
        return true;
    case OPTION_LIST:
        return set_list(entry, text, target, err);
    }
    return err_set(err, ERR_INTERNAL, "option --%s has no kind", entry->name);
}

/* The table as getopt_long wants it; `val` is the index in the command's entries, then in the common ones. */
static struct option *long_options(const struct subcommand *command)
{
    struct option *longs = calloc(command->option_count + COMMON_COUNT + 1, sizeof *longs);
    if (longs == NULL)
        return NULL;
    for (size_t i = 0; i < command->option_count + COMMON_COUNT; i++) {
        const struct option_entry *entry =
            i < command->option_count ? &command->options[i] : &common_entries[i - command->option_count];
        longs[i].name = entry->name;
        longs[i].has_arg = entry->kind == OPTION_FLAG ? no_argument : required_argument;
        longs[i].val = (int)i + 256;
    }
    return longs;
}

static bool check_operands(const struct subcommand *command, int count, struct err *err)
{
    if (count < command->operands_min)
        return err_set(err, ERR_USAGE, "%s: too few arguments; usage: assay-producer %s [options] %s",
                       command->name, command->name, command->operands);
    if (count > command->operands_max)
        return err_set(err, ERR_USAGE, "%s: too many arguments; usage: assay-producer %s [options] %s",
                       command->name, command->name, command->operands);
    return true;
}

/* getopt leaves a wrong letter in optopt; a wrong long option is the word before optind. */
static bool unknown_option(const struct subcommand *command, const char *word, struct err *err)
{
    char letter[] = {'-', (char)optopt, '\0'};
    bool is_letter = optopt > ' ' && optopt < 127;
    return err_set(err, ERR_USAGE, "%s: unknown option %s; see assay-producer %s --help", command->name,
                   is_letter ? letter : word, command->name);
}

bool options_parse(const struct subcommand *command, int argc, char **argv, void *options,
                   struct common_options *common, int *first_operand, struct err *err)
{
    for (size_t i = 0; i < command->option_count; i++) {
        if (command->options[i].default_text != NULL &&
            !set_value(&command->options[i], command->options[i].default_text, options, err))
            return false;
    }
    autofree struct option *longs = long_options(command);
    if (longs == NULL)
        return err_set(err, ERR_NO_MEMORY, "no memory for the command line");
    optind = 1;
    opterr = 0;
    for (;;) {
        int found = getopt_long(argc, argv, ":h", longs, NULL);
        if (found == -1)
            break;
        if (found == ':')
            return err_set(err, ERR_USAGE, "%s: %s needs a value; see assay-producer %s --help",
                           command->name, argv[optind - 1], command->name);
        if (found == 'h') {
            common->help = true;
            continue;
        }
        if (found == '?')
            return unknown_option(command, argv[optind - 1], err);
        size_t index = (size_t)(found - 256);
        const struct option_entry *entry = index < command->option_count
                                               ? &command->options[index]
                                               : &common_entries[index - command->option_count];
        if (!set_value(entry, optarg, index < command->option_count ? options : (char *)common, err))
            return false;
    }
    *first_operand = optind;
    if (common->help || common->version || common->print_config)
        return true;
    return check_operands(command, argc - optind, err);
}

static void print_entry(const struct option_entry *entry, FILE *out)
{
    char left[64];
    const char *argument = entry->kind == OPTION_CHOICE ? entry->choices : entry->argument;
    (void)snprintf(left, sizeof left, "--%s%s%s", entry->name, argument != NULL ? " " : "",
                   argument != NULL ? argument : "");
    fprintf(out, "  %-28s %s", left, entry->help);
    if (entry->default_text != NULL)
        fprintf(out, " (default %s)", entry->default_text);
    fputc('\n', out);
}

void options_print_help(const struct subcommand *command, FILE *out)
{
    fprintf(out, "usage: assay-producer %s [options] %s\n\n%s\n", command->name, command->operands,
            command->summary);
    if (command->details != NULL)
        fprintf(out, "\n%s", command->details);
    fputs("\noptions:\n", out);
    for (size_t i = 0; i < command->option_count; i++)
        print_entry(&command->options[i], out);
    for (size_t i = 0; i < COMMON_COUNT; i++)
        print_entry(&common_entries[i], out);
}
