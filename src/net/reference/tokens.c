/* SPDX-License-Identifier: Apache-2.0 */
/* The reference engine's operations on tokens [T, D], each by its definition.
 *
 *   layer norm   z[d] = (x[d] - m) / sqrt(v + eps) * weight[d] + bias[d], m and v the mean and the
 *                variance (divided by D) of the token's D numbers
 *   linear       z[o] = bias[o] + sum over d of weight[o][d] x[d]
 *   GELU         z = x (1 + erf(x / sqrt 2)) / 2
 *   attention    for each head, with queries q, keys k and values v of width d:
 *                p[u] = exp(q[t] . k[u] / sqrt d), z[t] = sum of p[u] v[u] / sum of p[u];
 *                with rotary positions q and k are rotated first, see net/position.h
 *
 * All in double, rounded to float once for each output. */
#include "net/reference/tokens.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* weight [T, D] holds the first tokens and what is added to the map's positions. */
static void tokens(float *out, const fk_op *op, const float *in, const float *weight)
{
    const int64_t dim = op->out_channels, positions = op->out_height - op->skip;

    memcpy(out, weight, (size_t)(op->skip * dim) * sizeof *out);
    out += op->skip * dim;
    weight += op->skip * dim;
    for (int64_t p = 0; p < positions; p++)
        for (int64_t d = 0; d < dim; d++)
            *out++ = *weight++ + in[d * positions + p];
}

static void rows(float *out, const fk_op *op, const float *in)
{
    const int64_t dim = op->out_channels, positions = op->out_height;

    for (int64_t p = 0; p < positions; p++)
        for (int64_t d = 0; d < dim; d++)
            *out++ = in[d * positions + p];
}

static void layernorm(float *out, const fk_op *op, const float *in, const float *weight,
                      const float *bias)
{
    const int64_t dim = op->out_channels;

    for (int64_t t = 0; t < op->out_height; t++, in += dim, out += dim) {
        double sum = 0, squares = 0, mean, scale;

        for (int64_t d = 0; d < dim; d++)
            sum += (double)in[d];
        mean = sum / (double)dim;
        for (int64_t d = 0; d < dim; d++)
            squares += ((double)in[d] - mean) * ((double)in[d] - mean);
        scale = 1 / sqrt(squares / (double)dim + op->eps);
        for (int64_t d = 0; d < dim; d++)
            out[d] = (float)(((double)in[d] - mean) * scale * (double)weight[d] + (double)bias[d]);
    }
}

static double dot(const float *a, const float *b, int64_t n)
{
    double sum = 0;

    for (int64_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

static void linear(float *out, const fk_op *op, const fk_op *from, const float *in,
                   const float *weight, const float *bias)
{
    const int64_t inputs = from->out_channels, outputs = op->out_channels;

    for (int64_t t = 0; t < op->out_height; t++)
        for (int64_t o = 0; o < outputs; o++)
            *out++ = (float)(dot(weight + o * inputs, in + t * inputs, inputs) + (double)bias[o]);
}

static void gelu(float *out, const float *in, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = (float)(0.5 * (double)in[i] * (1 + erf((double)in[i] * sqrt(0.5))));
}

/* Queries or keys x [n tokens, stride apart] of a head; angles [2, n, dim], NULL: not rotated. */
typedef struct head {
    const float *x, *angles;
    int64_t stride, n, dim;
} head;

/* Number j of token t, rotated. */
static double rotated(const head *h, int64_t t, int64_t j)
{
    const float *x = h->x + t * h->stride, *turn = h->angles + t * h->dim;

    return (double)turn[j] * (double)x[j] +
           (double)turn[h->n * h->dim + j] * (double)x[(j + h->dim / 2) % h->dim];
}

/* q[t] . k[u] */
static double match(const head *q, int64_t t, const head *k, int64_t u)
{
    double sum = 0;

    if (q->angles == NULL)
        return dot(q->x + t * q->stride, k->x + u * k->stride, q->dim);
    for (int64_t j = 0; j < q->dim; j++)
        sum += rotated(q, t, j) * rotated(k, u, j);
    return sum;
}

/* p [n] becomes the weight of each token for query t. */
static void attend(double *p, const head *q, int64_t t, const head *k)
{
    const int64_t n = q->n;
    double most = -INFINITY, sum = 0;

    for (int64_t u = 0; u < n; u++) {
        p[u] = match(q, t, k, u) / sqrt((double)q->dim);
        most = p[u] > most ? p[u] : most;
    }
    for (int64_t u = 0; u < n; u++) {
        p[u] = exp(p[u] - most); /* the largest is 1, so none overflows */
        sum += p[u];
    }
    for (int64_t u = 0; u < n; u++)
        p[u] /= sum;
}

static void attention(float *out, const fk_op *op, const float *in, const float *angles, double *p)
{
    const int64_t n = op->out_height, width = op->out_channels, stride = 3 * width;
    const int64_t dim = width / op->heads;

    for (int64_t t = 0; t < n; t++)
        for (int64_t h = 0; h < op->heads; h++) {
            const head q = {in + h * dim, angles, stride, n, dim};
            const head k = {q.x + width, angles, stride, n, dim};
            const float *values = k.x + width;

            attend(p, &q, t, &k);
            for (int64_t d = 0; d < dim; d++) {
                double sum = 0;

                for (int64_t u = 0; u < n; u++)
                    sum += p[u] * (double)values[u * stride + d];
                out[t * width + h * dim + d] = (float)sum;
            }
        }
}

static void grid(float *out, const fk_op *op, const float *in)
{
    const int64_t dim = op->out_channels, positions = op->out_height * op->out_width;

    in += op->skip * dim;
    for (int64_t d = 0; d < dim; d++)
        for (int64_t p = 0; p < positions; p++)
            *out++ = in[p * dim + d];
}

void fk_reference_tokens(float *out, const fk_op *op, const fk_op *from, const float *in,
                         const float *weight, const float *bias, double *scratch)
{
    switch (op->kind) {
    case FK_OP_TOKENS:
        tokens(out, op, in, weight);
        break;
    case FK_OP_ROWS:
        rows(out, op, in);
        break;
    case FK_OP_LAYERNORM:
        layernorm(out, op, in, weight, bias);
        break;
    case FK_OP_LINEAR:
        linear(out, op, from, in, weight, bias);
        break;
    case FK_OP_GELU:
        gelu(out, in, op->out_channels * op->out_height);
        break;
    case FK_OP_ATTENTION:
        attention(out, op, in, weight, scratch);
        break;
    default:
        assert(op->kind == FK_OP_GRID);
        grid(out, op, in);
    }
}
