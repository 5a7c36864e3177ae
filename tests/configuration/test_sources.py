"""Variables and TOML files: what they say, and what is wrong with them."""

import pytest

from everywire.configuration import Configuration
from everywire.configuration.sources import Said, document, environment, written
from everywire.errors import SettingError


def test_variables_are_read_and_others_left_alone():
    variables = {
        "EVERYWIRE_HUB__LINGER": "5",
        "EVERYWIRE_RUN__PORT": "9000",
        "EVERYWIRE_RUN_PORT": "9001",  # the command's own affair
        "EVERYWIRE_PURE": "1",
        "EVERYWIRE_PORT": "tcp://10.0.0.1:80",  # what Kubernetes says of a service
        "EVERYWIRE_SERVICE_HOST": "10.0.0.1",
        "PATH": "/bin",
    }
    assert list(environment(variables)) == [
        Said(("hub", "linger"), "5", "EVERYWIRE_HUB__LINGER"),
        Said(("run", "port"), "9000", "EVERYWIRE_RUN__PORT"),
    ]


@pytest.mark.parametrize(
    ("key", "error"),
    [
        ("EVERYWIRE_HUB__LINGR", "did you mean EVERYWIRE_HUB__LINGER?"),
        ("EVERYWIRE_HUPB__LINGER", "did you mean EVERYWIRE_HUB__LINGER?"),
        ("EVERYWIRE_ZEBRA__STRIPES", "the sections are HUB, HTTP, SERVER"),
        ("EVERYWIRE_HUB_LINGER", "did you mean EVERYWIRE_HUB__LINGER?"),
        ("EVERYWIRE_LINGER", "did you mean EVERYWIRE_HUB__LINGER?"),
        ("EVERYWIRE_ORIGINS", "did you mean EVERYWIRE_HTTP__ORIGINS or EVERYWIRE_SERVER__ORIGINS?"),
        ("EVERYWIRE_SECRETS", "did you mean EVERYWIRE_SECRET?"),
    ],
)
def test_a_variable_that_there_is_not_is_an_error(key, error):
    with pytest.raises(SettingError) as caught:
        list(environment({key: "1"}))
    assert str(caught.value).startswith(f"{key}: ")
    assert error in str(caught.value)


def test_a_value_may_be_in_a_file(tmp_path):
    (tmp_path / "secret").write_text("hush, hush, hush!\n")
    variables = {"EVERYWIRE_SECRET_FILE": str(tmp_path / "secret")}
    assert list(environment(variables)) == [Said(("secret",), "hush, hush, hush!", "EVERYWIRE_SECRET_FILE")]
    with pytest.raises(SettingError, match=r"^EVERYWIRE_SECRET and EVERYWIRE_SECRET_FILE are both there"):
        list(environment({**variables, "EVERYWIRE_SECRET": "x"}))
    with pytest.raises(SettingError, match=r"^EVERYWIRE_SECRET_FILE: cannot read /nowhere: No such file"):
        list(environment({"EVERYWIRE_SECRET_FILE": "/nowhere"}))


def test_the_file_is_that_which_is_named_else_ours_else_the_projects(tmp_path):
    assert document({}, tmp_path) is None
    (tmp_path / "pyproject.toml").write_text("[tool.everywire]\nlog = 'debug'\n[tool.other]\nx = 1\n")
    project = document({}, tmp_path)
    assert (project.content, project.where(("log",))) == ({"log": "debug"}, "pyproject.toml: tool.everywire.log")
    (tmp_path / "everywire.toml").write_text("log = 'info'\n")
    assert document({}, tmp_path).content == {"log": "info"}
    (tmp_path / "other.toml").write_text("log = 'error'\n")
    assert document({"EVERYWIRE_CONFIG": "other.toml"}, tmp_path).content == {"log": "error"}
    assert document({"EVERYWIRE_CONFIG": ""}, tmp_path) is None


def test_a_project_that_says_nothing_is_no_file(tmp_path):
    (tmp_path / "pyproject.toml").write_text("this is no TOML, and nobody's affair here")
    assert document({}, tmp_path) is None


@pytest.mark.parametrize(
    "text",
    ["[tool]\neverywire.log = 'debug'", "[tool.'everywire']\nlog = 'debug'", "tool = {everywire = {log = 'debug'}}"],
)
def test_a_project_may_write_its_table_as_toml_has_it(tmp_path, text):
    (tmp_path / "pyproject.toml").write_text(text)
    assert document({}, tmp_path).content == {"log": "debug"}


@pytest.mark.parametrize(
    "text", ["[project]\ndependencies = ['everywire']", "tool = 3 # no tool.everywire", "everywire = ="]
)
def test_a_project_that_only_names_us_says_nothing(tmp_path, text):
    (tmp_path / "pyproject.toml").write_text(text)
    assert document({}, tmp_path) is None


