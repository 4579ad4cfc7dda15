#include "worker/warm/audit_filter.h"

#include <stddef.h>
#include <string.h>

#define TEXTS_MAX 32

/* Of a tuple of texts, which the filter keeps. */
struct texts {
    size_t count;
    object *texts[TEXTS_MAX];
    const char *bytes[TEXTS_MAX];
};

static struct {
    object *hook; /* NULL: none yet */
    struct interpreter_state *interpreter;
    struct texts events, words;
    const char *with_words; /* the event of which the words are asked */
} seen;

static bool read_texts(object *from, struct texts *texts)
{
    const python_size count = PyTuple_Size(from);

    texts->count = 0;
    if (count < 0 || count > TEXTS_MAX)
        return false;
    for (python_size i = 0; i < count; i++) {
        texts->texts[i] = PyTuple_GetItem(from, i);
        texts->bytes[i] = PyUnicode_AsUTF8(texts->texts[i]);
        if (texts->bytes[i] == NULL)
            return false;
        texts->count++;
    }
    return true;
}

static object *find_text(const struct texts *texts, const char *bytes)
{
    for (size_t i = 0; i < texts->count; i++)
        if (strcmp(texts->bytes[i], bytes) == 0)
            return texts->texts[i];
    return NULL;
}

static bool has_a_word(object *arguments)
{
    object *word = PyTuple_Size(arguments) > 1 ? PyTuple_GetItem(arguments, 1) : NULL;

    if (word == NULL || !is_a(word, &PyUnicode_Type))
        return true;
    const char *bytes = PyUnicode_AsUTF8(word);
    if (bytes == NULL) { /* with lone surrogates: none of the words */
        PyErr_Clear();
        return false;
    }
    return find_text(&seen.words, bytes) != NULL;
}

/* As the interpreter calls hooks that are functions in Python: untraced, and what one interpreter tells. */
static int tell(const char *event, object *arguments, void *data)
{
    object *text = find_text(&seen.events, event);

    (void)data;
    if (text == NULL || (strcmp(event, seen.with_words) == 0 && !has_a_word(arguments)) ||
        PyInterpreterState_Get() != seen.interpreter)
        return 0;
    struct thread_state *thread = PyThreadState_Get();
    PyThreadState_EnterTracing(thread);
    object *result = PyObject_CallFunctionObjArgs(seen.hook, text, arguments, (object *)NULL);
    PyThreadState_LeaveTracing(thread);
    if (result == NULL)
        return -1;
    Py_DecRef(result);
    return 0;
}

object *audit_filter_install(object *self, object *arguments)
{
    (void)self;
    if (seen.hook != NULL || PySys_AddAuditHook == NULL || PyThreadState_EnterTracing == NULL ||
        PyThreadState_LeaveTracing == NULL || PyInterpreterState_Get == NULL)
        return PyBool_FromLong(false);
    if (!read_texts(PyTuple_GetItem(arguments, 1), &seen.events) ||
        !read_texts(PyTuple_GetItem(arguments, 3), &seen.words) ||
        (seen.with_words = PyUnicode_AsUTF8(PyTuple_GetItem(arguments, 2))) == NULL)
        return PyErr_Occurred() != NULL ? NULL : PyBool_FromLong(false);
    seen.interpreter = PyInterpreterState_Get();
    seen.hook = PyTuple_GetItem(arguments, 0);
    Py_IncRef(arguments); /* and all that it holds */
    return PySys_AddAuditHook(tell, NULL) == 0 ? PyBool_FromLong(true) : NULL;
}
