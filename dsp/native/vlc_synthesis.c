/* The object VlcSynthesis: sound from the parameters of speech, any number of frames a call (see vlc_render.h). */
#include "native.h"
#include "vlc_render.h"

#include <string.h>

enum {
    MOST_PASSES = 16,
};

typedef struct {
    PyObject_HEAD
    Render render;
    int busy;
} Synthesis;

static int refuse_busy(const Synthesis *self)
{
    if (!self->busy)
        return 0;
    PyErr_SetString(PyExc_RuntimeError, "this VlcSynthesis is at work in another thread");
    return -1;
}

/* Returns 0, or -1 with an exception set. */
static int prepare(Render *r, const Py_buffer views[4])
{
    const size_t size = r->window_size, bins = size / 2 + 1;
    const size_t bands = (size_t)views[1].len / sizeof(float) / bins, kinds = (size_t)views[3].len / sizeof(float) / bins;
    if ((r->rate != 8000.0 && r->rate != 16000.0) || size < 64 || size > 1024 || (size & (size - 1)) != 0 ||
        (size != 2 * r->hop && size != RENDER_MOST_OVERLAP * r->hop)) {
        PyErr_SetString(PyExc_ValueError, "a synthesis wants 8000 or 16000 Hz, a window of 64 to 1024, a power of two, "
                                          "and a hop of a half or a quarter of it");
        return -1;
    }
    if (bands < 2 || bands > RENDER_MOST_BANDS || kinds < 2 || kinds > RENDER_MOST_BANDS ||
        (size_t)views[1].len != bands * bins * sizeof(float) || views[2].len != views[1].len ||
        (size_t)views[3].len != kinds * bins * sizeof(float)) {
        PyErr_Format(PyExc_ValueError, "matrices must have %zu bins and 2 to %d bands", bins, RENDER_MOST_BANDS);
        return -1;
    }
    switch (render_init(r, views[0].buf, views[1].buf, bands, views[2].buf, views[3].buf, kinds)) {
    case 0:
        return 0;
    case -2:
        PyErr_SetString(PyExc_ValueError, "a bin's gain must come from two neighbouring bands at most");
        return -1;
    default:
        PyErr_NoMemory();
        return -1;
    }
}

static PyObject *synthesis_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"sample_rate_hz", "window", "bands", "gains", "voices", "hop_samples", "passes",
                            "floor_db", "seed", "simd", NULL};
    static const char *const matrices[] = {"window", "bands", "gains", "voices"};
    PyObject *objects[4];
    Py_ssize_t rate, hop, passes;
    double floor_db;
    unsigned long long seed;
    int simd = 1;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "nOOOOnndK|p:VlcSynthesis", names, &rate, &objects[0], &objects[1],
                                     &objects[2], &objects[3], &hop, &passes, &floor_db, &seed, &simd))
        return NULL;
    if (hop < 2 || passes < 0 || passes > MOST_PASSES) {
        PyErr_Format(PyExc_ValueError, "a hop must be 2 or more, passes 0 to %d", MOST_PASSES);
        return NULL;
    }
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Synthesis *self = (Synthesis *)allocate(type, 0);
    if (self == NULL)
        return NULL;
    Py_buffer views[4];
    int held = 0, failed = -1;
    for (; held < 4; held++)
        if (get_items(objects[held], &views[held], 'f', 0, matrices[held]) < 0)
            goto done;
    self->render.rate = (double)rate;
    self->render.hop = (size_t)hop;
    self->render.passes = (size_t)passes;
    self->render.floor_db = (float)floor_db;
    self->render.seed = seed;
    self->render.vector = simd;
    self->render.window_size = (size_t)views[0].len / sizeof(float);
    failed = prepare(&self->render, views);