def test_a_project_whose_word_of_us_is_no_table_is_an_error(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool]\neverywire = 3\n")
    with pytest.raises(SettingError, match=r"^pyproject\.toml: tool\.everywire is 3: a table of settings is needed"):
        document({}, tmp_path)
    (tmp_path / "pyproject.toml").write_text("[tool.everywire]\nlog = = 3\n")
    with pytest.raises(SettingError, match=r"^pyproject\.toml: Invalid value"):
        document({}, tmp_path)


def _forbidden(*_, **__):
    raise PermissionError(13, "Permission denied")


def test_a_folder_that_nobody_may_look_into_has_no_file(tmp_path, monkeypatch):
    (tmp_path / "everywire.toml").write_text("log = 'info'\n")
    monkeypatch.setattr("pathlib.Path.stat", _forbidden)
    assert document({}, tmp_path) is None


def test_a_folder_that_is_gone_has_no_file(tmp_path, monkeypatch):
    (gone := tmp_path / "gone").mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert Configuration.found({}).file is None


def test_a_project_that_may_not_be_read_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text("[tool.everywire]\n")
    monkeypatch.setattr("pathlib.Path.read_bytes", _forbidden)
    with pytest.raises(SettingError, match=r"^pyproject\.toml: cannot read .*/pyproject\.toml: Permission denied"):
        document({}, tmp_path)


def test_a_file_that_is_no_toml_or_is_not_there_is_an_error(tmp_path):
    (tmp_path / "everywire.toml").write_text("log = \n")
    with pytest.raises(SettingError, match=r"^everywire\.toml: Invalid value \(at "):
        document({}, tmp_path)
    with pytest.raises(SettingError, match=r"^EVERYWIRE_CONFIG: cannot read .*/gone\.toml"):
        document({"EVERYWIRE_CONFIG": "gone.toml"}, tmp_path)


def read(tmp_path, text):
    (tmp_path / "everywire.toml").write_text(text)
    return list(written(document({}, tmp_path)))


def test_tables_are_sections_or_commands(tmp_path):
    (tmp_path / "s").write_text("from the file")
    text = "secret_file = 's'\n[hub]\nlinger = 3\n[hub.heartbeat]\nevery = 5\n[run]\npid-file = 'x'\n"
    assert [(said.name, said.value) for said in read(tmp_path, text)] == [
        (("secret",), "from the file"),
        (("hub", "linger"), 3),
        (("hub", "heartbeat", "every"), 5),
        (("run", "pid-file"), "x"),
    ]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[hub]\nlingr = 3", r"everywire\.toml: hub\.lingr: there is no such setting; did you mean hub\.linger\?"),
        ("[hubb]\nlinger = 3", r"everywire\.toml: hubb: there is no such setting; did you mean hub\?"),
        ("hub = 3", r"everywire\.toml: hub is 3: a table of settings is needed"),
        ("run = 3", r"everywire\.toml: run is 3: a table of its options is needed"),
        (
            "port = 9000",
            r"everywire\.toml: port: there is no such setting; an option of a command is written in its table: \[run\], and below it port = …",
        ),
        ("linger = 3", r"everywire\.toml: linger: there is no such setting; did you mean hub\.linger\?"),
        ("max_size = 3", r"everywire\.toml: max_size: there is no such setting; did you mean server\.max_size\?"),
        ("[zebra]\na = 3", r"everywire\.toml: zebra: there is no such setting; the tables are hub, http, server, .*"),
        (
            "[tool.everywire.run]\nport = 3",
            r"everywire\.toml: tool: there is no such setting; all of this file is everywire's: write \[run\] for \[tool\.everywire\.run\]",
        ),
        ("[everywire]\nlog = 'info'", r"everywire\.toml: everywire: there .*: leave \[everywire\] out"),
        ("tool = 3", r"everywire\.toml: tool: there is no such setting; an option .*"),
        ("[hub]\nheartbeat = 3", r"everywire\.toml: hub\.heartbeat: there is no such setting.*"),
        ("log = 'loud'", r"everywire\.toml: log=loud: the levels are DEBUG, INFO, WARNING, ERROR and CRITICAL"),
        ("secret_file = 'gone'", r"everywire\.toml: secret_file: cannot read .*"),
    ],
)
def test_what_is_no_setting_is_an_error(tmp_path, text, error):
    with pytest.raises(SettingError, match=f"^{error}$"):
        read(tmp_path, text)


def test_an_option_outside_of_its_table_in_a_project_is_told_its_table(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.everywire]\nport = 9000\n")
    with pytest.raises(SettingError, match=r"tool\.everywire\.port: .* \[tool\.everywire\.run\], and below it port"):
        list(written(document({}, tmp_path)))
