"""Versions, device, body models, data and weights of this installation, as a report of a bug needs them."""

import argparse
import textwrap

from mmroi.cli.running import run_tool


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    return argparse.ArgumentParser(description=__doc__).parse_args()


def main() -> None:
    """Print what is installed and what is found from the current folder."""
    parse_args()
    from mmroi.cli.info import describe_installation

    for heading, text in describe_installation():
        # names and paths stay whole, to be copied
        print(
            textwrap.fill(
                text,
                110,
                initial_indent=f'{heading:10} ',
                subsequent_indent=' ' * 11,
                break_long_words=False,
                break_on_hyphens=False,
            )
        )


if __name__ == '__main__':
    run_tool(main)
