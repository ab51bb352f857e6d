/* SPDX-License-Identifier: Apache-2.0 */
/* fleck watch: the service without HTTP.  Its state is a project of one product. */
#define _GNU_SOURCE
#include "alone.h"
#include "server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The product's id; it is made at the first start. */
static int64_t find_product(sv_server *s, fleck_error *err)
{
    char now[SV_TIME], path[4096];
    int64_t id;

    sv_now(now);
    id = sv_db_run(&s->db, err, "INSERT OR IGNORE INTO product(name, created) VALUES('watch', ?)",
                   "s", now)
             ? sv_db_int(&s->db, err, "SELECT id FROM product WHERE name = 'watch'", "")
             : -1;
    if (id <= 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        sv_path(s, path, "products/%lld%s", (long long)id, i == 0 ? "" : "/models");
        if (mkdir(path, 0777) != 0 && errno != EEXIST) {
            sv_error(err, FLECK_E_IO, "%s: %s", path, strerror(errno));
            return -1;
        }
    }
    return id;
}

/* Store the model, unless it is the current one already. */
static bool take_model(sv_server *s, int64_t product, fleck_error *err)
{
    fleck_run_settings settings;
    fleck_model *model = NULL;
    int64_t same;
    bool ok;

    fleck_run_defaults(&settings, sizeof settings);
    settings.rest = true;
    settings.threads = 1;
    if (fleck_model_open(&model, s->options.watch->model, &settings, err) != FLECK_OK)
        return false;
    same = sv_db_int(&s->db, NULL,
                     "SELECT 1 FROM product p JOIN model m ON m.id = p.current_model WHERE p.id = ?"
                     " AND m.digest = ?",
                     "is", product, fleck_model_describe(model)->checksum);
    ok = same == 1 || sv_model_store(s, product, model, "fleck watch", "", 0, 0, err) > 0;
    fleck_model_close(&model);
    return ok;
}

/* Store the folder as the only source; another one goes on when it is asked for again. */
static bool take_folder(sv_server *s, int64_t product, fleck_error *err)
{
    const sv_watch_options *watch = s->options.watch;
    char folder[4096], now[SV_TIME];
    struct stat status;
    json_t *config;
    bool ok;

    if (realpath(watch->folder, folder) == NULL)
        return sv_error(err, FLECK_E_NOTFOUND, "%s: %s", watch->folder, strerror(errno));
    if (stat(folder, &status) != 0 || !S_ISDIR(status.st_mode))
        return sv_error(err, FLECK_E_OPTION, "%s: expected a folder", watch->folder);
    sv_now(now);
    config = json_pack("{s:s, s:b, s:b, s:f}", "folder", folder, "subfolders",
                       (int)watch->subfolders, "once", (int)watch->once, "poll", watch->poll);
    ok = config != NULL;
    if (!ok)
        sv_error(err, FLECK_E_UNSUPPORTED, "%s: expected a folder with a name in UTF-8", folder);
    /* One row for each folder, whatever the other settings are, since it tells what was judged. */
    ok = ok && sv_db_run(&s->db, err, "UPDATE source SET active = 0", "");
    if (ok && sv_db_int(&s->db, NULL,
                        "UPDATE source SET active = 1, config = ?2 WHERE product = ?1 AND "
                        "json_extract(config, '$.folder') = ?3 RETURNING id",
                        "ijs", product, config, folder) <= 0)
        ok = sv_db_run(&s->db, err,
                       "INSERT INTO source(product, kind, config, active, created, who) VALUES(?, "
                       "'folder', ?, 1, ?, '')",
                       "ijs", product, config, now);
    json_decref(config);
    return ok;
}

bool sv_watch_setup(struct sv_server *s, fleck_error *err)
{
    const int64_t product = find_product(s, err);

    return product > 0 && take_model(s, product, err) && take_folder(s, product, err);
}
