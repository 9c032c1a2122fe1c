"""The pieces of a report's page: escaped text, a layered picture, plots, small images, mistakes."""

import base64
import math
import re
import struct
import zlib
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kept.reports.layout import layout
from kept.reports.markup import Markup, join, tag
from kept.reports.mistakes import confusion
from kept.reports.plots import Bar, Curve, bars, curves
from kept.reports.png import data_uri, is_picture
from kept.reports.words import commit, moment, number, seconds

# ---- markup


def test_text_and_attributes_are_escaped():
    """Nothing that a user's value holds becomes markup."""
    evil = "<script>alert('1')</script>&\"x"
    drawn = tag("p", evil, [evil, tag("b", "bold")], title=evil)
    assert "<script>" not in drawn
    assert drawn.count("&lt;script&gt;") == 3
    assert 'title="&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt;&amp;&quot;x"' in drawn
    assert "<b>bold</b>" in drawn


def test_what_html_cannot_hold_is_replaced():
    """Control characters and lone surrogates do not reach the file, so that it can be written as UTF-8."""
    drawn = tag("p", "a\x00b\x1b\ud800c\n\té")
    assert drawn == "<p>a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}c\n\té</p>"
    assert drawn.encode()


def test_attributes_may_be_left_out():
    """None and False are nothing, True is a bare name, underscores are hyphens."""
    assert tag("input", class_="a", data_v=0, hidden=None, open=False, checked=True) == (
        '<input class="a" data-v="0" checked>'
    )
    assert join(["a", None, Markup("<br>"), ["<", ["b"]]]) == "a<br>&lt;b"


# ---- the picture


def crossings(plan):
    """Count the crossings of straight lines between neighbouring columns."""
    segments = {(*one, *two) for _, _, points in plan.lines for one, two in pairwise(points)}
    return sum(a[0] == b[0] and (a[1] - b[1]) * (a[3] - b[3]) < 0 for a in segments for b in segments if a < b)


def test_boxes_stand_after_what_they_need():
    """Each box is in a column to the right of its inputs; a line bends in every column that it passes."""
    plan = layout({"a": [], "b": ["a"], "c": ["b", "a"]})
    assert [plan.boxes[name][0] for name in "abc"] == [0, 1, 2]
    assert plan.columns == 3
    points = {(start, end): points for start, end, points in plan.lines}
    assert [column for column, _ in points["a", "c"]] == [0, 1, 2]
    assert points["a", "c"][1][1] != plan.boxes["b"][1], "it does not run through b"


def test_two_variants_do_not_cross():
    """What belongs to one variant stands together."""
    plan = layout({"data": [], "m1": ["data"], "m2": ["data"], "a2": ["m2"], "p1": ["m1"], "p2": ["m2"], "a1": ["m1"]})
    assert crossings(plan) == 0


def test_a_chain_is_straight_and_nothing_is_nothing():
    """One row for a chain; an empty graph has no size."""
    chain = layout({str(n): [str(n - 1)] if n else [] for n in range(50)})
    assert (chain.columns, chain.rows) == (50, 1)
    assert (layout({}).columns, layout({}).boxes) == (0, {})


def test_what_needs_nothing_stands_beside_its_first_user():
    """A file that only the last stage reads is drawn there, not at the far left."""
    plan = layout({"a": [], "b": ["a"], "late": [], "c": ["b", "late"]})
    assert plan.boxes["late"][0] == plan.boxes["b"][0]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sets(st.integers(0, 11), max_size=4), min_size=1, max_size=12))
def test_boxes_never_overlap(needs):
    """Whatever the graph: boxes of a column lie a row apart, lines run to the right, from box to box."""
    upstream = {str(n): [str(u) for u in sorted(before) if u < n] for n, before in enumerate(needs)}
    plan = layout(upstream)
    by_column = {}
    for column, row in plan.boxes.values():
        by_column.setdefault(column, []).append(row)
    for rows in by_column.values():
        assert all(two - one > 0.999 for one, two in pairwise(sorted(rows)))
        assert min(rows) >= 0
        assert max(rows) <= plan.rows - 0.999
    assert {(start, end) for start, end, _ in plan.lines} == {(u, box) for box, us in upstream.items() for u in us}
    for start, end, points in plan.lines:
        assert (points[0], points[-1]) == (plan.boxes[start], plan.boxes[end])
        assert all(two[0] == one[0] + 1 for one, two in pairwise(points))


# ---- plots


def shares(drawn):
    return [float(share) for share in re.findall(r"--at:([\d.]+)%", drawn)]


def test_bars_begin_at_zero():
    """The length of a bar is its value."""
    drawn = bars("loss", [Bar("a", 1.0, "1"), Bar("b", 4.0, "4"), Bar("c", 0.0, "0")])
    assert shares(drawn) == [25, 100, 0]
    assert "axis" not in drawn


def test_values_that_are_close_are_dots_on_an_axis_that_says_so():
    """Two bars of 0.9149 and 0.9233 would look the same; an axis that is cut shows its ends."""
    drawn = bars("accuracy", [Bar("a", 0.9149, "0.9149"), Bar("b", 0.9233, "0.9233")])
    first, second = shares(drawn)
    assert second - first > 50
    assert "<span>0.914</span><span>0.924</span>" in drawn


