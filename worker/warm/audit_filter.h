/* The harness' audit hook is a function in Python; most of what the interpreter tells is nothing that it
 * looks at. */
#ifndef ASSAY_WORKER_WARM_AUDIT_FILTER_H
#define ASSAY_WORKER_WARM_AUDIT_FILTER_H

#include "worker/warm/python_interface.h"

/* Once a process, and for good: (hook, (event, ...), event, (word, ...)). hook(event, arguments) is called as
 * one of sys.addaudithook is, but for the first events alone, and for the single one only if its second
 * argument is one of the words, or no plain text. A new True; False where the interpreter lacks what this
 * needs, or there is a hook already: then nothing has been done. NULL with an exception set. */
object *audit_filter_install(object *self, object *arguments);

#endif
