/* SPDX-License-Identifier: Apache-2.0 */
#include "decision/cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

static struct ct_cache *cache;

static void setup(void)
{
    cache = ct_cache_new();
    ck_assert_ptr_nonnull(cache);
}

static void teardown(void)
{
    ct_cache_free(cache);
}

static struct ct_cache_tag tag_of(uint64_t n)
{
    struct ct_bytes span = { (const uint8_t *)&n, sizeof n };
    struct ct_cache_tag tag;

    ck_assert(ct_cache_make_tag(cache, &span, 1, &tag));
    return tag;
}

/* Every field is a function of n and version: a torn copy cannot look right. */
static struct ct_cached verdict_of(uint64_t n, unsigned version, bool accept, int64_t from_ms, int64_t until_ms)
{
    struct ct_cached cached;

    memset(&cached, 0, sizeof cached);
    cached.from_ms = from_ms;
    cached.until_ms = until_ms;
    cached.accept = accept;
    cached.compliant = accept;
    cached.rule = (uint16_t)n;
    cached.policy = (uint16_t)version;
    memset(cached.leaf_sha256, (int)((n * 31 + version) & 0xff), sizeof cached.leaf_sha256);
    memset(&cached.files, (int)((n * 17 + version) & 0xff), sizeof cached.files);
    return cached;
}

static bool is_whole(const struct ct_cached *cached, uint64_t n)
{
    struct ct_cached want = verdict_of(n, cached->policy, cached->accept, cached->from_ms, cached->until_ms);

    return memcmp(cached, &want, sizeof want) == 0;
}

START_TEST(serves_what_was_put_in_within_its_interval_only)
{
    struct ct_cache_tag tag = tag_of(1), other = tag_of(2);
    struct ct_cached in = verdict_of(1, 7, true, 1000, 2000), out;

    ck_assert(!ct_cache_find(cache, 1, &tag, 1500, &out));
    ct_cache_insert(cache, 1, &tag, &in);
    ck_assert(!ct_cache_find(cache, 1, &other, 1500, &out));
    ck_assert(!ct_cache_find(cache, 1, &tag, 999, &out)); /* a clock that went back */
    ck_assert(ct_cache_find(cache, 1, &tag, 1000, &out));
    ck_assert_mem_eq(&in, &out, sizeof in);
    ck_assert(ct_cache_find(cache, 1, &tag, 1999, &out));
    ck_assert(!ct_cache_find(cache, 1, &tag, 2000, &out));
}
END_TEST

START_TEST(tags_depend_on_every_byte_and_boundary)
{
    static const struct {
        const char *a, *b;
    } rows[] = { { "ab", "c" }, { "a", "bc" }, { "abc", "" }, { "", "abc" }, { "abd", "" } };
    struct ct_cache_tag tags[5];

    for (size_t i = 0; i < 5; i++) {
        struct ct_bytes spans[2] = { { (const uint8_t *)rows[i].a, strlen(rows[i].a) },
                                     { (const uint8_t *)rows[i].b, strlen(rows[i].b) } };

        ck_assert(ct_cache_make_tag(cache, spans, 2, &tags[i]));
        for (size_t j = 0; j < i; j++) {
            ck_assert_mem_ne(&tags[i], &tags[j], sizeof tags[i]);
        }
    }
    struct ct_cache *another = ct_cache_new();
    struct ct_bytes span = { (const uint8_t *)"abc", 3 };
    struct ct_cache_tag here, there;
    ck_assert(ct_cache_make_tag(cache, &span, 1, &here));
    ck_assert(ct_cache_make_tag(another, &span, 1, &there));
    ck_assert_mem_ne(&here, &there, sizeof here); /* the key is random */
    ct_cache_free(another);

    struct ct_bytes many[CT_CACHE_SPANS_MAX + 1] = { { NULL, 0 } };
    ck_assert(ct_cache_make_tag(cache, many, CT_CACHE_SPANS_MAX, &here));
    ck_assert(ct_cache_make_tag(cache, many, CT_CACHE_SPANS_MAX - 1, &there));
    ck_assert_mem_ne(&here, &there, sizeof here);
    ck_assert(!ct_cache_make_tag(cache, many, CT_CACHE_SPANS_MAX + 1, &there));
}
END_TEST

static size_t kept_of(uint64_t count, bool *there)
{
    size_t kept = 0;

    for (uint64_t n = 0; n < count; n++) {
        struct ct_cache_tag tag = tag_of(n);
        struct ct_cached out;

        there[n] = ct_cache_find(cache, n, &tag, 5, &out) && is_whole(&out, n);
        kept += there[n];
    }
    return kept;
}

START_TEST(refusals_never_push_out_acceptances)
{
    enum { ACCEPTED = 200 };
    bool before[ACCEPTED], after[ACCEPTED];

    for (uint64_t n = 0; n < ACCEPTED; n++) {
        struct ct_cache_tag tag = tag_of(n);
        struct ct_cached in = verdict_of(n, 0, true, 0, 10);

        ct_cache_insert(cache, n, &tag, &in);
    }
    /* Where five share a bucket one has gone already: the key is random. */
    ck_assert_uint_ge(kept_of(ACCEPTED, before), ACCEPTED * 9 / 10);
    for (uint64_t n = 1000; n < 30000; n++) {
        struct ct_cache_tag tag = tag_of(n);
        struct ct_cached in = verdict_of(n, 0, false, 0, 10);

        ct_cache_insert(cache, n, &tag, &in);
    }
    (void)kept_of(ACCEPTED, after);
    ck_assert_mem_eq(before, after, sizeof before);
}
END_TEST

