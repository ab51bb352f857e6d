/* SPDX-License-Identifier: Apache-2.0 */
/* A watched folder as a source: files that land, and those that are there already.
 *
 * Every file that may have to be judged is an item.  Items come from the kernel (a file was closed
 * after writing, or renamed into the folder: it is complete) and from walks through the folder (it
 * is complete if nobody writes to it and it does not change for a moment).  An item leaves the list
 * when its file was judged before, or is gone, or its inspection is in the database. */
#define _GNU_SOURCE
#include "watch.h"
#include "pictures.h"
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { MOST_ITEMS = 4096, MOST_FLIGHTS = 8, SCAN_AT_ONCE = 256 };
/* Seconds: a file that does not change for so long is complete; the second where it cannot be known
 * whether someone writes to it. */
#define SETTLE 0.5
#define SETTLE_UNKNOWN 2.0
/* Until a file is looked at again that was closed, and is open for writing all the same. */
#define WRITTEN_AGAIN 0.02
#define NETWORK_POLL 2.0
#define MOST_WAIT 30.0
#define CHECK 1.0

struct flight;

typedef struct item {
    char *path, *name; /* relative to the folder; the same as UTF-8 */
    double due;        /* when it is looked at next */
    bool complete;     /* the kernel told so */
    bool again;        /* something happened while it was judged */
    bool moved;        /* its file was renamed while it was judged */
    double since;      /* its status is `before` since then; 0: not looked at */
    struct stat before;
    int tries;
    struct flight *flight;
    struct item *next;
} item;

typedef struct watch {
    sv_source *src;
    const char *folder;
    bool subfolders, once, reopen;
    double poll, next_poll; /* seconds; poll 0: the kernel tells */
    double checked;
    int root, inotify;
    char **folders; /* [n_folders] by watch descriptor, NULL: none */
    int n_folders;
    sv_scan scan;
    item *items, **last; /* in the order in which they came */
    int n_items, n_flights;
    pthread_mutex_t lock;
    struct flight *done;
} watch;

/* An item that is being judged. */
typedef struct flight {
    watch *w;
    item *item;
    sv_image image;
    sv_judged_file seen;
    unsigned char *bytes;
    char hash[33];
    struct flight *next;
} flight;

/* ---- Items ---- */

static void item_free(item *i)
{
    free(i->path);
    fleck_free(i->name);
    free(i);
}

static void item_remove(watch *w, item *gone)
{
    item **p = &w->items;

    while (*p != gone)
        p = &(*p)->next;
    if ((*p = gone->next) == NULL)
        w->last = p;
    w->n_items--;
    item_free(gone);
}

/* Look at a file; takes path over.  complete: the kernel told that it is. */
static void add(watch *w, char *path, bool complete)
{
    item *i;

    for (i = w->items; i != NULL; i = i->next)
        if (strcmp(i->path, path) == 0) {
            i->again = i->flight != NULL;
            i->complete = i->complete || complete;
            if (complete)
                i->due = 0;
            free(path);
            return;
        }
    if ((i = calloc(1, sizeof *i)) == NULL || (i->name = fleck_utf8_name(path)) == NULL) {
        free(i);
        free(path);
        w->reopen = true; /* a walk finds it again */
        return;
    }
    i->path = path;
    i->complete = complete;
    *w->last = i;
    w->last = &i->next;
    w->n_items++;
}

/* ---- The folder ---- */

static bool on_network(int fd)
{
    static const unsigned kinds[] = {0x6969 /* NFS */,      0x517b /* SMB */,
                                     0xff534d42 /* CIFS */, 0xfe534d42 /* SMB2 */,
                                     0x01021997 /* 9P */,   0x65735546 /* FUSE */};
    struct statfs s;

    for (size_t i = 0; fstatfs(fd, &s) == 0 && i < sizeof kinds / sizeof kinds[0]; i++)
        if ((unsigned)s.f_type == kinds[i])
            return true;
    return false;
}

static void close_folder(watch *w)
{
    sv_scan_end(&w->scan);
    for (int i = 0; i < w->n_folders; i++)
        free(w->folders[i]);
    free(w->folders);
    w->folders = NULL;
    w->n_folders = 0;
    if (w->inotify >= 0)
        close(w->inotify);
    if (w->root >= 0)
        close(w->root);
    w->inotify = w->root = -1;
    w->reopen = false;
}

