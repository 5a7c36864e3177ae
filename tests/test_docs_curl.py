"""The curl examples of the docs say what the text says they say."""

import asyncio
import re
import shutil
from pathlib import Path

import pytest
from tests.gateway.curl import needed

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "transports.md"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

pytestmark = [needed, pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")]


def blocks():
    """The first program, then each script with its output."""
    found = BLOCK.findall(DOCUMENT.read_text())
    program = next(text for language, text in found if language == "python")
    scripts = [(text, found[at + 1][1]) for at, (language, text) in enumerate(found) if language == "sh"]
    return program, scripts


def pattern(text):
    """What `…` stands for anything in."""
    return re.compile(".*?".join(map(re.escape, text.strip().split("…"))), re.DOTALL)


@pytest.mark.slow
async def test_every_script_prints_what_it_is_said_to_print():
    program, scripts = blocks()
    names = {"__name__": "program"}
    exec(program, names)
    assert len(scripts) == 7
    async with names["app"].serving("localhost") as server:
        for script, output in scripts:
            process = await asyncio.create_subprocess_exec(
                *["bash", "-euo", "pipefail", "-c", script.replace("8000", str(server.port))],
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            said, complaint = await process.communicate()
            assert process.returncode == 0, complaint
            assert pattern(output).fullmatch(said.decode().strip()), (script, said.decode())
