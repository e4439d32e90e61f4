/* G.722, 7 kHz audio-coding within 64 kbit/s: encoder and decoder of mode 1 (64 kbit/s), with its quadrature
   mirror filters (ITU-T G.722 section 5.2). What happens in the two sub-bands is in g722_band.c.

   One octet holds two bits of the higher sub-band, then six of the lower, for two samples at 16 kHz. The
   standard's samples have 14 bits; ours have 16, so the two below the standard's carry on as its fraction. */

#include "native.h"

#include "g722.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    TAPS = 24,
    PAIRS = 64, /* octets coded between two moves of the filter's past */
    GIL_OCTETS = 1024, /* fewer take less time than getting the GIL back may */
};

/* Table 11/G.722, in 1/8192: H(0), H(2) ... H(22); H(1), H(3) ... H(23) are these from the other end. */
static const int16_t H_EVEN[TAPS / 2] = {3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11};

typedef struct {
    PyObject_HEAD
    int busy;
    /* from here on: what reset() clears */
    G722Band low, high;
    int16_t past[TAPS - 2]; /* samples before, the oldest first */
} Encoder;

typedef struct {
    PyObject_HEAD
    int busy;
    /* from here on: what reset() clears */
    G722Band low, high;
    int16_t differences[TAPS / 2 - 1], sums[TAPS / 2 - 1]; /* XD and XS before, the oldest first */
} Decoder;

static int16_t pcm(float sample)
{
    float scaled = sample * 32768.0f;
    if (scaled != scaled)
        return 0;
    return (int16_t)lrintf(scaled < -32768.0f ? -32768.0f : scaled > 32767.0f ? 32767.0f : scaled);
}

static void encode(Encoder *c, const float *samples, uint8_t *octets, Py_ssize_t count)
{
    int16_t x[TAPS - 2 + 2 * PAIRS];
    while (count > 0) {
        int n = count < PAIRS ? (int)count : PAIRS;
        memcpy(x, c->past, sizeof c->past);
        for (int i = 0; i < 2 * n; i++)
            x[TAPS - 2 + i] = pcm(samples[i]);
        for (int i = 0; i < n; i++) {
            int32_t newer = 0, older = 0; /* section 5.2.1: XA and XB */
            for (int k = 0; k < TAPS / 2; k++) {
                newer += H_EVEN[k] * x[2 * i + TAPS - 1 - 2 * k];
                older += H_EVEN[TAPS / 2 - 1 - k] * x[2 * i + TAPS - 2 - 2 * k];
            }
            int32_t low = g722_quantize_low(&c->low, within((newer + older) >> 14, -16384, 16383));
            int32_t high = g722_quantize_high(&c->high, within((newer - older) >> 14, -16384, 16383));
            g722_adapt_low(&c->low, low);
            g722_adapt_high(&c->high, high);
            octets[i] = (uint8_t)(high << 6 | low);
        }
        memcpy(c->past, x + 2 * n, sizeof c->past);
        samples += 2 * n;
        octets += n;
        count -= n;
    }
}

static void decode(Decoder *c, const uint8_t *octets, float *samples, Py_ssize_t count)
{
    enum { BEFORE = TAPS / 2 - 1 };
    int16_t xd[BEFORE + PAIRS], xs[BEFORE + PAIRS];
    while (count > 0) {
        int n = count < PAIRS ? (int)count : PAIRS;
        memcpy(xd, c->differences, sizeof c->differences);
        memcpy(xs, c->sums, sizeof c->sums);
        for (int i = 0; i < n; i++) {
            int32_t code = octets[i] & 63;
            /* LIMIT, section 6.2.1.6, of both sub-bands. */
            int32_t low = within(c->low.s + g722_difference_low(&c->low, code), -16384, 16383);
            g722_adapt_low(&c->low, code);
            int32_t estimate = c->high.s;
            int32_t high = within(estimate + g722_adapt_high(&c->high, octets[i] >> 6), -16384, 16383);
            xd[BEFORE + i] = (int16_t)sat(low - high);
            xs[BEFORE + i] = (int16_t)sat(low + high);
        }
        for (int i = 0; i < n; i++) { /* section 5.2.2 */
            int32_t first = 0, second = 0;
            for (int k = 0; k < TAPS / 2; k++) {
                first += H_EVEN[k] * xd[BEFORE + i - k];
                second += H_EVEN[TAPS / 2 - 1 - k] * xs[BEFORE + i - k];
            }
            samples[2 * i] = (float)sat(first >> 11) * (1.0f / 32768.0f);
            samples[2 * i + 1] = (float)sat(second >> 11) * (1.0f / 32768.0f);
        }
        memcpy(c->differences, xd + n, sizeof c->differences);
        memcpy(c->sums, xs + n, sizeof c->sums);
        octets += n;
        samples += 2 * n;
        count -= n;
    }
}

static void encoder_clear(Encoder *c)
{
    memset((char *)c + offsetof(Encoder, low), 0, sizeof *c - offsetof(Encoder, low));
    g722_clear(&c->low, &c->high);
}

static void decoder_clear(Decoder *c)
{
    memset((char *)c + offsetof(Decoder, low), 0, sizeof *c - offsetof(Decoder, low));
    g722_clear(&c->low, &c->high);
}

static PyObject *refuse_busy(void)
{
    PyErr_SetString(PyExc_RuntimeError, "this codec is in use by another thread");
    return NULL;
}

static PyObject *make(PyTypeObject *type, PyObject *args, PyObject *kwargs, const char *format)
{
    static char *names[] = {NULL};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, format, names))
        return NULL;
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    return alloc(type, 0);
}

