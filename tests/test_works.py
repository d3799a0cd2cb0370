from __future__ import annotations

import io
import json
import zipfile
import zlib

import pytest
from click.testing import CliRunner
from conftest import EVIDENCE, OFFERS, PARTIES
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.cli.base import Commands
from matcher.cli.works import works as command
from matcher.errors import FileFormatError, InputError, MatcherError
from matcher.intake.works import (
    WORK_FORMATS,
    Proposal,
    choose,
    evidence_id_of,
    evidence_of,
    mark_known,
    merge,
    pages,
    pdf,
    read_works,
    to_evidence,
    with_known,
)
from matcher.intake.works.latex import decode_latex
from matcher.intake.works.lists import heading_kind
from matcher.intake.works.proposal import find_doi, find_year, fold_title, tidy
from matcher.intake.works.references import item_year, split_reference
from matcher.languages import render
from matcher.store import open_store
from matcher.vocabulary import EVIDENCE_KINDS, Evidence

# ---- files, small enough to see --------------------------------------------------------------

BIB = r"""
@article{chen2021, title = {Thermal error of {Z}-axis spindles}, year = 2021,
  author = {Chen, Yi-Hui and Garc{\'\i}a, Jos{\'e}}, doi = {10.1000/ABC.1},
  abstract = {Residual below 6 {\textmu}m.}}
@patent{cooler, title = {主軸冷卻裝置}, year = {2020}, author = {王小明}}
"""
RIS = """TY  - JOUR
AU  - Chen, Yi-Hui
AU  - García, José
TI  - Thermal error of Z-axis spindles
PY  - 2021/03/01/
AB  - Residual below 6 µm.
DO  - https://doi.org/10.1000/ABC.1
ER  -
TY  - PAT
A1  - 王, 小明
T1  - 主軸冷卻裝置
Y1  - 2020
ER  -
"""
ENDNOTE = """%0 Journal Article
%A Chen, Yi-Hui
%A García, José
%T Thermal error of Z-axis spindles
%D 2021
%X Residual below 6 µm.
%R 10.1000/ABC.1

%0 Patent
%A 王小明
%T 主軸冷卻裝置
%D 2020
"""
CSL = [
    {"id": "chen2021", "type": "article-journal", "title": "Thermal error of Z-axis spindles",
     "issued": {"date-parts": [[2021, 3]]}, "DOI": "10.1000/abc.1",
     "abstract": "<jats:p>Residual below 6 µm.</jats:p>",
     "author": [{"family": "Chen", "given": "Yi-Hui"}, {"family": "García", "given": "José"}]},
    {"type": "patent", "title": "主軸冷卻裝置", "issued": {"literal": "2020"},
     "author": [{"family": "王", "given": "小明"}]},
]


def orcid_work(title, year, kind="journal-article", doi=None, relation="self", **more):
    ids = [{"external-id-type": "doi", "external-id-value": doi,
            "external-id-relationship": relation}] if doi else []
    return {"put-code": 7, "title": {"title": {"value": title}, "subtitle": None}, "type": kind,
            "publication-date": {"year": {"value": str(year)}},
            "external-ids": {"external-id": ids}, **more}


def contributors(*names):
    return {"contributor": [{"credit-name": {"value": name}} for name in names]}


ORCID = {"group": [
    {"work-summary": [orcid_work(
        "Thermal error of Z-axis spindles", 2021, doi="10.1000/ABC.1",
        contributors=contributors("Yi-Hui Chen", "José García"),
        **{"short-description": "Residual below 6 µm."})]},
    {"work-summary": [orcid_work("主軸冷卻裝置", 2020, "patent",
                                 contributors=contributors("王小明"))]},
]}
LIST = """一、期刊論文
1. Chen, Y.-H., & García, J. (2021). Thermal error of Z-axis spindles. Int. J. Heat, 45(12),
   60. https://doi.org/10.1000/abc.1
二、專利
1. 王小明，〈主軸冷卻裝置〉，中華民國專利 I712345，2020。
"""
NAMESPACE = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def paragraph(text, listed=False, properties="", tag="t"):
    number = "<w:pPr><w:numPr><w:numId w:val='1'/></w:numPr></w:pPr>" if listed else ""
    text = text.replace("&", "&amp;")
    return (f"<w:p>{number}<w:r><w:rPr>{properties}</w:rPr><w:{tag} xml:space='preserve'>{text}"
            f"</w:{tag}></w:r></w:p>")


def table(*rows):
    cells = ("".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row) for row in rows)
    return "<w:tbl>" + "".join(f"<w:tr>{row}</w:tr>" for row in cells) + "</w:tbl>"


def docx(*body, head="", **parts):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", f"{head}<w:document xmlns:w='{NAMESPACE}'><w:body>"
                         f"{''.join(body)}</w:body></w:document>")
        for name, part in parts.items():
            archive.writestr(name, part)
    return content.getvalue()


def numbered(objects):
    """A PDF of these objects (the first is the catalogue) with its table of places."""
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table_at = len(out)
    rows = b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + (b"xref\n0 %d\n0000000000 65535 f \n%strailer << /Size %d /Root 1 0 R >>\n"
                  b"startxref\n%d\n%%%%EOF" % (len(objects) + 1, rows, len(objects) + 1, table_at))


def stream(content, extra=b""):
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (extra, len(content), content)


