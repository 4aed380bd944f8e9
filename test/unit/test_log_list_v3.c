/* SPDX-License-Identifier: Apache-2.0 */
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
    ck_assert(a->has_state && !a->tiled && !a->test_log && a->unusable == NULL);
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

/* One log, and something wrong with it. */
static const struct {
    const char *name, *log, *words;
} odd_logs[] = {
    { "id of another key", "{\"description\":\"Bad\",\"key\":\"" KEY_P256_A "\",\"log_id\":\"" ID_P256_B "\"}",
      "].log_id (Bad): expected \"" ID_P256_A "\"" },
    { "no id", "{\"key\":\"" KEY_P256_A "\"}", "].log_id: expected base64, found nothing" },
    { "id is null", "{\"key\":\"" KEY_P256_A "\",\"log_id\":null}", "].log_id: expected base64, found null" },
    { "no key", "{\"log_id\":\"" ID_P256_A "\"}", "].key: expected base64, found nothing" },
    { "key is a number", "{\"key\":5,\"log_id\":\"x\"}", "].key: expected base64, found a number" },
    { "key with a line feed", "{\"key\":\"" KEY_P256_A "\\n\",\"log_id\":\"" ID_P256_A "\"}",
      "expected a public key in base64" },
    { "RSA-1024", "{\"key\":\"" KEY_RSA_1024 "\",\"log_id\":\"x\"}", "shorter than 2048" },
    { "P-384", "{\"key\":\"" KEY_P384 "\",\"log_id\":\"x\"}", "].key: the key is neither" },
    { "Ed25519", "{\"key\":\"" KEY_ED25519 "\",\"log_id\":\"x\"}", "].key: the key is neither" },
    { "unknown state", "{" LOG_A ",\"state\":{\"suspended\":{\"timestamp\":\"2024-01-01T00:00:00Z\"}}}",
      "].state: expected pending, qualified, usable, readonly, retired or rejected, found \"suspended\"" },
    { "two states",
      "{" LOG_A ",\"state\":{\"usable\":{\"timestamp\":\"2024-01-01T00:00:00Z\"},\"retired\":{"
      "\"timestamp\":\"2024-01-01T00:00:00Z\"}}}",
      "found retired not later than usable" },
    { "states that go back",
      "{" LOG_A ",\"state\":{\"rejected\":{\"timestamp\":\"2023-01-01T00:00:00Z\"},\"usable\":{"
      "\"timestamp\":\"2024-01-01T00:00:00Z\"}}}",
      "found rejected not later than usable" },
    { "three states, one of them back",
      "{" LOG_A ",\"state\":{\"pending\":{\"timestamp\":\"2023-01-01T00:00:00Z\"},\"usable\":{"
      "\"timestamp\":\"2024-01-01T00:00:00Z\"},\"qualified\":{\"timestamp\":\"2022-01-01T00:00:00Z\"}}}",
      "found qualified not later than pending" },
    { "two states, one of them without a time",
      "{" LOG_A ",\"state\":{\"qualified\":{},\"usable\":{\"timestamp\":\"2024-01-01T00:00:00Z\"}}}",
      "].state.qualified.timestamp: expected an RFC 3339 time" },
    { "a known and an unknown state",
      "{" LOG_A ",\"state\":{\"usable\":{\"timestamp\":\"2024-01-01T00:00:00Z\"},\"suspended\":{}}}",
      "retired or rejected, found \"suspended\"" },
    { "no state in the state", "{" LOG_A ",\"state\":{}}", "].state: expected a state, found none" },
    { "state is a text", "{" LOG_A ",\"state\":\"usable\"}", "].state: expected an object, found \"usable\"" },
    { "state without timestamp", "{" LOG_A ",\"state\":{\"usable\":{}}}",
      "].state.usable.timestamp: expected an RFC 3339 time" },
    { "state's timestamp is no time", "{" LOG_A ",\"state\":{\"usable\":{\"timestamp\":\"yesterday\"}}}",
      "found \"yesterday\"" },
    { "state is no object", "{" LOG_A ",\"state\":{\"usable\":true}}", "].state.usable: expected an object" },
    { "interval backwards",
      "{" LOG_A ",\"temporal_interval\":{\"start_inclusive\":\"2026-01-01T00:00:00Z\","
      "\"end_exclusive\":\"2025-01-01T00:00:00Z\"}}",
      "expected start_inclusive before end_exclusive" },
    { "interval of no length",
      "{" LOG_A ",\"temporal_interval\":{\"start_inclusive\":\"2026-01-01T00:00:00Z\","
      "\"end_exclusive\":\"2026-01-01T00:00:00Z\"}}",
      "expected start_inclusive before end_exclusive" },
    { "half an interval", "{" LOG_A ",\"temporal_interval\":{\"start_inclusive\":\"2026-01-01T00:00:00Z\"}}",
      "temporal_interval.end_exclusive: expected" },
    { "previous operator without end", "{" LOG_A ",\"previous_operators\":[{\"name\":\"x\"}]}",
      "previous_operators[0].end_time" },
    { "previous operator without name", "{" LOG_A ",\"previous_operators\":[{\"end_time\":\"2021-01-01T00:00:00Z\"}]}",
      "previous_operators[0].name" },
    { "previous operator is a text", "{" LOG_A ",\"previous_operators\":[\"x\"]}",
      "previous_operators[0]: expected an object" },
    { "unknown type", "{" LOG_A ",\"log_type\":\"experimental\"}",
      "].log_type: expected \"prod\", \"test\" or \"monitoring_only\", found \"experimental\"" },
    { "log is a number", "7", "]: expected an object, found a number" },
};

