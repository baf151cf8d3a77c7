"""What deploy/compose tells Grafana, by Grafana's documents: Grafana itself does not run here."""

from __future__ import annotations

import configparser
import json

import pytest
import yaml

from tests.conftest import ROOT
from tests.deploy.composed import HERE, services

#: Types by key, from https://grafana.com/docs/grafana/v12.4/administration/provisioning/: "Example data
#: source configuration file", "Common settings in the built-in core data sources", "Dashboards".
_SOURCE = {
    "name": str,
    "type": str,
    "access": str,
    "orgId": int,
    "uid": str,
    "url": str,
    "user": str,
    "database": str,
    "basicAuth": bool,
    "basicAuthUser": str,
    "withCredentials": bool,
    "isDefault": bool,
    "jsonData": {
        "timeInterval": str,
        "httpMethod": str,
        "customQueryParameters": str,
        "manageAlerts": bool,
        "prometheusType": str,
        "prometheusVersion": str,
        "cacheLevel": str,
        "incrementalQuerying": bool,
        "disableRecordingRules": bool,
    },
    "secureJsonData": dict,
    "version": int,
    "editable": bool,
}
SOURCES = {
    "apiVersion": int,
    "prune": bool,
    "deleteDatasources": [{"name": str, "orgId": int}],
    "datasources": [_SOURCE],
}
PROVIDERS = {
    "apiVersion": int,
    "providers": [
        {
            "name": str,
            "orgId": int,
            "folder": str,
            "folderUid": str,
            "type": str,
            "disableDeletion": bool,
            "updateIntervalSeconds": int,
            "allowUiUpdates": bool,
            "options": {"path": str, "foldersFromFilesStructure": bool},
        }
    ],
}


@pytest.mark.parametrize(("folder", "shape"), [("datasources", SOURCES), ("dashboards", PROVIDERS)])
def test_grafana_is_provisioned_as_documented(folder: str, shape: object) -> None:
    """Provisioning files have the documented keys and types, and no others."""
    for file in (HERE / "grafana" / "provisioning" / folder).iterdir():
        _fits(yaml.safe_load(file.read_text()), shape, file.name)


def test_dashboards_find_their_source() -> None:
    """The one source is the default of its type, so that it is what PROMETHEUS_DS begins with."""
    folder = HERE / "grafana" / "provisioning"
    (source,) = yaml.safe_load((folder / "datasources" / "prometheus.yaml").read_text())[
        "datasources"
    ]
    (provider,) = yaml.safe_load((folder / "dashboards" / "popcon.yaml").read_text())["providers"]
    boards = [json.loads(file.read_text()) for file in (ROOT / "grafana").glob("*.json")]
    variables = [board["templating"]["list"][0] for board in boards]

    assert source["isDefault"]
    assert source["url"].removeprefix("http://").split(":")[0] in services("go")
    assert {(v["name"], v["type"], v["query"]) for v in variables} == {
        ("PROMETHEUS_DS", "datasource", source["type"])
    }
    assert provider["options"]["path"] == "/popcon/grafana"


def test_nobody_is_an_admin_without_a_password() -> None:
    """Who comes to Grafana may look; an admin is made with the password of .env, and else not at all."""
    settings = configparser.ConfigParser()
    settings.read(HERE / "grafana" / "grafana.ini")
    variable = "GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"
    without = services("go")["grafana"]["environment"]
    having = services("go", GRAFANA_ADMIN_PASSWORD="p4ss")["grafana"]["environment"]

    assert settings.getboolean("security", "disable_initial_admin_creation")
    assert settings["auth.anonymous"]["org_role"] == "Viewer"
    assert (without["GF_SECURITY_ADMIN_PASSWORD"], without[variable]) == ("", "")
    assert (having["GF_SECURITY_ADMIN_PASSWORD"], having[variable]) == ("p4ss", "false")


def _fits(value: object, shape: object, where: str) -> None:
    if isinstance(shape, dict):
        assert isinstance(value, dict), where
        for key, inner in value.items():
            assert key in shape, f"{where}: {key}"
            _fits(inner, shape[key], f"{where}: {key}")
    elif isinstance(shape, list):
        assert isinstance(value, list), where
        for inner in value:
            _fits(inner, shape[0], where)
    else:
        assert type(value) is shape, where