def pdf_of(*page_lines, page_filter=b""):
    """A PDF with a font that maps each character code to the character of that number."""
    first, count = 5, len(page_lines)
    kids = b" ".join(b"%d 0 R" % (first + 2 * n) for n in range(count))
    unicode_map = (b"1 begincodespacerange <0000> <FFFF> endcodespacerange "
                   b"1 beginbfrange <0000> <FFFF> <0000> endbfrange")
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>",
               b"<< /Type /Pages /Count %d /Kids [%s] >>" % (count, kids),
               b"<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /Identity-H /ToUnicode 4 0 R "
               b"/DescendantFonts [<< /Type /Font /Subtype /CIDFontType2 /BaseFont /X >>] >>",
               stream(unicode_map)]
    for number, lines in enumerate(page_lines):
        text = lines if isinstance(lines, bytes) else b"BT /F1 11 Tf 14 TL 50 800 Td " + b"".join(
            b"<%s> Tj T* " % line.encode("utf-16-be").hex().encode() for line in lines) + b"ET"
        objects.append(b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R "
                       b"/Resources << /Font << /F1 3 0 R >> >> >>" % (first + 2 * number + 1))
        objects.append(stream(text, page_filter))
    return numbered(objects)


def encrypted(content, password):
    from pypdf import PdfReader, PdfWriter

    writer, out = PdfWriter(clone_from=PdfReader(io.BytesIO(content))), io.BytesIO()
    writer.encrypt(password, owner_password="owner", algorithm="RC4-128")
    writer.write(out)
    return out.getvalue()


SAME = {
    "BibTeX": (BIB.encode(), "a.bib"), "RIS": (RIS.encode(), "a.ris"),
    "EndNote": (ENDNOTE.encode(), "a.enw"), "CSL-JSON": (json.dumps(CSL).encode(), "a.json"),
    "ORCID": (json.dumps(ORCID).encode(), "a.json"), "TXT": (LIST.encode(), "a.txt"),
    "DOCX": (docx(*(paragraph(line) for line in LIST.replace("\n   ", " ").split("\n"))), "a.docx"),
    "PDF": (pdf_of(LIST.split("\n")), "a.pdf"),
}


def titles(found):
    return [p.title for p in found.proposals]


def words(found):
    return [(e.row, e.column, render(e.wanted, "en"), e.fatal) for e in found.errors]


def text_of(problem):
    return render(problem.value.message, "en")


# ---- the formats -----------------------------------------------------------------------------


@pytest.mark.parametrize("row", WORK_FORMATS, ids=lambda row: row.name)
def test_the_same_two_works_in_every_format_are_the_same_proposals(row):
    found = read_works(*SAME[row.name])
    assert (found.format, found.place, found.errors) == (row.name, row.place, ())
    article, patent = found.proposals
    assert (article.title, article.year, article.kind, article.doi, article.lang) == (
        "Thermal error of Z-axis spindles", 2021, "publication", "10.1000/abc.1", "en")
    assert (patent.title, patent.year, patent.kind, patent.doi, patent.lang) == (
        "主軸冷卻裝置", 2020, "patent", None, "zh")
    assert article.source == row.name
    if row.name not in ("TXT", "DOCX", "PDF"):
        assert article.text == "Residual below 6 µm."
        assert (article.authors, patent.authors) == (("Yi-Hui Chen", "José García"), ("王小明",))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be",
                                      "cp950"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_text_is_read_in_the_encodings_people_have(encoding, ending):
    text = LIST.replace("García", "Lee").replace("\n", ending)
    assert titles(read_works(text.encode(encoding), "清單.txt")) == [
        "Thermal error of Z-axis spindles", "主軸冷卻裝置"]


@pytest.mark.parametrize("name", sorted(SAME))
@pytest.mark.parametrize("disguise", ["a.txt", "a.bib", "../../etc/passwd", "", "x\0.pdf", "a" * 400])
def test_the_content_decides_whatever_the_name_says(name, disguise):
    if name == "TXT" and disguise not in ("a.txt", ""):
        disguise = "../../secret.txt"
    assert read_works(SAME[name][0], disguise).format == name


@pytest.mark.parametrize(("content", "name", "sentence"), [
    (b"", "a.bib", "The file is empty."),
    (b" \r\n\t", "a.txt", "The file is empty."),
    (b"\x89PNG\r\n\x1a\n\0\0", "a.png", "This kind of file is not known. Accepted are: PDF (.pdf), "
     "DOCX (.docx), ORCID (.json), CSL-JSON (.json), BibTeX (.bib), RIS (.ris), EndNote (.enw), "
     "TXT (.txt .md)."),
    (b"\xff\x80\xfa\xff", "a.xyz", "This kind of file is not known."),
    (b"line one\n\xff\x80\xfa\xff", "a.txt", "neither UTF-8, UTF-16 nor Big5 (cp950): line 2"),
    (b"hello", "a.bib", "The file's ending says BibTeX, but its content is damaged"),
    (b"PK\x03\x04 cut", "a.docx", "The file's ending says DOCX, but its content is damaged"),
    (b"hello", "a.json", "The file's ending says ORCID / CSL-JSON"),
    (b'["a", "b"]', "a.txt", "The file's ending says TXT, but its content"),
    (b"\xd0\xcf\x11\xe0 old", "a.doc", "This is an old .doc or an encrypted document."),
    (b"<!DOCTYPE html><p>", "a.bib", "This is a web page"),
    (b"a,b", "a.csv", "A table is read by `matcher import evidence`"),
    (b'{"group": [}', "a.json", "The JSON is broken in line 1, column 12."),
    (b'[{"title": "a", "title": "b"}]', "a.json", "The JSON holds a key twice"),
    (b'[{"title": NaN}]', "a.json", "The JSON holds a key twice, or a number or nesting"),
    (b'{"a":' * 90_000, "a.json", "The JSON holds a key twice, or a number or nesting"),
    (b'[{"title": "a", "id": ' + b"9" * 5000 + b"}]", "a.json", "The JSON holds a key twice"),
    (b"An essay without any list.", "a.txt", "No work was found in this TXT file."),
    (b"\n".join([b"1. a"] * 50_002), "a.txt", "The list has 50001 lines; at most 50000 are read."),
    (b"x" * 10_000_001, "a.bib", "The file has 11 MB; at most 10 MB are read."),
    (b"@a{\n" * 20_001, "a.bib", "The file has more than 20000 faulty entries."),
    (b"@misc{a, title={T}}\n" * 2001, "a.bib", "The file tells of more than 2000 works."),
])
def test_a_file_that_cannot_be_read_is_refused_in_words(content, name, sentence):
    with pytest.raises(FileFormatError) as problem:
        read_works(content, name)
    assert sentence in text_of(problem)
    assert render(problem.value.message, "zh")


