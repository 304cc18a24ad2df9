"""URLs of our making, read back by libpq's own parser."""

from __future__ import annotations

import json
import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from tillgate.adapters.postgres.conninfo import owner_access, role_url, url_for_role
from tillgate.domain.errors import SecretUnavailableError

# What a libpq parameter can hold at all: anything but NUL.
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
RDS = {
    "engine": "postgres",
    "username": "owner",
    "password": "p@ss/w:rd",
    "host": "db.cluster.eu-west-1.rds.amazonaws.com",
    "port": 5432,
    "dbname": "tillgate",
}


@given(WORDS, WORDS)
def test_any_name_and_password_reach_libpq_as_they_are(username: str, password: str) -> None:
    url = url_for_role("postgresql://o:p@db:6432/x", username=username, password=password)

    assert conninfo_to_dict(url) == {
        "user": username,
        "password": password,
        "host": "db",
        "port": "6432",
        "dbname": "x",
    }


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://o:p@db.example.com:5432/tillgate",
        "postgres://o:p@db.example.com:5432/tillgate?sslmode=verify-full&sslrootcert=/opt/rds.pem",
        "postgresql://o:p@[::1]:5432/x",
        "postgresql://o:p@%2Ftmp%2Fsocket:5432/x",
        "postgresql://o:p@db:5432/x?options=-c%20search_path%3Da%2Cb",
        "postgresql://o:p@db:5432/x?application_name=a%2Bb%26c",
        "postgresql://o:p@one:5432,two:5433/x?target_session_attrs=read-write",
        "postgresql://o:p@db:5432/name%20with%2Fslash",
        "host=db port=5432 dbname=x user=o password=p sslmode=require",
    ],
)
def test_all_but_name_and_password_stays(url: str) -> None:
    made = url_for_role(url, username="tillgate_ingest", password="new")

    assert conninfo_to_dict(made) == conninfo_to_dict(url) | {
        "user": "tillgate_ingest",
        "password": "new",
    }


def test_one_port_is_every_host_s() -> None:
    made = url_for_role("host=one,::1 port=6432 dbname=x", username="u", password="p")

    assert conninfo_to_dict(made)["host"] == "one,::1"
    assert conninfo_to_dict(made)["port"] == "6432,6432"


def test_what_is_not_said_is_postgres_s_default() -> None:
    made = url_for_role("postgresql://", username="u", password="p")

    assert conninfo_to_dict(made) == {
        "user": "u",
        "password": "p",
        "host": "localhost",
        "port": "5432",
        "dbname": "postgres",
    }


@pytest.mark.parametrize("url", ["no url", "mysql://x", "host=a,b,c port=1,2"])
def test_what_is_no_connection_string_is_told(url: str) -> None:
    with pytest.raises(SecretUnavailableError, match="not a connection URL"):
        url_for_role(url, username="u", password="p")


def test_an_owner_s_url_on_this_machine_is_taken_as_it_is() -> None:
    url = "postgresql://o:p@127.0.0.1:5433/x?sslmode=disable"
    assert owner_access(url).whole_url() == url


def test_rds_s_json_becomes_a_url_that_asks_for_tls() -> None:
    told = conninfo_to_dict(owner_access(json.dumps(RDS)).url)
    assert Path(str(told.pop("sslrootcert"))).is_file()
    assert told == {
        "user": "owner",
        "password": "p@ss/w:rd",
        "host": "db.cluster.eu-west-1.rds.amazonaws.com",
        "port": "5432",
        "dbname": "tillgate",
        "sslmode": "verify-full",
        "gssencmode": "disable",
    }


@pytest.mark.parametrize("secret", ["", "x", "[]", "null", "1", "{}", "mysql://o@db/x"])
def test_an_owner_s_secret_that_is_neither_is_told(secret: str) -> None:
    with pytest.raises(
        SecretUnavailableError, match="neither a URL, nor that and its CA, nor RDS's JSON"
    ):
        owner_access(secret)


@pytest.mark.parametrize("name", ["username", "password", "host", "port", "dbname"])
def test_every_part_of_rds_s_json_is_needed(name: str) -> None:
    parts = {other: value for other, value in RDS.items() if other != name}

    with pytest.raises(SecretUnavailableError):
        owner_access(json.dumps(parts))


def test_a_role_s_url_is_in_its_secret() -> None:
    assert role_url('{"username":"u","password":"p","url":"postgresql://u:p@db/x"}') == (
        "postgresql://u:p@db/x"
    )


@pytest.mark.parametrize("secret", ["", "[]", "null", "{}", '{"username":"u"}'])
def test_a_role_s_secret_without_a_url_says_what_to_do(secret: str) -> None:
    with pytest.raises(SecretUnavailableError, match="run migrate"):
        role_url(secret)


@pytest.mark.parametrize("password", ["p%zzword-canary", "pa ss#x-canary"])
def test_a_password_pasted_without_encoding_is_refused_and_not_quoted(password: str) -> None:
    url = f"postgresql://owner:{password}@db.example.com/postgres"

    for read in (owner_access, lambda text: url_for_role(text, username="u", password="p")):
        with pytest.raises(SecretUnavailableError, match="percent-encoded") as caught:
            read(url)
        assert "canary" not in "".join(traceback.format_exception(caught.value))


def test_supabases_pooler_is_told_the_project_by_the_roles_name() -> None:
    url = url_for_role(
        "postgresql://postgres.abcdef:p@aws-0-eu-central-1.pooler.supabase.com:5432/postgres",
        username="tillgate_ingest",
        password="s",
    )

    assert conninfo_to_dict(url)["user"] == "tillgate_ingest.abcdef"


def test_a_dot_in_another_owners_name_is_its_own() -> None:
    url = url_for_role("postgresql://o.w:p@db/x", username="tillgate_api", password="s")

    assert conninfo_to_dict(url)["user"] == "tillgate_api"


def test_supabases_transaction_pooler_is_refused() -> None:
    with pytest.raises(SecretUnavailableError, match="session pooler"):
        owner_access("postgresql://postgres.a:p@aws-0-x.pooler.supabase.com:6543/postgres")
