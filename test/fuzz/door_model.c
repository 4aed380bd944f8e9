/* SPDX-License-Identifier: Apache-2.0 */
#include "door_model.h"

#include <string.h>

#include <openssl/ct.h>
#include <openssl/err.h>

int64_t door_state_since(const struct door_log *log)
{
    return fuzz_world.now - (log->recent ? 10 : 400) * PKI_DAY;
}

int64_t door_interval_start(const struct door_log *log)
{
    return log->interval == DOOR_OPEN ? INT64_MIN : fuzz_world.now - 500 * PKI_DAY;
}

int64_t door_interval_end(const struct door_log *log)
{
    return log->interval == DOOR_OPEN ? INT64_MAX : fuzz_world.now + (log->interval == DOOR_WIDE ? 250 : -5) * PKI_DAY;
}

/* What counts for a policy, as sets of logs. */
struct terms {
    unsigned min_scts, min_operators, max_per_operator;
    bool needs_current, only_usable, max_age;
};

/* The state of a log at the time of the decision. */
static enum door_state state_of(const struct door_plan *plan, unsigned log)
{
    const struct door_log *listed = &plan->logs[log];
    enum door_state state = listed->state;
    bool given = false;

    if (plan->format != PKI_FORMAT_V3) {
        return DOOR_USABLE;
    }
    for (size_t i = 0; i < WORLD_LOGS; i++) {
        /* a log that cannot be used says nothing of what the list does */
        given = given || (plan->logs[i].listed && plan->logs[i].state != DOOR_STATELESS && i != WORLD_P384);
    }
    if (state == DOOR_STATELESS) {
        return given ? DOOR_PENDING : DOOR_USABLE;
    }
    if (plan->at_ms < door_state_since(listed)) {
        if (state == DOOR_RETIRED || state == DOOR_READONLY) {
            return DOOR_USABLE;
        }
        if (state == DOOR_USABLE || state == DOOR_QUALIFIED) {
            return DOOR_PENDING;
        }
    }
    return state;
}

static bool is_current(enum door_state state)
{
    return state == DOOR_USABLE || state == DOOR_QUALIFIED || state == DOOR_READONLY;
}

static bool is_usable_log(const struct door_plan *plan, unsigned log)
{
    return plan->logs[log].listed && log != WORLD_P384;
}

static bool right_interval(const struct door_plan *plan, unsigned log, int64_t sct_ms)
{
    const struct door_log *listed = &plan->logs[log];
    int64_t not_after = fuzz_world.now - PKI_HOUR + plan->client.lifetime_ms, at = not_after;

    if (plan->format == PKI_FORMAT_OPENSSL || plan->format == PKI_FORMAT_PEM) {
        return true;
    }
    if (plan->format == PKI_FORMAT_SIGSTORE) {
        return sct_ms >= door_interval_start(listed) && sct_ms <= door_interval_end(listed);
    }
    return at >= door_interval_start(listed) && at < door_interval_end(listed);
}

/* Everything but retirement. */
static bool counts(const struct door_plan *plan, const struct terms *terms, enum clientct_source source,
                   const struct planned_sct *sct)
{
    bool tiled = plan->format == PKI_FORMAT_V3 && plan->logs[sct->log].tiled;
    enum door_state state = state_of(plan, sct->log);

    if (sct->fault != PKI_SCT_NONE || !is_usable_log(plan, sct->log) || state == DOOR_PENDING ||
        state == DOOR_REJECTED || (terms->only_usable && terms->needs_current && state != DOOR_USABLE)) {
        return false;
    }
    if (source == CLIENTCT_SOURCE_EMBEDDED && plan->client.issuer != ISSUER_TRUE) {
        return false; /* of the twin it is another key, of nobody it is none */
    }
    if (tiled && !plan->leaf_index_ignored && sct->extensions != LEAF_INDEX) {
        return false;
    }
    if (sct->time_ms > plan->at_ms + 60 * PKI_SECOND || (terms->max_age && sct->time_ms < plan->at_ms - 30 * PKI_DAY)) {
        return false;
    }
    return right_interval(plan, sct->log, sct->time_ms) &&
           (state != DOOR_RETIRED || sct->time_ms < door_state_since(&plan->logs[sct->log]));
}

static bool list_is_whole(const struct client_plan *client, enum clientct_source source)
{
    enum pki_list_fault fault = client->lists[source].fault;
    bool octets = source == CLIENTCT_SOURCE_EMBEDDED || source == CLIENTCT_SOURCE_OCSP;

    return fault == PKI_LIST_NONE || (!octets && (fault == PKI_LIST_OCTET_BER || fault == PKI_LIST_OCTET_TRAILING));
}

