/* VLC, one packet: parameters of a packet <-> bits (docs/vlc-format.md, "Speech packet"): the Python type.

   Decoding is integer from the first bit to the last parameter. The tables come from
   dsp/codecs/vlc/tables; the order in which they are handed over is that of `carve`. */
#include "native.h"

#include "vlc_packet.h"

#include <math.h>
#include <string.h>

typedef struct {
    PyObject_HEAD
    VlcTables tables;
} Coder;

/* Points into the tables in the order in which they were handed over. Returns the number of items. */
static size_t carve(VlcTables *c)
{
    const size_t D = (size_t)c->width, T = (size_t)c->frames, rows = (size_t)c->classes * (size_t)c->contexts;
    const struct {
        const int32_t **table;
        size_t items;
    } parts[] = {
        {&c->mean, D},
        {&c->group, T},
        {&c->basis, (size_t)c->groups * D * D},
        {&c->cosine, T * T},
        {&c->cosine_wide, T * (T / 2)},
        {&c->class_of, T * D},
        {&c->edges, (size_t)c->contexts - 1},
        {&c->cdf, rows * ((size_t)c->magnitudes + 1)},
        {&c->centroid, (size_t)c->classes * CENTROIDS},
        {&c->steps, STEPS},
        {&c->flag_cdf, 3 * F0_FLAG_CONTEXTS},
        {&c->f0_cdf, F0_LEVELS + 1},
        {&c->move_cdf, F0_MOVE_CONTEXTS * (F0_MOVES + 1)},
        {&c->voicing_unit, 1},
    };
    size_t at = 0;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        *parts[i].table = c->integers + at;
        at += parts[i].items;
    }
    return at;
}

static size_t carve_floats(VlcTables *c)
{
    const size_t D = (size_t)c->width, T = (size_t)c->frames;
    c->offset = c->floats;
    c->forward = c->offset + D;
    c->transform = c->forward + (size_t)c->groups * D * D;
    c->transform_wide = c->transform + T * T;
    return D + (size_t)c->groups * D * D + T * T + (T / 2) * (T / 2);
}

static int rising(const int32_t *cdf, int symbols)
{
    if (cdf[0] != 0 || cdf[symbols] != RANGE_TOTAL)
        return 0;
    for (int i = 0; i < symbols; i++)
        if (cdf[i] >= cdf[i + 1])
            return 0;
    return 1;
}

/* Every index a decoder will use lies within its table. */
static int sound(const VlcTables *c)
{
    int good = c->voicing_unit[0] > 0 && rising(c->f0_cdf, F0_LEVELS);
    for (int k = 0; k < c->frames; k++)
        good = good && c->group[k] >= 0 && c->group[k] < c->groups;
    for (int i = 0; i < c->classes * c->contexts; i++)
        good = good && rising(c->cdf + i * (c->magnitudes + 1), c->magnitudes);
    for (int i = 0; i < F0_FLAG_CONTEXTS; i++)
        good = good && rising(c->flag_cdf + 3 * i, 2);
    for (int i = 0; i < F0_MOVE_CONTEXTS; i++)
        good = good && rising(c->move_cdf + (F0_MOVES + 1) * i, F0_MOVES);
    for (int i = 0; i < STEPS; i++)
        good = good && c->steps[i] > 0 && c->steps[i] < 1 << 20;
    for (int i = 0; i < c->classes * CENTROIDS; i++)
        good = good && c->centroid[i] >= 0 && c->centroid[i] < 1 << 15;
    return good;
}

static void set_costs(VlcTables *c)
{
    const int S = c->magnitudes;
    for (int i = 0; i < c->classes * c->contexts; i++)
        for (int m = 0; m < S; m++) {
            const int32_t *cdf = c->cdf + i * (S + 1);
            float bits = log2f((float)RANGE_TOTAL / (float)(cdf[m + 1] - cdf[m]));
            c->costs[i * S + m] = bits + (m ? 1.0f : 0.0f);
        }
}

