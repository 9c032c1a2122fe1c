"""The page of a report: one file with everything in it, read by a parser and by a real browser."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from projects import Project, new_project

EXTRA = '''
from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from recipes.marks import mark

if TYPE_CHECKING:
    import numpy as np


class Fit(NamedTuple):
    """A model with the losses of its training."""

    history: dict[str, list[float]]
    steps: int


def fit(labels: np.ndarray, rate: float) -> Fit:
    """Train."""
    mark("fit")
    return Fit({"loss": [rate / (1 + n) for n in range(20)], "gain": [n * rate for n in range(20)]}, 20)


def predict(test: np.ndarray, shift: int) -> np.ndarray:
    """Predict one of three classes for sixty examples."""
    import numpy as np

    mark("predictions")
    return (np.arange(60) + shift) // 2 % 3


def classes(test: np.ndarray) -> np.ndarray:
    """Return the true classes."""
    import numpy as np

    return np.arange(60) // 2 % 3


def pictures(test: np.ndarray) -> np.ndarray:
    """Return a picture of each example."""
    import numpy as np

    return np.arange(60 * 64).astype(np.uint8).reshape(60, 8, 8)


def name() -> str:
    """Return a text that wants to be markup."""
    return "</script><script>alert(1)</script>&lt;é"
'''

DODO = '''
from recipes import extra


class Fitted(Nearest):
    """Nearest, <b>fitted</b> & more."""

    fit = stage(extra.fit, Points.rows.y_train, rate=0.5)
    truth = stage(extra.classes, Points.scaled.test)
    pictures = stage(extra.pictures, Points.scaled.test)
    predictions = stage(extra.predict, Points.scaled.test, shift=0)
    label = stage(extra.name)


class Faster(Fitted):
    """Fitted at another rate."""

    fit = swap(Fitted.fit, extra.fit, rate=0.9)
    predictions = swap(Fitted.predictions, extra.predict, shift=1)


task_page = report(
    Fitted, Faster, Majority, name="page", predictions=Fitted.predictions, labels=Fitted.truth, images=Fitted.pictures
)
'''

BEFORE = "extra.fit, Points.rows.y_train, rate=0.5"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Make a project of three variants that ran twice with an edit in between, and its page."""
    project = new_project(tmp_path_factory.mktemp("page"))
    project.write("recipes/extra.py", EXTRA)
    project.write("dodo.py", project.read("dodo.py") + DODO)
    project.doit("page")
    project.edit("recipes/extra.py", "rate / (1 + n)", "rate / (2 + n)")
    project.edit("dodo.py", BEFORE, BEFORE.replace("0.5", "0.25"))
    run = project.doit("page", "--out", "page.html")
    assert run.code == 0, run
    return project


