/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module and libcrypto judge the same minted SCTs. They share no code here: libcrypto takes certificates apart and
 * encodes them anew, the module cuts bytes. Where they differ, the difference is intended and stands in a table below.
 */
#include "differential_judges.h"
#include "unit.h"

/* libcrypto's answer, with one more for a list that it does not take. */
#define UNPARSED 6u
#define STATUS_BIT(status) (1u << (status))
#define THEY_ACCEPT STATUS_BIT(SCT_VALIDATION_STATUS_VALID)
#define THEY_REFUSE \
    (STATUS_BIT(SCT_VALIDATION_STATUS_INVALID) | STATUS_BIT(SCT_VALIDATION_STATUS_UNKNOWN_LOG) | \
     STATUS_BIT(SCT_VALIDATION_STATUS_UNKNOWN_VERSION) | STATUS_BIT(SCT_VALIDATION_STATUS_UNVERIFIED) | \
     STATUS_BIT(SCT_VALIDATION_STATUS_NOT_SET) | STATUS_BIT(UNPARSED))

/* Our status of an SCT, and what libcrypto has to say for that to be agreement. */
static const struct {
    enum clientct_reason ours;
    unsigned theirs;
} agreements[] = {
    { CLIENTCT_VALID, THEY_ACCEPT },
    { CLIENTCT_BAD_SIGNATURE, STATUS_BIT(SCT_VALIDATION_STATUS_INVALID) },
    { CLIENTCT_FUTURE_TIMESTAMP, STATUS_BIT(SCT_VALIDATION_STATUS_INVALID) },
    { CLIENTCT_UNKNOWN_LOG, STATUS_BIT(SCT_VALIDATION_STATUS_UNKNOWN_LOG) },
    { CLIENTCT_UNSUPPORTED_VERSION, STATUS_BIT(SCT_VALIDATION_STATUS_UNKNOWN_VERSION) },
    { CLIENTCT_ISSUER_UNKNOWN, STATUS_BIT(SCT_VALIDATION_STATUS_UNVERIFIED) },
    { CLIENTCT_MALFORMED_SCT_LIST, STATUS_BIT(UNPARSED) },
    { CLIENTCT_NOT_EVALUATED, THEY_REFUSE },
};

/* What there is about an SCT, its list or its certificate that may explain a difference. */
enum feature {
    WRONG_ALGORITHM_BYTE,
    WRONG_HASH_BYTE,
    TRAILING_BYTE,
    SPOILT_NEIGHBOUR,
    WEAK_LOG_KEY,
    WITHIN_FIVE_MINUTES,
    TILED_WITHOUT_INDEX,
    STATE_DOES_NOT_COUNT,
    INTERVAL_PASSED,
    MANY_OF_ONE_LOG,
    EMPTY_LIST,
    OCTET_STRING_TRAILING,
    OCTET_STRING_BER,
};

/* `ours` NOT_EVALUATED: the module gives no SCTs at all. Each row has to be seen at least once. */
static const struct {
    const char *why;
    enum feature feature;
    enum clientct_reason ours;
    unsigned theirs;
} differences[] = {
    { "the SCT's algorithm byte must be that of the log's key; libcrypto goes by the key alone", WRONG_ALGORITHM_BYTE,
      CLIENTCT_BAD_SIGNATURE, THEY_ACCEPT },
    { "a hash other than SHA-256 is this SCT's own fault; libcrypto drops the list", WRONG_HASH_BYTE,
      CLIENTCT_BAD_SIGNATURE, STATUS_BIT(UNPARSED) },
    { "nothing may follow an SCT's signature; libcrypto does not look", TRAILING_BYTE, CLIENTCT_MALFORMED_SCT_LIST,
      THEY_ACCEPT },
    { "an undecodable SCT does not spoil its neighbours; libcrypto drops the list", SPOILT_NEIGHBOUR, CLIENTCT_VALID,
      STATUS_BIT(UNPARSED) },
    { "logs have P-256 or RSA keys of 2048 bits or more; libcrypto takes P-384 and RSA-1024", WEAK_LOG_KEY,
      CLIENTCT_UNKNOWN_LOG, THEY_ACCEPT },
    { "a timestamp may be clock_skew in the future; libcrypto allows five minutes", WITHIN_FIVE_MINUTES,
      CLIENTCT_FUTURE_TIMESTAMP, THEY_ACCEPT },
    { "SCTs of static-ct logs need leaf_index exactly once; libcrypto does not know such logs", TILED_WITHOUT_INDEX,
      CLIENTCT_BAD_EXTENSIONS, THEY_ACCEPT },
    { "a rejected log does not count; libcrypto knows no states", STATE_DOES_NOT_COUNT, CLIENTCT_LOG_NOT_TRUSTED,
      THEY_ACCEPT },
    { "notAfter must be inside the log's temporal interval; libcrypto knows none", INTERVAL_PASSED,
      CLIENTCT_OUTSIDE_INTERVAL, THEY_ACCEPT },
    { "a log has eight checks, so that bytes do not buy CPU; libcrypto checks all", MANY_OF_ONE_LOG,
      CLIENTCT_NOT_CHECKED, THEY_ACCEPT },
    { "an empty list is malformed; libcrypto takes it, and SCT_LIST_validate says yes", EMPTY_LIST,
      CLIENTCT_NOT_EVALUATED, 0 },
    { "nothing may follow the inner OCTET STRING; libcrypto does not look", OCTET_STRING_TRAILING,
      CLIENTCT_NOT_EVALUATED, THEY_ACCEPT },
    { "the inner OCTET STRING is DER; libcrypto takes BER", OCTET_STRING_BER, CLIENTCT_NOT_EVALUATED, THEY_ACCEPT },
};
#define DIFFERENCE_COUNT (sizeof differences / sizeof differences[0])

