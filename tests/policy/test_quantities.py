"""Quantities, by the grammar of k8s.io/apimachinery/pkg/api/resource."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.core.quantity import parse

SUFFIXES = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", "0"),
        ("+1", "1"),
        ("-1.5", "-1.5"),
        ("5.", "5"),
        (".5", "0.5"),
        ("007", "7"),
        ("250m", "0.25"),
        ("1.5Gi", "1610612736"),
        ("0.1Ki", "102.4"),
        ("1E", "1000000000000000000"),
        ("1E3", "1000"),
        ("1e-3", "0.001"),
        ("2e+2", "200"),
        ("1e03", "1000"),
        ("9223372036854775807Ei", str(9223372036854775807 * 2**60)),
    ],
)
def test_a_quantity_has_exactly_this_value(text, value):
    assert parse(text) == Decimal(value)


NOT_QUANTITIES = """
+ - . e E e3 .Gi Ki 1K 1g 1mi 1iK 1kk 1e 1e1.5 1E+ 1ee3 0x10 1_000 1,5 ١ ∞ nan inf Infinity
"""


@pytest.mark.parametrize("text", [*NOT_QUANTITIES.split(), "", " 1", "1 ", "1\n"])
def test_other_text_is_no_quantity(text):
    with pytest.raises(ValueError, match="quantity"):
        parse(text)


@pytest.mark.parametrize("text", ["1" * 65, "1e65", "1e-65", "1e9999", "1e99999999999", "1" + "0" * 5000])
def test_a_quantity_that_would_be_ruinous_as_a_number_is_refused(text):
    with pytest.raises(ValueError, match="quantity"):
        parse(text)


@given(st.integers(-(10**20), 10**20), st.integers(0, 12), st.sampled_from(sorted(SUFFIXES)))
def test_no_digit_is_lost(unscaled, places, suffix):
    number = Decimal(unscaled).scaleb(-places)
    assert Fraction(parse(f"{number:f}{suffix}")) == Fraction(unscaled, 10**places) * Fraction(SUFFIXES[suffix])


@given(st.text(max_size=80))
def test_any_text_is_a_quantity_or_a_value_error(text):
    with suppress(ValueError):
        assert parse(text).is_finite()
