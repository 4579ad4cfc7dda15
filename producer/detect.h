/*
 * The language of a program, by its features: what `runtime` "auto" is resolved by. Pure.
 *
 * Told apart are python, node (JavaScript), c, cpp and bash. File names and a #! line outweigh all; the
 * lines of program and suite are scored by features that hardly occur in another language, outside comments
 * and texts as far as a line shows them. C that is also C++ counts as C. A language is told only when it is
 * clearly ahead: a wrong guess would end as a verdict about the program.
 */
#ifndef ASSAY_PRODUCER_DETECT_H
#define ASSAY_PRODUCER_DETECT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/message/task.h"
#include "common/runtimes.h"

enum language {
    LANGUAGE_PYTHON,
    LANGUAGE_NODE,
    LANGUAGE_C,
    LANGUAGE_CPP,
    LANGUAGE_BASH,
    LANGUAGE_COUNT,
};

/* The runtime's usual name: "python", ... */
const char *detect_name(enum language language);
/* False with ERR_INPUT naming the languages that come into question, and the remedy, when it cannot be told.
 */
bool detect_language(const struct task_texts *texts, enum language *language, struct err *err);
/* The same as a stanza of runtimes.cfg (a task_resolve_fn); NULL also when there is none of that name. */
const struct runtime *detect_runtime(const struct task_texts *texts, const struct runtimes *runtimes,
                                     struct err *err);

#endif
