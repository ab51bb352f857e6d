/* Merge and reduce: a bounded set of patches that covers all that were seen.
 *
 * Distances between slots are kept, so that a block costs those of its own patches only, by one product;
 * choosing is then minima and maxima of rows of the table.  A patch that is not chosen leaves its slot
 * to the next block. */
#include "method/reduced.h"
#include "base/mem.h"
#include "base/clones.h"
#include "linalg/linalg.h"
#include "method/pca.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Patches of one piece of whitening, and slots of one piece of measuring. */
#define PIECE 64

void fk_reduced_init(fk_reduced *r, int64_t dim, int64_t room)
{
    *r = (fk_reduced){.dim = dim, .room = room, .slots = room + FK_REDUCED_BLOCK};
}

void fk_reduced_free(fk_reduced *r)
{
    fk_free(r->rows);
    fk_free(r->image);
    fk_free(r->z);
    fk_free(r->length);
    fk_free(r->between);
    fk_reduced_init(r, r->dim, r->room);
}

/* Memory for so many slots, at least. */
static fleck_status reserve(fk_reduced *r, int64_t slots, fleck_error *err)
{
    int64_t old, new;
    fleck_status st = FLECK_OK;

    if (slots <= r->reserved)
        return FLECK_OK;
    slots = slots > 2 * r->reserved ? slots : 2 * r->reserved;
    slots = slots < r->slots ? slots : r->slots;
    if (!fk_mul_fits(r->reserved, r->dim, &old) || !fk_mul_fits(slots, r->dim, &new))
        return fk_error_set(err, FLECK_E_NOMEM, "%lld patches of %lld numbers do not fit",
                            (long long)slots, (long long)r->dim);
    FK_DO(fk_grow((void **)&r->rows, old, new, sizeof *r->rows, err));
    FK_DO(fk_grow((void **)&r->image, r->reserved, slots, sizeof *r->image, err));
    for (int64_t s = r->reserved; s < slots; s++)
        r->image[s] = -1;
    r->reserved = slots;
done:
    return st;
}

int64_t fk_reduced_bytes(int64_t dim, int64_t room, int64_t offered, int threads)
{
    double slots = (double)room + FK_REDUCED_BLOCK, d = (double)dim;
    double bytes = slots * (8.0 * d + 4.0 * slots + 24.0) + 4.0 * FK_REDUCED_BLOCK * (d + slots) +
                   8.0 * PIECE * d * (double)threads;

    if (offered <= room) /* rows and images, and what they were while they grow */
        bytes = 1.5 * (double)offered * (4.0 * d + 8.0);
    return bytes < 4e18 ? (int64_t)bytes : INT64_MAX / 2;
}

/* ---- Measuring ---- */

typedef struct whiten_job {
    fk_reduced *r;
    const fk_metric *metric;
    const int64_t *slot; /* [n] */
    int64_t n;
    float *room; /* [threads, 2, PIECE, D] */
} whiten_job;

static fleck_status whiten_piece(void *ctx, int64_t piece, int worker, fleck_error *err)
{
    const whiten_job *job = ctx;
    fk_reduced *r = job->r;
    const fk_metric *m = job->metric;
    int64_t first = piece * PIECE, n = job->n - first < PIECE ? job->n - first : PIECE;
    float *centred = job->room + worker * 2 * PIECE * r->dim, *z = centred + PIECE * r->dim;

    (void)err;
    for (int64_t i = 0; i < n; i++)
        fk_pca_centre(m->mean, r->dim, centred + i * r->dim,
                      r->rows + job->slot[first + i] * r->dim, 1);
    fk_linalg_multiply_nt(z, m->d, centred, r->dim, m->whitening, r->dim, n, m->d, r->dim, 1.0f,
                          0.0f);
    for (int64_t i = 0; i < n; i++) {
        int64_t slot = job->slot[first + i];

        memcpy(r->z + slot * m->d, z + i * m->d, (size_t)m->d * sizeof *z);
        r->length[slot] = (float)fk_linalg_length2(z + i * m->d, m->d);
    }
    return FLECK_OK;
}

