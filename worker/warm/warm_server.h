/*
 * assay-warm.so: what a warm server (worker/sandbox/warm.h) calls, by ctypes in Python's case, so that it
 * fits every version of the language. It knows no language but for the three functions that Python wants
 * called around a fork; they are looked for in the process and may be absent.
 */
#ifndef ASSAY_WORKER_WARM_WARM_SERVER_H
#define ASSAY_WORKER_WARM_WARM_SERVER_H

#include <stdint.h>

/* Call once, when everything is loaded. `loaded`: text for the operator. `preload_bytes`: address space of
 * what the operator had loaded beyond what each task of the runtime loads anyway: RLIMIT_AS of a task is
 * raised by it. Returns 0, -1 when the process is no warm server. */
__attribute__((visibility("default"))) int assay_warm_ready(const char *loaded, int64_t preload_bytes);

/* Serves until it is told to end: returns -1 then, and the process should exit. Returns 0 in the process of a
 * step: inside the task's sandbox, with descriptors 0 to 4 of the step and no other. */
__attribute__((visibility("default"))) int assay_warm_serve(void);

#endif
