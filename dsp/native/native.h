/* What the kernel files and the module file share.
 *
 * Each kernel file exports one `add_...(module)` that puts its types into the module and returns 0, or -1
 * with an exception set. Limited API of Python 3.11, buffer protocol, no numpy headers.
 */
#ifndef DSP_NATIVE_H
#define DSP_NATIVE_H

#ifndef Py_LIMITED_API
#define Py_LIMITED_API 0x030b0000
#endif
#define PY_SSIZE_T_CLEAN
#include <Python.h>

int add_band_powers(PyObject *module);
int add_banded(PyObject *module);
int add_biquad(PyObject *module);
int add_cepstrum(PyObject *module);
int add_convolve(PyObject *module);
int add_dtw(PyObject *module);
int add_envelope(PyObject *module);
int add_formants(PyObject *module);
int add_g722(PyObject *module);
int add_gammatone(PyObject *module);
int add_gate(PyObject *module);
int add_lookahead(PyObject *module);
int add_meter(PyObject *module);
int add_nsim(PyObject *module);
int add_resample(PyObject *module);
int add_true_peak(PyObject *module);
int add_vlc_packet(PyObject *module);
int add_oscillator(PyObject *module);
int add_pitch_frames(PyObject *module);
int add_pitch_path(PyObject *module);
int add_pulse_amplitudes(PyObject *module);
int add_pulses(PyObject *module);
int add_time_pitch(PyObject *module);
int add_vlc_analysis(PyObject *module);
int add_vlc_synthesis(PyObject *module);

/* Puts a new heap type made from *spec* into *module*. */
int add_type(PyObject *module, PyType_Spec *spec);

/* Gets *object* as a C-contiguous, aligned buffer of items whose format is *format* ('f' or 'd').
 * Raises TypeError for what is no such buffer, ValueError for one that is strided, misaligned or, where
 * *writable* is asked for, read-only. Returns 0, or -1 with an exception set; release *view* after 0. */
int get_items(PyObject *object, Py_buffer *view, char format, int writable, const char *name);

/* Makes the floating-point unit of this thread flush subnormal numbers to zero; returns what
 * `restore_subnormals` needs to put it back. Where the unit has no such mode both do nothing. */
unsigned long long flush_subnormals(void);
void restore_subnormals(unsigned long long state);

#endif
