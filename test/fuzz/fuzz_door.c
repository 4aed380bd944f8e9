/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole door: certificate, chain, SCTs from each source, OCSP response, log list, settings and time, all from one
 * input, through the public header. Where nothing was edited, a simple model of the manual says what the answer has to
 * be. Where something was, an accepted certificate has as many SCTs as the policy wants that libcrypto finds good.
 */
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "client_plan.h"
#include "door_model.h"

static void read_scene(struct door_plan *plan, struct fuzz_input *input)
{
    static const enum pki_list_format formats[] = { PKI_FORMAT_V3,       PKI_FORMAT_V3,      PKI_FORMAT_V3,
                                                    PKI_FORMAT_SIGSTORE, PKI_FORMAT_OPENSSL, PKI_FORMAT_PEM };
    unsigned what = fuzz_pick(input, 0);

    plan->mode = what % 16 == 15 ? DOOR_OFF : what % 16 == 14 ? DOOR_REPORT : DOOR_ENFORCE;
    plan->leaf_index_ignored = what / 16 % 4 == 3;
    plan->revocation_required = what / 64 == 3;
    what = fuzz_pick(input, 0);
    plan->sources = what % 16 == 0 ? 15 : what % 16;
    plan->ocsp_is_stored = what / 16 % 2 == 1;
    what = fuzz_pick(input, 0);
    plan->preset = what % 8 == 7 ? DOOR_CHROME : what % 8 == 6 ? DOOR_APPLE : DOOR_SECTION;
    plan->min_scts = 1 + what / 8 % 4;
    plan->min_operators = 1 + what / 32 % 3;
    what = fuzz_pick(input, 0);
    plan->needs_current = what % 4 != 3;
    plan->max_per_operator = what / 4 % 4 == 3 ? 1 + what / 16 % 2 : 0;
    plan->only_usable = what / 32 % 4 == 3;
    plan->max_age = what / 128 == 1;
    what = fuzz_pick(input, 0);
    plan->rule = (enum door_rule)(what % DOOR_RULES);
    plan->effect = (enum door_effect)(what / DOOR_RULES % DOOR_EFFECTS);
    plan->shadow = what >= 128;
    plan->server_name = (enum door_name)fuzz_pick(input, DOOR_NAMES);
    plan->format = formats[fuzz_pick(input, sizeof formats / sizeof formats[0])];
    for (size_t i = 0; i < WORLD_LOGS; i++) {
        what = fuzz_pick(input, 0);
        plan->logs[i].listed = i != WORLD_STRANGE && what % 8 != 7;
        plan->logs[i].tiled = what / 8 % 4 == 3;
        plan->logs[i].interval = (enum door_interval)(what / 32 % DOOR_INTERVALS);
        what = fuzz_pick(input, 0);
        plan->logs[i].state = (enum door_state)(what % DOOR_STATES);
        plan->logs[i].recent = what / 8 % 2 == 1;
        plan->logs[i].log_operator = what / 16 % 3;
    }
    what = fuzz_pick(input, 0);
    plan->at_ms = fuzz_world.now + (what >= 192 ? ((int64_t)what - 223) * 40 * PKI_DAY : 0);
}

static void add_text(struct pki_bytes *to, const char *text)
{
    pki_add(to, text, strlen(text));
}

static void add_line(struct pki_bytes *to, const char *name, const char *value)
{
    add_text(to, name);
    add_text(to, " = ");
    add_text(to, value);
    add_text(to, "\n");
}

static void add_number(struct pki_bytes *to, const char *name, unsigned value)
{
    char text[16];

    snprintf(text, sizeof text, "%u", value);
    add_line(to, name, text);
}