@given(st.text(max_size=300), st.sampled_from(("", "a.txt", "a.bib", "a.ris", "a.json")),
       st.sampled_from(("", "@a{", "TY  - ", "%0 ", "1. ", '{"group":[', '[{"title":"', "[1]")))
@settings(max_examples=150, deadline=None)
def test_no_text_makes_a_reader_fail_otherwise_than_in_words(text, name, start):
    try:
        found = read_works((start + text).encode("utf-8", "surrogatepass"), name)
    except MatcherError:
        return
    for proposal in found.proposals:
        assert proposal.title == tidy(proposal.title) != ""
        assert proposal.kind in EVIDENCE_KINDS
        assert to_evidence(proposal, "O1", "W").full_text.encode("utf-8")


# ---- BibTeX and LaTeX ------------------------------------------------------------------------


@pytest.mark.parametrize(("written", "meant"), [
    (r"{\"o} \'e \`{a} \^{o} \~n \={a} \.z", "ö é à ô ñ ā ż"),
    (r"\v{C}ech \c{c} \H{o} \k{a} \u g \r{u} \d{a} \b{d}", "Čech ç ő ą ğ ů ạ ḏ"),
    (r"\'{\i} \'\i \"{\i} {\i}", "í í ï ı"),
    (r"Nguy\~{\^e}n \'{\^e} {\DJ}", "Nguyễn ế Đ"),
    (r"\o sl{\aa} \ss {\AE} \L{}odz", "øslå ßÆ Łodz"),
    (r"$\alpha$-Al$_2$O$_3$, 10$^{-3}$, 25$^{\circ}$C", "α-Al₂O₃, 10⁻³, 25°C"),
    (r"$\Delta T \leq \varepsilon$", "ΔT ≤ε"),
    (r"CO\textsubscript{2} at 6~{\textmu}m", "CO₂ at 6 µm"),
    (r"\emph{in vivo} {GaN} \textbf{x}", "in vivo GaN x"),
    (r"50\% \& \$5 \#1 a\_b \{x\}", "50% & $5 #1 a_b {x}"),
    ("pages 1--9 --- ``quoted''", "pages 1–9 — “quoted”"),
    (r"a\input{/etc/passwd}b\include{x}c\write18{rm}", "abc18rm"),
    ("溫室 a - b", "溫室 a - b"),
])
def test_latex_becomes_what_a_person_reads(written, meant):
    assert decode_latex(written) == meant


def test_bibtex_joins_strings_months_and_concatenations():
    found = read_works(b"""@string{ieee = "IEEE Trans."} @STRING{both = ieee # { on X}}
        @article(k1, title = "A " # both # " B", journal = IEEE # " C", year = 2 # 0 # 20)
        @article{k2, title = both, month = jan, year = "1999"}""", "a.bib")
    first, second = found.proposals
    assert (first.title, first.venue, first.year) == ("A IEEE Trans. on X B", "IEEE Trans. C", 2020)
    assert (second.title, second.year, second.key) == ("IEEE Trans. on X", 1999, "k2")


def test_authors_are_written_in_reading_order_and_bodies_stay_whole():
    found = read_works(r"""@misc{a, title={T}, author={Chen, Yi-Hui and {Institute of Heat, Taiwan}
        and Knuth, Jr, Donald and 王小明 and Jos{\'e} Garc{\'\i}a}}""".encode(), "a.bib")
    assert found.proposals[0].authors == (
        "Yi-Hui Chen", "Institute of Heat, Taiwan", "Donald Knuth", "王小明", "José García")


def test_strings_that_double_each_other_stay_small():
    doubling = "".join(f"@string{{s{n} = s{n - 1} # s{n - 1}}}\n" for n in range(1, 60))
    found = read_works(f"@string{{s0={{ab}}}}\n{doubling}@misc{{k, title=s59, year=2020}}".encode(),
                       "a.bib")
    assert len(found.proposals[0].title) == 500
    assert words(found) == [(61, "title", "wanted at most 500 characters; the rest was cut", False)]


def test_crossref_gives_an_entry_what_it_lacks_and_the_volume_is_no_work():
    found = read_works(b"""@inproceedings{a, title={Paper}, crossref={vol}}
        @inproceedings{self, title={Self}, crossref={self}}
        @inproceedings{lost, title={Lost}, crossref={nowhere}, year=2018}
        @proceedings{vol, title={Proc. of X}, year=2019, doi={10.1000/vol}}""", "a.bib")
    assert [(p.title, p.year, p.venue, p.doi) for p in found.proposals] == [
        ("Paper", 2019, "Proc. of X", None), ("Self", None, "", None), ("Lost", 2018, "", None)]