static void coder_dealloc(PyObject *self)
{
    VlcTables *c = &((Coder *)self)->tables;
    PyTypeObject *type = Py_TYPE(self);
    PyMem_Free(c->integers);
    PyMem_Free(c->floats);
    PyMem_Free(c->costs);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

static PyObject *coder_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"shape", "integers", "floats", NULL};
    int frames, bands, voicing, groups, classes, contexts, magnitudes, duration;
    const char *integers, *floats;
    Py_ssize_t integers_size, floats_size;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "(iiiiiiii)y#y#:VlcPacketCoder", names, &frames, &bands, &voicing,
                                     &groups, &classes, &contexts, &magnitudes, &duration, &integers, &integers_size,
                                     &floats, &floats_size))
        return NULL;
    if (frames < 2 || frames > MAX_FRAMES || frames % 2 || bands < 1 || voicing < 1 || bands > MAX_WIDTH ||
        voicing > MAX_WIDTH || bands + voicing > MAX_WIDTH || groups < 1 || groups > frames || classes < 1 ||
        classes > 256 || contexts < 1 || contexts > 256 || magnitudes < 2 || magnitudes > 256 || duration < 0 ||
        duration > 3) {
        PyErr_SetString(PyExc_ValueError, "shape of a VLC packet is out of range");
        return NULL;
    }
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    PyObject *self = alloc(type, 0);
    if (self == NULL)
        return NULL;
    VlcTables *c = &((Coder *)self)->tables;
    c->frames = frames;
    c->bands = bands;
    c->voicing = voicing;
    c->width = bands + voicing;
    c->groups = groups;
    c->classes = classes;
    c->contexts = contexts;
    c->magnitudes = magnitudes;
    c->duration = duration;
    c->integers = PyMem_Malloc(integers_size ? (size_t)integers_size : 1);
    c->floats = PyMem_Malloc(floats_size ? (size_t)floats_size : 1);
    c->costs = PyMem_Malloc(sizeof(float) * (size_t)classes * (size_t)contexts * (size_t)magnitudes);
    if (c->integers == NULL || c->floats == NULL || c->costs == NULL) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    size_t items = carve(c), float_items = carve_floats(c);
    if ((size_t)integers_size != items * sizeof(int32_t) || (size_t)floats_size != float_items * sizeof(float)) {
        PyErr_Format(PyExc_ValueError, "tables must hold %zu int32 and %zu float32, got %zd and %zd bytes", items,
                     float_items, integers_size, floats_size);
        Py_DECREF(self);
        return NULL;
    }
    memcpy(c->integers, integers, (size_t)integers_size);
    memcpy(c->floats, floats, (size_t)floats_size);
    if (!sound(c)) {
        PyErr_SetString(PyExc_ValueError, "tables of a VLC packet contradict themselves");
        Py_DECREF(self);
        return NULL;
    }
    set_costs(c);
    return self;
}

/* Gets *object* as *items* contiguous items of *format*; returns 0 or -1 with an exception set. */
static int get_exactly(PyObject *object, Py_buffer *view, const char *formats, Py_ssize_t items, int writable,
                       const char *name)
{
    if (PyObject_GetBuffer(object, view, writable ? PyBUF_FORMAT | PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE
                                                  : PyBUF_FORMAT | PyBUF_C_CONTIGUOUS) < 0)
        return -1;
    const char *code = view->format == NULL ? "B" : view->format;
    if (code[0] == '@' || code[0] == '=')
        code++;
    Py_ssize_t size = formats[0] == '?' ? 1 : 4;
    if (strchr(formats, code[0]) == NULL || code[0] == '\0' || code[1] != '\0' || view->itemsize != size)
        PyErr_Format(PyExc_TypeError, "%s has items of format '%s', wanted '%c'", name, code, formats[0]);
    else if (view->len != items * size)
        PyErr_Format(PyExc_ValueError, "%s must have %zd items, got %zd", name, items, view->len / size);
    else if ((uintptr_t)view->buf % (uintptr_t)size != 0)
        PyErr_Format(PyExc_ValueError, "%s must be aligned", name);
    else
        return 0;
    PyBuffer_Release(view);
    return -1;
}

