"""The command ``mmroi``, also as ``python -m mmroi``."""

from mmroi.cli.main import main

if __name__ == '__main__':
    main()
