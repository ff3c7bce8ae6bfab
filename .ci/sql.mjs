// Runs the SQL of docs/sql.md on the rows of states and holds the answers against those
// of ipiscope fleet.
//
// usage: node sql.mjs SQL.md REPORT.json OUTLIERS.json FIRST.json   (in the folder of the .parquet files)
import { readFileSync } from 'node:fs';
import { DuckDBInstance } from '@duckdb/node-api';

const [doc, ...results] = process.argv.slice(2).map(name => readFileSync(name, 'utf8'));
const [report, outliers, first] = results.map(text => JSON.parse(text));
const blocks = [...doc.matchAll(/```sql\n([^]*?)```/g)].map(m => m[1]);
const connection = await (await DuckDBInstance.create(':memory:')).connect();
const wrong = [];

async function rows(query) {
  return (await connection.runAndReadAll(query)).getRowObjectsJson();
}

function same(what, got, want) {
  const near = v => (typeof v === 'number' || (v !== '' && !isNaN(v)) ? Number(Number(v).toPrecision(9)) : v);
  const text = list => JSON.stringify(list.map(row => row.map(near)));
  if (text(got) !== text(want)) wrong.push(`${what}: DuckDB has\n${text(got)}\nipiscope\n${text(want)}`);
}

if (blocks.length !== 7) wrong.push(`${blocks.length} blocks of SQL, want 7`);
for (const statement of blocks[0].split(';')) if (statement.trim()) await connection.run(statement);
const columns = ['hosts_hit', 'hosts', 'p10', 'median', 'p90', 'max', 'worst', 'hits'];
same('spread over hosts', (await rows(blocks[1])).map(r => [r.function, ...columns.map(c => r[c])]),
  report.groups.map(g => [g.key.function, ...columns.map(c => g[c])]));
same('outliers', (await rows(blocks[2])).map(r => [r.host, r.z]), outliers.outliers.map(o => [o.key.host, o.z]));
if ((await rows(blocks[3]))[0].median_b === null) wrong.push('two kernels: no median');
same('first', (await rows(blocks[4])).map(r => [r.function, r.date]), first.first.map(f => [f.key.function, f.date]));
await rows(blocks[5]);
const parts = (await rows(blocks[6])).map(r => [r.kernel, r.date, r.hosts_hit, r.hits]);
if (parts.length < 3) wrong.push(`${parts.length} partitions, want some`);
same('partitions', parts, (await rows(`SELECT nullif(t.kernel, '') AS kernel, t.date, count(DISTINCT host) AS hosts_hit, sum(g.hits) AS hits
  FROM 'groups.parquet' g JOIN 'traces.parquet' t USING (host, path)
  WHERE t.date >= '2026-11-01' AND g.hits > 0 GROUP BY ALL ORDER BY kernel, t.date`)).map(r => [r.kernel, r.date, r.hosts_hit, r.hits]));
for (const files of ['groups.parquet', 'traces.parquet', 'groups/*/*/*.parquet'])
  same(`order of hosts in ${files}`, (await rows(`SELECT count(*) AS n FROM (SELECT host, lag(host) OVER (PARTITION BY filename ORDER BY file_row_number) AS before
    FROM read_parquet('${files}', filename = true, file_row_number = true)) WHERE host < before`)).map(r => [r.n]), [[0]]);

if (wrong.length > 0) {
  console.error(wrong.join('\n'));
  process.exit(1);
}
console.log(`${blocks.length} questions in SQL have the answers of ipiscope fleet`);
