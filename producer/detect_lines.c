#include "producer/detect_lines.h"

#include <ctype.h>
#include <string.h>

#include "common/mem.h"

#define LINES_MAX      4000 /* nothing new comes after so many */
#define LINE_MAX_BYTES 400

#define PY   LANGUAGE_PYTHON
#define JS   LANGUAGE_NODE
#define C    LANGUAGE_C
#define CPP  LANGUAGE_CPP
#define BASH LANGUAGE_BASH

/* A line without its indentation has the feature when all that is given is so. */
struct feature {
    enum language language;
    int points;
    const char *starts;
    const char *word_then; /* behind `starts`: an identifier, then this */
    const char *contains;
    const char *ends;
    const char *lacks; /* characters */
    bool at_margin;    /* not indented */
};

static const struct feature features[] = {
    {PY, 5, .starts = "def ", .ends = ":"},
    {PY, 5, .starts = "def ", .contains = "):"},
    {PY, 5, .starts = "async def "},
    {PY, 4, .starts = "class ", .ends = ":"},
    {PY, 5, .starts = "from ", .contains = " import "},
    {PY, 4, .starts = "import ", .lacks = "'\"{};<"},
    {PY, 5, .starts = "elif ", .ends = ":"},
    {PY, 3, .starts = "if ", .ends = ":"},
    {PY, 3, .starts = "for ", .contains = " in ", .ends = ":"},
    {PY, 3, .starts = "while ", .ends = ":"},
    {PY, 3, .starts = "with ", .ends = ":"},
    {PY, 3, .starts = "else:"},
    {PY, 3, .starts = "try:"},
    {PY, 4, .starts = "except", .ends = ":"},
    {PY, 3, .starts = "finally:"},
    {PY, 2, .starts = "raise ", .lacks = ";"},
    {PY, 2, .starts = "assert ", .lacks = ";"},
    {PY, 2, .starts = "print(", .lacks = ";"},
    {PY, 2, .starts = "pass", .lacks = " (;=."},
    {PY, 4, .contains = "__name__"},
    {PY, 4, .contains = "lambda ", .lacks = ";{"},
    {PY, 2, .contains = "self.", .lacks = ";{"},
    {PY, 3, .contains = " is None"},
    {PY, 3, .contains = " not in "},
    {PY, 2, .contains = " in range("},
    {PY, 2, .contains = " = input("},
    {PY, 2, .contains = "len(", .lacks = ";{"},
    {PY, 1, .contains = "range("},
    {PY, 1, .contains = "None"},
    {PY, 1, .contains = "True", .lacks = ";"},
    {PY, 1, .contains = "False", .lacks = ";"},

    {JS, 5, .starts = "const ", .word_then = " ="},
    {JS, 5, .starts = "const {"},
    {JS, 5, .starts = "const ["},
    {JS, 4, .starts = "let ", .word_then = " ="},
    {JS, 4, .starts = "let ", .word_then = ";"},
    {JS, 4, .starts = "var ", .word_then = " ="},
    {JS, 4, .starts = "var ", .word_then = ";"},
    {JS, 5, .starts = "function ", .contains = ") {"},
    {JS, 5, .starts = "function ", .contains = "){"},
    {JS, -4, .starts = "function ", .contains = "()"},
    {JS, 4, .contains = " function("},
    {JS, 4, .contains = " function ("},
    {JS, 4, .contains = "(function"},
    {JS, 5, .starts = "async function "},
    {JS, 4, .contains = " => "},
    {JS, 4, .contains = " === "},
    {JS, 4, .contains = " !== "},
    {JS, 5, .contains = "console."},
    {JS, 4, .contains = "require("},
    {JS, 6, .contains = "module.exports"},
    {JS, 6, .starts = "exports."},
    {JS, 6, .starts = "export default "},
    {JS, 6, .starts = "export function "},
    {JS, 6, .starts = "export const "},
    {JS, 6, .starts = "export class "},
    {JS, 6, .starts = "export {"},
    {JS, 6, .starts = "'use strict'"},
    {JS, 6, .starts = "\"use strict\""},
    {JS, 6, .starts = "import ", .contains = " from '"},
    {JS, 6, .starts = "import ", .contains = " from \""},
    {JS, 5, .starts = "for (const "},
    {JS, 5, .starts = "for (let "},
    {JS, 5, .starts = "for (var "},
    {JS, 4, .starts = "constructor("},
    {JS, 4, .starts = "class ", .contains = " extends "},
    {JS, 2, .starts = "class ", .word_then = " {"},
    {JS, 5, .contains = "throw new "},
    {JS, 5, .contains = "new Promise("},
    {JS, 3, .contains = "new Map("},
    {JS, 3, .contains = "new Set("},
    {JS, 3, .contains = "new Array("},
    {JS, 3, .contains = "Math."},
    {JS, 4, .contains = "JSON."},
    {JS, 3, .contains = "process."},
    {JS, 3, .contains = "typeof "},
    {JS, 3, .contains = "undefined"},
    {JS, 4, .contains = ".forEach("},
    {JS, 2, .contains = ".push("},
    {JS, 2, .contains = "this."},
    {JS, 1, .contains = ".length"},

    {C, 5, .starts = "#include"},
    {C, 4, .starts = "#define "},
    {C, 4, .starts = "#ifndef "},
    {C, 4, .starts = "#ifdef "},
    {C, 2, .starts = "#pragma "},
    {C, 5, .starts = "typedef "},
    {C, 4, .starts = "for (int "},
    {C, 4, .starts = "for (size_t "},
    {C, 3, .starts = "struct ", .word_then = " {"},
    {C, 2, .starts = "printf("},
    {C, 2, .starts = "puts("},
    {C, 2, .starts = "scanf("},
    {C, 3, .contains = "malloc("},
    {C, 3, .contains = "sizeof("},
    {C, 3, .contains = "sizeof *"},
    {C, 2, .contains = "NULL", .lacks = "$"},
    {C, 3, .contains = "(void)"},

    {CPP, 9, .starts = "#include <", .lacks = "."},
    {CPP, 5, .contains = "std::"},
    {CPP, 6, .starts = "using namespace "},
    {CPP, 5, .starts = "using ", .word_then = " = ", .ends = ";"},
    {CPP, 5, .starts = "namespace "},
    {CPP, 6, .starts = "template <"},
    {CPP, 6, .starts = "template<"},
    {CPP, 5, .contains = "cout <<"},
    {CPP, 5, .contains = "cin >>"},
    {CPP, 5, .contains = "nullptr"},
    {CPP, 6, .starts = "public:"},
    {CPP, 6, .starts = "private:"},
    {CPP, 6, .starts = "protected:"},
    {CPP, 4, .contains = "vector<"},
    {CPP, 4, .contains = "map<"},
    {CPP, 4, .contains = "static_cast<"},
    {CPP, 4, .starts = "constexpr "},
    {CPP, 5, .starts = "for (auto"},
    {CPP, 5, .starts = "for (const auto"},
    {CPP, 4, .starts = "auto ", .ends = ";"},
    {CPP, 3, .starts = "virtual "},
    {CPP, 2, .starts = "class ", .word_then = " {"},
    {CPP, 4, .starts = "class ", .contains = " : public "},
    {CPP, 3, .starts = "string ", .ends = ";"},
    {CPP, 3, .starts = "string ", .contains = "("},

    {BASH, 3, .starts = "echo ", .lacks = ";("},
    {BASH, 3, .starts = "echo $"},
    {BASH, 3, .starts = "echo \""},
    {BASH, 4, .starts = "fi", .ends = "fi", .lacks = " (=.;"},
    {BASH, 4, .starts = "done", .lacks = "(=.:"},
    {BASH, 5, .starts = "esac"},
    {BASH, 4, .starts = "then", .lacks = "(=."},
    {BASH, 5, .contains = "; then"},
    {BASH, 5, .contains = "; do"},
    {BASH, 3, .starts = "do", .ends = "do", .lacks = " "},
    {BASH, 5, .starts = "case ", .ends = " in"},
    {BASH, 3, .starts = "if ["},
    {BASH, 4, .starts = "if [["},
    {BASH, 4, .starts = "while ["},
    {BASH, 5, .contains = "while read"},
    {BASH, 3, .starts = "read ", .lacks = "(=;"},
    {BASH, 3, .starts = "[[ "},
    {BASH, 3, .starts = "[ ", .contains = " ]", .lacks = ","},
    {BASH, 4, .starts = "local ", .lacks = "(;"},
    {BASH, 5, .starts = "declare -"},
    {BASH, 5, .starts = "set -"},
    {BASH, 5, .starts = "shopt -"},
    {BASH, 4, .starts = "printf '"},
    {BASH, 4, .starts = "printf \""},
    {BASH, 3, .starts = "export ", .word_then = "="},
    {BASH, 3, .starts = "source ", .lacks = "(=;"},
    {BASH, 3, .starts = "trap ", .lacks = "="},
    {BASH, 3, .starts = "exit ", .lacks = "(;="},
    {BASH, 3, .starts = "cat ", .lacks = "(=;"},
    {BASH, 3, .starts = "grep ", .lacks = "=;"},
    {BASH, 3, .starts = "awk "},
    {BASH, 3, .starts = "sed "},
    {BASH, 3, .starts = "sort", .lacks = "(=.;"},
    {BASH, 3, .contains = "$("},
    {BASH, 3, .contains = "$(("},
    {BASH, 3, .contains = "\"$"},
    {BASH, 4, .contains = "$1"},
    {BASH, 4, .contains = "$@"},
    {BASH, 4, .contains = "$#"},
    {BASH, 4, .contains = "2>/dev/null"},
    {BASH, 4, .contains = ">&2"},
    {BASH, 4, .contains = " | sort"},
    {BASH, 4, .contains = " | grep "},
    {BASH, 4, .contains = " | awk "},
    {BASH, 4, .contains = " | sed "},
    {BASH, 4, .contains = " | tr "},
    {BASH, 4, .contains = " | wc "},
    {BASH, 5, .starts = "function ", .word_then = " {"},
    {BASH, 1, .starts = "function ", .word_then = "() {"},
    {BASH, 5, .word_then = "() {", .at_margin = true},
    {BASH, 5, .word_then = "()", .at_margin = true, .ends = "()"},
    {BASH, 3, .word_then = "=$", .at_margin = true},
    {BASH, 3, .word_then = "=\"$", .at_margin = true},
};