START_TEST(one_odd_log_does_not_count_and_the_others_do)
{
    for (size_t i = 0; i < sizeof odd_logs / sizeof odd_logs[0]; i++) {
        char text[4000];

        snprintf(text, sizeof text, ONE_OPERATOR("{" LOG_B "},%s"), odd_logs[i].log);
        assert_left_out(odd_logs[i].name, text, 1, odd_logs[i].words);
        snprintf(text, sizeof text,
                 "{\"operators\":[{\"name\":\"x\",\"tiled_logs\":[%s]},{\"name\":\"y\",\"logs\":[{" LOG_B "}]}]}",
                 odd_logs[i].log);
        assert_left_out(odd_logs[i].name, text, 1, odd_logs[i].words);
        /* By itself it leaves nothing, and then the list is refused for the same reason. */
        snprintf(text, sizeof text, ONE_OPERATOR("%s"), odd_logs[i].log);
        assert_refused(odd_logs[i].name, text, odd_logs[i].words);
    }
}
END_TEST

/* What a log was before another of a kind unknown to us came into its list, it is after. */
START_TEST(an_odd_log_changes_nothing_for_the_others)
{
    for (size_t i = 0; i < sizeof odd_logs / sizeof odd_logs[0]; i++) {
        char text[4000];
        struct parsed p;
        const struct ct_log *log;

        snprintf(text, sizeof text,
                 ONE_OPERATOR("%s,{\"description\":\"Log B\",\"key\":\"" KEY_P256_B "\",\"log_id\":\"" ID_P256_B "\"}"),
                 odd_logs[i].log);
        p = parse(text);
        ck_assert_msg(p.ok, "%s: %s", odd_logs[i].name, first_problem(&p));
        log = log_named(&p, "Log B");
        ck_assert_msg(log->unusable == NULL && log->state == CT_LOG_USABLE && !log->has_state, "%s: Log B is %s",
                      odd_logs[i].name, ct_log_state_name(log->state));
        parsed_clear(&p);
    }
}
END_TEST