BROKEN = r"""% a comment with an @ sign
@article{open, title={Never {closed}, year=2020}

@article{good, title={Kept}, year=2021}
@article{quote, title="never closed, year=2020}
@article{nocomma, title={A}
  year = 2020}
@misc{, title={No key}, year=2001}
@misc{title={Neither}, year=2001}
@misc{untitled, year=2002}
@misc{good, title={Twice}, year={in press}}
@misc{novalue, title=, year=2000}
@misc{}
@comment{ignored @misc{x, title={hidden}} }
@comment{never closed
@misc{last, title={Last}, year=1850}
"""


def test_broken_entries_are_all_told_by_line_and_the_others_kept():
    found = read_works(BROKEN.encode(), "a.bib")
    assert titles(found) == ["Kept", "A", "No key", "Neither", "Twice", "Last"]
    assert words(found) == [
        (2, "open", "this entry is never closed, or a field lacks its name or “=”; it was left out",
         True),
        (5, "quote", 'a quotation mark " of this entry is never closed; it was left out', True),
        (7, "title", "a comma is missing behind this field", False),
        (8, "misc", "this entry has no key", False),
        (9, "misc", "this entry has no key", False),
        (10, "title", "this work has no title; it was left out", True),
        (11, "key", "this key also stands in line 4; both were kept", False),
        (11, "year", "this is no year from 1900 to 2100; it was left out", False),
        (12, "novalue", "a field of this entry has no value; it was left out", True),
        (13, "misc", "this entry has no key and no fields; it was left out", True),
        (16, "year", "this is no year from 1900 to 2100; it was left out", False),
    ]


def test_a_value_of_very_many_parts_is_left_out():
    found = read_works(b"@a{k, title=" + b"a#" * 1000 + b"a}", "a.bib")
    assert words(found) == [
        (1, "k", "a field of this entry joins more than 1000 parts; it was left out", True)]


def test_a_curly_bracket_that_never_closes_is_told_without_breaking_the_sentence():
    found = read_works(b"@a{k, title={x\n", "a.bib")
    assert words(found) == [
        (1, "k", "a curly bracket of this entry is never closed; it was left out", True)]
    assert "{" not in found.errors[0].wanted.id


def test_of_very_many_problems_the_first_are_told_and_the_works_kept():
    found = read_works(b"@a{\n" * 5000 + b"@a{k, title={Kept}}", "a.bib")
    assert (len(found.errors), titles(found)) == (201, ["Kept"])
    assert words(found)[-1][2:] == ("from here on are 4800 more problems", True)


# ---- RIS, EndNote, JSON ----------------------------------------------------------------------


@pytest.mark.parametrize(("text", "expected"), [
    ("TY - JOUR\nT1 - One\nY1 - 2020//\nER -", ("One", 2020, "publication", "", None)),
    ("TY  - JOUR\nTI  - Long title\n  goes on\nN2  - Abs\nPY  - 2019\nJF  - J. X\nER  - ",
     ("Long title goes on", 2019, "publication", "Abs", None)),
    ("TY  - BOOK\nBT  - A book\nDA  - 2018/05/01\nUR  - https://doi.org/10.1234/X.y\nER  - ",
     ("A book", 2018, "publication", "", "10.1234/x.y")),
    ("TY  - GRANT\nTI  - 溫室計畫\nPY  - 民國112年\n", ("溫室計畫", 2023, "project", "", None)),
    ("TY  - JOUR\nTI  - Never ended\nTY  - JOUR\nTI  - Never ended either\n",
     ("Never ended", None, "publication", "", None)),
    ("﻿TY  - JOUR\nTI  - Marked &amp; <i>E. coli</i>\nER  - \n",
     ("Marked & E. coli", None, "publication", "", None)),
])
def test_ris_in_its_variants(text, expected):
    p = read_works(text.encode(), "a.ris").proposals[0]
    assert (p.title, p.year, p.kind, p.text, p.doi) == expected


def test_ris_records_without_title_or_type_are_told_by_line():
    found = read_works(b"AU  - Early, A.\nTI  - Before\nTY  - JOUR\nAU  - No, T.\nER  - \n", "a.ris")
    assert titles(found) == ["Before"]
    assert words(found) == [
        (1, "TY", "this record does not begin with its type (TY or %0)", False),
        (3, "title", "this work has no title; it was left out", True)]


def test_an_orcid_chapter_does_not_take_the_doi_of_its_book():
    group = {"group": [{"work-summary": [orcid_work("Chapter", 2020, "book-chapter", "10.1000/book",
                                                    "part-of")]}]}
    assert read_works(json.dumps(group).encode(), "works.json").proposals[0].doi is None


def test_a_full_orcid_record_gives_works_and_fundings_also_without_abstracts():
    funding = {"title": {"title": {"value": "Greenhouse grant"}}, "type": "grant",
               "start-date": {"year": {"value": "2022"}}, "organization": {"name": "NSTC"}}
    thin = orcid_work("Thin", 2019)
    full = orcid_work("Preferred", 2019, "JOURNAL_ARTICLE", **{
        "display-index": "1", "journal-title": {"value": "J. X"}})
    record = {"orcid-identifier": {"path": "0000"}, "activities-summary": {
        "works": {"group": [{"work-summary": [thin, full]}, {"work-summary": "odd"}, None]},
        "fundings": {"group": [{"funding-summary": [funding]}]}}}
    found = read_works(json.dumps(record).encode(), "record.json")
    assert [(p.title, p.kind, p.year, p.venue, p.text) for p in found.proposals] == [
        ("Preferred", "publication", 2019, "J. X", ""),
        ("Greenhouse grant", "project", 2022, "NSTC", "")]
    assert words(found) == [(2, "title", "this work has no title; it was left out", True),
                            (3, "item", "wanted an object with a title; it was left out", True)]


