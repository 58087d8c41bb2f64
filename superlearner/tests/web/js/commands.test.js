// Commands on pages have what they need to reach the platform.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { command, complete, quoted } from "#static/base/commands.js";

const BESIDE = "superlearner --data-dir /class";
const REMOTE = "superlearner --url https://class.example/sl";

test("commands get the data directory or the address, and those that need none stay", () => {
  const texts = [
    "superlearner process kill ledger", "superlearner token create --name tea", "superlearner token", "superlearner db backup a.db",
    "superlearner config show",
  ];
  assert.deepEqual(texts.map((text) => complete(text, BESIDE)), texts.map((text) => text.replace("superlearner", BESIDE)));
  assert.deepEqual(texts.map((text) => complete(text, REMOTE)),
    [...texts.slice(0, 2).map((text) => text.replace("superlearner", REMOTE)), ...texts.slice(2)]);
  for (const text of [
    "superlearner run", "superlearner run shop.py:Shop", "superlearner doctor", "superlearner --data-dir a tree", "superlearner --help",
    "from superlearner import x", "cd superlearner", "superlearner",
  ]) {
    for (const begin of [BESIDE, REMOTE, "superlearner"]) assert.equal(complete(text, begin), text);
  }
  assert.equal(complete(texts[0], "superlearner"), texts[0]);
});

test("commands in scripts are found where the shell would run them", () => {
  const script = "$ superlearner tree\nsuperlearner top  # like top\necho superlearner tree\ncurl -H \"Bearer $(superlearner token)\" | "
    + "superlearner log list && superlearner run";
  assert.equal(complete(script, BESIDE),
    "$ superlearner --data-dir /class tree\nsuperlearner --data-dir /class top  # like top\necho superlearner tree\n"
      + "curl -H \"Bearer $(superlearner --data-dir /class token)\" | superlearner --data-dir /class log list && superlearner run");
  assert.deepEqual([command("token", REMOTE), command("token list", REMOTE), command("token", BESIDE)],
    ["superlearner token", `${REMOTE} token list`, `${BESIDE} token`]);
});

test("words are quoted as in the terminal", () => {
  const words = JSON.parse(readFileSync(new URL("../../shared/quoted_words.json", import.meta.url), "utf8"));
  assert.deepEqual(words.map(([text]) => quoted(text)), words.map(([, expected]) => expected));
});