class Reader(HTMLParser):
    """Checks that what is opened is closed, and gathers what the tests ask for."""

    VOID = frozenset({"meta", "link", "img", "input", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, attribute: str) -> list[str]:
        return [value for _, attributes in self.tags if (value := attributes.get(attribute)) is not None]


@pytest.fixture(scope="module")
def page(built: Project) -> str:
    return built.read("page.html")


# ---- read by a parser


def test_the_page_is_one_file_that_loads_nothing(page: str):
    """It can be mailed, opened without a network, and read in ten years."""
    read = Reader(page)
    assert {tag for tag, _ in read.tags} & {"iframe", "object", "embed", "audio", "video"} == set()
    assert all(value.startswith("data:") for value in read.all("src"))
    assert all(value.startswith(("#", "data:")) for value in read.all("href"))
    assert not re.search(r"url\((?!data:)|@import|fetch\(|XMLHttp|https?://(?!www\.w3\.org)", page)


def test_every_link_leads_somewhere(page: str):
    """Names are there once, and each link finds its own."""
    read = Reader(page)
    names = Counter(read.all("id"))
    assert max(names.values()) == 1
    assert {value[1:] for value in read.all("href") if value.startswith("#")} <= set(names)


def test_what_the_user_wrote_is_text(page: str):
    """Values, docstrings and code are escaped wherever they stand."""
    assert page.count("<script>") == 1
    assert "<script>alert" not in page
    assert "Nearest, &lt;b&gt;fitted&lt;/b&gt; &amp; more." in page


def test_the_page_shows_what_the_report_is_about(page: str):
    """Variants with their numbers, curves with both names, the mistakes of those that have predictions."""
    for text in ("fitted", "faster", "majority", "Training curves", "loss", "gain", "Mistakes", "taken for"):
        assert text in page
    assert page.count("<caption>Rows: what it is.") == 2
    assert page.count("<img ") == 12, "the second variant has predictions that are half wrong, the first none"
    assert page.count('class="kept-graph"') == 1


def test_shared_stages_stand_there_once(page: str):
    """A stage of three variants has one box and one record."""
    read = Reader(page)
    names = read.all("id")
    assert names.count("points:scaled") == 1
    assert {"fitted:fit", "faster:fit", "majority:model", "nearest:model"} <= set(names)
    graph = page[page.index("<svg") : page.index("</svg>")]
    assert graph.count('href="#points:scaled"') == 1


def test_stages_of_pipelines_beside_the_variants_stand_there_too(project: Project):
    """What the report builds besides, and what a variant takes from elsewhere, has its box and its record."""
    beside = """
class Beside(Pipeline):
    guesses = stage(extra.predict, Fitted.pictures, shift=2)


task_shown = report(
    Majority, name="shown", predictions={Majority: Beside.guesses}, labels={Majority: Fitted.truth}
)
"""
    project.write("recipes/extra.py", EXTRA)
    project.write("dodo.py", project.read("dodo.py") + DODO + beside)
    run = project.doit("shown", "--format", "html")
    assert run.code == 0, run
    page = run.out
    names = Reader(page).all("id")
    assert {"majority:model", "beside:guesses", "fitted:truth", "fitted:pictures"} <= set(names)
    assert "fitted:fit" not in names
    graph = page[page.index("<svg") : page.index("</svg>")]
    assert graph.count('href="#beside:guesses"') == 1
    assert "7 stages: 7 built." in page


def test_a_stage_tells_what_changed_since_the_run_before(page: str):
    """The diff of its code, the parameter from old to new, the seconds of both runs."""
    stage = page[page.index('id="fitted:fit"') : page.index('id="fitted:truth"')]
    assert "rate / (1 + n)" in stage
    assert "<del>-    return Fit" in stage
    assert "<ins>+    return Fit" in stage
    assert "parameter rate: 0.5 → 0.25" in stage
    assert "There is no run before" in page[page.index('id="fitted:truth"') :]


def test_code_that_stages_share_is_written_out_once(page: str):
    """The second variant leads to the first."""
    assert page.count("def predict(test: np.ndarray, shift: int)") == 1
    assert 'The same as that of <a href="#fitted:predictions">fitted:predictions</a>' in page


def test_the_page_is_small(page: str):
    """A few kilobytes beside the records and the pictures."""
    pictures = sum(map(len, re.findall(r'src="data:[^"]+"', page)))
    records = len(page[page.index('id="stages"') : page.index("<script>")])
    assert len(page) - pictures - records < 40_000


def test_a_page_of_a_run_that_failed_says_so(project: Project):
    """The variant, the stage, and what it wrote before it failed."""
    project.edit("recipes/nearest.py", '    mark("model")\n', '    print("step <1>")\n    mark("model")\n')
    project.order("model", "fail")
    run = project.doit("report", "--format", "html")
    assert run.code != 0
    assert run.out.startswith("<!doctype html>")
    Reader(run.out)
    assert "failed: model" in run.out
    assert "step &lt;1&gt;" in run.out
    assert 'class="failed"' in run.out


def test_a_page_of_nothing_is_a_page(project: Project):
    """Predictions that are not built yet are said to be missing; no stage has a record."""
    project.write("recipes/extra.py", EXTRA.replace('    mark("predictions")', '    raise ValueError("not today")'))
    project.write("dodo.py", project.read("dodo.py") + DODO)
    run = project.doit("page", "--format", "html")
    assert "No variant has predictions yet." in run.out
    Reader(run.out)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("return np.arange(60) // 2 % 3", "return np.arange(60) / 2", "not one class for each example"),
        ("return np.arange(60) // 2 % 3", "return np.arange(50) // 2 % 3", "not one class for each example"),
        ("return np.arange(60) // 2 % 3", "return np.arange(60) + 7", "<li>10 taken for 1: 1 times</li>"),
        ("reshape(60, 8, 8)", "reshape(60, 64)", "they cannot be shown"),
    ],
    ids=["no_classes", "other_length", "too_many_classes", "no_pictures"],
)
def test_what_cannot_be_drawn_is_said(project: Project, old: str, new: str, said: str):
    """Labels that are no classes, images that are none, and too many classes for a matrix do not stop the page."""
    assert old in EXTRA
    project.write("recipes/extra.py", EXTRA.replace(old, new))
    project.write("dodo.py", project.read("dodo.py") + DODO)
    run = project.doit("page", "--format", "html")
    assert said in run.out
    Reader(run.out)