static PyObject *coder_encode(PyObject *self, PyObject *args)
{
    const VlcTables *c = &((Coder *)self)->tables;
    PyObject *objects[4];
    int n, step;
    float weight;
    if (!PyArg_ParseTuple(args, "OOOOiif:encode", &objects[0], &objects[1], &objects[2], &objects[3], &n, &step,
                          &weight))
        return NULL;
    if (n != c->frames && n != c->frames / 2)
        return PyErr_Format(PyExc_ValueError, "a packet has %d or %d frames, got %d", c->frames, c->frames / 2, n);
    if (step < 0 || step >= STEPS)
        return PyErr_Format(PyExc_ValueError, "step is 0 to %d, got %d", STEPS - 1, step);
    static const char *const names[] = {"levels", "voicing", "f0_hz", "voiced"};
    const char *const formats[] = {"f", "f", "f", "?"};
    const Py_ssize_t items[] = {(Py_ssize_t)n * c->bands, (Py_ssize_t)n * c->voicing, n, n};
    Py_buffer views[4];
    for (int i = 0; i < 4; i++)
        if (get_exactly(objects[i], &views[i], formats[i], items[i], 0, names[i]) < 0) {
            while (i-- > 0)
                PyBuffer_Release(&views[i]);
            return NULL;
        }
    uint8_t bytes[MAX_PAYLOAD];
    size_t size;
    Py_BEGIN_ALLOW_THREADS
    float y[MAX_FRAMES][MAX_WIDTH];
    int f0[MAX_FRAMES / 2];
    VlcCoefficients x;
    int gain = vlc_analyse(c, views[0].buf, views[1].buf, n, y);
    vlc_pitch_indices(c, views[2].buf, views[3].buf, n, f0);
    vlc_quantize(c, y, step, weight > 0.0f ? weight : 0.0f, &x);
    RangeEncoder out;
    range_begin_encoding(&out, bytes + 1, MAX_PAYLOAD - 1);
    range_write_flat(&out, GAIN_LEVELS, gain);
    vlc_write_f0(c, &out, f0);
    vlc_write_coefficients(c, &out, &x, step);
    bytes[0] = (uint8_t)(c->duration << 6 | step);
    size = 1 + range_finish(&out);
    Py_END_ALLOW_THREADS
    for (int i = 0; i < 4; i++)
        PyBuffer_Release(&views[i]);
    return PyBytes_FromStringAndSize((const char *)bytes, (Py_ssize_t)size);
}

/* The step's index of *payload*, to be read as *n* frames; -1 with an exception set where it cannot be. */
static int step_of(const VlcTables *c, const char *payload, Py_ssize_t size, int n)
{
    if (n != c->frames && n != c->frames / 2)
        PyErr_Format(PyExc_ValueError, "a packet has %d or %d frames, got %d", c->frames, c->frames / 2, n);
    else if (size < 1 || (uint8_t)payload[0] >> 6 != c->duration || ((uint8_t)payload[0] & 63) >= STEPS)
        PyErr_Format(PyExc_ValueError, "no speech packet of %d frames", c->frames);
    else
        return (uint8_t)payload[0] & 63;
    return -1;
}

/* What `step_of` let pass -> integer parameters. */
static void read_payload(const VlcTables *c, const char *payload, Py_ssize_t size, int n, int step, int32_t *levels,
                         int32_t *voicing, int32_t *f0)
{
    RangeDecoder in;
    VlcCoefficients x;
    range_begin_decoding(&in, (const uint8_t *)payload + 1, (size_t)size - 1);
    const int gain = range_read_flat(&in, GAIN_LEVELS);
    vlc_read_f0(c, &in, f0);
    vlc_read_coefficients(c, &in, &x, step);
    vlc_rebuild(c, &x, gain, step, n != c->frames, levels, voicing);
}

static PyObject *coder_decode(PyObject *self, PyObject *args)
{
    const VlcTables *c = &((Coder *)self)->tables;
    const char *payload;
    Py_ssize_t size;
    PyObject *objects[3];
    int n;
    if (!PyArg_ParseTuple(args, "y#OOOi:decode", &payload, &size, &objects[0], &objects[1], &objects[2], &n))
        return NULL;
    const int step = step_of(c, payload, size, n);
    if (step < 0)
        return NULL;
    static const char *const names[] = {"levels", "voicing", "f0"};
    const Py_ssize_t items[] = {(Py_ssize_t)n * c->bands, (Py_ssize_t)n * c->voicing, c->frames / 2};
    Py_buffer views[3];
    for (int i = 0; i < 3; i++)
        if (get_exactly(objects[i], &views[i], "il", items[i], 1, names[i]) < 0) {
            while (i-- > 0)
                PyBuffer_Release(&views[i]);
            return NULL;
        }
    Py_BEGIN_ALLOW_THREADS
    read_payload(c, payload, size, n, step, views[0].buf, views[1].buf, views[2].buf);
    Py_END_ALLOW_THREADS
    for (int i = 0; i < 3; i++)
        PyBuffer_Release(&views[i]);
    return PyLong_FromLong(step);
}

