/* Of Python's interface only what is the same in each version, without its headers, so that one library fits
 * all. What a version lacks is NULL. */
#ifndef ASSAY_WORKER_WARM_PYTHON_INTERFACE_H
#define ASSAY_WORKER_WARM_PYTHON_INTERFACE_H

#include <stdbool.h>
#include <stdint.h>

#define WEAK __attribute__((weak))
struct object;
typedef struct object object;
typedef intptr_t python_size;

void Py_IncRef(object *) WEAK;
void Py_DecRef(object *) WEAK;
object *PyObject_Type(object *) WEAK;
object *PyObject_CallFunctionObjArgs(object *, ...) WEAK;
object *PyTuple_New(python_size) WEAK;
python_size PyTuple_Size(object *) WEAK;
object *PyTuple_GetItem(object *, python_size) WEAK;
int PyTuple_SetItem(object *, python_size, object *) WEAK;
object *PyList_New(python_size) WEAK;
int PyList_Append(object *, object *) WEAK;
int PyDict_Next(object *, python_size *, object **, object **) WEAK;
object *PyBool_FromLong(long) WEAK;
object *PyLong_FromUnsignedLongLong(unsigned long long) WEAK;
unsigned long long PyLong_AsUnsignedLongLong(object *) WEAK;
const char *PyUnicode_AsUTF8(object *) WEAK;
object *PyErr_Occurred(void) WEAK;
void PyErr_Clear(void) WEAK;
object *PyEval_GetFrame(void) WEAK;
object *PyFrame_GetBack(object *) WEAK;
object *PyFrame_GetCode(object *) WEAK;
object *PyFunction_GetCode(object *) WEAK;
extern object PyDict_Type WEAK, PyUnicode_Type WEAK, PyFunction_Type WEAK;
extern object _Py_NoneStruct WEAK;

struct thread_state;
struct interpreter_state;
struct thread_state *PyThreadState_Get(void) WEAK;
struct interpreter_state *PyInterpreterState_Get(void) WEAK;
void PyThreadState_EnterTracing(struct thread_state *) WEAK;
void PyThreadState_LeaveTracing(struct thread_state *) WEAK;
int PySys_AddAuditHook(int (*)(const char *event, object *arguments, void *), void *) WEAK;

/* PyMethodDef */
struct method {
    const char *name;
    object *(*call)(object *self, object *argument);
    int flags;
    const char *documentation;
};
enum { METHOD_OF_ONE_ARGUMENT = 0x0008 };
object *PyCFunction_NewEx(struct method *, object *self, object *module) WEAK;

static inline bool is_a(object *value, const object *type)
{
    object *found = PyObject_Type(value);

    Py_DecRef(found);
    return found == type;
}

#endif
