"""`kept graph` draws the stages and what they hand on."""

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from kept.verbs.picture import Arrow, Box, svg

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def built(project):
    """Give a project in which `nearest` is built, then changed."""
    assert project.doit("nearest").code == 0
    project.edit("dodo.py", "shrink=0.1", "shrink=0.2")
    return project


def drawn(project, *arguments):
    run = project.kept("graph", *arguments)
    assert (run.code, run.ran, run.err) == (0, [], ""), run
    return run.out


def test_text_names_what_each_stage_takes(built):
    """A line a stage, in an order in which they can be built; what is stale says so."""
    assert drawn(built, "nearest").splitlines() == [
        "-- points:rows  ← data/points.csv",
        "-- points:scaled  ← points:rows.(X_train, X_test)",
        ".  nearest:model  (would be built)  ← points:scaled.train, points:rows.y_train",
        ".  nearest:accuracy  (would be built if what comes first changes)  ← nearest:model, points:scaled.test,"
        " points:rows.y_test",
    ]


def test_a_stage_comes_with_all_that_it_needs_and_no_more(built):
    """So that a part of a large project can be looked at."""
    assert [line.split()[1] for line in drawn(built, "points:scaled").splitlines()] == ["points:rows", "points:scaled"]
    assert len(drawn(built).splitlines()) == 6


def test_mermaid(built):
    """Every file and stage once, every hand-over once, what is stale of its own class."""
    lines = drawn(built, "--format", "mermaid").splitlines()
    assert lines[0] == "graph LR"
    names = dict(re.findall(r"^  (n\d+)\[/?\"([^\"<]*)", "\n".join(lines), re.MULTILINE))
    assert sorted(names.values()) == sorted(
        ["data/points.csv", "points:rows", "points:scaled"]
        + [f"{v}:{s}" for v in ("nearest", "majority") for s in ("model", "accuracy")]
    )
    edges = {
        (names[a], label, names[b])
        for a, label, b in re.findall(r"^  (n\d+) -->(?:\|\"(.*?)\"\|)? (n\d+)$", "\n".join(lines), re.MULTILINE)
    }
    assert ("points:rows", "X_train, X_test", "points:scaled") in edges
    assert ("nearest:model", "", "nearest:accuracy") in edges
    assert len(edges) == 12
    stale = [line for line in lines if line.endswith(":::stale")]
    assert len(stale) == 4
    assert not any("points:" in line for line in stale)


def test_dot(built):
    """Balanced, quoted, the same stages and edges."""
    text = drawn(built, "--format", "dot")
    assert text.startswith("digraph kept {")
    assert text.rstrip().endswith("}")
    assert text.count("->") == 12
    assert 'label="nearest:model\\nwould be built", style=dashed' in text


def test_svg_is_a_picture_by_itself(built):
    """Well-formed, without scripts or anything from elsewhere; a box for each file and stage, an arrow a hand-over."""
    out = built.kept("graph", "--format", "svg", "--out", "graph.svg", cwd=built.root)
    assert (out.code, out.out) == (0, "")
    root = ET.fromstring(built.read("graph.svg"))
    assert next(root.iter(f"{SVG}text")).text == "data/points.csv"
    assert len(list(root.iter(f"{SVG}rect"))) == 7
    assert len([p for p in root.iter(f"{SVG}path") if p.get("class") == "arrow"]) == 12
    assert {g.get("class") for g in root.iter(f"{SVG}g")} == {"file", "stage", "stale"}
    text = built.read("graph.svg").replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "http" not in text
    assert "<script" not in text


def test_the_suffix_of_the_file_chooses_the_picture(built):
    """--format has the last word; a suffix that nobody draws for is refused before anything is written."""
    drawn = {"g.svg": "<svg", "g.MMD": "graph LR", "g.dot": "digraph", "g.txt": "-- ", "g": "-- "}
    for name, begins in drawn.items():
        assert built.kept("graph", "--out", name, cwd=built.root).code == 0
        assert built.read(name).startswith(begins), name
    assert built.kept("graph", "--format", "mermaid", "--out", "g.md", cwd=built.root).code == 0
    assert built.read("g.md").startswith("graph LR")
    run = built.kept("graph", "--out", "g.png", cwd=built.root)
    assert run.code == 3
    assert "there is no picture with the suffix '.png'" in run.err
    assert ".svg" in run.err
    assert not built.path("g.png").exists()


def boxes_of(text):
    """Read the boxes of a picture: (left, top, right, bottom)."""
    rects = ET.fromstring(text).iter(f"{SVG}rect")
    sides = [[float(rect.get(name)) for name in ("x", "y", "width", "height")] for rect in rects]
    return [(x, y, x + width, y + height) for x, y, width, height in sides]


@pytest.mark.parametrize("shape", ["chain", "fan", "ladder", "alone", "empty"])
def test_no_box_lies_over_another_or_outside(shape):
    """Whatever the graph looks like."""
    names = [f"p:s{n}" for n in range(12)]
    arrows = {
        "chain": list(pairwise(names)),
        "fan": [(names[0], n) for n in names[1:-1]] + [(n, names[-1]) for n in names[1:-1]],
        "ladder": [(a, b) for i, a in enumerate(names) for b in names[i + 1 :: 3]],
        "alone": [],
        "empty": [],
    }[shape]
    boxes = [
        Box(n, (n, "would be built")[: 1 + i % 2], "stage") for i, n in enumerate([] if shape == "empty" else names)
    ]
    text = svg(boxes, [Arrow(a, b, "") for a, b in arrows], "a <title> & more")
    width, height = map(float, ET.fromstring(text).get("viewBox").split()[2:])
    found = boxes_of(text)
    assert len(found) == len(boxes)
    for i, (left, top, right, bottom) in enumerate(found):
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        for other in found[i + 1 :]:
            assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top


def test_arrows_point_to_the_right():
    """Each box stands right of all that it takes from."""
    names = [f"s{n}" for n in range(9)]
    arrows = [(a, b) for i, a in enumerate(names) for b in names[i + 2 :: 2]]
    boxes = dict(
        zip(
            names,
            boxes_of(svg([Box(n, (n,), "stage") for n in names], [Arrow(a, b, "") for a, b in arrows], "")),
            strict=True,
        )
    )
    assert all(boxes[a][2] < boxes[b][0] for a, b in arrows)


def test_odd_names_break_no_language(project):
    """A file with quotes, angle brackets and spaces in its name."""
    odd = "data/po\"in<t>s & 'more'.csv"
    project.write(odd, project.read("data/points.csv"))
    project.edit("dodo.py", 'Path("data/points.csv")', f"Path({odd!r})")
    assert 'po\\"in<t>s' in drawn(project, "points", "--format", "dot")
    assert "#quot;in&lt;t&gt;s &amp; 'more'" in drawn(project, "points", "--format", "mermaid")
    texts = [t.text for t in ET.fromstring(drawn(project, "points", "--format", "svg")).iter(f"{SVG}text")]
    assert odd in texts
