#include "producer/detect.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/buf.h"
#include "common/mem.h"
#include "producer/detect_lines.h"

#define NAME_POINTS  20 /* a file name or a #! line is meant: it outweighs what a few lines look like */
#define POINTS_MIN   2
#define LEAD         2 /* times the points of the next */
#define CPP_EVIDENCE 3 /* of C++ alone; with less, C-like text is C */

static const char *const names[LANGUAGE_COUNT] = {"python", "node", "c", "cpp", "bash"};

const char *detect_name(enum language language)
{
    return names[language];
}

/* --- names and #! --------------------------------------------------------------------------------------- */

static const struct {
    const char *extension;
    enum language language;
} extensions[] = {
    {".py", LANGUAGE_PYTHON}, {".js", LANGUAGE_NODE}, {".mjs", LANGUAGE_NODE},  {".cjs", LANGUAGE_NODE},
    {".c", LANGUAGE_C},       {".cpp", LANGUAGE_CPP}, {".cc", LANGUAGE_CPP},    {".cxx", LANGUAGE_CPP},
    {".hpp", LANGUAGE_CPP},   {".sh", LANGUAGE_BASH}, {".bash", LANGUAGE_BASH},
};

static enum language by_name(const char *name)
{
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot != NULL && i < ARRAY_SIZE(extensions); i++)
        if (strcasecmp(dot, extensions[i].extension) == 0)
            return extensions[i].language;
    return LANGUAGE_COUNT;
}

/* The interpreter of "#!/usr/bin/env -S python3 -u": the last part of a path or the first word behind env. */
static enum language by_shebang(const struct blob *program)
{
    static const struct {
        const char *interpreter;
        enum language language;
    } interpreters[] = {{"python", LANGUAGE_PYTHON}, {"pypy", LANGUAGE_PYTHON}, {"node", LANGUAGE_NODE},
                        {"bash", LANGUAGE_BASH},     {"dash", LANGUAGE_BASH},   {"sh", LANGUAGE_BASH}};
    char line[128];
    if (program->data == NULL || program->size < 3 || memcmp(program->data, "#!", 2) != 0)
        return LANGUAGE_COUNT;
    size_t size = program->size - 2 < sizeof line - 1 ? program->size - 2 : sizeof line - 1;
    memcpy(line, program->data + 2, size);
    line[size] = '\0';
    line[strcspn(line, "\r\n")] = '\0';
    char *rest = line;
    for (const char *word = strtok_r(rest, " \t", &rest); word != NULL; word = strtok_r(NULL, " \t", &rest)) {
        const char *slash = strrchr(word, '/');
        const char *base = slash != NULL ? slash + 1 : word;
        if (strcmp(base, "env") == 0 || base[0] == '-')
            continue;
        for (size_t i = 0; i < ARRAY_SIZE(interpreters); i++)
            if (strncmp(base, interpreters[i].interpreter, strlen(interpreters[i].interpreter)) == 0)
                return interpreters[i].language;
        break;
    }
    return LANGUAGE_COUNT;
}

static void score_names(const struct task_texts *texts, int *points)
{
    bool named[LANGUAGE_COUNT] = {false};
    for (size_t i = 0; i < texts->name_count; i++) {
        enum language language = by_name(texts->names[i]);
        if (language != LANGUAGE_COUNT)
            named[language] = true;
    }
    for (size_t i = 0; i < LANGUAGE_COUNT; i++)
        points[i] += named[i] ? NAME_POINTS : 0;
    enum language language = by_shebang(&texts->program);
    if (language != LANGUAGE_COUNT)
        points[language] += 2 * NAME_POINTS;
}

/* --- the decision --------------------------------------------------------------------------------------- */

/* C++ shares C's features: they count for the one of the two that it is. */
static void tell_c_from_cpp(int *points)
{
    if (points[LANGUAGE_CPP] >= CPP_EVIDENCE) {
        points[LANGUAGE_CPP] += points[LANGUAGE_C];
        points[LANGUAGE_C] = 0;
    } else {
        points[LANGUAGE_C] += points[LANGUAGE_C] > 0 ? points[LANGUAGE_CPP] : 0;
        points[LANGUAGE_CPP] = 0;
    }
}

static bool cannot_tell(const int *points, int best, struct err *err)
{
    autobuf struct buf candidates = BUF_INIT;
    for (size_t i = 0; best > 0 && i < LANGUAGE_COUNT; i++)
        if (points[i] > 0 && points[i] * LEAD >= best)
            buf_printf(&candidates, "%s%s", candidates.size > 0 ? ", " : "", names[i]);
    if (candidates.size > 0)
        return err_set(err, ERR_INPUT,
                       "runtime 'auto': the language cannot be told for certain; it looks like %s. Name the "
                       "runtime, or give the program a #! line or a file name with an extension",
                       buf_text(&candidates));
    return err_set(
        err, ERR_INPUT,
        "runtime 'auto': the language cannot be told; candidates are python, node, c, cpp, bash. Name "
        "the runtime, or give the program a #! line or a file name with an extension");
}

bool detect_language(const struct task_texts *texts, enum language *language, struct err *err)
{
    int points[LANGUAGE_COUNT] = {0};
    score_names(texts, points);
    detect_score_text(&texts->program, points);
    detect_score_text(&texts->suite, points);
    tell_c_from_cpp(points);
    size_t best = 0;
    int second = 0;
    for (size_t i = 1; i < LANGUAGE_COUNT; i++)
        if (points[i] > points[best])
            best = i;
    for (size_t i = 0; i < LANGUAGE_COUNT; i++)
        if (i != best && points[i] > second)
            second = points[i];
    if (points[best] < POINTS_MIN || points[best] < LEAD * second)
        return cannot_tell(points, points[best], err);
    *language = (enum language)best;
    return true;
}

const struct runtime *detect_runtime(const struct task_texts *texts, const struct runtimes *runtimes,
                                     struct err *err)
{
    enum language language;
    if (!detect_language(texts, &language, err))
        return NULL;
    const struct runtime *runtime = runtimes_find(runtimes, detect_name(language));
    if (runtime == NULL)
        err_set(err, ERR_INPUT, "runtime 'auto': this is %s, which is none of the runtimes configured (%s)",
                detect_name(language), runtimes_names(runtimes));
    return runtime;
}
