"""Analytics over needs and offers: teams that cover a need, bundles of what a start-up lacks."""

from matcher.insight.bundles import Bundle, Facet, form_bundles
from matcher.insight.teams import Team, aspect_coverage, form_team

__all__ = ["Bundle", "Facet", "Team", "aspect_coverage", "form_bundles", "form_team"]