/* Patches that are measured against all slots. */
typedef struct compare_job {
    const fk_reduced *r;
    int64_t n;
    float *z;        /* [n, d] of them side by side */
    float *products; /* [n, slots] */
} compare_job;

static fleck_status products_piece(void *ctx, int64_t piece, int worker, fleck_error *err)
{
    const compare_job *job = ctx;
    const fk_reduced *r = job->r;
    int64_t first = piece * PIECE, n = r->slots - first < PIECE ? r->slots - first : PIECE;

    (void)worker;
    (void)err;
    fk_linalg_multiply_nt(job->products + first, r->slots, job->z, r->d, r->z + first * r->d, r->d,
                          job->n, n, r->d, 1.0f, 0.0f);
    return FLECK_OK;
}

/* Bits of a squared distance, which rounding must not take below 0. */
static int32_t bits_of(float distance)
{
    int32_t bits;

    distance = distance > 0.0f ? distance : 0.0f;
    memcpy(&bits, &distance, sizeof bits);
    return bits;
}

/* Whiten the patches in n slots. */
static fleck_status whiten(fk_reduced *r, const fk_metric *m, const int64_t *slot, int64_t n,
                           fk_pool *pool, fleck_error *err)
{
    whiten_job job = {.r = r, .metric = m, .slot = slot, .n = n};
    fleck_status st;

    FK_DO(FK_ALLOC(&job.room, fk_pool_threads(pool) * 2 * PIECE * r->dim, err));
    FK_DO(fk_pool_run(pool, (n + PIECE - 1) / PIECE, whiten_piece, &job, err));
done:
    fk_free(job.room);
    return st;
}

/* Note the distances of n <= FK_REDUCED_BLOCK slots to all. */
static fleck_status compare(fk_reduced *r, const int64_t *slot, int64_t n, fk_pool *pool,
                            fleck_error *err)
{
    compare_job job = {.r = r, .n = n};
    fleck_status st;

    FK_DO(FK_ALLOC(&job.z, n * r->d, err));
    FK_DO(FK_ALLOC(&job.products, n * r->slots, err));
    for (int64_t i = 0; i < n; i++)
        memcpy(job.z + i * r->d, r->z + slot[i] * r->d, (size_t)r->d * sizeof *job.z);
    FK_DO(fk_pool_run(pool, (r->slots + PIECE - 1) / PIECE, products_piece, &job, err));
    for (int64_t i = 0; i < n; i++)
        for (int64_t s = 0; s < r->slots; s++) {
            int32_t bits =
                bits_of(r->length[slot[i]] + r->length[s] - 2.0f * job.products[i * r->slots + s]);

            r->between[slot[i] * r->slots + s] = bits;
            r->between[s * r->slots + slot[i]] = bits;
        }
done:
    fk_free(job.z);
    fk_free(job.products);
    return st;
}

/* The slots that hold patches, rising; returns how many. */
static int64_t kept_slots(const fk_reduced *r, int64_t *slot)
{
    int64_t n = 0;

    for (int64_t s = 0; s < r->reserved; s++)
        if (r->image[s] >= 0)
            slot[n++] = s;
    return n;
}

/* Measure all that is kept. */
static fleck_status measure_all(fk_reduced *r, const fk_metric *m, fk_pool *pool, fleck_error *err)
{
    int64_t *slot = NULL, n;
    fleck_status st;

    FK_DO(FK_ALLOC(&slot, r->slots, err));
    n = kept_slots(r, slot);
    FK_DO(whiten(r, m, slot, n, pool, err));
    for (int64_t i = 0; i < n; i += FK_REDUCED_BLOCK)
        FK_DO(compare(r, slot + i, n - i < FK_REDUCED_BLOCK ? n - i : FK_REDUCED_BLOCK, pool, err));
done:
    fk_free(slot);
    return st;
}

fleck_status fk_reduced_measure(fk_reduced *r, const fk_metric *m, fk_pool *pool, fleck_error *err)
{
    assert(m->d <= r->dim);
    r->d = m->d;
    return r->between != NULL ? measure_all(r, m, pool, err) : FLECK_OK;
}

