from __future__ import annotations

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from popcon.insight.answers.needs import Installed
from popcon.insight.answers.trend import trend
from popcon.insight.report.facts import Facts, facts
from popcon.insight.report.inks import INKS, Ink
from popcon.insight.report.page import page
from popcon.insight.report.sentences import silent
from popcon.insight.report.specs import Bar, Column, bars, columns
from popcon.insight.report.svg import drawn
from popcon.insight.usage import DAY, Period
from tests.report.memory import BEGIN, Memory, last, university

_SVG = re.compile(r"<svg .*?</svg>", re.DOTALL)
_FIGURE = re.compile(r"<figure>.*?</figure>", re.DOTALL)
_NAMESPACE = "{http://www.w3.org/2000/svg}"


class Read(HTMLParser):
    """What tags a page has, and what it says."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self._hidden = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._hidden += tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag == "style"

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words += data.replace("\N{NO-BREAK SPACE}", " ")


def of(source: Memory, period: Period | None = None) -> Facts:
    period = period or last(30)
    return facts(source, period, period.end)


@pytest.fixture(scope="module")
def found() -> Facts:
    return of(university())


@pytest.fixture(scope="module")
def text(found: Facts) -> str:
    return page(found, "Libraries at Uplands University", "popcon@uplands.example")


def days(number: int, count: int) -> dict[float, int]:
    return {float(BEGIN + day * DAY): count for day in range(number)}


def test_the_headline_says_what_is_known_beforehand(found: Facts, text: str) -> None:
    """The university's 30 days have 74,100 processes, 12 libraries that nobody used, and one hub that fell silent."""
    words = Read(text).words
    assert found.processes == 74_100
    assert "74,100" in words
    assert [one.library for one in found.unused[:2]] == ["tensorflow", "spacy"]
    assert "12 of 49 libraries installed for users were used by nobody in 30 whole days" in words
    assert "physics has sent no report for seven days or more" in words
    assert "New, that is used now and not before, with processes: duckdb (1,894)" in words
    assert "Gone, that is used before and not now, with processes: theano (2,231)." in words
    assert "polars (from 8.3% to 17%) and duckdb (from 0% to 2.6%) are rising." in words


def test_what_could_go_frees_the_bytes_of_the_image_that_has_most_of_it(found: Facts) -> None:
    """Sizes are summed by image, not over hubs that have the same libraries."""
    sizes: dict[str, int] = {}
    gone = {one.library for one in found.unused}
    for (hub, library, _), size in university().sizes(found.period).items():
        if library in gone and hub in found.active:
            sizes[hub] = sizes.get(hub, 0) + size
    assert found.frees == max(sizes.values())


def test_each_byte_of_an_image_counts_once() -> None:
    """Infrastructure that few used is infrastructure alone: what is used isn't less than nothing."""
    uses = {("h", "numpy"): days(30, 40), ("h", "notebook"): days(3, 1)}
    sizes = {("h", "numpy", "library"): 5, ("h", "notebook", "server"): 9}
    period = Period(BEGIN, BEGIN + 30 * DAY)
    image = of(Memory({"h": days(30, 40)}, uses, sizes), period).image

    assert image is not None
    assert (image.used, image.rare, image.infrastructure) == (5, 0, 9)


def test_what_is_needed_is_not_called_used() -> None:
    """What nobody imported and a used library needs can't go; it is no library that was used, all the same."""
    uses = {("h", "pandas"): days(30, 40), ("h", "numpy"): days(30, 0)}
    source = Memory({"h": days(30, 40)}, uses, {("h", "numpy", "library"): 9})
    there = {"pandas": Installed(5, needs=frozenset({"numpy"})), "numpy": Installed(9)}
    period = Period(float(BEGIN), float(BEGIN + 30 * DAY))
    words = Read(page(facts(source, period, period.end, there))).words
    assert "installed for users was used, or is needed by one that was." in words
    assert "Used or needed" in words


def test_every_chart_says_in_words_and_in_a_table_what_it_shows(text: str) -> None:
    """Each figure of the page has pictures with a title and a description, and a table with all numbers in them."""
    figures = _FIGURE.findall(text)
    assert len(figures) >= 6
    for figure in figures:
        pictures = [ElementTree.fromstring(one) for one in _SVG.findall(figure)]
        assert pictures
        for root in pictures:
            assert root.get("role") == "img"
            ids = (root.get("aria-labelledby") or "").split()
            said = {element.get("id"): element.text for element in root}
            assert all(said.get(one) for one in ids)
            assert len(ids) == 2
        if "<table>" in figure:
            table = Read(figure[figure.index("<table>") :]).words
            numbers = {number for root in pictures for number in _numbers(root)}
            assert {number for number in numbers if number not in table} == set()
    ids = [name for _, each in Read(text).tags if (name := each.get("id"))]
    assert len(ids) == len(set(ids))


def _numbers(root: ElementTree.Element) -> set[str]:
    """Return the values in a picture: not its dates."""
    found = root.iter(f"{_NAMESPACE}text")
    texts = {(element.text or "").replace("\N{NO-BREAK SPACE}", " ") for element in found}
    return {each for each in texts if re.fullmatch(r"[<\d.,]+(%|\s[MG]B)?", each)}


