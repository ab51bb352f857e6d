/* Sorted keys, packed: see run.h for the format. */
#include "metric/run.h"
#include "base/mem.h"

#include <assert.h>

#define MARKS_AT_ONCE 32 /* read from a file */
#define MOST_BYTES 5     /* of a key */

static int64_t packed_size(uint32_t difference)
{
    int64_t size = 1;

    while (difference >= 0x80) {
        difference >>= 7;
        size++;
    }
    return size;
}

/* Add the next difference to *key. */
static inline const uint8_t *unpack(const uint8_t *p, uint32_t *key)
{
    uint32_t byte = *p++, difference = byte & 0x7f;

    for (int shift = 7; byte >= 0x80; shift += 7) {
        byte = *p++;
        difference |= (byte & 0x7f) << shift;
    }
    *key += difference;
    return p;
}

fleck_status fk_run_pack(fk_run *out, const uint32_t *keys, int64_t count, fleck_error *err)
{
    fk_run run = {.count = count, .n_marks = (count + FK_RUN_STRIDE - 1) / FK_RUN_STRIDE};
    int64_t size = 0;
    uint8_t *p;
    uint32_t before = 0;
    fleck_status st;

    assert(count >= 0 && count <= INT32_MAX);
    *out = (fk_run){0};
    for (int64_t i = 0; i < count; i++) {
        size += packed_size(keys[i] - before);
        before = keys[i];
    }
    /* All differences together are below 2^32, so few are long and an offset fits 32 bits. */
    assert(size <= UINT32_MAX);
    run.size = size;
    FK_DO(FK_ALLOC(&run.bytes, size, err));
    FK_DO(FK_ALLOC(&run.marks, run.n_marks, err));
    p = run.bytes;
    before = 0;
    for (int64_t i = 0; i < count; i++) {
        uint32_t difference = keys[i] - before;

        if (i % FK_RUN_STRIDE == 0)
            run.marks[i / FK_RUN_STRIDE] =
                (fk_run_mark){.key = before, .offset = (uint32_t)(p - run.bytes)};
        for (; difference >= 0x80; difference >>= 7)
            *p++ = (uint8_t)(difference | 0x80);
        *p++ = (uint8_t)difference;
        before = keys[i];
    }
    *out = run;
    return FLECK_OK;
done:
    fk_run_free(&run);
    return st;
}

void fk_run_free(fk_run *run)
{
    fk_free(run->bytes);
    fk_free(run->marks);
    *run = (fk_run){0};
}

/* The first of values[i+1..b-1] that is not below key, or b; values[i] is below it. */
static int64_t step_to(const uint32_t *values, int64_t i, int64_t b, uint32_t key)
{
    int64_t step = 1, lo = i, hi;

    while (lo + step < b && values[lo + step] < key) {
        lo += step;
        step *= 2;
    }
    hi = lo + step < b ? lo + step : b;
    while (hi - lo > 1) {
        int64_t middle = lo + (hi - lo) / 2;

        if (values[middle] < key)
            lo = middle;
        else
            hi = middle;
    }
    return hi;
}

/* The last mark whose key is not above `key`, so that all larger keys come behind it. */
static int64_t find_mark(const fk_run *run, uint32_t key)
{
    int64_t lo = 0, hi = run->n_marks;

    while (hi - lo > 1) {
        int64_t middle = lo + (hi - lo) / 2;

        if (run->marks[middle].key <= key)
            lo = middle;
        else
            hi = middle;
    }
    return lo;
}

/* Count `left` keys, the first of which is behind `key` and has its bytes at p. */
static void count_keys(const uint8_t *p, uint32_t key, int64_t left, const uint32_t *values,
                       int64_t a, int64_t b, uint32_t *counts)
{
    int64_t i = a;

    if (left == 0)
        return;
    p = unpack(p, &key);
    while (a > 0 && key <= values[a - 1]) {
        if (--left == 0)
            return;
        p = unpack(p, &key);
    }
    for (;;) {
        if (values[i] < key) {
            i = step_to(values, i, b, key);
            if (i == b)
                return;
        }
        counts[2 * i + (values[i] == key)]++;
        if (--left == 0)
            return;
        p = unpack(p, &key);
    }
}

void fk_run_count(const fk_run *run, const uint32_t *values, int64_t a, int64_t b, uint32_t *counts)
{
    int64_t mark = a > 0 && run->count > 0 ? find_mark(run, values[a - 1]) : 0;

    if (run->count > 0)
        count_keys(run->bytes + run->marks[mark].offset, run->marks[mark].key,
                   run->count - mark * FK_RUN_STRIDE, values, a, b, counts);
}

fleck_status fk_run_count_file(const fk_run *run, const fk_scratch *file, int64_t offset,
                               const uint32_t *values, int64_t a, int64_t b, uint32_t *counts,
                               fleck_error *err)
{
    int64_t mark = a > 0 && run->count > 0 ? find_mark(run, values[a - 1]) : 0, last;
    uint8_t *bytes = NULL;
    fleck_status st = FLECK_OK;

    for (; mark < run->n_marks && run->marks[mark].key <= values[b - 1]; mark = last) {
        int64_t end, size, begin = run->marks[mark].offset;

        last = mark + MARKS_AT_ONCE < run->n_marks ? mark + MARKS_AT_ONCE : run->n_marks;
        size = (last < run->n_marks ? (int64_t)run->marks[last].offset : run->size) - begin;
        end = last * FK_RUN_STRIDE < run->count ? last * FK_RUN_STRIDE : run->count;
        if (bytes == NULL)
            FK_DO(FK_ALLOC(&bytes, MARKS_AT_ONCE * FK_RUN_STRIDE * MOST_BYTES, err));
        FK_DO(fk_scratch_read(file, bytes, size, offset + begin, err));
        count_keys(bytes, run->marks[mark].key, end - mark * FK_RUN_STRIDE, values, a, b, counts);
    }
done:
    fk_free(bytes);
    return st;
}
