"""The subcommands of `oncostream`, a file each; agents/cli.py gathers them."""