static void write_settings(const struct door_plan *plan, const char *path)
{
    static const char *const modes[] = { "enforce", "report", "off" };
    static const char *const presets[] = { "p", "chrome", "apple" };
    static const char *const source_names[] = { "embedded", "tls", "ocsp", "store" };
    struct pki_bytes text = { 0 };
    char other[96], sources[64] = "";

    add_line(&text, "mode", modes[plan->mode]);
    fuzz_world_path(other, sizeof other, "list");
    add_line(&text, "log_list", other);
    fuzz_world_path(other, sizeof other, "store");
    add_line(&text, "sct_store", other);
    add_line(&text, "ocsp_store", other);
    for (size_t i = 0; i < CLIENTCT_SOURCE_COUNT; i++) {
        if ((plan->sources & 1u << i) != 0) {
            snprintf(sources + strlen(sources), sizeof sources - strlen(sources), "%s%s", *sources != '\0' ? "," : "",
                     source_names[i]);
        }
    }
    add_line(&text, "sources", sources);
    add_line(&text, "audit", "none");
    add_line(&text, "policy", presets[plan->preset]);
    add_line(&text, "leaf_index", plan->leaf_index_ignored ? "ignore" : "require");
    add_line(&text, "revocation", plan->revocation_required ? "require" : "as-found");
    if (plan->shadow) {
        add_line(&text, "shadow_policy", plan->preset == DOOR_CHROME ? "apple" : "chrome");
    }
    if (plan->rule != DOOR_NO_RULE) {
        add_text(&text, "rules = rules\n[rules]\nr = r\n[r]\n");
        add_line(&text, plan->rule == DOOR_BY_NAME ? "server_name" : "certificate_policy",
                 plan->rule == DOOR_BY_NAME ? "a.test" : "1.2.3.4");
        add_line(&text,
                 plan->effect == DOOR_EXEMPT    ? "exempt"
                 : plan->effect == DOOR_REPORTS ? "mode"
                                                : "policy",
                 plan->effect == DOOR_EXEMPT    ? "yes"
                 : plan->effect == DOOR_REPORTS ? "report"
                                                : "q");
        if (plan->effect == DOOR_OTHER_POLICY) {
            add_text(&text, "[q]\nmin_scts = 2\n");
        }
    }
    if (plan->preset == DOOR_SECTION) {
        add_text(&text, "[p]\n");
        add_number(&text, "min_scts", plan->min_scts);
        add_number(&text, "min_operators", plan->min_operators);
        add_line(&text, "needs_current_log", plan->needs_current ? "yes" : "no");
        if (plan->max_per_operator > 0) {
            add_number(&text, "max_per_operator", plan->max_per_operator);
        }
        add_line(&text, "accept_states",
                 plan->only_usable && plan->needs_current ? "usable" : "qualified, usable, readonly, retired");
        add_line(&text, "sct_max_age", plan->max_age ? "30d" : "0");
    }
    edits_apply(&plan->client.edits, EDIT_SETTINGS, &text);
    pki_write_file(path, text.data, text.len);
    pki_bytes_clear(&text);
}

static void write_list(const struct door_plan *plan, const char *path)
{
    static const char *const states[] = { NULL, "usable", "qualified", "readonly", "retired", "pending", "rejected" };
    static const char *const operators[] = { "Alpha", "Beta", "Gamma" };
    struct pki_listed_log listed[WORLD_LOGS];
    size_t count = 0;

    for (size_t i = 0; i < WORLD_LOGS; i++) {
        const struct door_log *log = &plan->logs[i];

        if (log->listed) {
            listed[count++] = (struct pki_listed_log){
                .log = &fuzz_world.logs[i],
                .description = "Log",
                .log_operator = operators[log->log_operator],
                .url = "https://log.test/",
                .state = states[log->state],
                .state_since_ms = door_state_since(log),
                .start_ms = door_interval_start(log),
                .end_ms = door_interval_end(log),
                .tiled = log->tiled,
            };
        }
    }
    pki_write_log_list(path, plan->format, listed, count, fuzz_world.now - PKI_DAY);
    if (edits_have(&plan->client.edits, EDIT_LOG_LIST)) {
        struct pki_bytes text = { 0 };

        pki_read_file(path, &text);
        edits_apply(&plan->client.edits, EDIT_LOG_LIST, &text);
        pki_write_file(path, text.data, text.len);
        pki_bytes_clear(&text);
    }
}

static void require_sane(const struct clientct_verdict *verdict, bool explained)
{
    FUZZ_REQUIRE((unsigned)verdict->reason < CLIENTCT_REASON_COUNT && verdict->reason != CLIENTCT_VALID);
    FUZZ_REQUIRE((unsigned)verdict->mode <= CLIENTCT_MODE_OFF);
    FUZZ_REQUIRE(verdict->accept == (verdict->compliant || verdict->mode != CLIENTCT_MODE_ENFORCE) ||
                 verdict->reason == CLIENTCT_CONFIG_ERROR);
    FUZZ_REQUIRE(verdict->compliant == (verdict->reason == CLIENTCT_COMPLIANT || verdict->reason == CLIENTCT_EXEMPT));
    FUZZ_REQUIRE(verdict->reason != CLIENTCT_INTERNAL_ERROR);
    FUZZ_REQUIRE(verdict->signatures_checked <= 32);
    FUZZ_REQUIRE(memchr(verdict->detail, '\0', sizeof verdict->detail) != NULL);
    FUZZ_REQUIRE(verdict->accept || verdict->detail[0] != '\0');
    for (const char *c = verdict->detail; *c != '\0'; c++) {
        FUZZ_REQUIRE(((unsigned char)*c >= 0x20 && *c != 0x7f) || *c == '\t'); /* a tab of clientct.cnf's own */
    }
    FUZZ_REQUIRE(explained || verdict->condition_count == 0);
    for (size_t i = 0; i < verdict->condition_count; i++) {
        FUZZ_REQUIRE(verdict->conditions[i]->name != NULL && verdict->conditions[i]->seen != NULL);
    }
    for (size_t i = 0; i < verdict->sct_count; i++) {
        FUZZ_REQUIRE((unsigned)verdict->scts[i]->status < CLIENTCT_REASON_COUNT);
        FUZZ_REQUIRE((unsigned)verdict->scts[i]->source < CLIENTCT_SOURCE_COUNT);
    }
}

