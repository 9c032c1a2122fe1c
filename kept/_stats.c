/* Looks at many files: that is nearly all that a command does which has nothing to do. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030b0000
#include <Python.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#ifdef __APPLE__
#define st_mtim st_mtimespec
#define st_ctim st_ctimespec
#endif

typedef struct {
    int64_t mtime_ns, ctime_ns, size;
    uint64_t inode;
} State;

/* Without a sign, so that a year in which there are too many nanoseconds is a wrong number and nothing worse. */
static int64_t in_ns(struct timespec time) { return (int64_t)((uint64_t)time.tv_sec * 1000000000 + time.tv_nsec); }

/* Say whether something is at a path, and is as it was when it was seen last. */
static int same(const char *path, const char *seen)
{
    struct stat now;
    State was;
    if (stat(path, &now) != 0)
        return 0;
    memcpy(&was, seen, sizeof was); /* bytes of Python lie anywhere */
    return in_ns(now.st_mtim) == was.mtime_ns && in_ns(now.st_ctim) == was.ctime_ns
        && (int64_t)now.st_size == was.size && (uint64_t)now.st_ino == was.inode;
}

/* The bytes of Python end in one more NUL, so that the last path ends even where the caller forgot its own. */
static PyObject *unchanged(PyObject *module, PyObject *arguments)
{
    const char *path, *state;
    Py_ssize_t names, states;
    int all = 1;
    if (!PyArg_ParseTuple(arguments, "y#y#", &path, &names, &state, &states))
        return NULL;
    const char *end = path + names, *last = state + states;
    Py_BEGIN_ALLOW_THREADS
    while (all && path < end) {
        all = last - state >= (Py_ssize_t)sizeof(State) && same(path, state);
        path += strlen(path) + 1;
        state += sizeof(State);
    }
    Py_END_ALLOW_THREADS
    return PyBool_FromLong(all && state == last);
}

static PyMethodDef functions[] = {
    {"unchanged", unchanged, METH_VARARGS, "Say whether every path still is as it was seen: see kept.receipt."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "_stats", .m_methods = functions};

PyMODINIT_FUNC PyInit__stats(void) { return PyModuleDef_Init(&module); }
