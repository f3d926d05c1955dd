"""Recipes by name, and what happens to a name that is none."""

from __future__ import annotations

import pytest

from export import rewrite
from export.recipes import DEFAULT_RECIPE, EQUALIZE, RECIPES, recipe
from results.errors import ConfigError


def test_every_recipe_answers_to_its_name() -> None:
    """Artifacts, records and reports carry the name, so it must lead back to what was done."""
    assert {name: recipe(name).name for name in RECIPES} == {name: name for name in RECIPES}
    assert recipe(DEFAULT_RECIPE).per_channel


def test_names_decode() -> None:
    """Whoever reads a name in a report knows the arithmetic without looking it up."""
    for name, known in RECIPES.items():
        assert name.startswith(known.precision)
        assert ("int8" in name) == (known.weights == "int8")
        assert name.startswith("static") == (known.activations == "int8")
        assert name.endswith("_per_tensor") == (known.weights == "int8" and not known.per_channel)
        assert name.endswith("_mixed") == (known.activations == "int8" and known.streams == "float32")
        assert known.calibrated == (name.startswith("static") or name.endswith("_equalized"))
        assert known.attention == "float32"


def test_recipes_ask_for_rewrites_that_exist() -> None:
    """A slip in a name would surface only when somebody converts with that recipe."""
    for known in RECIPES.values():
        assert set(rewrite.check(known.rewrites)) == set(known.rewrites)
        assert (EQUALIZE in known.rewrites) == known.calibrated


def test_a_mistyped_recipe_names_its_neighbour_and_all_others() -> None:
    """`--recipe dynamic-int8` is the likely slip."""
    with pytest.raises(ConfigError) as caught:
        recipe("Dynamic-int8")
    assert 'no recipe "Dynamic-int8". Did you mean dynamic_int8?' in caught.value.what
    assert all(name in caught.value.next_step for name in RECIPES)


def test_a_name_like_nothing_gets_no_guess() -> None:
    """A wrong guess is worse than the list alone."""
    with pytest.raises(ConfigError) as caught:
        recipe("xyz")
    assert "Did you mean" not in caught.value.what
