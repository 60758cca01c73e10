"""``why``: the chains of requirements that lead to something."""

from __future__ import annotations

import example_lock
import pytest

from modelpack import why
from modelpack.errors import ModelpackError


def chains(name, lock=None):
    (reason,) = why.why(lock or example_lock.lock(), name)
    return [[(step.name, step.constraint) for step in chain] for chain in reason.chains]


def test_what_was_asked_for_says_where_it_was_written():
    assert chains("flask") == [[("modelpack.yaml:7", ""), ("flask", "Flask>=3")]]


def test_what_the_server_needs_says_so():
    assert chains("gunicorn") == [[("server custom", ""), ("gunicorn", "gunicorn>=20")]]


def test_every_way_to_it_is_shown_the_shortest_first():
    flask = [("modelpack.yaml:7", ""), ("flask", "Flask>=3")]
    own = [("requirements.txt:2", ""), ("jinja2", "Jinja2==3.1.6")]
    assert chains("markupsafe") == [
        [*own, ("markupsafe", "markupsafe>=2.0")],
        [*flask, ("jinja2", "jinja2>=3.1.2"), ("markupsafe", "markupsafe>=2.0")],
        [*flask, ("werkzeug", "werkzeug>=3.1"), ("markupsafe", "markupsafe>=2.1.1")],
    ]


@pytest.mark.parametrize("name", ["MarkupSafe", "markup_safe", "Markup.Safe"])
def test_a_distribution_is_found_by_any_spelling_of_its_name(name):
    lock = example_lock.data()
    lock["python"]["wheels"][3]["name"] = "markup-safe"
    if name == "MarkupSafe":
        lock = example_lock.data()
    assert why.why(example_lock.lock(python=lock["python"]), name)[0].version == "3.0.2"


def test_requirements_that_go_in_a_circle_end():
    python = example_lock.data()["python"]
    python["wheels"][0]["required_by"] = [{"name": "werkzeug", "specifier": ""}]
    python["wheels"][4]["required_by"].append({"name": "werkzeug", "specifier": ""})
    found = chains("werkzeug", example_lock.lock(python=python))
    assert found == [[("modelpack.yaml:7", ""), ("flask", "Flask>=3"), ("werkzeug", "werkzeug>=3.1")]]


def test_a_graph_with_very_many_ways_is_answered_at_once():
    layers, width = 12, 6
    python = example_lock.data()["python"]
    for layer in range(layers):
        above = [(f"d{layer - 1}x{index}", ">=1") for index in range(width)] if layer else [("flask", ">=1")]
        python["wheels"] += [example_lock.wheel(f"d{layer}x{index}", "1", *above) for index in range(width)]
    found = chains(f"d{layers - 1}x0", example_lock.lock(python=python))
    assert len(found) == 20


def test_a_debian_package_leads_to_what_the_base_asks_for():
    assert chains("libx11-6") == [[("base", ""), ("libgl1", ""), ("libx11-6", "")]]
    assert chains("libc6") == [
        [("base", ""), ("libgl1", ""), ("libc6", "")],
        [("base", ""), ("python3.11", ""), ("libc6", "")],
        [("base", ""), ("libgl1", ""), ("libx11-6", ""), ("libc6", "")],
    ]


def test_a_name_that_both_have_is_answered_for_both():
    base = example_lock.data()["base"]
    base["target"]["packages"].append(example_lock.deb("flask"))
    base["target"]["requested"].append("flask")
    kinds = [reason.kind for reason in why.why(example_lock.lock(base=base), "flask")]
    assert kinds == ["wheel", "deb"]


def test_an_unknown_name_gets_near_ones():
    with pytest.raises(ModelpackError) as caught:
        why.why(example_lock.lock(), "safe")
    assert caught.value.message == "nothing in the package is called safe"
    assert caught.value.hint == "did you mean markupsafe?"


def test_a_misspelt_name_gets_the_right_one():
    with pytest.raises(ModelpackError) as caught:
        why.why(example_lock.lock(), "wekzeug")
    assert caught.value.hint == "did you mean werkzeug?"


def test_the_text_has_one_step_a_line_with_versions_and_constraints():
    text = why.text(why.why(example_lock.lock(), "werkzeug"))
    assert text == (
        "werkzeug 3.1.3 (Python distribution)\n\n"
        "  modelpack.yaml:7\n"
        "    flask 3.1.0  (Flask>=3)\n"
        "      werkzeug 3.1.3  (werkzeug>=3.1)"
    )


def test_the_json_has_the_same_chains():
    (answer,) = why.to_json(why.why(example_lock.lock(), "libgl1"))
    base = {"name": "base", "version": None, "constraint": ""}
    assert answer["chains"] == [[base, {"name": "libgl1", "version": "1", "constraint": ""}]]
