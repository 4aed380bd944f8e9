-- SPDX-License-Identifier: Apache-2.0
-- Audit lines of clientct in Spark SQL (run with 4.3): put the path of the lines in the place of FILES.
-- Keys have dots in them and are not nested, hence the backquotes; types are named and not guessed, so that a field
-- that comes seldom has its column; fields that are not there are NULL. The session should be in UTC.
SET spark.sql.session.timeZone = UTC;

CREATE OR REPLACE TEMPORARY VIEW audit AS
SELECT to_timestamp(j.`@timestamp`) AS seen, j.`event.action` AS action, j.`event.sequence` AS sequence,
       coalesce(j.`process.entity_id`, concat(j.`process.pid`, ' ', j.`process.name`)) AS process,
       coalesce(j.`clientct.dropped`, 0) AS dropped, j.`tls.client.hash.sha256` AS sha256,
       coalesce(nullif(j.`tls.client.subject`, ''), get(j.`tls.client.x509.alternative_names`, 0), '(no subject)')
           AS name,
       coalesce(nullif(j.`tls.client.issuer`, ''), '(no issuer)') AS issuer,
       to_timestamp(coalesce(j.`tls.client.not_after`, j.`tls.client.x509.not_after`)) AS not_after,
       coalesce(j.`clientct.chain`, '') = 'rejected' AS stranger, j.`clientct.verdict` AS verdict,
       j.`clientct.would_be` AS would_be, j.`clientct.reason` AS reason,
       j.`clientct.shadow.compliant` AS shadow_compliant, j.`clientct.extended_key_usage` AS usages,
       j.`clientct.scts` AS scts
FROM (SELECT from_json(value, '`@timestamp` STRING, `event.module` STRING, `event.action` STRING,
          `event.sequence` BIGINT, `process.pid` BIGINT, `process.name` STRING, `process.entity_id` STRING,
          `clientct.dropped` BIGINT, `tls.client.hash.sha256` STRING, `tls.client.subject` STRING,
          `tls.client.x509.alternative_names` ARRAY<STRING>, `tls.client.issuer` STRING,
          `tls.client.not_after` STRING, `tls.client.x509.not_after` STRING, `clientct.chain` STRING,
          `clientct.verdict` STRING, `clientct.would_be` STRING, `clientct.reason` STRING,
          `clientct.shadow.compliant` BOOLEAN, `clientct.extended_key_usage` ARRAY<STRING>,
          `clientct.scts` ARRAY<STRUCT<log_id: STRING, status: STRING>>') AS j
      FROM text.`FILES`)
WHERE j.`event.module` = 'clientct' AND j.`@timestamp` IS NOT NULL AND j.`event.action` IS NOT NULL;

CREATE OR REPLACE TEMPORARY VIEW decisions AS
SELECT *, would_be <> 'accept' AS would_refuse FROM audit
WHERE action = 'client-certificate' AND verdict IS NOT NULL AND reason IS NOT NULL AND NOT stranger
  AND would_be IS NOT NULL;

CREATE OR REPLACE TEMPORARY VIEW certificates AS
SELECT sha256, name, issuer, decisions, refusals, first_seen, last_seen, last.*,
       last.would_refuse AND NOT coalesce(last.not_after < current_timestamp(), false) AS locked_out
FROM (SELECT sha256, min(name) AS name, min(issuer) AS issuer, count(*) AS decisions,
             count_if(would_refuse) AS refusals, min(seen) AS first_seen, max(seen) AS last_seen,
             max_by(struct(would_refuse, reason, not_after, shadow_compliant, usages), struct(seen, would_refuse)) AS last
      FROM decisions WHERE sha256 IS NOT NULL GROUP BY sha256);

CREATE OR REPLACE TEMPORARY VIEW clients AS
SELECT issuer, name, decisions, last_seen, renews, last.*,
       last.would_refuse AND (NOT coalesce(last.not_after < current_timestamp(), false)
           OR (renews AND last_seen >= (SELECT max(seen) FROM decisions) - INTERVAL 7 DAYS)) AS locked_out
FROM (SELECT issuer, name, count(*) AS decisions, max(seen) AS last_seen, min(sha256) <> max(sha256) AS renews,
             max_by(struct(would_refuse, reason, not_after), struct(seen, would_refuse)) AS last
      FROM decisions WHERE sha256 IS NOT NULL GROUP BY issuer, name);

CREATE OR REPLACE TEMPORARY VIEW report AS
SELECT * FROM
    (SELECT count(*) AS vouched_lines, sum(dropped) AS lost_lines,
            count_if(action = 'client-certificate' AND stranger) AS rejected_chains FROM audit)
    CROSS JOIN (SELECT coalesce(sum(greatest(span - lines, 0)), 0) AS missing_lines
        FROM (SELECT max(sequence) - min(sequence) + 1 AS span, count(*) AS lines
              FROM audit WHERE sequence > 0 GROUP BY process))
    CROSS JOIN (SELECT count(*) AS decisions, count_if(NOT would_refuse) AS would_accept,
            count_if(would_refuse) AS would_refuse, count_if(verdict <> 'accept') AS refused,
            count_if(sha256 IS NULL) AS without_certificate FROM decisions)
    CROSS JOIN (SELECT count(*) AS certificates, count_if(NOT would_refuse) AS compliant,
            count_if(locked_out) AS locked_out, count_if(would_refuse AND NOT locked_out) AS expired,
            count_if(NOT would_refuse AND NOT shadow_compliant) AS shadow_would_refuse_more,
            count_if(would_refuse AND shadow_compliant) AS shadow_would_accept_more FROM certificates)
    CROSS JOIN (SELECT count(*) AS clients, count_if(renews) AS clients_with_several_certificates,
            count_if(locked_out) AS clients_locked_out FROM clients);

CREATE OR REPLACE TEMPORARY VIEW reasons AS
SELECT name, sum(refused) AS refusals_in_period, sum(out) AS locked_out, sum(times) AS decisions
FROM (SELECT reason AS name, int(would_refuse) AS refused, 0 AS out, 0 AS times FROM decisions
      UNION ALL SELECT reason, 0, 1, refusals FROM certificates WHERE locked_out)
GROUP BY name;

CREATE OR REPLACE TEMPORARY VIEW issuers AS
SELECT issuer AS name, sum(refusals) AS refusals_in_period, sum(int(locked_out)) AS locked_out,
       sum(if(locked_out, refusals, 0)) AS decisions
FROM certificates GROUP BY issuer;

CREATE OR REPLACE TEMPORARY VIEW unknown_logs AS
SELECT lower(sct.log_id) AS name, count(*) AS lines
FROM (SELECT explode(scts) AS sct FROM decisions)
WHERE sct.status = 'unknown-log' AND sct.log_id IS NOT NULL GROUP BY 1;
