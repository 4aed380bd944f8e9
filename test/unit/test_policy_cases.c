/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of policy cases in test/vectors/policy/cases.json: certificates and SCTs in, verdicts out, and nothing
 * of either in code. Besides the verdict, each case is put through what holds for every case.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/clock.h"
#include "policy/policy.h"
#include "unit.h"

#define LOGS_MAX 64
#define SCTS_MAX 16

static json_t *table;
static struct ct_log logs[LOGS_MAX];
static const char *log_names[LOGS_MAX];
static size_t log_count;

static int64_t moment(const char *text)
{
    int64_t ms;

    ck_assert_msg(text != NULL && ct_time_parse(text, &ms), "not a time: %s", text != NULL ? text : "(none)");
    return ms;
}

static int64_t moment_or(const json_t *value, int64_t otherwise)
{
    return json_is_string(value) ? moment(json_string_value(value)) : otherwise;
}

static int64_t duration(const char *text)
{
    int64_t ms;

    ck_assert_msg(text != NULL && ct_duration_parse(text, &ms), "not a duration: %s", text != NULL ? text : "(none)");
    return ms;
}

static enum ct_log_state state_of(const char *name)
{
    for (int state = 0; state < CT_LOG_STATE_COUNT; state++) {
        if (strcmp(ct_log_state_name(state), name) == 0) {
            return state;
        }
    }
    ck_abort_msg("no such state: %s", name);
    return CT_LOG_REJECTED;
}

static char *copy(const char *text)
{
    return text != NULL ? strdup(text) : NULL;
}

static void load_log(const char *name, json_t *from)
{
    struct ct_log *log = &logs[log_count];
    json_t *previous = json_object_get(from, "previous");
    json_t *interval = json_object_get(from, "interval");
    json_t *window = json_object_get(from, "sct_window");

    log_names[log_count++] = name;
    memset(log->id, (int)json_integer_value(json_object_get(from, "id_byte")), sizeof log->id);
    log->description = strdup(name);
    log->log_operator = copy(json_string_value(json_object_get(from, "operator")));
    log->state = state_of(json_string_value(json_object_get(from, "state")));
    log->has_state = true;
    log->state_since_ms = moment_or(json_object_get(from, "since"), INT64_MIN);
    log->interval_start_ms = moment_or(json_array_get(interval, 0), INT64_MIN);
    log->interval_end_ms = moment_or(json_array_get(interval, 1), INT64_MAX);
    log->sct_from_ms = moment_or(json_array_get(window, 0), INT64_MIN);
    log->sct_until_ms = moment_or(json_array_get(window, 1), INT64_MAX);
    log->tiled = json_is_true(json_object_get(from, "tiled"));
    log->unusable = json_is_true(json_object_get(from, "mimic")) ? strdup("its private key is public") : NULL;
    log->previous_count = json_array_size(previous);
    log->previous = calloc(log->previous_count + 1, sizeof *log->previous);
    for (size_t i = 0; i < log->previous_count; i++) {
        json_t *entry = json_array_get(previous, i);

        log->previous[i].name = copy(json_string_value(json_array_get(entry, 0)));
        log->previous[i].until_ms = moment(json_string_value(json_array_get(entry, 1)));
    }
}

static const struct ct_log *log_by_name(const char *name)
{
    for (size_t i = 0; i < log_count; i++) {
        if (strcmp(log_names[i], name) == 0) {
            return &logs[i];
        }
    }
    ck_abort_msg("no such log: %s", name);
    return NULL;
}

