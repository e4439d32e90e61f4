/* What the two files of TimePitch share: time_pitch.c is the object, time_pitch_run.c reads the sound. */
#ifndef DSP_TIME_PITCH_H
#define DSP_TIME_PITCH_H

#include "native.h"

#include <stdint.h>

enum {
    CHUNK = 1024,    /* input samples taken into the buffer at once */
    MAX_TAPS = 512,
};

typedef struct Shifter {
    PyObject_HEAD
    float *kernel; /* (phases + 1) rows of `taps` */
    Py_ssize_t taps, phases;
    double pitch, highest, tempo;
    Py_ssize_t channels, shortest, longest, fade, match, delay, keep;
    float *heard; /* channels rows of `room` */
    Py_ssize_t room, fill;
    double *scores;
    int busy;
    /* from here on: what reset() clears */
    int64_t base; /* input number of heard[0] */
    int64_t taken, made;
    double place, next; /* input times of the two readers */
    double alike;       /* correlation of the two, while fading */
    Py_ssize_t faded;   /* samples of the fade done; `fade` when there is none */
} Shifter;

/* Forgets the past. */
void clear_shifter(Shifter *s);

/* Output samples there are after `taken` samples of input. */
int64_t samples_due(const Shifter *s, int64_t taken);

/* Takes `n` samples a channel and fills `m`, as many as are due then. */
void run_shifter(Shifter *s, const float *x, Py_ssize_t n, float *out, Py_ssize_t m);

#endif