def test_small_charts_have_their_tables_below(text: str) -> None:
    """What rises and falls is drawn small; the shares at the ends of each line are in its table."""
    heading = text.index("Rising, share by week")
    part = text[heading : text.index("</details>", heading)]
    table = Read(part[part.index("<details>") :]).words
    for one in _SVG.findall(part):
        numbers = _numbers(ElementTree.fromstring(one))
        assert numbers
        assert {number for number in numbers if number not in table} == set()


def test_the_page_is_whole_and_has_no_script(text: str) -> None:
    """It has one h1, landmarks, a language, a policy that lets nothing in, and no address to ask."""
    tags = Read(text).tags
    names = [tag for tag, _ in tags]
    assert names.count("h1") == names.count("main") == names.count("header") == 1
    assert not {"script", "img", "iframe", "object", "image", "use"} & set(names)
    assert dict(tags)["html"] == {"lang": "en"}
    assert all(each.get("scope") in ("col", "row") for tag, each in tags if tag == "th")
    policy = [each["content"] for tag, each in tags if tag == "meta" and "http-equiv" in each]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!data:,)""", text)
    assert not re.findall(r"url\(|@import|\bid=\"clip", text)


@pytest.mark.parametrize(("name", "least"), [("text", 4.5), ("muted", 4.5), ("bar", 3), ("rise", 3), ("fall", 3), ("pale", 3)])  # fmt: skip
@pytest.mark.parametrize("ground", ["ground", "panel"])
def test_colours_can_be_told_from_their_ground(name: str, least: float, ground: str) -> None:
    """Text has a contrast of 4.5 to 1 or more, a mark of 3 to 1, in both themes."""
    for theme in Ink._fields:
        one, two = (_luminance(getattr(INKS[each], theme)) for each in (name, ground))
        assert (max(one, two) + 0.05) / (min(one, two) + 0.05) >= least


def _luminance(colour: str) -> float:
    """Return WCAG 2's relative luminance of #rrggbb."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


HOSTILE = (
    "<script>alert(1)</script>",
    '"]+alert(1)+["',
    "</svg><img src=x onerror=alert(1)>",
    "a\x00\x08b\u202ec",
    "]]>&lt;{{ 7 * 7 }}",
    "x" * 500,
)


def test_names_that_a_kernel_made_up_stay_text() -> None:
    """Whatever a library or a hub is called, it adds no tag, breaks no picture, and turns no text around."""
    reports = dict.fromkeys(HOSTILE, days(40, 30))
    uses = {(hub, name): days(40, 20) for hub in HOSTILE for name in HOSTILE}
    uses.update({(hub, f"idle {name}"): days(40, 0) for hub in HOSTILE for name in HOSTILE})
    hostile = Memory(reports, uses, notes=[f"hubs {', '.join(HOSTILE)}: counts show"])
    plain = Memory(
        {str(i): days(40, 30) for i in range(6)},
        {(str(i), f"{kind}{j}"): days(40, n) for i in range(6) for j in range(6) for kind, n in (("a", 20), ("b", 0))},
        notes=["n"],
    )  # fmt: skip
    period = Period(float(BEGIN), float(BEGIN + 40 * DAY))
    text = page(of(hostile, period), HOSTILE[0], HOSTILE[2])
    tags = [tag for tag, _ in Read(text).tags]
    assert tags == [tag for tag, _ in Read(page(of(plain, period), "t", "c")).tags]
    assert "\u202e" not in text
    assert "\x00" not in text
    for one in _SVG.findall(text):
        ElementTree.fromstring(one)


def test_an_empty_store_has_a_page_that_says_so() -> None:
    """Without any hub there is a page with a heading, what to do, and no chart."""
    text = page(of(Memory({}, {})))
    words = Read(text).words
    assert "There is nothing to report yet" in words
    assert "Nothing is known of any hub, at any time." in words
    assert "<svg" not in text


def test_what_is_held_back_may_have_come() -> None:
    """Where nothing is to be seen, the page doesn't say that nothing came: a policy may hold it back."""
    for source in (Memory({}, {}), Memory({"h": days(30, 0)}, {})):
        words = Read(page(of(source))).words
        assert "no process reported" not in words
        assert "until enough processes have reported" in words


def test_what_has_no_name_may_have_been_used() -> None:
    """Where a policy names only what many used, nothing on the page says that nobody used a library with a 0."""
    uses = {("h", "_rare"): days(30, 50), ("h", "numpy"): days(30, 25), ("h", "scipy"): days(30, 0)}
    source = Memory({"h": days(30, 30)}, uses, {("h", "scipy", "library"): 9})
    period = Period(float(BEGIN), float(BEGIN + 30 * DAY))
    words = Read(page(of(source, period))).words
    assert "by nobody or by too few to be named in 30 whole days" in words
    assert "Those that too few used to be named are not among them." in words
    assert "Used by too few" in words
    assert "Used by nobody" not in words
    del source.uses["h", "numpy"]
    words = Read(page(of(source, period))).words
    assert "No library was used by enough processes to be named." in words