@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=6))
def test_every_value_has_a_place_on_its_axis(values):
    """Negative, equal, tiny or huge: all lie between the ends."""
    found = re.findall(r"--at:([-\d.naif]+)%", bars("x", [Bar("", value, "") for value in values]))
    assert all(-0.01 <= float(share) <= 100.01 for share in found)


def test_curves_leave_gaps_where_there_is_no_number():
    """A diverged epoch is a gap, not a wrong line; a single point is still seen."""
    drawn = curves("loss", [Curve("a", [1.0, math.nan, 0.5, 0.25]), Curve("b", [0.75])])
    first, second = re.findall(r'class="curve c\d" d="(M[^"]+)"', drawn)[:2]
    assert first.count("M") == 2
    assert first.count("L") == 1
    assert second.endswith("h.1")
    assert "0.25 at last" in drawn


@given(st.lists(st.lists(st.floats(), min_size=1, max_size=9), min_size=1, max_size=3))
def test_any_numbers_make_curves(lists):
    """Infinity, NaN and constants are no reason to fail, and nothing that is not a number is drawn."""
    drawn = curves("x", [Curve(str(n), values) for n, values in enumerate(lists)])
    assert not any(word in path for path in re.findall(r' d="([^"]+)"', drawn) for word in ("nan", "inf"))


def test_long_curves_are_thinned():
    """A hundred thousand points are no more to the eye than some hundreds."""
    drawn = curves("loss", [Curve("a", [float(n % 7) for n in range(100_000)])])
    assert len(drawn) < 20_000


# ---- images


def pixels(uri):
    """Read back a PNG as data_uri writes it."""
    data = base64.b64decode(uri.partition(",")[2])
    width, height, depth, colour = struct.unpack(">IIBB", data[16:26])
    start = data.index(b"IDAT")
    (length,) = struct.unpack(">I", data[start - 4 : start])
    raw = np.frombuffer(zlib.decompress(data[start + 4 : start + 4 + length]), np.uint8)
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    assert depth == 8
    return raw.reshape(height, 1 + width * channels)[:, 1:].reshape(height, width, channels)


def test_a_picture_is_what_the_array_holds():
    """Bytes as they are, other numbers from black to white, colours too."""
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert np.array_equal(pixels(data_uri(grey))[:, :, 0], grey)
    assert np.array_equal(pixels(data_uri(grey / 11.0))[:, :, 0], np.rint(grey * (255 / 11)))
    colours = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)
    assert np.array_equal(pixels(data_uri(colours)), colours)
    assert pixels(data_uri(np.full((2, 2), np.nan))).max() == 0


def test_a_large_picture_becomes_a_thumbnail():
    """A report of a dozen photographs stays small."""
    assert max(pixels(data_uri(np.zeros((1000, 300), np.uint8))).shape) <= 96


@pytest.mark.parametrize(
    ("shape", "able"), [((28, 28), True), ((28, 28, 3), True), ((28, 28, 7), False), ((9,), False), ((0, 3), False)]
)
def test_what_can_be_shown_is_known_by_its_shape(shape, able):
    """Grey or colours; a row of numbers is no picture."""
    assert is_picture(shape) == able


# ---- mistakes


def test_mistakes_are_counted_by_pair():
    """Rows are what it is, columns what it was taken for."""
    counted = confusion(np.array([0, 0, 1, 1, 1, 2]), np.array([0, 1, 1, 0, 0, 2]))
    assert counted.classes == ("0", "1", "2")
    assert counted.counts.tolist() == [[1, 1, 0], [2, 1, 0], [0, 0, 1]]
    assert counted.wrong == 3
    assert counted.pairs() == [(1, 0), (0, 1)]
    assert counted.examples() == [3, 1, 4]


def test_classes_may_be_texts_and_may_be_missing_on_one_side():
    """A class that is never predicted, or never true, has its row and column."""
    counted = confusion(np.array(["cat", "dog"]), np.array(["cow", "dog"]))
    assert counted.classes == ("cat", "cow", "dog")
    assert counted.pairs() == [(0, 1)]


def test_examples_show_many_kinds_of_mistake():
    """One of each frequent pair comes before a second one of the most frequent."""
    labels = np.array([0] * 50 + [1, 2])
    counted = confusion(labels, np.array([9] * 50 + [2, 1]))
    assert counted.examples()[:3] == [0, 50, 51]
    assert len(counted.examples()) == 12


# ---- words


def test_numbers_are_written_for_people():
    """Short, with a unit."""
    assert [seconds(value) for value in (0.04, 9.96, 192.0, 7500.0)] == ["0.0 s", "10.0 s", "3 min 12 s", "2 h 5 min"]
    assert [number(value) for value in (0.91234567, 3, True, "x")] == ["0.9123", "3", "True", "x"]
    assert moment("2026-11-23T04:05:06+00:00") == "2026-11-23 04:05:06"
    assert [commit("0123456789"), commit("0123456789+"), commit("abc+"), commit("")] == [
        "01234567",
        "01234567+",
        "abc+",
        "",
    ]
