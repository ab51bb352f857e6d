/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of images in folders, and of the entries skipped there. */
#include "dataset/listing.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Folders seen ---- */

typedef struct fk_folder_id {
    uint64_t device, inode;
    fk_passed_why why; /* reason for skipping it; 0: a free slot */
} folder_id;

/* The slot of a folder in the table, or the free slot for it. */
static folder_id *slot_of(const fk_listing *l, uint64_t device, uint64_t inode)
{
    uint64_t i = (inode * UINT64_C(0x9e3779b97f4a7c15) ^ device) % (uint64_t)l->seen_room;

    while (l->seen[i].why != 0 && (l->seen[i].device != device || l->seen[i].inode != inode))
        i = (i + 1) % (uint64_t)l->seen_room;
    return &l->seen[i];
}

/* Add a folder to the table.  If it is there already, *before becomes the reason for skipping
 * it, else 0. */
static fleck_status add_seen(fk_listing *l, const struct stat *info, fk_passed_why why,
                             fk_passed_why *before, fleck_error *err)
{
    folder_id id = {(uint64_t)info->st_dev, (uint64_t)info->st_ino, why}, *place;
    fleck_status st = FLECK_OK;

    if (2 * l->n_seen >= l->seen_room) {
        fk_listing larger = {.seen_room = l->seen_room > 0 ? 2 * l->seen_room : 64};

        FK_DO(FK_CALLOC(&larger.seen, larger.seen_room, err));
        for (int64_t i = 0; i < l->seen_room; i++)
            if (l->seen[i].why != 0)
                *slot_of(&larger, l->seen[i].device, l->seen[i].inode) = l->seen[i];
        fk_free(l->seen);
        l->seen = larger.seen;
        l->seen_room = larger.seen_room;
    }
    place = slot_of(l, id.device, id.inode);
    *before = place->why;
    if (place->why == 0) {
        *place = id;
        l->n_seen++;
    }
done:
    return st;
}

fleck_status fk_listing_leave_out(fk_listing *l, const char *folder, fleck_error *err)
{
    struct stat info;
    fk_passed_why before;

    if (stat(folder, &info) != 0 || !S_ISDIR(info.st_mode))
        return FLECK_OK;
    return add_seen(l, &info, FK_PASSED_OUTPUT, &before, err);
}

/* ---- Skipped entries ---- */

static fleck_status add_passed(fk_listing *l, fk_passed_why why, const char *what, const char *path,
                               int64_t count, fleck_error *err)
{
    fk_passed p = {.why = why, .count = count};
    fleck_status st = FLECK_OK;

    for (int64_t i = 0; i < l->n_passed; i++) {
        if (l->passed[i].why != why || strcmp(l->passed[i].what, what) != 0)
            continue;
        l->passed[i].count += count;
        return FLECK_OK;
    }
    if (l->n_passed == l->passed_room) {
        int64_t room = l->passed_room > 0 ? 2 * l->passed_room : 16;

        FK_DO(fk_grow((void **)&l->passed, l->n_passed, room, sizeof *l->passed, err));
        l->passed_room = room;
    }
    FK_DO(fk_strdup(&p.what, what, err));
    FK_DO(fk_strdup(&p.first, path, err));
    l->passed[l->n_passed++] = p;
    return FLECK_OK;
done:
    fk_free(p.what);
    return st;
}

fleck_status fk_listing_merge(fk_listing *l, const fk_listing *from, fleck_error *err)
{
    fleck_status st = FLECK_OK;

    for (int64_t i = 0; i < from->n_passed && st == FLECK_OK; i++) {
        const fk_passed *p = &from->passed[i];

        st = add_passed(l, p->why, p->what, p->first, p->count, err);
    }
    return st;
}

/* ---- Searching ---- */

/* A folder being searched.  sub: name of a sub-folder whose images are only counted, or NULL. */
typedef struct search {
    fk_listing *out;
    const fk_listing *above; /* its table has the folders above the first one */
    fk_look_fn *look;
    bool recursive;
    const char *sub;
} search;

typedef struct entry {
    char *name;
    unsigned char type; /* DT_... */
} entry;

typedef struct entries {
    entry *items;
    int64_t count, room;
} entries;

