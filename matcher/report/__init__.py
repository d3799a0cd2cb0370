"""The monthly match report of a centre.

calendar        months in Taiwan
facts, gather   what a report is made of: read at one instant, matched, kept
causes, differences   what became of last month's matches, and why
month, sections SECTIONS: one function a section, from a month to sentences, tables, charts
model, wording  what a report says, and its words and numbers in a language
files           FORMATS: HTML, PDF, XLSX, CSV, JSON from a report
job             claimed, gathered, written, mailed; each step once
"""
