"""One place reads the environment, and what it cannot use stops the start with a cure."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.providers import OPENAI, BadProviders
from telephony import settings
from telephony.settings import Settings, check_for_twilio, describe, load
from telephony.values import Secret
from telephony.variable import Variable
from telephony.variables import VARIABLES
from tools.config import ConfigError

SID = "AC" + "0123456789abcdef" * 2
CANARY = "canary-4711-secret"


def read(folder: Path, **environ: str) -> Settings:
    return load(environ, folder)


def refused(folder: Path, **environ: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(environ, folder)
    return caught.value


def outcome(environ: dict[str, str], folder: Path) -> Settings | ConfigError:
    try:
        return load(environ, folder)
    except ConfigError as error:
        return error


def test_nothing_needs_to_be_set(tmp_path: Path) -> None:
    settings = read(tmp_path)
    assert settings.engine == "local"
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings.public_url == "http://127.0.0.1:8080"
    assert settings.database_url.reveal() == f"sqlite:///{Path.cwd()}/data/frontdesk.db"
    assert settings.model == "gpt-realtime-2.1"
    assert settings.twilio_auth_tokens == ()
    assert settings.unknown == ()
    assert set(settings.sources.values()) == {"default"}


def test_every_field_has_one_variable_and_every_variable_one_field() -> None:
    fields = [variable.field for variable in VARIABLES]
    assert sorted(fields) == sorted(
        set(Settings.__struct_fields__) - {"sources", "secrets", "unknown"}
    )
    assert len({variable.name for variable in VARIABLES}) == len(VARIABLES)


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.name)
def test_defaults_are_values_that_could_be_set(tmp_path: Path, variable: Variable) -> None:
    explicit = read(tmp_path, **{variable.name: variable.default or ""})
    assert getattr(explicit, variable.field) == getattr(read(tmp_path), variable.field)


def test_a_data_folder_may_have_blanks_in_its_path(tmp_path: Path) -> None:
    settings = read(tmp_path, FRONTDESK_DATA_DIR="/srv/front desk")
    assert settings.database_url.reveal() == "sqlite:////srv/front desk/frontdesk.db"


def test_a_place_that_cannot_hold_the_database_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = tmp_path / "a\nb"
    odd.mkdir()
    monkeypatch.chdir(odd)
    assert refused(tmp_path).where == "FRONTDESK_DATA_DIR"


@pytest.mark.parametrize(("text", "meant"), [("yes", True), ("True", True), ("0", False)])
def test_yes_and_no_may_be_written_in_several_ways(tmp_path: Path, text: str, meant: bool) -> None:
    assert read(tmp_path, FRONTDESK_LOG_CALLER_DATA=text).log_caller_data is meant


def test_a_key_chooses_the_realtime_engine(tmp_path: Path) -> None:
    assert read(tmp_path, OPENAI_API_KEY="sk-1").engine == "realtime"
    assert read(tmp_path, OPENAI_API_KEY="sk-1", FRONTDESK_ENGINE="local").engine == "local"


def test_other_settings_follow_from_those_given(tmp_path: Path) -> None:
    settings = read(tmp_path, FRONTDESK_PORT="9000", FRONTDESK_DATA_DIR="/var/lib/frontdesk")
    assert settings.public_url == "http://127.0.0.1:9000"
    assert settings.database_url.reveal() == "sqlite:////var/lib/frontdesk/frontdesk.db"


def test_model_and_address_are_the_provider_s_unless_said(tmp_path: Path) -> None:
    plain = read(tmp_path, OPENAI_API_KEY="k")
    assert plain.openai_base_url == "https://api.openai.com/v1"
    comet = read(tmp_path, OPENAI_API_KEY="k", FRONTDESK_PROVIDER="cometapi")
    assert comet.openai_base_url == "https://api.cometapi.com/v1"
    assert comet.model == "gpt-4o-realtime"
    own = {"FRONTDESK_MODEL": "m", "OPENAI_BASE_URL": "https://x.example/v1"}
    azure = read(tmp_path, OPENAI_API_KEY="k", FRONTDESK_PROVIDER="azure", **own)
    assert (azure.model, azure.openai_base_url) == ("m", "https://x.example/v1")
    assert read(tmp_path, FRONTDESK_PROVIDER="azure").engine == "local"


def test_fault_p11_a_provider_nobody_knows_is_refused_with_those_there_are(tmp_path: Path) -> None:
    error = refused(tmp_path, FRONTDESK_PROVIDER="azur")
    assert error.where == "FRONTDESK_PROVIDER"
    assert "there is no provider 'azur'" in error.what
    assert "openai, openai-eu, azure, azure-entra, cometapi" in error.hint
    assert "perhaps azure is meant" in error.hint


def test_fault_p11_a_provider_without_an_address_of_its_own_needs_one(tmp_path: Path) -> None:
    error = refused(tmp_path, OPENAI_API_KEY="k", FRONTDESK_PROVIDER="azure")
    assert error.where == "OPENAI_BASE_URL"
    assert "https://RESOURCE.openai.azure.com/openai/v1" in error.hint


def test_fault_p11_a_provider_that_takes_no_mu_law_is_not_asked_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaf = msgspec.structs.replace(OPENAI, ulaw=False)
    monkeypatch.setattr(settings, "read_providers", lambda: {"openai": deaf})
    error = refused(tmp_path, OPENAI_API_KEY="k", FRONTDESK_REALTIME_AUDIO="ulaw")
    assert (error.where, error.hint) == ("FRONTDESK_REALTIME_AUDIO", "Set it to pcm")


def test_fault_p11_a_data_file_that_cannot_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def torn() -> None:
        raise BadProviders("it is torn")

    monkeypatch.setattr(settings, "read_providers", torn)
    assert "it is torn" in refused(tmp_path).what


def test_the_environment_wins_over_the_dotenv_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("FRONTDESK_PORT=1001\nFRONTDESK_HOST = 0.0.0.0  # all\n")
    settings = read(tmp_path, FRONTDESK_PORT="1002")
    assert (settings.port, settings.host) == (1002, "0.0.0.0")
    assert settings.sources["FRONTDESK_PORT"] == "environment"
    assert settings.sources["FRONTDESK_HOST"] == str(tmp_path / ".env")


def test_an_empty_value_stands_for_the_default_and_hides_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OPENAI_API_KEY=sk-1\nFRONTDESK_PORT=\n")
    assert read(tmp_path).engine == "realtime"
    settings = read(tmp_path, OPENAI_API_KEY="")
    assert settings.openai_api_key is None
    assert settings.port == 8080
    assert settings.sources["OPENAI_API_KEY"] == "default"


def test_a_dotenv_file_may_quote_and_export(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "\ufeff# ours\nexport FRONTDESK_GREETING=\"Good day, this is the 'desk'.\"\n"
        "FRONTDESK_INSTRUCTIONS='say $HOME, not more'\n"
    )
    settings = read(tmp_path)
    assert settings.greeting == "Good day, this is the 'desk'."
    assert settings.instructions == "say $HOME, not more"


def test_several_auth_tokens_may_be_given_while_rotating(tmp_path: Path) -> None:
    settings = read(tmp_path, TWILIO_AUTH_TOKEN="one, two")
    assert [token.reveal() for token in settings.twilio_auth_tokens] == ["one", "two"]


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "TWILIO_AUTH_TOKEN"])
def test_a_secret_may_come_from_a_file(tmp_path: Path, name: str) -> None:
    file = tmp_path / "secret"
    file.write_text(f"  {CANARY}\n")
    settings = read(tmp_path, **{f"{name}_FILE": str(file)})
    assert settings.sources[name] == f"file {file}"
    assert CANARY in {
        settings.openai_api_key.reveal() if settings.openai_api_key else "",
        *(token.reveal() for token in settings.twilio_auth_tokens),
    }


def test_the_environments_file_wins_over_the_dotenv_value(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from-file")
    (tmp_path / ".env").write_text("OPENAI_API_KEY=from-dotenv\n")
    settings = read(tmp_path, OPENAI_API_KEY_FILE=str(tmp_path / "secret"))
    assert settings.openai_api_key == Secret("from-file")


BAD = [
    ("FRONTDESK_ENGINE", "robot", "'robot' is not one of local, realtime, turns, live"),
    ("FRONTDESK_HOST", "a b", "is not an address or host name"),
    ("FRONTDESK_PORT", "http", "'http' is not a whole number"),
    ("FRONTDESK_PORT", "65536", "65536 is outside 0 to 65535"),
    ("FRONTDESK_PORT", "٣", "is not a whole number"),
    ("FRONTDESK_MAX_CALLS", "0", "0 is outside 1 to 10000"),
    ("FRONTDESK_MAX_DAY_USD", "0", "0.0 is outside 0.01 to 1000000"),
    ("FRONTDESK_MAX_CALL_USD", "$5", "'$5' is not an amount"),
    ("FRONTDESK_MAX_CALLER_USD", "1.2345678", "is not an amount"),
    ("FRONTDESK_CARRIER_USD_PER_MINUTE", "-1", "'-1' is not an amount"),
    ("FRONTDESK_RETIRED_MODELS", "ignore", "'ignore' is not one of successor, refuse"),
    ("FRONTDESK_MODELS_FILE", "~/models.json", "write the whole path"),
    ("FRONTDESK_MAX_CALLS", "1e3", "is not a whole number"),
    ("FRONTDESK_TURN_THRESHOLD", "1.5", "1.5 is outside 0 to 1"),
    ("FRONTDESK_TURN_THRESHOLD", "nan", "is not a number"),
    ("FRONTDESK_LOG_CALLER_DATA", "maybe", "neither yes nor no"),
    ("FRONTDESK_LANGUAGE", "english please", "is not a language tag"),
    ("FRONTDESK_PUBLIC_URL", "http://phone.example.com", "must start with https://"),
    ("FRONTDESK_PUBLIC_URL", "https://phone.example.com/frontdesk", "no path"),
    ("FRONTDESK_PUBLIC_URL", "https://phone.example.com?x=1", "no query"),
    ("FRONTDESK_PUBLIC_URL", "https://user:pw@phone.example.com", "no user name"),
    ("FRONTDESK_PUBLIC_URL", "phone.example.com", "not a URL"),
    ("FRONTDESK_PUBLIC_URL", "https://phone.example.com:99999", "not a URL"),
    ("FRONTDESK_PUBLIC_URL", "https://[::1", "not a URL"),
    ("FRONTDESK_DATABASE_URL", "postgres://u:p@h/d", "must start with"),
    ("FRONTDESK_DATABASE_URL", "postgresql://h/d\nx", "line break"),
    ("FRONTDESK_DATABASE_URL", "sqlite://", "in memory"),
    ("FRONTDESK_DATABASE_URL", "/var/lib/x.db", "must start with"),
    ("FRONTDESK_DATA_DIR", "~/data", "~ is not understood"),
    ("FRONTDESK_DATA_DIR", "a\0b", "control character"),
    ("FRONTDESK_DATA_DIR", "what?", "question mark"),
    ("TWILIO_ACCOUNT_SID", "SK123", "not an account SID"),
    ("TWILIO_AUTH_TOKEN", "a,,b", "nothing between two commas"),
    ("TWILIO_AUTH_TOKEN", "a b", "blank"),
    ("TWILIO_API_URL", "ftp://x", "not a URL"),
    ("OPENAI_BASE_URL", "https://x/v1#top", "no #fragment"),
    ("FRONTDESK_MODEL", "gpt realtime", "is not a model id"),
    ("FRONTDESK_LOCAL_LLM_URL", "ws://127.0.0.1/v1", "not a URL"),
    ("FRONTDESK_LOCAL_LLM_URL", "http://127.0.0.1/v1?key=1", "no ?query"),
    ("FRONTDESK_LOCAL_LLM_MODEL", "my model", "is not a model id"),
    ("FRONTDESK_IDLE_HANGUP_SECONDS", "10", "not more than FRONTDESK_SILENCE_PROMPT_SECONDS"),
]


@pytest.mark.parametrize(("name", "value", "what"), BAD)
def test_fault_p11_a_bad_value_is_named_with_its_cure(
    tmp_path: Path, name: str, value: str, what: str
) -> None:
    error = refused(tmp_path, **{name: value})
    assert error.where == name
    assert what in error.what
    assert error.hint
    assert str(error).isprintable()


@pytest.mark.parametrize("engine", ["realtime", "live"])
def test_fault_p11_a_provider_s_engine_without_a_key(tmp_path: Path, engine: str) -> None:
    error = refused(tmp_path, FRONTDESK_ENGINE=engine)
    assert error.where == "OPENAI_API_KEY"
    assert "FRONTDESK_ENGINE=local" in error.hint


def test_fault_p11_both_a_secret_and_its_file(tmp_path: Path) -> None:
    error = refused(tmp_path, OPENAI_API_KEY="x", OPENAI_API_KEY_FILE="/run/secrets/key")
    assert "OPENAI_API_KEY_FILE is set as well" in error.what


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (None, "No such file"),
        (b"", "empty"),
        (b" \n", "empty"),
        (b"\xff\xfe", "UnicodeDecodeError"),
    ],
)
def test_fault_p11_a_secret_file_that_cannot_be_used(
    tmp_path: Path, content: bytes | None, what: str
) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    error = refused(tmp_path, OPENAI_API_KEY_FILE=str(file))
    assert error.where == "OPENAI_API_KEY_FILE"
    assert what in error.what


@pytest.mark.parametrize("line", ["FRONTDESK_PORT", "= 5", "FRONTDESK_GREETING='open"])
def test_fault_p11_a_dotenv_line_that_is_no_setting(tmp_path: Path, line: str) -> None:
    (tmp_path / ".env").write_text(f"FRONTDESK_PORT=1\n{line}\n")
    error = refused(tmp_path)
    assert error.where == f"{tmp_path / '.env'}, line 2"


def test_fault_p11_a_dotenv_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    assert refused(tmp_path).where == str(tmp_path / ".env")
    (tmp_path / ".env").rmdir()
    (tmp_path / ".env").write_bytes(b"FRONTDESK_GREETING=\xff\n")
    assert "UnicodeDecodeError" in refused(tmp_path).what


SECRETS = ("OPENAI_API_KEY", "TWILIO_AUTH_TOKEN", "FRONTDESK_DATABASE_URL")


def test_no_secret_shows_anywhere(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        OPENAI_API_KEY=CANARY,
        TWILIO_AUTH_TOKEN=f"{CANARY},{CANARY}2",
        FRONTDESK_DATABASE_URL=f"postgresql://desk:{CANARY}@x@db.example.com/desk?password={CANARY}",
    )
    shown = [repr(settings), str(settings), *map(repr, describe(settings))]
    assert all(CANARY not in text for text in shown)
    with pytest.raises(TypeError):
        msgspec.json.encode(settings)
    rows = {row.name: row.value for row in describe(settings)}
    assert rows["OPENAI_API_KEY"] == "hidden"
    assert rows["TWILIO_AUTH_TOKEN"] == "2 hidden"
    assert rows["FRONTDESK_DATABASE_URL"] == "postgresql://desk:***@db.example.com/desk"


def test_several_words_show_unless_they_are_secret(tmp_path: Path) -> None:
    rows = {row.name: row.value for row in describe(read(tmp_path, FRONTDESK_FALLBACKS="local"))}
    assert rows["FRONTDESK_FALLBACKS"] == "local"


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("value", [f"{CANARY} x", f"{CANARY},,", f"postgres://u:{CANARY}@h/d"])
def test_no_secret_shows_in_an_error(tmp_path: Path, name: str, value: str) -> None:
    assert CANARY not in str(outcome({name: value}, tmp_path))


def test_a_database_url_may_hold_a_password_of_any_signs(tmp_path: Path) -> None:
    url = "postgresql://u:p/w@:@h/d"
    settings = read(tmp_path, FRONTDESK_DATABASE_URL=url)
    assert settings.database_url.reveal() == url
    assert "p/w" not in repr(settings)


def test_every_setting_is_described_with_its_source(tmp_path: Path) -> None:
    rows = {row.name: row for row in describe(read(tmp_path, FRONTDESK_MAX_CALLS="7"))}
    assert list(rows) == [variable.name for variable in VARIABLES]
    assert (rows["FRONTDESK_MAX_CALLS"].value, rows["FRONTDESK_MAX_CALLS"].source) == (
        "7",
        "environment",
    )
    assert rows["FRONTDESK_LOG_CALLER_DATA"].value == "no"
    assert rows["TWILIO_ACCOUNT_SID"].value == "not set"
    assert all(row.meaning for row in rows.values())


def test_a_typing_error_is_reported_with_what_may_be_meant(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("FRONTDESK_MAXCALLS=5\n")
    settings = read(tmp_path, FRONTDESK_COLOUR="red", FRONTDESK_PORT_FILE="x", PATH="/bin")
    assert settings.unknown == (
        "FRONTDESK_COLOUR is no setting",
        "FRONTDESK_MAXCALLS is no setting; is FRONTDESK_MAX_CALLS meant?",
        "FRONTDESK_PORT_FILE is no setting; is FRONTDESK_PORT meant?",
    )


def test_twilio_needs_an_account_and_a_token(tmp_path: Path) -> None:
    for given_names, missing in (
        ({}, "TWILIO_AUTH_TOKEN"),
        ({"TWILIO_AUTH_TOKEN": "t"}, "TWILIO_ACCOUNT_SID"),
    ):
        with pytest.raises(ConfigError) as caught:
            check_for_twilio(load(given_names, tmp_path))
        assert caught.value.where == missing
    with pytest.raises(ConfigError) as caught:
        check_for_twilio(read(tmp_path))
    assert [each.where for each in caught.value.problems] == [
        "TWILIO_AUTH_TOKEN",
        "TWILIO_ACCOUNT_SID",
    ]
    check_for_twilio(read(tmp_path, TWILIO_AUTH_TOKEN="t", TWILIO_ACCOUNT_SID=SID))


@pytest.mark.parametrize(
    ("given_url", "kept"),
    [
        ("https://phone.example.com/", "https://phone.example.com"),
        ("https://phone.example.com:8443", "https://phone.example.com:8443"),
        ("http://localhost:5000", "http://localhost:5000"),
        ("http://[::1]:5000", "http://[::1]:5000"),
    ],
)
def test_public_urls_are_kept_without_a_slash(tmp_path: Path, given_url: str, kept: str) -> None:
    assert read(tmp_path, FRONTDESK_PUBLIC_URL=given_url).public_url == kept


@given(st.sampled_from(VARIABLES), st.text(max_size=40))
def test_any_text_is_used_or_refused_by_name(
    tmp_path_factory: pytest.TempPathFactory, variable: Variable, value: str
) -> None:
    folder = tmp_path_factory.getbasetemp()
    found = outcome({variable.name: value}, folder)
    others = {"OPENAI_API_KEY", "FRONTDESK_IDLE_HANGUP_SECONDS"}
    others |= {each.name for each in VARIABLES if each.name.startswith("FRONTDESK_OIDC_")}
    assert isinstance(found, Settings) or found.where in {variable.name, *others}


@given(st.binary(max_size=200))
def test_any_bytes_may_stand_in_a_dotenv_file(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("env")
    (folder / ".env").write_bytes(content)
    found = outcome({}, folder)
    assert isinstance(found, Settings) or found.where


def test_secrets_compare_by_value_and_hash_alike() -> None:
    assert Secret("a") == Secret("a", shown="other")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1


def test_secrets_of_configuration_files_are_settings_of_any_name(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("FRONTDESK_SECRET_CRM=from-file\nFRONTDESK_SECRET_PAY=p\n")
    settings = load({"FRONTDESK_SECRET_CRM": "from-environment"}, tmp_path)
    assert settings.unknown == ()
    assert settings.secrets.get("crm") == "from-environment"
    assert settings.secrets.get("pay") == "p"
    assert "from-environment" not in repr(settings)


@pytest.mark.parametrize(
    ("given", "lacking"),
    [
        ({"FRONTDESK_LOCAL_LLM_URL": "http://127.0.0.1:1/v1"}, "FRONTDESK_LOCAL_LLM_MODEL"),
        ({"FRONTDESK_LOCAL_LLM_MODEL": "tiny"}, "FRONTDESK_LOCAL_LLM_URL"),
    ],
)
def test_a_language_model_needs_both_its_address_and_its_name(
    tmp_path: Path, given: dict[str, str], lacking: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        read(tmp_path, **given)
    assert refused.value.where == lacking
    assert "it is not set" in refused.value.what