@pytest.mark.parametrize("wrap", [lambda w: w, lambda w: {"bulk": [{"work": w}]},
                                  lambda w: {"works": {"group": [{"work-summary": [w]}]}}])
def test_orcid_works_alone_in_bulk_and_under_works_are_read(wrap):
    work = orcid_work("Alone", 2020, **{"short-description": "Abs"})
    p = read_works(json.dumps({"orcid-identifier": {}, **wrap(work)}).encode(), "a").proposals[0]
    assert (p.title, p.text, p.key) == ("Alone", "Abs", "7")


@pytest.mark.parametrize(("item", "expected"), [
    ({"title": ["Crossref list"], "type": "x", "container-title": ["J"]},
     ("Crossref list", None, "J")),
    ({"title": "Raw", "issued": {"raw": "2020-05"}, "publisher": "P"}, ("Raw", 2020, "P")),
    ({"title": "Odd", "type": {}, "issued": {"date-parts": [[]]}, "author": "x"}, ("Odd", None, "")),
    ({"title": "Text year", "type": "", "issued": {"date-parts": [["2020"]]}},
     ("Text year", 2020, "")),
    ({"title": "a\ud800b\u202ec\u0007", "type": "x"}, ("abc", None, "")),
])
def test_csl_json_as_other_programs_write_it(item, expected):
    p = read_works(json.dumps({"items": [item]}).encode(), "a.json").proposals[0]
    assert (p.title, p.year, p.venue) == expected


def test_csl_items_that_are_none_are_told_by_number():
    found = read_works(json.dumps([CSL[0], 5, {"type": "x"}]).encode(), "a.json")
    assert [(e.row, e.column, e.found) for e in found.errors] == [(2, "item", "5"), (3, "title", "")]


# ---- lists, DOCX, PDF ------------------------------------------------------------------------


@pytest.mark.parametrize(("reference", "title", "year"), [
    ("Chen, Y., & Lee, K. (2021). Thermal error of spindles: a study. J. Heat, 45(12), 60.",
     "Thermal error of spindles: a study", "2021"),
    ("Y. Chen and B. Lee, “Deep spindle models,” IEEE Trans., vol. 3, pp. 1999–2010, 2022.",
     "Deep spindle models", "2022"),
    ("Chen Y, Lee K. Oral vaccine capsules in piglets. Vaccine. 2019;37(2):1-9.",
     "Oral vaccine capsules in piglets", "2019"),
    ("Lee, K. (2020, May 3). Is it hot? Proc. X. doi:10.1000/2018.1", "Is it hot?", "2020"),
    ("王小明、李大華 (2020)，五軸主軸熱誤差補償，機械工程學刊，12(3)，45-67。", "五軸主軸熱誤差補償", "2020"),
    ("王小明（113）。溫室降溫之研究。農業學報，5(2)。", "溫室降溫之研究", "民國113年"),
    ("林志明，〈溫室降溫控制〉，《農業工程學報》，民國 112 年。", "溫室降溫控制", "民國112年"),
    ("林志明、王小明，溫室降溫控制之研究，農業工程學報，2018。", "溫室降溫控制之研究", "2018"),
    ("智慧溫室節能控制研發（國科會，112/08/01~113/07/31）", "智慧溫室節能控制研發", "民國112年"),
    ("van der Berg A, García J. Belt drying of sludge. Vaccine. 2006;23(7):7.", "Belt drying of sludge",
     "2006"),
    ("John A Smith. Separating polyester from elastane. In Proc. X, pages 9–18, 2017.",
     "Separating polyester from elastane", "2017"),
    ("K. Lee, J. A. van Dam and B. Wu, Drone detection at fences, IEEE Trans., 4(2), 5-9, 2017.",
     "Drone detection at fences", "2017"),
    ("Lee, K., et al. \"Quiet fans for heat pumps.\" J. X 3.2 (2014): 1-9.", "Quiet fans for heat pumps",
     "2014"),
    ("陳怡君（88）。熱像檢測操作。機械工程學刊。", "熱像檢測操作", "民國88年"),
    ("Lee, K. (2020). A title that nothing ends", "A title that nothing ends", "2020"),
    ("Greenhouse control, 2019-2020", "Greenhouse control, 2019-2020", "2020"),
    ("掃描式電子顯微鏡 SU8010", "掃描式電子顯微鏡 SU8010", ""),
])
def test_title_and_year_of_a_reference_are_guessed(reference, title, year):
    assert (split_reference(reference)[0], item_year(reference)) == (title, year)


@pytest.mark.parametrize(("line", "kind"), [
    ("期刊論文", "publication"), ("一、近五年代表著作（SCI）", "publication"), ("Selected Publications:",
     "publication"), ("REFERENCES", "publication"), ("A. Journal Papers", "publication"),
    ("專利", "patent"), ("Granted Patents", "patent"),
    ("三、產學合作計畫", "project"), ("技術移轉", "case"), ("證照", "certificate"), ("5. 儀器設備", "equipment"),
    ("學歷", ""), ("Work Experience", ""), ("Proceedings of the 12th", None),
    ("高光譜影像農產品檢測研究計畫平台", None), ("1. A paper on patents (2020)", None), ("", None),
])
def test_headings_are_told_from_items(line, kind):
    assert heading_kind(line) == kind