static unsigned seen[DIFFERENCE_COUNT];
static unsigned certificates, scts_compared, differ, surplus_forgiven, repeats_refused;

static bool spoils_the_list(const struct planned_sct *sct)
{
    return sct->fault == PKI_SCT_HASH_ALG || sct->fault == PKI_SCT_TRUNCATED;
}

static bool has_feature(const struct plan *plan, size_t i, enum feature feature)
{
    const struct planned_sct *sct = &plan->scts[i];
    bool in_octet_string = plan->source == CLIENTCT_SOURCE_EMBEDDED || plan->source == CLIENTCT_SOURCE_OCSP;
    size_t same_log = 0;

    switch (feature) {
    case WRONG_ALGORITHM_BYTE:
        return sct->fault == PKI_SCT_SIG_ALG;
    case WRONG_HASH_BYTE:
        return sct->fault == PKI_SCT_HASH_ALG;
    case TRAILING_BYTE:
        return sct->fault == PKI_SCT_TRAILING;
    case SPOILT_NEIGHBOUR:
        for (size_t n = 0; n < plan->count; n++) {
            if (n != i && spoils_the_list(&plan->scts[n])) {
                return true;
            }
        }
        return false;
    case WEAK_LOG_KEY:
        return sct->log == P384 || sct->log == RSA_1024;
    case WITHIN_FIVE_MINUTES:
        return sct->offset_ms > PKI_MINUTE && sct->offset_ms <= 5 * PKI_MINUTE;
    case TILED_WITHOUT_INDEX:
        return sct->log == TILED && sct->extensions != LEAF_INDEX;
    case STATE_DOES_NOT_COUNT:
        return sct->log == REJECTED;
    case INTERVAL_PASSED:
        return sct->log == NARROW;
    case MANY_OF_ONE_LOG:
        for (size_t n = 0; n < i; n++) {
            same_log += plan->scts[n].log == sct->log ? 1 : 0;
        }
        return same_log >= 8;
    case EMPTY_LIST:
        return plan->list_fault == PKI_LIST_EMPTY;
    case OCTET_STRING_TRAILING:
        return in_octet_string && plan->list_fault == PKI_LIST_OCTET_TRAILING;
    case OCTET_STRING_BER:
        return in_octet_string && plan->list_fault == PKI_LIST_OCTET_BER;
    }
    return false;
}

static bool agree(enum clientct_reason ours, unsigned theirs)
{
    for (size_t i = 0; i < sizeof agreements / sizeof agreements[0]; i++) {
        if (agreements[i].ours == ours && (agreements[i].theirs & theirs) != 0) {
            return true;
        }
    }
    return false;
}

/* Both refuse, but the module has a rule that libcrypto does not have and it spoke first, or the list is gone. */
static bool refused_earlier(const struct plan *plan, size_t sct, enum clientct_reason ours, unsigned theirs)
{
    if (ours == CLIENTCT_VALID || (theirs & THEY_REFUSE) == 0) {
        return false;
    }
    if (theirs == STATUS_BIT(UNPARSED)) {
        return has_feature(plan, sct, SPOILT_NEIGHBOUR) || spoils_the_list(&plan->scts[sct]);
    }
    for (size_t i = 0; i < DIFFERENCE_COUNT; i++) {
        if (differences[i].ours == ours && has_feature(plan, sct, differences[i].feature)) {
            return true;
        }
    }
    return false;
}

