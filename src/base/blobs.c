/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of bytes by name: in memory up to a budget, beyond it in a temporary file. */
#include "base/blobs.h"
#include "base/mem.h"
#include "base/scratch.h"
#include "base/str.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct blob {
    char name[FK_BLOBS_NAME];
    int64_t size;
    uint8_t *bytes; /* NULL: in the file, at offset */
    int64_t offset;
} blob;

struct fk_blobs {
    pthread_mutex_t lock; /* of everything below; blocks themselves never change */
    char *folder;
    int64_t budget, memory, file;
    fk_scratch scratch; /* closed until it is needed */
    blob *items;
    int64_t count, room;
    int64_t *slots; /* [n_slots] open addressing by name: index + 1, 0 where free */
    int64_t n_slots;
};

fleck_status fk_blobs_open(fk_blobs **out, const char *folder, int64_t budget, fleck_error *err)
{
    fk_blobs *b = NULL;
    fleck_status st;

    *out = NULL;
    FK_DO(FK_CALLOC(&b, 1, err));
    b->budget = budget;
    pthread_mutex_init(&b->lock, NULL);
    FK_DO(fk_strdup(&b->folder, folder, err));
    *out = b;
    b = NULL;
done:
    fk_blobs_close(&b);
    return st;
}

void fk_blobs_close(fk_blobs **b)
{
    if (*b == NULL)
        return;
    for (int64_t i = 0; i < (*b)->count; i++)
        fk_free((*b)->items[i].bytes);
    fk_scratch_close(&(*b)->scratch);
    pthread_mutex_destroy(&(*b)->lock);
    fk_free((*b)->items);
    fk_free((*b)->slots);
    fk_free((*b)->folder);
    fk_free(*b);
    *b = NULL;
}

/* The slot of name, or the free one where it belongs; n_slots > count. */
static int64_t find_slot(const fk_blobs *b, const char *name)
{
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
    int64_t slot;

    for (const char *p = name; *p != '\0'; p++)
        hash = (hash ^ (uint8_t)*p) * UINT64_C(1099511628211);
    slot = (int64_t)(hash % (uint64_t)b->n_slots);
    while (b->slots[slot] != 0 && strcmp(b->items[b->slots[slot] - 1].name, name) != 0)
        slot = (slot + 1) % b->n_slots;
    return slot;
}

static const blob *find(const fk_blobs *b, const char *name)
{
    int64_t item = b->n_slots > 0 ? b->slots[find_slot(b, name)] : 0;

    return item > 0 ? &b->items[item - 1] : NULL;
}

/* Make room for one more item, with at most half of the slots in use. */
static fleck_status make_room(fk_blobs *b, fleck_error *err)
{
    int64_t n = b->room > 0 ? 2 * b->room : 64, *slots = NULL;
    fleck_status st;

    if (b->count < b->room)
        return FLECK_OK;
    FK_DO(FK_CALLOC(&slots, 2 * n, err));
    st = fk_grow((void **)&b->items, b->room, n, sizeof *b->items, err);
    if (st != FLECK_OK) {
        fk_free(slots);
        return st;
    }
    b->room = n;
    fk_free(b->slots);
    b->slots = slots;
    b->n_slots = 2 * n;
    for (int64_t i = 0; i < b->count; i++)
        b->slots[find_slot(b, b->items[i].name)] = i + 1;
done:
    return st;
}

/* Add item to the table.  The lock is held. */
static fleck_status enter(fk_blobs *b, const blob *item, fleck_error *err)
{
    fleck_status st = make_room(b, err);

    if (st != FLECK_OK)
        return st;
    assert(b->items != NULL && b->slots != NULL); /* there is room now */
    b->items[b->count] = *item;
    b->slots[find_slot(b, item->name)] = ++b->count;
    return FLECK_OK;
}

fleck_status fk_blobs_put(fk_blobs *b, const char *name, const void *bytes, int64_t size,
                          fleck_error *err)
{
    blob item = {.size = size};
    bool spill, entered = false;
    fleck_status st = FLECK_OK;

    assert(strlen(name) < sizeof item.name && size >= 0);
    memcpy(item.name, name, strlen(name) + 1);
    pthread_mutex_lock(&b->lock);
    spill = b->memory + size > b->budget;
    if (find(b, name) != NULL) {
        pthread_mutex_unlock(&b->lock);
        return FLECK_OK;
    }
    if (spill && b->scratch.folder == NULL)
        st = fk_scratch_open(&b->scratch, b->folder, err);
    item.offset = b->file;
    if (st == FLECK_OK && spill)
        b->file += size; /* reserved, so that threads may write side by side */
    else if (st == FLECK_OK)
        b->memory += size;
    pthread_mutex_unlock(&b->lock);
    if (st != FLECK_OK)
        return st;
    if (spill) {
        st = fk_scratch_write(&b->scratch, bytes, size, item.offset, err);
    } else {
        st = FK_ALLOC(&item.bytes, size, err);
        if (st == FLECK_OK)
            memcpy(item.bytes, bytes, (size_t)size);
    }
    pthread_mutex_lock(&b->lock);
    if (st == FLECK_OK && find(b, name) == NULL) { /* another thread may have stored it meanwhile */
        st = enter(b, &item, err);
        entered = st == FLECK_OK;
    }
    if (!entered && !spill)
        b->memory -= size;
    pthread_mutex_unlock(&b->lock);
    if (!entered)
        fk_free(item.bytes);
    return st;
}

int64_t fk_blobs_size(fk_blobs *b, const char *name)
{
    const blob *item;
    int64_t size;

    pthread_mutex_lock(&b->lock);
    item = find(b, name);
    size = item != NULL ? item->size : -1;
    pthread_mutex_unlock(&b->lock);
    return size;
}

fleck_status fk_blobs_get(fk_blobs *b, const char *name, void *out, fleck_error *err)
{
    const blob *found;
    blob item;

    pthread_mutex_lock(&b->lock);
    found = find(b, name);
    assert(found != NULL);
    item = *found;
    pthread_mutex_unlock(&b->lock);
    if (item.bytes != NULL) {
        memcpy(out, item.bytes, (size_t)item.size);
        return FLECK_OK;
    }
    return fk_scratch_read(&b->scratch, out, item.size, item.offset, err);
}

void fk_blobs_used(fk_blobs *b, int64_t *memory, int64_t *file)
{
    pthread_mutex_lock(&b->lock);
    *memory = b->memory;
    *file = b->file;
    pthread_mutex_unlock(&b->lock);
}
