"""How Sphinx builds the documentation. Run scripts/docs."""

from crawler import __version__

project = "simulcrawl"
release = __version__
extensions = ["myst_parser", "sphinx_copybutton"]
exclude_patterns = ["_build"]
smartquotes = False  # it would make a dash of the two hyphens of an option

# A link that leads nowhere is a warning, and scripts/docs treats a warning as an error.
nitpicky = True
myst_heading_anchors = 4

html_theme = "furo"
html_title = "simulcrawl"
html_static_path = ["_static"]
html_css_files = ["docs.css"]
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0b6e4f", "color-brand-content": "#0b6e4f"},
    "dark_css_variables": {"color-brand-primary": "#5fd3a5", "color-brand-content": "#5fd3a5"},
}
pygments_style = "friendly"
pygments_dark_style = "github-dark"
highlight_language = "text"

# The button copies the commands of a console block, without prompt and output.
copybutton_prompt_text = "$ "
copybutton_exclude = ".linenos, .gp, .go"