@pytest.mark.parametrize(("text", "expected"), [
    ("Me\n1. born 1990\nPublications\n1. One title 2001\nEducation\n1. School 1999", ["One title 2001"]),
    ("[1] First one 2001\n[2] Second\none 2002\n\n60. no item\n[3] Third one 2003",
     ["First one 2001", "Second one 2002", "Third one 2003"]),
    ("3. Third 2003\n2. Second 2002\n1. First 2001", ["Third 2003", "Second 2002", "First 2001"]),
    ("1. Words cut by a hy-\nphen 2001\n2. 中文斷\n行 2002", ["Words cut by a hyphen 2001", "中文斷行 2002"]),
    ("• Bullet 2001\n- Dash 2002\n※ Mark", ["Bullet 2001", "Dash 2002", "Mark"]),
    ("A first paragraph of 2001\ngoes on\n\nNo year here\n\nA second of 2002",
     ["A first paragraph of 2001 goes on", "A second of 2002"]),
    ("Chen, Y. (2020). One title.\nJ. X.\nLee, K. (2021). Two titles.\nJ. Y.",
     ["One title", "Two titles"]),
    ("設備\n電子顯微鏡\n\n雷射干涉儀", ["電子顯微鏡", "雷射干涉儀"]),
])
def test_items_are_found_in_plain_text(text, expected):
    assert titles(read_works(text.encode(), "a.txt")) == expected


def test_a_word_document_gives_lists_and_tables_by_their_headings():
    found = read_works(docx(
        paragraph("王小明 1970"), paragraph("期刊論文"),
        paragraph("Chen, Y. (2021). Listed &amp; found. J. X.".replace("&amp;", "&"), listed=True),
        paragraph("a remark of 2020 between them"),
        paragraph("研究計畫"), table(("計畫名稱", "職務", "起迄"), ("智慧溫室", "主持人", "112/08/01~113/07/31"),
                                 ("", "共同", "113/01/01")),
        paragraph("設備"), table(("掃描式電子顯微鏡", "2015"), ("短", "2016")),
        paragraph("學歷"), table(("國立範例大學機械博士", "2001"))), "cv.docx")
    assert [(p.title, p.kind, p.year) for p in found.proposals] == [
        ("Listed & found", "publication", 2021), ("智慧溫室", "project", 2023),
        ("掃描式電子顯微鏡", "equipment", 2015)]
    assert found.proposals[1].venue == "主持人"
    assert [p.place for p in found.proposals] == [3, 11, 17]


def test_a_table_with_a_header_says_itself_what_its_rows_are():
    found = read_works(docx(
        table(("專利名稱", "年度", "摘要"), ("主軸冷卻裝置", "民國109年", "以冷媒冷卻。")),
        table(("計畫題目", "期間"), ("智慧溫室", "2020-2021"), ("無年度之計畫", "")),
        table(("這是一個三十個字以上的儲存格所以它不可能是一張表格的標題列名稱而是內容的一部分", "x")),
        paragraph("1. After the tables 2001")), "a.docx")
    assert [(p.title, p.kind, p.year, p.text) for p in found.proposals] == [
        ("主軸冷卻裝置", "patent", 2020, "以冷媒冷卻。"), ("智慧溫室", "project", 2020, ""),
        ("無年度之計畫", "project", None, ""), ("After the tables 2001", "publication", 2001, "")]


def test_text_boxes_and_fallbacks_do_not_tell_a_paragraph_twice():
    box = f"<w:txbxContent>{paragraph('2. Boxed 2020')}</w:txbxContent>"
    found = read_works(docx(
        f"<w:p><w:r><w:t>1. Once</w:t></w:r>{box}<w:r><w:tab/><w:t>told 2020</w:t></w:r></w:p>"), "a.docx")
    assert titles(found) == ["Once told 2020"]


@pytest.mark.parametrize("properties", ["<w:vanish/>", "<w:color w:val='FFFFFF'/>", "<w:sz w:val='2'/>"])
def test_text_nobody_can_see_is_left_out_of_word_documents(properties):
    found = read_works(docx(paragraph("1. Seen 2020"), paragraph("2. Hidden 2020", False, properties),
                            paragraph("3. Deleted 2020", tag="delText")), "a.docx")
    assert titles(found) == ["Seen 2020"]


@pytest.mark.parametrize(("content", "sentence"), [
    (docx(paragraph("x" * 3_000_000)), "The document unpacks to 3 MB in 1 parts, which is not"),
    (docx(**{f"part{n}": "" for n in range(5001)}), "in 5002 parts, which is not a document"),
    (docx(head='<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'),
     "The document declares XML entities"),
    (docx("<w:p>"), "The document's text is damaged in line 1."),
    (docx(paragraph("1. a 2020")).replace(b"word/document.xml", b"word/document.xmx", 1),
     "The document is damaged or encrypted."),
])
def test_word_documents_made_to_harm_are_refused(content, sentence):
    with pytest.raises(FileFormatError) as problem:
        read_works(content, "a.docx")
    assert sentence in text_of(problem)


def test_a_paper_gives_its_references_without_headers_and_page_numbers():
    pages_of = [["Journal of X, p. 1", "A paper", "1. Introduction", "In 2020 we did.", "1"],
                ["Journal of X, p. 2", "References", "[1] Y. Chen, “Deep spindle", "2"],
                ["Journal of X, p. 3", "models,” Trans., 2022.", "[2] 林志明，〈溫 室 降 溫〉，⽤戶，2018。", "3"]]
    found = read_works(pdf_of(*pages_of), "a.pdf")
    assert [(p.title, p.year, p.place) for p in found.proposals] == [
        ("Deep spindle models", 2022, 2), ("溫室降溫", 2018, 3)]


@pytest.mark.parametrize(("content", "sentence"), [
    (pdf_of([]), "The PDF holds pictures of pages but no text (a scan)."),
    (pdf_of(*[["x"]] * 301), "The PDF has 301 pages; at most 300 are read."),
    (pdf_of(["x"])[:200], "The PDF is damaged"),
    (pdf_of(zlib.compress(b" " * 200_000_000), page_filter=b"/Filter /FlateDecode"),
     "The PDF is damaged or made to exhaust its reader."),
    (encrypted(pdf_of(["x"]), "secret"), "The PDF is protected by a password."),
])
def test_pdfs_without_readable_text_are_refused_in_words(content, sentence):
    with pytest.raises(FileFormatError) as problem:
        read_works(content, "a.pdf")
    assert sentence in text_of(problem)