/* The table, before the first choice. */
static fleck_status open_table(fk_reduced *r, const fk_metric *m, fk_pool *pool, fleck_error *err)
{
    int64_t floats, table;
    fleck_status st = FLECK_OK;

    if (r->between != NULL)
        return FLECK_OK;
    if (!fk_mul_fits(r->slots, r->dim, &floats) || !fk_mul_fits(r->slots, r->slots, &table))
        return fk_error_set(err, FLECK_E_NOMEM, "distances of %lld patches do not fit",
                            (long long)r->slots);
    FK_DO(reserve(r, r->slots, err));
    FK_DO(FK_CALLOC(&r->z, floats, err)); /* d <= D, whatever it becomes */
    FK_DO(FK_CALLOC(&r->length, r->slots, err));
    FK_DO(FK_CALLOC(&r->between, table, err));
    FK_DO(measure_all(r, m, pool, err));
done:
    if (st != FLECK_OK) {
        fk_free(r->z);
        fk_free(r->length);
        fk_free(r->between);
        r->z = r->length = NULL;
        r->between = NULL;
    }
    return st;
}

/* ---- Choosing ---- */

/* Below every distance: what is chosen, and empty slots. */
#define NEVER INT32_MIN

/* nearest [n] becomes the least of itself and row [n]; returns the greatest of what it is then. */
FK_CLONES static int32_t come_nearer(int32_t *restrict nearest, const int32_t *restrict row,
                                     int64_t n)
{
    int32_t most = NEVER;

    for (int64_t s = 0; s < n; s++) {
        nearest[s] = row[s] < nearest[s] ? row[s] : nearest[s];
        most = nearest[s] > most ? nearest[s] : most;
    }
    return most;
}

static int64_t find(const int32_t *values, int64_t n, int32_t wanted)
{
    int64_t s = 0;

    while (s + 1 < n && values[s] != wanted)
        s++;
    return s;
}

/* Of the patches in n slots, the one farthest from their mean. */
static fleck_status farthest_from_mean(int64_t *out, const fk_reduced *r, const int64_t *slot,
                                       int64_t n, fleck_error *err)
{
    double *sum = NULL, most = -1.0;
    float *mean = NULL;
    fleck_status st;

    FK_DO(FK_CALLOC(&sum, r->d, err));
    FK_DO(FK_ALLOC(&mean, r->d, err));
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < r->d; j++)
            sum[j] += (double)r->z[slot[i] * r->d + j];
    for (int64_t j = 0; j < r->d; j++)
        mean[j] = (float)(sum[j] / (double)n);
    *out = slot[0];
    for (int64_t i = 0; i < n; i++) {
        double distance = fk_linalg_distance2(r->z + slot[i] * r->d, mean, r->d);

        if (distance > most) {
            most = distance;
            *out = slot[i];
        }
    }
done:
    fk_free(sum);
    fk_free(mean);
    return st;
}

/* Empty all slots but the `room` that are chosen. */
static fleck_status reduce(fk_reduced *r, fleck_error *err)
{
    int64_t *slot = NULL, chosen;
    int32_t *nearest = NULL;
    fleck_status st;

    assert(r->between != NULL); /* open_table() came before */
    FK_DO(FK_ALLOC(&slot, r->slots, err));
    FK_DO(FK_ALLOC(&nearest, r->slots, err));
    FK_DO(farthest_from_mean(&chosen, r, slot, kept_slots(r, slot), err));
    for (int64_t s = 0; s < r->slots; s++)
        nearest[s] = r->image[s] >= 0 ? INT32_MAX : NEVER;
    for (int64_t k = 0; k < r->room; k++) {
        int32_t most;

        nearest[chosen] = NEVER;
        most = come_nearer(nearest, r->between + chosen * r->slots, r->slots);
        chosen = find(nearest, r->slots, most);
    }
    for (int64_t s = 0; s < r->slots; s++)
        if (nearest[s] != NEVER)
            r->image[s] = -1;
    r->n = r->room;
done:
    fk_free(slot);
    fk_free(nearest);
    return st;
}