MANY = """
from kept import Pipeline, report, stage
from recipes import extra


class Sweep(Pipeline):
    label = stage(extra.name)


def variant(number):
    class Variant(Sweep, name=f"v{number:02}"):
        fit = stage(extra.fit, Sweep.label, rate=float(number + 1))

    return Variant


task_report = report(*map(variant, range(70)))
"""


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Make a project of seventy variants, and its page."""
    project = new_project(tmp_path_factory.mktemp("many"))
    project.write("recipes/extra.py", EXTRA)
    project.write("dodo.py", MANY)
    assert project.doit("report", "--out", "page.html").code == 0
    return project


def test_many_variants_are_drawn_by_kind(many: Project):
    """Seventy boxes of one name in one place are one box that counts them; plots say what they leave out."""
    page = many.read("page.html")
    graph = page[page.index("<svg") : page.index("</svg>")]
    assert graph.count("<rect") == 2
    assert "fit ×70" in graph
    assert "70 variants" in graph
    assert "(the 30 largest of 70)" in page
    assert "(the first 8 of 70)" in page
    assert page.count('<th scope="row" data-v="v') == 70
    assert Reader(page)


# ---- read by a browser


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Start a headless Chromium without a network of its own; skip where there is none."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
    program, driver = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("needs chromium and chromedriver")
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = program
    folder = tmp_path_factory.mktemp("chromium")
    for argument in (
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
        "--disable-background-networking", "--disable-component-update", "--disable-sync", f"--user-data-dir={folder}",
    ):  # fmt: skip
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield chrome
    finally:
        chrome.quit()


@pytest.fixture
def look(browser: Any, built: Project) -> Iterator[Callable[..., Any]]:
    """Open the page in a window of some width; whatever a test does, the console stays empty."""

    def go(name: str = "", width: int = 1200, **media: str) -> Any:
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        features = [{"name": key.replace("_", "-"), "value": value} for key, value in media.items()]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        browser.get("about:blank")
        browser.get(f"{Path(built.root, 'page.html').as_uri()}{name}")
        return browser

    yield go
    assert browser.get_log("browser") == []


def test_many_variants_come_a_page_at_a_time(browser: Any, many: Project):
    """The first 25 are shown, then all; what a filter finds is counted among all, and sorting sorts all."""
    from selenium.webdriver.common.by import By

    def shown() -> int:
        rows = "return [...document.querySelectorAll('.variants tbody tr')].filter(row => !row.hidden).length"
        return int(browser.execute_script(rows))

    browser.get(many.path("page.html").as_uri())
    assert shown() == 25
    status = browser.find_element(By.CSS_SELECTOR, "#variants [role=status]")
    assert status.text == "25 of 70"
    field = browser.find_element(By.CSS_SELECTOR, "#variants input")
    field.send_keys("v6")
    assert (shown(), status.text) == (10, "10 variants")
    field.clear()
    field.send_keys(" ")
    browser.find_element(By.CSS_SELECTOR, ".variants thead button").click()
    browser.find_element(By.CSS_SELECTOR, ".variants thead button").click()
    assert browser.find_element(By.CSS_SELECTOR, ".variants tbody th").text == "v69"
    assert shown() == 25
    browser.find_element(By.CSS_SELECTOR, "#variants .tools button").click()
    assert shown() == 70
    assert browser.get_log("browser") == []


def is_open(browser: Any, task: str) -> bool:
    return bool(browser.execute_script("return document.getElementById(arguments[0]).open", task))


def opens(browser: Any, task: str) -> bool:
    return waits(browser, lambda: is_open(browser, task))


def waits(browser: Any, fulfilled: Callable[[], bool]) -> bool:
    """Wait for what a click on a link does: the browser tells the page of it when it comes to it."""
    from selenium.webdriver.support.wait import WebDriverWait

    return bool(WebDriverWait(browser, 20, poll_frequency=0.02).until(lambda _: fulfilled()))


def press(browser: Any, *keys: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(browser).send_keys(*keys).perform()


def test_a_browser_renders_it(look: Callable[..., Any]):
    """Every part takes up room, and nothing was asked of a network."""
    chrome = look()
    for part in ("variants", "graph", "curves", "mistakes", "stages"):
        assert chrome.execute_script("return document.getElementById(arguments[0]).offsetHeight", part) > 50, part
    assert (
        chrome.execute_script(
            "return performance.getEntriesByType('resource').filter(r => !r.name.startsWith('data:')).length"
        )
        == 0
    )
    assert chrome.execute_script("return [...document.images].every(i => i.complete && i.naturalWidth === 8)")


def test_a_click_on_a_stage_opens_its_record(look: Callable[..., Any]):
    """The box in the picture leads to what is recorded, and so does a link to the page from elsewhere."""
    from selenium.webdriver.common.by import By

    chrome = look()
    assert not is_open(chrome, "fitted:fit")
    chrome.find_element(By.CSS_SELECTOR, "svg a[href='#fitted:fit']").click()
    assert opens(chrome, "fitted:fit")
    record = chrome.find_element(By.ID, "fitted:fit")
    assert "recipes.extra.fit" in record.text
    assert "rate / (2 + n)" in record.text
    top = chrome.execute_script("return arguments[0].getBoundingClientRect().top", record)
    assert 0 <= top < 900
    chrome.execute_script("arguments[0].open = false", record)
    chrome.find_element(By.CSS_SELECTOR, "nav a").click()
    chrome.find_element(By.CSS_SELECTOR, "svg a[href='#fitted:fit']").click()
    assert opens(chrome, "fitted:fit"), "a second time, too"
    assert opens(look("#faster:fit"), "faster:fit")


def test_it_works_by_keyboard(look: Callable[..., Any]):
    """The first Tab offers to skip, stages in the picture take the focus visibly, Enter opens them."""
    from selenium.webdriver.common.keys import Keys

    chrome = look()
    press(chrome, Keys.TAB)
    focused = chrome.switch_to.active_element
    assert focused.text == "Skip to the variants"
    assert focused.location["x"] >= 0
    press(chrome, Keys.ENTER)
    assert chrome.switch_to.active_element.get_attribute("id") == "main"
    for _ in range(60):
        press(chrome, Keys.TAB)
        at = chrome.execute_script("return document.activeElement.getAttribute('href')")
        if at == "#fitted:fit":
            break
    assert at == "#fitted:fit"
    thick = "return getComputedStyle(document.activeElement.querySelector('rect')).strokeWidth"
    assert float(chrome.execute_script(thick).removesuffix("px")) >= 4
    press(chrome, Keys.ENTER)
    assert opens(chrome, "fitted:fit")
    assert chrome.execute_script("return document.activeElement.tagName") == "SUMMARY"
    press(chrome, Keys.SPACE)
    assert not is_open(chrome, "fitted:fit")


def test_the_table_sorts(look: Callable[..., Any]):
    """A click on a column sorts it, a second one turns it round; empty cells stay last."""
    from selenium.webdriver.common.by import By

    def names(chrome: Any) -> list[str]:
        return [cell.text.split("\n")[0] for cell in chrome.find_elements(By.CSS_SELECTOR, ".variants tbody th")]

    chrome = look()
    assert names(chrome) == ["fitted", "faster", "majority"]
    head = chrome.find_element(By.CSS_SELECTOR, ".variants thead th button")
    head.click()
    assert names(chrome) == ["faster", "fitted", "majority"]
    head.click()
    assert names(chrome) == ["majority", "fitted", "faster"]
    assert chrome.find_element(By.CSS_SELECTOR, ".variants thead th").get_attribute("aria-sort") == "descending"
    steps = chrome.find_elements(By.CSS_SELECTOR, ".variants thead button")
    next(button for button in steps if button.text.startswith("fit.steps")).click()
    assert names(chrome)[-1] == "majority"


def test_stages_can_be_filtered(look: Callable[..., Any]):
    """Words narrow the list; a link still reaches what they hide."""
    from selenium.webdriver.common.by import By

    chrome = look()
    field = chrome.find_element(By.CSS_SELECTOR, "#stages input")
    field.send_keys("faster pred")
    shown = [
        d.get_attribute("id")
        for d in chrome.find_elements(By.CSS_SELECTOR, "#stages > section > details")
        if d.is_displayed()
    ]
    assert shown == ["faster:predictions"]
    assert chrome.find_element(By.CSS_SELECTOR, "#stages [role=status]").text == "1 stage"
    chrome.find_element(By.CSS_SELECTOR, "svg a[href='#fitted:fit']").click()
    assert opens(chrome, "fitted:fit")
    assert chrome.find_element(By.ID, "fitted:fit").is_displayed()
    chrome.find_element(By.CSS_SELECTOR, ".variants a[href='#of-majority']").click()
    assert waits(chrome, chrome.find_element(By.ID, "majority:model").is_displayed)


@pytest.mark.parametrize("width", [320, 390, 1600])
def test_it_fits_a_phone(look: Callable[..., Any], width: int):
    """Nothing makes the page itself scroll sideways; what is wide scrolls within its own frame."""
    chrome = look("#fitted:fit", width=width)
    assert chrome.execute_script("return document.documentElement.scrollWidth") <= width


def contrast(chrome: Any, selector: str) -> float:
    """Compute the contrast of a text to the page, as WCAG defines it."""
    colours = chrome.execute_script(
        "const at = document.querySelector(arguments[0]), css = getComputedStyle;"
        "return [at instanceof SVGElement ? css(at).fill : css(at).color, css(document.body).backgroundColor]",
        selector,
    )
    levels = []
    for colour in colours:
        parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        levels.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(levels) + 0.05) / (min(levels) + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_in_light_and_in_the_dark(look: Callable[..., Any], scheme: str):
    """Texts stand out from the page as WCAG AA asks, whatever the system prefers."""
    chrome = look("#fitted:fit", prefers_color_scheme=scheme)
    selectors = (
        "h1",
        "header p",
        "a",
        "td",
        "thead th button",
        ".facts",
        ".chip.built",
        ".kept-graph .name",
        ".kept-graph .word",
        ".plot text",
        ".diff del",
    )
    assert {s: contrast(chrome, s) for s in selectors if contrast(chrome, s) < 4.5} == {}
    dark = chrome.execute_script("return getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark == (scheme == "dark")


def test_it_prints(look: Callable[..., Any]):
    """On paper every record is open, tools are gone; on screen nothing has changed afterwards."""
    chrome = look()
    chrome.execute_script("addEventListener('beforeprint', () => setTimeout(0), { once: true })")
    chrome.execute_script(
        "window.seen = []; addEventListener('beforeprint', () => {"
        "seen.push(document.querySelectorAll('#stages > section > details:not([open])').length) })"
    )
    printed = chrome.execute_cdp_cmd("Page.printToPDF", {"printBackground": False})
    assert len(printed["data"]) > 10_000
    assert chrome.execute_script("return seen") == [0]
    assert not is_open(chrome, "fitted:fit")


def test_it_says_the_same_without_script(look: Callable[..., Any], browser: Any):
    """The script adds comfort only: no text depends on it."""
    from selenium.webdriver.common.by import By

    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        chrome = look()
        assert chrome.find_element(By.CSS_SELECTOR, ".variants tbody").text.startswith("fitted")
        chrome.find_element(By.CSS_SELECTOR, "[id='fitted:fit'] > summary").click()
        assert "recipes.extra.fit" in chrome.find_element(By.ID, "fitted:fit").text
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
