/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that were built with another clientct.h than the library: nothing is overrun, and nobody let in for it. */
#include "checker.h"

#include <stdio.h>
#include <string.h>

#include "base/verdict.h"
#include "scene.h"
#include "unit.h"

#define GUARD 0xa5
#define ROOM (sizeof(struct clientct_verdict) + 64)

static struct scene scene;
static struct clientct_checker *checker;
static struct scene_client logged, unlogged;

static void setup(void)
{
    scene_set(&scene, "policy = one\naudit = none\nraw_public_keys = allow\n");
    scene_client(&scene, "ab", &logged);
    scene_client(&scene, "", &unlogged);
    checker = clientct_checker_new(scene.config);
    ck_assert_ptr_nonnull(checker);
}

static void teardown(void)
{
    clientct_checker_free(checker);
    scene_client_clear(&logged);
    scene_client_clear(&unlogged);
    scene_clear(&scene);
}

/* The caller's memory: as much as it knows of a verdict, and behind it what is no business of the library. */
union memory {
    struct clientct_verdict verdict;
    uint8_t bytes[ROOM];
};

static bool all_are(const uint8_t *bytes, size_t from, size_t until, uint8_t value)
{
    for (size_t i = from; i < until; i++) {
        if (bytes[i] != value) {
            return false;
        }
    }
    return true;
}

START_TEST(a_shorter_verdict_is_filled_as_far_as_it_goes)
{
    for (size_t size = CT_VERDICT_SIZE_MIN; size <= sizeof(struct clientct_verdict); size++) {
        union memory memory;
        struct clientct_input input = logged.input;

        input.explain = true; /* so that it holds all there is to hold */
        memset(&memory, GUARD, sizeof memory);
        ck_assert(clientct_decide_sized(checker, &input, sizeof input, &memory.verdict, size));
        ck_assert_msg(all_are(memory.bytes, size, ROOM, GUARD), "a verdict of %zu bytes is overrun", size);
        ck_assert(memory.verdict.accept && memory.verdict.reason == CLIENTCT_COMPLIANT);
        ck_assert_uint_eq(memory.verdict.sct_count, 2);
        ck_assert_str_eq(memory.verdict.scts[1]->log, "Log B");
        ck_assert_uint_gt(memory.verdict.condition_count, 0);
        ck_assert_ptr_nonnull(memory.verdict.conditions[0]->name);
        if (size >= CT_END_OF(struct clientct_verdict, policy)) {
            ck_assert_str_eq(memory.verdict.policy, "one");
        }
        clientct_verdict_clear_sized(&memory.verdict, size);
        ck_assert(all_are(memory.bytes, 0, size, 0));
        ck_assert_msg(all_are(memory.bytes, size, ROOM, GUARD), "clearing a verdict of %zu bytes overruns it", size);
    }
}
END_TEST

START_TEST(what_a_longer_verdict_has_more_is_zero)
{
    union memory memory;

    memset(&memory, GUARD, sizeof memory);
    ck_assert(clientct_decide_sized(checker, &logged.input, sizeof logged.input, &memory.verdict, ROOM - 8));
    ck_assert(all_are(memory.bytes, sizeof memory.verdict, ROOM - 8, 0));
    ck_assert(all_are(memory.bytes, ROOM - 8, ROOM, GUARD));
    ck_assert_str_eq(memory.verdict.policy, "one");
    clientct_verdict_clear_sized(&memory.verdict, ROOM - 8);
    ck_assert(all_are(memory.bytes, 0, ROOM - 8, 0));
}
END_TEST

START_TEST(a_verdict_without_room_for_the_answer_stays_untouched_and_refuses)
{
    const size_t sizes[] = { 0, 1, CT_VERDICT_SIZE_MIN - 1 };

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        union memory memory;

        memset(&memory, GUARD, sizeof memory);
        ck_assert(!clientct_decide_sized(checker, &logged.input, sizeof logged.input, &memory.verdict, sizes[i]));
        clientct_verdict_clear_sized(&memory.verdict, sizes[i]);
        clientct_record_sized(checker, &logged.input, sizeof logged.input, &memory.verdict, sizes[i], 1);
        ck_assert(all_are(memory.bytes, 0, ROOM, GUARD));
    }
}
END_TEST

