/* What a key table prints: the sample file and the configuration part of --help. */
#include <string.h>

#include "common/buf.h"
#include "common/config.h"

#define WRAP_COLUMNS 96

static void print_wrapped(FILE *out, const char *prefix, const char *text)
{
    size_t column = 0;
    for (const char *word = text; *word != '\0';) {
        size_t length = strcspn(word, " ");
        if (column == 0 || column + 1 + length > WRAP_COLUMNS) {
            (void)fprintf(out, "%s%s", column == 0 ? "" : "\n", prefix);
            column = strlen(prefix);
        } else {
            (void)fputc(' ', out);
            column++;
        }
        (void)fwrite(word, 1, length, out);
        column += length;
        word += length + strspn(word + length, " ");
    }
    (void)fputc('\n', out);
}

static void print_string(FILE *out, const char *text, size_t size)
{
    (void)fputc('"', out);
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '"' || text[i] == '\\')
            (void)fputc('\\', out);
        (void)fputc(text[i], out);
    }
    (void)fputc('"', out);
}

static void print_default(FILE *out, const struct config_key *key)
{
    const char *text = key->default_text != NULL ? key->default_text : "";
    if (key->type == CONFIG_INTEGER || key->type == CONFIG_BOOL) {
        (void)fputs(text, out);
    } else if (key->type != CONFIG_STRING_LIST) {
        print_string(out, text, strlen(text));
    } else {
        (void)fputc('[', out);
        for (const char *c = text + strspn(text, " "); *c != '\0';) {
            size_t part = strcspn(c, ",");
            print_string(out, c, part);
            c += part + strspn(c + part, ", ");
            if (*c != '\0')
                (void)fputs(", ", out);
        }
        (void)fputc(']', out);
    }
}

/* "integer, 1 to 100; environment ASSAY_X". */
static void describe(const struct config_key *key, struct buf *out)
{
    switch (key->type) {
    case CONFIG_STRING:
        buf_append_text(out, "string");
        break;
    case CONFIG_INTEGER:
        buf_printf(out, "integer, %lld to %lld", (long long)key->minimum, (long long)key->maximum);
        break;
    case CONFIG_BOOL:
        buf_append_text(out, "true or false");
        break;
    case CONFIG_STRING_LIST:
        buf_append_text(out, "list of strings (environment: comma-separated)");
        break;
    case CONFIG_CHOICE:
        buf_printf(out, "one of %s", key->choices);
        break;
    }
    buf_append_text(out, "; environment ");
    config_variable_name(key, out);
    if (key->secret) {
        buf_append_text(out, " or, naming a file that holds it, ");
        config_variable_name(key, out);
        buf_append_text(out, "_FILE");
    }
}

/* The settings of one group stand together: each key of the group is printed at its first one. */
static size_t group_length(const char *key)
{
    const char *dot = strchr(key, '.');
    return dot != NULL ? (size_t)(dot - key) : 0;
}

static bool same_group(const char *a, const char *b)
{
    size_t length = group_length(a);
    return length == group_length(b) && strncmp(a, b, length) == 0;
}

static void print_key(FILE *out, const struct config_key *key, const char *indent)
{
    autobuf struct buf description = BUF_INIT;
    describe(key, &description);
    char prefix[16];
    (void)snprintf(prefix, sizeof(prefix), "%s# ", indent);
    print_wrapped(out, prefix, key->documentation);
    print_wrapped(out, prefix, buf_text(&description));
    size_t length = group_length(key->key);
    (void)fprintf(out, "%s%s = ", indent, key->key + (length > 0 ? length + 1 : 0));
    print_default(out, key);
    (void)fputs(";\n", out);
}

void config_print_sample(const struct config_table *table, FILE *out)
{
    (void)fprintf(out, "# Configuration of %s (libconfig). Every key is shown with its default.\n",
                  table->program);
    for (size_t i = 0; i < table->count; i++) {
        const char *key = table->keys[i].key;
        size_t length = group_length(key);
        bool first = true;
        for (size_t j = 0; j < i; j++)
            first = first && !(length > 0 && same_group(key, table->keys[j].key));
        if (!first)
            continue;
        (void)fputc('\n', out);
        if (length == 0) {
            print_key(out, &table->keys[i], "");
            continue;
        }
        (void)fprintf(out, "%.*s:\n{\n", (int)length, key);
        for (size_t j = i; j < table->count; j++) {
            if (same_group(key, table->keys[j].key))
                print_key(out, &table->keys[j], "    ");
        }
        (void)fputs("};\n", out);
    }
}

void config_print_help(const struct config_table *table, FILE *out)
{
    (void)fputs("Configuration keys (file: libconfig, --config FILE; the environment wins over the file):\n",
                out);
    for (size_t i = 0; i < table->count; i++) {
        const struct config_key *key = &table->keys[i];
        autobuf struct buf description = BUF_INIT;
        describe(key, &description);
        (void)fprintf(out, "\n  %s = ", key->key);
        print_default(out, key);
        (void)fputc('\n', out);
        print_wrapped(out, "      ", key->documentation);
        print_wrapped(out, "      ", buf_text(&description));
    }
}
