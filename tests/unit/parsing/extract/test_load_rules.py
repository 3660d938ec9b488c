"""Files of rules: what is wrong with one is said before the crawl, with the remedy."""

import re
from pathlib import Path

import pytest

from crawler.model.errors import UsageError
from crawler.parsing.extract.load import load_rules
from crawler.parsing.extract.rules import ExtractRule, ExtractRules, PageRules


def load(folder: Path, toml: str) -> ExtractRules:
    file = folder / "rules.toml"
    file.write_text(toml, encoding="utf-8")
    return load_rules(file)


def test_a_file_has_rules_for_every_page_and_for_some(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        """
        shop = { meta = "og:site_name" }

        [[pages]]
        url = '/tea/\\d+$'
        each = "div.product"

        [pages.fields]
        name = "h2"
        price = { css = ".price", type = "float", locale = "de-AT", required = true }
        """,
    )
    own = (
        ExtractRule("name", "h2"),
        ExtractRule("price", ".price", type="float", locale="de-AT", required=True),
    )
    shop = ExtractRule("shop", meta="og:site_name")
    assert found == ExtractRules((shop,), (PageRules(own, r"/tea/\d+$", "div.product"),))
    assert found.names == ("shop", "name", "price")
    assert found.several


def test_a_field_may_be_called_pages(tmp_path: Path) -> None:
    assert load(tmp_path, 'pages = "h1"') == ExtractRules((ExtractRule("pages", "h1"),))


def test_a_default_is_plain_json(tmp_path: Path) -> None:
    rules = load(tmp_path, 'x = { css = "a", type = "json", default = { on = 2026-12-01 } }')
    assert rules.fields[0].default == {"on": "2026-12-01"}


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ('x = "a["', r"x: invalid CSS selector css = 'a.'; try it in the console"),
        ('x = ""', "x: invalid CSS selector"),
        ('x = "h1::text"', """x: invalid CSS selector .*; write "h1"$"""),
        ('x = "a::attr(href)"', """x: .*; write { css = "a", attr = "href" }$"""),
        ("x = 1", """x: must be a CSS selector, like "h1", or a table, not 1$"""),
        ("x = {}", "x: finds nothing: give it css, jsonld, meta or regex$"),
        ("x = { attr = 'href' }", "x: attr needs css"),
        ("x = { css = 'a', meta = 'b' }", "x: has css and meta; one value has one of them$"),
        ("x = { meta = 'a', attr = 'b' }", "x: attr is for elements; leave it out beside meta$"),
        ("x = { css = 'a', al = true }", "x: 'al' is not a key here.*; did you mean all?"),
        ("x = { css = 'a', all = 'yes' }", r"x: Expected `bool`.*\$.all"),
        ("x = { css = 'a', name = 'y' }", "x: 'name' is not a key here"),
        ("x = { css = 'a', type = 'flot' }", "x: type must be one of text, int, .*not 'flot'$"),
        (
            "x = { css = 'a', regex = '(' }",
            "x: invalid regular expression regex = '[(]'.*; in T",
        ),
        ("x = { css = 'a', regex = '(a)(b)' }", "x: .* 2 groups, .*; write the others as [(][?]"),
        (
            "x = { css = 'a', locale = 'de' }",
            'x: locale is for type = "int" or type = "float"',
        ),
        (
            "x = { css = 'a', type = 'int', locale = 'xx' }",
            "x: locale 'xx' is not a known",
        ),
        ("x = { css = 'a', format = '%Y' }", 'x: format is for type = "date"; add'),
        (
            "x = { css = 'a', type = 'date', format = '%Y' }",
            "x: format '%Y' does not have .*; w",
        ),
        ("x = { css = 'a', type = 'date', format = '%Q' }", "x: format .*; write one of strptime"),
        ("x = { jsonld = 'Product..price' }", "x: jsonld = .* is not a path; write a type and"),
        ("x = { css = 'a', required = true, default = 'b' }", "x: is required, so its default"),
        ("x = { css = 'a', type = 'int', default = 'b' }", "x: default does not fit type int: "),
        ("x = { css = 'a', type = 'int', default = true }", "x: default does not fit type int: "),
        ("x = { css = 'a', all = true, default = 'b' }", "x: default .* type text in a list: "),
        ("x = ", "Invalid value"),
        ("", "has no rules; write one like title"),
        ("pages = []", "has no rules; write one like title"),
        ("[[pages]]\nurl = 'x'", r"\[\[pages\]\] 1: has no rules; write them below \[pages.fields"),
        ("pages = [1]", r"\[\[pages\]\] 1: has no rules"),
        ("[[pages]]\nurll = 'x'\n[pages.fields]\nx='a'", r"\[\[pages\]\] 1: 'urll' .*mean url?"),
        ("[[pages]]\nurl = '('\n[pages.fields]\nx='a'", r"\[\[pages\]\] 1: invalid regular"),
        ("[[pages]]\neach = 'a['\n[pages.fields]\nx='a'", r"\[\[pages\]\] 1: invalid CSS .*each"),
        ("[[pages]]\nurl = 3\n[pages.fields]\nx='a'", r"\[\[pages\]\] 1: Expected `str"),
        ("[[pages]]\n[pages.fields]\nx='a['", r"\[\[pages\]\] 1: x: invalid CSS selector"),
        ("[[pages]]\nfields = 'x'", r"\[\[pages\]\] 1: fields must be a table; write \[pages"),
    ],
)
def test_wrong_rules_are_refused(tmp_path: Path, toml: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, toml)
    assert re.match(rf"{re.escape(str(tmp_path))}/rules\.toml: {says}", str(caught.value))


def test_a_url_may_have_several_groups(tmp_path: Path) -> None:
    toml = "[[pages]]\nurl = '/(a)/(b)'\n[pages.fields]\nx = 'h1'"
    assert load(tmp_path, toml).pages[0].url == "/(a)/(b)"


def test_the_attribute_of_a_record_needs_no_selector(tmp_path: Path) -> None:
    toml = "[[pages]]\neach = 'li'\n[pages.fields]\nx = { attr = 'id' }"
    assert load(tmp_path, toml).pages[0].fields == (ExtractRule("x", attr="id"),)


def test_unreadable_rules_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"missing\.toml"):
        load_rules(tmp_path / "missing.toml")
    (tmp_path / "latin.toml").write_bytes(b'x = "\xe4"')
    with pytest.raises(UsageError, match=r"latin\.toml"):
        load_rules(tmp_path / "latin.toml")