static void entries_free(entries *e)
{
    for (int64_t i = 0; i < e->count; i++)
        fk_free(e->items[i].name);
    fk_free(e->items);
    *e = (entries){0};
}

static int by_name(const void *a, const void *b)
{
    return fk_natural_compare(((const entry *)a)->name, ((const entry *)b)->name);
}

static fleck_status add_entry(entries *e, const struct dirent *from, fleck_error *err)
{
    fleck_status st;

    if (e->count == e->room) {
        int64_t room = e->room > 0 ? 2 * e->room : 64;

        FK_DO(fk_grow((void **)&e->items, e->count, room, sizeof *e->items, err));
        e->room = room;
    }
    FK_DO(fk_strdup(&e->items[e->count].name, from->d_name, err));
    e->items[e->count++].type = from->d_type;
done:
    return st;
}

static fleck_status read_entries(entries *out, const char *folder, fleck_error *err)
{
    DIR *dir = opendir(folder);
    struct dirent *from;
    fleck_status st = FLECK_OK;

    if (dir == NULL)
        return fk_error_errno(err, "cannot list", folder);
    for (errno = 0; (from = readdir(dir)) != NULL; errno = 0)
        if (strcmp(from->d_name, ".") != 0 && strcmp(from->d_name, "..") != 0)
            FK_DO(add_entry(out, from, err));
    if (errno != 0) /* a network share that is gone ends the list early */
        FK_FAIL(err, FLECK_E_IO, "cannot list %s to its end: %s", folder, strerror(errno));
    if (out->count > 1)
        qsort(out->items, (size_t)out->count, sizeof *out->items, by_name);
done:
    if (st != FLECK_OK)
        entries_free(out);
    closedir(dir);
    return st;
}

/* Read the file's first bytes; false if that fails. */
static bool read_head(uint8_t *head, size_t *size, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    ssize_t n;

    if (fd < 0)
        return false;
    n = pread(fd, head, FK_LOOK_SIZE, 0);
    close(fd);
    *size = n > 0 ? (size_t)n : 0;
    return n >= 0;
}

static fleck_status add_image(search *s, const char *path, bool hidden, fleck_error *err)
{
    if (s->sub != NULL)
        return hidden ? FLECK_OK : add_passed(s->out, FK_PASSED_SUB, s->sub, path, 1, err);
    if (hidden)
        return add_passed(s->out, FK_PASSED_HIDDEN, "", path, 1, err);
    return fk_names_add(&s->out->paths, path, err);
}

static fleck_status add_file(search *s, const char *path, const char *name, fleck_error *err)
{
    uint8_t head[FK_LOOK_SIZE];
    bool hidden = name[0] == '.';
    const char *format = NULL;
    size_t size = 0;
    fk_look found = s->look(name, NULL, 0, &format);

    if (found == FK_LOOK_BYTES)
        found = read_head(head, &size, path) ? s->look(name, head, size, &format) : FK_LOOK_IMAGE;
    if (found == FK_LOOK_IMAGE)
        return add_image(s, path, hidden, err);
    if (s->sub != NULL || hidden)
        return FLECK_OK;
    if (found == FK_LOOK_KNOWN)
        return add_passed(s->out, FK_PASSED_FORMAT, format, path, 1, err);
    return add_passed(s->out, found == FK_LOOK_OWN ? FK_PASSED_OWN : FK_PASSED_OTHER, "", path, 1,
                      err);
}

static fleck_status search_folder(search *s, const char *folder, fleck_error *err);

/* Folders that no person made: their names begin with a dot, or network storage, Windows or macOS
 * keeps thumbnails and deleted files in them. */
