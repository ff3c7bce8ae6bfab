// Holds Parquet files of ipiscope export against what ipiscope report counts, as
// DuckDB reads them.
//
// usage: node duckdb.mjs REPORT.json HITS.parquet SENDS.parquet REQUESTS.parquet
//
// The report is by function. Prints one line, exits 1 if anything differs.
import { readFileSync } from 'node:fs';
import { DuckDBInstance } from '@duckdb/node-api';

const [reportFile, hits, sends, requests] = process.argv.slice(2);
const report = JSON.parse(readFileSync(reportFile));
const connection = await (await DuckDBInstance.create(':memory:')).connect();

async function rows(query) {
  return (await connection.runAndReadAll(query)).getRowsJson();
}

const wrong = [];
function same(what, got, want) {
  const [g, w] = [JSON.stringify(got), JSON.stringify(want)];
  if (g !== w) wrong.push(`${what}: DuckDB reads ${g}, want ${w}`);
}

const counted = report.groups.filter(g => g.hits > 0).map(g => [g.key.function, String(g.hits)]);
counted.sort((a, b) => (a[0] < b[0] ? -1 : 1));
same('hits by function', await rows(`SELECT function, count(*) FROM '${hits}' GROUP BY 1 ORDER BY 1`), counted);
same('hits by CPU', await rows(`SELECT target, count(*) FROM '${hits}' GROUP BY 1 ORDER BY 1`),
  report.cpus.filter(c => c.hits > 0).map(c => [String(c.cpu), String(c.hits)]));
for (const [kind, file] of Object.entries({ hits, sends, requests })) {
  same(kind, await rows(`SELECT count(*) FROM '${file}'`), [[String(report.totals[kind])]]);
  same(`${kind} out of order`,
    await rows(`SELECT count(*) FROM (SELECT time_ns < lag(time_ns) OVER (ORDER BY file_row_number) AS back FROM read_parquet('${file}', file_row_number = true)) WHERE back`),
    [['0']]);
  same(`${kind}: row groups without bounds of time`,
    await rows(`SELECT count(*) FROM parquet_metadata('${file}') WHERE path_in_schema = 'time_ns' AND (stats_min_value IS NULL OR stats_max_value IS NULL)`), [['0']]);
  same(`${kind}: schema`, await rows(`SELECT decode(value) FROM parquet_kv_metadata('${file}') WHERE decode(key) = 'ipiscope.schema'`), [[`ipiscope/${kind}/v1`]]);
}

if (wrong.length > 0) {
  console.error(wrong.join('\n'));
  process.exit(1);
}
console.log(`${report.totals.hits} hits, ${report.totals.sends} sends, ${report.totals.requests} requests of ${report.inputs[0].path}`);
