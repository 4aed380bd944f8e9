/* What the configuration has to offer to others: the CA certificates and the keys that it names. */
#include <clientct/clientct.h>

#include "checker.h"

/* DER of a certificate that the rules name, once: rules often share a CA. */
static bool visit_anchor(const struct ct_rule *rules, size_t index, clientct_visit_fn visit, void *arg)
{
    const struct ct_rule *rule = &rules[index];
    unsigned char *der = NULL;
    bool going_on;
    int len;

    if (rule->issuer_certificate == NULL) {
        return true;
    }
    for (size_t i = 0; i < index; i++) {
        if (rules[i].issuer_certificate != NULL &&
            X509_cmp(rules[i].issuer_certificate, rule->issuer_certificate) == 0) {
            return true;
        }
    }
    len = i2d_X509(rule->issuer_certificate, &der);
    if (len <= 0) {
        return false;
    }
    going_on = visit(arg, der, (size_t)len, rule->name);
    OPENSSL_free(der);
    return going_on;
}

bool clientct_checker_visit_anchors(struct clientct_checker *checker, clientct_visit_fn visit, void *arg)
{
    struct ct_snapshot *snapshot = ct_checker_get1_snapshot(checker);
    bool done = snapshot->config != NULL;

    for (size_t i = 0; done && i < snapshot->config->settings.rule_count; i++) {
        done = visit_anchor(snapshot->config->settings.rules, i, visit, arg);
    }
    ct_snapshot_release(snapshot);
    return done;
}

bool clientct_checker_visit_logs(struct clientct_checker *checker, clientct_visit_fn visit, void *arg)
{
    struct ct_snapshot *snapshot = ct_checker_get1_snapshot(checker);
    bool done = snapshot->config != NULL && snapshot->book != NULL;

    for (size_t i = 0; done && i < snapshot->book->logs.count; i++) {
        const struct ct_log *log = &snapshot->book->logs.logs[i];

        if (!log->mimic) {
            done = visit(arg, log->spki.data, log->spki.len, log->description);
        }
    }
    ct_snapshot_release(snapshot);
    return done;
}
