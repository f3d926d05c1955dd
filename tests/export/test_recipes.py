"""Recipes by name, and what happens to a name that is none."""

from __future__ import annotations

import pytest

from export.recipes import DEFAULT_RECIPE, RECIPES, recipe
from results.errors import ConfigError


def test_every_recipe_answers_to_its_name() -> None:
    """Artifacts, records and reports carry the name, so it must lead back to what was done."""
    assert {name: recipe(name).name for name in RECIPES} == {name: name for name in RECIPES}
    assert recipe(DEFAULT_RECIPE).per_channel


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