/* To agree that an SCT is valid is wrong where we mean to be stricter: the rule has gone. */
static void expect_no_lost_rule(const struct plan *plan, size_t sct)
{
    for (size_t i = 0; i < DIFFERENCE_COUNT; i++) {
        ck_assert_msg(!has_feature(plan, sct, differences[i].feature) || (differences[i].theirs & THEY_ACCEPT) == 0,
                      "%s, SCT %zu from %s: valid, although %s", plan->name, sct, clientct_source_name(plan->source),
                      differences[i].why);
    }
}

static void compare_sct(const struct plan *plan, size_t sct, enum clientct_reason ours, unsigned theirs)
{
    scts_compared++;
    if (agree(ours, theirs)) {
        if (ours == CLIENTCT_VALID) {
            expect_no_lost_rule(plan, sct);
        }
        return;
    }
    for (size_t i = 0; i < DIFFERENCE_COUNT; i++) {
        if (differences[i].ours == ours && (differences[i].theirs == theirs || (differences[i].theirs & theirs) != 0) &&
            has_feature(plan, sct, differences[i].feature)) {
            seen[i]++;
            differ++;
            return;
        }
    }
    ck_assert_msg(refused_earlier(plan, sct, ours, theirs),
                  "%s (certificate %u), SCT %zu of %zu from %s, log %d, fault %s, list %s: we say %s, libcrypto 0x%x",
                  plan->name, certificates, sct, plan->count, clientct_source_name(plan->source), plan->scts[sct].log,
                  pki_sct_fault_name(plan->scts[sct].fault), pki_list_fault_name(plan->list_fault),
                  clientct_reason_name(ours), theirs);
}

/* How many logs stand behind the SCTs that we found valid. */
static size_t distinct_valid_logs(const struct plan *plan, const struct clientct_verdict *verdict)
{
    unsigned found = 0;

    for (size_t i = 0; i < verdict->sct_count; i++) {
        found |= verdict->scts[i]->status == CLIENTCT_VALID ? 1u << plan->scts[i].log : 0;
    }
    return (size_t)__builtin_popcount(found);
}

static void compare_verdicts(const struct plan *plan, const struct clientct_verdict *verdict,
                             const struct pki_opinion *opinion, bool differed)
{
    size_t needed = plan->leaf.policy != NULL ? 2 : 1, valid = distinct_valid_logs(plan, verdict);
    bool theirs = opinion->parsed && opinion->validate == 1;

    ck_assert_msg(verdict->accept == (valid >= needed), "%s: %s with %zu logs of %zu", plan->name,
                  clientct_reason_name(verdict->reason), valid, needed);
    if (verdict->accept && !theirs) {
        surplus_forgiven++; /* libcrypto's one answer for a list is that of its worst SCT */
    } else if (!verdict->accept && theirs && !differed) {
        ck_assert_msg(needed == 2 && opinion->count >= 2, "%s: only libcrypto accepts", plan->name);
        repeats_refused++; /* who counts SCTs instead of logs counts one log twice */
    }
}

static void judge(const struct plan *plan)
{
    struct evidence evidence = { 0 };
    struct pki_opinion opinion;
    struct clientct_verdict verdict;
    unsigned before = differ;

    mint_evidence(plan, &evidence);
    certificates++;
    ask_libcrypto(plan, &evidence, &opinion);
    ask_module(plan, &evidence, &verdict);
    ck_assert_msg(verdict.sct_count == 0 || verdict.sct_count == plan->count, "%s: %zu SCTs", plan->name,
                  verdict.sct_count);
    ck_assert_msg(!opinion.parsed || opinion.count == 0 || opinion.count == plan->count, "%s", plan->name);
    for (size_t i = 0; i < plan->count; i++) {
        unsigned theirs = !opinion.parsed      ? STATUS_BIT(UNPARSED)
                          : opinion.count == 0 ? 0
                                               : STATUS_BIT(opinion.statuses[i]);
        compare_sct(plan, i, verdict.sct_count == 0 ? CLIENTCT_NOT_EVALUATED : verdict.scts[i]->status, theirs);
    }
    compare_verdicts(plan, &verdict, &opinion, differ != before);
    clientct_verdict_clear(&verdict);
    clear_evidence(&evidence);
}

