/*
 * The warm server of a runtime's cases: the interpreter, started by the runtime's own run_case with this
 * library preloaded, and held at the moment when it opens the program. Up to there it does the same for every
 * program and has read nothing of one; in the fork it goes on by itself, so that all which a program can see
 * of its interpreter (modules, flags, streams, the bottom of the stack, how it ends) is what a cold start
 * makes.
 *
 * begin() runs before the interpreter's main and takes the preloading out of the environment. realpath()
 * answers for a program that is not there yet; fopen() of a file in the workspace is the moment. hold()
 * serves there and returns in the forks alone, which have three things of their own to settle first: the
 * words of the task behind the command, standard input where it is a pipe (the server's is /dev/null, and
 * Python looks at that once), and a program that an interpreter treats otherwise than as a plain file, which
 * starts cold.
 *
 * It knows Python 3.9 and later, by its public interface. Whatever does not open its program by fopen, or is
 * no Python, never gets ready; its cases start cold.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"
#include "worker/sandbox/sandbox.h"
#include "worker/sandbox/warm.h"
#include "worker/warm/warm_internal.h"
#include "worker/warm/warm_server.h"

/* Of Python's interface, where the process is one. */
#define OF_PYTHON     __attribute__((weak))
#define PY_FILE_INPUT 257 /* Py_file_input */
typedef void *py_object;
int PyGILState_Ensure(void) OF_PYTHON;
void PyGILState_Release(int state) OF_PYTHON;
py_object Py_CompileString(const char *text, const char *name, int start) OF_PYTHON;
py_object PyEval_EvalCode(py_object code, py_object globals, py_object locals) OF_PYTHON;
py_object PyEval_GetBuiltins(void) OF_PYTHON;
py_object PyDict_New(void) OF_PYTHON;
int PyDict_SetItemString(py_object dict, const char *key, py_object value) OF_PYTHON;
py_object PyList_New(ssize_t size) OF_PYTHON;
int PyList_Append(py_object list, py_object item) OF_PYTHON;
py_object PyBool_FromLong(long value) OF_PYTHON;
py_object PyUnicode_DecodeFSDefault(const char *text) OF_PYTHON;
void PyErr_Print(void) OF_PYTHON;
void Py_DecRef(py_object object) OF_PYTHON;

/* Of the C library's: what the interpreter calls instead. */
#define IN_PLACE_OF(name) __asm__(#name) __attribute__((visibility("default")))
typedef FILE *open_fn(const char *path, const char *mode);
open_fn open_file IN_PLACE_OF(fopen);
open_fn open_large_file IN_PLACE_OF(fopen64);
char *real_path(const char *path, char *resolved) IN_PLACE_OF(realpath);
char *real_path_checked(const char *path, char *resolved, size_t size) IN_PLACE_OF(__realpath_chk);

/* In the server, before it serves: what would make a fork another process than a cold start. */
static const char fitness[] =
    "import sys\n"
    "site = sys.modules.get('site')\n"
    "own = 0 if sys.flags.isolated or getattr(sys.flags, 'safe_path', False) else 1\n"
    "if sys.flags.ignore_environment or not seed:\n"
    "    raise SystemExit('cases would share one random hash seed (set PYTHONHASHSEED in the runtime\\'s "
    "environment)')\n"
    "if site is not None and site.ENABLE_USER_SITE:\n"
    "    raise SystemExit('the user\\'s site directory may lie in the workspace (start the interpreter with "
    "-s)')\n"
    "if [path for path in sys.path[own:] if not path.startswith('/') or (path + '/').startswith('/work/')]:\n"
    "    raise SystemExit('a folder of sys.path lies in the workspace')\n";

/* In a fork: as Python makes them from argv and descriptor 0 when it starts. */
static const char settlement[] = "import sys\n"
                                 "sys.argv += words\n"
                                 "if hasattr(sys, 'orig_argv'):\n"
                                 "    sys.orig_argv += words\n"
                                 "if reads:\n"
                                 "    import io\n"
                                 "    old = sys.stdin\n"
                                 "    buffer = io.open(0, 'rb', closefd=False)\n"
                                 "    buffer.raw.name = '<stdin>'\n"
                                 "    sys.stdin = sys.__stdin__ = io.TextIOWrapper(buffer, old.encoding, "
                                 "old.errors, '\\n', old.line_buffering,\n"
                                 "                                                 old.write_through)\n"
                                 "    sys.stdin.mode = 'r'\n";