static int64_t next_update(const struct client_plan *client)
{
    return fuzz_world.now + (client->ocsp == OCSP_OVER || client->ocsp == OCSP_REVOKED_AND_OVER ? -2 : 1) * PKI_HOUR;
}

static int64_t this_update(const struct client_plan *client)
{
    return fuzz_world.now - (client->ocsp == OCSP_OVER || client->ocsp == OCSP_REVOKED_AND_OVER ? 3 : 1) * PKI_HOUR;
}

static bool ocsp_is_good(const struct door_plan *plan)
{
    const struct client_plan *client = &plan->client;

    return client->issuer == ISSUER_TRUE && plan->at_ms >= this_update(client) && plan->at_ms < next_update(client) &&
           (client->ocsp == OCSP_GOOD || client->ocsp == OCSP_BY_RESPONDER || client->ocsp == OCSP_OVER);
}

static bool ocsp_says_revoked(const struct door_plan *plan)
{
    return plan->client.issuer == ISSUER_TRUE && plan->at_ms >= this_update(&plan->client) &&
           (plan->client.ocsp == OCSP_REVOKED || plan->client.ocsp == OCSP_REVOKED_AND_OVER);
}

/* The logs that count, each with its first SCT that does, and whether they are enough. */
static bool enough(const struct door_plan *plan, const struct terms *terms)
{
    const struct planned_sct *witness[WORLD_LOGS] = { NULL };
    unsigned per_operator[3] = { 0 }, logs = 0, operators = 0, current = 0, capped = 0;
    bool named = plan->format == PKI_FORMAT_V3;
    int64_t issued = INT64_MAX;

    for (int source = 0; source < CLIENTCT_SOURCE_COUNT; source++) {
        const struct planned_list *list = &plan->client.lists[source];

        if ((plan->sources & 1u << source) == 0 || !list_is_whole(&plan->client, (enum clientct_source)source) ||
            (source == CLIENTCT_SOURCE_OCSP && !ocsp_is_good(plan))) {
            continue;
        }
        for (size_t i = 0; i < list->count; i++) {
            const struct planned_sct *sct = &list->scts[i];

            if (witness[sct->log] == NULL && counts(plan, terms, (enum clientct_source)source, sct)) {
                witness[sct->log] = sct;
                if (is_current(state_of(plan, sct->log)) && sct->time_ms < issued) {
                    issued = sct->time_ms;
                }
            }
        }
    }
    for (unsigned log = 0; log < WORLD_LOGS; log++) {
        unsigned log_operator = named ? plan->logs[log].log_operator : 0;
        bool is_now = is_current(state_of(plan, log));

        /* a retired log's word on the time needs a witness that is still watched, where one is asked for at all */
        if (witness[log] == NULL ||
            (!is_now && terms->needs_current && issued >= door_state_since(&plan->logs[log]) && issued != INT64_MAX)) {
            continue;
        }
        logs++;
        current += is_now;
        operators += per_operator[log_operator] == 0;
        capped += terms->max_per_operator == 0 || per_operator[log_operator] < terms->max_per_operator;
        per_operator[log_operator]++;
    }
    return logs > 0 && capped >= terms->min_scts && operators >= terms->min_operators &&
           (!terms->needs_current || current > 0);
}

static bool rule_matches(const struct door_plan *plan)
{
    switch (plan->rule) {
    case DOOR_BY_NAME:
        return plan->server_name == DOOR_NAME || plan->server_name == DOOR_NAME_SHOUTED;
    case DOOR_BY_POLICY:
        return plan->client.has_policy;
    default:
        return false;
    }
}

static bool list_has_a_log(const struct door_plan *plan)
{
    for (unsigned log = 0; log < WORLD_LOGS; log++) {
        if (is_usable_log(plan, log)) {
            return true;
        }
    }
    return false;
}

static bool settle(struct door_answer *answer, enum door_mode mode, bool compliant, const char *why)
{
    *answer = (struct door_answer){ .accept = compliant || mode != DOOR_ENFORCE, .compliant = compliant, .why = why };
    return true;
}