static void load_policy(json_t *from, const char *name, struct ct_policy *policy)
{
    const char *preset = json_string_value(json_object_get(from, "preset"));
    json_t *value, *entry;
    size_t i;

    ck_assert_msg(from != NULL, "no such policy: %s", name);
    if (preset != NULL) {
        ck_assert(ct_policy_preset(preset, policy));
        return;
    }
    ct_policy_defaults(policy);
    policy->name = strdup(name);
    value = json_object_get(from, "min_scts");
    json_array_foreach(value, i, entry)
    {
        policy->min_scts[i].scts = (unsigned)json_integer_value(json_array_get(entry, 0));
        policy->min_scts[i].over_ms = i == 0 ? 0 : duration(json_string_value(json_array_get(entry, 1)));
        policy->min_scts_rows = i + 1;
    }
    if ((value = json_object_get(from, "min_operators")) != NULL) {
        policy->min_operators = (unsigned)json_integer_value(value);
    }
    if ((value = json_object_get(from, "max_per_operator")) != NULL) {
        policy->max_per_operator = (unsigned)json_integer_value(value);
    }
    if ((value = json_object_get(from, "require_log")) != NULL) {
        policy->required_logs = calloc(json_array_size(value) + 1, sizeof(char *));
        json_array_foreach(value, i, entry)
        {
            policy->required_logs[i] = strdup(json_string_value(entry));
        }
    }
    if ((value = json_object_get(from, "accept_states")) != NULL) {
        policy->accept_states = 0;
        json_array_foreach(value, i, entry)
        {
            policy->accept_states |= CT_LOG_STATE_BIT(state_of(json_string_value(entry)));
        }
    }
    if ((value = json_object_get(from, "needs_current_log")) != NULL) {
        policy->needs_current_log = json_is_true(value);
    }
    if ((value = json_object_get(from, "clock_skew")) != NULL) {
        policy->clock_skew_ms = duration(json_string_value(value));
    }
    if ((value = json_object_get(from, "sct_max_age")) != NULL) {
        policy->sct_max_age_ms = duration(json_string_value(value));
    }
}

static enum clientct_source source_of(const char *name)
{
    static const char *const names[CLIENTCT_SOURCE_COUNT] = { "embedded", "tls", "ocsp", "store" };

    for (int source = 0; source < CLIENTCT_SOURCE_COUNT; source++) {
        if (name == NULL || strcmp(names[source], name) == 0) {
            return source;
        }
    }
    ck_abort_msg("no such source: %s", name);
    return CLIENTCT_SOURCE_EMBEDDED;
}

/* A case, ready to be judged as the checker does. */
struct situation {
    const char *name;
    struct ct_policy policy;
    struct ct_policy_subject subject;
    struct ct_sct items[SCTS_MAX];
    bool signature_good[SCTS_MAX];
    struct ct_scts scts;
};

/* A member of the case, or else of the defaults. */
static const char *member(json_t *from, const char *name)
{
    json_t *value = json_object_get(from, name);

    return json_string_value(value != NULL ? value : json_object_get(json_object_get(table, "defaults"), name));
}

static void load_case(json_t *from, struct situation *s)
{
    const char *policy = json_string_value(json_object_get(from, "policy"));
    json_t *scts = json_object_get(from, "scts"), *entry;
    size_t i;

    memset(s, 0, sizeof *s);
    s->name = json_string_value(json_object_get(from, "name"));
    load_policy(json_object_get(json_object_get(table, "policies"), policy), policy, &s->policy);
    s->subject.not_before_ms = moment(member(from, "not_before"));
    s->subject.not_after_ms = moment(member(from, "not_after"));
    s->subject.now_ms = moment(member(from, "now"));
    s->scts.items = s->items;
    ck_assert_uint_le(json_array_size(scts), SCTS_MAX);
    json_array_foreach(scts, i, entry)
    {
        struct ct_sct *sct = &s->items[s->scts.count];
        const char *log = json_string_value(json_object_get(entry, "log"));
        const char *raw = json_string_value(json_object_get(entry, "at_ms"));
        const char *signature = json_string_value(json_object_get(entry, "signature"));

        sct->log = log != NULL ? log_by_name(log) : NULL;
        sct->log_id = sct->log != NULL ? sct->log->id : (const uint8_t *)"an id that is in no list of logs";
        sct->decoded = true;
        sct->source = source_of(json_string_value(json_object_get(entry, "source")));
        sct->timestamp_ms = raw != NULL ? strtoull(raw, NULL, 10) : (uint64_t)moment(member(entry, "at"));
        s->signature_good[s->scts.count++] = signature == NULL || strcmp(signature, "bad") != 0;
    }
}

