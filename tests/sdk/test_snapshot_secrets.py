"""A snapshot contains no secrets that nobody asked for."""

import pytest
from lazuli.runs import snapshots

SECRETS = [
    ".env",
    ".env.production",
    "conf/prod.env",
    ".git/config",
    "keys/id_rsa",
    "id_ed25519",
    "ID_RSA",
    ".ssh/config",
    "certificates/server.pem",
    "server.key",
    "store.p12",
    "store.PFX",
    ".netrc",
    ".pypirc",
    ".npmrc",
    ".git-credentials",
    ".aws/credentials",
    "home/.aws/credentials",
    ".azure/accessTokens.json",
    ".kube/config",
    ".docker/config.json",
    ".config/gcloud/credentials.db",
    "kaggle.json",
    "terraform.tfstate",
    "prod.tfvars",
    "id_rsa_deploy",
    "app/local.settings.json",
    ".streamlit/secrets.toml",
    "conf/secrets.yml",
    "credentials.json",
    "credentials.csv",
    ".env-prod",
    ".env_local",
    "AuthKey_1.p8",
    "id_rsa.bak",
    ".dbt/profiles.yml",
    ".aws/config",
    ".bash_history",
]
HARMLESS = [
    "train.py",
    "environment.py",
    ".env.example",
    ".env_example",
    "secrets.py",
    "id_rsa.pub",
    "id_rsa_deploy.pub",
    "keys/readme.md",
    "config",
    "credentials",
    "gcloud/deploy.py",
    "a.keys",
]


@pytest.fixture
def folder(tmp_path):
    return put(tmp_path, "train.py")


def put(folder, *names, text="x"):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def taken(folder) -> set[str]:
    return {file.path for file in snapshots.collect_files(str(folder)) if not file.path.endswith("/")}


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_left_out_and_said_in_one_line(folder, capsys, name):
    assert taken(put(folder, name)) == {"train.py"}
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "Left out of the snapshot" in said and ".amlignore" in said
    # What the line names is the file, or the folder that was not entered.
    assert any(f" {name[:end]}" in said for end in range(2, len(name) + 1))


@pytest.mark.parametrize("name", HARMLESS)
def test_what_only_looks_like_one_goes_in(folder, capsys, name):
    assert taken(put(folder, name)) == {"train.py", name}
    assert capsys.readouterr().err == ""


def test_the_line_tells_how_to_have_it(folder, capsys):
    put(folder, ".env", ".git/config", *(f"{n}.pem" for n in range(6)))
    taken(folder)
    said = capsys.readouterr().err
    assert ".env, .git/, 0.pem, 1.pem, 2.pem and 3 more" in said and "such as !.env" in said


@pytest.mark.parametrize("ignore_file", [".amlignore", ".gitignore"])
@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("!.env", ".env"),
        ("!.env*", ".env"),
        ("!/.env", ".env"),
        ("!.git/", ".git/config"),
        ("!*.pem", "keys/server.pem"),
        ("!keys/server.pem", "keys/server.pem"),
        ("*.pem\n!server.pem", "keys/server.pem"),
    ],
)
def test_a_line_with_its_name_takes_it_in(folder, capsys, ignore_file, line, name):
    (put(folder, name) / ignore_file).write_text(line + "\n")
    assert taken(folder) == {"train.py", ignore_file, name}
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("text", ["*\n!*/\n!*.py\n", "!*\n", "!*/\n", "!other.env\n", "#!.env\n"])
def test_a_line_without_its_name_does_not(folder, text):
    (put(folder, ".env", ".git/config", ".git/hook.py") / ".amlignore").write_text(text)
    assert not {".env", ".git/config", ".git/hook.py"} & taken(folder)


def test_what_the_ignore_file_leaves_out_by_itself_is_not_said(folder, capsys):
    (put(folder, ".env") / ".amlignore").write_text(".env\n")
    assert ".env" not in taken(folder)
    assert capsys.readouterr().err == ""


def test_the_line_names_the_ignore_file_that_counts(folder, capsys):
    (put(folder, ".env") / ".gitignore").write_text("*.log\n")
    taken(folder)
    assert "after a ! to .gitignore" in capsys.readouterr().err


def test_a_key_in_an_included_folder_must_be_included_by_name(folder):
    put(folder, ".ssh/config", ".ssh/id_rsa")
    (folder / ".amlignore").write_text("!.ssh/\n")
    assert taken(folder) == {"train.py", ".amlignore", ".ssh/config"}


def test_one_file_that_is_named_is_taken(tmp_path):
    assert {file.path for file in snapshots.collect_files(str(put(tmp_path, ".env") / ".env"))} == {".env"}
