from __future__ import annotations

from email.message import Message

import pytest

from ops.supply.licences import declared, permitted

APACHE = "License :: OSI Approved :: Apache Software License"
BSD = "License :: OSI Approved :: BSD License"


def metadata(*fields: tuple[str, str]) -> Message:
    message = Message()
    for name, value in fields:
        message[name] = value
    return message


@pytest.mark.parametrize(
    ("fields", "licence"),
    [
        ([("License-Expression", "apache-2.0 or mit"), ("License", "GPL")], "Apache-2.0 OR MIT"),
        ([("License", "BSD-3-Clause"), ("Classifier", BSD)], "BSD-3-Clause"),
        ([("License", "Apache License 2.0"), ("Classifier", APACHE)], "Apache-2.0"),
        ([("License", "Dual"), ("Classifier", BSD), ("Classifier", APACHE)],
         "Apache-2.0 AND LicenseRef-BSD"),
        ([("Classifier", "License :: DFSG approved"), ("Classifier", APACHE)], "Apache-2.0"),
        ([("License", "BSD")], "LicenseRef-BSD"),
        ([("License", "UNKNOWN"), ("Classifier", "Programming Language :: Python")], ""),
        ([("Classifier", APACHE), ("Classifier", "License :: Other/Proprietary License")], ""),
        ([], ""),
    ],
)  # fmt: skip
def test_what_a_distribution_declares_is_read_as_spdx(
    fields: list[tuple[str, str]], licence: str
) -> None:
    assert declared(metadata(*fields)) == licence


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("GPL-3.0-only OR MIT", True),
        ("GPL-3.0-only AND MIT", False),
        ("(GPL-3.0-only OR MIT) AND Apache-2.0", True),
        ("MIT OR GPL-3.0-only AND AGPL-3.0-only", True),
        ("(MIT OR Apache-2.0) AND AGPL-3.0-only", False),
        ("Apache-2.0 WITH LLVM-exception", False),
        ("", False),
    ],
)
def test_every_part_of_and_must_be_allowed_and_one_of_or(expression: str, *, allowed: bool) -> None:
    assert permitted(expression, {"MIT", "Apache-2.0"}) is allowed
