/*
 * assay-warm.so: what a warm server (worker/sandbox/warm.h) calls, by ctypes in Python's case, so that it
 * fits every version of the language. It knows no language but for the three functions that Python wants
 * called around a fork, and what python_interface.h names; they are looked for in the process and may be
 * absent.
 */
#ifndef ASSAY_WORKER_WARM_WARM_SERVER_H
#define ASSAY_WORKER_WARM_WARM_SERVER_H

#include <stdint.h>

/* Call once, when everything is loaded. `loaded`: text for the operator. `preload_bytes`: address space of
 * what the operator had loaded beyond what each task of the runtime loads anyway: RLIMIT_AS of a task is
 * raised by it. Returns 0, -1 when the process is no warm server. */
__attribute__((visibility("default"))) int assay_warm_ready(const char *loaded, int64_t preload_bytes);

/* In the process of a step: what an earlier fork made of this step's suite and handed back, byte for byte,
 * the whole process long. Returns its size, 0 when nothing is kept; then assay_warm_keep may be called. */
__attribute__((visibility("default"))) int64_t assay_warm_kept(const void **data);
/* In the process of a step, before it loads anything of the program, whatever comes of the suite: hands back
 * what later forks with the same suite shall find, and gives up the right to hand anything back. size 0:
 * nothing. What is larger than SUITE_BYTES_MAX is not kept. Harmless when it is called again. */
__attribute__((visibility("default"))) void assay_warm_keep(const void *data, int64_t size);

/* Which of the `count` 8-byte words at these addresses differ from what is known of them: how many; their
 * indexes in `found`, what they are now in `now`, both as long as the others. For a harness that watches
 * versions of many things. */
__attribute__((visibility("default"))) uint32_t assay_warm_differ(const uint64_t *addresses,
                                                                  const uint64_t *known, uint32_t count,
                                                                  uint32_t *found, uint64_t *now);

/* For a harness in Python, with the interpreter's lock held: a new tuple of seven functions of one argument,
 * or None where the interpreter lacks what they need; NULL with an exception set. stack(until): a list, each
 * frame and behind it its code, from the caller outwards, up to the frame `until` and without it.
 * code_of(value): the code of a function; None of anything else. holds_text(dict): whether all of its keys
 * are plain texts; False of what is no plain dict. differ(tuple): assay_warm_differ.
 * same(tuple): whether none differs of any of these tuples. here(None): the frame of the caller. No audit
 * hook is told of these, and nothing of the program's runs. install_audit_hook(tuple): audit_filter.h. */
__attribute__((visibility("default"))) void *assay_warm_python_functions(void);

/* Serves until it is told to end: returns -1 then, and the process should exit. Returns 0 in the process of a
 * step: inside the task's sandbox, with descriptors 0 to 4 of the step and no other. */
__attribute__((visibility("default"))) int assay_warm_serve(void);

#endif