/* Before a folder is read, so that no file lands unseen between. */
static void enter(void *ctx, const char *path, int fd)
{
    watch *w = ctx;
    char link[64];
    int wd;

    if (w->inotify < 0)
        return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    wd = inotify_add_watch(w->inotify, link,
                           IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_ATTRIB |
                               IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);
    if (wd >= w->n_folders) {
        char **larger = realloc(w->folders, (size_t)(wd * 2 + 16) * sizeof *larger);

        if (larger != NULL) {
            for (int i = w->n_folders; i < wd * 2 + 16; i++)
                larger[i] = NULL;
            w->folders = larger;
            w->n_folders = wd * 2 + 16;
        }
    }
    if (wd < 0 || wd >= w->n_folders) { /* the system's limit of watches: look regularly instead */
        close(w->inotify);
        w->inotify = -1;
        return;
    }
    free(w->folders[wd]);
    w->folders[wd] = strdup(path);
}

/* Whether files are found by walks alone. */
static double poll_seconds(const watch *w)
{
    return w->poll > 0 ? w->poll : w->inotify < 0 ? NETWORK_POLL : 0;
}

static bool open_folder(watch *w)
{
    sv_source *src = w->src;

    w->root = open(w->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (w->root < 0) {
        sv_source_set_state(src, "waiting", "%s: %s", w->folder, strerror(errno));
        return false;
    }
    if (w->poll == 0 && !on_network(w->root))
        w->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    w->scan = (sv_scan){.subfolders = w->subfolders, .enter = enter, .ctx = w};
    if (!sv_scan_begin(&w->scan, w->root, "")) {
        sv_source_set_state(src, "waiting", "%s: %s", w->folder, strerror(errno));
        close_folder(w);
        return false;
    }
    w->next_poll = sv_seconds() + poll_seconds(w);
    sv_source_set_state(src, "running", "%s", "");
    return true;
}

/* See about once a second whether the path still names the open folder: it may have been removed,
 * renamed, or hidden by a disk that was mounted over it. */
static void check_folder(watch *w)
{
    struct stat here, there;

    if (sv_seconds() - w->checked < CHECK)
        return;
    w->checked = sv_seconds();
    if (stat(w->folder, &here) != 0 || fstat(w->root, &there) != 0 || here.st_ino != there.st_ino ||
        here.st_dev != there.st_dev)
        w->reopen = true;
}

/* Walk on, as far as there is room for items. */
static void walk(watch *w)
{
    struct stat status;
    fleck_error err = {0};
    char *path;

    if (w->scan.depth == 0 && poll_seconds(w) > 0 && sv_seconds() >= w->next_poll && !w->once) {
        w->next_poll = sv_seconds() + poll_seconds(w);
        (void)sv_scan_begin(&w->scan, w->root, "");
    }
    for (int i = 0; i < SCAN_AT_ONCE && w->n_items < MOST_ITEMS; i++) {
        char *name;

        if (!sv_scan_next(&w->scan, &path, &status))
            return;
        name = fleck_utf8_name(path);
        if (name != NULL &&
            sv_judged_by_status(w->src->server, w->src->id, name, &status, &err) == SV_KNOWN)
            free(path);
        else
            add(w, path, false);
        fleck_free(name);
    }
}

/* ---- What the kernel tells ---- */

static void on_moved(watch *w, const char *path)
{
    char *name = fleck_utf8_name(path);

    if (name != NULL)
        sv_seen_moved(&w->src->server->db, w->src->id, name);
    fleck_free(name);
    for (item *i = w->items; i != NULL; i = i->next)
        if (i->flight != NULL && strcmp(i->path, path) == 0)
            i->moved = true; /* it is not noted yet */
}

static void on_file(watch *w, const char *folder, const struct inotify_event *e)
{
    const char *name = e->name;
    char *path;
    struct stat status;
    fleck_error err = {0};

    if (!sv_scan_wanted(name) || (path = sv_join(folder, name)) == NULL)
        return;
    if ((e->mask & (IN_CLOSE_WRITE | IN_MOVED_TO)) != 0) {
        add(w, path, true);
        return;
    }
    if ((e->mask & IN_MOVED_FROM) != 0) {
        on_moved(w, path);
        free(path);
        return;
    }
    if (fstatat(w->root, path, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode)) {
        char *shown = fleck_utf8_name(path);
        /* A hard link is never closed; a file that could not be read may be readable now. */
        const bool look =
            shown != NULL &&
            ((e->mask & IN_CREATE) != 0 ? status.st_nlink > 1
                                        : sv_judged_by_status(w->src->server, w->src->id, shown,
                                                              &status, &err) == SV_UNREAD);

        fleck_free(shown);
        if (look) {
            add(w, path, false);
            return;
        }
    }
    free(path);
}

static void on_event(watch *w, const struct inotify_event *e)
{
    const char *folder = e->wd >= 0 && e->wd < w->n_folders ? w->folders[e->wd] : NULL;
    char *path;

    /* Events were lost, or paths below have changed: a walk follows. */
    if ((e->mask & (IN_Q_OVERFLOW | IN_UNMOUNT)) != 0 ||
        (w->subfolders && (e->mask & IN_ISDIR) != 0 && (e->mask & IN_MOVED_FROM) != 0)) {
        w->reopen = true;
    } else if (folder == NULL) {
        return;
    } else if ((e->mask & (IN_DELETE_SELF | IN_MOVE_SELF)) != 0) {
        w->reopen = w->reopen || folder[0] == '\0';
    } else if ((e->mask & IN_ISDIR) == 0) {
        if (e->len > 0)
            on_file(w, folder, e);
    } else if (w->subfolders && (e->mask & (IN_CREATE | IN_MOVED_TO)) != 0 &&
               sv_scan_wanted(e->name)) {
        if ((path = sv_join(folder, e->name)) == NULL || !sv_scan_begin(&w->scan, w->root, path))
            w->reopen = w->reopen || w->scan.depth == SV_MOST_DEPTH;
        free(path);
    }
}

static void read_events(watch *w)
{
    _Alignas(struct inotify_event) char buffer[16 << 10];
    ssize_t n;

    /* What does not fit into the list stays with the kernel; if that overflows, a walk follows. */
    while (w->inotify >= 0 && w->n_items < MOST_ITEMS &&
           (n = read(w->inotify, buffer, sizeof buffer)) > 0)
        for (const char *p = buffer; p < buffer + n;) {
            const struct inotify_event *e = (const void *)p;

            p += sizeof *e + e->len;
            on_event(w, e);
        }
}

/* ---- Judging ---- */

static void on_done(sv_image *image)
{
    flight *f = image->ctx;
    watch *w = f->w;

    pthread_mutex_lock(&w->lock);
    f->next = w->done;
    w->done = f;
    sv_source_wake(w->src);
    pthread_mutex_unlock(&w->lock);
}

static void flight_free(flight *f)
{
    sv_image_free(&f->image);
    free(f->bytes);
    free(f);
}

static void later(item *i, double seconds)
{
    i->due = sv_seconds() + seconds;
}

/* Try again after a failure that is not the file's: at once, then ever more slowly. */
static void retry(item *i)
{
    const double wait = 0.2 * (double)(1 << (i->tries < 8 ? i->tries : 8));

    i->tries++;
    later(i, wait < MOST_WAIT ? wait : MOST_WAIT);
}

static void collect(watch *w)
{
    flight *f, *next;

    pthread_mutex_lock(&w->lock);
    f = w->done;
    w->done = NULL;
    pthread_mutex_unlock(&w->lock);
    for (; f != NULL; f = next) {
        item *i = f->item;
        sv_source *src = w->src;

        next = f->next;
        w->n_flights--;
        i->flight = NULL;
        if (i->moved)
            sv_seen_moved(&src->server->db, src->id, i->name);
        i->moved = false;
        if (f->image.record.id > 0) {
            sv_source_count(src, f->image.err.status == FLECK_OK ? &src->judged : &src->failed);
            sv_source_set_state(src, "running", "%s", "");
            if (i->again)
                *i = (item){
                    .path = i->path, .name = i->name, .complete = i->complete, .next = i->next};
            else
                item_remove(w, i);
        } else {
            sv_source_set_state(src, "waiting", "%s", f->image.err.message);
            retry(i);
        }
        flight_free(f);
    }
}

static bool same_status(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           sv_mtime_ns(a) == sv_mtime_ns(b);
}

/* Whether the open file is complete; if not, when to look again. */
static bool is_complete(watch *w, item *i, int fd, const struct stat *now)
{
    const double settle = poll_seconds(w) > SETTLE ? poll_seconds(w) : SETTLE;
    const int written = sv_being_written(fd);

    if (i->complete && written != 1)
        return true;
    if (i->complete) { /* another file has the name already, and its end will be told too */
        later(i, WRITTEN_AGAIN);
        return false;
    }
    if (i->since == 0 || !same_status(now, &i->before)) {
        i->before = *now;
        i->since = sv_seconds();
    }
    later(i, settle);
    if (written == 1)
        return false;
    return sv_seconds() - i->since >=
           (written == 0 || settle > SETTLE_UNKNOWN ? settle : SETTLE_UNKNOWN);
}

/* The whole file.  False: it changed meanwhile, or could not be read; errno. */
static bool read_file(int fd, const struct stat *status, unsigned char **bytes)
{
    const size_t size = (size_t)status->st_size;
    struct stat after;
    size_t got = 0;

    *bytes = malloc(size + 1);
    while (*bytes != NULL && got < size) {
        const ssize_t n = read(fd, *bytes + got, size - got);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    if (*bytes != NULL && got == size && fstat(fd, &after) == 0 && same_status(status, &after))
        return true;
    free(*bytes);
    *bytes = NULL;
    return false;
}

/* Whether the same content is being judged, under another name. */
static bool under_way(const watch *w, const flight *f)
{
    for (const item *i = w->items; i != NULL; i = i->next) {
        const sv_judged_file *s = i->flight != NULL ? &i->flight->seen : NULL;

        if (s != NULL && i->flight != f && s->inode == f->seen.inode &&
            s->device == f->seen.device && strcmp(s->hash, f->seen.hash) == 0)
            return true;
    }
    return false;
}

/* An item with its bytes, or why there are none, as an image to inspect.  Takes bytes over.  NULL:
 * out of memory. */
static flight *flight_new(watch *w, item *i, const struct stat *status, unsigned char *bytes,
                          const fleck_error *why)
{
    flight *f = calloc(1, sizeof *f);

    if (f == NULL) {
        free(bytes);
        return NULL;
    }
    if (bytes != NULL)
        sv_hash(f->hash, bytes, (size_t)status->st_size);
    f->w = w;
    f->item = i;
    f->bytes = bytes;
    f->seen = (sv_judged_file){.source = w->src->id,
                               .path = i->name,
                               .hash = f->hash,
                               .device = (int64_t)status->st_dev,
                               .inode = (int64_t)status->st_ino,
                               .size = (int64_t)status->st_size,
                               .mtime = sv_mtime_ns(status)};
    f->image = (sv_image){.product = w->src->product,
                          .name = strdup(i->name),
                          .source = strdup(w->src->label),
                          .bytes = bytes,
                          .size = (size_t)status->st_size,
                          .seen = &f->seen,
                          .caller_retries = true,
                          .received = sv_seconds(),
                          .done = on_done,
                          .ctx = f};
    if (why != NULL)
        f->image.err = *why;
    if (f->image.name != NULL && f->image.source != NULL)
        return f;
    flight_free(f);
    return NULL;
}

/* Judge the file: its bytes, or, where there are none, why not. */
static void judge(watch *w, item *i, const struct stat *status, unsigned char *bytes,
                  const fleck_error *why)
{
    sv_source *src = w->src;
    fleck_error err = {0};
    flight *f = flight_new(w, i, status, bytes, why);
    sv_known known;

    if (f == NULL) {
        retry(i);
        return;
    }
    if (under_way(w, f)) {
        flight_free(f);
        later(i, 0.05);
        return;
    }
    known = sv_judged_by_content(src->server, &f->seen, &err);
    if (known == SV_KNOWN) {
        sv_source_count(src, &src->skipped);
        flight_free(f);
        item_remove(w, i);
        return;
    }
    i->flight = f;
    i->again = i->complete = false;
    w->n_flights++;
    if (known == SV_NEW && sv_inspect(src->server->inspector, &f->image, &err))
        return;
    w->n_flights--;
    i->flight = NULL;
    i->complete = true;
    flight_free(f);
    retry(i);
}

/* Look at a file that is due. */
static void look(watch *w, item *i)
{
    sv_source *src = w->src;
    const int fd = sv_open_below(w->root, i->path, O_RDONLY | O_NONBLOCK);
    fleck_error err = {0}, why = {0};
    struct stat status;
    unsigned char *bytes = NULL;
    sv_known known;

    if (fd < 0 && errno != EACCES && errno != EPERM) {
        if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == ENXIO)
            item_remove(w, i); /* gone, or a link, or no file */
        else
            retry(i);
        return;
    }
    if (fd < 0)
        sv_error(&why, FLECK_E_IO, "%s: %s", i->name, strerror(errno));
    if ((fd >= 0 ? fstat(fd, &status) : fstatat(w->root, i->path, &status, AT_SYMLINK_NOFOLLOW)) !=
            0 ||
        !S_ISREG(status.st_mode)) {
        if (fd >= 0)
            close(fd);
        item_remove(w, i);
        return;
    }
    known = sv_judged_by_status(src->server, src->id, i->name, &status, &err);
    /* What was written just now is read: some file systems tell whole seconds. */
    if ((known == SV_KNOWN && !i->complete) || (known == SV_UNREAD && fd < 0)) {
        item_remove(w, i);
    } else if (known == SV_BROKEN) {
        retry(i);
    } else if (fd < 0) {
        judge(w, i, &status, NULL, &why);
    } else if (status.st_size > src->server->options.upload_bytes) {
        sv_error(&why, FLECK_E_LIMIT, "%s: %lld bytes; expected at most %lld", i->name,
                 (long long)status.st_size, (long long)src->server->options.upload_bytes);
        if (known == SV_UNREAD)
            item_remove(w, i);
        else if (is_complete(w, i, fd, &status))
            judge(w, i, &status, NULL, &why);
    } else if (is_complete(w, i, fd, &status)) {
        if (read_file(fd, &status, &bytes))
            judge(w, i, &status, bytes, NULL);
        else { /* it changes, or the disk fails: look again when it rests */
            i->complete = false;
            retry(i);
        }
    }
    if (fd >= 0)
        close(fd);
}

/* Look at what is due, the longest due first.  Returns seconds until the next one is. */
static double start(watch *w)
{
    for (;;) {
        const double now = sv_seconds();
        item *first = NULL;

        if (w->n_flights >= MOST_FLIGHTS)
            return MOST_WAIT;
        for (item *i = w->items; i != NULL; i = i->next)
            if (i->flight == NULL && (first == NULL || i->due < first->due))
                first = i;
        if (first == NULL)
            return MOST_WAIT;
        if (first->due > now)
            return first->due - now;
        if (!sv_source_has_model(w->src))
            return 1;
        look(w, first);
    }
}

static void rest(watch *w, double seconds)
{
    struct pollfd on[2] = {{w->src->wake, POLLIN, 0}, {w->inotify, POLLIN, 0}};
    uint64_t count;

    if (w->scan.depth > 0 && w->n_items < MOST_ITEMS)
        seconds = 0;
    if (poll_seconds(w) > 0 && w->next_poll - sv_seconds() < seconds)
        seconds = w->next_poll - sv_seconds();
    if (w->n_items >= MOST_ITEMS)
        on[1].fd = -1;
    (void)poll(on, 2, seconds > 0 ? (int)(seconds * 1000) + 1 : 0);
    (void)!read(w->src->wake, &count, sizeof count);
}

static bool open_config(watch *w, const sv_source *src)
{
    *w = (watch){.folder = json_string_value(json_object_get(src->config, "folder")),
                 .subfolders = json_is_true(json_object_get(src->config, "subfolders")),
                 .once = json_is_true(json_object_get(src->config, "once")),
                 .poll = json_number_value(json_object_get(src->config, "poll")),
                 .root = -1,
                 .inotify = -1};
    w->last = &w->items;
    pthread_mutex_init(&w->lock, NULL);
    return w->folder != NULL;
}

void sv_watch_run(sv_source *src)
{
    watch w;
    bool ok = open_config(&w, src);
    double seconds;

    w.src = src;
    while (ok && !atomic_load(&src->stop)) {
        if (w.reopen)
            close_folder(&w);
        if (w.root < 0 && !open_folder(&w)) {
            if (w.once)
                break;
            sv_source_sleep(src, 1);
            collect(&w);
            continue;
        }
        read_events(&w);
        collect(&w);
        walk(&w);
        seconds = start(&w);
        if (w.once && w.scan.depth == 0 && w.n_items == 0)
            break;
        rest(&w, seconds < CHECK ? seconds : CHECK);
        check_folder(&w);
    }
    while (w.n_flights > 0) {
        sv_source_sleep(src, 0.05);
        collect(&w);
    }
    close_folder(&w);
    while (w.items != NULL)
        item_remove(&w, w.items);
    pthread_mutex_destroy(&w.lock);
}
