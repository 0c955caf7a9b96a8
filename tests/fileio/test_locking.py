import threading

from mmroi.fileio.locking import one_process_at_a_time


def test_the_second_waits_for_the_first(tmp_path):
    path = tmp_path / '.lock'
    path.touch()
    order = []

    def second():
        with one_process_at_a_time(path):
            order.append('second')

    thread = threading.Thread(target=second)
    with one_process_at_a_time(path):
        thread.start()
        thread.join(0.2)
        order.append('first')
    thread.join()
    assert order == ['first', 'second']