/* One a process. */
static struct {
    bool waits; /* the interpreter has not come to its program yet */
    int argc;   /* words of the server's own command, which begins every case's */
    char **environment;
    py_object settle, names; /* compiled; its globals */
} cases;

static void *next(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);

    if (found == NULL)
        abort();
    return found;
}

static _Noreturn void give_up(const char *why)
{
    (void)fprintf(stderr, "%s\n", why);
    _exit(1);
}

static char **copy(char *const *list)
{
    size_t count = 0;

    while (list[count] != NULL)
        count++;
    char **made = calloc(count + 1, sizeof(*made));
    if (made != NULL)
        memcpy(made, list, count * sizeof(*made));
    return made;
}

__attribute__((constructor)) static void begin(int argc, char **argv, char **environment)
{
    const char *preloaded = getenv("LD_PRELOAD");

    (void)argv;
    (void)environment;
    if (preloaded == NULL || strcmp(preloaded, WARM_LIBRARY_PATH) != 0)
        return;
    (void)unsetenv("LD_PRELOAD");
    cases.argc = argc;
    cases.environment = copy(environ);
    cases.waits = cases.environment != NULL && chdir(SANDBOX_WORK_DIR) == 0;
}

/* --- in the server --- */

static bool is_python(void)
{
    return PyGILState_Ensure != NULL && PyGILState_Release != NULL && Py_CompileString != NULL &&
           PyEval_EvalCode != NULL && PyEval_GetBuiltins != NULL && PyDict_New != NULL &&
           PyDict_SetItemString != NULL && PyList_New != NULL && PyList_Append != NULL &&
           PyBool_FromLong != NULL && PyUnicode_DecodeFSDefault != NULL && PyErr_Print != NULL &&
           Py_DecRef != NULL;
}

/* Prints what was raised and ends: on standard error the worker finds why. */
static _Noreturn void fail(void)
{
    PyErr_Print();
    _exit(1);
}

/* Steals the value. */
static void set(py_object names, const char *name, py_object value)
{
    if (value == NULL || PyDict_SetItemString(names, name, value) != 0)
        fail();
    Py_DecRef(value);
}

static py_object new_names(void)
{
    py_object names = PyDict_New();

    if (names == NULL || PyDict_SetItemString(names, "__builtins__", PyEval_GetBuiltins()) != 0)
        fail();
    return names;
}

static py_object compile(const char *text)
{
    py_object code = Py_CompileString(text, "<case server>", PY_FILE_INPUT);

    if (code == NULL)
        fail();
    return code;
}

/* Gives both back. */
static void run(py_object code, py_object names)
{
    py_object done = PyEval_EvalCode(code, names, names);

    if (done == NULL)
        fail();
    Py_DecRef(done);
    Py_DecRef(names);
    Py_DecRef(code);
}

static void check_fitness(void)
{
    const char *seed = getenv("PYTHONHASHSEED");
    py_object names = new_names();

    set(names, "seed", PyBool_FromLong(seed != NULL && strcmp(seed, "random") != 0));
    run(compile(fitness), names);
}

/* --- in a fork --- */

/* A folder or an archive with a __main__.py is run as such. */
static bool is_plain_file(const char *path)
{
    static const char archive_end[] = {'P', 'K', 5, 6};
    enum { LOOK_AT = 65535 + 22 }; /* as far as a comment may stand behind it */
    struct stat status;

    if (lstat(path, &status) != 0)
        return true; /* the interpreter says why */
    autofd int file = S_ISREG(status.st_mode) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return false;
    size_t size = status.st_size < LOOK_AT ? (size_t)status.st_size : LOOK_AT;
    autofree char *tail = malloc(size + 1);
    ssize_t got = tail == NULL ? -1 : pread(file, tail, size, status.st_size - (off_t)size);
    return got >= 0 && memmem(tail, (size_t)got, archive_end, sizeof(archive_end)) == NULL;
}

