// Clicks the button in Orthanc Explorer and drives the page of the plugin with the keyboard alone, from the choice of the tumour to
// the report. Prints one JSON object of what was seen; Python asserts.
//
//   node page.mjs ORTHANC STUDY SCREENSHOTS
import { createRequire } from "node:module";
import path from "node:path";

const puppeteer = createRequire(path.join(process.env.DLNMS_NODE, "package.json"))("puppeteer-core");
const [orthanc, study, screenshots] = process.argv.slice(2);
const seen = { requests: [], console: [], focus: [] };

const browser = await puppeteer.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
  defaultViewport: { width: 1100, height: 1400 },
});
const page = await browser.newPage();
page.on("console", (message) => seen.console.push(`${message.type()}: ${message.text()}`));
page.on("pageerror", (error) => seen.console.push(`pageerror: ${error}`));
page.setDefaultTimeout(120000);
const shot = (name) => page.screenshot({ path: path.join(screenshots, `${name}.png`), fullPage: true });
const text = (id) => page.$eval(`#${id}`, (e) => e.textContent);

/** Presses Tab until the element has the focus. */
async function tabTo(id) {
  for (let presses = 0; presses < 30; presses++) {
    await page.keyboard.press("Tab");
    const focused = await page.evaluate(() => document.activeElement.id || document.activeElement.value || document.activeElement.tagName);
    seen.focus.push(focused);
    if (focused === id) return;
  }
  throw new Error(`Tab does not reach ${id}: ${seen.focus}`);
}

async function run() {
  await page.goto(`${orthanc}/app/explorer.html#study?uuid=${study}`);
  await page.waitForSelector("#dlnms-score");
  await shot("1-explorer");
  await Promise.all([page.waitForNavigation(), page.click("#dlnms-score")]);
  page.on("request", (request) => seen.requests.push(request.url().slice(0, 200)));
  await page.reload(); // with the requests recorded from the first one
  seen.url = page.url();
  seen.headers = (await page.waitForResponse((r) => r.url().includes("/dlnms/info"))).headers();
  await page.waitForFunction(() => /^Ready/.test(document.getElementById("engine").textContent));
  await page.waitForSelector("#rois input");
  seen.engine = await text("engine");
  seen.accessibility = await page.accessibility.snapshot({ interestingOnly: true });
  await shot("2-choice");

  await tabTo("study");
  await tabTo("0"); // the radio button of the only ROI
  await page.keyboard.press("Space");
  await tabTo("start");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#run:not([hidden])");
  seen.running = { cancel: await page.$eval("#cancel", (e) => !e.hidden), phase: await text("phase") };
  await shot("3-progress");
  await page.waitForSelector("#result:not([hidden])");
  seen.focusAtResult = await page.evaluate(() => document.activeElement.id);
  seen.result = { n1: await text("n1"), n2: await text("n2"), risk: await text("risk"), error: await text("error") };
  seen.notTrained = await page.$eval("#not-trained", (e) => !e.hidden);
  seen.links = await page.$$eval("#links a", (all) => all.map((a) => [a.textContent, a.getAttribute("href")]));
  const frame = await (await page.$("#report")).contentFrame();
  await frame.waitForSelector("svg");
  seen.report = await frame.evaluate(() => document.body.innerText);
  await shot("4-report");

  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "dark" }]);
  await page.setViewport({ width: 400, height: 900 });
  seen.overflow = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
  await new Promise((resolve) => setTimeout(resolve, 2000)); // the report draws itself anew, and no script in it may say when
  await shot("5-dark-narrow");
}

try {
  await run();
} catch (error) {
  await shot("failed");
  seen.failed = String(error);
}
await browser.close();
console.log(JSON.stringify(seen));