static void every_fault_from_every_source(void)
{
    for (enum clientct_source source = CLIENTCT_SOURCE_EMBEDDED; source < CLIENTCT_SOURCE_COUNT; source++) {
        for (enum pki_sct_fault fault = PKI_SCT_NONE; fault < PKI_SCT_FAULT_COUNT; fault++) {
            for (enum log log = P256_A; log <= RSA_A; log++) {
                /* P256_A alone, the others beside a good SCT that comes first or last */
                struct plan plan = { .name = "fault", .source = source, .count = log == P256_A ? 1 : 2 };
                plan.scts[0] = (struct planned_sct){ .log = log, .fault = fault };
                plan.scts[1] = (struct planned_sct){ .log = log == RSA_A ? P256_B : RSA_A };
                if (log == RSA_A && fault == PKI_SCT_BER) {
                    continue;
                }
                if (log == RSA_A) {
                    struct planned_sct first = plan.scts[0];
                    plan.scts[0] = plan.scts[1];
                    plan.scts[1] = first;
                }
                judge(&plan);
            }
        }
    }
}

static void every_fault_of_a_list(void)
{
    for (enum clientct_source source = CLIENTCT_SOURCE_EMBEDDED; source < CLIENTCT_SOURCE_COUNT; source++) {
        for (enum pki_list_fault fault = PKI_LIST_NONE; fault < PKI_LIST_FAULT_COUNT; fault++) {
            struct plan plan = { .name = "list fault", .source = source, .count = 2, .list_fault = fault };
            plan.scts[1].log = RSA_A;
            judge(&plan);
        }
    }
}

static void many_shapes_of_certificates(void)
{
    static const int64_t lifetimes[] = { PKI_MINUTE * 10, PKI_DAY * 90, PKI_DAY * 180, PKI_DAY * 398, PKI_DAY * 1800 };
    static const size_t padding[] = { 0, 1, 100, 127, 128, 255, 256, 1000, 40000, 65400, 65536 };
    unsigned shape = 0;

    for (size_t key = 0; key < sizeof world.leaf_keys / sizeof world.leaf_keys[0]; key++) {
        for (enum pki_position position = PKI_LAST; position <= PKI_MIDDLE; position++) {
            for (size_t count = 1; count <= 4; count++, shape++) {
                struct plan plan = {
                    .name = "shape",
                    .source = shape % 5 == 4 ? CLIENTCT_SOURCE_OCSP : CLIENTCT_SOURCE_EMBEDDED,
                    .count = count,
                    .rsa_ca = shape % 2 == 1,
                    .leaf =
                        {
                            .key = world.leaf_keys[key],
                            .position = position,
                            .not_before_ms = world.now - 5 * PKI_MINUTE,
                            .not_after_ms = world.now - 5 * PKI_MINUTE + lifetimes[shape % 5],
                            .padding = padding[shape % 11],
                            .only_sct = shape % 7 == 0,
                            .san = shape % 3 == 0 ? "DNS:client.example,email:a@example.com" : NULL,
                            .server = shape % 13 == 0,
                        },
                    .scts = {{.log = P256_A, .extensions = UNKNOWN_EXTENSION},
                             {.log = RSA_A},
                             {.log = TILED, .extensions = LEAF_INDEX},
                             {.log = P256_B, .extensions = LEAF_INDEX_TWICE}},
                };
                judge(&plan);
            }
        }
    }
}

