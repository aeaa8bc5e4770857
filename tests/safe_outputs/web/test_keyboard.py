"""By keyboard alone: everything on every page is reached, is marked when it is, and is not hidden behind anything."""

from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page

from tests.safe_outputs.web.browser import Browser
from tests.safe_outputs.web.chromium import Site
from tests.safe_outputs.web.every_page import PEOPLE, pages_of

pytestmark = pytest.mark.browser

REACHABLE = """
() => {
    const seen = new Set();
    window.reachable = [...document.querySelectorAll("a[href], button, input, select, textarea, summary")].filter(
        each => !each.disabled && each.type !== "hidden" && each.checkVisibility()
    ).filter(each => {  // one of a group of radio buttons is stopped at; arrows go to the others
        if (each.type !== "radio") return true;
        const first = !seen.has(each.name);
        seen.add(each.name);
        return first;
    });
    window.plain = window.reachable.map(each => look(each));
    function look(each) {
        const style = getComputedStyle(each), box = getComputedStyle(each, "::before");
        const outline = [style, box].map(drawn => drawn.outlineStyle === "none" ? "none" : drawn.outline);
        return [...outline, style.boxShadow, style.backgroundColor, box.boxShadow].join("|");
    }
    window.look = look;
    return window.reachable.length;
}
"""
PRESSED = """
() => {
    const each = document.activeElement, number = window.reachable.indexOf(each);
    if (number < 0) return null;
    const rects = [...each.getClientRects()];
    const shows = rects.some(rect => {
        const x = rect.left + rect.width / 2, y = rect.top + rect.height / 2;
        const top = document.elementFromPoint(x, y);
        return top !== null && (each.contains(top) || top.contains(each) || top.closest("label")?.control === each);
    });
    return {number, shows, marked: window.look(each) !== window.plain[number], html: each.outerHTML.slice(0, 120)};
}
"""


@pytest.mark.parametrize("who", PEOPLE)
def test_everything_is_reached_and_shows_that_it_is(
    app: Flask, site: Site, browser: Browser, address: dict[str, Any], who: str
) -> None:
    visit = site.visit(who, scripts=True)
    amiss = {path: found for path in pages_of(who, app, browser, address) if (found := amiss_on(visit.open(path)))}
    assert amiss == {}


BREAKS = {
    "not reached": "document.querySelector('main a').tabIndex = -1",
    "not seen, since nothing marks it": """
        for (const name of ["outline", "box-shadow", "background-color"])
            document.querySelector("main a").style.setProperty(name, "unset", "important")
    """,
    "not seen, since something lies on it": """
        const over = document.querySelector("main").appendChild(document.createElement("div"));
        Object.assign(over.style, {position: "fixed", inset: "0", background: "white"})
    """,
}


@pytest.mark.parametrize("found", BREAKS)
def test_what_the_keyboard_does_not_reach_or_show_is_found(site: Site, address: dict[str, Any], found: str) -> None:
    page = site.visit("cleo", scripts=True).open("/queue")
    page.evaluate(f"() => {{ {BREAKS[found]} }}")
    assert any(each.startswith(found.partition(",")[0]) for each in amiss_on(page))


def amiss_on(page: Page) -> list[str]:
    """What Tab does not stop at, and stops that nobody would see."""
    number = page.evaluate(REACHABLE)
    stops: dict[int, dict[str, Any]] = {}
    last = None  # a date has several stops in one element, and what scrolls is stopped at, too
    for _ in range(3 * number + 20):
        page.keyboard.press("Tab")
        stop = page.evaluate(PRESSED)
        if stop is not None and stop["number"] in stops and stop["number"] != last:
            break
        if stop is not None:
            last = stop["number"]
            stops.setdefault(last, stop)
    unseen = [f"not seen: {each['html']}" for each in stops.values() if not (each["shows"] and each["marked"])]
    missed = [
        "not reached: " + page.evaluate("number => window.reachable[number].outerHTML.slice(0, 120)", each)
        for each in range(number)
        if each not in stops
    ]
    return [*missed, *unseen]