static bool is_hidden_folder(const char *name)
{
    static const char *const names[] = {"@eaDir",       "#recycle",           "@Recycle",
                                        "#snapshot",    "@Recently-Snapshot", "__MACOSX",
                                        "$RECYCLE.BIN", "lost+found"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (fk_same_word(name, names[i]))
            return true;
    return name[0] == '.';
}

/* Add a folder below the first one. */
static fleck_status add_folder(search *s, const char *path, const char *name,
                               const struct stat *info, fleck_error *err)
{
    fk_listing *l = s->out;
    fk_passed_why before = FK_PASSED_NOT;
    search below = *s;
    fleck_error why = {0};
    fleck_status st;

    if (is_hidden_folder(name))
        return s->sub != NULL ? FLECK_OK : add_passed(l, FK_PASSED_HIDDEN_SUB, name, path, 1, err);
    if (s->above->n_seen > 0)
        before = slot_of(s->above, (uint64_t)info->st_dev, (uint64_t)info->st_ino)->why;
    if (before == FK_PASSED_NOT)
        FK_DO(add_seen(l, info, FK_PASSED_AGAIN, &before, err));
    if (before != FK_PASSED_NOT)
        return s->sub != NULL ? FLECK_OK : add_passed(l, before, name, path, 1, err);
    if (!s->recursive && s->sub == NULL)
        below.sub = name;
    st = search_folder(&below, path, &why);
    if (st == FLECK_E_NOMEM || st == FLECK_E_CANCELLED || st == FLECK_OK) {
        if (st != FLECK_OK)
            fk_error_set(err, st, "%s", why.message);
        return st;
    }
    if (s->recursive)
        return fk_names_add(&l->broken, why.message, err);
    return add_passed(l, FK_PASSED_CLOSED, name, path, 1, err);
done:
    return st;
}

static fleck_status add_one(search *s, const char *folder, const entry *e, fleck_error *err)
{
    bool file = e->type == DT_REG;
    char *path = NULL;
    struct stat info;
    fleck_status st;

    FK_DO(fk_path_join(&path, folder, e->name, err));
    if (!file && stat(path, &info) != 0) /* it may be an image; reading it gives the error */
        st = e->name[0] == '.' ? FLECK_OK : add_image(s, path, false, err);
    else if (!file && S_ISDIR(info.st_mode))
        st = add_folder(s, path, e->name, &info, err);
    else if (file || S_ISREG(info.st_mode))
        st = add_file(s, path, e->name, err);
    else if (s->sub == NULL && e->name[0] != '.')
        st = add_passed(s->out, FK_PASSED_OTHER, "", path, 1, err);
done:
    fk_free(path);
    return st;
}

static fleck_status search_folder(search *s, const char *folder, fleck_error *err)
{
    fk_watch *watch = s->out->watch;
    entries all = {0};
    fleck_status st;

    FK_DO(read_entries(&all, folder, err));
    for (int64_t i = 0; i < all.count; i++) {
        FK_DO(add_one(s, folder, &all.items[i], err));
        FK_DO(fk_watch_step(watch, watch != NULL ? watch->done + 1 : 0, err));
    }
done:
    entries_free(&all);
    return st;
}

/* Add the folders above folder to the table. */
static fleck_status add_seen_above(fk_listing *above, const char *folder, fleck_error *err)
{
    char path[PATH_MAX], *slash;
    struct stat info;
    fk_passed_why before;
    fleck_status st = FLECK_OK;

    if (realpath(folder, path) == NULL)
        return FLECK_OK;
    while ((slash = strrchr(path, '/')) != NULL && path[1] != '\0') {
        slash[slash == path] = '\0';
        if (stat(path, &info) == 0)
            FK_DO(add_seen(above, &info, FK_PASSED_LOOP, &before, err));
    }
done:
    return st;
}

fleck_status fk_listing_add(fk_listing *l, const char *folder, bool recursive, fk_look_fn *look,
                            fleck_error *err)
{
    fk_listing above = {0};
    search s = {.out = l, .above = &above, .look = look, .recursive = recursive};
    fk_passed_why before;
    struct stat info;
    fleck_status st;

    if (stat(folder, &info) != 0)
        return fk_error_errno(err, "cannot list", folder);
    FK_DO(add_seen_above(&above, folder, err));
    FK_DO(add_seen(l, &info, FK_PASSED_AGAIN, &before, err));
    FK_DO(search_folder(&s, folder, err));
done:
    fk_listing_free(&above);
    return st;
}

void fk_listing_free(fk_listing *l)
{
    for (int64_t i = 0; i < l->n_passed; i++) {
        fk_free(l->passed[i].what);
        fk_free(l->passed[i].first);
    }
    fk_free(l->passed);
    fk_free(l->seen);
    fk_names_free(&l->paths);
    fk_names_free(&l->broken);
    *l = (fk_listing){0};
}

/* ---- The text ---- */

int64_t fk_listing_passed(const fk_listing *l)
{
    int64_t n = 0;

    for (int64_t i = 0; i < l->n_passed; i++)
        n += l->passed[i].why <= FK_PASSED_HIDDEN ? l->passed[i].count : 0;
    return n;
}

/* Up to so many folders are named for one reason; otherwise their number is given. */
#define MOST_NAMED 3

/* Number of files skipped for this reason, and of different entries. */
static int64_t count_of(const fk_listing *l, fk_passed_why why, int64_t *different)
{
    int64_t n = 0;

    *different = 0;
    for (int64_t i = 0; i < l->n_passed; i++)
        if (l->passed[i].why == why) {
            n += l->passed[i].count;
            (*different)++;
        }
    return n;
}

static fleck_status add_one_reason(fk_text *t, const fk_passed *p, fleck_error *err)
{
    const char *s = p->count == 1 ? "" : "s";
    long long n = p->count;

    switch (p->why) {
    case FK_PASSED_SUB:
        return fk_text_printf(t, err, "%lld in %s/ (--recursive)", n, p->what);
    case FK_PASSED_FORMAT:
        return fk_text_printf(t, err, "%lld %s", n, p->what);
    case FK_PASSED_HIDDEN:
        return fk_text_printf(t, err, "%lld hidden", n);
    case FK_PASSED_OWN:
        return fk_text_printf(t, err, "%lld picture%s that fleck drew", n, s);
    case FK_PASSED_OUTPUT:
        return fk_text_printf(t, err, "the output folder %s/", p->what);
    case FK_PASSED_LOOP:
        return fk_text_printf(t, err, "%s/, a link that leads back", p->what);
    case FK_PASSED_AGAIN:
        return fk_text_printf(t, err, "%s/, which was searched before", p->what);
    case FK_PASSED_CLOSED:
        return fk_text_printf(t, err, "%s/, which cannot be listed", p->what);
    case FK_PASSED_HIDDEN_SUB:
        return fk_text_printf(t, err, "hidden folder %s/", p->what);
    default:
        return fk_text_printf(t, err, "%lld other file%s", n, s);
    }
}

/* For reasons that name folders, if there are many. */
static fleck_status add_joint_reason(fk_text *t, fk_passed_why why, int64_t count,
                                     int64_t different, fleck_error *err)
{
    if (why == FK_PASSED_SUB)
        return fk_text_printf(t, err, "%lld in %lld sub-folders (--recursive)", (long long)count,
                              (long long)different);
    return fk_text_printf(t, err, "%lld %s", (long long)different,
                          why == FK_PASSED_LOOP     ? "links that lead back"
                          : why == FK_PASSED_AGAIN  ? "folders that were searched before"
                          : why == FK_PASSED_CLOSED ? "folders that cannot be listed"
                          : why == FK_PASSED_OUTPUT ? "output folders"
                                                    : "hidden folders");
}

static fleck_status add_reason(fk_text *t, const fk_listing *l, fk_passed_why why, fleck_error *err)
{
    int64_t different, n = count_of(l, why, &different);
    fleck_status st = FLECK_OK;

    if (different > MOST_NAMED && why != FK_PASSED_FORMAT) {
        if (t->length > 0)
            FK_DO(fk_text_add(t, ", ", 2, err));
        FK_DO(add_joint_reason(t, why, n, different, err));
        goto done;
    }
    for (int64_t i = 0; i < l->n_passed; i++) {
        if (l->passed[i].why != why)
            continue;
        if (t->length > 0)
            FK_DO(fk_text_add(t, ", ", 2, err));
        FK_DO(add_one_reason(t, &l->passed[i], err));
    }
done:
    return st;
}

fleck_status fk_listing_text(char **out, const fk_listing *l, fleck_error *err)
{
    fk_text t = {0};
    fleck_status st = FLECK_OK;

    *out = NULL;
    for (int why = FK_PASSED_SUB; why <= FK_PASSED_OTHER; why++)
        FK_DO(add_reason(&t, l, (fk_passed_why)why, err));
    FK_DO(fk_strdup(out, t.data != NULL ? t.data : "", err));
done:
    fk_text_free(&t);
    return st;
}