START_TEST(input_of_a_newer_program_counts_only_where_the_library_knows_it)
{
    struct {
        struct clientct_input input;
        uint8_t more[16];
    } newer = { .input = logged.input };
    struct clientct_verdict verdict;

    ck_assert(clientct_decide_sized(checker, &newer.input, sizeof newer, &verdict, sizeof verdict));
    clientct_verdict_clear(&verdict);
    newer.more[sizeof newer.more - 1] = 1;
    ck_assert(!clientct_decide_sized(checker, &newer.input, sizeof newer, &verdict, sizeof verdict));
    ck_assert_int_eq(verdict.reason, CLIENTCT_INTERNAL_ERROR);
    ck_assert_ptr_nonnull(strstr(verdict.detail, "does not know"));
    clientct_verdict_clear(&verdict);
}
END_TEST

/* Cut before the leaf it would be a client without certificate, which is let in here; before the name, no rule's. */
START_TEST(input_that_is_too_short_is_refused)
{
    for (size_t size = 0; size < CT_INPUT_SIZE_MIN; size++) {
        struct clientct_verdict verdict;

        ck_assert_msg(!clientct_decide_sized(checker, &logged.input, size, &verdict, sizeof verdict), "%zu", size);
        ck_assert_int_eq(verdict.reason, CLIENTCT_INTERNAL_ERROR);
        clientct_verdict_clear(&verdict);
    }
}
END_TEST

START_TEST(a_state_of_any_length_is_filled_as_far_as_it_goes)
{
    for (size_t size = 0; size <= sizeof(struct clientct_state) + 8; size++) {
        union {
            struct clientct_state state;
            uint8_t bytes[sizeof(struct clientct_state) + 64];
        } memory;

        memset(&memory, GUARD, sizeof memory);
        clientct_checker_get_state_sized(checker, &memory.state, size);
        ck_assert_msg(all_are(memory.bytes, size, sizeof memory, GUARD), "a state of %zu bytes is overrun", size);
        if (size >= CT_END_OF(struct clientct_state, logs)) {
            ck_assert_uint_eq(memory.state.generation, 1);
            ck_assert_uint_eq(memory.state.logs, 3);
        }
    }
}
END_TEST

START_TEST(a_shorter_verdict_is_recorded_with_what_it_has)
{
    char settings[160], path[96], line[4096] = "";
    union memory memory;
    FILE *file;

    snprintf(path, sizeof path, "%s/audit.json", scene.dir);
    snprintf(settings, sizeof settings, "policy = one\naudit = file:%s\n", path);
    scene_configure(&scene, settings);
    clientct_checker_reload(checker, CLIENTCT_AT_CONTEXT);
    clientct_checker_start_recording(checker);
    memset(&memory, GUARD, sizeof memory);
    ck_assert(
        !clientct_decide_sized(checker, &unlogged.input, sizeof unlogged.input, &memory.verdict, CT_VERDICT_SIZE_MIN));
    clientct_record_sized(checker, &unlogged.input, sizeof unlogged.input, &memory.verdict, CT_VERDICT_SIZE_MIN, 1);
    clientct_verdict_clear_sized(&memory.verdict, CT_VERDICT_SIZE_MIN);
    file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    while (strstr(line, "no-scts") == NULL && fgets(line, sizeof line, file) != NULL) {}
    fclose(file);
    ck_assert_ptr_nonnull(strstr(line, "no-scts"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("caller_sizes");
    TCase *tc = tcase_create("caller_sizes");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_shorter_verdict_is_filled_as_far_as_it_goes);
    tcase_add_test(tc, what_a_longer_verdict_has_more_is_zero);
    tcase_add_test(tc, a_verdict_without_room_for_the_answer_stays_untouched_and_refuses);
    tcase_add_test(tc, input_of_a_newer_program_counts_only_where_the_library_knows_it);
    tcase_add_test(tc, input_that_is_too_short_is_refused);
    tcase_add_test(tc, a_state_of_any_length_is_filled_as_far_as_it_goes);
    tcase_add_test(tc, a_shorter_verdict_is_recorded_with_what_it_has);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