/* What speaks between voiced values: log f0 on a line, held outside; see "f0" in docs/vlc-format.md. */
static void hertz(const int32_t *f0, int values, int n, double lowest_hz, double unvoiced_hz, float *out)
{
    int before = -1, after = 0, per_value = n / values;
    for (int i = 0; i < n; i++) {
        double place = (i + 0.5) / per_value - 0.5;
        while (after < values && (f0[after] < 0 || after < place)) {
            if (f0[after] >= 0)
                before = after;
            after++;
        }
        double fiftieths;
        if (before < 0 && after == values) {
            out[i] = (float)unvoiced_hz;
            continue;
        }
        if (before < 0)
            fiftieths = f0[after];
        else if (after == values)
            fiftieths = f0[before];
        else
            fiftieths = f0[before] + (f0[after] - f0[before]) * (place - before) / (after - before);
        out[i] = (float)(lowest_hz * exp2(fiftieths / F0_PER_OCTAVE));
    }
}

static PyObject *coder_decode_parameters(PyObject *self, PyObject *args)
{
    const VlcTables *c = &((Coder *)self)->tables;
    const char *payload;
    Py_ssize_t size;
    PyObject *objects[4];
    int n;
    double lowest_hz, unvoiced_hz;
    if (!PyArg_ParseTuple(args, "y#OOOOidd:decode_parameters", &payload, &size, &objects[0], &objects[1], &objects[2],
                          &objects[3], &n, &lowest_hz, &unvoiced_hz))
        return NULL;
    const int step = step_of(c, payload, size, n);
    if (step < 0)
        return NULL;
    static const char *const names[] = {"levels_db", "voicing", "f0_hz", "voiced"};
    const char *const formats[] = {"f", "f", "f", "?"};
    const Py_ssize_t items[] = {(Py_ssize_t)n * c->bands, (Py_ssize_t)n * c->voicing, n, n};
    Py_buffer views[4];
    for (int i = 0; i < 4; i++)
        if (get_exactly(objects[i], &views[i], formats[i], items[i], 1, names[i]) < 0) {
            while (i-- > 0)
                PyBuffer_Release(&views[i]);
            return NULL;
        }
    Py_BEGIN_ALLOW_THREADS
    int32_t levels[MAX_FRAMES * MAX_WIDTH], voicing[MAX_FRAMES * MAX_WIDTH], f0[MAX_FRAMES / 2];
    const int values = c->frames / 2;
    read_payload(c, payload, size, n, step, levels, voicing, f0);
    float *levels_db = views[0].buf, *shares = views[1].buf;
    uint8_t *voiced = views[3].buf;
    for (Py_ssize_t i = 0; i < items[0]; i++)
        levels_db[i] = (float)levels[i] * (1.0f / 256.0f);
    for (Py_ssize_t i = 0; i < items[1]; i++)
        shares[i] = (float)voicing[i] * (1.0f / VOICING_ONE);
    hertz(f0, values, n, lowest_hz, unvoiced_hz, views[2].buf);
    for (int i = 0; i < n; i++)
        voiced[i] = f0[i / (n / values)] >= 0;
    Py_END_ALLOW_THREADS
    for (int i = 0; i < 4; i++)
        PyBuffer_Release(&views[i]);
    return PyLong_FromLong(step);
}

static PyMethodDef methods[] = {
    {"encode", coder_encode, METH_VARARGS, "Parameters of one packet -> payload."},
    {"decode", coder_decode, METH_VARARGS, "Payload -> integer parameters; returns the step's index."},
    {"decode_parameters", coder_decode_parameters, METH_VARARGS, "Payload -> parameters; returns the step's index."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "Codes the parameters of VLC packets of one length; see dsp/_native.pyi."},
    {Py_tp_new, (void *)coder_new},
    {Py_tp_dealloc, (void *)coder_dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "dsp._native.VlcPacketCoder",
    .basicsize = sizeof(Coder),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};

int add_vlc_packet(PyObject *module)
{
    return add_type(module, &spec);
}