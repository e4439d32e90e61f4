/* Tables of fft_lanes.h. */
#include "fft_lanes.h"
#include "fft.h"

#include <stdlib.h>
#include <string.h>

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
    fft_tables(half, fft->turns, fft->split_re, fft->split_im);
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