/* A line that starts with one of these and goes on as a declaration or a function is C. */
static const char *const c_types[] = {"int ",      "void ",    "double ",     "float ",     "char ",
                                      "long ",     "short ",   "bool ",       "size_t ",    "unsigned ",
                                      "struct ",   "static ",  "const char ", "const int ", "uint32_t ",
                                      "uint64_t ", "int64_t ", "enum ",       "extern ",    "inline "};

static bool starts_with(const char *line, const char *text)
{
    return strncmp(line, text, strlen(text)) == 0;
}

static bool ends_with(const char *line, const char *text)
{
    size_t size = strlen(line), wanted = strlen(text);
    return size >= wanted && strcmp(line + size - wanted, text) == 0;
}

static bool has_word_then(const char *at, const char *then)
{
    size_t size = 0;
    while (isalnum((unsigned char)at[size]) || at[size] == '_' || at[size] == '-')
        size++;
    return size > 0 && starts_with(at + size, then);
}

static bool has(const struct feature *feature, const char *line, bool indented)
{
    const char *starts = feature->starts != NULL ? feature->starts : "";
    return !(feature->at_margin && indented) && starts_with(line, starts) &&
           (feature->word_then == NULL || has_word_then(line + strlen(starts), feature->word_then)) &&
           (feature->contains == NULL || strstr(line, feature->contains) != NULL) &&
           (feature->ends == NULL || ends_with(line, feature->ends)) &&
           (feature->lacks == NULL || strpbrk(line, feature->lacks) == NULL);
}

