"""JUnit and GitHub's annotations, read back as a CI reads them."""

from __future__ import annotations

import dataclasses
import io
import re

import pytest
import xmlschema
from junitparser import Error, Failure, JUnitXml, Skipped

from results.errors import FormUnavailable
from results.report.forms.annotations import MOST, as_annotations
from results.report.forms.junit import as_junit
from results.report.model import Check, View
from tests.results.form_runs import hostile
from tests.results.make_run import make_run
from tests.results.test_report import RUNS, view_of

P50 = "mobilebert/float32/pixel-4/length128/4t"


JUNIT_XSD = """<?xml version="1.0"?>
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
 <xs:complexType name="result"><xs:simpleContent><xs:extension base="xs:string">
  <xs:attribute name="message" type="xs:string"/><xs:attribute name="type" type="xs:string"/>
 </xs:extension></xs:simpleContent></xs:complexType>
 <xs:element name="testsuites"><xs:complexType>
  <xs:sequence><xs:element name="testsuite" maxOccurs="unbounded"><xs:complexType>
   <xs:sequence>
    <xs:element name="testcase" maxOccurs="unbounded"><xs:complexType>
     <xs:sequence>
      <xs:choice minOccurs="0"><xs:element name="skipped" type="result"/>
       <xs:element name="error" type="result"/><xs:element name="failure" type="result"/></xs:choice>
      <xs:element name="system-out" type="xs:string" minOccurs="0"/>
     </xs:sequence>
     <xs:attribute name="name" type="xs:string" use="required"/>
     <xs:attribute name="classname" type="xs:string" use="required"/>
     <xs:attribute name="time" type="xs:decimal" use="required"/>
    </xs:complexType></xs:element>
    <xs:element name="system-out" type="xs:string" minOccurs="0"/>
   </xs:sequence>
   <xs:attribute name="name" type="xs:string" use="required"/>
   <xs:attributeGroup ref="counts"/>
  </xs:complexType></xs:element></xs:sequence>
  <xs:attribute name="name" type="xs:string"/><xs:attributeGroup ref="counts"/>
 </xs:complexType></xs:element>
 <xs:attributeGroup name="counts">
  <xs:attribute name="tests" type="xs:nonNegativeInteger" use="required"/>
  <xs:attribute name="failures" type="xs:nonNegativeInteger" use="required"/>
  <xs:attribute name="errors" type="xs:nonNegativeInteger" use="required"/>
  <xs:attribute name="skipped" type="xs:nonNegativeInteger" use="required"/>
  <xs:attribute name="time" type="xs:decimal" use="required"/>
 </xs:attributeGroup>
</xs:schema>
"""
XSD = xmlschema.XMLSchema(JUNIT_XSD)


def test_every_run_as_junit_is_the_common_subset_and_counts_right() -> None:
    """Each reader has a schema of its own; what all of them take is small, and counts that lie break them."""
    for name in ("pixel-4-throttled", "pixel-4-interrupted", "host", "parity-failed"):
        view = view_of(RUNS[name]())
        text = as_junit(view)
        XSD.validate(io.StringIO(text))
        read = JUnitXml.fromstring(text.encode())
        kinds = {"passed": [], "failed": [Failure], "undecided": [Skipped], "error": [Error]}
        found = [
            (case.classname, case.name, [type(one) for one in case.result])
            for suite in read
            for case in suite
        ]
        told = [(one.group, one.name, kinds[one.outcome]) for one in view.checks]
        assert sorted(found, key=str) == sorted(told, key=str), name
        assert (read.tests, read.failures) == (
            len(view.checks),
            sum(one.outcome == "failed" for one in view.checks),
        )


def test_time_in_junit_is_how_long_it_took_and_never_the_latency() -> None:
    """A test report that shows 0.06 s as the duration of a test that took minutes is misread."""
    run = make_run()
    after = dataclasses.replace(run.record.launches[0].after, at="2026-11-22T10:00:12.500Z")
    cases = {
        case.classname: case
        for suite in JUnitXml.fromstring(as_junit(view_of(run.each_launch(after=after))).encode())
        for case in suite
    }
    assert cases["claims.latency"].time == 125.0
    assert cases["claims.accuracy"].time == pytest.approx(785.2)


def test_hostile_words_are_plain_text_in_junit() -> None:
    """Control characters end an XML parser, and a device's name is no element."""
    text = as_junit(view_of(hostile()))
    XSD.validate(io.StringIO(text))
    assert "\x1b" not in text
    check = Check(group="a\x00b\ufffe", name="<b>", outcome="failed", message="]]> \ud800 & \"'")
    made = as_junit(View(where="w", verdict="v", tables=(), notes=(), files=(), checks=(check,)))
    case = next(iter(next(iter(JUnitXml.fromstring(made.encode())))))
    assert (case.classname, case.name) == ("a?b?", "<b>")
    assert case.result[0].message == "]]> ? & \"'"


def test_a_report_without_checks_is_no_test_report() -> None:
    """An empty file of tests reads as "all passed"."""
    with pytest.raises(FormUnavailable, match="nothing to tell"):
        as_junit(View(where="w", verdict="v", tables=(), notes=(), files=()))


def test_annotations_are_one_line_each_and_escaped() -> None:
    """A line break in a device's name would begin a workflow command of its own."""
    check = Check(group="g, h", name="n: 5 %", outcome="failed", message="50 %\r\n::error::owned")
    view = View(where="w", verdict="v", tables=(), notes=(), files=(), checks=(check,))
    assert as_annotations(view) == "::error title=g%2C h%3A n%3A 5 %25::50 %25 ::error::owned\n"
    for line in as_annotations(view_of(hostile())).splitlines():
        assert re.match(r"::(error|warning|notice) title=[^:,]*::", line)


def test_no_more_annotations_than_are_shown_and_the_worst_first() -> None:
    """GitHub drops the eleventh of a level without a word."""
    checks = [Check(group="g", name=str(n), outcome="passed", message="m") for n in range(3)]
    checks += [Check(group="g", name=str(n), outcome="failed", message="m") for n in range(25)]
    view = View(where="w", verdict="v", tables=(), notes=(), files=(), checks=tuple(checks))
    lines = as_annotations(view).splitlines()
    assert [line.split()[0] for line in lines] == ["::error"] * MOST + ["::notice"] * 3
    assert lines[MOST - 1].endswith("::16 more of this level are in the report.")
