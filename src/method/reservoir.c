/* A sample of bounded size of all patches.
 *
 * Every patch gets a priority that looks random but is a hash of what the image holds and of the
 * patch's position; the `room` lowest are kept, in a heap whose root is the first to go.  That is
 * sampling without replacement in one pass, and the lowest of a union are the lowest of the lowest,
 * so that merging two samples is exact.  Equal images give equal priorities; then the earlier image's
 * patch is kept, which is the same rule in any order of merging, since images keep their order. */
#include "method/reservoir.h"
#include "base/mem.h"
#include "base/prng.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void fk_reservoir_init(fk_reservoir *r, int64_t dim, int64_t room)
{
    *r = (fk_reservoir){.dim = dim, .room = room};
}

void fk_reservoir_free(fk_reservoir *r)
{
    fk_free(r->heap);
    fk_free(r->data);
    *r = (fk_reservoir){.dim = r->dim, .room = r->room};
}

/* Whether a goes before b. */
static bool goes_first(const fk_kept *a, const fk_kept *b)
{
    if (a->priority != b->priority)
        return a->priority > b->priority;
    if (a->image != b->image)
        return a->image > b->image;
    return a->position > b->position;
}

static void sift_up(fk_kept *heap, int64_t i)
{
    fk_kept moved = heap[i];

    for (; i > 0 && goes_first(&moved, &heap[(i - 1) / 2]); i = (i - 1) / 2)
        heap[i] = heap[(i - 1) / 2];
    heap[i] = moved;
}

static void sift_down(fk_kept *heap, int64_t n, int64_t i)
{
    fk_kept moved = heap[i];

    for (int64_t child = 2 * i + 1; child < n; i = child, child = 2 * i + 1) {
        child += child + 1 < n && goes_first(&heap[child + 1], &heap[child]);
        if (!goes_first(&heap[child], &moved))
            break;
        heap[i] = heap[child];
    }
    heap[i] = moved;
}

/* Memory for `more` patches, as far as there is room for them. */
static fleck_status reserve(fk_reservoir *r, int64_t more, fleck_error *err)
{
    int64_t wanted = r->n + more < r->room ? r->n + more : r->room, old, new;
    fleck_status st = FLECK_OK;

    if (wanted <= r->reserved)
        return FLECK_OK;
    wanted = wanted > r->reserved + r->reserved / 2 ? wanted : r->reserved + r->reserved / 2;
    wanted = wanted < r->room ? wanted : r->room;
    if (!fk_mul_fits(r->reserved, r->dim, &old) || !fk_mul_fits(wanted, r->dim, &new))
        return fk_error_set(err, FLECK_E_NOMEM, "%lld patches of %lld numbers do not fit",
                            (long long)wanted, (long long)r->dim);
    FK_DO(fk_grow((void **)&r->data, old, new, sizeof *r->data, err));
    FK_DO(fk_grow((void **)&r->heap, r->reserved, wanted, sizeof *r->heap, err));
    r->reserved = wanted;
done:
    return st;
}

/* Offer one patch where memory has been reserved. */
static void offer(fk_reservoir *r, const float *patch, fk_kept from)
{
    if (r->n < r->room) {
        from.row = r->n;
        r->heap[r->n] = from;
        sift_up(r->heap, r->n++);
    } else if (goes_first(&r->heap[0], &from)) {
        from.row = r->heap[0].row;
        r->heap[0] = from;
        sift_down(r->heap, r->n, 0);
    } else {
        return;
    }
    memcpy(r->data + from.row * r->dim, patch, (size_t)r->dim * sizeof *patch);
}

fleck_status fk_reservoir_offer(fk_reservoir *r, const float *patch, fk_kept from, fleck_error *err)
{
    fleck_status st = reserve(r, 1, err);

    if (st == FLECK_OK)
        offer(r, patch, from);
    return st;
}

static uint64_t digest(const float *data, int64_t n)
{
    uint64_t hash = 0;

    for (int64_t i = 0; i < n; i++) {
        uint32_t bits;

        memcpy(&bits, &data[i], sizeof bits);
        hash = fk_prng_hash(hash ^ bits);
    }
    return hash;
}

fleck_status fk_reservoir_add(fk_reservoir *r, const fk_level *level, int64_t image,
                              fleck_error *err)
{
    int64_t cells = level->height * level->width;
    uint64_t hash = digest(level->data, cells * level->dim);
    fleck_status st = reserve(r, cells, err);

    if (st != FLECK_OK)
        return st;
    for (int64_t p = 0; p < cells; p++) {
        fk_kept from = {.image = image, .position = p};

        if (level->valid != NULL && level->valid[p] == 0)
            continue;
        from.priority = fk_prng_hash(hash + (uint64_t)p);
        from.priority += from.priority == 0; /* 0 is for what always stays */
        offer(r, level->data + p * level->dim, from);
    }
    return FLECK_OK;
}

fleck_status fk_reservoir_merge(fk_reservoir *r, fk_reservoir *other, int64_t images,
                                fleck_error *err)
{
    fleck_status st = reserve(r, other->n, err);

    assert(r->dim == other->dim && r->room == other->room);
    if (st != FLECK_OK)
        return st;
    for (int64_t i = 0; i < other->n; i++) {
        fk_kept from = other->heap[i];

        from.image += images;
        offer(r, other->data + other->heap[i].row * r->dim, from);
    }
    fk_reservoir_free(other);
    return FLECK_OK;
}

static int in_order(const void *a, const void *b)
{
    const fk_kept *x = a, *y = b;

    if (x->image != y->image)
        return x->image < y->image ? -1 : 1;
    return (x->position > y->position) - (x->position < y->position);
}

fleck_status fk_reservoir_sort(fk_reservoir *r, fleck_error *err)
{
    float *data = NULL;
    int64_t count = r->reserved * r->dim; /* reserve() has checked it */
    fleck_status st;

    FK_DO(FK_ALLOC(&data, count, err));
    if (r->n > 0)
        qsort(r->heap, (size_t)r->n, sizeof *r->heap, in_order);
    for (int64_t i = 0; i < r->n; i++) {
        memcpy(data + i * r->dim, r->data + r->heap[i].row * r->dim, (size_t)r->dim * sizeof *data);
        r->heap[i].row = i;
    }
    fk_free(r->data);
    r->data = data;
done:
    return st;
}

int64_t fk_reservoir_bytes(const fk_reservoir *r, int64_t offered)
{
    int64_t n = offered < r->room ? offered : r->room;

    return 2 * n * r->dim * (int64_t)sizeof *r->data + n * (int64_t)sizeof *r->heap;
}