/* What a verdict is, in the words of the plan and of what was minted. */
static void require_right(const struct door_plan *plan, const struct client *client,
                          const struct clientct_verdict *verdict)
{
    struct door_answer answer;

    if (door_model(plan, &answer)) {
        if (answer.accept != verdict->accept || answer.compliant != verdict->compliant) {
            fprintf(stderr, "the model says %s, %s; the module %s: %s\n", answer.accept ? "accept" : "refuse",
                    answer.why, clientct_reason_name(verdict->reason), verdict->detail);
        }
        FUZZ_REQUIRE(answer.accept == verdict->accept);
        FUZZ_REQUIRE(answer.compliant == verdict->compliant);
    }
    if (verdict->compliant && !door_may_let_in_without_scts(plan)) {
        FUZZ_REQUIRE(door_good_logs(plan, client) >= door_least_logs(plan));
    }
}

static void decide(struct clientct_checker *checker, const struct door_plan *plan, const struct client *client)
{
    static const char *const names[DOOR_NAMES] = { NULL, "a.test", "A.TEST.", "b.test" };
    struct clientct_input input = {
        .leaf = client->certificate,
        .chain = client->chain,
        .tls_scts = client->tls.data,
        .tls_scts_len = client->tls.len,
        .ocsp_response = plan->ocsp_is_stored ? NULL : client->ocsp.data,
        .ocsp_response_len = plan->ocsp_is_stored ? 0 : client->ocsp.len,
        .server_name = names[plan->server_name],
        .at_ms = plan->at_ms,
    };
    struct clientct_verdict first, second, explained;
    bool accept = clientct_decide(checker, &input, &first);

    FUZZ_REQUIRE(accept == first.accept);
    require_sane(&first, false);
    require_right(plan, client, &first);
    /* The same again, from the cache or not, and with every SCT looked at. */
    accept = clientct_decide(checker, &input, &second);
    FUZZ_REQUIRE(accept == second.accept);
    require_sane(&second, false);
    FUZZ_REQUIRE(second.accept == first.accept && second.reason == first.reason && second.mode == first.mode);
    FUZZ_REQUIRE(second.cached || strcmp(second.detail, first.detail) == 0);
    input.explain = true;
    accept = clientct_decide(checker, &input, &explained);
    FUZZ_REQUIRE(accept == explained.accept);
    require_sane(&explained, true);
    FUZZ_REQUIRE(explained.accept == first.accept && explained.reason == first.reason && explained.mode == first.mode);
    FUZZ_REQUIRE(ERR_peek_error() == 0);
    clientct_verdict_clear(&first);
    clientct_verdict_clear(&second);
    clientct_verdict_clear(&explained);
}

/* A file of the stores, named as the manual says; `path` has room for 200 bytes, and is empty where there is none. */
static void put(const struct client *client, const char *suffix, const struct pki_bytes *bytes, char *path)
{
    char hex[65];

    *path = '\0';
    if (bytes->len > 0) {
        pki_sha256_hex(client->der.data, client->der.len, hex);
        snprintf(path, 200, "%s/store/%s%s", fuzz_world.directory, hex, suffix);
        pki_write_file(path, bytes->data, bytes->len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct pki_bytes nothing;
    struct fuzz_input input = { data, size };
    struct clientct_checker *checker;
    struct door_plan plan = { 0 };
    struct client client;
    char config[96], list[96], scts[200], ocsp[200];

    fuzz_world_need();
    client_plan_read(&plan.client, &input);
    read_scene(&plan, &input);
    fuzz_world_path(config, sizeof config, "clientct.cnf");
    fuzz_world_path(list, sizeof list, "list");
    client_mint(&plan.client, &client);
    if (client.certificate != NULL) {
        write_list(&plan, list);
        write_settings(&plan, config);
        put(&client, ".sct", &client.store, scts);
        put(&client, ".ocsp", plan.ocsp_is_stored ? &client.ocsp : &nothing, ocsp);
        checker = clientct_checker_new(config);
        FUZZ_REQUIRE(checker != NULL);
        decide(checker, &plan, &client);
        clientct_checker_free(checker);
        unlink(scts);
        unlink(ocsp);
    }
    client_clear(&client);
    return 0;
}