done:
    while (held > 0)
        PyBuffer_Release(&views[--held]);
    if (failed) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static void synthesis_dealloc(Synthesis *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    render_free(&self->render);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyObject *synthesis_render(Synthesis *self, PyObject *args)
{
    static const char *const buffers[] = {"levels", "voicing", "f0", "out"};
    PyObject *objects[4], *result = NULL;
    float offset_hz = 0.0f;
    if (!PyArg_ParseTuple(args, "OOOO|f:render", &objects[0], &objects[1], &objects[2], &objects[3], &offset_hz))
        return NULL;
    Render *r = &self->render;
    if (!(offset_hz >= -0.25 * r->rate && offset_hz <= 0.25 * r->rate)) {
        PyErr_SetString(PyExc_ValueError, "offset_hz must be a quarter of the sample rate at most");
        return NULL;
    }
    Py_buffer views[4];
    int held = 0;
    for (; held < 4; held++)
        if (get_items(objects[held], &views[held], 'f', held == 3, buffers[held]) < 0)
            goto done;
    const size_t frames = (size_t)views[2].len / sizeof(float);
    if (frames < 1 || frames > render_most_frames(r)) {
        PyErr_Format(PyExc_ValueError, "frames must be 1 to %zu, got %zu", render_most_frames(r), frames);
        goto done;
    }
    const size_t sizes[4] = {frames * r->bands.rows, frames * r->voices.columns, frames, frames * r->hop};
    for (int i = 0; i < 4; i++)
        if ((size_t)views[i].len != sizes[i] * sizeof(float)) {
            PyErr_Format(PyExc_ValueError, "%s must be %zu items, got %zd", buffers[i], sizes[i],
                         views[i].len / (Py_ssize_t)sizeof(float));
            goto done;
        }
    if (refuse_busy(self) < 0)
        goto done;
    const RenderFrames asked = {
        .frames = frames,
        .levels_db = views[0].buf,
        .voicing = views[1].buf,
        .f0_hz = views[2].buf,
        .offset_hz = offset_hz,
    };
    self->busy = 1;
    Py_BEGIN_ALLOW_THREADS
    const unsigned long long state = flush_subnormals();
    render_run(r, &asked, views[3].buf);
    restore_subnormals(state);
    Py_END_ALLOW_THREADS
    self->busy = 0;
    result = Py_NewRef(Py_None);
done:
    while (held > 0)
        PyBuffer_Release(&views[--held]);
    return result;
}

static PyObject *synthesis_reset(Synthesis *self, PyObject *unused)
{
    (void)unused;
    if (refuse_busy(self) < 0)
        return NULL;
    render_reset(&self->render);
    Py_RETURN_NONE;
}

static PyObject *synthesis_snapshot(Synthesis *self, PyObject *unused)
{
    (void)unused;
    if (refuse_busy(self) < 0)
        return NULL;
    PyObject *state = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)render_state_bytes(&self->render));
    if (state != NULL)
        render_save(&self->render, (unsigned char *)PyBytes_AsString(state));
    return state;
}

static PyObject *synthesis_restore(Synthesis *self, PyObject *state)
{
    char *bytes;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(state, &bytes, &size) < 0 || refuse_busy(self) < 0)
        return NULL;
    if ((size_t)size != render_state_bytes(&self->render)) {
        PyErr_SetString(PyExc_ValueError, "this state is not that of such a VlcSynthesis");
        return NULL;
    }
    render_load(&self->render, (const unsigned char *)bytes);
    Py_RETURN_NONE;
}

static PyObject *synthesis_most_frames(Synthesis *self, void *unused)
{
    (void)unused;
    return PyLong_FromSize_t(render_most_frames(&self->render));
}

static PyMethodDef methods[] = {
    {"render", (PyCFunction)synthesis_render, METH_VARARGS, "Write the sound of the next frames."},
    {"snapshot", (PyCFunction)synthesis_snapshot, METH_NOARGS, "Return the state, as bytes."},
    {"restore", (PyCFunction)synthesis_restore, METH_O, "Go back to a state."},
    {"reset", (PyCFunction)synthesis_reset, METH_NOARGS, "Forget the past."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef attributes[] = {
    {"most_frames", (getter)synthesis_most_frames, NULL, "Frames that one call takes at most.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Sound from band energies, voicing and f0, a packet at a time."},
    {Py_tp_new, (void *)synthesis_new},
    {Py_tp_dealloc, (void *)synthesis_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "dsp._native.VlcSynthesis",
    .basicsize = sizeof(Synthesis),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};

int add_vlc_synthesis(PyObject *module)
{
    return add_type(module, &spec);
}
