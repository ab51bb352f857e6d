/* SPDX-License-Identifier: Apache-2.0 */
/* A store of embeddings in the order of images: in memory up to a budget, beyond it in a temporary
 * file. */
#include "base/spool.h"
#include "base/mem.h"
#include "base/scratch.h"
#include "base/str.h"

#include <assert.h>
#include <string.h>

struct fk_spool {
    int64_t n_pos, dim, bytes; /* bytes of an image */
    int64_t budget, count;
    char *folder;
    float **memory; /* [n_memory] the first images */
    int64_t n_memory, room;
    fk_scratch file; /* the others, in order */
};

fleck_status fk_spool_open(fk_spool **out, int64_t n_pos, int64_t dim, int64_t budget,
                           const char *folder, fleck_error *err)
{
    fk_spool *s = NULL;
    int64_t numbers;
    fleck_status st;

    *out = NULL;
    if (!fk_mul_fits(n_pos, dim, &numbers) || numbers > INT64_MAX / (int64_t)sizeof(float))
        return fk_error_set(err, FLECK_E_NOMEM, "embeddings of [%lld, %lld] do not fit",
                            (long long)n_pos, (long long)dim);
    FK_DO(FK_CALLOC(&s, 1, err));
    s->n_pos = n_pos;
    s->dim = dim;
    s->bytes = numbers * (int64_t)sizeof(float);
    s->budget = budget;
    if (folder != NULL)
        FK_DO(fk_strdup(&s->folder, folder, err));
    *out = s;
    s = NULL;
done:
    fk_spool_close(&s);
    return st;
}

void fk_spool_close(fk_spool **handle)
{
    fk_spool *s = *handle;

    if (s == NULL)
        return;
    for (int64_t i = 0; i < s->n_memory; i++)
        fk_free(s->memory[i]);
    fk_free(s->memory);
    fk_free(s->folder);
    fk_scratch_close(&s->file);
    fk_free(s);
    *handle = NULL;
}

static fleck_status append_memory(fk_spool *s, const float *image, fleck_error *err)
{
    float *copy = NULL;
    fleck_status st;

    if (s->n_memory == s->room) {
        int64_t room = s->room > 0 ? 2 * s->room : 16;

        FK_DO(fk_grow((void **)&s->memory, s->n_memory, room, sizeof(float *), err));
        s->room = room;
    }
    FK_DO(FK_ALLOC(&copy, s->n_pos * s->dim, err));
    memcpy(copy, image, (size_t)s->bytes);
    s->memory[s->n_memory++] = copy;
    s->count++;
done:
    return st;
}

fleck_status fk_spool_append(fk_spool *s, const float *image, fleck_error *err)
{
    fleck_status st;

    /* Once one image is in the file, all later ones are. */
    if (s->count == s->n_memory && (s->count + 1) * s->bytes <= s->budget)
        return append_memory(s, image, err);
    if (s->folder == NULL)
        FK_FAIL(err, FLECK_E_LIMIT,
                "%lld embeddings of %lld bytes exceed the %lld allowed in memory, and no folder "
                "was named for a temporary file",
                (long long)s->count + 1, (long long)s->bytes, (long long)s->budget);
    if (s->file.folder == NULL)
        FK_DO(fk_scratch_open(&s->file, s->folder, err));
    FK_DO(fk_scratch_write(&s->file, image, s->bytes, (s->count - s->n_memory) * s->bytes, err));
    s->count++;
done:
    return st;
}

int64_t fk_spool_count(const fk_spool *s)
{
    return s->count;
}

void fk_spool_used(const fk_spool *s, int64_t *memory, int64_t *file)
{
    *memory = s->n_memory * s->bytes;
    *file = (s->count - s->n_memory) * s->bytes;
}

fleck_status fk_spool_read(const fk_spool *s, int64_t image, int64_t first, int64_t last,
                           float *out, fleck_error *err)
{
    int64_t size = (last - first) * s->dim * (int64_t)sizeof(float);

    assert(image >= 0 && image < s->count && first >= 0 && first <= last && last <= s->n_pos);
    if (image >= s->n_memory)
        return fk_scratch_read(
            &s->file, out, size,
            (image - s->n_memory) * s->bytes + first * s->dim * (int64_t)sizeof(float), err);
    memcpy(out, s->memory[image] + first * s->dim, (size_t)size);
    return FLECK_OK;
}
