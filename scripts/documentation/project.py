"""The page of project.yml: its commands and workflows, as `spacy project document` describes them.

In: project.yml. Out: docs/reference/project.md.
"""

import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from weasel.cli.document import project_document

from scripts.documentation.markdown import page

INTRODUCTION = """\
This page is the output of `spacy project document`. The [commands](commands.md) page lists the arguments and options
of the modules that these commands run."""
TITLE_OR_MARKER = re.compile(r"^(?:# .*|<!-- .* -->)\n+", re.MULTILINE)
# A page of the site cannot link to a file outside of docs/.
FILE_LINK = re.compile(r"\[(`[^`]+`)\]\((?!https?:)[^)]+\)")


def project_page(project: Path) -> str:
    """Return the page of project.yml.

    project (Path): the folder of the project.
    RETURNS (str): the page.
    """
    with TemporaryDirectory() as folder:
        file = Path(folder) / "project.md"
        # It prints where the file is, which will be gone.
        with redirect_stdout(StringIO()):
            project_document(project, file, no_emoji=True)
        text = file.read_text(encoding="utf8")
    text = FILE_LINK.sub(r"\1", TITLE_OR_MARKER.sub("", text + "\n"))
    return page("Project", [INTRODUCTION, text.strip()])