/* Three clients that share a bucket: two that come always the same way, and one that varies what it can. */
START_TEST(a_client_that_varies_pushes_out_no_other)
{
    enum { OTHERS = 2, BUCKET = 77, VARIATIONS = 20000 };
    struct ct_cached in, out;
    struct ct_cache_tag tag;

    for (uint64_t n = 0; n < OTHERS; n++) {
        tag = tag_of(n);
        in = verdict_of(n, 0, true, 0, 10);
        ct_cache_insert(cache, BUCKET, &tag, &in);
    }
    for (uint64_t n = 1000; n < 1000 + VARIATIONS; n++) {
        tag = tag_of(n);
        in = verdict_of(200, 0, true, 0, 10);
        ct_cache_insert(cache, BUCKET, &tag, &in);
        ck_assert_msg(ct_cache_find(cache, BUCKET, &tag, 5, &out), "the last variation is kept");
    }
    for (uint64_t n = 0; n < OTHERS; n++) {
        tag = tag_of(n);
        ck_assert_msg(ct_cache_find(cache, BUCKET, &tag, 5, &out) && is_whole(&out, n), "client %d", (int)n);
    }
}
END_TEST

/* The model: the last verdict put in for each tag. The cache may forget, but never answer otherwise. */
START_TEST(agrees_with_a_plain_map)
{
    enum { TAGS = 3000, STEPS = 60000 };
    static struct {
        struct ct_cached last;
        bool there;
    } model[TAGS];
    struct ct_cache_tag *tags = calloc(TAGS, sizeof *tags);
    size_t hits = 0;

    srand(1);
    for (uint64_t n = 0; n < TAGS; n++) {
        tags[n] = tag_of(n);
    }
    for (int step = 0; step < STEPS; step++) {
        uint64_t n = (uint64_t)rand() % TAGS;
        int64_t now = rand() % 1000; /* a clock that jumps */
        struct ct_cached out;

        if (ct_cache_find(cache, n, &tags[n], now, &out)) {
            hits++;
            ck_assert(model[n].there);
            ck_assert_mem_eq(&out, &model[n].last, sizeof out);
            ck_assert(now >= out.from_ms && now < out.until_ms);
        } else {
            model[n].last =
                verdict_of(n, (unsigned)step & 0xff, n % 3 != 0, now - rand() % 300, now + 1 + rand() % 300);
            model[n].there = true;
            ct_cache_insert(cache, n, &tags[n], &model[n].last);
        }
    }
    ck_assert_uint_gt(hits, STEPS / 10);
    free(tags);
}
END_TEST

enum { SHARED = 64 };
static struct ct_cache_tag shared_tags[SHARED];
static atomic_bool stop;
static atomic_ulong torn, found;

static void *hammer(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;

    while (!atomic_load(&stop)) {
        uint64_t n = (uint64_t)rand_r(&seed) % SHARED;
        struct ct_cached cached;

        if (rand_r(&seed) % 2 == 0) {
            cached = verdict_of(n, (unsigned)rand_r(&seed) & 0xff, n % 2 == 0, 0, 10);
            ct_cache_insert(cache, n, &shared_tags[n], &cached);
        } else if (ct_cache_find(cache, n, &shared_tags[n], 5, &cached)) {
            atomic_fetch_add(&found, 1);
            if (!is_whole(&cached, n)) {
                atomic_fetch_add(&torn, 1);
            }
        }
    }
    return NULL;
}

static void start_threads(pthread_t threads[4])
{
    atomic_store(&stop, false);
    for (uint64_t n = 0; n < SHARED; n++) {
        shared_tags[n] = tag_of(n);
    }
    for (uintptr_t i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, hammer, (void *)(i + 1)), 0);
    }
}

static void stop_threads(pthread_t threads[4])
{
    atomic_store(&stop, true);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
}

START_TEST(threads_never_see_half_an_entry)
{
    pthread_t threads[4];

    start_threads(threads);
    for (int i = 0; i < 100; i++) {
        usleep(5000);
        if (atomic_load(&found) > 200000) {
            break;
        }
    }
    stop_threads(threads);
    ck_assert_uint_gt(atomic_load(&found), 100);
    ck_assert_uint_eq(atomic_load(&torn), 0);
}
END_TEST

START_TEST(a_child_forked_while_others_write_neither_waits_nor_sees_half)
{
    pthread_t threads[4];

    start_threads(threads);
    for (int i = 0; i < 40; i++) {
        pid_t child = fork();
        int status;

        if (child == 0) {
            alarm(10);
            for (uint64_t n = 0; n < SHARED; n++) {
                struct ct_cached cached;

                if (ct_cache_find(cache, n, &shared_tags[n], 5, &cached) && !is_whole(&cached, n)) {
                    _exit(1);
                }
                cached = verdict_of(n, 3, n % 2 == 0, 0, 10);
                ct_cache_insert(cache, n, &shared_tags[n], &cached);
            }
            _exit(0);
        }
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "child %d: status %x", i, status);
    }
    stop_threads(threads);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cache");
    TCase *tc = tcase_create("cache");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, serves_what_was_put_in_within_its_interval_only);
    tcase_add_test(tc, tags_depend_on_every_byte_and_boundary);
    tcase_add_test(tc, refusals_never_push_out_acceptances);
    tcase_add_test(tc, a_client_that_varies_pushes_out_no_other);
    tcase_add_test(tc, agrees_with_a_plain_map);
    tcase_add_test(tc, threads_never_see_half_an_entry);
    tcase_add_test(tc, a_child_forked_while_others_write_neither_waits_nor_sees_half);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
