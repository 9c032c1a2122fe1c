"""Decorates functions."""

import functools


def rounded(places):
    def around(function):
        @functools.wraps(function)
        def call(*args, **kwargs):
            return function(*args, **kwargs).round(places)

        return call

    return around