static bool is_c_declaration(const char *line)
{
    for (size_t i = 0; i < ARRAY_SIZE(c_types); i++)
        if (starts_with(line, c_types[i]))
            return strchr(line, '(') != NULL || ends_with(line, ";") || ends_with(line, "{");
    return false;
}

static void score_line(const char *line, bool indented, int *points)
{
    for (size_t i = 0; i < ARRAY_SIZE(features); i++)
        if (has(&features[i], line, indented))
            points[features[i].language] += features[i].points;
    if (is_c_declaration(line))
        points[LANGUAGE_C] += 4;
}

/* --- what is no code ------------------------------------------------------------------------------------ */

enum inside { INSIDE_CODE, INSIDE_COMMENT, INSIDE_DOC, INSIDE_TEMPLATE, INSIDE_HERE };

struct reader_state {
    enum inside inside;
    const char *doc; /* the quotes that end it */
    char here[64];   /* the word that ends it */
};

static size_t count_of(const char *line, const char *text)
{
    size_t count = 0;
    for (const char *at = line; (at = strstr(at, text)) != NULL; at += strlen(text))
        count++;
    return count;
}

/* "cmd <<EOF", "cmd <<-'END'" at the end of a line. */
static bool opens_here_document(const char *line, char *word, size_t size)
{
    const char *at = strstr(line, "<<");
    if (at == NULL)
        return false;
    at += 2;
    at += *at == '-';
    bool quoted = *at == '\'' || *at == '"';
    at += quoted;
    size_t length = 0;
    while (isupper((unsigned char)at[length]) || at[length] == '_')
        length++;
    if (length == 0 || length >= size || at[length + quoted] != '\0')
        return false;
    memcpy(word, at, length);
    word[length] = '\0';
    return true;
}

