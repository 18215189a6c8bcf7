"""MkDocs hook: pages that live outside docs/, links to repository files, and
names in docstrings.

On GitHub every page links to files by relative paths. In the site, a link to
another page stays a link; a link to any other file becomes its path. Docstrings
name code as Sphinx does (``:class:`Name` ``); the site shows the name.
"""

import os
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
#: File in the repository -> page of the site.
OUTSIDE = {
    'README.md': 'index.md',
    'CHANGELOG.md': 'changelog.md',
    'CONTRIBUTING.md': 'contributing.md',
    'projects/rtmw/README.md': 'projects.md',
    'rtmw_ext/zoo/weights/README.md': 'weights.md',
}
LINK = re.compile(r'(?<=\]\()(?!https?:|#)([^)#\s]+)(#[^)\s]+)?(?=\))')
TO_FILE = re.compile(r'\[([^\]]+)\]\(repository:([^)]+)\)')
ROLE = re.compile(r':(?:attr|class|data|func|meth|mod):(<code>)~?')


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages of ``OUTSIDE``."""
    for path, page in OUTSIDE.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(
    markdown: str, page: Page, config: MkDocsConfig, files: Files
) -> str:
    """Makes the links of a page those of the site."""
    source = Path(str(page.file.abs_src_path)).relative_to(ROOT)

    def relink(match: re.Match) -> str:
        target = os.path.normpath(source.parent / match[1])
        inside = OUTSIDE.get(target, os.path.relpath(target, 'docs'))
        if inside.startswith('..'):
            return f'repository:{target}'
        folder = os.path.dirname(page.file.src_uri)
        return os.path.relpath(inside, folder or '.') + (match[2] or '')

    return TO_FILE.sub(r'\1 (`\2`)', LINK.sub(relink, markdown))


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Takes the roles away from names of code."""
    return ROLE.sub(r'\1', html)
