"""Generate clients from openapi.json, compile them, and walk the main job with each: `make clients`.

Needs Node 20 or newer and the package registries; Java 17 for Kotlin. Whatever is installed or generated stands under
.venv/clients. A client that lacks a tool on this machine is said to be left out; any other failure fails the command.
"""

import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from config import ROOT
from tests.chaos.drivers.chaos_run import say
from tests.clients.kotlin_tools import KotlinTools, ToolNotFound, run
from tests.support.processes import RunningApp, running_app

HERE, FOLDER, DOCUMENT = Path(__file__).parent, ROOT / ".venv" / "clients", ROOT / "openapi.json"
PYTHON_TOOLS = ("openapi-python-client==0.29.1", "mypy==2.4.1")
SWIFT_OPTIONS = "projectName=Amends,enumUnknownDefaultCase=true"
Step = tuple[str, Callable[[str], str | None]]
"""What a step is called when it is done, and the step: of the address of the API. A walk returns the id it logged."""


def make_typescript() -> Path:
    """Install the generators and copy the walks; return the folder."""
    folder = FOLDER / "typescript"
    shutil.copytree(HERE / "typescript", folder, dirs_exist_ok=True)
    run("npm", "install", "--no-audit", "--no-fund", "--no-package-lock", cwd=folder)
    return folder


def steps_of_fetch() -> Sequence[Step]:
    folder = make_typescript()
    generate = ("npx", "openapi-typescript", DOCUMENT, "--default-non-nullable", "false", "-o", "schema.d.ts")
    return (
        ("generated", lambda _: run(*generate, cwd=folder)),
        ("compiled", lambda _: run("npx", "tsc", "-p", "tsconfig.fetch.json", cwd=folder)),
        ("walked", lambda url: run("node", "out/walk_fetch.js", url, cwd=folder)),
    )


def steps_of_heyapi() -> Sequence[Step]:
    folder = make_typescript()
    return (
        ("generated", lambda _: run("npx", "openapi-ts", "-i", DOCUMENT, "-o", "heyapi", cwd=folder)),
        ("compiled", lambda _: run("npx", "tsc", "-p", "tsconfig.heyapi.json", cwd=folder)),
        ("walked", lambda url: run("node", "out/walk_heyapi.js", url, cwd=folder)),
    )


def steps_of_python() -> Sequence[Step]:
    folder = FOLDER / "python"
    shutil.copytree(HERE / "python", folder, dirs_exist_ok=True)
    run(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    tools = folder / "venv/bin"
    run(tools / "pip", "install", "-q", *PYTHON_TOOLS, cwd=folder)
    generate = ("generate", "--path", DOCUMENT, "--output-path", "client", "--overwrite", "--meta", "none")
    check = ("--strict", "--follow-imports=silent", "walk.py")  # the walk, not what is generated
    return (
        ("generated", lambda _: run(tools / "openapi-python-client", *generate, cwd=folder)),
        ("compiled", lambda _: run(tools / "mypy", *check, cwd=folder)),
        ("walked", lambda url: run(tools / "python", "walk.py", url, cwd=folder)),
    )


def steps_of_kotlin(library: str) -> Sequence[Step]:
    tools = KotlinTools.install(FOLDER / "kotlin")
    return (
        ("generated", lambda _: tools.generate(DOCUMENT, library)),
        ("compiled", lambda _: tools.compile(library, HERE / "kotlin")),
        ("walked", lambda url: tools.walk(library, url)),
    )


def steps_of_swift() -> Sequence[Step]:
    """Generate a Swift package; build it where Swift is there."""
    tools = KotlinTools.install(FOLDER / "kotlin")
    folder = FOLDER / "swift"
    options = f"--additional-properties={SWIFT_OPTIONS}"
    generate = ("generate", "-i", DOCUMENT, "-g", "swift6", "-o", folder, options)
    steps: list[Step] = [
        ("generated", lambda _: run(tools.folder / "venv/bin/openapi-generator-cli", *generate, cwd=FOLDER))
    ]
    if shutil.which("swift"):
        return (*steps, ("compiled", lambda _: run("swift", "build", cwd=folder)))
    return (*steps, ("not compiled: Swift is not there", lambda _: None))


CLIENTS: dict[str, Callable[[], Sequence[Step]]] = {
    "TypeScript: openapi-typescript, openapi-fetch": steps_of_fetch,
    "TypeScript: @hey-api/openapi-ts": steps_of_heyapi,
    "Python: openapi-python-client": steps_of_python,
    "Kotlin: openapi-generator, Gson": lambda: steps_of_kotlin("gson"),
    "Kotlin: openapi-generator, kotlinx.serialization": lambda: steps_of_kotlin("kotlinx_serialization"),
    "Swift: openapi-generator": steps_of_swift,
}


def check_result(running: RunningApp, concern_id: str) -> None:
    """Raise RuntimeError unless the concern of a walk is there once, as the walk left it."""
    token = running.sign_in("demo", "floor", "demo-floor-2468")

    def read(path: str) -> Any:
        return running.request("GET", f"/v1/{path}", token).json()

    concern = read(f"concerns/{concern_id}?include=actions,follow_ups,events")
    result = {
        "status": concern["status"],
        "outcome": (concern["outcome"], concern["mood_after"]),
        "stake": concern["stake"],
        "their words": concern["their_words"],
        "changed": [sorted(event["details"]) for event in concern["events"]["items"] if event["step"] == "edited"],
        "actions": [(action["remedy"], action["status"]) for action in concern["actions"]["items"]],
        "follow-ups": [(follow_up["what"], follow_up["status"]) for follow_up in concern["follow_ups"]["items"]],
        "of the customer": len(read(f"concerns?customer_id={concern['customer_id']}")["items"]),
    }
    expected = {
        "status": "resolved",
        "outcome": ("recovered", 4),
        "stake": "A train to catch.",
        "their words": "We have been waiting.",
        "changed": [["stake"]],
        "actions": [("apology", "done")],
        "follow-ups": [("Call back.", "open")],
        "of the customer": 1,
    }
    if result != expected:
        raise RuntimeError(f"The walk left {result}, and not {expected}.")


def take_steps(running: RunningApp, steps: Sequence[Step]) -> list[str]:
    """Take the steps, check what a walk left, and return what the steps are called."""
    for name, step in steps:
        printed = step(running.url)
        if name == "walked":
            check_result(running, (printed or "").strip())
    return [name for name, _ in steps]


def main() -> int:
    """Walk with each client and print a table; return 1 where a step failed."""
    failed = False
    with (
        tempfile.TemporaryDirectory(prefix="amends-") as data,
        running_app(f"sqlite:///{data}/amends.db", seed=True) as running,
    ):
        for name, steps_of in CLIENTS.items():
            try:
                done = ", ".join(take_steps(running, steps_of()))
            except ToolNotFound as error:
                done = f"left out: {error}"
            except RuntimeError as error:
                done, failed = f"FAILED: {error}", True
            say(f"| {name} | {done} |")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