/* Is this line code? `state` becomes that of the next line. */
static bool is_code(struct reader_state *state, const char *line)
{
    static const char *const docs[] = {"\"\"\"", "'''"};
    switch (state->inside) {
    case INSIDE_COMMENT:
        if (strstr(line, "*/") != NULL)
            state->inside = INSIDE_CODE;
        return false;
    case INSIDE_DOC:
        if (strstr(line, state->doc) != NULL)
            state->inside = INSIDE_CODE;
        return false;
    case INSIDE_TEMPLATE:
        if (count_of(line, "`") % 2 == 1)
            state->inside = INSIDE_CODE;
        return false;
    case INSIDE_HERE:
        if (strcmp(line, state->here) == 0)
            state->inside = INSIDE_CODE;
        return false;
    case INSIDE_CODE:
        break;
    }
    if (starts_with(line, "/*")) {
        if (strstr(line, "*/") == NULL)
            state->inside = INSIDE_COMMENT;
        return false;
    }
    if (starts_with(line, "//") || (line[0] == '#' && (line[1] == ' ' || line[1] == '!' || line[1] == '\0')))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(docs); i++) {
        if (count_of(line, docs[i]) % 2 == 1) {
            state->inside = INSIDE_DOC;
            state->doc = docs[i];
            return !starts_with(line, docs[i]);
        }
        if (starts_with(line, docs[i]))
            return false;
    }
    if (count_of(line, "`") % 2 == 1)
        state->inside = INSIDE_TEMPLATE;
    else if (opens_here_document(line, state->here, sizeof state->here))
        state->inside = INSIDE_HERE;
    return true;
}

/* The letters of texts are not code; their other characters (a shell's "$") are. */
static void blank_texts(char *line)
{
    if (starts_with(line, "#include") || starts_with(line, "'use strict'") ||
        starts_with(line, "\"use strict\""))
        return;
    for (char *at = line; *at != '\0'; at++) {
        char quote = *at;
        if (quote != '"' && quote != '\'')
            continue;
        char *end = at + 1;
        while (*end != '\0' && *end != quote)
            end += *end == '\\' && end[1] != '\0' ? 2 : 1;
        if (*end == '\0')
            return;
        for (at++; at < end; at++)
            if (isalpha((unsigned char)*at))
                *at = ' ';
    }
}

void detect_score_text(const struct blob *text, int *points)
{
    struct reader_state state = {.inside = INSIDE_CODE};
    const char *at = text->data, *end = text->data != NULL ? text->data + text->size : NULL;
    for (int lines = 0; at != NULL && at < end && lines < LINES_MAX; lines++) {
        char line[LINE_MAX_BYTES];
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        const char *next = stop != NULL ? stop + 1 : end;
        const char *last = stop != NULL ? stop : end;
        bool indented = at < last && (*at == ' ' || *at == '\t');
        while (at < last && isspace((unsigned char)*at))
            at++;
        while (last > at && isspace((unsigned char)last[-1]))
            last--;
        size_t size = (size_t)(last - at) < sizeof line ? (size_t)(last - at) : sizeof line - 1;
        memcpy(line, at, size);
        line[size] = '\0';
        at = next;
        if (!is_code(&state, line))
            continue;
        blank_texts(line);
        score_line(line, indented, points);
    }
}
