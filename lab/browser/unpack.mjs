// Unpacks the browser of the package beside this script into TMPDIR, which is where the package puts everything:
// chromium, its graphics libraries, fonts/, and al2023/lib (the shared libraries a small machine lacks).
import { inflate } from "@sparticuz/chromium";
import { fileURLToPath } from "node:url";

const packed = new URL("../../bin/", import.meta.resolve("@sparticuz/chromium"));
const parts = ["chromium.br", "swiftshader.tar.br", "fonts.tar.br", "al2023.tar.br"];
await Promise.all(parts.map((part) => inflate(fileURLToPath(new URL(part, packed)))));
