#include "list_fixture.h"
#include "log_keys.h"

#define LOG_A "\"description\":\"Log A\",\"key\":\"" KEY_P256_A "\",\"log_id\":\"" ID_P256_A "\""
#define LOG_B "\"description\":\"Log B\",\"key\":\"" KEY_P256_B "\",\"log_id\":\"" ID_P256_B "\""
#define LOG_R "\"description\":\"Log R\",\"key\":\"" KEY_RSA_2048 "\",\"log_id\":\"" ID_RSA_2048 "\""
#define ONE_OPERATOR(logs) "{\"operators\":[{\"name\":\"Op\",\"logs\":[" logs "]}]}"
#define WITH(members) ONE_OPERATOR("{" LOG_A "," members "}")
#define USABLE "\"state\":{\"usable\":{\"timestamp\":\"2024-01-01T00:00:00Z\"}}"

START_TEST(reads_everything_that_is_ours)
{
    struct parsed p = parse(
        "{\"version\":\"81.14\",\"log_list_timestamp\":\"2026-01-20T12:54:10Z\",\"is_all_logs\":true,\"operators\":["
        "{\"name\":\"One\",\"email\":[\"x@example.com\"],\"logs\":[{" LOG_A
        ",\"url\":\"https://a.example/\",\"mmd\":86400," USABLE
        ",\"temporal_interval\":{\"start_inclusive\":\"2025-07-01T00:00:00Z\",\"end_exclusive\":"
        "\"2026-01-01T00:00:00Z\"},\"log_type\":\"prod\",\"previous_operators\":["
        "{\"name\":\"Later\",\"end_time\":\"2022-01-01T00:00:00Z\"},"
        "{\"name\":\"Sooner\",\"end_time\":\"2021-01-01T00:00:00Z\"}]}],"
        "\"tiled_logs\":[{" LOG_B
        ",\"submission_url\":\"https://b.example/\",\"monitoring_url\":\"https://m.example/\","
        "\"state\":{\"retired\":{\"timestamp\":\"2025-02-03T04:05:06Z\"}}}]},"
        "{\"name\":\"Two\",\"logs\":[{" LOG_R ",\"log_type\":\"test\",\"state\":{\"readonly\":{\"timestamp\":"
        "\"2025-01-01T00:00:00Z\",\"final_tree_head\":{\"tree_size\":1,\"sha256_root_hash\":\"x\"}}}}]}]}");
    const struct ct_log *a, *b, *r;

    ck_assert_msg(p.ok, "%s", first_problem(&p));
    ck_assert_uint_eq(p.problems.warnings, 0);
    ck_assert_int_eq(p.list.format, CT_LIST_V3);
    ck_assert_str_eq(p.list.version, "81.14");
    ck_assert_int_eq(p.list.timestamp_ms, 1768913650000);
    ck_assert_uint_eq(p.list.logs.count, 3);

    a = log_named(&p, "Log A");
    ck_assert_str_eq(a->log_operator, "One");
    ck_assert_str_eq(a->url, "https://a.example/");
    ck_assert_str_eq(a->list, "list");
    ck_assert_int_eq(a->state, CT_LOG_USABLE);
    ck_assert_int_eq(a->state_since_ms, 1704067200000);
    ck_assert(a->has_state && !a->tiled && !a->test_log && !a->mimic);
    ck_assert_int_eq(a->key_type, CT_KEY_P256);
    ck_assert_int_eq(a->interval_start_ms, 1751328000000);
    ck_assert_int_eq(a->interval_end_ms, 1767225600000);
    ck_assert_int_eq(a->sct_from_ms, INT64_MIN);
    ck_assert_int_eq(a->sct_until_ms, INT64_MAX);
    ck_assert_uint_eq(a->previous_count, 2);
    ck_assert_str_eq(ct_log_operator_at(a, 0), "Sooner");
    ck_assert_str_eq(ct_log_operator_at(a, 1609459200000), "Later");
    ck_assert_str_eq(ct_log_operator_at(a, 1640995200000), "One");

    b = log_named(&p, "Log B");
    ck_assert_str_eq(b->log_operator, "One");
    ck_assert_str_eq(b->url, "https://b.example/");
    ck_assert(b->tiled);
    ck_assert_int_eq(b->state, CT_LOG_RETIRED);
    ck_assert_int_eq(b->interval_start_ms, INT64_MIN);
    ck_assert_int_eq(b->interval_end_ms, INT64_MAX);

    r = log_named(&p, "Log R");
    ck_assert_str_eq(r->log_operator, "Two");
    ck_assert_int_eq(r->state, CT_LOG_READONLY);
    ck_assert_int_eq(r->key_type, CT_KEY_RSA);
    ck_assert(r->test_log);
    ck_assert_ptr_eq(ct_log_set_find(&p.list.logs, r->id), r);
    parsed_clear(&p);
}
END_TEST

