// Opens the page of a plugin that cannot score, and prints what it says.
//
//   node failed.mjs ORTHANC SCREENSHOTS
import { createRequire } from "node:module";
import path from "node:path";

const puppeteer = createRequire(path.join(process.env.DLNMS_NODE, "package.json"))("puppeteer-core");
const [orthanc, screenshots] = process.argv.slice(2);
const browser = await puppeteer.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
const page = await browser.newPage();
await page.goto(`${orthanc}/dlnms/app`);
await page.waitForFunction(() => document.getElementById("engine").textContent.startsWith("Nothing"), { timeout: 60000 });
const seen = await page.evaluate(() => ({
  engine: document.getElementById("engine").textContent,
  disabled: document.getElementById("start").disabled,
}));
await page.screenshot({ path: path.join(screenshots, "6-failed.png") });
await browser.close();
console.log(JSON.stringify(seen));