/* ---- Joining ---- */

/* Put n patches into the first empty slots; x gives the rows' addresses. */
static fleck_status join_block(fk_reduced *r, const fk_metric *m, const float *const *x,
                               const int64_t *images, int64_t n, fk_pool *pool, fleck_error *err)
{
    int64_t slot[FK_REDUCED_BLOCK], found = 0;
    fleck_status st;

    assert(r->n <= r->room && n <= FK_REDUCED_BLOCK);
    if (r->n + n > r->room)
        FK_DO(open_table(r, m, pool, err));
    FK_DO(reserve(r, r->n + n, err));
    for (int64_t s = 0; found < n; s++)
        if (r->image[s] < 0)
            slot[found++] = s;
    for (int64_t i = 0; i < n; i++)
        memcpy(r->rows + slot[i] * r->dim, x[i], (size_t)r->dim * sizeof **x);
    if (r->between != NULL) {
        FK_DO(whiten(r, m, slot, n, pool, err));
        FK_DO(compare(r, slot, n, pool, err));
    }
    for (int64_t i = 0; i < n; i++)
        r->image[slot[i]] = images[i];
    if (r->n + n > r->room)
        st = reduce(r, err);
    else
        r->n += n;
    for (int64_t i = 0; i < n && st != FLECK_OK; i++)
        r->image[slot[i]] = -1;
done:
    return st;
}

/* n patches in as few blocks of like size as there may be. */
static fleck_status join(fk_reduced *r, const fk_metric *m, const float *const *x,
                         const int64_t *images, int64_t n, fk_pool *pool, fleck_error *err)
{
    int64_t blocks = (n + FK_REDUCED_BLOCK - 1) / FK_REDUCED_BLOCK;
    fleck_status st = FLECK_OK;

    assert(m->d == r->d);
    for (int64_t b = 0; b < blocks; b++) {
        int64_t first = b * n / blocks, end = (b + 1) * n / blocks;

        FK_DO(join_block(r, m, x + first, images + first, end - first, pool, err));
    }
done:
    return st;
}

fleck_status fk_reduced_join(fk_reduced *r, const fk_metric *m, const float *x,
                             const int64_t *images, int64_t first, int64_t n, fk_pool *pool,
                             fleck_error *err)
{
    const float **rows = NULL;
    int64_t *numbers = NULL;
    fleck_status st;

    FK_DO(FK_ALLOC(&rows, n, err));
    FK_DO(FK_ALLOC(&numbers, n, err));
    for (int64_t i = 0; i < n; i++) {
        rows[i] = x + i * r->dim;
        numbers[i] = images[i] + first;
    }
    FK_DO(join(r, m, rows, numbers, n, pool, err));
done:
    fk_free(rows);
    fk_free(numbers);
    return st;
}

fleck_status fk_reduced_add(fk_reduced *r, const fk_metric *m, const fk_level *level, int64_t image,
                            fk_pool *pool, fleck_error *err)
{
    int64_t cells = level->height * level->width, n = 0, *images = NULL;
    const float **rows = NULL;
    fleck_status st;

    FK_DO(FK_ALLOC(&rows, cells, err));
    FK_DO(FK_ALLOC(&images, cells, err));
    for (int64_t p = 0; p < cells; p++)
        if (level->valid == NULL || level->valid[p] != 0) {
            rows[n] = level->data + p * r->dim;
            images[n++] = image;
        }
    FK_DO(join(r, m, rows, images, n, pool, err));
done:
    fk_free(rows);
    fk_free(images);
    return st;
}

void fk_reduced_copy(const fk_reduced *r, float *x, int64_t *images)
{
    int64_t n = 0;

    for (int64_t s = 0; s < r->reserved; s++)
        if (r->image[s] >= 0) {
            memcpy(x + n * r->dim, r->rows + s * r->dim, (size_t)r->dim * sizeof *x);
            images[n++] = r->image[s];
        }
}
