"""The documents for users, whose statements are tested."""

from pathlib import Path

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "scripts/deploy"
README = ROOT / "README.md"
PROTOCOL = ROOT / "clients/README.md"
OPENAI = ROOT / "clients/openai.md"
MONITORING = ROOT / "scripts/monitoring/README.md"
GUIDE = ROOT / "voicegw/README.md"
CHANGELOG = ROOT / "CHANGELOG.md"
DOCUMENTS = (
    README,
    *sorted((ROOT / "clients").glob("*.md")),
    *sorted(DEPLOY.glob("*.md")),
    ROOT / "benchmarks/README.md",
)

TEXT = "\n".join(path.read_text() for path in DOCUMENTS)
