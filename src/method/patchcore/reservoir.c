/* SPDX-License-Identifier: Apache-2.0 */
/* Bottom-k sampling: patches are appended while their key is below the limit; when the memory for
 * twice the room is full the smallest are kept, and the largest of them is the new limit.  Patches
 * of equal numbers have equal keys, and the one of the first image stays. */
#include "method/patchcore/reservoir.h"
#include "base/digest.h"
#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void fk_reservoir_init(fk_reservoir *r, int64_t dim, int64_t room)
{
    *r = (fk_reservoir){.dim = dim, .room = room, .limit = UINT64_MAX};
}

void fk_reservoir_free(fk_reservoir *r)
{
    fk_free(r->rows);
    fk_free(r->images);
    fk_free(r->keys);
    fk_reservoir_init(r, r->dim, r->room);
}

static uint64_t key_of(const float *row, int64_t dim)
{
    fk_digest digest = fk_digest_block(row, (size_t)dim * sizeof *row);
    uint64_t key;

    memcpy(&key, digest.bytes, sizeof key);
    return key;
}

typedef struct place {
    uint64_t key;
    int64_t image, slot;
} place;

int64_t fk_reservoir_bytes(int64_t dim, int64_t room)
{
    /* While the smallest are brought to the front their rows are there twice. */
    return 2 * room * (2 * dim * (int64_t)sizeof(float) + 16 + (int64_t)sizeof(place));
}

static int by_key(const void *x, const void *y)
{
    const place *a = x, *b = y;

    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return a->image != b->image ? (a->image < b->image ? -1 : 1)
                                : (a->slot > b->slot) - (a->slot < b->slot);
}

/* Bring the patches at the places to the front, in their order. */
static fleck_status arrange(fk_reservoir *r, const place *places, int64_t n, fleck_error *err)
{
    float *rows = NULL;
    fleck_status st;

    FK_DO(FK_ALLOC(&rows, r->reserved * r->dim, err));
    for (int64_t i = 0; i < n; i++) {
        memcpy(rows + i * r->dim, r->rows + places[i].slot * r->dim, (size_t)r->dim * sizeof *rows);
        r->images[i] = places[i].image;
        r->keys[i] = places[i].key;
    }
    fk_free(r->rows);
    r->rows = rows;
    r->n = n;
done:
    return st;
}

fleck_status fk_reservoir_settle(fk_reservoir *r, fleck_error *err)
{
    place *places = NULL;
    int64_t kept = 0;
    fleck_status st;

    if (r->n == 0)
        return FLECK_OK;
    FK_DO(FK_ALLOC(&places, r->n, err));
    for (int64_t i = 0; i < r->n; i++)
        places[i] = (place){r->keys[i], r->images[i], i};
    qsort(places, (size_t)r->n, sizeof *places, by_key);
    for (int64_t i = 0; i < r->n && kept < r->room; i++)
        if (kept == 0 || places[kept - 1].key != places[i].key)
            places[kept++] = places[i];
    FK_DO(arrange(r, places, kept, err));
    if (kept == r->room)
        r->limit = places[kept - 1].key;
done:
    fk_free(places);
    return st;
}

/* Memory for at least one more patch. */
static fleck_status make_room(fk_reservoir *r, fleck_error *err)
{
    int64_t room = r->reserved == 0 ? 1024 : 2 * r->reserved;
    fleck_status st = FLECK_OK;

    if (r->n < r->reserved)
        return FLECK_OK;
    if (r->reserved >= 2 * r->room) {
        st = fk_reservoir_settle(r, err);
        if (st != FLECK_OK || r->n < r->reserved)
            return st;
    }
    room = room < 2 * r->room ? room : 2 * r->room;
    FK_DO(fk_grow((void **)&r->rows, r->n, room, (size_t)r->dim * sizeof *r->rows, err));
    FK_DO(fk_grow((void **)&r->images, r->n, room, sizeof *r->images, err));
    FK_DO(fk_grow((void **)&r->keys, r->n, room, sizeof *r->keys, err));
    r->reserved = room;
done:
    return st;
}

static fleck_status take(fk_reservoir *r, const float *row, int64_t image, fleck_error *err)
{
    uint64_t key = key_of(row, r->dim);
    fleck_status st = FLECK_OK;

    if (key >= r->limit)
        return FLECK_OK;
    FK_DO(make_room(r, err));
    if (key >= r->limit) /* it may have sunk */
        return FLECK_OK;
    memcpy(r->rows + r->n * r->dim, row, (size_t)r->dim * sizeof *row);
    r->images[r->n] = image;
    r->keys[r->n++] = key;
done:
    return st;
}

fleck_status fk_reservoir_offer(fk_reservoir *r, const float *x, const uint8_t *valid, int64_t n,
                                int64_t image, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    assert(r->room > 0);
    for (int64_t i = 0; i < n; i++)
        if (valid == NULL || valid[i] != 0)
            FK_DO(take(r, x + i * r->dim, image, err));
done:
    return st;
}

fleck_status fk_reservoir_join(fk_reservoir *r, const fk_reservoir *other, int64_t first,
                               fleck_error *err)
{
    fleck_status st = FLECK_OK;

    for (int64_t i = 0; i < other->n; i++)
        FK_DO(take(r, other->rows + i * r->dim, first + other->images[i], err));
done:
    return st;
}
