"""The report of a build: `report.json` for programs and `report.html` for people."""

from compiler.report.assemble import add_verdict, assemble, renew
from compiler.report.render import render
from compiler.report.resources import add_synthesis
from compiler.report.summary import summarize_graph
from compiler.report.write import write_report

__all__ = ["add_synthesis", "add_verdict", "assemble", "render", "renew", "summarize_graph", "write_report"]
