/* Tables of vlc_lanes.h. */
#include "vlc_lanes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifndef M_PI
#define M_PI 3.14159265358979323846
#endif

int lanes_init(LanesFft *fft, size_t half)
{
    memset(fft, 0, sizeof *fft);
    fft->half = half;
    fft->turns = malloc(4 * half * sizeof(float));
    fft->re = malloc(4 * LANES * half * sizeof(float));
    if (fft->turns == NULL || fft->re == NULL)
        return -1;
    fft->split_re = fft->turns + 2 * half;
    fft->split_im = fft->split_re + half;
    fft->im = fft->re + LANES * half;
    fft->re2 = fft->im + LANES * half;
    fft->im2 = fft->re2 + LANES * half;
    for (size_t k = 0; k < half; k++) {
        const double angle = M_PI * (double)k / (double)half;
        fft->split_re[k] = (float)cos(angle);
        fft->split_im[k] = (float)-sin(angle);
    }
    float *turns = fft->turns;
    for (size_t n = half; n >= 4; n /= 4) {
        const size_t m = n / 4;
        for (size_t power = 1; power <= 3; power++)
            for (size_t p = 0; p < m; p++) {
                const double angle = 2.0 * M_PI * (double)(p * power) / (double)n;
                turns[(power - 1) * m + p] = (float)cos(angle);
                turns[(power + 2) * m + p] = (float)-sin(angle);
            }
        turns += 6 * m;
    }
    return 0;
}

void lanes_free(LanesFft *fft)
{
    free(fft->turns);
    free(fft->re);
}

int bank_init(Bank *bank, const float *matrix, size_t rows, size_t columns)
{
    memset(bank, 0, sizeof *bank);
    float *weights = malloc(rows * columns * sizeof(float));
    bank->weights = weights;
    bank->first = malloc(2 * rows * sizeof(size_t));
    if (weights == NULL || bank->first == NULL)
        return -1;
    bank->rows = rows;
    bank->columns = columns;
    bank->count = bank->first + rows;
    memcpy(weights, matrix, rows * columns * sizeof(float));
    for (size_t row = 0; row < rows; row++) {
        const float *line = weights + row * columns;
        size_t first = 0, end = columns;
        while (first < end && line[first] == 0.0f)
            first++;
        while (end > first && line[end - 1] == 0.0f)
            end--;
        bank->first[row] = first < columns ? first : 0;
        bank->count[row] = end - first;
    }
    return 0;
}

void bank_free(Bank *bank)
{
    free((void *)bank->weights);
    free(bank->first);
}

int blend_init(Blend *blend, const float *matrix, size_t rows, size_t columns)
{
    memset(blend, 0, sizeof *blend);
    blend->first = malloc(rows * sizeof(size_t));
    blend->weight = malloc(2 * rows * sizeof(float));
    if (blend->first == NULL || blend->weight == NULL)
        return -1;
    if (columns < 2)
        return -2;
    blend->rows = rows;
    blend->columns = columns;
    blend->next = blend->weight + rows;
    for (size_t row = 0; row < rows; row++) {
        const float *line = matrix + row * columns;
        size_t first = 0;
        while (first + 2 < columns && line[first] == 0.0f)
            first++;
        for (size_t k = first + 2; k < columns; k++)
            if (line[k] != 0.0f)
                return -2;
        blend->first[row] = first;
        blend->weight[row] = line[first];
        blend->next[row] = line[first + 1];
    }
    return 0;
}

void blend_free(Blend *blend)
{
    free(blend->first);
    free(blend->weight);
}
