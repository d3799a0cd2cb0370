"""A chart as SVG inside an HTML page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from markupsafe import Markup, escape

from matcher.report.files.plot import (
    COLOURS,
    DASHES,
    SIZE,
    WIDTH,
    Bar,
    Marker,
    Path,
    Picture,
    Rule,
    Text,
)


def to_svg(picture: Picture, title: str, spoken: str, name: str) -> Markup:
    """Draw a picture; ``title`` and ``spoken`` are for those who hear it, ``name`` its id."""
    parts = Markup("").join(_DRAWN[type(shape)](shape) for shape in picture.shapes)
    return Markup(
        '<svg viewBox="0 0 {w:g} {h:g}" width="{w:g}" height="{h:g}" role="img" '
        'aria-labelledby="{id}-t {id}-d" font-size="{size:g}"><title id="{id}-t">{title}</title>'
        '<desc id="{id}-d">{spoken}</desc>{parts}</svg>').format(
            w=WIDTH, h=round(picture.height, 1), id=name, size=SIZE, title=title, spoken=spoken,
            parts=parts)


def _text(shape: Text) -> Markup:
    colour = "currentColor" if shape.series is None else COLOURS[shape.series]
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}" fill="{}">{}</text>').format(
        shape.x, shape.y, shape.anchor, colour, escape(shape.text))


def _bar(shape: Bar) -> Markup:
    return Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="{}"/>').format(
        shape.x, shape.y, shape.width, shape.height, COLOURS[shape.series])


def _path(shape: Path) -> Markup:
    dash = DASHES[shape.series]
    return Markup('<polyline points="{}" fill="none" stroke="{}" stroke-width="2"{}/>').format(
        " ".join(f"{x:.1f},{y:.1f}" for x, y in shape.points), COLOURS[shape.series],
        Markup(' stroke-dasharray="{:g} {:g}"').format(*dash) if dash else "")


def _marker(shape: Marker) -> Markup:
    return Markup('<path d="{}" transform="translate({:.1f} {:.1f})" fill="{}"/>').format(
        _MARKS[shape.series % 4], shape.x, shape.y, COLOURS[shape.series])


def _rule(shape: Rule) -> Markup:
    return Markup('<path d="M{:.1f} {:.1f}L{:.1f} {:.1f}" class="{}"/>').format(
        shape.x1, shape.y1, shape.x2, shape.y2, "zero" if shape.strong else "tick")


_MARKS = ("M-4 0A4 4 0 1 0 4 0A4 4 0 1 0-4 0Z", "M-4-4H4V4H-4Z", "M0-5.5L5.5 0L0 5.5L-5.5 0Z",
          "M0-5L5 4H-5Z")
_DRAWN: Mapping[type, Callable[[Any], Markup]] = {
    Text: _text, Bar: _bar, Path: _path, Marker: _marker, Rule: _rule}
