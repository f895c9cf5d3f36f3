"""Collects the commands."""

import typer

from latchwork.cli.commands import bench, datasets, demo, doctor, explain, fit, generate, predict, show

app = typer.Typer(
    name="latchwork",
    help="Recurrent networks: which cell suits your data, what its gates keep, and a model to ship.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (demo, fit, predict, generate, explain, show, bench, doctor):
    app.command()(getattr(command, command.__name__.rpartition(".")[2]))
app.add_typer(datasets.app, name="datasets")


@app.callback(invoke_without_command=True)
def version(show: bool = typer.Option(False, "--version", help="Print the version.", is_eager=True)) -> None:
    if show:
        from latchwork import __version__

        typer.echo(__version__)
        raise typer.Exit