static void what_only_we_look_at(void)
{
    static const struct plan plans[] = {
        { .name = "log with P-384", .scts = { { .log = P384 } }, .count = 1 },
        { .name = "log with RSA-1024", .scts = { { .log = RSA_1024 } }, .count = 1 },
        { .name = "unknown log", .scts = { { .log = STRANGE } }, .count = 1 },
        { .name = "30 seconds ahead", .scts = { { .log = P256_A, .offset_ms = 30 * PKI_SECOND } }, .count = 1 },
        { .name = "60 seconds ahead", .scts = { { .log = P256_A, .offset_ms = PKI_MINUTE } }, .count = 1 },
        { .name = "60.001 seconds ahead", .scts = { { .log = P256_A, .offset_ms = PKI_MINUTE + 1 } }, .count = 1 },
        { .name = "300 seconds ahead", .scts = { { .log = P256_A, .offset_ms = 5 * PKI_MINUTE } }, .count = 1 },
        { .name = "300.001 seconds ahead", .scts = { { .log = P256_A, .offset_ms = 5 * PKI_MINUTE + 1 } }, .count = 1 },
        { .name = "a day ahead", .scts = { { .log = P256_A, .offset_ms = PKI_DAY } }, .count = 1 },
        { .name = "tiled without index", .scts = { { .log = TILED } }, .count = 1 },
        { .name = "tiled with two indices", .scts = { { .log = TILED, .extensions = LEAF_INDEX_TWICE } }, .count = 1 },
        { .name = "tiled", .scts = { { .log = TILED, .extensions = LEAF_INDEX } }, .count = 1 },
        { .name = "rejected log", .scts = { { .log = REJECTED } }, .count = 1 },
        { .name = "interval passed", .scts = { { .log = NARROW } }, .count = 1 },
        { .name = "ten of one log",
          .scts = { { .fault = PKI_SCT_SIGNATURE },
                    { .fault = PKI_SCT_SIGNATURE },
                    { 0 },
                    { 0 },
                    { 0 },
                    { 0 },
                    { 0 },
                    { 0 },
                    { 0 },
                    { 0 } },
          .count = 10 },
        { .name = "issuer twin", .scts = { { .log = P256_A }, { .log = RSA_A } }, .count = 2, .twin_issuer = true },
        { .name = "one log twice, two needed", .leaf = { .policy = "1.2.3.4" }, .scts = { { 0 }, { 0 } }, .count = 2 },
        { .name = "two logs, two needed",
          .leaf = { .policy = "1.2.3.4" },
          .scts = { { 0 }, { .log = RSA_A } },
          .count = 2 },
        { .name = "one good of two needed",
          .leaf = { .policy = "1.2.3.4" },
          .scts = { { 0 }, { .log = RSA_A, .fault = PKI_SCT_SIGNATURE } },
          .count = 2 },
        { .name = "poison", .leaf = { .poison = true }, .scts = { { 0 }, { .log = RSA_A } }, .count = 2 },
    };

    for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++) {
        for (enum clientct_source source = CLIENTCT_SOURCE_EMBEDDED; source <= CLIENTCT_SOURCE_TLS; source++) {
            struct plan plan = plans[i];
            plan.source = source;
            judge(&plan);
        }
    }
    struct plan alone = { .name = "no issuer", .count = 1, .no_issuer = true };
    judge(&alone);
    struct plan twice = { .name = "two lists", .scts = { { 0 }, { .log = RSA_A } }, .count = 2 };
    twice.leaf.two_sct_extensions = true;
    judge(&twice);
}

/* The same on every run: a failure has to come back. */
static unsigned next_random(unsigned below)
{
    static uint32_t state = 6962;

    state = state * 1664525u + 1013904223u;
    return (state >> 8) % below;
}

static void mixtures(void)
{
    static const int64_t offsets[] = { 0, 0, 0, 0, -PKI_DAY, -PKI_DAY * 300, PKI_MINUTE * 2, PKI_HOUR };

    for (int n = 0; n < 160; n++) {
        struct plan plan = {
            .name = "mixture",
            .source = (enum clientct_source)next_random(CLIENTCT_SOURCE_COUNT),
            .count = 1 + next_random(5),
            .rsa_ca = next_random(4) == 0,
            .leaf = { .position = (enum pki_position)next_random(3), .padding = next_random(300) },
        };
        for (size_t i = 0; i < plan.count; i++) {
            struct planned_sct *sct = &plan.scts[i];
            sct->log = (enum log)next_random(LOG_COUNT);
            sct->extensions = sct->log == TILED && next_random(3) > 0 ? LEAF_INDEX : (enum extensions)next_random(4);
            sct->offset_ms = offsets[next_random(sizeof offsets / sizeof offsets[0])];
            sct->fault = next_random(2) == 0 ? (enum pki_sct_fault)next_random(PKI_SCT_FAULT_COUNT) : PKI_SCT_NONE;
            if (sct->fault == PKI_SCT_BER && (sct->log == RSA_A || sct->log == RSA_1024)) {
                sct->fault = PKI_SCT_DER;
            }
        }
        judge(&plan);
    }
}

START_TEST(differs_from_libcrypto_only_where_intended)
{
    world_make();
    every_fault_from_every_source();
    every_fault_of_a_list();
    many_shapes_of_certificates();
    what_only_we_look_at();
    mixtures();
    for (size_t i = 0; i < DIFFERENCE_COUNT; i++) {
        ck_assert_msg(seen[i] > 0, "never seen: %s", differences[i].why);
    }
    ck_assert_uint_gt(surplus_forgiven, 0);
    ck_assert_uint_gt(repeats_refused, 0);
    ck_assert_uint_ge(certificates, 240);
    printf("# %u certificates, %u SCTs compared, %u intended differences\n", certificates, scts_compared, differ);
    fflush(stdout);
    world_free();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("differential");
    TCase *tc = tcase_create("differential");

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, differs_from_libcrypto_only_where_intended);
    suite_add_tcase(suite, tc);
    return unit_run(suite);
}
