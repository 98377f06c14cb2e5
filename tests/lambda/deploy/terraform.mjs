// What `terraform validate` says of a folder, as far as it can be said without Terraform: HashiCorp's own parser reads the
// files, and every resource, block and attribute is held against the AWS provider's schema, as the types of its package
// have it. Every reference must lead to what is declared, and everything declared must be used.
//
//   node tests/lambda/deploy/terraform.mjs FOLDER

import { readFile, readdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const require = createRequire(import.meta.url);
const { parse } = require("@cdktn/hcl2json");
const types = join(dirname(require.resolve("@cdktn/provider-aws/package.json")), "lib");

/** What every resource may have besides its own attributes. */
const META = new Set(["count", "for_each", "depends_on", "lifecycle", "provider"]);
const LITERALS = ["string", "number", "boolean"];

const folder = process.argv[2];
const problems = [];
const declared = { var: new Set(), local: new Set() };
const used = { var: new Set(), local: new Set() };
/** The provider's types of each declared resource and data source, by `TYPE.NAME`. */
const known = new Map();
const files = new Map();

for (const name of (await readdir(folder)).filter((name) => name.endsWith(".tf"))) {
  try {
    files.set(name, await parse(name, await readFile(join(folder, name), "utf8")));
  } catch (error) {
    problems.push(`${name}: ${error.message ?? error}`);
  }
}
if (files.size === 0) problems.push(`${folder} has no file that can be read`);
for (const [name, file] of files) await declare(name, file);
for (const [name, file] of files) {
  for (const [address, bodies] of resources(file)) {
    if (known.has(address)) bodies.forEach((body) => checkBody(`${name}: ${address}`, body, known.get(address), "Config", META));
  }
  checkReferences(name, file);
}
for (const kind of ["var", "local"]) {
  for (const name of declared[kind]) if (!used[kind].has(name)) problems.push(`${kind}.${name} is used nowhere`);
}
for (const problem of problems) console.error(problem);
console.log(`${folder}: ${files.size} files, ${known.size} resources and data sources, ${problems.length} problems`);
process.exitCode = problems.length > 0 ? 1 : 0;

/** Every resource and data source of a file under its address. */
function resources(file) {
  const of = (blocks, prefix) =>
    Object.entries(blocks ?? {}).flatMap(([type, named]) =>
      Object.entries(named).map(([name, bodies]) => [`${prefix}${type}.${name}`, bodies]),
    );
  return [...of(file.resource, ""), ...of(file.data, "data.")];
}

async function declare(file, { variable = {}, locals = [], ...rest }) {
  const add = (kind, name) => {
    if (declared[kind].has(name)) problems.push(`${file}: ${kind}.${name} is declared twice`);
    declared[kind].add(name);
  };
  Object.entries(variable).forEach(([name, [body]]) => {
    add("var", name);
    for (const due of ["description", "type"]) if (!body[due]) problems.push(`${file}: var.${name} has no ${due}`);
  });
  locals.flatMap(Object.keys).forEach((name) => add("local", name));
  for (const [address, bodies] of resources(rest)) {
    if (known.has(address) || bodies.length > 1) problems.push(`${file}: ${address} is declared twice`);
    const type = address.startsWith("data.") ? `data_${address.split(".")[1]}` : address.split(".")[0];
    const schema = await schemaOf(type);
    if (schema) known.set(address, schema);
    else problems.push(`${file}: the provider has no ${type}`);
  }
}

/** The interfaces of a resource's types by name, and the attributes that it gives. */
async function schemaOf(type) {
  const plain = type.replace(/^aws_/, "");
  const text = await readFile(join(types, plain.replaceAll("_", "-"), "index.d.ts"), "utf8").catch(() => undefined);
  if (!text) return undefined;
  const interfaces = new Map();
  for (const [, name, body] of text.matchAll(/export interface (\w+)[^{]*\{([\s\S]*?)\n\}/g)) {
    const members = [...body.matchAll(/\n {4}readonly (\w+)(\??): ([^;{]*)/g)];
    interfaces.set(name, new Map(members.map(([, member, optional, type]) => [member, { due: !optional, type }])));
  }
  const main = text.slice(text.lastIndexOf(" extends cdktn.Terraform"));
  const attributes = new Set([...main.matchAll(/\n {4}get (\w+)\(/g)].map(([, name]) => name));
  const pascal = camel(`_${plain}`);
  return { prefix: pascal, interfaces, attributes };
}

/** Whether a block has the attributes that its type allows and asks for. */
function checkBody(place, body, schema, name, meta = new Set()) {
  const members = schema.interfaces.get(name === "Config" ? `${schema.prefix}Config` : name);
  if (!members) return problems.push(`${place}: the provider's types do not have ${name}`);
  const { dynamic = {}, ...plain } = body;
  const blocks = Object.entries(dynamic).map(([key, given]) => [key, given.flatMap(({ content }) => content)]);
  const given = [...Object.entries(plain), ...blocks];
  for (const [key, value] of given) {
    if (meta.has(key)) continue;
    const member = members.get(camel(key));
    if (!member) problems.push(`${place}: there is no ${key}`);
    else checkValue(`${place}.${key}`, value, schema, member.type);
  }
  for (const [member, { due }] of members) {
    if (due && !given.some(([key]) => camel(key) === member)) problems.push(`${place}: ${member} is missing`);
  }
}

function checkValue(place, value, schema, type) {
  const [block] = /^[A-Z]\w+/.exec(type) ?? [];
  if (block && Array.isArray(value)) return value.forEach((body) => checkBody(place, body, schema, block));
  if (block) return problems.push(`${place} is a block`);
  const isExpression = typeof value === "string" && value.includes("${");
  const [literal] = LITERALS.filter((name) => type.startsWith(name));
  if (isExpression || !literal) return undefined;
  const isList = /^\w+\[\]/.test(type);
  const values = isList ? value : [value];
  if (!Array.isArray(values)) return problems.push(`${place} is a list`);
  if (values.some((value) => typeof value !== literal && !String(value).includes("${"))) problems.push(`${place} is no ${type}`);
}

/** Every reference in the file's expressions must lead somewhere. */
function checkReferences(name, file) {
  for (const text of strings(file).filter((text) => text.includes("${"))) {
    for (const [, kind, target] of text.matchAll(/\b(?<![.\w])(var|local)\.(\w+)/g)) {
      used[kind].add(target);
      if (!declared[kind].has(target)) problems.push(`${name}: ${kind}.${target} is not declared`);
    }
    for (const [, address, attribute] of text.matchAll(/(?<![.\w])((?:data\.)?aws_\w+\.\w+)(?:\[[^\]]*\])?(?:\.(\w+))?/g)) {
      const schema = known.get(address);
      if (!schema) problems.push(`${name}: ${address} is not declared`);
      else if (attribute && !schema.attributes.has(camel(attribute))) problems.push(`${name}: ${address} has no ${attribute}`);
    }
  }
}

function strings(value) {
  if (typeof value === "string") return [value];
  if (value === null || typeof value !== "object") return [];
  return [...Object.keys(value), ...Object.values(value).flatMap(strings)];
}

function camel(name) {
  return name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
}
