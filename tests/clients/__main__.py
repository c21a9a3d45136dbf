"""Generate clients from openapi.json, compile them, and walk the main job with each: `make clients`.

Needs Node 20 or newer and the package registries. Whatever is installed or generated stands under .venv/clients.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from config import ROOT
from tests.chaos.drivers.chaos_run import say
from tests.support.processes import running_app

HERE, FOLDER, DOCUMENT = Path(__file__).parent, ROOT / ".venv" / "clients", ROOT / "openapi.json"
PYTHON_TOOLS = ("openapi-python-client==0.29.1", "mypy==2.4.1")
Step = tuple[str, Callable[[str], None]]


def run(*command: str | Path, cwd: Path) -> None:
    """Run a command; what it prints is shown only where it fails."""
    done = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}")


def make_typescript() -> Path:
    """Install the generators and copy the walks; return the folder."""
    folder = FOLDER / "typescript"
    shutil.copytree(HERE / "typescript", folder, dirs_exist_ok=True)
    run("npm", "install", "--no-audit", "--no-fund", "--no-package-lock", cwd=folder)
    return folder


def make_python() -> Path:
    """Make an environment with the generator and mypy, and copy the walk; return the folder."""
    folder = FOLDER / "python"
    shutil.copytree(HERE / "python", folder, dirs_exist_ok=True)
    run(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    run(folder / "venv/bin/pip", "install", "-q", *PYTHON_TOOLS, cwd=folder)
    return folder


def steps_of_fetch(folder: Path) -> Sequence[Step]:
    generate = ("npx", "openapi-typescript", DOCUMENT, "--default-non-nullable", "false", "-o", "schema.d.ts")
    return (
        ("generated", lambda _: run(*generate, cwd=folder)),
        ("compiled", lambda _: run("npx", "tsc", "-p", "tsconfig.fetch.json", cwd=folder)),
        ("walked", lambda url: run("node", "out/walk_fetch.js", url, cwd=folder)),
    )


def steps_of_heyapi(folder: Path) -> Sequence[Step]:
    return (
        ("generated", lambda _: run("npx", "openapi-ts", "-i", DOCUMENT, "-o", "heyapi", cwd=folder)),
        ("compiled", lambda _: run("npx", "tsc", "-p", "tsconfig.heyapi.json", cwd=folder)),
        ("walked", lambda url: run("node", "out/walk_heyapi.js", url, cwd=folder)),
    )


def steps_of_python(folder: Path) -> Sequence[Step]:
    tools = folder / "venv/bin"
    generate = ("generate", "--path", DOCUMENT, "--output-path", "client", "--overwrite", "--meta", "none")
    check = ("--strict", "--follow-imports=silent", "walk.py")  # the walk, not what is generated
    return (
        ("generated", lambda _: run(tools / "openapi-python-client", *generate, cwd=folder)),
        ("compiled", lambda _: run(tools / "mypy", *check, cwd=folder)),
        ("walked", lambda url: run(tools / "python", "walk.py", url, cwd=folder)),
    )


def main() -> int:
    """Walk with each client and print a table; return 1 where a step failed."""
    typescript, python = make_typescript(), make_python()
    clients = {
        "TypeScript: openapi-typescript, openapi-fetch": steps_of_fetch(typescript),
        "TypeScript: @hey-api/openapi-ts": steps_of_heyapi(typescript),
        "Python: openapi-python-client": steps_of_python(python),
    }
    failed = False
    with (
        tempfile.TemporaryDirectory(prefix="amends-") as data,
        running_app(f"sqlite:///{data}/amends.db", seed=True) as running,
    ):
        for name, steps in clients.items():
            done = []
            for step, do in steps:
                try:
                    do(running.url)
                except RuntimeError as error:
                    say(str(error))
                    failed = True
                    break
                done.append(step)
            say(f"| {name} | {', '.join(done)} |")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