START_TEST(list_without_states_or_timestamp_is_usable)
{
    struct parsed p = parse(ONE_OPERATOR("{" LOG_A "},{" LOG_B "}"));

    ck_assert_msg(p.ok, "%s", first_problem(&p));
    ck_assert_int_eq(p.list.timestamp_ms, INT64_MIN);
    ck_assert_ptr_null(p.list.version);
    ck_assert_int_eq(log_named(&p, "Log A")->state, CT_LOG_USABLE);
    ck_assert(!log_named(&p, "Log A")->has_state);
    ck_assert_int_eq(log_named(&p, "Log A")->state_since_ms, INT64_MIN);
    parsed_clear(&p);
}
END_TEST

START_TEST(log_without_state_among_logs_with_states_is_pending)
{
    struct parsed p = parse(ONE_OPERATOR("{" LOG_A "},{" LOG_B "," USABLE "}"));

    ck_assert_msg(p.ok, "%s", first_problem(&p));
    ck_assert_int_eq(log_named(&p, "Log A")->state, CT_LOG_PENDING);
    ck_assert(!log_named(&p, "Log A")->has_state);
    ck_assert_int_eq(log_named(&p, "Log B")->state, CT_LOG_USABLE);
    parsed_clear(&p);
}
END_TEST

START_TEST(refuses_what_matters_and_says_where)
{
    static const struct {
        const char *name, *text, *words;
    } rows[] = {
        { "id of another key",
          ONE_OPERATOR("{\"description\":\"Bad\",\"key\":\"" KEY_P256_A "\",\"log_id\":\"" ID_P256_B "\"}"),
          "operators[0].logs[0].log_id (Bad): expected \"" ID_P256_A "\"" },
        { "no id", ONE_OPERATOR("{\"key\":\"" KEY_P256_A "\"}"), "logs[0].log_id: expected base64, found nothing" },
        { "no key", ONE_OPERATOR("{\"log_id\":\"" ID_P256_A "\"}"), "logs[0].key: expected base64, found nothing" },
        { "key is a number",
          "{\"operators\":[{\"name\":\"x\"},{\"name\":\"y\"},{\"name\":\"z\",\"tiled_logs\":[{"
          "\"key\":5,\"log_id\":\"x\"}]}]}",
          "operators[2].tiled_logs[0].key: expected base64, found a number" },
        { "key with a line feed", ONE_OPERATOR("{\"key\":\"" KEY_P256_A "\\n\",\"log_id\":\"" ID_P256_A "\"}"),
          "expected a public key in base64" },
        { "RSA-1024", ONE_OPERATOR("{\"key\":\"" KEY_RSA_1024 "\",\"log_id\":\"x\"}"), "shorter than 2048" },
        { "P-384", ONE_OPERATOR("{\"key\":\"" KEY_P384 "\",\"log_id\":\"x\"}"), "logs[0].key: the key is neither" },
        { "unknown state", WITH("\"state\":{\"trusted\":{\"timestamp\":\"2024-01-01T00:00:00Z\"}}"),
          "logs[0].state: expected pending, qualified, usable, readonly, retired or rejected, found \"trusted\"" },
        { "two states",
          WITH("\"state\":{\"usable\":{\"timestamp\":\"2024-01-01T00:00:00Z\"},\"retired\":{"
               "\"timestamp\":\"2024-01-01T00:00:00Z\"}}"),
          "expected exactly one state, found 2" },
        { "no state in the state", WITH("\"state\":{}"), "expected exactly one state, found 0" },
        { "state is a text", WITH("\"state\":\"usable\""), "logs[0].state: expected an object, found \"usable\"" },
        { "state is null", WITH("\"state\":null"), "logs[0].state: expected an object, found null" },
        { "state without timestamp", WITH("\"state\":{\"usable\":{}}"),
          "logs[0].state.usable.timestamp: expected an RFC 3339 time" },
        { "state's timestamp is no time", WITH("\"state\":{\"usable\":{\"timestamp\":\"yesterday\"}}"),
          "found \"yesterday\"" },
        { "interval backwards",
          WITH("\"temporal_interval\":{\"start_inclusive\":\"2026-01-01T00:00:00Z\","
               "\"end_exclusive\":\"2025-01-01T00:00:00Z\"}"),
          "expected start_inclusive before end_exclusive" },
        { "interval of no length",
          WITH("\"temporal_interval\":{\"start_inclusive\":\"2026-01-01T00:00:00Z\","
               "\"end_exclusive\":\"2026-01-01T00:00:00Z\"}"),
          "expected start_inclusive before end_exclusive" },
        { "half an interval", WITH("\"temporal_interval\":{\"start_inclusive\":\"2026-01-01T00:00:00Z\"}"),
          "temporal_interval.end_exclusive: expected" },
        { "previous operator without end", WITH("\"previous_operators\":[{\"name\":\"x\"}]"),
          "previous_operators[0].end_time" },
        { "previous operator without name", WITH("\"previous_operators\":[{\"end_time\":\"2021-01-01T00:00:00Z\"}]"),
          "previous_operators[0].name" },
        { "previous operator is a text", WITH("\"previous_operators\":[\"x\"]"),
          "previous_operators[0]: expected an object" },
        { "description with an escape sequence", WITH("\"url\":\"\\u001b[2J\""), "logs[0].url: expected 1 to 1000" },
        { "operator without name", "{\"operators\":[{\"logs\":[{" LOG_A "}]}]}", "operators[0].name: expected" },
        { "operator with an empty name", "{\"operators\":[{\"name\":\"\",\"logs\":[{" LOG_A "}]}]}",
          "operators[0].name: expected" },
        { "operator is a text", "{\"operators\":[\"x\"]}", "operators[0]: expected an object" },
        { "operators is an object", "{\"operators\":{}}", "operators: expected an array, found an object" },
        { "logs is an object", "{\"operators\":[{\"name\":\"x\",\"logs\":{}}]}",
          "operators[0].logs: expected an array" },
        { "log is a number", ONE_OPERATOR("7"), "operators[0].logs[0]: expected an object, found a number" },
        { "timestamp is no time",
          "{\"log_list_timestamp\":\"2026\",\"operators\":[{\"name\":\"x\",\"logs\":[{" LOG_A "}]}]}",
          "log_list_timestamp: expected an RFC 3339 time" },
        { "version is a number", "{\"version\":3,\"operators\":[{\"name\":\"x\",\"logs\":[{" LOG_A "}]}]}",
          "version: expected a text, found a number" },
        { "duplicate JSON key", "{\"operators\":[{\"name\":\"x\",\"logs\":[{" LOG_A ",\"log_id\":\"x\"}]}]}",
          "duplicate" },
        { "same log twice",
          ONE_OPERATOR("{" LOG_A "},{\"description\":\"Again\",\"key\":\"" KEY_P256_A "\",\"log_id\":\"" ID_P256_A
                       "\"}"),
          "have the same key (log id 93188d7e" },
        { "no logs", "{\"operators\":[{\"name\":\"x\",\"logs\":[]}]}", "expected at least one log" },
        { "no operators", "{\"operators\":[]}", "expected at least one log" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_refused(rows[i].name, rows[i].text, rows[i].words);
    }
}
END_TEST

START_TEST(one_bad_log_spoils_the_list_and_all_are_told)
{
    struct parsed p = parse(ONE_OPERATOR("{" LOG_A "},{\"key\":\"x\",\"log_id\":\"x\"},{\"key\":1,\"log_id\":2}"));

    ck_assert(!p.ok);
    ck_assert(said(&p, CT_ERROR, "logs[1].key"));
    ck_assert(said(&p, CT_ERROR, "logs[2].key"));
    ck_assert(said(&p, CT_ERROR, "logs[2].log_id"));
    ck_assert_uint_eq(p.list.logs.count, 0);
    parsed_clear(&p);
}
END_TEST

START_TEST(names_both_of_two_equal_logs)
{
    struct parsed p = parse(ONE_OPERATOR("{" LOG_A "},{" LOG_B "},{\"description\":\"Again\",\"key\":\"" KEY_P256_A
                                         "\",\"log_id\":\"" ID_P256_A "\"}"));

    ck_assert(!p.ok);
    ck_assert(said(&p, CT_ERROR, "\"Log A\"") && said(&p, CT_ERROR, "\"Again\""));
    parsed_clear(&p);
}
END_TEST

START_TEST(ignores_members_it_does_not_know)
{
    assert_accepted("unknown members everywhere",
                    "{\"x\":[{}],\"operators\":[{\"name\":\"Op\",\"y\":1,\"logs\":[{" LOG_A
                    ",\"dns\":\"z\",\"mmd\":\"odd\"}]}]}",
                    1);
}
END_TEST

START_TEST(log_without_description_is_named_by_its_id)
{
    struct parsed p = parse(ONE_OPERATOR("{\"key\":\"" KEY_P256_A "\",\"log_id\":\"" ID_P256_A "\"}"));

    ck_assert_msg(p.ok, "%s", first_problem(&p));
    ck_assert_str_eq(p.list.logs.logs[0].description, "93188d7ea42c5d08");
    parsed_clear(&p);
}
END_TEST

START_TEST(unknown_log_type_is_a_test_log_and_said)
{
    struct parsed p = parse(WITH("\"log_type\":\"monitoring_only\""));

    ck_assert_msg(p.ok, "%s", first_problem(&p));
    ck_assert(log_named(&p, "Log A")->test_log);
    ck_assert(said(&p, CT_WARNING, "log_type"));
    parsed_clear(&p);
}
END_TEST

START_TEST(reads_a_single_logs_own_file)
{
    struct parsed p = parse("{" LOG_A ",\"submission_url\":\"https://s.example/\",\"monitoring_url\":\"https://m/\","
                            "\"mmd\":60,\"temporal_interval\":{\"start_inclusive\":\"2025-01-01T00:00:00Z\","
                            "\"end_exclusive\":\"2025-07-01T00:00:00Z\"}}");
    const struct ct_log *log;

    ck_assert_msg(p.ok, "%s", first_problem(&p));
    ck_assert_int_eq(p.list.format, CT_LIST_SINGLE_V3);
    log = log_named(&p, "Log A");
    ck_assert(log->tiled);
    ck_assert_ptr_null(log->log_operator);
    ck_assert_int_eq(log->state, CT_LOG_USABLE);
    ck_assert_str_eq(log->url, "https://s.example/");
    ck_assert_int_eq(log->interval_end_ms, 1751328000000);
    parsed_clear(&p);

    p = parse("{" LOG_B ",\"url\":\"https://r.example/\"}");
    ck_assert_msg(p.ok, "%s", first_problem(&p));
    ck_assert(!log_named(&p, "Log B")->tiled);
    parsed_clear(&p);

    assert_refused("single log with another id", "{\"key\":\"" KEY_P256_A "\",\"log_id\":\"" ID_P256_B "\"}",
                   "log_id (no description): expected");
}
END_TEST

START_TEST(reads_a_real_list)
{
    char *text = NULL;
    struct parsed p;
    size_t usable = 0;

    if (!read_vector("real-2025/log_list.json", &text)) {
        return;
    }
    p = parse(text);
    ck_assert_msg(p.ok, "%s", first_problem(&p));
    ck_assert_uint_eq(p.list.logs.count, 75);
    ck_assert_str_eq(p.list.version, "81.14");
    for (size_t i = 0; i < p.list.logs.count; i++) {
        ck_assert_ptr_nonnull(ct_log_get0_key(&p.list.logs.logs[i]));
        usable += p.list.logs.logs[i].state == CT_LOG_USABLE;
    }
    ck_assert_uint_eq(usable, 61);
    parsed_clear(&p);
    free(text);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        reads_everything_that_is_ours,
        list_without_states_or_timestamp_is_usable,
        log_without_state_among_logs_with_states_is_pending,
        refuses_what_matters_and_says_where,
        one_bad_log_spoils_the_list_and_all_are_told,
        names_both_of_two_equal_logs,
        ignores_members_it_does_not_know,
        log_without_description_is_named_by_its_id,
        unknown_log_type_is_a_test_log_and_said,
        reads_a_single_logs_own_file,
        reads_a_real_list,
    };

    return unit_run(suite_of("log_list_v3", tests, sizeof tests / sizeof tests[0]));
}
