// The deployment files: what they set is what the function knows, and their check finds what is wrong.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { root } from "../../web/harness.mjs";

const program = process.env.TESTED_BOOTSTRAP;
const terraform = join(root, "lambda/deploy/terraform");
const template = await readFile(join(root, "lambda/deploy/template.yaml"), "utf8");
const main = await readFile(join(terraform, "main.tf"), "utf8");

/** What a deployment gives to each setting that it names. */
const VALUES = {
  bundle: "s3://models/flights.skw",
  stream: "true",
  log: "info",
  output: "s3://predictions/flights",
  feature_log: "s3://log/flights",
  shadow: "s3://models/challenger.skw",
};

test("Terraform's files are right", async () => {
  assert.deepEqual(await checked(terraform), { code: 0, errors: "" });
});

for (const [file, from, to, problem] of [
  ["main.tf", "memory_size ", "memory_sise ", /there is no memory_sise/],
  ["main.tf", "  function_version = ", "  region = ", /functionVersion is missing/],
  ["main.tf", "var.stable_version)", "var.stable_versoin)", /var\.stable_versoin is not declared/],
  ["main.tf", "aws_iam_role.this.arn", "aws_iam_role.that.arn", /aws_iam_role\.that is not declared/],
  ["main.tf", "aws_lambda_alias.live.arn", "aws_lambda_alias.live.urn", /has no urn/],
  ["main.tf", "    log_group  =", "    log_groop  =", /there is no log_groop/],
  ["alarms.tf", "= 60\n", '= "a minute"\n', /period is no number/],
  ["sources.tf", '"aws_cloudwatch_event_rule"', '"aws_cloudwatch_event_ruler"', /has no aws_cloudwatch_event_ruler/],
  ["role.tf", "locals {", "locals ", /role\.tf/],
]) {
  test(`the check finds: ${problem.source}`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "terraform-"));
    t.after(() => rm(folder, { recursive: true }));
    await cp(terraform, folder, { recursive: true });
    const text = await readFile(join(folder, file), "utf8");
    assert.ok(text.includes(from));
    await writeFile(join(folder, file), text.replace(from, to));
    const { code, errors } = await checked(folder);
    assert.equal(code, 1);
    assert.match(errors, problem);
  });
}

test("every setting of the SAM template is one of the function's", async () => {
  const names = [...template.matchAll(/^ +(SKEWLESS_\w+):/gm)].map(([, name]) => name);
  await known(names.map((name) => name.slice("SKEWLESS_".length).toLowerCase()));
});

test("every setting of the Terraform files is one of the function's", async () => {
  const settings = main.slice(main.indexOf("settings = merge("), main.indexOf("resource "));
  await known([...settings.matchAll(/^ {6}(\w+) =|\{ (\w+) =/gm)].map(([, first, second]) => first ?? second));
});

/** The program must take these settings, and say that it has them from the environment. */
async function known(keys) {
  assert.ok(keys.length >= 4);
  const env = Object.fromEntries(keys.map((key) => [`SKEWLESS_${key.toUpperCase()}`, VALUES[key]]));
  const { code, output, errors } = await ran(program, ["--print-config"], env);
  assert.equal(code, 0, errors);
  for (const [name, value] of Object.entries(env)) {
    const line = output.split("\n").find((line) => line.includes(name));
    assert.ok(line?.includes(value), `${name}: ${line}`);
  }
}

async function checked(folder) {
  const { code, errors } = await ran(process.execPath, [join(import.meta.dirname, "terraform.mjs"), folder], {});
  return { code, errors };
}

function ran(file, parameters, variables) {
  const env = { PATH: process.env.PATH, ...variables };
  return new Promise((settle) => {
    execFile(file, parameters, { env }, (error, output, errors) => settle({ code: error?.code ?? 0, output, errors }));
  });
}
