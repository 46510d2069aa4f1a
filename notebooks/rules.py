"""Validation rules for the files of a share (studio/rules.py)."""

from studio import visible_names
from studio.errors import Invalid
from studio.file_paths import MAX_PATH_LENGTH, check_path
from studio.rules import Rule, choice_rule

FILE_KINDS = {"notebook": "Notebook", "file": "File", "folder": "Folder"}


def check_file_name(value) -> str:
    """The name of a file or folder: a path with one part. Names that begin with a period are reserved for programs."""
    name = check_path(value)
    if "/" in name:
        raise Invalid("A name cannot contain a slash.", target="name")
    if problem := visible_names.problem_with(name):
        raise Invalid(f"The name {problem}", target="name")
    if name.startswith("."):
        raise Invalid("Names that begin with a period are reserved for programs.", target="name")
    return name


FILE_KIND = choice_rule("kind", FILE_KINDS, target="kind")
FILE_PATH = Rule(check_path, "path", {"minLength": 1, "maxLength": MAX_PATH_LENGTH})
FILE_NAME = Rule(check_file_name, "name", {"minLength": 1, "maxLength": MAX_PATH_LENGTH})
