/*
 * Warm servers: a process of a slot that has loaded a language once, and of which a step's process is a fork.
 *
 *   slot init ── warm server ── waiter ── the program's process
 *            └── task init (pid 1 of the task's pid namespace)
 *
 * The slot init starts the server (servers.h) inside the slot's sandbox, without any capability, under a
 * filter that refuses it all that programs are refused but setns, with the descriptors below. For a step the
 * task's init hands it its namespaces and the step's descriptors (WIRE_FORK). The server vforks a waiter,
 * which shares its memory and so costs next to nothing; the waiter enters the namespaces and forks: a copy of
 * the server as a process of the task, which confines itself (confine_fork) before anything else runs in it.
 * The waiter waits for it and tells how it ended, over a channel of this step alone. The server executes
 * nothing of a task and reads nothing of one: files, control object and report are between the task's init,
 * the forked process and the worker.
 *
 * There are two kinds. A server of suites is a program of the harness that loads the library and calls it
 * (worker/warm/warm_server.h). A server of cases is the interpreter itself, with the library preloaded, which
 * holds it where it would open the program (worker/warm/case_server.c); its forks are passed the command of
 * their step for the words that the server has not. The worker asks for a server of suites when it opens the
 * sandbox, and for one of cases (sandbox_start_server) when the first task with cases comes; from then on
 * each is started anew before the next task of any kind. None starts while something of a task runs.
 *
 * What the harness makes of a suite's text (the tests that must report, the compiled suite) is the same for
 * every program that the suite is run against, so the server keeps it, as bytes that it never looks into,
 * under the key that the worker sent along (suite_store.h). A fork whose suite is not known yet gets the
 * writing end of a pipe and must write and close it before it loads anything of the program; what comes is
 * taken only when the fork has ended and nobody holds that end. A later fork with the same key finds the
 * bytes in its memory, and those of no other suite: the store itself is not inherited. The bytes name all
 * that they were made from, and the harness compares that with what it has before it uses them.
 *
 * Server, waiter and program die with each other and with the slot init; whichever dies first, the task's
 * init sees its channel end.
 *
 * In a container there are no namespaces to enter, and none that ends with a task. There the server stays uid
 * 0 with the capabilities to become the task's uid, and nothing else that its forks have not: it is under
 * their filter and, by a ruleset that theirs comes on top of, under Landlock. The waiter stays uid 0 too, so
 * that no program can signal it, and is the subreaper of the step: what a program orphans is killed by the
 * task's init, by uid, and waited for by the waiter (EXITED comes once more then). The fork becomes the
 * task's uid before it does anything else, and only as long as its waiter lives. (From then on the waiter's
 * death is no signal for it: the waiter may send none to that uid. It ends with its task.) A fork that is uid
 * 0 is in its server's process group; when a task has ended, each server that it used must say that it has no
 * step any more (SETTLE, IDLE), or is killed with its group, before the uid's last process is killed and the
 * task said to be over (servers_settle.c).
 */
#ifndef ASSAY_WORKER_SANDBOX_WARM_H
#define ASSAY_WORKER_SANDBOX_WARM_H

#include <stdint.h>

#define WARM_LIBRARY "assay-warm.so" /* beside the worker; what a server loads to serve (worker/warm) */

/* The descriptors with which a server starts; 0 is /dev/null, 1 and 2 are a pipe of which the slot init reads
 * why it died. 4 is taken, so that nothing of the server's lies where a step has its descriptors: by
 * /dev/null or, in a container, by a pipe's end that the worker sees closed when no fork is on its way. */
#define WARM_SOCKET_FD  3
#define WARM_TAKEN_FD   4
#define WARM_LIBRARY_FD 5 /* the library: WARM_LIBRARY_PATH */
#define WARM_FIRST_FREE 6

#define WARM_LIBRARY_PATH "/proc/self/fd/5"

#endif
