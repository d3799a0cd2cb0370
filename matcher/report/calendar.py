"""Months in Taiwan: half-open, ``[first day 00:00, next first day 00:00)``, UTC+8."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from matcher.errors import InputError
from matcher.vocabulary import Message
from matcher.workflow import TAIPEI


def next_month(first: date) -> date:
    """Give the first day of the month after."""
    return (first.replace(day=28) + timedelta(days=4)).replace(day=1)


def last_month(today: date) -> date:
    """Give the first day of the month before a day's."""
    return (today.replace(day=1) - timedelta(days=1)).replace(day=1)


def last_day(first: date) -> date:
    """Give the last day of a month."""
    return next_month(first) - timedelta(days=1)


def starts(first: date) -> datetime:
    """Give the instant a day begins in Taiwan."""
    return datetime.combine(first, time(), TAIPEI)


def taiwan_time(moment: datetime) -> Message:
    """Say an instant to the minute as it is in Taiwan, with the zone's name."""
    return Message("{time} (Taiwan time)", {"time": f"{moment.astimezone(TAIPEI):%Y-%m-%d %H:%M}"})


def check_month(first: date, now: datetime, draft: bool) -> None:
    """Refuse a month that has not begun, and one that is not over unless a draft is wanted."""
    if starts(first) > now:
        raise InputError("{month:%Y-%m} has not begun yet; there is nothing to report.",
                         month=first)
    if starts(next_month(first)) > now and not draft:
        raise InputError("{month:%Y-%m} is not over before {end}; give --draft for a report of "
                         "the month so far, which is neither kept nor mailed.",
                         month=first, end=next_month(first))