/* What comes before the judgement: what cannot count is put aside, and only the rest has its signature checked. */
static void check_scts(struct situation *s)
{
    for (size_t i = 0; i < s->scts.count; i++) {
        s->items[i].status = CLIENTCT_NOT_CHECKED;
    }
    for (size_t i = 0; i < s->scts.count; i++) {
        enum clientct_reason admitted = ct_policy_admits(&s->policy, &s->subject, &s->scts, &s->items[i]);

        s->items[i].status = admitted == CLIENTCT_VALID ? CLIENTCT_NOT_CHECKED : admitted;
    }
    for (size_t i = 0; i < s->scts.count; i++) {
        if (s->items[i].status == CLIENTCT_NOT_CHECKED) {
            s->items[i].status = s->signature_good[i] ? CLIENTCT_VALID : CLIENTCT_BAD_SIGNATURE;
        }
    }
}

static enum clientct_reason judge(struct situation *s)
{
    return ct_policy_judge(&s->policy, &s->subject, &s->scts, NULL, 0, NULL);
}

static void free_case(struct situation *s)
{
    ct_policy_clear(&s->policy);
}

START_TEST(verdict_is_what_the_rule_says)
{
    json_t *from = json_array_get(json_object_get(table, "cases"), (size_t)_i);
    const char *verdict = json_string_value(json_object_get(from, "verdict"));
    const char *detail_wanted = json_string_value(json_object_get(from, "detail"));
    const char *advice_wanted = json_string_value(json_object_get(from, "advice"));
    json_t *statuses = json_object_get(from, "statuses");
    struct ct_explanation explanation = { 0 };
    enum clientct_reason reason;
    struct situation s;
    char detail[320];

    load_case(from, &s);
    check_scts(&s);
    for (size_t i = 0; i < s.scts.count; i++) {
        const char *wanted = statuses != NULL ? json_string_value(json_array_get(statuses, i)) : "valid";
        const char *found = clientct_reason_name(s.items[i].status);

        ck_assert_msg(strcmp(found, wanted) == 0, "%s: SCT %zu is %s, not %s", s.name, i, found, wanted);
    }
    reason = ct_policy_judge(&s.policy, &s.subject, &s.scts, detail, sizeof detail, &explanation);
    ck_assert_msg(strcmp(clientct_reason_name(reason), verdict) == 0, "%s: %s, not %s (%s)", s.name,
                  clientct_reason_name(reason), verdict, detail);
    ck_assert_msg(judge(&s) == reason, "%s: explaining changes the verdict", s.name);
    ck_assert_msg((reason == CLIENTCT_COMPLIANT) == (detail[0] == '\0'), "%s: detail '%s'", s.name, detail);
    ck_assert_msg(explanation.count > 0, "%s: nothing is explained", s.name);
    if (detail_wanted != NULL) {
        ck_assert_str_eq(detail, detail_wanted);
    }
    if (advice_wanted != NULL) {
        ck_assert_str_eq(explanation.advice, advice_wanted);
    }
    ct_explanation_clear(&explanation);
    free_case(&s);
}
END_TEST

START_TEST(order_and_surplus_do_not_matter)
{
    json_t *from = json_array_get(json_object_get(table, "cases"), (size_t)_i);
    enum clientct_reason whole, so_far = CLIENTCT_NOT_EVALUATED;
    struct situation s, turned;

    load_case(from, &s);
    load_case(from, &turned);
    check_scts(&s);
    whole = judge(&s);
    /* The checker stops as soon as the policy is met: no SCT that comes later may take that back. */
    for (size_t count = 0; count <= turned.scts.count; count++) {
        struct ct_scts first = { .items = s.items, .count = count };

        if (so_far == CLIENTCT_COMPLIANT) {
            ck_assert_msg(ct_policy_judge(&s.policy, &s.subject, &first, NULL, 0, NULL) == CLIENTCT_COMPLIANT,
                          "%s: SCT %zu spoils it", s.name, count - 1);
        }
        so_far = ct_policy_judge(&s.policy, &s.subject, &first, NULL, 0, NULL);
    }
    for (size_t i = 0; i < s.scts.count; i++) {
        turned.items[i] = s.items[s.scts.count - 1 - i];
        turned.signature_good[i] = s.signature_good[s.scts.count - 1 - i];
    }
    check_scts(&turned);
    ck_assert_msg(judge(&turned) == whole, "%s: backwards it is %s", s.name, clientct_reason_name(judge(&turned)));
    free_case(&s);
    free_case(&turned);
}
END_TEST