def test_a_pdf_that_is_only_protected_against_changes_is_read():
    content = encrypted(pdf_of(["1. Protected title 2020"]), "")
    assert titles(read_works(content, "a.pdf")) == ["Protected title 2020"]


def test_a_pdf_that_takes_too_long_is_refused(monkeypatch):
    monkeypatch.setattr(pdf, "LONGEST_SECONDS", 0.0)
    with pytest.raises(FileFormatError, match="could not be read within 0"):
        read_works(pdf_of(["1. a 2020"]), "a.pdf")


def test_the_pages_process_prints_json(monkeypatch, capsys):
    class Input:
        buffer = io.BytesIO(pdf_of(["溫室"]))

    monkeypatch.setattr("sys.stdin", Input)
    monkeypatch.setattr("resource.setrlimit", lambda *_: None)
    monkeypatch.setattr("logging.disable", lambda *_: None)
    pages.main()
    assert [p.strip() for p in json.loads(capsys.readouterr().out)["pages"]] == ["溫室"]


# ---- fields ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "doi"), [
    ("https://doi.org/10.1000/AbC", "10.1000/abc"), ("doi:10.1000/a(1)b.", "10.1000/a(1)b"),
    ("(10.1000/a)", "10.1000/a"), ("10.1000/a，下一句", "10.1000/a"), ("１０.1000/x", "10.1000/x"),
    ("11.1000/a", None), ("10.1/a", None), ("", None),
])
def test_a_doi_is_found_without_what_surrounds_it(text, doi):
    assert find_doi(text) == doi


@pytest.mark.parametrize(("text", "year"), [
    ("2024", 2024), ("c2020", 2020), ("2024-05-01", 2024), ("20240501", 2024), ("May 2, 2012", 2012),
    ("民國113年", 2024), ("113/08/01", 2024), ("113", 2024), ("２０２４", 2024), ("8", None), ("in press", None),
    ("99999", None), ("", None),
])
def test_years_are_read_as_people_write_them(text, year):
    assert find_year(text) == year


def test_hidden_characters_markup_and_entities_are_no_text():
    assert tidy(" a\u202eb\u200bc\x00d\x9fe <jats:p>x</jats:p> p<k &lt;i&gt;E&lt;/i&gt;\n\tf &#x202e;") == \
        "abcde x p<k E f"
    assert tidy("<script>alert(1)</script>") == "<script>alert(1)</script>"


def test_a_letter_lost_before_is_told():
    assert words(read_works("1. M�ller, a title 2020".encode(), "a.txt")) == [
        (1, "title", "the character � says that a letter was lost before; compare with the original",
         False)]


def test_long_fields_are_cut_with_a_warning():
    found = read_works(f"@a{{k, title={{{'t' * 600}}}, abstract={{{'x ' * 20_000}}}}}".encode(), "a.bib")
    assert [len(found.proposals[0].title), len(found.proposals[0].text)] == [500, 19_999]
    assert [w[1:] for w in words(found)] == [
        ("title", "wanted at most 500 characters; the rest was cut", False),
        ("text", "wanted at most 20000 characters; the rest was cut", False)]


# ---- the same work twice ---------------------------------------------------------------------

FULL = Proposal("Thermal Error: a Study", "An abstract.", year=2020, source="RIS", place=4)
THIN = Proposal("Thermal error – A study", "", year=2021, doi="10.1000/a", source="BibTeX",
                authors=("王小明",), venue="J. X", place=2)


@pytest.mark.parametrize(("other", "same"), [
    (Proposal("Thermal error, a study", year=2020), True),
    (Proposal("THERMAL ERROR A STUDY", year=None), True),
    (Proposal("Thermal error: a study", year=2022), False),
    (Proposal("Thermal error: another study", year=2020), False),
    (Proposal("Thermal error: a study", year=2020, kind="patent"), False),
    (Proposal("熱誤差", year=2020, doi="10.1000/b"), False),
])
def test_the_same_work_has_one_doi_or_one_title_in_near_years(other, same):
    assert len(merge([FULL, other])) == (1 if same else 2)


@pytest.mark.parametrize("order", [(FULL, THIN), (THIN, FULL)])
def test_of_one_work_the_telling_with_an_abstract_is_kept_and_completed(order):
    merged, = merge(order)
    assert (merged.title, merged.text, merged.year) == (FULL.title, "An abstract.", 2020)
    assert (merged.doi, merged.authors, merged.venue) == ("10.1000/a", ("王小明",), "J. X")
    assert (set(merged.source.split(" + ")), merged.place) == ({"RIS", "BibTeX"}, order[0].place)


def test_of_two_without_abstract_the_newer_is_kept():
    older = Proposal("Preprint title", doi="10.1000/A".lower(), year=2019)
    newer = Proposal("Journal title", doi="10.1000/a", year=2022)
    assert titles_of(merge([older, newer])) == ["Journal title"]


def titles_of(proposals):
    return [p.title for p in proposals]


def test_the_title_of_a_joined_work_finds_further_tellings_by_either_name():
    chain = [Proposal("One", doi="10.1000/a"), Proposal("Two", doi="10.1000/a"), Proposal("two")]
    assert len(merge(chain)) == 1


def test_titles_of_marks_only_are_never_the_same():
    assert len(merge([Proposal("☺"), Proposal("☹")])) == 2
    assert fold_title("溫室：Élan!") == fold_title("温室 elan")