static _Noreturn void start_cold(struct warm_command *command)
{
    char **argv = calloc((size_t)command->argv_items + 1, sizeof(*argv));

    for (uint32_t i = 0; argv != NULL && i < command->argv_items; i++)
        argv[i] = (char *)(uintptr_t)wire_view_string(&command->words);
    if (argv != NULL && argv[0] != NULL)
        (void)execve(argv[0], argv, cases.environment);
    give_up("the program could not be started");
}

static py_object words_behind(struct warm_command *command)
{
    py_object words = PyList_New(0);

    for (uint32_t i = 0; words != NULL && i < command->argv_items; i++) {
        const char *text = wire_view_string(&command->words);
        if (i < (uint32_t)cases.argc)
            continue;
        py_object word = text != NULL ? PyUnicode_DecodeFSDefault(text) : NULL;
        if (word == NULL || PyList_Append(words, word) != 0)
            fail();
        Py_DecRef(word);
    }
    return words;
}

static void settle(struct warm_command *command)
{
    struct stat input;

    set(cases.names, "words", words_behind(command));
    set(cases.names, "reads", PyBool_FromLong(fstat(STDIN_FILENO, &input) == 0 && !S_ISCHR(input.st_mode)));
    run(cases.settle, cases.names);
    wire_view_close(&command->words);
}

/* --- where they part --- */

/* Returns in forks alone. The interpreter may have let go of its lock to open the file. */
static void hold(const char *program)
{
    char loaded[PATH_MAX];

    cases.waits = false;
    if (!is_python())
        give_up("this is no Python that cases can be forks of");
    int lock = PyGILState_Ensure();
    check_fitness();
    cases.settle = compile(settlement);
    cases.names = new_names();
    (void)snprintf(loaded, sizeof(loaded), "started, up to opening %s", program);
    if (warm_ready(loaded, 0, false) != 0)
        _exit(1);
    if (assay_warm_serve() != 0)
        _exit(0);
    if (!is_plain_file(program))
        start_cold(warm_command());
    settle(warm_command());
    PyGILState_Release(lock);
}

static FILE *open_program(const char *name, const char *path, const char *mode)
{
    open_fn *really = (open_fn *)(uintptr_t)next(name);

    if (cases.waits && strncmp(path, SANDBOX_WORK_DIR "/", sizeof(SANDBOX_WORK_DIR)) == 0)
        hold(path);
    return really(path, mode);
}

FILE *open_file(const char *path, const char *mode)
{
    return open_program("fopen", path, mode);
}

FILE *open_large_file(const char *path, const char *mode)
{
    return open_program("fopen64", path, mode);
}

/* The folder of the program comes first in sys.path, by where the program is: in the workspace, and no link
 * (is_plain_file). */
static char *where_it_will_be(const char *path, char *resolved, size_t size)
{
    bool absolute = strncmp(path, SANDBOX_WORK_DIR "/", sizeof(SANDBOX_WORK_DIR)) == 0;

    if (!cases.waits || errno != ENOENT || resolved == NULL || (path[0] == '/' && !absolute))
        return NULL;
    int length = snprintf(resolved, size, "%s%s", absolute ? "" : SANDBOX_WORK_DIR "/", path);
    return length > 0 && (size_t)length < size ? resolved : NULL;
}

char *real_path(const char *path, char *resolved)
{
    char *(*really)(const char *, char *) = (char *(*)(const char *, char *))(uintptr_t)next("realpath");
    char *found = really(path, resolved);

    return found != NULL ? found : where_it_will_be(path, resolved, PATH_MAX);
}

char *real_path_checked(const char *path, char *resolved, size_t size)
{
    char *(*really)(const char *, char *, size_t) =
        (char *(*)(const char *, char *, size_t))(uintptr_t)next("__realpath_chk");
    char *found = really(path, resolved, size);

    return found != NULL ? found : where_it_will_be(path, resolved, size);
}
