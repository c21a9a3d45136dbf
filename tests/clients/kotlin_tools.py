"""Tools and libraries of the Kotlin clients: the generator from PyPI, the compiler from npm, jars from where they are.

OkHttp, Okio and Gson are published for Maven alone: they are taken from its local repository, and fetched into it with
`mvn` where that can reach a repository.
"""

import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

GENERATOR: Final = "openapi-generator-cli==7.26.0"
COMPILER: Final = "kotlin-compiler@2.4.20"
SERIALIZATION: Final = "kotlin-jupyter-kernel==0.19.0.944"  # has the jars of kotlinx.serialization
MAVEN_LIBRARIES: Final = (
    "com.squareup.okhttp3:okhttp:4.12.0",
    "com.squareup.okio:okio-jvm:3.6.0",
    "com.google.code.gson:gson:2.13.2",
)
# Enum constants in capitals: `name` would be the name of a constant. JsonElement: a member that may be anything.
OPTIONS: Final = "library=jvm-okhttp4,enumUnknownDefaultCase=true,enumPropertyNaming=UPPERCASE,packageName=amends"
JSON_MAPPINGS: Final = (
    "--type-mappings=AnyType=JsonElement",
    "--import-mappings=JsonElement=kotlinx.serialization.json.JsonElement",
)
COMPILER_JARS: Final = (
    *("kotlin-compiler", "kotlin-stdlib", "kotlin-script-runtime", "kotlin-reflect"),
    *("kotlinx-coroutines-core-jvm", "annotations-13.0"),
)
MEMORY: Final = "-Xmx3g"


class ToolNotFound(Exception):
    """Raised where this machine lacks a tool or library that cannot be installed here."""


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command and return what it prints; RuntimeError with all that it printed where it fails."""
    done = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}")
    return done.stdout


@dataclass(frozen=True)
class KotlinTools:
    """What generates, compiles and runs a Kotlin client, below one folder."""

    folder: Path
    jars: tuple[Path, ...]

    @classmethod
    def install(cls, folder: Path) -> "KotlinTools":
        """Install the generator, the compiler and the libraries. Raises ToolNotFound without Java or the libraries."""
        if shutil.which("java") is None:
            raise ToolNotFound("Java 17 is not there: apt-get install default-jre-headless")
        folder.mkdir(parents=True, exist_ok=True)
        from_maven = [_library_of_maven(name, folder) for name in MAVEN_LIBRARIES]
        run(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
        run(folder / "venv/bin/pip", "install", "-q", GENERATOR, cwd=folder)
        run("npm", "install", "--no-audit", "--no-fund", "--no-package-lock", COMPILER, cwd=folder)
        run(folder / "venv/bin/pip", "download", "-q", "--no-deps", "-d", folder, SERIALIZATION, cwd=folder)
        (wheel,) = folder.glob("kotlin_jupyter_kernel-*.whl")
        return cls(folder, (*from_maven, *_unpacked_jars(wheel, folder / "jars")))

    def generate(self, document: Path, library: str) -> None:
        """Generate a client with this serialization library."""
        options = f"{OPTIONS},serializationLibrary={library}"
        mappings = JSON_MAPPINGS if library == "kotlinx_serialization" else ()
        shutil.rmtree(self.folder / library, ignore_errors=True)
        generator = self.folder / "venv/bin/openapi-generator-cli"
        command = ("generate", "-i", document, "-g", "kotlin", "-o", library, f"--additional-properties={options}")
        run(generator, *command, *mappings, cwd=self.folder)

    def compile(self, library: str, walk: Path) -> None:
        """Compile the client and its walk."""
        compiler = ":".join(str(self._compiler_jar(name)) for name in COMPILER_JARS)
        plugin = self._compiler_jar("kotlinx-serialization-compiler-plugin")
        plugins = [f"-Xplugin={plugin}"] if library == "kotlinx_serialization" else []
        options = ("-no-stdlib", "-no-reflect", "-jvm-target", "17", *plugins, "-cp", self._classpath())
        sources = (f"{library}/src/main/kotlin", walk / "Walk.kt", walk / library)
        main = "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler"
        run("java", MEMORY, "-cp", compiler, main, *options, "-d", f"classes_{library}", *sources, cwd=self.folder)

    def walk(self, library: str, url: str) -> str:
        """Run the walk and return what it prints."""
        return run("java", "-cp", f"classes_{library}:{self._classpath()}", "WalkKt", url, cwd=self.folder)

    def _classpath(self) -> str:
        return ":".join(map(str, [*self.jars, *map(self._compiler_jar, ("kotlin-stdlib", "kotlin-reflect"))]))

    def _compiler_jar(self, name: str) -> Path:
        return self.folder / f"node_modules/kotlin-compiler/lib/{name}.jar"


def _library_of_maven(coordinates: str, folder: Path) -> Path:
    """Return the jar from Maven's local repository, fetched into it where it is not there."""
    group, name, version = coordinates.split(":")
    path = Path.home() / ".m2/repository" / group.replace(".", "/") / name / version / f"{name}-{version}.jar"
    if not path.exists() and shutil.which("mvn"):
        try:
            run("mvn", "-q", "-B", "dependency:get", f"-Dartifact={coordinates}", "-Dtransitive=false", cwd=folder)
        except RuntimeError as error:
            raise ToolNotFound(f"{coordinates} cannot be fetched with Maven") from error
    if not path.exists():
        raise ToolNotFound(f"{coordinates} is not in Maven's local repository, and Maven is not there")
    return path


def _unpacked_jars(wheel: Path, folder: Path) -> list[Path]:
    folder.mkdir(exist_ok=True)
    paths = []
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if Path(name).name.startswith("kotlinx-serialization-") and name.endswith(".jar"):
                paths.append(folder / Path(name).name)
                paths[-1].write_bytes(archive.read(name))
    return paths
