/* SPDX-License-Identifier: Apache-2.0 */
/* Which files of a watched folder were judged.  The journal writes most of it, in the transaction
 * of the inspection. */
#include "server.h"
#include "watch.h"

#include <string.h>

int64_t sv_mtime_ns(const struct stat *status)
{
    return (int64_t)status->st_mtim.tv_sec * 1000000000 + status->st_mtim.tv_nsec;
}

sv_known sv_judged_by_status(struct sv_server *s, int64_t source, const char *path,
                             const struct stat *status, fleck_error *err)
{
    fleck_error none = {0};
    /* Without the device, whose number may change when a disk is mounted again. */
    const int64_t read = sv_db_int(&s->db, &none,
                                   "SELECT hash <> '' FROM seen WHERE source = ? AND path = ? AND"
                                   " inode = ? AND size = ? AND mtime = ?",
                                   "isiii", source, path, (int64_t)status->st_ino,
                                   (int64_t)status->st_size, sv_mtime_ns(status));

    if (read >= 0)
        return read == 1 ? SV_KNOWN : SV_UNREAD;
    if (none.status == FLECK_E_NOTFOUND)
        return SV_NEW;
    *err = none;
    return SV_BROKEN;
}

sv_known sv_judged_by_content(struct sv_server *s, const sv_judged_file *file, fleck_error *err)
{
    fleck_error none = {0};
    const int64_t inspection =
        sv_db_int(&s->db, &none,
                  "SELECT inspection FROM seen WHERE source = ?1 AND path = ?2 AND hash = ?7 AND"
                  " hash <> '' "
                  "UNION ALL SELECT inspection FROM seen WHERE source = ?1 AND device = ?3 AND"
                  " inode = ?4 AND size = ?5 AND mtime = ?6 AND hash = ?7 LIMIT 1",
                  "isiiiis", file->source, file->path, file->device, file->inode, file->size,
                  file->mtime, file->hash);

    if (inspection < 0 && none.status == FLECK_E_NOTFOUND)
        return SV_NEW;
    if (inspection < 0) {
        *err = none;
        return SV_BROKEN;
    }
    return sv_db_begin(&s->db, err) &&
                   sv_db_end(&s->db, sv_seen_note(&s->db, file, inspection, err), err)
               ? SV_KNOWN
               : SV_BROKEN;
}

/* A file without a path is noted by its inode.  Paths are relative, so none begins with a slash. */
#define NO_PATH "'/' || device || '/' || inode"

bool sv_seen_note(sv_db *db, const sv_judged_file *file, int64_t inspection, fleck_error *err)
{
    return sv_db_run(db, err,
                     "UPDATE OR REPLACE seen SET path = " NO_PATH " WHERE source = ? AND path = ?"
                     " AND NOT (device = ? AND inode = ?)",
                     "isii", file->source, file->path, file->device, file->inode) &&
           sv_db_run(db, err,
                     "INSERT OR REPLACE INTO seen(source, path, device, inode, size, mtime, hash,"
                     " inspection) VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
                     "isiiiisi", file->source, file->path, file->device, file->inode, file->size,
                     file->mtime, file->hash, inspection) &&
           sv_db_run(db, err,
                     "DELETE FROM seen WHERE source = ? AND device = ? AND inode = ? AND path ="
                     " " NO_PATH,
                     "iii", file->source, file->device, file->inode);
}

void sv_seen_moved(sv_db *db, int64_t source, const char *path)
{
    (void)sv_db_run(db, NULL,
                    "UPDATE OR REPLACE seen SET path = " NO_PATH " WHERE source = ? AND path = ?",
                    "is", source, path);
}
