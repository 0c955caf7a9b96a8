"""Run a tool: signals, and errors in one sentence."""

import os
import select
import signal
import sys
import traceback
from collections.abc import Callable

from mmroi.utils.allocator import keep_freed_memory
from mmroi.utils.errors import explain, is_for_user
from mmroi.utils.termination import (
    Terminated,
    end_children_with_this_process,
    end_like_ctrl_c,
    requested_end,
    signal_on_parents_death,
    stop_insisting,
)

_STDOUT = 1


def run_tool(main: Callable[[], None]) -> None:
    """Run a tool; on an error, exit with one sentence that says what is wrong.

    A traceback is above it only where the error may be a mistake of this project
    (:func:`mmroi.utils.errors.is_for_user`), or where the environment variable ``MMROI_TRACEBACK`` is set.

    SIGTERM and SIGHUP end the tool as Ctrl-C does, with exit status 143 and 129: files are closed. A library
    that swallows the exception is asked again, and a second signal kills. Whatever way it ends, the processes
    that it has started end with it. A reader of its output that has had enough, such as ``head``, ends it
    without a word, with exit status 141.

    A tool that has done its work leaves its process group: gloo's threads may abort a process that exits
    without (https://github.com/pytorch/pytorch/issues/190489). One that failed does not, as the other
    processes may still wait in a collective.
    """
    keep_freed_memory()
    end_like_ctrl_c()
    end_children_with_this_process()
    if 'TORCHELASTIC_RUN_ID' in os.environ:  # a process of torchrun, which may be killed
        signal_on_parents_death(signal.SIGTERM)
    try:
        _run(main)
        sys.stdout.flush()
        _leave_process_group()
        if signum := requested_end():  # swallowed
            sys.exit(128 + signum)
    except Terminated as ended:
        print(ended, file=sys.stderr)
        sys.exit(ended.status)
    except KeyboardInterrupt:
        sys.exit('interrupted')
    except Exception as error:
        if isinstance(error, BrokenPipeError) and _nobody_reads_the_output():
            os.dup2(os.open(os.devnull, os.O_WRONLY), _STDOUT)  # or Python complains at exit
            sys.exit(128 + signal.SIGPIPE)
        if os.environ.get('MMROI_TRACEBACK') or not is_for_user(error):
            traceback.print_exc()
        sys.exit(f'error: {explain(error)}')
    finally:
        stop_insisting()


def _run(main: Callable[[], None]) -> None:
    """Run a function; an error that took the place of a request to end becomes this request again.

    MMEngine formats the config in each checkpoint with yapf, and turns whatever is raised meanwhile into a
    SyntaxError.
    """
    try:
        main()
    except Exception as error:
        behind: BaseException | None = error
        while behind is not None:
            if isinstance(behind, KeyboardInterrupt):
                raise behind from None
            behind = behind.__context__
        raise


def _leave_process_group() -> None:
    dist = sys.modules.get('torch.distributed')  # a tool that has not imported it is in no group
    if dist is not None and dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


def _nobody_reads_the_output() -> bool:
    poll = select.poll()
    poll.register(_STDOUT, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))
