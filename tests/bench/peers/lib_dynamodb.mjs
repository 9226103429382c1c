// AWS SDK for JavaScript: BatchWriteCommand of lib-dynamodb, several requests at a time.
//
//     node lib_dynamodb.mjs ITEMS.jsonl TABLE ENDPOINT-URL
//
// Prints what ready.py beside it says.

import { readFileSync } from "node:fs";
import { Agent } from "node:https";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { BatchWriteCommand, DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";

const IN_FLIGHT = 16;
const BATCH_ITEMS = 25;

// Bytes are in base64 in DynamoDB's JSON.
const bytes = (name, value) => (name === "B" ? Buffer.from(value, "base64") : value);
const [path, table, endpoint] = process.argv.slice(2);
const items = readFileSync(path, "utf-8").trimEnd().split("\n").map((line) => unmarshall(JSON.parse(line, bytes)));
const httpsAgent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT });
const client = DynamoDBDocumentClient.from(new DynamoDBClient({ endpoint, requestHandler: { httpsAgent } }));

let at = 0;
async function write() {
  while (at < items.length) {
    const batch = items.slice(at, (at += BATCH_ITEMS));
    await client.send(
      new BatchWriteCommand({ RequestItems: { [table]: batch.map((Item) => ({ PutRequest: { Item } })) } }),
    );
  }
}

const began = performance.now();
const before = process.cpuUsage();
await Promise.all(Array.from({ length: IN_FLIGHT }, write));
const { user, system } = process.cpuUsage(before);
const took = { items: items.length, cpu_s: (user + system) / 1e6, wall_s: (performance.now() - began) / 1e3 };
process.stdout.write(JSON.stringify(took));
client.destroy();
