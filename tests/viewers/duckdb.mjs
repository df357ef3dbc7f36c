// duckdb.mjs SQL...: runs each statement in one DuckDB in memory, and prints the rows of each as a line of JSON.
import { DuckDBInstance } from "@duckdb/node-api";

const connection = await (await DuckDBInstance.create(":memory:")).connect();
for (const sql of process.argv.slice(2))
	console.log(JSON.stringify((await connection.runAndReadAll(sql)).getRowObjectsJson()));
