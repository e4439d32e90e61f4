"""Print each file that belongs into the installed packages, one a line (read by meson.build)."""

import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent
KINDS = {".py", ".pyi", ".typed", ".wav", ".md", ".toml", ".txt", ".html", ".css", ".js", ".svg"}


def main() -> None:
    for package in ("dsp", "softphone"):
        for path in sorted((ROOT / package).rglob("*")):
            if path.suffix in KINDS and path.is_file():
                print(path.relative_to(ROOT).as_posix())


if __name__ == "__main__":
    main()
