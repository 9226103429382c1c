// Looks at a page in headless Chromium, at several widths, and prints what it found as JSON, a line a view.
//
//   node look.mjs PAGE FOLDER WIDTH:SCHEME:MEDIA...     for example 360:dark:screen
//
// FOLDER gets a screenshot of each view. The browser is the one that CHROMIUM names, or the one that npm installed, which
// is for Linux on x86-64. Exits with 3 if there is none.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [page, folder, ...views] = process.argv.slice(2);

async function browser() {
  const own = process.env.CHROMIUM;
  const here = process.platform === "linux" && process.arch === "x64";
  if (!own && !here) {
    console.error("no Chromium for this machine: name one in CHROMIUM");
    process.exit(3);
  }
  const { default: puppeteer } = await import("puppeteer-core");
  if (own) {
    return puppeteer.launch({ executablePath: own, args: ["--no-sandbox"] });
  }
  const { default: chromium } = await import("@sparticuz/chromium");
  return puppeteer.launch({ executablePath: await chromium.executablePath(), args: chromium.args, headless: "shell" });
}

// Runs in the page.
function found() {
  const seen = (element) => element.getClientRects().length > 0;
  const pictures = [...document.querySelectorAll("svg")].filter(seen);
  const texts = pictures.flatMap((svg) => [...svg.querySelectorAll("text")].map((text) => [svg, text]));
  const sticksOut = ([svg, text]) => {
    const [box, own] = [svg.getBoundingClientRect(), text.getBoundingClientRect()];
    return own.left < box.left - 1 || own.right > box.right + 1 || own.top < box.top - 1 || own.bottom > box.bottom + 1;
  };
  const size = ([svg, text]) =>
    (parseFloat(getComputedStyle(text).fontSize) * svg.getBoundingClientRect().width) / svg.viewBox.baseVal.width;
  const wide = (element) => element.getBoundingClientRect().right > innerWidth + 1 && !element.closest(".wide-table");
  return {
    title: document.title,
    contentWidth: document.documentElement.scrollWidth,
    windowWidth: innerWidth,
    pictures: pictures.length,
    smallestTextPx: Math.min(...texts.map(size)),
    sticksOut: texts.filter(sticksOut).map(([, text]) => text.textContent),
    tooWide: [...document.body.querySelectorAll("*")].filter(seen).filter(wide).map((element) => element.outerHTML.slice(0, 80)),
    background: getComputedStyle(document.body).backgroundColor,
    colour: getComputedStyle(document.body).color,
    alert: window.hurt ?? null,
  };
}

const opened = await browser();
for (const view of views) {
  const [width, scheme, media] = view.split(":");
  const tab = await opened.newPage();
  const faults = [];
  const requests = [];
  tab.on("console", (message) => faults.push(message.text()));
  tab.on("pageerror", (error) => faults.push(String(error)));
  tab.on("request", (request) => requests.push(request.url()));
  await tab.setViewport({ width: Number(width), height: 800 });
  if (media === "print") {
    await tab.emulateMediaType(media); // each of these two undoes the other
  } else {
    await tab.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  }
  await tab.goto(pathToFileURL(page).href);
  for (const details of await tab.$$("details")) {
    await details.evaluate((element) => element.setAttribute("open", ""));
  }
  const shot = join(folder, `${width}-${scheme}-${media}.png`);
  await tab.screenshot({ path: shot, fullPage: true });
  const elsewhere = requests.filter((url) => url !== pathToFileURL(page).href);
  console.log(JSON.stringify({ view, faults, elsewhere, shot: existsSync(shot), ...(await tab.evaluate(found)) }));
  await tab.close();
}
await opened.close();
