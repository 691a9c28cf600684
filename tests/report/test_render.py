from html.parser import HTMLParser

import pytest

from compiler.report import render
from tests.report.sample import sample

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)>{{ 7 * 7 }}'

VOID = {"meta", "link", "img", "br", "hr", "input"}
REFERENCES = {"src", "href", "xlink:href", "data", "action", "srcset", "poster", "background"}


class Page(HTMLParser):
    """Collects what a page holds and fails where its elements do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == [], "elements that are never closed"

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop() == tag

    def handle_data(self, data):
        if not {"style", "title"} & set(self._open):
            self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


@pytest.fixture
def report():
    return sample()


def test_the_page_shows_the_figures_of_the_report(report):
    words = Page(render(report)).words
    shown = [
        "speech", "AMD Alveo U250", "1,100", "4,310", "272,727", "300 MHz, assumed", "732,912", "13,912,400",
        "19.0× fewer", "92.9 %", "93.1 % in float", "200 of 200 vectors", "Verilator 5.48.0",
        "127,568 of 2,522,000", "5.06 %", "8 × s19.12, 152 bits", "softmax: left out", "--samples test.npz",
    ]  # fmt: skip
    assert [text for text in shown if text not in words] == []


def test_every_stage_stands_in_the_table_and_in_each_drawing(report):
    text = render(report)
    for stage in report["stages"]:
        assert text.count(f'<text class="name" x="12" y="19">{stage["name"]}</text>') == 3
        assert f'<th scope="row">{stage["name"]}<' in text


def test_the_slowest_stage_is_marked_in_the_table_and_in_each_drawing(report):
    classes = [attributes.get("class") for _, attributes in Page(render(report)).elements]
    assert classes.count("box slow") == 3
    assert ("tr", {"class": "slow"}) in Page(render(report)).elements


def test_streams_of_nonzeros_are_told_from_dense_ones(report):
    text = render(report)
    sparse = sum(stream["kind"] != "dense" for stream in report["streams"])
    assert text.count('<g class="sparse">') == 3 * sparse
    assert text.count('<g class="dense">') == 3 * (len(report["streams"]) - sparse)


def test_the_page_needs_nothing_from_outside(report):
    text = render(report)
    for tag, attributes in Page(text).elements:
        assert tag not in {"script", "link", "img", "iframe", "object", "base"}
        assert not REFERENCES & attributes.keys()
    assert "url(" not in text and "@import" not in text and "://" not in text
    assert "default-src 'none'" in text


def test_hostile_names_are_only_text(report):
    report["model"]["name"] = report["board"]["title"] = report["command"] = HOSTILE
    report["notes"].append(HOSTILE)
    report["verdict"] = {"passed": False, "line": HOSTILE, "failure": None}
    for entry in [*report["stages"], *report["layers"]]:
        entry["name"] = entry["kind"] = HOSTILE
    for stream in report["streams"]:
        stream["from"] = stream["format"] = HOSTILE
    page = Page(render(report))
    assert {tag for tag, _ in page.elements} == {tag for tag, _ in Page(render(sample())).elements}
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert HOSTILE in " ".join(page.text)


def test_an_unverified_build_says_so(report):
    report["verdict"] = report["bit_exact"] = None
    report["interval_cycles"]["simulated"] = report["latency_cycles"]["simulated"] = None
    words = Page(render(report)).words
    assert "Not verified yet." in words and "Bit-exact." not in words
    assert "between frames, predicted" in words


def test_a_failed_verification_shows_its_line(report):
    report["verdict"] = {"passed": False, "line": "not bit-exact: 3/200 vectors wrong", "failure": None}
    words = Page(render(report)).words
    assert "Verification failed. not bit-exact: 3/200 vectors wrong" in words


def test_accuracy_is_left_out_where_there_were_no_labels(report):
    report["accuracy"] = None
    assert "Accuracy" not in Page(render(report)).words


def test_resources_are_shown_only_where_a_report_has_them(report):
    assert "Resources" not in Page(render(report)).words
    report["resources"] = {"lut": 648000, "ff": 12, "source": "synthesized"}
    report["depth"] = {"levels": 9, "start": "conv1.a", "end": "conv1.b", "cells": ["LUT6"], "goal": 8}
    report["synthesis"] = {"tool": "Yosys 0.70", "depth_kind": "a chain is one level"}
    report["stages"][1] |= {"resources": {"lut": 1234, "ff": 5}, "depth": None}
    report["stages"][2] |= {"resources": {"lut": 4321, "ff": 7}, "depth": {"levels": 9}}
    page = Page(render(report))
    assert "lut 648,000 of 1,296,000" in page.words
    assert "Synthesized with Yosys 0.70" in page.words and "conv1.a to conv1.b" in page.words
    assert "1,234" in page.words and "4,321" in page.words
    assert page.elements.count(("tr", {"class": "slow"})) == 2, "the slowest stage, and the deep one"


def test_a_bound_is_told_from_an_exact_prediction(report):
    report["interval_cycles"] |= {"predicted": 1300, "exact": False}
    words = Page(render(report)).words
    assert "simulated; at most 1,300 predicted" in words
    assert "figures here hold for the worst frame" in words


def test_a_prediction_that_did_not_hold_is_no_bound(report):
    report["interval_cycles"] |= {"predicted": 1000}
    assert "simulated, but 1,000 predicted" in Page(render(report)).words


def test_the_same_report_gives_the_same_page(report):
    assert render(report) == render(sample())