@pytest.mark.parametrize(("stored", "known"), [
    (Evidence("E9", "O1", "other", source="doi:10.1000/A; J. X"), "E9"),
    (Evidence("E9", "O1", "Abs. https://doi.org/10.1000/a."), "E9"),
    (Evidence("E9", "O1", "x", "THERMAL ERROR: A STUDY", year=2022), "E9"),
    (Evidence("E9", "O1", "Thermal error – a study\nmore"), "E9"),
    (Evidence("E9", "O1", "x", "Thermal error: a study", year=2010), None),
    (Evidence("E9", "O1", "x", "Thermal error"), None),
])
def test_what_is_stored_already_is_marked(stored, known):
    assert mark_known([THIN], [stored])[0].known == known


def test_entries_told_twice_in_one_file_are_counted():
    found = read_works((BIB + BIB.replace("chen2021", "again")).encode(), "a.bib")
    assert (len(found.proposals), found.joined) == (2, 2)


# ---- confirming ------------------------------------------------------------------------------

THREE = (Proposal("One"), Proposal("Two", known="E1"), Proposal("Three"))


@pytest.mark.parametrize(("wanted", "expected"), [
    ("1", ["One"]), ("all", ["One", "Three"]), (" ALL ", ["One", "Three"]), ("3,1", ["Three", "One"]),
    ("1-3", ["One", "Three"]), ("1, 1，3", ["One", "Three"]), ("2", []),
])
def test_numbers_choose_what_is_not_known(wanted, expected):
    assert titles_of(choose(THREE, wanted)) == expected


@pytest.mark.parametrize("wanted", ["0", "4", "1-9", "3-1", "x,1,-2", "", ",", "1;2"])
def test_numbers_that_name_no_work_are_refused_together(wanted):
    with pytest.raises(InputError, match="wanted 1 to 3"):
        choose(THREE, wanted)


def test_a_confirmed_proposal_is_evidence_that_is_known_the_next_time():
    found = read_works(BIB.encode(), "a.bib")
    made = evidence_of(found.proposals, "O1")
    assert [e.evidence_id for e in made] == [
        e.evidence_id for e in evidence_of(read_works(RIS.encode(), "").proposals, "O1")]
    assert made[0] == Evidence(evidence_id_of(found.proposals[0], "O1"), "O1", "Residual below 6 µm.",
                               "Thermal error of Z-axis spindles", "publication", "en", 2021,
                               "doi:10.1000/abc.1; BibTeX")
    again = with_known(read_works(ENDNOTE.encode(), "a.enw"), made)
    assert [p.known for p in again.proposals] == [e.evidence_id for e in made]
    assert evidence_id_of(THREE[0], "O1") != evidence_id_of(THREE[0], "O2")


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("MATCHER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MATCHER_LANG", "en")
    (tmp_path / "home").mkdir()
    (tmp_path / "mine.bib").write_text(BIB, "utf-8")
    (tmp_path / "broken.bib").write_text(BROKEN, "utf-8")
    monkeypatch.chdir(tmp_path)
    store = open_store(f"sqlite:///{tmp_path / 'home' / 'matcher.db'}")
    store.put(parties=PARTIES, offers=OFFERS, evidence=EVIDENCE)
    main = Commands(commands={"works": command})
    return lambda *words: CliRunner().invoke(main, ["works", *words]), store


def test_the_command_lists_works_and_stores_nothing(run):
    run, store = run
    done = run("mine.bib")
    assert (done.exit_code, done.output) == (0, (
        "   1  Thermal error of Z-axis spindles  (Publication, 2021, doi:10.1000/abc.1, with abstract)\n"
        "   2  主軸冷卻裝置  (Patent, 2020)\n"
        "2 works found (BibTeX); 0 more told of the same works.\nNothing was stored.\n"))
    assert len(store.evidence()) == len(EVIDENCE)


def test_the_command_stores_what_is_confirmed_once(run):
    run, store = run
    done = run("mine.bib", "--offer", "O1", "--confirm", "2")
    assert done.output.endswith("1 works stored as evidence, 0 changed, 0 unchanged.\n")
    assert [e.title for e in store.evidence("O1")] == ["", "主軸冷卻裝置"]
    done = run("mine.bib", "--offer", "O1", "--confirm", "all", "--json")
    shown = json.loads(done.output)
    assert shown["stored"] == {"inserted": 1, "updated": 0, "unchanged": 0}
    assert [bool(p["known"]) for p in shown["proposals"]] == [False, True]
    assert "already known as W-" in run("mine.bib", "--offer", "O1").output


def test_the_command_tells_every_broken_entry_and_leaves_with_code_2(run):
    done = run[0]("broken.bib")
    assert done.exit_code == 2
    assert ("line 5, quote: found “@article{quote, title=\"never closed"
            in done.output)
    assert "warning: line 7, title: found “A”; a comma is missing behind this field" in done.output
    assert [p["row"] for p in json.loads(run[0]("broken.bib", "--json").output)["problems"]] == [
        2, 5, 7, 8, 9, 10, 11, 11, 12, 13, 16]


@pytest.mark.parametrize(("words", "sentence"), [
    (("mine.bib", "--confirm", "1"), "--confirm also needs --offer ID."),
    (("mine.bib", "--offer", "O1", "--confirm", "9"), "“9” is no number of a work in this list"),
    (("mine.bib", "--offer", "NONE"), "There is no offer with the id “NONE”."),
])
def test_the_command_refuses_in_words(run, words, sentence):
    done = run[0](*words)
    assert (done.exit_code, sentence in done.output) == (2, True)
