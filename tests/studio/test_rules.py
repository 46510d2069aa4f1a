"""A rule is one object: the body of a request, the form of a page and the verb of a model refuse the same by the same words."""

from typing import Annotated

import pytest
from django import forms

from costs.rules import AMOUNT
from studio.errors import Conflict, Invalid
from studio.forms import DecimalNumberField, NumberField, SelectField, TagsField, TextField, attempt
from studio.request_body import Body
from studio.rules import TAGS, Rule, choice_rule, name_rule, number_rule, text_rule

TITLE = text_rule("friendly name", max_length=5)
AGE = number_rule("number of days", 1, 9, target="dayCount")
COLOUR = choice_rule("colour", ["Red", "Blue"], target="colour")


class TitleForm(forms.Form):
    title = TextField(TITLE)
    days = NumberField(AGE)
    colour = SelectField(COLOUR, required=False)
    amount = DecimalNumberField(AMOUNT, required=False)
    tags = TagsField()


@pytest.mark.parametrize(
    ("rule", "kind", "value", "words"),
    [
        (TITLE, str, "too long", "The friendly name has 8 characters; 5 are allowed."),
        (TITLE, str, "", "is empty"),
        (name_rule("compute name"), str, "1st", "2 to 32 letters"),
        (AGE, int, 10, "write a whole number from 1 to 9"),
        (COLOUR, str, "green", "it may be Red or Blue"),
        (TAGS, dict, {"": "x"}, "The tag name is empty."),
    ],
)
def test_a_body_refuses_what_the_rule_refuses(rule: Rule, kind, value, words):
    class Example(Body):
        field: Annotated[kind, rule] | None = None  # type: ignore[valid-type]

    with pytest.raises(Invalid, match=words) as by_rule:
        rule.check(value)
    with pytest.raises(Invalid) as by_body:
        Example(field=value)
    assert (by_body.value.message, by_body.value.target) == (by_rule.value.message, rule.target)
    assert Example().field is None


def test_a_rule_gives_the_value_as_it_is_stored():
    class Example(Body):
        colour: Annotated[str, COLOUR]

    assert Example(colour="BLUE").colour == "Blue" == COLOUR.check("blue")


def test_the_description_says_what_is_allowed():
    class Example(Body):
        title: Annotated[str, TITLE] | None = None
        days: Annotated[int, AGE] = 1

    described = Example.model_json_schema()["properties"]
    assert described["title"]["anyOf"][0] == {"type": "string", "minLength": 1, "maxLength": 5}
    assert (described["days"]["minimum"], described["days"]["maximum"]) == (1, 9)


def test_a_form_refuses_what_the_rule_refuses():
    form = TitleForm({"title": "too long", "days": "10", "colour": "green", "amount": "0", "tags": "a: 1\na: 2"})
    assert form.errors == {
        "title": ["The friendly name has 8 characters; 5 are allowed."],
        "days": ["The number of days is 10: write a whole number from 1 to 9."],
        "colour": ["The colour is 'green'; it may be Red or Blue."],
        "amount": ["The amount is 0.0: write a number from 0.01 to 1,000,000,000."],
        "tags": ["There are two tags named 'a'."],
    }
    assert 'min="1" max="9"' in str(form["days"]) and 'maxlength="5"' in str(form["title"])
    assert '<option value="Red">Red</option>' in str(form["colour"])


def test_a_choice_is_stored_as_the_rule_writes_it():
    form = TitleForm({"title": "x", "days": "1", "colour": "blue", "amount": "2.5"})
    assert form.is_valid() and (form.cleaned_data["colour"], form.cleaned_data["amount"]) == ("Blue", 2.5)


def test_tags_are_typed_one_a_line():
    form = TitleForm({"title": "x", "days": "1", "tags": " team: a:b \n\nalone\n"})
    assert form.is_valid() and form.cleaned_data["tags"] == {"team": "a:b", "alone": ""}
    assert TagsField().prepare_value({"team": "a:b", "alone": ""}) == "team: a:b\nalone"


@pytest.mark.parametrize(
    ("tags", "typed"),
    [
        ({"a:b": "1", "a:c": "2"}, '"a:b": "1"\n"a:c": "2"'),
        ({"note": "first\nsecond"}, r'"note": "first\nsecond"'),
        ({"x": " y "}, '"x": " y "'),
        ({"x": '"y"', '"z"': "a"}, 'x: "y"\n"z": a'),
        ({'"a"': '"b"'}, r'"\"a\"": "\"b\""'),
    ],
)
def test_tags_of_a_script_pass_through_the_text_unchanged(tags, typed):
    assert TagsField().prepare_value(tags) == typed
    assert TagsField().clean(typed.replace("\n", "\r\n")) == tags


@pytest.mark.parametrize(
    ("target", "field"), [("dayCount", "days"), ("title", "title"), ("friendlyName", "title"), ("other", "__all__")]
)
def test_a_refusal_of_a_verb_stands_at_the_field_that_it_is_about(target, field):
    def refuse():
        raise Conflict("Not now.", target=target)

    form = TitleForm({"title": "x", "days": "1"})
    assert attempt(form, refuse) is None
    assert form.errors == {field: ["Not now."]}


def test_a_verb_is_not_called_with_what_is_wrong():
    assert attempt(TitleForm({}), lambda: pytest.fail("called")) is None
    assert attempt(TitleForm({"title": "x", "days": "1"}), lambda: "made") == "made"
