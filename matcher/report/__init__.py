"""The monthly match report of a centre.

calendar        months in Taiwan
facts, gather   what a report is made of: read at one instant, matched, kept
quarantine      going on without records that cannot be used; market: both sides' measures
causes, differences   what became of last month's matches, and why
month, sections SECTIONS: one function a section, from a month to sentences, tables, charts
model, wording  what a report says, to the office and to readers, in a language
files           FORMATS: HTML, PDF, XLSX, CSV, JSON from a report
job             claimed, gathered, made; each step once
subscriptions   who gets it; delivery: files, mails, alerts; reading: who may read which
batch           several centres' reports, one after the other
"""
