/* SPDX-License-Identifier: Apache-2.0 */
#include "logs/json.h"

#include "list_fixture.h"

static struct ct_list_input input_of(struct parsed *p)
{
    return (struct ct_list_input){ .file = "list", .list = &p->list, .problems = &p->problems };
}

START_TEST(says_where_what_was_expected_and_what_was_found)
{
    static const struct {
        const char *json, *want;
    } rows[] = {
        { "{}", "at.name: expected a text, found nothing" },
        { "{\"name\":{}}", "at.name: expected a text, found an object" },
        { "{\"name\":[]}", "at.name: expected a text, found an array" },
        { "{\"name\":1}", "at.name: expected a text, found a number" },
        { "{\"name\":1.5}", "at.name: expected a text, found a number" },
        { "{\"name\":true}", "at.name: expected a text, found a boolean" },
        { "{\"name\":null}", "at.name: expected a text, found null" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct parsed p = { 0 };
        struct ct_list_input in = input_of(&p);
        json_t *object = json_loads(rows[i].json, 0, NULL);

        ck_assert_ptr_null(ct_json_member(&in, "at", object, "name", JSON_STRING, CT_REQUIRED));
        ck_assert_uint_eq(p.problems.errors, 1);
        ck_assert_str_eq(first_problem(&p), rows[i].want);
        json_decref(object);
        parsed_clear(&p);
    }
}
END_TEST

START_TEST(the_top_has_no_place_and_no_dot)
{
    struct parsed p = { 0 };
    struct ct_list_input in = input_of(&p);
    json_t *object = json_object();

    ck_assert_ptr_null(ct_json_member(&in, "", object, "operators", JSON_ARRAY, CT_REQUIRED));
    ck_assert_str_eq(first_problem(&p), "operators: expected an array, found nothing");
    json_decref(object);
    parsed_clear(&p);
}
END_TEST

START_TEST(optional_members_may_be_missing_but_not_of_another_type)
{
    struct parsed p = { 0 };
    struct ct_list_input in = input_of(&p);
    json_t *object = json_loads("{\"empty\":\"\",\"number\":1}", 0, NULL);
    int64_t ms = 7;

    ck_assert_ptr_null(ct_json_text(&in, "at", object, "missing", CT_OPTIONAL));
    ck_assert_ptr_null(ct_json_text(&in, "at", object, "empty", CT_OPTIONAL));
    ct_json_time(&in, "at", object, "missing", CT_OPTIONAL, &ms);
    ck_assert_int_eq(ms, 7);
    ck_assert_uint_eq(p.problems.errors, 0);
    ck_assert_ptr_null(ct_json_text(&in, "at", object, "number", CT_OPTIONAL));
    ct_json_time(&in, "at", object, "number", CT_OPTIONAL, &ms);
    ct_json_time(&in, "at", object, "empty", CT_OPTIONAL, &ms);
    ck_assert_int_eq(ms, 7);
    ck_assert_uint_eq(p.problems.errors, 3);
    ck_assert_ptr_null(ct_json_text(&in, "at", object, "empty", CT_REQUIRED));
    ck_assert_uint_eq(p.problems.errors, 4);
    json_decref(object);
    parsed_clear(&p);
}
END_TEST

START_TEST(texts_are_short_and_printable)
{
    struct parsed p = { 0 };
    struct ct_list_input in = input_of(&p);
    json_t *object = json_object();
    char text[CT_LOG_LIST_MAX_TEXT + 2];

    memset(text, 'x', sizeof text);
    text[CT_LOG_LIST_MAX_TEXT + 1] = '\0';
    json_object_set_new(object, "long", json_string(text));
    text[CT_LOG_LIST_MAX_TEXT] = '\0';
    json_object_set_new(object, "fits", json_string(text));
    json_object_set_new(object, "line", json_string("a\nb"));
    ck_assert_str_eq(ct_json_text(&in, "at", object, "fits", CT_REQUIRED), text);
    ck_assert_uint_eq(p.problems.errors, 0);
    ck_assert_ptr_null(ct_json_text(&in, "at", object, "long", CT_REQUIRED));
    ck_assert_ptr_null(ct_json_text(&in, "at", object, "line", CT_REQUIRED));
    ck_assert_uint_eq(p.problems.errors, 2);
    json_decref(object);
    parsed_clear(&p);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        says_where_what_was_expected_and_what_was_found,
        the_top_has_no_place_and_no_dot,
        optional_members_may_be_missing_but_not_of_another_type,
        texts_are_short_and_printable,
    };

    return unit_run(suite_of("log_list_json", tests, sizeof tests / sizeof tests[0]));
}
