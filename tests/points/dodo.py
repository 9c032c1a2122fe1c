"""Points in the plane, classified by two models."""

from pathlib import Path

from recipes import majority, nearest
from recipes.reading import read_points
from recipes.scaling import normalise
from recipes.settings import Training

from kept import Pipeline, report, stage, swap


class Points(Pipeline):
    """Points, read and scaled."""

    rows = stage(read_points, Path("data/points.csv"))
    scaled = stage(normalise, rows.X_train, rows.X_test)


class Nearest(Points):
    """The nearest centroid decides."""

    model = stage(nearest.train, Points.scaled.train, Points.rows.y_train, training=Training(shrink=0.1))
    accuracy = stage(nearest.evaluate, model, Points.scaled.test, Points.rows.y_test)


class Majority(Nearest):
    """The most frequent label decides."""

    model = swap(Nearest.model, majority.train)


task_report = report(Nearest, Majority)
