// Bundles the page beside this script with Splunk's packages into page.js, for a browser. Splunk's fonts have no Korean
// letters, and neither has a small machine: they are put in behind Splunk's own family, each part for its range only.
import { appendFile, readFile } from "node:fs/promises";
import { build } from "esbuild";

await build({
  entryPoints: ["page.jsx"],
  outfile: "page.js",
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  define: { "process.env.NODE_ENV": '"production"', global: "window" },
  loader: { ".svg": "dataurl", ".png": "dataurl", ".woff": "dataurl", ".woff2": "dataurl", ".ttf": "dataurl" },
  logLevel: "error",
});

const fonts = "node_modules/@fontsource/noto-sans-kr/";
const style = await readFile(`${fonts}400.css`, "utf-8");
const faces = [];
for (const [, file, range] of style.matchAll(/url\(\.\/(files\/noto-sans-kr-\d+-400-normal\.woff2)\)[^}]*unicode-range: ([^;]+);/g)) {
  // Splunk's own fonts have Latin: each part of these has a few of its letters too.
  const own = range.split(",").filter((each) => parseInt(each.trim().slice(2), 16) >= 0x1100);
  const data = await readFile(fonts + file, "base64");
  const source = `url(data:font/woff2;base64,${data})`;
  faces.push(`@font-face{font-family:"Splunk Platform Sans";src:${source};unicode-range:${own.join()}}`);
}
await appendFile(
  "page.js",
  `\ndocument.head.append(Object.assign(document.createElement("style"),{textContent:${JSON.stringify(faces.join(""))}}));\n`,
);