/* xorshift: the same moments in every run */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

START_TEST(the_answer_holds_within_the_horizon)
{
    json_t *from = json_array_get(json_object_get(table, "cases"), (size_t)_i);
    uint64_t seed = 0x9e3779b97f4a7c15u + (uint64_t)_i;
    int64_t begin, end, now, begins, ends;
    enum clientct_reason statuses[SCTS_MAX], verdict;
    struct situation s;

    load_case(from, &s);
    now = s.subject.now_ms;
    begin = now - 400 * CT_DAY_MS;
    end = now + 400 * CT_DAY_MS;
    begins = INT64_MIN;
    ends = INT64_MAX;
    ct_policy_horizon(&s.policy, &s.subject, &s.scts, &begins, &ends);
    ck_assert_msg(begins <= now && now < ends, "%s: now is outside", s.name);
    begin = begins > begin ? begins : begin;
    end = ends < end ? ends : end;
    check_scts(&s);
    verdict = judge(&s);
    for (size_t i = 0; i < s.scts.count; i++) {
        statuses[i] = s.items[i].status;
    }
    for (int round = 0; round < 40; round++) {
        int64_t span = end - begin;

        s.subject.now_ms = round == 0   ? begin
                           : round == 1 ? end - 1
                                        : begin + (int64_t)(next_random(&seed) % (uint64_t)span);
        check_scts(&s);
        for (size_t i = 0; i < s.scts.count; i++) {
            ck_assert_msg(s.items[i].status == statuses[i], "%s: SCT %zu differs at %" PRId64, s.name, i,
                          s.subject.now_ms);
        }
        ck_assert_msg(judge(&s) == verdict, "%s: the verdict differs at %" PRId64, s.name, s.subject.now_ms);
    }
    free_case(&s);
}
END_TEST

START_TEST(there_are_cases_enough_and_each_says_why)
{
    json_t *cases = json_object_get(table, "cases"), *entry;
    size_t i;

    ck_assert_uint_ge(json_array_size(cases), 150);
    json_array_foreach(cases, i, entry)
    {
        ck_assert_msg(json_is_string(json_object_get(entry, "why")), "case %zu", i);
    }
}
END_TEST

static void load_logs(void)
{
    const char *name;
    json_t *value;

    json_object_foreach(json_object_get(table, "logs"), name, value)
    {
        load_log(name, value);
    }
}

static void free_logs(void)
{
    for (size_t i = 0; i < log_count; i++) {
        ct_log_clear(&logs[i]);
    }
    log_count = 0;
}

int main(void)
{
    Suite *suite = suite_create("policy cases");
    TCase *tc = tcase_create("policy cases");
    const char *vectors = getenv("CLIENTCT_TEST_VECTORS");
    char path[4096];
    json_error_t error;
    int cases, failed;

    snprintf(path, sizeof path, "%s/policy/cases.json", vectors != NULL ? vectors : "test/vectors");
    table = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (table == NULL) {
        printf("Bail out! %s:%d: %s\n", path, error.line, error.text);
        return EXIT_FAILURE;
    }
    cases = (int)json_array_size(json_object_get(table, "cases"));
    tcase_add_unchecked_fixture(tc, load_logs, free_logs);
    tcase_add_test(tc, there_are_cases_enough_and_each_says_why);
    tcase_add_loop_test(tc, verdict_is_what_the_rule_says, 0, cases);
    tcase_add_loop_test(tc, order_and_surplus_do_not_matter, 0, cases);
    tcase_add_loop_test(tc, the_answer_holds_within_the_horizon, 0, cases);
    suite_add_tcase(suite, tc);
    failed = unit_run(suite);
    json_decref(table);
    return failed;
}
