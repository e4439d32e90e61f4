/* dsp._native: the C kernels, one file per kernel, and what they share (see native.h). */
#include "native.h"

#include <stdint.h>

#if defined(__x86_64__) || defined(_M_X64)
#include <xmmintrin.h>
#endif

/* One registration function per kernel file. */
static int (*const kernels[])(PyObject *module) = {
    add_band_powers,
    add_banded,
    add_biquad,
    add_cepstrum,
    add_convolve,
    add_dtw,
    add_envelope,
    add_formants,
    add_g722,
    add_gammatone,
    add_gate,
    add_lookahead,
    add_meter,
    add_nsim,
    add_resample,
    add_true_peak,
    add_vlc_packet,
    add_oscillator,
    add_pitch_frames,
    add_pitch_path,
    add_pulse_amplitudes,
    add_pulses,
    add_time_pitch,
    add_vlc_analysis,
    add_vlc_synthesis,
};

int add_type(PyObject *module, PyType_Spec *spec)
{
    PyObject *type = PyType_FromModuleAndSpec(module, spec, NULL);
    if (type == NULL)
        return -1;
    int failed = PyModule_AddType(module, (PyTypeObject *)type);
    Py_DECREF(type);
    return failed;
}

int get_items(PyObject *object, Py_buffer *view, char format, int writable, const char *name)
{
    const char *kind = format == 'f' ? "float32" : "float64";
    const Py_ssize_t size = format == 'f' ? 4 : 8;
    if (!PyObject_CheckBuffer(object)) {
        PyErr_Format(PyExc_TypeError, "%s must be a buffer of %s, got %R", name, kind, Py_TYPE(object));
        return -1;
    }
    if (PyObject_GetBuffer(object, view, PyBUF_FULL_RO) < 0)
        return -1;
    const char *code = view->format == NULL ? "B" : view->format;
    if (code[0] == '@' || code[0] == '=')
        code++;
    if (code[0] != format || code[1] != '\0' || view->itemsize != size)
        PyErr_Format(PyExc_TypeError, "%s must hold native %s, got format '%s'", name, kind, code);
    else if (!PyBuffer_IsContiguous(view, 'C'))
        PyErr_Format(PyExc_ValueError, "%s must be C-contiguous", name);
    else if (writable && view->readonly)
        PyErr_Format(PyExc_ValueError, "%s must be writable", name);
    else if ((uintptr_t)view->buf % (uintptr_t)size != 0)
        PyErr_Format(PyExc_ValueError, "%s must be aligned to %zd bytes", name, size);
    else
        return 0;
    PyBuffer_Release(view);
    return -1;
}

#if defined(__x86_64__) || defined(_M_X64)

unsigned long long flush_subnormals(void)
{
    unsigned int state = _mm_getcsr();
    _mm_setcsr(state | 0x8040u); /* flush to zero, denormals are zero */
    return state;
}

void restore_subnormals(unsigned long long state)
{
    /* Exception flags raised meanwhile are dropped: numpy would report them as its own. */
    _mm_setcsr((unsigned int)state);
}

#elif defined(__aarch64__) && (defined(__GNUC__) || defined(__clang__))

unsigned long long flush_subnormals(void)
{
    unsigned long long state;
    __asm__ volatile("mrs %0, fpcr" : "=r"(state));
    __asm__ volatile("msr fpcr, %0" : : "r"(state | (1ull << 24)));
    return state;
}

void restore_subnormals(unsigned long long state)
{
    __asm__ volatile("msr fpcr, %0" : : "r"(state));
}

#else

unsigned long long flush_subnormals(void)
{
    return 0;
}

void restore_subnormals(unsigned long long state)
{
    (void)state;
}

#endif

static int execute(PyObject *module)
{
    for (size_t i = 0; i < sizeof kernels / sizeof kernels[0]; i++)
        if (kernels[i](module) < 0)
            return -1;
    return 0;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)execute},
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "dsp._native",
    .m_doc = "C kernels of the hot loops; float32 samples, the GIL released while they run.",
    .m_size = 0,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModuleDef_Init(&definition);
}
