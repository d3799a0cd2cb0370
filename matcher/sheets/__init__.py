"""The decision workbook: match lists as XLSX, whose decisions come back by id.

One row a match. Grey cells say which match a row is and, as its stamp, how the decision stood when
the sheet was made; white ones are typed in. A row counts as edited where its decision differs from
the stamp, so what others decided about a row nobody touched is left alone; an edited row that no
longer stands as its stamp says is a conflict. All or nothing: one row that does not fit, and
nothing is changed. Text cells of XLSX are never run as formulas; what was typed stays as typed.
"""

from matcher.sheets.export import to_decision_sheet
from matcher.sheets.reading import ReadSheet, SheetChange, apply_sheet, read_decision_sheet

__all__ = ["ReadSheet", "SheetChange", "apply_sheet", "read_decision_sheet", "to_decision_sheet"]
