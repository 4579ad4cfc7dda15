/* Functions for the Python harness (assay_warm_python_functions): what Python code can ask as well, but only
 * so that the interpreter's audit hooks are told of each answer, or that the reference counts of all that is
 * looked through change, which in a fork copies the pages where they lie. */
#include <stddef.h>

#include "common/mem.h"
#include "worker/warm/audit_filter.h"
#include "worker/warm/python_interface.h"
#include "worker/warm/warm_server.h"

static object *stack(object *self, object *until)
{
    object *found = PyList_New(0), *frame = PyEval_GetFrame();
    bool good = found != NULL;

    (void)self;
    Py_IncRef(frame);
    while (good && frame != NULL && frame != until) {
        object *code = PyFrame_GetCode(frame), *back = PyFrame_GetBack(frame);
        good = PyList_Append(found, frame) == 0 && PyList_Append(found, code) == 0;
        Py_DecRef(code);
        Py_DecRef(frame);
        frame = back;
    }
    Py_DecRef(frame);
    if (good)
        return found;
    Py_DecRef(found);
    return NULL;
}

static object *here(object *self, object *nothing)
{
    object *frame = PyEval_GetFrame();

    (void)self;
    (void)nothing;
    if (frame == NULL)
        frame = &_Py_NoneStruct;
    Py_IncRef(frame);
    return frame;
}

static object *code_of(object *self, object *function)
{
    object *code = is_a(function, &PyFunction_Type) ? PyFunction_GetCode(function) : &_Py_NoneStruct;

    (void)self;
    Py_IncRef(code);
    return code;
}

static object *holds_text(object *self, object *namespace)
{
    bool good = is_a(namespace, &PyDict_Type);
    python_size at = 0;
    object *key;

    (void)self;
    while (good && PyDict_Next(namespace, &at, &key, NULL))
        good = is_a(key, &PyUnicode_Type);
    return PyBool_FromLong(good);
}

/* The arguments of assay_warm_differ as one tuple. */
static object *differ(object *self, object *arguments)
{
    uint64_t values[5];

    (void)self;
    for (size_t i = 0; i < ARRAY_SIZE(values); i++)
        values[i] = PyLong_AsUnsignedLongLong(PyTuple_GetItem(arguments, (python_size)i));
    if (PyErr_Occurred())
        return NULL;
    return PyLong_FromUnsignedLongLong(assay_warm_differ(
        (const uint64_t *)(uintptr_t)values[0], (const uint64_t *)(uintptr_t)values[1], (uint32_t)values[2],
        (uint32_t *)(uintptr_t)values[3], (uint64_t *)(uintptr_t)values[4]));
}

/* A tuple of such arguments: whether none of all these words differs. */
static object *same(object *self, object *watches)
{
    const python_size count = PyTuple_Size(watches);
    bool good = true;

    (void)self;
    for (python_size i = 0; good && i < count; i++) {
        object *arguments = PyTuple_GetItem(watches, i);
        uint64_t values[3];
        for (size_t n = 0; n < ARRAY_SIZE(values); n++)
            values[n] = PyLong_AsUnsignedLongLong(PyTuple_GetItem(arguments, (python_size)n));
        if (PyErr_Occurred())
            return NULL;
        const uint64_t *addresses = (const uint64_t *)(uintptr_t)values[0];
        const uint64_t *known = (const uint64_t *)(uintptr_t)values[1];
        for (uint64_t n = 0; good && n < values[2]; n++)
            good = *(const volatile uint64_t *)(uintptr_t)addresses[n] == known[n];
    }
    return count < 0 ? NULL : PyBool_FromLong(good);
}

void *assay_warm_python_functions(void)
{
    static struct method methods[] = {
        {"stack", stack, METHOD_OF_ONE_ARGUMENT, NULL},
        {"code_of", code_of, METHOD_OF_ONE_ARGUMENT, NULL},
        {"holds_text", holds_text, METHOD_OF_ONE_ARGUMENT, NULL},
        {"differ", differ, METHOD_OF_ONE_ARGUMENT, NULL},
        {"same", same, METHOD_OF_ONE_ARGUMENT, NULL},
        {"here", here, METHOD_OF_ONE_ARGUMENT, NULL},
        {"install_audit_hook", audit_filter_install, METHOD_OF_ONE_ARGUMENT, NULL},
    };
    const bool is_known = PyCFunction_NewEx != NULL && PyFrame_GetBack != NULL && PyFrame_GetCode != NULL;
    object *made = is_known ? PyTuple_New(ARRAY_SIZE(methods)) : &_Py_NoneStruct;

    if (!is_known)
        Py_IncRef(made);
    for (size_t i = 0; is_known && made != NULL && i < ARRAY_SIZE(methods); i++) {
        object *function = PyCFunction_NewEx(&methods[i], NULL, NULL);
        if (function == NULL || PyTuple_SetItem(made, (python_size)i, function) != 0) {
            Py_DecRef(made);
            made = NULL;
        }
    }
    return made;
}
