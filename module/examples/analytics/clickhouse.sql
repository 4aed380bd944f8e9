-- SPDX-License-Identifier: Apache-2.0
-- Audit lines of clientct in ClickHouse: a table, a view that sums up as lines come, and the report's queries.
-- Load: clickhouse-client --query "INSERT INTO clientct.audit_lines FORMAT JSONAsString" < audit.json
--
-- Each line is kept as it is, and the columns are taken out of it with their types. ClickHouse takes dots in keys for
-- nesting where it makes columns of JSON itself, guesses types from the first lines, and gives 0 and '' for fields that
-- are not there: of clientct.would_be that would make a refusal of a verdict that was never asked for.
CREATE DATABASE IF NOT EXISTS clientct;

CREATE TABLE IF NOT EXISTS clientct.audit_lines
(
    line String,
    seen DateTime64(3, 'UTC') MATERIALIZED parseDateTime64BestEffortOrZero(JSONExtractString(line, '@timestamp'), 3, 'UTC'),
    module LowCardinality(String) MATERIALIZED JSONExtractString(line, 'event.module'),
    action LowCardinality(String) MATERIALIZED JSONExtractString(line, 'event.action'),
    sequence UInt64 MATERIALIZED JSONExtractUInt(line, 'event.sequence'),
    process String MATERIALIZED if(JSONHas(line, 'process.entity_id'), JSONExtractString(line, 'process.entity_id'),
        concat(toString(JSONExtractUInt(line, 'process.pid')), ' ', JSONExtractString(line, 'process.name'))),
    host LowCardinality(String) MATERIALIZED JSONExtractString(line, 'host.name'),
    dropped UInt64 MATERIALIZED JSONExtractUInt(line, 'clientct.dropped'),
    sha256 String MATERIALIZED JSONExtractString(line, 'tls.client.hash.sha256'),
    name String MATERIALIZED multiIf(JSONExtractString(line, 'tls.client.subject') != '',
        JSONExtractString(line, 'tls.client.subject'),
        JSONExtractString(line, 'tls.client.x509.alternative_names', 1) != '',
        JSONExtractString(line, 'tls.client.x509.alternative_names', 1), '(no subject)'),
    issuer LowCardinality(String) MATERIALIZED if(JSONExtractString(line, 'tls.client.issuer') != '',
        JSONExtractString(line, 'tls.client.issuer'), '(no issuer)'),
    not_after DateTime64(3, 'UTC') MATERIALIZED parseDateTime64BestEffortOrZero(
        if(JSONHas(line, 'tls.client.not_after'), JSONExtractString(line, 'tls.client.not_after'),
           JSONExtractString(line, 'tls.client.x509.not_after')), 3, 'UTC'),
    stranger Bool MATERIALIZED JSONExtractString(line, 'clientct.chain') = 'rejected',
    verdict LowCardinality(String) MATERIALIZED JSONExtractString(line, 'clientct.verdict'),
    would_be LowCardinality(String) MATERIALIZED JSONExtractString(line, 'clientct.would_be'),
    reason LowCardinality(String) MATERIALIZED JSONExtractString(line, 'clientct.reason'),
    shadow Int8 MATERIALIZED if(JSONHas(line, 'clientct.shadow.compliant'),
        toInt8(JSONExtractBool(line, 'clientct.shadow.compliant')), -1),
    usages Array(LowCardinality(String)) MATERIALIZED JSONExtract(line, 'clientct.extended_key_usage', 'Array(String)'),
    unknown_logs Array(String) MATERIALIZED arrayMap(x -> lower(JSONExtractString(x, 'log_id')),
        arrayFilter(x -> JSONExtractString(x, 'status') = 'unknown-log',
                    JSONExtractArrayRaw(line, 'clientct.scts')))
)
ENGINE = MergeTree ORDER BY (seen, sequence) PARTITION BY toYYYYMM(seen);

CREATE VIEW IF NOT EXISTS clientct.audit AS
SELECT seen, module, action, sequence, process, host, dropped, sha256, name, issuer, not_after, stranger, verdict,
       would_be, reason, shadow, usages, unknown_logs
FROM clientct.audit_lines WHERE module = 'clientct' AND toUnixTimestamp64Milli(seen) != 0 AND action != '';

CREATE VIEW IF NOT EXISTS clientct.decisions AS
SELECT *, would_be != 'accept' AS would_refuse FROM clientct.audit
WHERE action = 'client-certificate' AND verdict != '' AND reason != '' AND NOT stranger AND would_be != '';

-- What a certificate's lines add up to, kept as they come: reports over months read one row a certificate.
CREATE TABLE IF NOT EXISTS clientct.certificate_states
(
    sha256 String, name SimpleAggregateFunction(min, String), issuer SimpleAggregateFunction(min, String),
    decisions SimpleAggregateFunction(sum, UInt64), refusals SimpleAggregateFunction(sum, UInt64),
    first_seen SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
    last_seen SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    latest AggregateFunction(argMax, Tuple(would_refuse UInt8, reason String, not_after DateTime64(3, 'UTC'),
        shadow Int8, usages Array(String)), Tuple(DateTime64(3, 'UTC'), UInt8))
)
ENGINE = AggregatingMergeTree ORDER BY sha256;