static void coder_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

static PyObject *encoder_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *self = make(type, args, kwargs, ":G722Encoder");
    if (self != NULL)
        encoder_clear((Encoder *)self);
    return self;
}

static PyObject *decoder_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *self = make(type, args, kwargs, ":G722Decoder");
    if (self != NULL)
        decoder_clear((Decoder *)self);
    return self;
}

static PyObject *encoder_reset(PyObject *self, PyObject *Py_UNUSED(none))
{
    if (((Encoder *)self)->busy)
        return refuse_busy();
    encoder_clear((Encoder *)self);
    Py_RETURN_NONE;
}

static PyObject *decoder_reset(PyObject *self, PyObject *Py_UNUSED(none))
{
    if (((Decoder *)self)->busy)
        return refuse_busy();
    decoder_clear((Decoder *)self);
    Py_RETURN_NONE;
}

static PyObject *encoder_encode(PyObject *self, PyObject *samples)
{
    Encoder *c = (Encoder *)self;
    Py_buffer view;
    if (get_items(samples, &view, 'f', 0, "samples") < 0)
        return NULL;
    PyObject *octets = NULL;
    Py_ssize_t size = view.len / (Py_ssize_t)sizeof(float), count = size / 2;
    if (c->busy) /* getting the buffer may have run Python code, so look only now */
        refuse_busy();
    else if (view.ndim != 1)
        PyErr_Format(PyExc_ValueError, "samples must have one dimension, got %d", view.ndim);
    else if (size % 2 != 0)
        PyErr_Format(PyExc_ValueError, "samples must be an even number, got %zd", size);
    else
        octets = PyBytes_FromStringAndSize(NULL, count);
    if (octets != NULL) {
        uint8_t *out = (uint8_t *)PyBytes_AsString(octets);
        if (count < GIL_OCTETS) {
            encode(c, view.buf, out, count);
        } else {
            c->busy = 1;
            Py_BEGIN_ALLOW_THREADS
            encode(c, view.buf, out, count);
            Py_END_ALLOW_THREADS
            c->busy = 0;
        }
    }
    PyBuffer_Release(&view);
    return octets;
}

static int decode_views(Decoder *c, const Py_buffer *payload, const Py_buffer *out)
{
    Py_ssize_t room = out->len / (Py_ssize_t)sizeof(float), count = payload->len;
    if (c->busy) { /* getting the buffers may have run Python code, so look only now */
        refuse_busy();
        return -1;
    }
    if (out->ndim != 1 || room < 2 * count) {
        PyErr_Format(PyExc_ValueError, "out must have one dimension and %zd samples or more", 2 * count);
        return -1;
    }
    if (count < GIL_OCTETS) {
        decode(c, payload->buf, out->buf, count);
    } else {
        c->busy = 1;
        Py_BEGIN_ALLOW_THREADS
        decode(c, payload->buf, out->buf, count);
        Py_END_ALLOW_THREADS
        c->busy = 0;
    }
    return 0;
}

static PyObject *decoder_decode(PyObject *self, PyObject *args)
{
    PyObject *octets, *samples;
    Py_buffer payload, out;
    if (!PyArg_ParseTuple(args, "OO:decode", &octets, &samples))
        return NULL;
    if (PyObject_GetBuffer(octets, &payload, PyBUF_SIMPLE) < 0)
        return NULL;
    if (get_items(samples, &out, 'f', 1, "out") < 0) {
        PyBuffer_Release(&payload);
        return NULL;
    }
    Py_ssize_t count = 2 * payload.len;
    int failed = decode_views((Decoder *)self, &payload, &out);
    PyBuffer_Release(&out);
    PyBuffer_Release(&payload);
    return failed < 0 ? NULL : PyLong_FromSsize_t(count);
}

static PyMethodDef encoder_methods[] = {
    {"encode", encoder_encode, METH_O, "Code an even number of contiguous float32 samples at 16 kHz."},
    {"reset", encoder_reset, METH_NOARGS, "Forget the past."},
    {NULL, NULL, 0, NULL},
};

static PyMethodDef decoder_methods[] = {
    {"decode", decoder_decode, METH_VARARGS, "Decode octets into the front of a float32 buffer."},
    {"reset", decoder_reset, METH_NOARGS, "Forget the past."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot encoder_slots[] = {
    {Py_tp_new, (void *)encoder_new},
    {Py_tp_dealloc, (void *)coder_dealloc},
    {Py_tp_methods, encoder_methods},
    {Py_tp_doc, "G722Encoder(): samples at 16 kHz to octets of 64 kbit/s (ITU-T G.722 mode 1)."},
    {0, NULL},
};

static PyType_Slot decoder_slots[] = {
    {Py_tp_new, (void *)decoder_new},
    {Py_tp_dealloc, (void *)coder_dealloc},
    {Py_tp_methods, decoder_methods},
    {Py_tp_doc, "G722Decoder(): octets of 64 kbit/s to samples at 16 kHz (ITU-T G.722 mode 1)."},
    {0, NULL},
};

static PyType_Spec encoder_spec = {
    .name = "dsp._native.G722Encoder",
    .basicsize = sizeof(Encoder),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = encoder_slots,
};

static PyType_Spec decoder_spec = {
    .name = "dsp._native.G722Decoder",
    .basicsize = sizeof(Decoder),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = decoder_slots,
};

int add_g722(PyObject *module)
{
    if (add_type(module, &encoder_spec) < 0)
        return -1;
    return add_type(module, &decoder_spec);
}