def test_one_use_is_one_process() -> None:
    """One kernel on one day: no plural, no share but 100%, nothing that could go."""
    end = float(BEGIN + 30 * DAY)
    day = end - 2 * DAY
    source = Memory({"": {day: 1}}, {("", "numpy"): {day: 1}, ("", "scipy"): {day: 0}})
    found = of(source, Period(end - 30 * DAY, end))
    words = Read(page(found)).words
    assert "numpy is used most: 100% of the processes imported it." in words
    assert "Too early" in words
    assert "1 processes" not in words
    assert "1 libraries" not in words
    assert not found.unused


def test_a_day_that_nobody_watched_is_no_day_without_processes() -> None:
    """Where Prometheus was away, the page calls nothing the quietest, and draws no 0."""
    ten = {"": {day: n for day, n in days(10, 30).items() if day != BEGIN + 4 * DAY}}
    found = of(Memory(ten, {("", "numpy"): ten[""]}), Period(float(BEGIN), float(BEGIN + 10 * DAY)))
    words = Read(page(found)).words
    assert "processes reported each whole day." in words
    assert "–: no hub was watched." in words


def test_a_hub_that_rests_for_a_weekend_is_not_silent() -> None:
    """A page of two days calls silent only who sent nothing for seven; a midnight ends the day before."""
    hubs = {"one": days(20, 30), "two": days(18, 30), "three": days(9, 30)}
    hubs["two"].update({float(BEGIN + day * DAY): 0 for day in (18, 19)})
    source = Memory(hubs, {("one", "numpy"): days(20, 9)})
    found = of(source, Period(float(BEGIN + 18 * DAY), float(BEGIN + 20 * DAY)))
    assert silent(found) == ["three"]
    midnight = float(BEGIN + 9 * DAY)
    found.hubs["three"] = found.hubs["three"]._replace(last=midnight)
    assert "three (last report 18 June 2026)" in Read(page(found)).words


@pytest.mark.parametrize(("before", "after", "moves"), [(50, 61, False), (50, 70, True), (1, 3, False)])  # fmt: skip
def test_rising_is_what_popcon_trend_calls_so(before: int, after: int, moves: bool) -> None:
    """A share that grew by a fifth is steady on the page, as it is on the command line."""
    reports = {"": days(56, 500)}
    uses = {float(BEGIN + day * DAY): before if day < 28 else after for day in range(56)}
    source = Memory(reports, {("", "numpy"): uses})
    found = of(source, Period(float(BEGIN + 28 * DAY), float(BEGIN + 56 * DAY)))
    assert found.changes is not None
    assert [one.name for one in found.changes.rising] == ["numpy"] * moves
    (said,) = trend(source, Period(float(BEGIN), float(BEGIN + 56 * DAY)), ["numpy"])
    assert (said.change == "rising") >= moves


def test_a_period_of_a_year_is_by_month() -> None:
    """Parts of a month, at the ends, are hollow and called a part."""
    reports = {"": days(370, 10)}
    found = of(Memory(reports, {("", "numpy"): days(370, 5)}), Period(float(BEGIN + 5 * DAY), float(BEGIN + 370 * DAY)))  # fmt: skip
    assert found.trend is not None
    assert found.trend.unit == "month"
    assert [span.whole for span in found.trend.spans] == [False, *[True] * 11, False]
    assert ", a part" in Read(page(found)).words


def test_a_large_site_has_a_small_page() -> None:
    """5,000 libraries in 200 hubs make a page below half a megabyte, which says how many it doesn't list."""
    period = Period(float(BEGIN), float(BEGIN + 28 * DAY))
    reports = {f"hub{i}": {float(BEGIN + day * DAY): 40 for day in (0, 27)} for i in range(200)}
    uses = {
        (f"hub{i}", f"library-{n}"): {float(BEGIN + day * DAY): max(0, 40 - n) for day in (0, 27)}
        for i in range(200)
        for n in range(i % 25, 5000, 25)
    }
    text = page(of(Memory(reports, uses), period))
    assert len(text.encode()) < 500_000
    assert "the 20 largest of 200" in text
    assert text.count("<tr>") < 300


@pytest.mark.parametrize("width", [330, 720])
def test_bars_end_within_the_picture(width: int) -> None:
    """A chart is as wide as was asked, whatever is written in it."""
    spec = bars([Bar("x" * 26, 1.0, "100%"), Bar("y", 0.0, "<0.1%")], width, 116)
    root = ElementTree.fromstring(drawn(spec, "n", "t", "d"))
    assert float((root.get("viewBox") or "").split()[2]) == width


def test_values_above_bars_are_left_out_where_they_would_overlap() -> None:
    """Of many columns, the last has its value; those that have no room have none, also where they would touch."""
    for number, most in ((18, 9), (9, 5)):
        rows = [Column("1 Jan", 2100, "2,100", True)] * number
        texts = [row["text"] for row in columns(rows, 330)["data"]["values"]]
        assert texts[-1]
        assert len(texts) - texts.count("") <= most