START_TEST(refuses_what_is_no_list_and_says_where)
{
    static const struct {
        const char *name, *text, *words;
    } rows[] = {
        { "operators is an object", "{\"operators\":{}}", "operators: expected an array, found an object" },
        { "operators is null", "{\"operators\":null}", "operators: expected an array, found null" },
        { "timestamp is no time",
          "{\"log_list_timestamp\":\"2026\",\"operators\":[{\"name\":\"x\",\"logs\":[{" LOG_A "}]}]}",
          "log_list_timestamp: expected an RFC 3339 time" },
        { "duplicate JSON key", "{\"operators\":[{\"name\":\"x\",\"logs\":[{" LOG_A ",\"log_id\":\"x\"}]}]}",
          "duplicate" },
        { "no logs", "{\"operators\":[{\"name\":\"x\",\"logs\":[]}]}", "expected at least one log" },
        { "no operators", "{\"operators\":[]}", "expected at least one log" },
        { "operator is a text", "{\"operators\":[\"x\"]}", "expected at least one log" },
        { "logs is an object", "{\"operators\":[{\"name\":\"x\",\"logs\":{}}]}", "expected at least one log" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_refused(rows[i].name, rows[i].text, rows[i].words);
    }
}
END_TEST

START_TEST(what_is_only_shown_is_left_out_with_a_warning)
{
    static const struct {
        const char *name, *text, *words;
    } rows[] = {
        { "URL with an escape sequence", ONE_OPERATOR("{" LOG_A ",\"url\":\"\\u001b[2J\"}"),
          "logs[0].url: expected 1 to 1000" },
        { "URL is a number", ONE_OPERATOR("{" LOG_A ",\"url\":7}"), "logs[0].url: expected 1 to 1000" },
        { "operator without name", "{\"operators\":[{\"logs\":[{" LOG_A "}]}]}", "operators[0].name: expected" },
        { "operator with an empty name", "{\"operators\":[{\"name\":\"\",\"logs\":[{" LOG_A "}]}]}",
          "operators[0].name: expected" },
        { "an operator that is a text", "{\"operators\":[\"x\",{\"name\":\"x\",\"logs\":[{" LOG_A "}]}]}",
          "operators[0]: expected an object" },
        { "logs that are an object",
          "{\"operators\":[{\"name\":\"y\",\"logs\":{}},{\"name\":\"x\",\"logs\":[{" LOG_A "}]}]}",
          "operators[0].logs: expected an array" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_left_out(rows[i].name, rows[i].text, 1, rows[i].words);
    }
}
END_TEST

/* As Go programs, protobuf and the published lists write "nothing"; none of it is worth a word. */
START_TEST(nothing_is_read_as_nothing)
{
    static const struct {
        const char *name, *text;
    } rows[] = {
        { "null for arrays", "{\"operators\":[{\"name\":\"x\",\"email\":null,\"logs\":[{" LOG_A
                             "}],\"tiled_logs\":null},{\"name\":\"y\",\"logs\":null,\"tiled_logs\":null}]}" },
        { "empty arrays", "{\"operators\":[{\"name\":\"x\",\"email\":[],\"logs\":[],\"tiled_logs\":[{" LOG_A
                          "}]},{\"name\":\"y\",\"logs\":[]}]}" },
        { "null members", WITH("\"state\":null,\"temporal_interval\":null,\"previous_operators\":null,\"url\":null,"
                               "\"log_type\":null,\"mmd\":null,\"dns\":null") },
        { "null states", WITH("\"state\":{\"pending\":null,\"usable\":{\"timestamp\":\"2024-01-01T00:00:00Z\"}}") },
        { "no time", WITH("\"state\":{\"usable\":{\"timestamp\":\"0001-01-01T00:00:00Z\"}},\"temporal_interval\":{"
                          "\"start_inclusive\":\"0001-01-01T00:00:00Z\",\"end_exclusive\":\"0001-01-01T00:00:00Z\"}") },
        { "no time of the list, and a version that is a number",
          "{\"version\":3,\"log_list_timestamp\":\"0001-01-01T00:00:00Z\",\"assetVersion\":1013,\"operators\":[{"
          "\"name\":\"x\",\"logs\":[{" LOG_A "}]}]}" },
        { "unknown members",
          "{\"x\":[{}],\"operators\":[{\"name\":\"x\",\"y\":1e300,\"logs\":[{" LOG_A
          ",\"mmd\":123456789012345678901234567890,\"state\":{\"comment\":\"x\",\"usable\":{\"version\":5,"
          "\"timestamp\":\"2024-01-01T00:00:00.123456789+02:00\"}}}],\"z\":{\"a\":[null]}}]}" },
        { "the same log twice, in other words",
          ONE_OPERATOR("{" LOG_A "},{\"description\":\"Again\",\"key\":\"" KEY_P256_A "\",\"log_id\":\"" ID_P256_A
                       "\",\"url\":\"https://x.example/\"}") },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct parsed p = parse(rows[i].text);

        ck_assert_msg(p.ok && p.problems.warnings == 0, "%s: %s", rows[i].name, first_problem(&p));
        ck_assert_msg(counting(&p) == 1 && p.list.logs.count == 1, "%s: %zu logs count", rows[i].name, counting(&p));
        ck_assert_msg(p.list.logs.logs[0].state == CT_LOG_USABLE && p.list.timestamp_ms == INT64_MIN &&
                          p.list.logs.logs[0].interval_end_ms == INT64_MAX,
                      "%s: read otherwise", rows[i].name);
        parsed_clear(&p);
    }
}
END_TEST

/* As operators list it for tools that know no `tiled_logs`. */
START_TEST(one_log_under_both_kinds_is_one_static_ct_log)
{
    for (int turned = 0; turned < 2; turned++) {
        static const char plain[] = "\"logs\":[{" LOG_A ",\"url\":\"https://r.example/\"}]";
        static const char tiled[] = "\"tiled_logs\":[{" LOG_A ",\"submission_url\":\"https://s.example/\","
                                    "\"monitoring_url\":\"https://m.example/\"}]";
        char text[2000];
        struct parsed p;
        const struct ct_log *log;

        snprintf(text, sizeof text, "{\"operators\":[{\"name\":\"x\",%s,%s}]}", turned ? tiled : plain,
                 turned ? plain : tiled);
        p = parse(text);
        ck_assert_msg(p.ok, "%s", first_problem(&p));
        ck_assert_uint_eq(p.list.logs.count, 1);
        log = log_named(&p, "Log A");
        ck_assert(log->tiled && log->unusable == NULL);
        ck_assert_str_eq(log->url, "https://s.example/");
        ck_assert_str_eq(log->monitoring_url, "https://m.example/");
        parsed_clear(&p);
    }
}
END_TEST

START_TEST(entries_of_one_log_that_disagree_make_it_not_count)
{
    static const struct {
        const char *name, *first, *second, *words;
    } rows[] = {
        { "states", ",\"state\":{\"usable\":{\"timestamp\":\"2024-01-01T00:00:00Z\"}}",
          ",\"state\":{\"retired\":{\"timestamp\":\"2025-01-01T00:00:00Z\"}}",
          "one says usable since 2024-01-01T00:00:00Z, another retired since 2025-01-01T00:00:00Z" },
        { "a state that is unknown", ",\"state\":{\"usable\":{\"timestamp\":\"2024-01-01T00:00:00Z\"}}",
          ",\"state\":{\"suspended\":{\"timestamp\":\"2025-01-01T00:00:00Z\"}}", "another not to be counted" },
        { "no state where others have one", ",\"state\":{\"usable\":{\"timestamp\":\"2024-01-01T00:00:00Z\"}}", "",
          "another pending" },
        { "intervals", "",
          ",\"temporal_interval\":{\"start_inclusive\":\"2025-01-01T00:00:00Z\",\"end_exclusive\":"
          "\"2026-01-01T00:00:00Z\"}",
          "their temporal intervals are not the same" },
        { "times of one state", ",\"state\":{\"retired\":{\"timestamp\":\"2024-01-01T00:00:00Z\"}}",
          ",\"state\":{\"retired\":{\"timestamp\":\"2025-01-01T00:00:00Z\"}}",
          "one says retired since 2024-01-01T00:00:00Z, another retired since 2025-01-01T00:00:00Z" },
        { "ends of intervals",
          ",\"temporal_interval\":{\"start_inclusive\":\"2025-01-01T00:00:00Z\",\"end_exclusive\":"
          "\"2027-01-01T00:00:00Z\"}",
          ",\"temporal_interval\":{\"start_inclusive\":\"2025-01-01T00:00:00Z\",\"end_exclusive\":"
          "\"2026-01-01T00:00:00Z\"}",
          "their temporal intervals are not the same" },
        { "a type that is unknown", "", ",\"log_type\":\"quantum\"", "another not to be counted" },
        { "operators before", "", ",\"previous_operators\":[{\"name\":\"y\",\"end_time\":\"2021-01-01T00:00:00Z\"}]",
          "operated by" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (unsigned turned = 0; turned < 2; turned++) {
            char text[4000];
            struct parsed p;

            snprintf(text, sizeof text,
                     ONE_OPERATOR("{" LOG_A "%s},{" LOG_B ",\"state\":{\"usable\":{\"timestamp\":"
                                  "\"2024-01-01T00:00:00Z\"}}},{" LOG_A "%s}"),
                     turned ? rows[i].second : rows[i].first, turned ? rows[i].first : rows[i].second);
            p = parse(text);
            ck_assert_msg(p.ok, "%s: %s", rows[i].name, first_problem(&p));
            ck_assert_uint_eq(p.list.logs.count, 2);
            ck_assert_msg(log_named(&p, "Log A")->unusable != NULL, "%s: counts", rows[i].name);
            ck_assert_msg(log_named(&p, "Log B")->unusable == NULL, "%s: Log B does not", rows[i].name);
            ck_assert_msg(turned || said(&p, CT_WARNING, rows[i].words), "%s: %s", rows[i].name, first_problem(&p));
            parsed_clear(&p);
        }
    }
}
END_TEST

START_TEST(every_odd_log_is_told)
{
    struct parsed p = parse(ONE_OPERATOR("{" LOG_A "},{\"key\":\"x\",\"log_id\":\"x\"},{\"key\":1,\"log_id\":2}"));

    ck_assert_msg(p.ok, "%s", first_problem(&p));
    ck_assert(said(&p, CT_WARNING, "logs[1].key"));
    ck_assert(said(&p, CT_WARNING, "logs[2].key"));
    ck_assert(said(&p, CT_WARNING, "logs[2].log_id"));
    ck_assert_uint_eq(p.list.logs.count, 1);
    ck_assert_uint_eq(p.list.nameless.count, 2);
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

START_TEST(the_last_of_several_states_counts)
{
    /* In any order of the members, as JSON has none. */
    static const char *const rows[] = {
        "\"qualified\":{\"timestamp\":\"2025-08-11T12:33:27+01:00\"},\"usable\":{"
        "\"timestamp\":\"2025-09-22T12:29:18+01:00\"}",
        "\"usable\":{\"timestamp\":\"2025-09-22T11:29:18Z\"},\"pending\":{\"timestamp\":\"2025-08-10T00:00:00Z\"},"
        "\"qualified\":{\"timestamp\":\"2025-08-11T00:00:00Z\"}",
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[1024];
        struct parsed p;

        snprintf(text, sizeof text, "{\"operators\":[{\"name\":\"x\",\"logs\":[{" LOG_A ",\"state\":{%s}}]}]}",
                 rows[i]);
        p = parse(text);
        ck_assert_msg(p.ok && p.problems.count == 0, "%s", first_problem(&p));
        ck_assert_int_eq(log_named(&p, "Log A")->state, CT_LOG_USABLE);
        ck_assert_int_eq(log_named(&p, "Log A")->state_since_ms, 1758540558000);
        parsed_clear(&p);
    }
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

START_TEST(logs_for_monitors_do_not_count_and_need_no_warning)
{
    struct parsed p = parse(ONE_OPERATOR("{" LOG_A ",\"log_type\":\"monitoring_only\",\"state\":{\"usable\":{"
                                         "\"timestamp\":\"2024-01-01T00:00:00Z\"}}},{" LOG_B "}"));

    ck_assert_msg(p.ok, "%s", first_problem(&p));
    ck_assert(log_named(&p, "Log A")->unusable != NULL && log_named(&p, "Log B")->unusable == NULL);
    ck_assert_int_eq(log_named(&p, "Log B")->state, CT_LOG_USABLE);
    ck_assert_uint_eq(p.problems.warnings, 0);
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
        one_odd_log_does_not_count_and_the_others_do,
        an_odd_log_changes_nothing_for_the_others,
        refuses_what_is_no_list_and_says_where,
        what_is_only_shown_is_left_out_with_a_warning,
        nothing_is_read_as_nothing,
        one_log_under_both_kinds_is_one_static_ct_log,
        entries_of_one_log_that_disagree_make_it_not_count,
        every_odd_log_is_told,
        ignores_members_it_does_not_know,
        the_last_of_several_states_counts,
        log_without_description_is_named_by_its_id,
        logs_for_monitors_do_not_count_and_need_no_warning,
        reads_a_single_logs_own_file,
        reads_a_real_list,
    };

    return unit_run(suite_of("log_list_v3", tests, sizeof tests / sizeof tests[0]));
}
