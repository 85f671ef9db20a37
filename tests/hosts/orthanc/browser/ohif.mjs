// Opens a study in OHIF and shows one series after the other. Prints one JSON object of what was seen; Python asserts.
//
//   node ohif.mjs OHIF STUDY_UID VIEWS SCREENSHOTS
//
// VIEWS is JSON: [{"name", "series", "panel", "words"}]. The thumbnail of the series with that description is opened, then the panel, if
// there is one, and a screenshot is taken when OHIF shows the words, or after a minute without them.
import { createRequire } from "node:module";
import path from "node:path";

const puppeteer = createRequire(path.join(process.env.DLNMS_NODE, "package.json"))("puppeteer-core");
const [ohif, study, views, screenshots] = process.argv.slice(2);
const seen = { errors: [], views: {} };

const browser = await puppeteer.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
  defaultViewport: { width: 1600, height: 1000 },
});
const page = await browser.newPage();
page.setDefaultTimeout(120000);
page.on("pageerror", (error) => seen.errors.push(String(error).slice(0, 300)));
// The tour of a first visit would lie above the images.
await page.evaluateOnNewDocument(() => localStorage.setItem("shownTours", JSON.stringify(["basicViewerTour"])));
const text = () => page.evaluate(() => document.body.innerText);
const shows = (words, timeout) => page.waitForFunction((wanted) => document.body.innerText.includes(wanted), { timeout }, words);
const shot = (name) => page.screenshot({ path: path.join(screenshots, `${name}.png`) });

async function open(series) {
  const find = (d) => [...document.querySelectorAll("[data-cy^=study-browser-thumbnail]")].find((e) => e.textContent.includes(d)) ?? null;
  const thumbnail = (await page.evaluateHandle(find, series)).asElement();
  if (!thumbnail) throw new Error(`no thumbnail: ${series}`);
  await thumbnail.evaluate((e) => e.scrollIntoView());
  const box = await thumbnail.boundingBox();
  await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2, { count: 2 });
}

try {
  await page.goto(`${ohif}/viewer?StudyInstanceUIDs=${study}`, { waitUntil: "domcontentloaded" });
  await page.waitForSelector("[data-cy=viewport-overlay-top-left]"); // before there is a viewport, a click ends OHIF
  for (const view of JSON.parse(views)) {
    await shows(view.series, 120000);
    await open(view.series);
    if (view.panel) await page.locator(`[data-cy=${view.panel}-btn]`).click();
    await shows(view.words, 60000).catch(() => {}); // what is shown instead is what Python reports
    await page.waitForNetworkIdle({ idleTime: 2000 });
    seen.views[view.name] = await text();
    await page.evaluate((words) => {
      const holds = [...document.querySelectorAll("body *")].filter((e) => e.innerText?.includes(words));
      holds.at(-1)?.scrollIntoView({ block: "center" }); // the innermost
    }, view.words);
    await shot(view.name);
  }
} catch (error) {
  seen.failed = `${error}: ${(await text()).slice(0, 600)}`;
  await shot("ohif-failed");
}
await browser.close();
console.log(JSON.stringify(seen));
