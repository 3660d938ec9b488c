"""The file of secrets: private, only secrets, and quoted in no message."""

import os
from pathlib import Path

import pytest

from crawler.model.errors import UsageError
from crawler.settings import load, options
from crawler.settings.option import from_flags
from crawler.settings.secrets import from_secrets

LOGIN = "a.example=me:hush"


def secrets(path: Path, text: str, mode: int = 0o600) -> dict[str, str]:
    """The environment with a file of secrets."""
    path.write_text(text)
    path.chmod(mode)
    return {"CRAWLER_SECRETS": str(path)}


def test_secrets_are_options_of_a_new_crawl(tmp_path: Path) -> None:
    environ = secrets(tmp_path / "s", f'auth = ["{LOGIN}"]\nproxy = "http://u:p@proxy.example"')
    assert load({}, environ).auth == (LOGIN,)
    assert load({}, {**environ, "CRAWLER_AUTH": "b.example=a:b"}).auth == ("b.example=a:b",)
    assert load({"proxy": "http://other.example"}, environ).proxy == "http://other.example"
    assert from_secrets({}, options()) == from_secrets({"CRAWLER_SECRETS": ""}, options()) == {}


@pytest.mark.promise("P47")
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o666, 0o660])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    environ = secrets(tmp_path / "s", f'auth = "{LOGIN}"', mode)
    with pytest.raises(UsageError, match=f"others may read .* \\(mode {mode:04o}\\)"):
        from_secrets(environ, options())


@pytest.mark.promise("P47")
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("auth = hush", "s is not a TOML file"),
        ("auth = [3]", "auth in .* must be a string or a list of strings"),
        ("delay = 'hush'", "delay in .* is not one of header, auth, proxy"),
        ("prox = 'hush'", "prox in .* is not one of header, auth, proxy; did you mean proxy"),
        ("auth = 'hush'", "auth in .* must have the form HOST=USER:PASS"),
        ("\0hush", "s is not a TOML file"),
    ],
)
def test_no_message_has_a_part_of_a_secret(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as error:
        load({}, secrets(tmp_path / "s", text))
    assert "hush" not in str(error.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"CRAWLER_SECRETS: cannot read .*nowhere: No such file"):
        from_secrets({"CRAWLER_SECRETS": str(tmp_path / "nowhere")}, options())
    with pytest.raises(UsageError, match="CRAWLER_SECRETS: "):
        from_secrets({"CRAWLER_SECRETS": str(tmp_path)}, options())


def test_a_pipe_can_have_the_secrets() -> None:
    out, into = os.pipe()
    os.write(into, f'auth = "{LOGIN}"'.encode())
    os.close(into)
    given = from_secrets({"CRAWLER_SECRETS": f"/dev/fd/{out}"}, options())
    assert given["auth"].value == from_flags({"auth": LOGIN}, options())["auth"].value
    os.close(out)