bool door_model(const struct door_plan *plan, struct door_answer *answer)
{
    static const struct terms by_rule = { .min_scts = 2, .min_operators = 1, .needs_current = true };
    const struct client_plan *client = &plan->client;
    bool matched = rule_matches(plan);
    enum door_mode mode = matched && plan->effect == DOOR_REPORTS ? DOOR_REPORT : plan->mode;
    bool sees_ocsp = (plan->sources & 1u << CLIENTCT_SOURCE_OCSP) != 0 || plan->revocation_required;
    struct terms terms = {
        .min_scts = plan->min_scts,
        .min_operators = plan->min_operators,
        .max_per_operator = plan->max_per_operator,
        .needs_current = plan->needs_current,
        .only_usable = plan->only_usable,
        .max_age = plan->max_age,
    };

    if (client->edits.count > 0) {
        return false;
    }
    if (mode == DOOR_OFF) {
        return settle(answer, mode, false, "off");
    }
    if (client->two_lists && client->lists[CLIENTCT_SOURCE_EMBEDDED].count > 0) {
        return settle(answer, mode, false, "two lists");
    }
    if (client->poison) {
        return settle(answer, mode, false, "poison");
    }
    if (sees_ocsp && ocsp_says_revoked(plan)) {
        return settle(answer, mode, false, "revoked");
    }
    if (plan->revocation_required && !ocsp_is_good(plan)) {
        return settle(answer, mode, false, "no good OCSP response");
    }
    if (matched && plan->effect == DOOR_EXEMPT) {
        return settle(answer, mode, true, "exempt");
    }
    if (!list_has_a_log(plan)) {
        return settle(answer, mode, false, "no log");
    }
    if (matched && plan->effect == DOOR_OTHER_POLICY) {
        terms = by_rule;
    } else if (plan->preset != DOOR_SECTION) {
        return false;
    }
    return settle(answer, mode, enough(plan, &terms), "the policy");
}

bool door_may_let_in_without_scts(const struct door_plan *plan)
{
    return (rule_matches(plan) && plan->effect == DOOR_EXEMPT) || edits_have(&plan->client.edits, EDIT_SETTINGS) ||
           (plan->rule != DOOR_NO_RULE && plan->effect == DOOR_EXEMPT &&
            edits_have(&plan->client.edits, EDIT_CERTIFICATE));
}

size_t door_least_logs(const struct door_plan *plan)
{
    bool other = plan->rule != DOOR_NO_RULE && plan->effect == DOOR_OTHER_POLICY;
    size_t least = plan->preset == DOOR_SECTION ? plan->min_scts : 2;

    return other && least > 2 ? 2 : least;
}

/* Adds the logs whose SCT in the list libcrypto finds good: one by one, since it gives up a list for one bad SCT. */
static void add_good(const struct door_plan *plan, const struct client *client, const struct pki_bytes *list,
                     sct_source_t source, unsigned *good)
{
    size_t at = 2;

    while (at + 2 <= list->len) {
        size_t len = (size_t)list->data[at] << 8 | list->data[at + 1];
        struct pki_bytes one = { 0 };
        struct pki_opinion opinion;

        at += 2;
        if (len > list->len - at) {
            break;
        }
        if (len >= 33) {
            pki_add_uint(&one, len + 2, 2);
            pki_add_vector(&one, 2, list->data + at, len);
            pki_oracle_list(&fuzz_world.oracle, client->certificate,
                            sk_X509_num(client->chain) > 1 ? sk_X509_value(client->chain, 1) : NULL, &one, source,
                            plan->at_ms + 60 * PKI_SECOND, &opinion);
            for (unsigned log = 0; log < WORLD_LOGS; log++) {
                if (opinion.parsed && opinion.count == 1 && opinion.statuses[0] == SCT_VALIDATION_STATUS_VALID &&
                    memcmp(fuzz_world.logs[log].id, list->data + at + 1, 32) == 0) {
                    *good |= 1u << log;
                }
            }
            pki_bytes_clear(&one);
        }
        at += len;
    }
}

size_t door_good_logs(const struct door_plan *plan, const struct client *client)
{
    struct extension_lists lists;
    unsigned good = 0;

    extension_lists_of_certificate(client->certificate, &lists);
    for (size_t i = 0; i < lists.count; i++) {
        add_good(plan, client, &lists.lists[i], SCT_SOURCE_X509V3_EXTENSION, &good);
    }
    extension_lists_clear(&lists);
    if (client->ocsp.len > 0) {
        extension_lists_of_response(&client->ocsp, &lists);
        for (size_t i = 0; i < lists.count; i++) {
            add_good(plan, client, &lists.lists[i], SCT_SOURCE_OCSP_STAPLED_RESPONSE, &good);
        }
        extension_lists_clear(&lists);
    }
    add_good(plan, client, &client->tls, SCT_SOURCE_TLS_EXTENSION, &good);
    add_good(plan, client, &client->store, SCT_SOURCE_TLS_EXTENSION, &good);
    ERR_clear_error();
    return (size_t)__builtin_popcount(good);
}