CREATE MATERIALIZED VIEW IF NOT EXISTS clientct.certificate_states_fill TO clientct.certificate_states AS
SELECT sha256, min(name) AS name, min(toString(issuer)) AS issuer, count() AS decisions,
       countIf(would_be != 'accept') AS refusals, min(seen) AS first_seen, max(seen) AS last_seen,
       argMaxState(CAST((would_be != 'accept', toString(reason), not_after, shadow, usages),
           'Tuple(would_refuse UInt8, reason String, not_after DateTime64(3, \'UTC\'), shadow Int8, usages Array(String))'),
           (seen, toUInt8(would_be != 'accept'))) AS latest
FROM clientct.audit_lines
WHERE module = 'clientct' AND toUnixTimestamp64Milli(seen) != 0 AND action = 'client-certificate' AND verdict != ''
  AND reason != '' AND NOT stranger AND would_be != '' AND sha256 != ''
GROUP BY sha256;

CREATE VIEW IF NOT EXISTS clientct.certificates AS
SELECT sha256, name, issuer, decisions, refusals, first_seen, last_seen, state.would_refuse AS would_refuse,
       state.reason AS reason, state.not_after AS not_after, state.shadow AS shadow, state.usages AS usages,
       would_refuse AND NOT (toUnixTimestamp64Milli(not_after) != 0 AND not_after < now64(3, 'UTC')) AS locked_out
FROM (SELECT sha256, min(name) AS name, min(issuer) AS issuer, sum(decisions) AS decisions, sum(refusals) AS refusals,
             min(first_seen) AS first_seen, max(last_seen) AS last_seen, argMaxMerge(latest) AS state
      FROM clientct.certificate_states GROUP BY sha256);

CREATE VIEW IF NOT EXISTS clientct.clients AS
SELECT issuer, name, decisions, first_seen, last_seen, renews, state.1 AS would_refuse, state.2 AS reason,
       state.3 AS not_after,
       state.1 AND (NOT (toUnixTimestamp64Milli(state.3) != 0 AND state.3 < now64(3, 'UTC'))
           OR (renews AND last_seen >= (SELECT max(seen) FROM clientct.decisions) - INTERVAL 7 DAY)) AS locked_out
FROM (SELECT c.issuer AS issuer, c.name AS name, sum(c.decisions) AS decisions, min(c.first_seen) AS first_seen,
             max(c.last_seen) AS last_seen, count() > 1 AS renews,
             argMax((c.would_refuse, c.reason, c.not_after), (c.last_seen, c.would_refuse)) AS state
      FROM clientct.certificates AS c GROUP BY c.issuer, c.name);

CREATE VIEW IF NOT EXISTS clientct.report AS
SELECT * FROM
    (SELECT count() AS vouched_lines, sum(x.dropped) AS lost_lines,
            countIf(x.action = 'client-certificate' AND x.stranger) AS rejected_chains FROM clientct.audit AS x) AS a,
    (SELECT sum(greatest(span - lines, 0)) AS missing_lines
     FROM (SELECT toInt64(max(x.sequence) - min(x.sequence) + 1) AS span, toInt64(count()) AS lines
           FROM clientct.audit AS x WHERE x.sequence > 0 GROUP BY x.process)) AS m,
    (SELECT count() AS decisions, countIf(NOT x.would_refuse) AS would_accept, countIf(x.would_refuse) AS would_refuse,
            countIf(x.verdict != 'accept') AS refused, countIf(x.sha256 = '') AS without_certificate
     FROM clientct.decisions AS x) AS d,
    (SELECT count() AS certificates, countIf(NOT x.would_refuse) AS compliant, countIf(x.locked_out) AS locked_out,
            countIf(x.would_refuse AND NOT x.locked_out) AS expired,
            countIf(NOT x.would_refuse AND x.shadow = 0) AS shadow_would_refuse_more,
            countIf(x.would_refuse AND x.shadow = 1) AS shadow_would_accept_more
     FROM clientct.certificates AS x) AS c,
    (SELECT count() AS clients, countIf(x.renews) AS clients_with_several_certificates,
            countIf(x.locked_out) AS clients_locked_out FROM clientct.clients AS x) AS k;

CREATE VIEW IF NOT EXISTS clientct.reasons AS
SELECT name, sum(refused) AS refusals_in_period, sum(out) AS locked_out, sum(times) AS decisions
FROM (SELECT toString(reason) AS name, countIf(would_refuse) AS refused, 0 AS out, 0 AS times
      FROM clientct.decisions GROUP BY name
      UNION ALL
      SELECT reason AS name, 0, count(), sum(refusals) FROM clientct.certificates WHERE locked_out GROUP BY name)
GROUP BY name;

CREATE VIEW IF NOT EXISTS clientct.issuers AS
SELECT name, sum(refused) AS refusals_in_period, sum(out) AS locked_out, sum(times) AS decisions
FROM (SELECT issuer AS name, refusals AS refused, toUInt64(locked_out) AS out, if(locked_out, refusals, 0) AS times
      FROM clientct.certificates)
GROUP BY name;

CREATE VIEW IF NOT EXISTS clientct.unknown_logs AS
SELECT arrayJoin(unknown_logs) AS name, count() AS lines FROM clientct.decisions GROUP BY name;
